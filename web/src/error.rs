//! Everything that a request can be answered with instead of what it asked for: a closed list, each
//! with status, code and sentence. No path, address, key or remote text is ever part of it.

mod admission;
mod conversation;
mod key;
mod model;
mod provider;
mod removal;
mod run;
mod stock;

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use pumasi_dialects::provider::ProviderFault;
use pumasi_dialects::{Dialect, Failure, Invalid};
use pumasi_protocol::Fault;

use crate::keys::KeyError;
use crate::mesh::{
    AdmissionError, AuditError, ConversationError, JobLookupError, LendError, ModelError,
    ProviderError, RemoveError, RunError, StockError, Unanswered, UsageError,
};

pub(crate) use key::KeyRefusal;

/// Why a request is refused or failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ApiError {
    /// The head is not HTTP/1.1 that everybody reads alike.
    #[error("the request is malformed")]
    Malformed,
    /// The head is too large.
    #[error("the request's headers are too large or too many")]
    HeadTooLarge,
    /// The head did not come in time.
    #[error("the request's headers did not arrive in time")]
    HeadTimeout,
    /// All connections are taken.
    #[error("too many connections: try again later")]
    TooManyConnections,
    /// The Host header is missing, given twice, or not a host.
    #[error("the Host header must name this computer once")]
    HostInvalid,
    /// The Host header names another host: perhaps a rebound name.
    #[error("this name does not belong to this computer: use 127.0.0.1 or localhost")]
    HostNotAllowed,
    /// Another site's page asks.
    #[error("pages of other sites may not use this computer")]
    OriginNotAllowed,
    /// No token, or a wrong one.
    #[error("this needs a valid token in the Authorization header")]
    Unauthorized,
    /// Too many wrong tokens.
    #[error("too many wrong tokens: try again later")]
    TooManyFailures {
        /// When, in seconds.
        retry_s: u32,
    },
    /// An API key that does not open this.
    #[error("{0}")]
    Key(#[from] KeyRefusal),
    /// A key was not made or changed.
    #[error("{0}")]
    Keys(#[from] KeyError),
    /// Too many requests without an API key are being answered.
    #[error("too many requests at a time: wait for the answer of some")]
    Crowded,
    /// No such route.
    #[error("there is nothing at this address")]
    RouteNotFound,
    /// The route does not take this method.
    #[error("this address does not take this method")]
    MethodNotAllowed,
    /// The Content-Type header cannot be read.
    #[error("the Content-Type header is not valid")]
    ContentType,
    /// The body is not JSON by its own word.
    #[error("the Content-Type must be application/json")]
    MediaType,
    /// A file is not handed over as one.
    #[error("the Content-Type of a file must be application/octet-stream")]
    FileType,
    /// The body is too large.
    #[error("the body may have {limit} bytes at most")]
    BodyTooLarge {
        /// How many are allowed.
        limit: usize,
    },
    /// The body did not come in time.
    #[error("the body did not arrive in time")]
    BodyTimeout,
    /// The body ended early or is not framed as HTTP frames it.
    #[error("the body ended early")]
    BodyBroken,
    /// The body is not what the route takes.
    #[error("{0}")]
    Invalid(Invalid),
    /// The Idempotency-Key header is not one.
    #[error("the Idempotency-Key header must be 1 to 255 visible ASCII characters, given once")]
    IdempotencyKey,
    /// A query parameter is not valid.
    #[error("this query parameter is not valid")]
    Query {
        /// Which.
        name: &'static str,
    },
    /// Jobs of this kind cannot be submitted.
    #[error("jobs of this kind cannot be submitted here yet")]
    JobKind,
    /// The job was not taken.
    #[error("{0}")]
    Run(#[from] RunError),
    /// The job was taken and failed.
    #[error("{0}")]
    Fault(Fault),
    /// A provider was asked and failed.
    #[error("{0}")]
    Provider(ProviderFault),
    /// The question about a job has no answer.
    #[error("{0}")]
    Job(#[from] JobLookupError),
    /// The model was not loaded or unloaded.
    #[error("{0}")]
    Model(#[from] ModelError),
    /// There is no such model.
    #[error("the mesh has no model of this name: `pumasi models` lists what there is")]
    ModelUnknown,
    /// Inviting or joining failed.
    #[error("{0}")]
    Admission(#[from] AdmissionError),
    /// A provider was not set up, changed, tried or removed.
    #[error("{0}")]
    Providers(#[from] ProviderError),
    /// A member was not removed.
    #[error("{0}")]
    Remove(#[from] RemoveError),
    /// The node does not do as it is told.
    #[error("{0}")]
    Lend(#[from] LendError),
    /// The audit log cannot be read.
    #[error("{0}")]
    Audit(#[from] AuditError),
    /// A conversation is not kept or not found.
    #[error("{0}")]
    Conversation(#[from] ConversationError),
    /// What is kept of usage cannot be read.
    #[error("{0}")]
    Usage(#[from] UsageError),
    /// The model store or the hub said no.
    #[error("{0}")]
    Stock(#[from] StockError),
    /// We are wrong.
    #[error("something went wrong inside; the log has it under this request id")]
    Internal,
}

impl From<Invalid> for ApiError {
    fn from(invalid: Invalid) -> Self {
        Self::Invalid(invalid)
    }
}

impl ApiError {
    /// The HTTP status.
    #[must_use]
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::Malformed
            | Self::HostInvalid
            | Self::ContentType
            | Self::BodyBroken
            | Self::Invalid(_)
            | Self::Query { .. }
            | Self::IdempotencyKey
            | Self::JobKind => StatusCode::BAD_REQUEST,
            Self::HeadTooLarge => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::HeadTimeout | Self::BodyTimeout => StatusCode::REQUEST_TIMEOUT,
            Self::TooManyConnections => StatusCode::SERVICE_UNAVAILABLE,
            Self::HostNotAllowed | Self::OriginNotAllowed => StatusCode::FORBIDDEN,
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::TooManyFailures { .. } | Self::Crowded => StatusCode::TOO_MANY_REQUESTS,
            Self::Key(refusal) => refusal.status(),
            Self::Keys(error) => key::status(*error),
            Self::RouteNotFound | Self::ModelUnknown => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::MediaType | Self::FileType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::BodyTooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Run(error) => run::status(error),
            Self::Fault(fault) => run::fault_status(fault),
            Self::Provider(fault) => run::provider_status(*fault),
            Self::Job(error) => job_status(*error),
            Self::Model(error) => model::status(error),
            Self::Admission(error) => admission::status(error),
            Self::Providers(error) => provider::status(error),
            Self::Remove(error) => removal::status(*error),
            Self::Conversation(error) => conversation::status(*error),
            Self::Stock(error) => stock::status(error),
            Self::Lend(LendError::Stopping) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Audit(AuditError::Store)
            | Self::Usage(UsageError::Store)
            | Self::Lend(LendError::Store)
            | Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// The stable word for programs.
    #[must_use]
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::Malformed => "malformed_request",
            Self::HeadTooLarge => "headers_too_large",
            Self::HeadTimeout | Self::BodyTimeout => "request_timeout",
            Self::TooManyConnections => "too_many_connections",
            Self::HostInvalid => "invalid_host",
            Self::HostNotAllowed => "host_not_allowed",
            Self::OriginNotAllowed => "origin_not_allowed",
            Self::Unauthorized => "invalid_token",
            Self::TooManyFailures { .. } => "too_many_failures",
            Self::Key(refusal) => refusal.code(),
            Self::Keys(error) => key::code(*error),
            Self::Crowded => "too_many_requests",
            Self::RouteNotFound => "not_found",
            Self::MethodNotAllowed => "method_not_allowed",
            Self::ContentType => "invalid_content_type",
            Self::MediaType | Self::FileType => "unsupported_media_type",
            Self::BodyTooLarge { .. } => "body_too_large",
            Self::BodyBroken => "body_incomplete",
            Self::Invalid(invalid) => invalid.code(),
            Self::Query { .. } => "invalid_query",
            Self::IdempotencyKey => "invalid_idempotency_key",
            Self::JobKind => "unsupported_job_kind",
            Self::Run(error) => run::code(error),
            Self::Fault(fault) => fault.code(),
            Self::Provider(fault) => fault.code(),
            Self::Job(error) => job_code(*error),
            Self::Model(error) => model::code(error),
            Self::ModelUnknown => "model_not_found",
            Self::Admission(error) => admission::code(error),
            Self::Providers(error) => provider::code(error),
            Self::Remove(error) => removal::code(*error),
            Self::Conversation(error) => conversation::code(*error),
            Self::Stock(error) => error.code,
            Self::Lend(LendError::Stopping) => "stopping",
            Self::Audit(AuditError::Store)
            | Self::Usage(UsageError::Store)
            | Self::Lend(LendError::Store) => "store_failed",
            Self::Internal => "internal_error",
        }
    }

    fn kind(&self) -> &'static str {
        match self.status() {
            StatusCode::UNAUTHORIZED => "authentication_error",
            StatusCode::FORBIDDEN => "permission_error",
            StatusCode::TOO_MANY_REQUESTS => "rate_limit_error",
            status if status.is_server_error() => "server_error",
            _ => "invalid_request_error",
        }
    }

    fn param(&self) -> Option<String> {
        if let Self::Invalid(invalid) = self {
            return invalid.param.clone();
        }
        if let Self::Query { name } = self {
            return Some((*name).to_owned());
        }
        match self.code() {
            "model_not_found" => Some("model".to_owned()),
            "no_place_left" => Some("provider".to_owned()),
            _ => None,
        }
    }

    /// When trying again can help, in seconds.
    #[must_use]
    pub(crate) fn retry_s(&self) -> Option<u32> {
        if let Self::TooManyFailures { retry_s }
        | Self::Run(RunError::ModelLoading { retry_s, .. } | RunError::Busy { retry_s }) = self
        {
            return Some(*retry_s);
        }
        if let Self::Run(RunError::Provider(Unanswered { retry_s: Some(retry_s), .. })) = self {
            return Some(*retry_s);
        }
        if let Self::Key(refusal) = self {
            return refusal.retry_s();
        }
        if *self == Self::Crowded {
            return Some(1);
        }
        // The next attempt is placed anew, and a restarted engine takes about this long.
        (self.status() == StatusCode::SERVICE_UNAVAILABLE).then_some(5)
    }

    /// The error as dialects write it.
    #[must_use]
    pub(crate) fn failure(&self, request_id: &str) -> Failure {
        Failure {
            status: self.status().as_u16(),
            kind: self.kind(),
            code: self.code(),
            param: self.param(),
            message: self.to_string(),
            request_id: request_id.to_owned(),
        }
    }

    /// The error body, as JSON text.
    #[must_use]
    pub(crate) fn body(&self, request_id: &str, dialect: Dialect) -> String {
        self.failure(request_id).body(dialect)
    }

    /// Whether the connection must end with this answer: what follows on it cannot be trusted.
    #[must_use]
    pub(crate) fn closes(&self) -> bool {
        matches!(
            self,
            Self::Malformed
                | Self::HeadTooLarge
                | Self::HeadTimeout
                | Self::TooManyConnections
                | Self::Crowded
                | Self::Key(KeyRefusal::Crowded)
                | Self::BodyTooLarge { .. }
                | Self::BodyTimeout
                | Self::BodyBroken
        )
    }

    /// The whole answer.
    #[must_use]
    pub(crate) fn respond(&self, request_id: &str, dialect: Dialect) -> Response {
        let mut response = Response::new(self.body(request_id, dialect).into());
        *response.status_mut() = self.status();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(retry_s) = self.retry_s() {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(retry_s));
        }
        if self.status() == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if self.closes() {
            headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}

/// Handlers return the bare error; the server writes its body, which names the request.
impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = self.status().into_response();
        response.extensions_mut().insert(self);
        response
    }
}

fn job_status(error: JobLookupError) -> StatusCode {
    match error {
        JobLookupError::NotFound => StatusCode::NOT_FOUND,
        JobLookupError::Over | JobLookupError::NotOver | JobLookupError::NotLost => {
            StatusCode::CONFLICT
        }
        JobLookupError::NotKept => StatusCode::GONE,
        JobLookupError::Unreachable => StatusCode::SERVICE_UNAVAILABLE,
    }
}

fn job_code(error: JobLookupError) -> &'static str {
    match error {
        JobLookupError::NotFound => "job_not_found",
        JobLookupError::Over => "job_over",
        JobLookupError::NotOver => "job_not_over",
        JobLookupError::NotKept => "result_not_kept",
        JobLookupError::Unreachable => "owner_unreachable",
        JobLookupError::NotLost => "owner_reachable",
    }
}
