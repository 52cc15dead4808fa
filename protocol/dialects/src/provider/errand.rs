//! What a call does that somebody else wrote and this node is to put to a provider of its own: which model
//! it asks for, and that it asks for an answer and nothing else. A provider's API can do more (files, fine
//! tuning, deleting), and none of that is for others.

use std::ops::Range;

use super::Speech;
use crate::glance::glance_without;

/// A call that asks for an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Errand<'a> {
    /// The model, as the provider calls it.
    pub model: &'a str,
    /// What sort of answer.
    pub sort: Sort,
    /// The answer comes in pieces.
    pub stream: bool,
}

/// What sort of answer a call asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sort {
    /// A turn of a chat.
    Chat,
    /// The continuation of a text.
    Completion,
    /// Embeddings.
    Embeddings,
}

/// Fields that would let somebody else choose a model again (OpenRouter's), or are for a node.
const FORBIDDEN: [&[u8]; 3] = [b"models", b"pumasi", b"provider"];

/// Looks at a call. `routing_words`: the provider takes OpenRouter's `provider`, in which a request may
/// say what it wants. None: the path is none that answers, or the body does not say plainly what it is.
#[must_use]
pub fn errand<'a>(
    speech: Speech,
    routing_words: bool,
    path: &'a str,
    body: &'a [u8],
) -> Option<Errand<'a>> {
    let sort = match (speech, path) {
        (Speech::OpenAi, "/chat/completions") | (Speech::Anthropic, "/v1/messages") => Sort::Chat,
        (Speech::OpenAi, "/completions") => Sort::Completion,
        (Speech::OpenAi, "/embeddings") => Sort::Embeddings,
        (Speech::Gemini, _) => return gemini(path, body),
        (Speech::OpenAi | Speech::Anthropic, _) => return None,
    };
    let forbidden = if routing_words { &FORBIDDEN[..2] } else { &FORBIDDEN[..] };
    let seen = glance_without(body, |name| {
        let is_alike = |word: &&[u8]| name.eq_ignore_ascii_case(word);
        // Servers written in Go take names of fields in any case.
        forbidden.iter().any(is_alike) || (name != b"model" && is_alike(&&b"model"[..]))
    })?;
    let Range { start, end } = seen.model;
    let model = std::str::from_utf8(&body[start + 1..end - 1]).ok()?;
    Some(Errand { model, sort, stream: seen.stream })
}

/// Gemini's calls name model and method in their path.
fn gemini<'a>(path: &'a str, body: &[u8]) -> Option<Errand<'a>> {
    let (model, method) = path.strip_prefix("/v1beta/models/")?.rsplit_once(':')?;
    let (sort, stream) = match method {
        "generateContent" => (Sort::Chat, false),
        "streamGenerateContent?alt=sse" => (Sort::Chat, true),
        "batchEmbedContents" => (Sort::Embeddings, false),
        _ => return None,
    };
    // In a batch each part names the model again; all must be that of the path.
    let is_object = std::str::from_utf8(body).ok()?.trim_start().starts_with('{');
    let names_others = sort == Sort::Embeddings && !names_only(model, body);
    (is_object && !names_others).then_some(Errand { model, sort, stream })
}

fn names_only(model: &str, body: &[u8]) -> bool {
    let Ok(body) = serde_json::from_slice::<serde_json::Value>(body) else { return false };
    let requests = body["requests"].as_array().map(Vec::as_slice).unwrap_or_default();
    requests.iter().all(|request| match request["model"].as_str() {
        Some(name) => name.strip_prefix("models/").unwrap_or(name) == model,
        None => request["model"].is_null(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHAT: &[u8] = br#"{"model":"m","stream":true}"#;

    fn seen(speech: Speech, path: &str, body: &[u8]) -> Option<(String, Sort, bool)> {
        let errand = errand(speech, false, path, body)?;
        Some((errand.model.to_owned(), errand.sort, errand.stream))
    }

    #[test]
    fn calls_that_ask_for_an_answer_are_seen_in_every_language() {
        let name = || "m".to_owned();
        let whole = br#"{"model":"m","input":["a"]}"#;
        for (speech, path, body, expected) in [
            (Speech::OpenAi, "/chat/completions", CHAT, (name(), Sort::Chat, true)),
            (Speech::OpenAi, "/completions", CHAT, (name(), Sort::Completion, true)),
            (Speech::OpenAi, "/embeddings", &whole[..], (name(), Sort::Embeddings, false)),
            (Speech::Anthropic, "/v1/messages", CHAT, (name(), Sort::Chat, true)),
            (
                Speech::Gemini,
                "/v1beta/models/m:streamGenerateContent?alt=sse",
                b"{}",
                (name(), Sort::Chat, true),
            ),
            (
                Speech::Gemini,
                "/v1beta/models/m:generateContent",
                b"{}",
                (name(), Sort::Chat, false),
            ),
            (
                Speech::Gemini,
                "/v1beta/models/m:batchEmbedContents",
                br#"{"requests":[{"model":"models/m"}]}"#,
                (name(), Sort::Embeddings, false),
            ),
        ] {
            assert_eq!(seen(speech, path, body), Some(expected), "{path}");
        }
    }

    #[test]
    fn anything_else_of_a_providers_api_is_not_for_others() {
        for path in [
            "",
            "/",
            "/files",
            "/models",
            "/fine_tuning/jobs",
            "/chat/completions/",
            "/chat/completions?x=1",
            "/v1/messages",
            "/responses",
            "/../files",
            "/chat/completions/../../files",
        ] {
            assert_eq!(seen(Speech::OpenAi, path, CHAT), None, "{path}");
        }
        for path in [
            "/v1/messages/batches",
            "/v1/messages/count_tokens",
            "/v1/organizations",
            "/chat/completions",
        ] {
            assert_eq!(seen(Speech::Anthropic, path, CHAT), None, "{path}");
        }
        for path in [
            "/v1beta/models/m:tuneModel",
            "/v1beta/models/m",
            "/v1beta/files",
            "/v1beta/models/m:streamGenerateContent",
            "/v1beta/models/m:generateContent?key=x",
        ] {
            assert_eq!(seen(Speech::Gemini, path, b"{}"), None, "{path}");
        }
    }

    #[test]
    fn a_body_that_could_mean_another_model_is_refused() {
        for body in [
            &b"{}"[..],
            b"[]",
            br#"{"model":"m","model":"n"}"#,
            br#"{"model":"m","Model":"n"}"#,
            br#"{"model":"m","models":["n"]}"#,
            br#"{"model":"m","provider":{"only":["x"]}}"#,
            br#"{"model":"m","mod\u0065l":"n"}"#,
            b"{\"model\":\"\xff\"}",
        ] {
            assert_eq!(seen(Speech::OpenAi, "/chat/completions", body), None);
        }
        let words = br#"{"model":"m","provider":{"sort":"price"}}"#;
        assert!(errand(Speech::OpenAi, true, "/chat/completions", words).is_some());
        let again = br#"{"model":"m","models":["n"]}"#;
        assert!(errand(Speech::OpenAi, true, "/chat/completions", again).is_none());
        let other = br#"{"requests":[{"model":"models/m"},{"model":"models/n"}]}"#;
        assert_eq!(seen(Speech::Gemini, "/v1beta/models/m:batchEmbedContents", other), None);
        assert_eq!(seen(Speech::Gemini, "/v1beta/models/m:generateContent", b"\xff"), None);
    }
}
