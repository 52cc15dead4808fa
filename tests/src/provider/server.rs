//! The fake's HTTP side: connections, routes, and answers that come piece by piece.

use std::convert::Infallible;
use std::net::TcpListener;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::sync::mpsc::Sender;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::{Body, Frame, Incoming};
use hyper::header::{CONTENT_TYPE, LOCATION, RETRY_AFTER};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::asked::{Asked, Plan};
use super::{Behaviour, Seen, Shared, Speech, anthropic, gemini, locked, openai};

/// Models that are listed. Any other name is served as well.
const MODELS: [&str; 3] = ["fine", "thinks", "embed-small"];

/// Takes connections until it is aborted; all of them end with it.
pub(super) async fn accept(alive: Sender<()>, listener: TcpListener, shared: Arc<Shared>) {
    // Kept by each task and dropped last in it: when all are dropped, all sockets are closed.
    let alive = alive;
    listener.set_nonblocking(true).expect("a socket can be polled");
    let listener = tokio::net::TcpListener::from_std(listener).expect("a socket can be polled");
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let (alive, shared) = (alive.clone(), Arc::clone(&shared));
        connections.spawn(async move {
            let _alive = alive;
            let _ = stream.set_nodelay(true);
            let service = service_fn(|request| answer(Arc::clone(&shared), request));
            let http = hyper::server::conn::http1::Builder::new();
            // A broken connection is part of the play.
            let _ = http.serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

/// What an answer's body is made of.
#[derive(Debug)]
struct Pieces(mpsc::Receiver<Result<Bytes, Cut>>);

/// Ends the connection in the middle of an answer.
#[derive(Debug, thiserror::Error)]
#[error("cut")]
struct Cut;

impl Body for Pieces {
    type Data = Bytes;
    type Error = Cut;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        self.0.poll_recv(cx).map(|piece| piece.map(|piece| piece.map(Frame::data)))
    }
}

async fn answer(
    shared: Arc<Shared>,
    request: Request<Incoming>,
) -> Result<Response<Pieces>, Infallible> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    let headers = head.headers.iter().map(|(name, value)| {
        (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned())
    });
    let seen = Seen {
        method: head.method.to_string(),
        path: head.uri.to_string(),
        headers: headers.collect(),
        body: body.to_vec(),
    };
    locked(&shared.seen).push(seen);
    let query = head.uri.query().unwrap_or("").to_owned();
    let json: Value = serde_json::from_slice(&body).unwrap_or_default();
    Ok(match route(&head.method, head.uri.path(), &query, &json) {
        Some(Route::Said(value)) => told(StatusCode::OK, &value),
        Some(Route::Asked(speech, asked, form)) => {
            let leaving = Leaving(&shared);
            let answer = play(&shared, speech, asked, form).await;
            std::mem::forget(leaving);
            answer
        }
        None => told(StatusCode::NOT_FOUND, &json!({ "error": { "message": "no such path" } })),
    })
}

/// Dropped with its answer before that has begun, it counts a caller that left.
struct Leaving<'a>(&'a Shared);

impl Drop for Leaving<'_> {
    fn drop(&mut self) {
        self.0.left.fetch_add(1, SeqCst);
    }
}

enum Route {
    /// Answered at once.
    Said(Value),
    /// Answered as the model's name says.
    Asked(Speech, Asked, Form),
}

/// How the answer looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Chat,
    Vectors,
    /// Gemini's for one text.
    Vector,
    Count,
}

fn route(method: &Method, path: &str, query: &str, body: &Value) -> Option<Route> {
    if method == Method::GET {
        return listed(path, query);
    }
    let asked = match path {
        "/v1/chat/completions" => Route::Asked(Speech::OpenAi, openai::asked(body), Form::Chat),
        "/v1/embeddings" => Route::Asked(Speech::OpenAi, openai::asked(body), Form::Vectors),
        "/v1/messages" => Route::Asked(Speech::Anthropic, anthropic::asked(body), Form::Chat),
        "/v1/messages/count_tokens" => {
            Route::Asked(Speech::Anthropic, anthropic::asked(body), Form::Count)
        }
        _ => {
            let (model, call) = path.strip_prefix("/v1beta/models/")?.rsplit_once(':')?;
            let form = match call {
                "generateContent" | "streamGenerateContent" => Form::Chat,
                "batchEmbedContents" => Form::Vectors,
                "embedContent" => Form::Vector,
                "countTokens" => Form::Count,
                _ => return None,
            };
            let stream = call == "streamGenerateContent" && query.contains("alt=sse");
            Route::Asked(Speech::Gemini, gemini::asked(model, stream, body), form)
        }
    };
    Some(asked)
}

/// Lists of models; Anthropic's callers are told by the limit that they ask for.
fn listed(path: &str, query: &str) -> Option<Route> {
    let list = match path {
        "/v1/models" if query.contains("limit=") => anthropic::models(&MODELS),
        "/v1/models" => openai::models(&MODELS),
        "/v1beta/models" => gemini::models(&MODELS),
        _ => return None,
    };
    Some(Route::Said(list))
}

