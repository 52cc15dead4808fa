//! What an answer's head says, and what an error's body means. A provider's own words are read and
//! forgotten.

use std::time::Duration;

use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http::{HeaderMap, HeaderName};
use pumasi_dialects::provider::{Heard, ProviderFault, Speech, read_whole};
use serde_json::Value;

use crate::call::CallError;
use crate::limits;

/// Headers that are passed on, besides what begins with one of [`PASSED_PREFIXES`].
const PASSED: [&str; 5] =
    ["content-type", "retry-after", "retry-after-ms", "request-id", "x-request-id"];
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

/// How long it asks to be left in peace. Dates are not read: whose clock is right is not known.
pub(crate) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let number = |name: &str| headers.get(name)?.to_str().ok()?.trim().parse::<f64>().ok();
    // OpenAI and Azure say it more finely, too.
    let ms = number("retry-after-ms").map(|ms| ms / 1_000.0);
    let seconds = ms.or_else(|| number("retry-after"))?;
    let hour = limits::HELD_BACK.as_secs_f64();
    (seconds >= 0.0).then(|| Duration::from_secs_f64(seconds.min(hour)))
}

/// How long until another request is allowed, where a good answer says that none is left: OpenAI's way,
/// `x-ratelimit-remaining-requests: 0` and `x-ratelimit-reset-requests: 1m30s`.
pub(crate) fn exhausted(headers: &HeaderMap) -> Option<Duration> {
    let says = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    if says("x-ratelimit-remaining-requests")?.trim() != "0" {
        return None;
    }
    duration(says("x-ratelimit-reset-requests")?.trim()).map(|time| time.min(limits::EXHAUSTED))
}

/// Times like `6m0s`, `1.5s` and `20ms`.
fn duration(text: &str) -> Option<Duration> {
    let mut rest = text;
    let mut seconds = 0.0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, after) = rest.split_at(digits);
        let letters = after.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(after.len());
        let (unit, after) = after.split_at(letters);
        let unit = match unit {
            "ms" => 0.001,
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3_600.0,
            "d" => 86_400.0,
            _ => return None,
        };
        seconds += number.parse::<f64>().ok()? * unit;
        rest = after;
    }
    Duration::try_from_secs_f64(seconds).ok().filter(|time| !time.is_zero())
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
        429 => CallError::RateLimited { retry_after: retry_after.or(said.retry_after) },
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
    retry_after: Option<Duration>,
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
            retry_after: retry_delay(&error["details"]),
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

