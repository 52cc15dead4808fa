//! One request: judged by the guard, routed, answered, and noted in one line of the log.

use std::future::{Future, poll_fn};
use std::net::IpAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};
use std::time::Instant;

use axum::Router;
use axum::body::Body;
use axum::extract::MatchedPath;
use axum::response::Response;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, header};
use hyper::body::{Frame, Incoming, SizeHint};
use pumasi_dialects::Dialect;
use tower::ServiceExt;

use super::gate::Activity;
use super::head::HeadError;
use super::held::{Held, HeldBody};
use crate::app::App;
use crate::error::ApiError;
use crate::keys::Holder;
use crate::meters::{Head, Tally};
use crate::routes::direct;
use crate::settings::RequestLog;

/// Both ends of a connection.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ends {
    pub(super) local: IpAddr,
    pub(super) peer: IpAddr,
}

/// A request's id, for handlers that write errors into streams.
#[derive(Debug, Clone)]
pub(crate) struct RequestId(pub(crate) String);

/// Answers a request, whatever happens.
pub(super) async fn answer(
    app: &Arc<App>,
    router: Router,
    request: Request<Incoming>,
    ends: Ends,
) -> http::Response<HeldBody> {
    let started = Instant::now();
    let id = app.request_id(request.headers());
    let method = request.method().clone();
    let ends_here = request.headers().contains_key(header::TRANSFER_ENCODING);
    let tally = app.tally(started);
    let mut routed = pin!(route(app, router, request, ends, (&id, &tally)));
    let whatever_happens = poll_fn(|cx| {
        let polled = catch_unwind(AssertUnwindSafe(|| routed.as_mut().poll(cx)));
        polled.unwrap_or_else(|_| Poll::Ready(ApiError::Internal.into()))
    });
    let Routed { outcome, route, dialect, holder, allowed } = whatever_happens.await;
    let (mut response, held, code) = match outcome {
        Ok((response, held)) => (response, held, ""),
        Err(error) => {
            app.errors.add(error.code());
            let mut response = error.respond(&id, dialect);
            // Who comes with another method is told which there are.
            response.headers_mut().extend(allowed.map(|methods| (header::ALLOW, methods)));
            (response, None, error.code())
        }
    };
    if let Some(allowance) = holder.and_then(|holder| holder.allowance(Instant::now())) {
        allowance.dress(response.headers_mut());
    }
    dress(&mut response, &id, ends_here);
    let status = response.status().as_u16();
    let mut head = Head { id: String::new(), method, route, dialect, status, code };
    match app.request_log {
        RequestLog::Heads => log(&head.method, head.pattern(), status, &id, code, started),
        RequestLog::Whole { .. } => head.id.clone_from(&id),
    }
    tally.answered(head);
    response.map(|body| HeldBody::new(body, held))
}

/// What became of a request.
struct Routed {
    /// The answer, and what it holds until it has gone out.
    outcome: Result<(Response, Option<Held>), ApiError>,
    /// None: none matched.
    route: Option<Route>,
    /// Of the route that matched; what the guard refuses has one body for everybody.
    dialect: Dialect,
    /// Of the key that was shown.
    holder: Option<Arc<Holder>>,
    /// The methods that the route takes, where it does not take this one.
    allowed: Option<HeaderValue>,
}

