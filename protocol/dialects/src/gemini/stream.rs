//! Streamed replies: each piece is a whole response, as an event or as an element of one JSON array.
//! A call is written when its arguments are whole.

use super::reply::{Candidate, Content, Logprobs, Part, Response, error_body, finish_reason};
use crate::assemble::{Delta, Ending};
use crate::failure::Failure;
use crate::reply::{Call, Counts, Head, Provenance, to_json};

/// Writes the pieces of one streamed reply.
#[derive(Debug)]
pub(crate) struct Stream {
    head: Head,
    thoughts: bool,
    events: bool,
    wants_logprobs: bool,
    /// For each answer a call whose arguments are still coming.
    calls: Vec<Option<Call>>,
    /// The prompt's count, which each piece repeats.
    counts: Counts,
    begun: bool,
}

impl Stream {
    pub(crate) fn new(
        head: Head,
        answers: usize,
        thoughts: bool,
        events: bool,
        wants_logprobs: bool,
    ) -> Self {
        let (calls, counts) = (vec![None; answers], Counts::default());
        Self { head, thoughts, events, wants_logprobs, calls, counts, begun: false }
    }

    pub(crate) fn is_events(&self) -> bool {
        self.events
    }

    pub(crate) fn begin(&mut self, counts: Counts) -> String {
        self.counts = counts;
        String::new()
    }

    pub(crate) fn piece(&mut self, index: usize, delta: &Delta) -> String {
        match delta {
            Delta::Content { text, logprobs } => {
                let ended = self.end_call(index);
                let mut candidate = candidate(index, vec![Part::text(text.clone(), false)]);
                candidate.logprobs_result = self.wants_logprobs.then(|| Logprobs::new(logprobs));
                ended + &self.response(candidate, self.counts, &[])
            }
            Delta::Reasoning(text) if self.thoughts => {
                let ended = self.end_call(index);
                let candidate = candidate(index, vec![Part::text(text.clone(), true)]);
                ended + &self.response(candidate, self.counts, &[])
            }
            Delta::Reasoning(_) => self.end_call(index),
            Delta::ToolCall { id, name, .. } => {
                let ended = self.end_call(index);
                let (id, name) = (id.clone(), name.clone());
                self.calls[index] = Some(Call { id, name, arguments: String::new() });
                ended
            }
            Delta::Arguments { text, .. } => {
                if let Some(call) = &mut self.calls[index] {
                    call.arguments.push_str(text);
                }
                String::new()
            }
        }
    }

    pub(crate) fn end(
        &mut self,
        index: usize,
        ending: &Ending,
        counts: Counts,
        provenance: &Provenance,
    ) -> String {
        let ended = self.end_call(index);
        let mut candidate = candidate(index, vec![Part::text(String::new(), false)]);
        candidate.finish_reason = Some(finish_reason(ending));
        ended + &self.response(candidate, counts, std::slice::from_ref(provenance))
    }

    pub(crate) fn close(&self) -> String {
        match (self.events, self.begun) {
            (true, _) => String::new(),
            (false, true) => "\n]\n".to_owned(),
            (false, false) => "[]\n".to_owned(),
        }
    }

    /// The official client reads every line that is no data as JSON, comments included.
    pub(crate) fn heartbeat(&self) -> String {
        "\n".to_owned()
    }

    pub(crate) fn failure(&mut self, failure: &Failure) -> String {
        self.framed(&error_body(failure)) + &self.close()
    }

    fn end_call(&mut self, index: usize) -> String {
        let Some(call) = self.calls[index].take() else { return String::new() };
        let Some(part) = Part::call(&call) else { return String::new() };
        self.response(candidate(index, vec![part]), self.counts, &[])
    }

    fn response(&mut self, candidate: Candidate, counts: Counts, pumasi: &[Provenance]) -> String {
        let text = to_json(&Response {
            candidates: vec![candidate],
            usage_metadata: counts.into(),
            model_version: &self.head.model,
            response_id: &self.head.id,
            pumasi,
        });
        self.framed(&text)
    }

    fn framed(&mut self, text: &str) -> String {
        if self.events {
            return format!("data: {text}\n\n");
        }
        let before = if std::mem::replace(&mut self.begun, true) { ",\n" } else { "[" };
        format!("{before}{text}")
    }
}

fn candidate(index: usize, parts: Vec<Part>) -> Candidate {
    Candidate {
        content: Content { parts, role: "model" },
        finish_reason: None,
        index,
        avg_logprobs: None,
        logprobs_result: None,
    }
}
