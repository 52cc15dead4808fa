//! Streamed replies: server-sent events (WHATWG HTML, section 9.2), each one chunk of the API reference.

use serde::Serialize;

use super::reply::{ChatLogprobs, FinishReason, TextLogprobs, Usage, chat_logprobs, text_logprobs};
use crate::assemble::Delta;
use crate::reply::{Counts, Head, Provenance, data};

/// The event after the last.
pub const DONE: &str = "data: [DONE]\n\n";

/// The event of an error in the middle of a stream; `body` is an error body.
#[must_use]
pub fn error_event(body: &str) -> String {
    format!("data: {body}\n\n")
}

/// Writes the chunks of one streamed reply.
#[derive(Debug)]
pub struct Stream {
    head: Head,
    chat: bool,
    include_usage: bool,
    wants_logprobs: bool,
    /// Characters written so far, per answer (completions report offsets).
    offsets: Vec<usize>,
}

impl Stream {
    /// Of a chat.
    #[must_use]
    pub fn chat(head: Head, answers: usize, include_usage: bool, wants_logprobs: bool) -> Self {
        Self { head, chat: true, include_usage, wants_logprobs, offsets: vec![0; answers] }
    }

    /// Of a completion.
    #[must_use]
    pub fn completion(
        head: Head,
        answers: usize,
        include_usage: bool,
        wants_logprobs: bool,
    ) -> Self {
        Self { head, chat: false, include_usage, wants_logprobs, offsets: vec![0; answers] }
    }

    /// The first event of an answer: the speaker, or the prompt that is to be repeated.
    #[must_use]
    pub fn begin(&mut self, index: usize, echo: &str) -> String {
        if self.chat {
            let delta = ChatDelta { role: Some("assistant"), content: Some(""), ..EMPTY };
            return self.chat_event(index, delta, None, None, None);
        }
        if echo.is_empty() {
            return String::new();
        }
        self.offsets[index] += echo.chars().count();
        self.text_event(index, echo, None, None, None)
    }

    /// A piece of an answer.
    #[must_use]
    pub fn piece(&mut self, index: usize, delta: &Delta) -> String {
        match delta {
            Delta::Content { text, logprobs } if !self.chat => {
                let wanted = self.wants_logprobs;
                let offset = &mut self.offsets[index];
                let logprobs = wanted.then(|| text_logprobs(logprobs, offset));
                self.text_event(index, text, logprobs, None, None)
            }
            Delta::Content { text, logprobs } => {
                let logprobs = self.wants_logprobs.then(|| chat_logprobs(logprobs));
                let delta = ChatDelta { content: Some(text), ..EMPTY };
                self.chat_event(index, delta, logprobs, None, None)
            }
            Delta::Reasoning(text) => {
                let delta = ChatDelta { reasoning_content: Some(text), ..EMPTY };
                self.chat_event(index, delta, None, None, None)
            }
            Delta::ToolCall { index: call, id, name } => {
                let function = CallFunction { name: Some(name), arguments: "" };
                let call =
                    CallDelta { index: *call, id: Some(id), kind: Some("function"), function };
                let delta = ChatDelta { tool_calls: Some([call]), ..EMPTY };
                self.chat_event(index, delta, None, None, None)
            }
            Delta::Arguments { index: call, text } => {
                let function = CallFunction { name: None, arguments: text };
                let call = CallDelta { index: *call, id: None, kind: None, function };
                let delta = ChatDelta { tool_calls: Some([call]), ..EMPTY };
                self.chat_event(index, delta, None, None, None)
            }
        }
    }

    /// The last event of an answer.
    #[must_use]
    pub fn end(
        &mut self,
        index: usize,
        ending: impl Into<FinishReason>,
        provenance: &Provenance,
    ) -> String {
        let finish = Some(ending.into());
        if self.chat {
            self.chat_event(index, EMPTY, None, finish, Some(provenance))
        } else {
            self.text_event(index, "", None, finish, Some(provenance))
        }
    }

    /// The token counts, where they were asked for.
    #[must_use]
    pub fn usage(&self, counts: Counts) -> String {
        if !self.include_usage {
            return String::new();
        }
        let none: [ChatChoice<'_>; 0] = [];
        self.event(none, Some(Some(counts.into())), None)
    }

    fn chat_event(
        &self,
        index: usize,
        delta: ChatDelta<'_>,
        logprobs: Option<ChatLogprobs>,
        finish_reason: Option<FinishReason>,
        provenance: Option<&Provenance>,
    ) -> String {
        let choice = ChatChoice { index, delta, logprobs, finish_reason };
        self.event([choice], self.include_usage.then_some(None), provenance)
    }

    fn text_event(
        &self,
        index: usize,
        text: &str,
        logprobs: Option<TextLogprobs>,
        finish_reason: Option<FinishReason>,
        provenance: Option<&Provenance>,
    ) -> String {
        let choice = TextChoice { index, text, logprobs, finish_reason };
        self.event([choice], self.include_usage.then_some(None), provenance)
    }

    fn event<C: Serialize, const N: usize>(
        &self,
        choices: [C; N],
        usage: Option<Option<Usage>>,
        pumasi: Option<&Provenance>,
    ) -> String {
        let chunk = Chunk {
            id: &self.head.id,
            object: if self.chat { "chat.completion.chunk" } else { "text_completion" },
            created: self.head.created,
            model: &self.head.model,
            system_fingerprint: None,
            choices: choices.into_iter().collect(),
            usage,
            pumasi,
        };
        data(&chunk)
    }
}

#[derive(Serialize)]
struct Chunk<'a, C> {
    id: &'a str,
    object: &'static str,
    created: u64,
    model: &'a str,
    system_fingerprint: Option<&'static str>,
    choices: Vec<C>,
    /// Absent unless usage was asked for, then null in all chunks but the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<Option<Usage>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pumasi: Option<&'a Provenance>,
}

#[derive(Serialize)]
struct ChatChoice<'a> {
    index: usize,
    delta: ChatDelta<'a>,
    logprobs: Option<ChatLogprobs>,
    finish_reason: Option<FinishReason>,
}

#[derive(Serialize)]
struct ChatDelta<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_content: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_calls: Option<[CallDelta<'a>; 1]>,
}

const EMPTY: ChatDelta<'static> =
    ChatDelta { role: None, content: None, reasoning_content: None, tool_calls: None };

#[derive(Serialize)]
struct CallDelta<'a> {
    index: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
    function: CallFunction<'a>,
}

#[derive(Serialize)]
struct CallFunction<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    arguments: &'a str,
}

#[derive(Serialize)]
struct TextChoice<'a> {
    index: usize,
    text: &'a str,
    logprobs: Option<TextLogprobs>,
    finish_reason: Option<FinishReason>,
}
