//! Streamed replies: one JSON object a line. A call is written when its arguments are whole.

use super::reply::{End, Line, Said, ToolCall, error_body, logprobs};
use crate::assemble::{Delta, Ending};
use crate::failure::Failure;
use crate::fields::time::rfc3339;
use crate::reply::{Call, Counts, Head, Provenance, to_json};

/// Writes the lines of one streamed reply.
#[derive(Debug)]
pub(crate) struct Stream {
    head: Head,
    chat: bool,
    wants_logprobs: bool,
    /// A call whose arguments are still coming.
    call: Option<Call>,
    /// Calls that were written.
    calls: u32,
}

impl Stream {
    pub(crate) fn new(head: Head, chat: bool, wants_logprobs: bool) -> Self {
        Self { head, chat, wants_logprobs, call: None, calls: 0 }
    }

    pub(crate) fn piece(&mut self, delta: &Delta) -> String {
        match delta {
            Delta::Content { text, logprobs: tokens } => {
                let mut line = self.line(text.clone(), String::new(), Vec::new());
                line.logprobs = self.wants_logprobs.then(|| logprobs(tokens));
                let line = written(&line);
                self.end_call() + &line
            }
            Delta::Reasoning(text) => {
                let ended = self.end_call();
                ended + &written(&self.line(String::new(), text.clone(), Vec::new()))
            }
            Delta::ToolCall { id, name, .. } => {
                let ended = self.end_call();
                let (id, name) = (id.clone(), name.clone());
                self.call = Some(Call { id, name, arguments: String::new() });
                ended
            }
            Delta::Arguments { text, .. } => {
                if let Some(call) = &mut self.call {
                    call.arguments.push_str(text);
                }
                String::new()
            }
        }
    }

    pub(crate) fn end(
        &mut self,
        ending: &Ending,
        counts: Counts,
        provenance: &Provenance,
    ) -> String {
        let ended = self.end_call();
        let mut line = self.line(String::new(), String::new(), Vec::new());
        line.done = true;
        line.end = Some(End::new(ending, counts, provenance.timings));
        line.pumasi = Some(provenance);
        ended + &written(&line)
    }

    /// Clients read each line as JSON, an empty one as well.
    pub(crate) fn heartbeat(&self) -> String {
        written(&self.line(String::new(), String::new(), Vec::new()))
    }

    pub(crate) fn failure(&self, failure: &Failure) -> String {
        error_body(failure) + "\n"
    }

    fn end_call(&mut self) -> String {
        let Some(call) = self.call.take() else { return String::new() };
        let Some(call) = ToolCall::new(self.calls, &call) else { return String::new() };
        self.calls += 1;
        written(&self.line(String::new(), String::new(), vec![call]))
    }

    fn line(&self, text: String, thinking: String, calls: Vec<ToolCall>) -> Line<'_> {
        Line {
            model: &self.head.model,
            created_at: rfc3339(self.head.created),
            said: Said::new(self.chat, text, thinking, calls),
            done: false,
            logprobs: None,
            end: None,
            pumasi: None,
        }
    }
}

fn written(line: &Line<'_>) -> String {
    to_json(line) + "\n"
}
