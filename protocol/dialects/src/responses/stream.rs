//! Streamed responses: numbered events that open each item, tell of it piece by piece, and close it.

use serde_json::{Value, json};

use super::reply::{
    Status, finish, item, item_id, items, reasoning_part, response, text_part, token_logprobs,
};
use super::request::Echo;
use crate::assemble::{Delta, Ending};
use crate::failure::Failure;
use crate::reply::{Answer, Block, Counts, Head, Provenance, named};

/// Writes the events of one streamed response.
#[derive(Debug)]
pub(crate) struct Stream {
    head: Head,
    echo: Echo,
    /// What was told so far.
    answer: Answer,
    /// Log-probabilities that belong to items before the open one.
    told_logprobs: usize,
    /// The open item: its place and its id.
    open: Option<(usize, String)>,
    sequence: u64,
}

impl Stream {
    pub(crate) fn new(head: Head, echo: Echo) -> Self {
        Self { head, echo, answer: Answer::default(), told_logprobs: 0, open: None, sequence: 0 }
    }

    pub(crate) fn begin(&mut self) -> String {
        let empty = response(&self.head, &self.echo, Status::InProgress, Vec::new());
        let created = self.event("response.created", json!({ "response": empty }));
        created + &self.event("response.in_progress", json!({ "response": empty }))
    }

    pub(crate) fn piece(&mut self, delta: &Delta) -> String {
        let (blocks, logprobs) = (self.answer.blocks.len(), self.answer.logprobs.len());
        self.answer.push(delta.clone());
        let mut text = String::new();
        if self.answer.blocks.len() > blocks {
            text.push_str(&self.close_item(logprobs, Status::Completed));
            text.push_str(&self.open_item());
        }
        text + &self.tell(delta)
    }

    /// The events before the first piece of an item.
    fn open_item(&mut self) -> String {
        let Some(block) = self.answer.blocks.last() else { return String::new() };
        let index = self.answer.blocks.len() - 1;
        let id = item_id(&self.head, index, block);
        let mut empty = item(&self.head, index, &block.emptied(), Status::InProgress, &[]);
        let part = match block {
            Block::Call(_) => None,
            Block::Text(_) => Some(text_part("", &[])),
            Block::Thinking(_) => Some(reasoning_part("")),
        };
        if part.is_some() {
            empty["content"] = json!([]);
        }
        self.open = Some((index, id.clone()));
        let fields = json!({ "output_index": index, "item": empty });
        let added = self.event("response.output_item.added", fields);
        let Some(part) = part else { return added };
        let fields =
            json!({ "item_id": id, "output_index": index, "content_index": 0, "part": part });
        added + &self.event("response.content_part.added", fields)
    }

    fn tell(&mut self, delta: &Delta) -> String {
        let Some((index, id)) = self.open.clone() else { return String::new() };
        match delta {
            Delta::Content { text, logprobs } => {
                let logprobs = token_logprobs(logprobs);
                let fields = json!({ "item_id": id, "output_index": index, "content_index": 0,
                    "delta": text, "logprobs": logprobs });
                self.event("response.output_text.delta", fields)
            }
            Delta::Reasoning(text) => {
                let fields = json!({ "item_id": id, "output_index": index, "content_index": 0,
                    "delta": text });
                self.event("response.reasoning_text.delta", fields)
            }
            Delta::ToolCall { .. } => String::new(),
            Delta::Arguments { text, .. } => {
                let fields = json!({ "item_id": id, "output_index": index, "delta": text });
                self.event("response.function_call_arguments.delta", fields)
            }
        }
    }

    /// The events after the last piece of the open item, if there is one. `logprobs`: how many there
    /// are up to its end.
    fn close_item(&mut self, logprobs: usize, status: Status) -> String {
        let Some((index, id)) = self.open.take() else { return String::new() };
        let block = self.answer.blocks[index].clone();
        let logprobs = self.answer.logprobs[self.told_logprobs..logprobs].to_vec();
        self.told_logprobs += logprobs.len();
        let whole = item(&self.head, index, &block, status, &logprobs);
        let of_part = |text: &str, part: Value| {
            let done =
                json!({ "item_id": id, "output_index": index, "content_index": 0, "text": text });
            let part =
                json!({ "item_id": id, "output_index": index, "content_index": 0, "part": part });
            (done, part)
        };
        let mut text = match &block {
            Block::Call(call) => {
                let fields = json!({ "item_id": id, "output_index": index, "name": call.name,
                    "arguments": call.arguments });
                self.event("response.function_call_arguments.done", fields)
            }
            Block::Text(said) => {
                let (mut done, part) = of_part(said, text_part(said, &logprobs));
                done["logprobs"] = json!(token_logprobs(&logprobs));
                let done = self.event("response.output_text.done", done);
                done + &self.event("response.content_part.done", part)
            }
            Block::Thinking(thought) => {
                let (done, part) = of_part(thought, reasoning_part(thought));
                let done = self.event("response.reasoning_text.done", done);
                done + &self.event("response.content_part.done", part)
            }
        };
        let fields = json!({ "output_index": index, "item": whole });
        text.push_str(&self.event("response.output_item.done", fields));
        text
    }

    pub(crate) fn end(
        &mut self,
        ending: &Ending,
        counts: Counts,
        provenance: &Provenance,
    ) -> String {
        let status = Status::of(ending);
        let closed = self.close_item(self.answer.logprobs.len(), status);
        let mut whole =
            response(&self.head, &self.echo, status, items(&self.head, &self.answer, status));
        finish(&mut whole, counts, Some(self.head.created), std::slice::from_ref(provenance));
        let name = match status {
            Status::Incomplete => "response.incomplete",
            Status::Completed | Status::InProgress | Status::Failed => "response.completed",
        };
        closed + &self.event(name, json!({ "response": whole }))
    }

    pub(crate) fn failure(&mut self, failure: &Failure) -> String {
        let output = items(&self.head, &self.answer, Status::Incomplete);
        let mut whole = response(&self.head, &self.echo, Status::Failed, output);
        let error = json!({ "code": failure.code, "message": failure.message });
        whole.insert("error".to_owned(), error);
        self.event("response.failed", json!({ "response": whole }))
    }

    fn event(&mut self, name: &str, fields: Value) -> String {
        let mut event = json!({ "type": name, "sequence_number": self.sequence });
        if let (Some(event), Value::Object(fields)) = (event.as_object_mut(), fields) {
            event.extend(fields);
        }
        self.sequence += 1;
        named(name, &event)
    }
}
