//! What a client has of an answer that a provider writes: enough to go on with it elsewhere.

use bytes::Bytes;
use pumasi_dialects::provider::Heard;
use pumasi_dialects::{Counts, Delta, GenerateRequest, Head};

use crate::limits;

/// What went out so far. The pieces are joined: they are needed only if the provider fails.
#[derive(Debug, Default)]
pub(super) struct Said {
    first: Option<Bytes>,
    deltas: Vec<Delta>,
    pub(super) counts: Option<Counts>,
    pub(super) pieces: u32,
    /// Part of a tool call went out: it cannot be taken back.
    pub(super) has_calls: bool,
}

impl Said {
    /// A frame goes out.
    pub(super) fn frame(&mut self, frame: &[u8], heard: Vec<Heard>) {
        if self.first.is_none() {
            let kept = frame.len().min(limits::FIRST_FRAME_BYTES);
            self.first = Some(Bytes::copy_from_slice(&frame[..kept]));
        }
        heard.into_iter().for_each(|heard| self.hear(heard));
    }

    fn hear(&mut self, heard: Heard) {
        match heard {
            Heard::Counts(counts) => self.counts = Some(counts),
            Heard::Ended(_) | Heard::Failed(_) => {}
            Heard::Delta(delta) => {
                self.pieces = self.pieces.saturating_add(1);
                self.take(delta);
            }
        }
    }

    fn take(&mut self, delta: Delta) {
        match (delta, self.deltas.last_mut()) {
            (Delta::Content { text, .. }, Some(Delta::Content { text: before, .. })) => {
                before.push_str(&text);
            }
            (Delta::Content { text, .. }, _) => {
                self.deltas.push(Delta::Content { text, logprobs: Vec::new() });
            }
            (Delta::Reasoning(text), Some(Delta::Reasoning(before))) => before.push_str(&text),
            (delta @ Delta::Reasoning(_), _) => self.deltas.push(delta),
            (Delta::ToolCall { .. } | Delta::Arguments { .. }, _) => self.has_calls = true,
        }
    }

    /// Whether the client has anything.
    pub(super) fn has_begun(&self) -> bool {
        self.first.is_some()
    }

    /// The pieces, joined.
    pub(super) fn deltas(&self) -> &[Delta] {
        &self.deltas
    }

    /// What the provider's objects began with, so that those that follow look alike.
    pub(super) fn head(&self, otherwise: Head) -> Head {
        let first = self.first.as_deref().unwrap_or_default();
        let text = std::str::from_utf8(first).unwrap_or_default();
        let data = text.lines().find_map(|line| line.strip_prefix("data:"));
        let value: serde_json::Value =
            data.and_then(|data| serde_json::from_str(data).ok()).unwrap_or_default();
        // Anthropic's first event holds the message.
        let object = if value["message"].is_object() { &value["message"] } else { &value };
        let word = |name: &str| object[name].as_str().map(str::to_owned);
        Head {
            id: word("id").unwrap_or(otherwise.id),
            created: object["created"].as_u64().unwrap_or(otherwise.created),
            model: word("model").unwrap_or(otherwise.model),
        }
    }

    /// Tokens so far, as far as they are known.
    pub(super) fn counts(&self) -> Counts {
        let told = self.counts.unwrap_or_default();
        Counts { completion: told.completion.max(self.pieces.into()), ..told }
    }

    /// Makes a request one for the rest of the answer.
    pub(super) fn rest(&self, request: &mut GenerateRequest) {
        let text: String = self.deltas.iter().map(text_of).collect();
        for generate in &mut request.answers {
            generate.max_tokens =
                generate.max_tokens.map(|most| most.saturating_sub(self.pieces).max(1));
            if !text.is_empty() {
                generate.prompt.begin_answer(&text);
            }
        }
    }
}

fn text_of(delta: &Delta) -> &str {
    match delta {
        Delta::Content { text, .. } => text,
        Delta::Reasoning(_) | Delta::ToolCall { .. } | Delta::Arguments { .. } => "",
    }
}