/// Answers as the model's name says.
async fn play(shared: &Shared, speech: Speech, asked: Asked, form: Form) -> Response<Pieces> {
    let mut behaviour = Behaviour::of(&asked.model);
    let slower = shared.slower_ms.load(SeqCst);
    behaviour.slow_ms += slower;
    behaviour.pause_ms += slower;
    if behaviour.slow_ms > 0 {
        sleep(Duration::from_millis(behaviour.slow_ms)).await;
    }
    if let Some(refused) = refused(shared, speech, &asked, &behaviour) {
        return refused;
    }
    if behaviour.html {
        let page = "<!DOCTYPE html><html><body>Please sign in</body></html>";
        return plain("text/html; charset=utf-8", page);
    }
    if behaviour.garbled {
        return plain("application/json", "\u{1}\u{2}{{{ not json");
    }
    if behaviour.wrong_json {
        return plain("application/json", r#"[{"status":"fine"},42,null]"#);
    }
    let plan = Plan::of(&asked, &behaviour);
    let value = match (speech, form) {
        (_, Form::Chat) if asked.stream => return streamed(speech, &asked, &plan, &behaviour),
        (Speech::OpenAi, Form::Chat) => openai::whole(&asked, &plan),
        (Speech::Anthropic, Form::Chat) => anthropic::whole(&asked, &plan),
        (Speech::Gemini, Form::Chat) => gemini::whole(&asked, &plan),
        (Speech::OpenAi | Speech::Anthropic, Form::Vectors | Form::Vector) => {
            openai::embeddings(&asked)
        }
        (Speech::Gemini, Form::Vectors) => gemini::embeddings(&asked, true),
        (Speech::Gemini, Form::Vector) => gemini::embeddings(&asked, false),
        (Speech::Gemini, Form::Count) => json!({ "totalTokens": asked.words }),
        (Speech::OpenAi | Speech::Anthropic, Form::Count) => json!({ "input_tokens": asked.words }),
    };
    pieces("application/json", vec![value.to_string()], &behaviour)
}

/// An answer with a status other than 200, if the model's name wants one.
fn refused(
    shared: &Shared,
    speech: Speech,
    asked: &Asked,
    behaviour: &Behaviour,
) -> Option<Response<Pieces>> {
    let loads = || {
        let mut counts = locked(&shared.asked);
        let count = counts.entry(asked.model.clone()).or_insert(0);
        *count += 1;
        *count <= behaviour.loading
    };
    let (status, retry_after) = match &behaviour.status {
        Some((status, retry_after)) => (*status, retry_after.clone()),
        None if behaviour.redirect => (302, None),
        None if behaviour.context => (400, None),
        None if behaviour.bad_key => (if speech == Speech::Gemini { 400 } else { 401 }, None),
        None if behaviour.loading > 0 && loads() => (503, None),
        None => return None,
    };
    let error = match speech {
        Speech::OpenAi => openai::error(status, behaviour),
        Speech::Anthropic => anthropic::error(status, behaviour),
        Speech::Gemini => gemini::error(status, behaviour),
    };
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = told(status, &error);
    let headers = response.headers_mut();
    if let Some(value) = retry_after.and_then(|value| value.parse().ok()) {
        headers.insert(RETRY_AFTER, value);
    }
    if behaviour.redirect
        && let Ok(elsewhere) = locked(&shared.elsewhere).parse()
    {
        headers.insert(LOCATION, elsewhere);
    }
    Some(response)
}

fn streamed(speech: Speech, asked: &Asked, plan: &Plan, behaviour: &Behaviour) -> Response<Pieces> {
    let events = match speech {
        Speech::OpenAi => openai::events(asked, plan),
        Speech::Anthropic => anthropic::events(asked, plan),
        Speech::Gemini => gemini::events(asked, plan),
    };
    pieces("text/event-stream", events, behaviour)
}

fn told(status: StatusCode, value: &Value) -> Response<Pieces> {
    let mut response = plain("application/json", &value.to_string());
    *response.status_mut() = status;
    response
}

fn plain(kind: &'static str, text: &str) -> Response<Pieces> {
    pieces(kind, vec![text.to_owned()], &Behaviour::default())
}

/// An answer whose pieces come, pause, stop or never end as the model's name says.
fn pieces(kind: &'static str, pieces: Vec<String>, behaviour: &Behaviour) -> Response<Pieces> {
    let (send, receive) = mpsc::channel(1);
    // It ends with its receiver: the connection that it is for.
    tokio::spawn(feed(pieces, behaviour.clone(), send));
    let mut response = Response::new(Pieces(receive));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, hyper::header::HeaderValue::from_static(kind));
    headers.insert("x-request-id", hyper::header::HeaderValue::from_static("req_fake"));
    response
}

async fn feed(pieces: Vec<String>, behaviour: Behaviour, send: mpsc::Sender<Result<Bytes, Cut>>) {
    let repeated = pieces.get(1).or(pieces.first()).cloned().unwrap_or_default();
    let endless = behaviour.endless.then(|| std::iter::repeat(repeated)).into_iter().flatten();
    let tail = if behaviour.endless { 2 } else { 0 };
    let kept = pieces.len().saturating_sub(tail);
    for (place, piece) in pieces.into_iter().take(kept).chain(endless).enumerate() {
        if behaviour.cut == Some(place) {
            let _ = send.send(Err(Cut)).await;
            return;
        }
        if behaviour.stall == Some(place) {
            send.closed().await;
            return;
        }
        if place > 0 && behaviour.pause_ms > 0 {
            sleep(Duration::from_millis(behaviour.pause_ms)).await;
        }
        if send.send(Ok(Bytes::from(piece))).await.is_err() {
            return;
        }
    }
}
