//! The endpoints of Anthropic, Gemini and Ollama.

use std::sync::Arc;

use axum::extract::{Path, RawQuery, Request, State};
use axum::response::Response;
use http::{HeaderValue, header};
use pumasi_dialects::{Invalid, ModelCard, Options, Reason, gemini, ollama};
use pumasi_protocol::ModelName;

use super::inference::{self, json_response};
use super::{counting, headers, models, preload};
use crate::app::App;
use crate::body::{self, Ceiling};
use crate::error::ApiError;

type Shared = State<Arc<App>>;
type Answered = Result<Response, ApiError>;

/// Ollama's own examples send bodies by `curl -d`, which calls JSON a form, and its server never looks. No
/// page of another site gets this far: browsers say where a page is from, and the guard refuses those.
pub(super) async fn as_curl_sends(mut request: Request) -> Request {
    let headers = request.headers_mut();
    let is_page = headers.contains_key(header::ORIGIN) || headers.contains_key("sec-fetch-site");
    let kind = headers.get(header::CONTENT_TYPE).map(HeaderValue::as_bytes);
    let is_loose = matches!(kind, None | Some(b"application/x-www-form-urlencoded"));
    if is_loose && !is_page {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    request
}

pub(super) async fn ollama_chat(State(app): Shared, request: Request) -> Answered {
    match preload::answered(&app, request, true).await? {
        Ok(answer) => Ok(answer),
        Err(request) => inference::generate(&app, request, ollama::parse_chat).await,
    }
}

pub(super) async fn ollama_generate(State(app): Shared, request: Request) -> Answered {
    match preload::answered(&app, request, false).await? {
        Ok(answer) => Ok(answer),
        Err(request) => inference::generate(&app, request, ollama::parse_generate).await,
    }
}

pub(super) async fn ollama_embed(State(app): Shared, request: Request) -> Answered {
    inference::embed(&app, request, ollama::parse_embed).await
}

pub(super) async fn ollama_embed_one(State(app): Shared, request: Request) -> Answered {
    inference::embed(&app, request, ollama::parse_embed_one).await
}

pub(super) async fn ollama_tags(State(app): Shared) -> Response {
    json_response(ollama::tags(&models::cards(&app).await))
}

pub(super) async fn ollama_running(State(app): Shared) -> Response {
    json_response(ollama::running(&models::cards(&app).await))
}

pub(super) async fn ollama_version() -> Response {
    json_response(ollama::version(env!("CARGO_PKG_VERSION")))
}

pub(super) async fn ollama_show(State(app): Shared, request: Request) -> Answered {
    let bytes = body::json(&app, request, Ceiling::Small).await?;
    let options = Options { strict: app.strict };
    let (name, ignored) = ollama::parse_show(&bytes, options)?;
    let card = found(&app, name.as_str()).await?;
    let mut response = json_response(ollama::show(&card));
    headers::of_ignored(response.headers_mut(), &ignored);
    Ok(response)
}

async fn found(app: &App, name: &str) -> Result<ModelCard, ApiError> {
    let cards = models::cards(app).await;
    cards.into_iter().find(|card| card.name == name).ok_or(ApiError::ModelUnknown)
}

pub(super) async fn gemini_models(State(app): Shared) -> Response {
    json_response(gemini::model_list(&models::cards(&app).await))
}

pub(super) async fn gemini_model(State(app): Shared, Path(name): Path<String>) -> Answered {
    Ok(json_response(gemini::model_object(&found(&app, &name).await?)))
}

/// `models/{name}:{method}`: a name may hold slashes and a colon, a method neither.
pub(super) async fn gemini_call(
    State(app): Shared,
    Path(call): Path<String>,
    RawQuery(query): RawQuery,
    request: Request,
) -> Answered {
    let (name, method) = call.rsplit_once(':').ok_or(ApiError::RouteNotFound)?;
    let model = ModelName::try_from(name.to_owned());
    let model = model.map_err(|e| Invalid::at("model", Reason::ModelName(e)));
    let stream = match method {
        "generateContent" => false,
        "streamGenerateContent" => true,
        "countTokens" => {
            let model = model?;
            let parse = move |bytes: &[u8], options| gemini::parse_count(model, bytes, options);
            return counting::count(&app, request, parse).await;
        }
        "embedContent" => {
            let model = model?;
            let parse = move |bytes: &[u8], options| gemini::parse_embed(model, bytes, options);
            return inference::embed(&app, request, parse).await;
        }
        "batchEmbedContents" => {
            let model = model?;
            let parse =
                move |bytes: &[u8], options| gemini::parse_embed_batch(model, bytes, options);
            return inference::embed(&app, request, parse).await;
        }
        _ => return Err(ApiError::RouteNotFound),
    };
    let (model, events) = (model?, wants_events(query.as_deref().unwrap_or("")));
    let parse = move |bytes: &[u8], options| gemini::parse(model, bytes, stream, events, options);
    inference::generate(&app, request, parse).await
}

/// Without the word for server-sent events, a stream is one JSON array.
fn wants_events(query: &str) -> bool {
    query.split('&').any(|pair| pair == "alt=sse")
}