/// A route that matched.
#[derive(Debug)]
pub(crate) enum Route {
    Direct(&'static str),
    Router(MatchedPath),
}

impl Route {
    pub(crate) fn pattern(&self) -> &str {
        match self {
            Self::Direct(pattern) => pattern,
            Self::Router(path) => path.as_str(),
        }
    }
}

impl From<ApiError> for Routed {
    fn from(error: ApiError) -> Self {
        let dialect = Dialect::default();
        Self { outcome: Err(error), route: None, dialect, holder: None, allowed: None }
    }
}

impl From<Response> for Routed {
    /// Of what the router's layers left in the answer.
    fn from(mut response: Response) -> Self {
        let allowed = response.headers_mut().remove(header::ALLOW);
        let extensions = response.extensions_mut();
        let route = extensions.remove::<MatchedPath>().map(Route::Router);
        let held = extensions.remove::<Held>();
        let dialect = extensions.remove::<Dialect>().unwrap_or_default();
        let outcome = match extensions.remove::<ApiError>() {
            Some(error) => Err(error),
            None => Ok((response, held)),
        };
        Self { outcome, route, dialect, holder: None, allowed }
    }
}

/// Whose client asks, where several dialects share an address: Anthropic's name the version of their
/// API in every request, Google's name themselves.
pub(crate) fn spoken(headers: &HeaderMap) -> Dialect {
    if headers.contains_key("anthropic-version") {
        Dialect::Anthropic
    } else if headers.contains_key("x-goog-api-client") || headers.contains_key("x-goog-api-key") {
        Dialect::Gemini
    } else {
        Dialect::OpenAi
    }
}

async fn route(
    app: &Arc<App>,
    router: Router,
    request: Request<Incoming>,
    ends: Ends,
    (id, tally): (&str, &Arc<Tally>),
) -> Routed {
    let (mut parts, body) = request.into_parts();
    if let Some(error) = app.refusals.read(parts.uri.path()) {
        return refusal(error).into();
    }
    let asker = match app.guard.admit(&parts, ends.local, ends.peer) {
        Ok(asker) => asker,
        Err(error) => return error.into(),
    };
    let (id, body, holder) = (id.to_owned(), Body::new(body), asker.holder());
    if let Some((pattern, endpoint)) = direct::find(&parts.method, parts.uri.path()) {
        let request = Request::from_parts(parts, body);
        let answered =
            direct::answer(app, &asker, (id, Arc::clone(tally)), endpoint, request).await;
        let outcome = answered.map(|(response, held)| (response, Some(held)));
        return Routed {
            outcome,
            route: Some(Route::Direct(pattern)),
            dialect: endpoint.dialect(),
            holder,
            allowed: None,
        };
    }
    parts.extensions.insert(asker);
    parts.extensions.insert(RequestId(id));
    parts.extensions.insert(Arc::clone(tally));
    let response = router.oneshot(Request::from_parts(parts, body)).await;
    let routed = Routed::from(response.unwrap_or_else(|never| match never {}));
    Routed { holder, ..routed }
}

fn refusal(error: HeadError) -> ApiError {
    match error {
        HeadError::Malformed => ApiError::Malformed,
        HeadError::TooLarge => ApiError::HeadTooLarge,
        HeadError::Timeout => ApiError::HeadTimeout,
    }
}

/// Headers that every answer carries.
fn dress(response: &mut Response, id: &str, ends_here: bool) {
    let headers = response.headers_mut();
    if let Ok(id) = HeaderValue::from_str(id) {
        // Anthropic's clients read it without the prefix.
        headers.insert("request-id", id.clone());
        headers.insert("x-request-id", id);
    }
    let fixed = [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ];
    headers.extend(fixed.map(|(name, value)| (name, HeaderValue::from_static(value))));
    let fresh = HeaderValue::from_static("no-store");
    headers.entry(header::CACHE_CONTROL).or_insert(fresh);
    if ends_here {
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
}

/// Asked for each second by a page that shows digits: only what goes wrong there is news.
const WATCHED_ROUTE: &str = "/api/v1/pairing";

/// The route's pattern, never the path itself: names of models and jobs are nobody's business.
fn log(method: &Method, route: &str, status: u16, id: &str, code: &str, started: Instant) {
    let ms = started.elapsed().as_millis();
    if route == WATCHED_ROUTE && status < 300 {
        tracing::debug!(target: "pumasi_web::request", %method, route, status, ms, id, "answered");
        return;
    }
    tracing::info!(target: "pumasi_web::request", %method, route, status, code, ms, id, "answered");
}

/// An answer's body that tells the gate when it is over.
pub(super) struct Watched {
    body: HeldBody,
    activity: Arc<Activity>,
}

impl Watched {
    pub(super) fn new(body: HeldBody, activity: Arc<Activity>) -> Self {
        Self { body, activity }
    }
}

impl hyper::body::Body for Watched {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.activity.answering.store(false, Ordering::Relaxed);
    }
}
