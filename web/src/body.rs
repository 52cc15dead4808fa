//! Request bodies: JSON by their own word, read up to a bound and no byte further, with a clock.

use axum::body::Body;
use axum::extract::Request;
use bytes::{Bytes, BytesMut};
use http::{HeaderMap, header};
use http_body_util::BodyExt;
use pumasi_dialects::Invalid;

use crate::app::App;
use crate::error::ApiError;
use crate::limits;

/// How large a body may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ceiling {
    /// Names and numbers.
    Small,
    /// A prompt.
    Text,
    /// A saved conversation.
    Conversation,
    /// A prompt, and pictures beside it.
    Pictures,
}

/// Reads a body that must be JSON.
pub(crate) async fn json(app: &App, request: Request, ceiling: Ceiling) -> Result<Bytes, ApiError> {
    content_type(request.headers())?;
    read(app, request, ceiling).await
}

/// Reads a body that is a file. Few are read at a time, because each is in memory meanwhile.
pub(crate) async fn file(app: &App, request: Request) -> Result<Bytes, ApiError> {
    let mut values = request.headers().get_all(header::CONTENT_TYPE).iter();
    let kind = values.next().and_then(|value| value.to_str().ok()).unwrap_or_default();
    // Pages of strangers can send forms and plain text anywhere, but nothing else.
    let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if kind != "application/octet-stream" || values.next().is_some() {
        return Err(ApiError::FileType);
    }
    let most = limits::DOCUMENT_BODY_BYTES;
    if announced(request.headers()).is_some_and(|length| length > most) {
        return Err(ApiError::BodyTooLarge { limit: most });
    }
    let _turn = app.uploads.acquire().await.map_err(|_| ApiError::Internal)?;
    let mut bytes = BytesMut::new();
    let mut body = request.into_body();
    while let Some(data) = next(app, &mut body).await? {
        if bytes.len() + data.len() > most {
            return Err(ApiError::BodyTooLarge { limit: most });
        }
        bytes.extend_from_slice(&data);
    }
    Ok(bytes.freeze())
}

/// Reads a body that may also be missing: then it is an empty object.
pub(crate) async fn json_or_nothing(app: &App, request: Request) -> Result<Bytes, ApiError> {
    let has_type = request.headers().contains_key(header::CONTENT_TYPE);
    if has_type {
        content_type(request.headers())?;
    }
    let bytes = read(app, request, Ceiling::Small).await?;
    match bytes.is_empty() {
        true => Ok(Bytes::from_static(b"{}")),
        false if has_type => Ok(bytes),
        false => Err(ApiError::MediaType),
    }
}

/// Forms, which every page may send anywhere, are refused.
fn content_type(headers: &HeaderMap) -> Result<(), ApiError> {
    let mut values = headers.get_all(header::CONTENT_TYPE).iter();
    let value = values.next().ok_or(ApiError::MediaType)?;
    if values.next().is_some() {
        return Err(ApiError::ContentType);
    }
    let text = value.to_str().map_err(|_| ApiError::ContentType)?;
    let (kind, parameters) = text.split_once(';').unwrap_or((text, ""));
    let mut parameters = parameters.split(';').map(|p| p.trim().to_ascii_lowercase());
    match kind.trim().to_ascii_lowercase().as_str() {
        "application/json" => {
            let charset = parameters.find_map(|p| p.strip_prefix("charset=").map(str::to_owned));
            let utf8 = charset.is_none_or(|c| matches!(c.trim_matches('"'), "utf-8" | "utf8"));
            if utf8 { Ok(()) } else { Err(ApiError::MediaType) }
        }
        kind if kind.starts_with("multipart/") => {
            let bounded = parameters.any(|p| p.len() > 9 && p.starts_with("boundary="));
            Err(if bounded { ApiError::MediaType } else { ApiError::ContentType })
        }
        _ => Err(ApiError::MediaType),
    }
}

async fn read(app: &App, request: Request, ceiling: Ceiling) -> Result<Bytes, ApiError> {
    let (most, first) = match ceiling {
        Ceiling::Small => (limits::SMALL_BODY_BYTES, limits::SMALL_BODY_BYTES),
        Ceiling::Text => (limits::BODY_BYTES, limits::BODY_BYTES),
        Ceiling::Conversation => (limits::SAVED_BODY_BYTES, limits::SAVED_BODY_BYTES),
        Ceiling::Pictures => (limits::VISION_BODY_BYTES, limits::BODY_BYTES),
    };
    let announced = announced(request.headers());
    if announced.is_some_and(|length| length > most) {
        return Err(ApiError::BodyTooLarge { limit: most });
    }
    let mut bytes = BytesMut::with_capacity(announced.unwrap_or(0).min(limits::BODY_BYTES));
    let mut body = request.into_body();
    let mut limit = first;
    while let Some(data) = next(app, &mut body).await? {
        // Beyond what text needs, only a body that holds a picture by then goes on.
        if bytes.len() + data.len() > limit && limit < most {
            let room = limit - bytes.len();
            bytes.extend_from_slice(&data[..room]);
            if !holds_picture(&bytes) {
                return Err(ApiError::BodyTooLarge { limit });
            }
            limit = most;
            bytes.extend_from_slice(&data[room..]);
        } else {
            bytes.extend_from_slice(&data);
        }
        if bytes.len() > limit {
            return Err(ApiError::BodyTooLarge { limit });
        }
    }
    Ok(bytes.freeze())
}

fn announced(headers: &HeaderMap) -> Option<usize> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

async fn next(app: &App, body: &mut Body) -> Result<Option<Bytes>, ApiError> {
    loop {
        let frame = tokio::time::timeout(app.patience.body_idle, body.frame()).await;
        match frame.map_err(|_| ApiError::BodyTimeout)? {
            None => return Ok(None),
            Some(Err(_)) => return Err(ApiError::BodyBroken),
            // Trailers say nothing that we would believe.
            Some(Ok(frame)) => match frame.into_data() {
                Ok(data) => return Ok(Some(data)),
                Err(_) => continue,
            },
        }
    }
}

/// How the dialects begin a picture: a data: URL, Anthropic's block, Gemini's part, Ollama's list.
const PICTURE_MARKS: [&[u8]; 6] = [
    b"data:image/",
    b"\"image/",
    b"\"image\"",
    b"\"images\"",
    b"\"inlineData\"",
    b"\"inline_data\"",
];

fn holds_picture(bytes: &[u8]) -> bool {
    let is_mark = |at: usize| PICTURE_MARKS.iter().any(|mark| bytes[at..].starts_with(mark));
    (0..bytes.len()).any(is_mark)
}

/// Parses a body; a large one beside the async threads, which have others to serve.
pub(crate) async fn parse<T: Send + 'static>(
    bytes: Bytes,
    parser: impl FnOnce(&[u8]) -> Result<T, Invalid> + Send + 'static,
) -> Result<T, ApiError> {
    if bytes.len() <= limits::INLINE_PARSE_BYTES {
        return Ok(parser(&bytes)?);
    }
    let parsed = tokio::task::spawn_blocking(move || parser(&bytes)).await;
    Ok(parsed.map_err(|_| ApiError::Internal)??)
}
