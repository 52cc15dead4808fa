//! Streamed messages: named events, one content block after the other, each opened and closed.

use serde::Serialize;
use serde_json::{Value, json};

use super::reply::{Usage, error_body, stop};
use crate::assemble::{Delta, Ending};
use crate::failure::Failure;
use crate::reply::{Counts, Head, Provenance, named};

/// What sort of block is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Open {
    Text,
    Thinking,
    Call,
}

/// Writes the events of one streamed message.
#[derive(Debug)]
pub(crate) struct Stream {
    head: Head,
    hide_thinking: bool,
    open: Option<Open>,
    /// Blocks that were opened so far.
    blocks: usize,
}

#[derive(Serialize)]
struct Stopped<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    delta: Stop<'a>,
    usage: Usage,
    pumasi: &'a Provenance,
}

#[derive(Serialize)]
struct Stop<'a> {
    stop_reason: &'static str,
    stop_sequence: Option<&'a str>,
}

impl Stream {
    pub(crate) fn new(head: Head, hide_thinking: bool) -> Self {
        Self { head, hide_thinking, open: None, blocks: 0 }
    }

    /// The message without content.
    pub(crate) fn begin(&self, counts: Counts) -> String {
        let message = json!({
            "id": self.head.id, "type": "message", "role": "assistant", "model": self.head.model,
            "content": [], "stop_reason": null, "stop_sequence": null,
            "usage": Usage::from(counts),
        });
        named("message_start", &json!({ "type": "message_start", "message": message }))
    }

    pub(crate) fn piece(&mut self, delta: &Delta) -> String {
        match delta {
            Delta::Content { text, .. } => {
                let opened = self.enter(Open::Text, &json!({ "type": "text", "text": "" }));
                opened + &self.delta(&json!({ "type": "text_delta", "text": text }))
            }
            Delta::Reasoning(text) => {
                let block = json!({ "type": "thinking", "thinking": "", "signature": "" });
                let opened = self.enter(Open::Thinking, &block);
                if self.hide_thinking {
                    return opened;
                }
                opened + &self.delta(&json!({ "type": "thinking_delta", "thinking": text }))
            }
            Delta::ToolCall { id, name, .. } => {
                let block = json!({ "type": "tool_use", "id": id, "name": name, "input": {} });
                self.close_block() + &self.start(Open::Call, &block)
            }
            Delta::Arguments { text, .. } => {
                self.delta(&json!({ "type": "input_json_delta", "partial_json": text }))
            }
        }
    }

    pub(crate) fn end(
        &mut self,
        ending: &Ending,
        counts: Counts,
        provenance: &Provenance,
    ) -> String {
        let closed = self.close_block();
        let (stop_reason, stop_sequence) = stop(ending);
        let stopped = Stopped {
            kind: "message_delta",
            delta: Stop { stop_reason, stop_sequence },
            usage: counts.into(),
            pumasi: provenance,
        };
        closed + &named("message_delta", &stopped)
    }

    pub(crate) fn close(&self) -> String {
        named("message_stop", &json!({ "type": "message_stop" }))
    }

    pub(crate) fn heartbeat(&self) -> String {
        named("ping", &json!({ "type": "ping" }))
    }

    pub(crate) fn failure(&self, failure: &Failure) -> String {
        format!("event: error\ndata: {}\n\n", error_body(failure))
    }

    /// Opens a block of this sort, unless the open one is of it.
    fn enter(&mut self, open: Open, block: &Value) -> String {
        if self.open == Some(open) {
            return String::new();
        }
        self.close_block() + &self.start(open, block)
    }

    fn start(&mut self, open: Open, block: &Value) -> String {
        let index = self.blocks;
        self.open = Some(open);
        self.blocks += 1;
        let event =
            json!({ "type": "content_block_start", "index": index, "content_block": block });
        named("content_block_start", &event)
    }

    fn delta(&self, delta: &Value) -> String {
        let index = self.blocks.saturating_sub(1);
        let event = json!({ "type": "content_block_delta", "index": index, "delta": delta });
        named("content_block_delta", &event)
    }

    fn close_block(&mut self) -> String {
        if self.open.take().is_none() {
            return String::new();
        }
        let index = self.blocks.saturating_sub(1);
        let event = json!({ "type": "content_block_stop", "index": index });
        named("content_block_stop", &event)
    }
}