/// Where Google says how long to wait: `google.rpc.RetryInfo` among an error's details.
fn retry_delay(details: &Value) -> Option<Duration> {
    let mut delays = details.as_array()?.iter().filter_map(|detail| detail["retryDelay"].as_str());
    delays.find_map(duration).map(|time| time.min(limits::HELD_BACK))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn headers(list: &[(&'static str, &str)]) -> HeaderMap {
        let value = |text: &str| HeaderValue::from_str(text).expect("a value");
        let pairs = list.iter().map(|(name, text)| (HeaderName::from_static(name), value(text)));
        pairs.collect()
    }

    #[test]
    fn only_headers_that_say_something_are_passed_on() {
        let given = headers(&[
            ("content-type", "text/event-stream"),
            ("retry-after", "1"),
            ("x-request-id", "r"),
            ("x-ratelimit-remaining-tokens", "9"),
            ("anthropic-ratelimit-requests-limit", "9"),
            ("set-cookie", "a=b"),
            ("server", "x"),
            ("location", "http://127.0.0.1/"),
            ("x-ratelimit", "9"),
        ]);
        let passed = passed(&given);
        let mut names: Vec<&str> = passed.keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        let expected = [
            "anthropic-ratelimit-requests-limit",
            "content-type",
            "retry-after",
            "x-ratelimit-remaining-tokens",
            "x-request-id",
        ];
        assert_eq!(names, expected);
    }

    #[test]
    fn pages_and_packed_bodies_are_garbled() {
        let fine = [
            headers(&[]),
            headers(&[("content-type", "application/json; charset=utf-8")]),
            headers(&[("content-type", "text/event-stream"), ("content-encoding", "identity")]),
        ];
        assert!(fine.iter().all(|headers| check(headers).is_ok()));
        let odd = [
            headers(&[("content-type", "Text/HTML; charset=utf-8")]),
            headers(&[("content-type", "application/xhtml+xml")]),
            headers(&[("content-type", "application/json"), ("content-encoding", "gzip")]),
        ];
        let garbled = Err(CallError::Provider(ProviderFault::Garbled));
        assert!(odd.iter().all(|headers| check(headers) == garbled));
    }

    #[test]
    fn times_to_wait_are_read_strictly_and_bounded() {
        let wait = |text: &str| retry_after(&headers(&[("retry-after", text)]));
        assert_eq!(wait("7"), Some(Duration::from_secs(7)));
        assert_eq!(wait(" 1.5 "), Some(Duration::from_millis(1_500)));
        assert_eq!(wait("1000000000000"), Some(limits::HELD_BACK));
        assert_eq!(wait("inf"), Some(limits::HELD_BACK));
        for odd in ["-1", "nan", "", "soon", "Wed, 21 Oct 2015 07:28:00 GMT"] {
            assert_eq!(wait(odd), None, "{odd}");
        }
        let both = headers(&[("retry-after", "7"), ("retry-after-ms", "250")]);
        assert_eq!(retry_after(&both), Some(Duration::from_millis(250)));
        let none_left = |reset: &str| {
            exhausted(&headers(&[
                ("x-ratelimit-remaining-requests", "0"),
                ("x-ratelimit-reset-requests", reset),
            ]))
        };
        assert_eq!(none_left("20ms"), Some(Duration::from_millis(20)));
        assert_eq!(none_left("1m1.5s"), Some(limits::EXHAUSTED));
        assert_eq!(none_left("59.5s"), Some(Duration::from_millis(59_500)));
        for odd in ["", "0s", "5", "s", "1x", "1.2.3s", "-1s", "1s 2s", "1e9s"] {
            assert_eq!(none_left(odd), None, "{odd}");
        }
        let some_left =
            [("x-ratelimit-remaining-requests", "1"), ("x-ratelimit-reset-requests", "20ms")];
        assert_eq!(exhausted(&headers(&some_left)), None);
    }

    #[test]
    fn errors_are_told_by_their_word_and_else_by_their_status() {
        let refused = |status, body: &str| fault(Speech::OpenAi, status, None, body.as_bytes());
        let provider = CallError::Provider;
        let cases = [
            (400, r#"{"error":{"code":"context_length_exceeded"}}"#, ProviderFault::Context),
            (
                400,
                r#"{"error":{"message":"This model's maximum context length is 8"}}"#,
                ProviderFault::Context,
            ),
            // llama.cpp's.
            (
                400,
                r#"{"error":{"code":400,"message":"the request exceeds the available context size","type":"exceed_context_size_error"}}"#,
                ProviderFault::Context,
            ),
            (
                400,
                r#"{"error":{"message":"x","type":"invalid_request_error"}}"#,
                ProviderFault::Refused,
            ),
            (400, r#"{"error":{"code":"content_filter","message":"x"}}"#, ProviderFault::Filtered),
            (404, r#"{"error":"model 'x' not found"}"#, ProviderFault::NoModel),
            (404, "<html>not found</html>", ProviderFault::NoModel),
            (401, "", ProviderFault::Key),
            (403, r#"{"detail":"Forbidden"}"#, ProviderFault::Key),
            (413, "{}", ProviderFault::Context),
            (422, r#"{"detail":[{"loc":["body"],"msg":"x"}]}"#, ProviderFault::Refused),
            (408, "", ProviderFault::Unavailable),
            (500, r#"{"error":{"type":"invalid_request_error"}}"#, ProviderFault::Unavailable),
            (502, "<html>bad gateway</html>", ProviderFault::Unavailable),
        ];
        for (status, body, expected) in cases {
            assert_eq!(refused(status, body), provider(expected), "{status} {body}");
        }
        let loading =
            r#"{"error":{"code":503,"message":"Loading model","type":"unavailable_error"}}"#;
        assert_eq!(refused(503, loading), CallError::Loading { retry_after: None });
        assert_eq!(refused(503, "{}"), provider(ProviderFault::Unavailable));
        assert_eq!(refused(308, ""), CallError::Redirect);
        let delay = r#"{"error":{"code":429,"status":"RESOURCE_EXHAUSTED","details":[
            {"@type":"type.googleapis.com/google.rpc.QuotaFailure"},
            {"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"34.5s"}]}}"#;
        let wait = Some(Duration::from_millis(34_500));
        assert_eq!(refused(429, delay), CallError::RateLimited { retry_after: wait });
        let endless = delay.replace("34.5s", "999999999s");
        let hour = Some(limits::HELD_BACK);
        assert_eq!(refused(429, &endless), CallError::RateLimited { retry_after: hour });
        let odd = delay.replace("34.5s", "-3s");
        assert_eq!(refused(429, &odd), CallError::RateLimited { retry_after: None });
    }
}
