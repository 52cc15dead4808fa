//! Thinking blocks: `<think>` at the very beginning (or already open in the prompt) up to `</think>`.
//! Blank space around the block belongs to nobody.

use pumasi_protocol::engine::OutputSyntax;

use super::stop::overlap;

const OPEN: &str = "<think>";
const CLOSE: &str = "</think>";

/// Text of the answer and where it begins in the decoded text.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) text: String,
    pub(super) start: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Nothing but blank space has come yet; a block may follow.
    Before,
    /// Inside, before its first visible character.
    Opened,
    Inside,
    /// Behind the block, before the answer's first visible character.
    Closed,
    After,
}

/// Splits a stream of text into thinking and answer.
#[derive(Debug)]
pub(super) struct Thinking {
    state: State,
    held: String,
    /// Where the held text begins.
    position: u64,
}

impl Thinking {
    pub(super) fn new(syntax: OutputSyntax) -> Self {
        let state = match (syntax.thinking_open, syntax.thinking) {
            (true, _) => State::Opened,
            (false, true) => State::Before,
            (false, false) => State::After,
        };
        Self { state, held: String::new(), position: 0 }
    }

    /// Whether the text that comes is thinking.
    pub(super) fn is_open(&self) -> bool {
        match self.state {
            State::Opened | State::Inside => true,
            State::Before | State::Closed | State::After => false,
        }
    }

    /// Thinking and answer that are free to go.
    pub(super) fn push(&mut self, text: &str) -> (String, Answer) {
        self.held.push_str(text);
        let mut reasoning = String::new();
        loop {
            let before = self.state;
            match self.state {
                State::Before => self.before(),
                State::Opened => self.skip_space(State::Inside),
                State::Inside => reasoning.push_str(&self.inside()),
                State::Closed => self.skip_space(State::After),
                State::After => return (reasoning, self.take_all()),
            }
            if self.state == before {
                return (reasoning, Answer { text: String::new(), start: self.position });
            }
        }
    }

    fn before(&mut self) {
        let visible = self.held.trim_start();
        if visible.starts_with(OPEN) {
            let tag = self.held.len() - visible.len() + OPEN.len();
            self.skip(tag);
            self.state = State::Opened;
        } else if !OPEN.starts_with(visible) {
            self.state = State::After;
        }
    }

    fn inside(&mut self) -> String {
        if let Some(at) = self.held.find(CLOSE) {
            let text = self.held[..at].trim_end().to_owned();
            self.skip(at + CLOSE.len());
            self.state = State::Closed;
            return text;
        }
        let free = self.held.len() - overlap(&self.held, CLOSE);
        let free = self.held[..free].trim_end().len();
        let text = self.held[..free].to_owned();
        self.skip(free);
        text
    }

    fn skip_space(&mut self, next: State) {
        let blank = self.held.len() - self.held.trim_start().len();
        self.skip(blank);
        if !self.held.is_empty() {
            self.state = next;
        }
    }

    fn skip(&mut self, bytes: usize) {
        self.held.drain(..bytes);
        self.position += bytes as u64;
    }

    fn take_all(&mut self) -> Answer {
        let text = std::mem::take(&mut self.held);
        let start = self.position;
        self.position += text.len() as u64;
        Answer { text, start }
    }

    /// What was held back, at the end.
    pub(super) fn finish(&mut self) -> (String, Answer) {
        match self.state {
            State::Opened | State::Inside => (self.take_all().text, Answer::default()),
            State::Before | State::Closed | State::After => (String::new(), self.take_all()),
        }
    }
}
