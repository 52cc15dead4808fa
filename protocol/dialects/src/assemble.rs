//! From an engine's tokens to what a program reads: text, thinking, tool calls, log-probabilities.
//! A pipeline of small state machines (bytes → UTF-8 → stop strings → thinking → tool calls), each of
//! which holds back what the next bytes could still change. How tokens are split changes nothing.

mod call;
mod stop;
mod thinking;
mod tools;
mod utf8;

use std::collections::VecDeque;

use pumasi_protocol::engine::{OutputSyntax, Token};
use pumasi_protocol::{Finish, JobId};

use stop::StopFilter;
use thinking::Thinking;
use tools::{Piece, Tools};
use utf8::Utf8;

/// A token in the answer's text, with its log-probability.
#[derive(Debug, Clone, PartialEq)]
pub struct TokenLogprob {
    /// The token's bytes.
    pub bytes: Vec<u8>,
    /// Natural logarithm of its probability.
    pub logprob: f32,
    /// The likeliest alternatives, as bytes and logarithm.
    pub top: Vec<(Vec<u8>, f32)>,
}

/// A piece of the answer, ready to be sent.
#[derive(Debug, Clone, PartialEq)]
pub enum Delta {
    /// Text of the answer.
    Content {
        /// The text; never empty.
        text: String,
        /// Tokens that end in it, where they were asked for.
        logprobs: Vec<TokenLogprob>,
    },
    /// Text of a thinking block.
    Reasoning(String),
    /// A tool call begins.
    ToolCall {
        /// Counts the calls of one answer from 0.
        index: u32,
        /// By which the tool's result refers to it.
        id: String,
        /// The tool's name.
        name: String,
    },
    /// More of a tool call's arguments: the pieces joined are one JSON value.
    Arguments {
        /// Which call.
        index: u32,
        /// The next piece.
        text: String,
    },
}

/// Why an answer ended, for the program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// The model ended it.
    Stop,
    /// This stop string did, which is not part of it.
    StopString(String),
    /// The ceiling or the context was reached.
    Length,
    /// It ended with tool calls.
    ToolCalls,
    /// It was cancelled.
    Cancelled,
}

/// What one answer's assembly depends on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Strings that end the answer.
    pub stop: Vec<String>,
    /// Collect log-probabilities.
    pub logprobs: bool,
    /// Names of the tools that may be called.
    pub tools: Vec<String>,
    /// Take more than one tool call.
    pub parallel_tool_calls: bool,
    /// The job, from which the calls' ids are derived.
    pub job: JobId,
}

/// Assembles one answer.
#[derive(Debug)]
pub struct Assembler {
    utf8: Utf8,
    stop: StopFilter,
    thinking: Thinking,
    tools: Tools,
    logprobs: Option<Aligner>,
    over: bool,
    tokens: u32,
    reasoning_tokens: u32,
}

