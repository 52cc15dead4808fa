//! The tools for agents over HTTP. They ask this node's own routes with the key of whoever asks them, so a
//! key opens through them what it opens, and nothing else.

mod calls;

use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use axum::routing::{MethodRouter, post};
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Method, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use pumasi_mcp::{Api, Asked, Problem, Told};
use serde_json::Value;
use tower::ServiceExt;

use calls::Calls;

use super::direct;
use crate::app::App;
use crate::body::{self, Ceiling};
use crate::error::ApiError;
use crate::guard::Asker;
use crate::limits;
use crate::meters::Head;
use crate::server::{Held, RequestId, Route};

pub(super) const PATH: &str = "/mcp";

/// The route; `inside` answers what the tools ask.
pub(super) fn served_from(inside: Router) -> MethodRouter<Arc<App>> {
    let calls = Arc::<Calls>::default();
    post(move |State(app): State<Arc<App>>, request: Request| {
        serve(app, inside.clone(), Arc::clone(&calls), request)
    })
}

async fn serve(
    app: Arc<App>,
    inside: Router,
    calls: Arc<Calls>,
    request: Request,
) -> Result<Response, ApiError> {
    let asker = request.extensions().get::<Asker>().cloned().ok_or(ApiError::Internal)?;
    let id = request.extensions().get::<RequestId>().cloned().ok_or(ApiError::Internal)?;
    let (uri, headers) = (request.uri().clone(), request.headers().clone());
    let bytes = body::json(&app, request, Ceiling::Text).await?;
    let note = calls.note(&headers, &bytes);
    let mut message = http::Request::new(Full::new(bytes));
    *message.method_mut() = Method::POST;
    *message.uri_mut() = uri;
    *message.headers_mut() = headers;
    let api = Inside { app, inside, asker, id };
    Ok(note.answer(pumasi_mcp::http(api, message)).await)
}

/// This node's own routes, for one asker.
struct Inside {
    app: Arc<App>,
    inside: Router,
    asker: Asker,
    id: RequestId,
}

impl Api for Inside {
    async fn ask(&self, asked: Asked) -> Result<Told, Problem> {
        let request = self.request(asked).ok_or_else(|| self.problem(&ApiError::Internal))?;
        // The asker's place is taken until the answer is read.
        let (response, _held) = self.answer(request).await.map_err(|error| {
            self.app.errors.add(error.code());
            self.problem(&error)
        })?;
        let (head, body) = response.into_parts();
        let provider = head.headers.get("x-pumasi-provider").and_then(|id| id.to_str().ok());
        let provider = provider.map(str::to_owned);
        let bytes = Limited::new(body, limits::PROVIDER_REPLY_BYTES).collect().await;
        let bytes = bytes.map_err(|_| self.problem(&ApiError::Internal))?.to_bytes();
        let body = match head.status {
            StatusCode::NO_CONTENT => Value::Null,
            _ => serde_json::from_slice(&bytes).map_err(|_| self.problem(&ApiError::Internal))?,
        };
        Ok(Told { body, provider })
    }
}

impl Inside {
    /// Answers as the server does, behind the guard.
    async fn answer(&self, request: Request) -> Result<(Response, Option<Held>), ApiError> {
        if let Some((pattern, endpoint)) = direct::find(request.method(), request.uri().path()) {
            let (id, tally) = (self.id.0.clone(), self.app.tally(Instant::now()));
            let named = (id.clone(), Arc::clone(&tally));
            let answered = direct::answer(&self.app, &self.asker, named, endpoint, request).await;
            let (status, code) = match &answered {
                Ok((response, _)) => (response.status(), ""),
                Err(error) => (error.status(), error.code()),
            };
            let (route, dialect) = (Some(Route::Direct(pattern)), endpoint.dialect());
            let status = status.as_u16();
            tally.answered(Head { id, method: Method::POST, route, dialect, status, code });
            return answered.map(|(response, held)| (response, Some(held)));
        }
        let response = self.inside.clone().oneshot(request).await;
        let mut response = response.unwrap_or_else(|never| match never {});
        let held = response.extensions_mut().remove::<Held>();
        match response.extensions_mut().remove::<ApiError>() {
            Some(error) => Err(error),
            None => Ok((response, held)),
        }
    }

    fn request(&self, asked: Asked) -> Option<Request> {
        let query: Vec<String> =
            asked.query.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let uri = format!("/{}?{}", asked.path.join("/"), query.join("&"));
        let body = asked.body.map_or_else(Bytes::new, |body| Bytes::from(body.to_string()));
        let mut request = http::Request::builder()
            .method(asked.method)
            .uri(uri.trim_end_matches('?'))
            .header(CONTENT_TYPE, "application/json")
            .body(Body::from(body))
            .ok()?;
        if let Some(key) = asked.idempotency_key {
            request.headers_mut().insert("idempotency-key", HeaderValue::from_str(&key).ok()?);
        }
        request.extensions_mut().insert(self.asker.clone());
        request.extensions_mut().insert(self.id.clone());
        Some(request)
    }

    fn problem(&self, error: &ApiError) -> Problem {
        let failure = error.failure(&self.id.0);
        Problem { code: failure.code.to_owned(), message: failure.message }
    }
}
