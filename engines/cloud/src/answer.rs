//! What an answer's head says, and what an error's body means. A provider's own words are read and
//! forgotten.

use std::time::Duration;

use http::header::{CONTENT_ENCODING, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, HeaderName};
use pumasi_dialects::provider::{Heard, ProviderFault, Speech, read_whole};
use serde_json::Value;

use crate::call::CallError;

/// Headers that are passed on, besides what begins with one of [`PASSED_PREFIXES`].
const PASSED: [&str; 4] = ["content-type", "retry-after", "request-id", "x-request-id"];
/// Beginnings of headers that say something about limits.
const PASSED_PREFIXES: [&str; 3] = ["x-ratelimit-", "ratelimit", "anthropic-ratelimit-"];

/// What is passed on of an answer's headers.
pub(crate) fn passed(headers: &HeaderMap) -> HeaderMap {
    let is_passed = |name: &HeaderName| {
        let name = name.as_str();
        PASSED.contains(&name) || PASSED_PREFIXES.iter().any(|begin| name.starts_with(begin))
    };
    let kept = headers.iter().filter(|(name, _)| is_passed(name));
    kept.map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// Whether a good answer is what it should be: no page for people, and not compressed.
pub(crate) fn check(headers: &HeaderMap) -> Result<(), CallError> {
    let says = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let kind = says(CONTENT_TYPE).unwrap_or("").trim().to_ascii_lowercase();
    let is_page = kind.starts_with("text/html") || kind.starts_with("application/xhtml");
    let is_packed = says(CONTENT_ENCODING).is_some_and(|how| !how.eq_ignore_ascii_case("identity"));
    if is_page || is_packed {
        return Err(CallError::Provider(ProviderFault::Garbled));
    }
    Ok(())
}

/// How long it asks to be left in peace; dates are not read, whose clock is right is not known.
pub(crate) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse::<f64>().ok()?;
    let hour = crate::limits::HELD_BACK.as_secs_f64();
    (seconds >= 0.0).then(|| Duration::from_secs_f64(seconds.min(hour)))
}

/// What an answer with this status means.
pub(crate) fn fault(
    speech: Speech,
    status: u16,
    retry_after: Option<Duration>,
    body: &[u8],
) -> CallError {
    let said = Said::read(body);
    match status {
        300..=399 => CallError::Redirect,
        429 => CallError::RateLimited { retry_after },
        503 if said.is_loading => CallError::Loading { retry_after },
        408 | 425 | 500.. => CallError::Provider(ProviderFault::Unavailable),
        _ if said.is_key => CallError::Provider(ProviderFault::Key),
        _ if said.is_context => CallError::Provider(ProviderFault::Context),
        _ => CallError::Provider(refusal(speech, status, body)),
    }
}

/// A status of 4xx: the error's own word where it has one, else the status.
fn refusal(speech: Speech, status: u16, body: &[u8]) -> ProviderFault {
    let by_status = ProviderFault::of_status(status);
    match read_whole(speech, body).first() {
        // No word that anybody knows, or no error at all.
        Some(Heard::Failed(
            ProviderFault::Unavailable | ProviderFault::Garbled | ProviderFault::CutOff,
        )) => by_status,
        // "Not found" may be the address, and "invalid" the key: there the status says more.
        Some(Heard::Failed(ProviderFault::Refused)) => by_status,
        Some(Heard::Failed(fault)) => *fault,
        Some(Heard::Delta(_) | Heard::Counts(_) | Heard::Ended(_)) | None => by_status,
    }
}

/// What an error's message says in words that have no code.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Said {
    is_loading: bool,
    is_context: bool,
    is_key: bool,
}

impl Said {
    fn read(body: &[u8]) -> Self {
        let Ok(body) = serde_json::from_slice::<Value>(body) else { return Self::default() };
        // Gemini's streams put their error in a list.
        let body = body.get(0).unwrap_or(&body);
        let error = &body["error"];
        let texts = [&error["message"], &error["code"], &error["type"], error, &body["message"]];
        let text: String = texts
            .iter()
            .filter_map(|text| text.as_str())
            .flat_map(|text| [text, " "])
            .collect::<String>()
            .to_ascii_lowercase();
        let has = |parts: &[&str]| parts.iter().any(|part| text.contains(part));
        Self {
            // Gemini's word for it is that an argument is invalid.
            is_key: has(&["api key not valid", "api key expired", "incorrect api key"]),
            is_loading: has(&["loading", "warming up", "warm-up", "starting up", "not ready"]),
            is_context: has(&[
                "context length",
                "context_length",
                "context window",
                "context size",
                "maximum context",
                "prompt is too long",
                "input token count exceeds",
                "exceeds the maximum number of tokens",
            ]),
        }
    }
}