impl Assembler {
    /// For an answer that has not begun.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self {
            utf8: Utf8::default(),
            stop: StopFilter::new(settings.stop),
            thinking: Thinking::new(OutputSyntax::default()),
            tools: Tools::new(settings.tools, settings.parallel_tool_calls, settings.job),
            logprobs: settings.logprobs.then(Aligner::default),
            over: false,
            tokens: 0,
            reasoning_tokens: 0,
        }
    }

    /// Tells how to read the answer. A further start counts as long as there is no token.
    pub fn start(&mut self, syntax: OutputSyntax) {
        if self.tokens == 0 {
            self.thinking = Thinking::new(syntax);
            self.tools.set_syntax(syntax.tools);
        }
    }

    /// Takes further tokens. After the answer is over they are dropped.
    pub fn push(&mut self, tokens: &[Token]) -> Vec<Delta> {
        let mut deltas = Vec::new();
        for token in tokens {
            if self.over {
                break;
            }
            self.push_one(token, &mut deltas);
        }
        deltas
    }

    fn push_one(&mut self, token: &Token, deltas: &mut Vec<Delta>) {
        self.tokens = self.tokens.saturating_add(1);
        let was_thinking = self.thinking.is_open();
        let text = self.utf8.push(&token.bytes);
        if let Some(aligner) = &mut self.logprobs {
            aligner.push(token, self.utf8.end());
        }
        let (released, hit) = self.stop.push(&text);
        self.route(&released, deltas);
        if hit {
            self.end(deltas);
        }
        if was_thinking || self.thinking.is_open() {
            self.reasoning_tokens = self.reasoning_tokens.saturating_add(1);
        }
    }

    fn route(&mut self, text: &str, deltas: &mut Vec<Delta>) {
        let (reasoning, answer) = self.thinking.push(text);
        push_reasoning(deltas, reasoning);
        let pieces = self.tools.push(&answer.text, answer.start);
        self.emit(pieces, deltas);
        self.over |= self.tools.is_over();
    }

    fn emit(&mut self, pieces: Vec<Piece>, deltas: &mut Vec<Delta>) {
        for piece in pieces {
            match piece {
                Piece::Content { text, start } => self.emit_content(text, start, deltas),
                Piece::Call { index, id, name } => {
                    deltas.push(Delta::ToolCall { index, id, name });
                }
                Piece::Arguments { index, text } => push_arguments(deltas, index, text),
            }
        }
    }

    fn emit_content(&mut self, text: String, start: u64, deltas: &mut Vec<Delta>) {
        let mut fresh = match &mut self.logprobs {
            Some(aligner) => aligner.take(start, start + text.len() as u64),
            None => Vec::new(),
        };
        match deltas.last_mut() {
            Some(Delta::Content { text: last, logprobs }) => {
                last.push_str(&text);
                logprobs.append(&mut fresh);
            }
            Some(Delta::Reasoning(_) | Delta::ToolCall { .. } | Delta::Arguments { .. }) | None => {
                deltas.push(Delta::Content { text, logprobs: fresh });
            }
        }
    }

    /// Gives out what was held back.
    fn end(&mut self, deltas: &mut Vec<Delta>) {
        let (reasoning, answer) = self.thinking.finish();
        push_reasoning(deltas, reasoning);
        let mut pieces = self.tools.push(&answer.text, answer.start);
        pieces.extend(self.tools.finish());
        self.emit(pieces, deltas);
        self.over = true;
    }

    /// The engine ended the answer: what is left of it, and why it ended.
    pub fn finish(&mut self, finish: Finish) -> (Vec<Delta>, Ending) {
        let mut deltas = Vec::new();
        let stopped = self.over;
        if !self.over {
            let tail = self.utf8.finish();
            let (mut released, hit) = self.stop.push(&tail);
            if !hit {
                released.push_str(&self.stop.finish());
            }
            self.route(&released, &mut deltas);
            self.end(&mut deltas);
        }
        if stopped {
            return (deltas, self.natural_end());
        }
        let ending = match finish {
            Finish::Stop | Finish::StopString | Finish::Grammar => self.natural_end(),
            Finish::Length => Ending::Length,
            Finish::Cancelled => Ending::Cancelled,
        };
        (deltas, ending)
    }

    fn natural_end(&self) -> Ending {
        match self.stop.hit() {
            _ if self.tools.calls() > 0 => Ending::ToolCalls,
            Some(stop) => Ending::StopString(stop.to_owned()),
            None => Ending::Stop,
        }
    }

    /// Whether nothing that the engine sends can change the answer any more.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.over
    }

    /// Tokens taken so far.
    #[must_use]
    pub fn tokens(&self) -> u32 {
        self.tokens
    }

    /// Of these, tokens of thinking.
    #[must_use]
    pub fn reasoning_tokens(&self) -> u32 {
        self.reasoning_tokens
    }
}

fn push_reasoning(deltas: &mut Vec<Delta>, text: String) {
    if text.is_empty() {
        return;
    }
    if let Some(Delta::Reasoning(last)) = deltas.last_mut() {
        last.push_str(&text);
    } else {
        deltas.push(Delta::Reasoning(text));
    }
}

fn push_arguments(deltas: &mut Vec<Delta>, index: u32, text: String) {
    match deltas.last_mut() {
        Some(Delta::Arguments { index: last, text: joined }) if *last == index => {
            joined.push_str(&text);
        }
        Some(_) | None => deltas.push(Delta::Arguments { index, text }),
    }
}

/// Gives each token to the piece of content in which its text ends. Positions are bytes of decoded text.
#[derive(Debug, Default)]
struct Aligner {
    /// Where each token's text ends, and the token.
    waiting: VecDeque<(u64, TokenLogprob)>,
    end: u64,
}

impl Aligner {
    fn push(&mut self, token: &Token, end: u64) {
        let start = std::mem::replace(&mut self.end, end);
        if let Some(logprob) = token.logprob.filter(|_| end > start) {
            let top = token.top.iter().map(|alt| (alt.bytes.clone(), alt.logprob)).collect();
            let entry = TokenLogprob { bytes: token.bytes.clone(), logprob, top };
            self.waiting.push_back((end, entry));
        }
    }

    /// Tokens that end in `start..=end`; those that ended before were not content.
    fn take(&mut self, start: u64, end: u64) -> Vec<TokenLogprob> {
        let ready = self.waiting.iter().take_while(|(to, _)| *to <= end).count();
        let ready = self.waiting.drain(..ready);
        ready.filter(|(to, _)| *to > start).map(|(_, entry)| entry).collect()
    }
}
