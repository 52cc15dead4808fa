//! Tool calls in the answer's text, in the spelling of each family of models. What turns out not to be
//! a call is given out as the text that it is.

use pumasi_protocol::JobId;
use pumasi_protocol::engine::ToolSyntax;

use super::call::{CallScanner, Found, Progress};
use super::stop::overlap;

/// A piece of the answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Piece {
    /// Text, and where it begins in the decoded text.
    Content {
        text: String,
        start: u64,
    },
    Call {
        index: u32,
        id: String,
        name: String,
    },
    Arguments {
        index: u32,
        text: String,
    },
}

#[derive(Debug)]
enum State {
    /// Text, in which a call may begin.
    Text,
    /// Text up to the end: no call can begin any more.
    Plain,
    /// Inside a call. `raw` is what to give out if it turns out to be none.
    Call { scanner: CallScanner, raw: String, start: u64 },
    /// Between two calls or behind the last.
    Between,
}

/// Separates calls from text.
#[derive(Debug)]
pub(super) struct Tools {
    syntax: ToolSyntax,
    names: Vec<String>,
    parallel: bool,
    job: JobId,
    state: State,
    held: String,
    /// Where the held text begins.
    position: u64,
    calls: u32,
    over: bool,
}

impl Tools {
    pub(super) fn new(names: Vec<String>, parallel: bool, job: JobId) -> Self {
        Self {
            syntax: ToolSyntax::None,
            names,
            parallel,
            job,
            state: State::Plain,
            held: String::new(),
            position: 0,
            calls: 0,
            over: false,
        }
    }

    pub(super) fn set_syntax(&mut self, syntax: ToolSyntax) {
        self.syntax = syntax;
        self.state = match syntax {
            ToolSyntax::None => State::Plain,
            ToolSyntax::Hermes | ToolSyntax::BareJson | ToolSyntax::Mistral => State::Text,
        };
    }

    pub(super) fn calls(&self) -> u32 {
        self.calls
    }

    pub(super) fn is_over(&self) -> bool {
        self.over
    }

    /// `start` is where `text` begins; text is contiguous except for what came before the first.
    pub(super) fn push(&mut self, text: &str, start: u64) -> Vec<Piece> {
        if self.held.is_empty() {
            self.position = start;
        }
        self.held.push_str(text);
        let mut pieces = Vec::new();
        while !self.over && self.step(&mut pieces) {}
        pieces
    }

    /// One step; false when more text is needed.
    fn step(&mut self, pieces: &mut Vec<Piece>) -> bool {
        if self.held.is_empty() {
            return false;
        }
        match self.state {
            State::Plain => {
                self.give(self.held.len(), pieces);
                false
            }
            State::Text => self.text(pieces),
            State::Call { .. } => self.call(pieces),
            State::Between => self.between(),
        }
    }

    fn mark(&self) -> &'static str {
        match self.syntax {
            ToolSyntax::None | ToolSyntax::BareJson => "",
            ToolSyntax::Hermes => "<tool_call>",
            ToolSyntax::Mistral => "[TOOL_CALLS]",
        }
    }

    fn text(&mut self, pieces: &mut Vec<Piece>) -> bool {
        if self.syntax == ToolSyntax::BareJson {
            return self.bare();
        }
        let mark = self.mark();
        let (free, found) = match self.held.find(mark) {
            Some(at) => (at, true),
            None => (self.held.len() - overlap(&self.held, mark), false),
        };
        // Blank space before a call belongs to the call.
        let visible = self.held[..free].trim_end().len();
        self.give(visible, pieces);
        if found {
            let raw = self.held[..free - visible + mark.len()].to_owned();
            let start = self.position;
            self.skip(raw.len());
            self.begin(raw, start);
        }
        found
    }

    fn begin(&mut self, raw: String, start: u64) {
        self.state = match self.syntax {
            ToolSyntax::Mistral => State::Between,
            ToolSyntax::None | ToolSyntax::Hermes | ToolSyntax::BareJson => {
                State::Call { scanner: CallScanner::new(), raw, start }
            }
        };
    }

    /// A bare object is a call only as the beginning of the whole answer.
    fn bare(&mut self) -> bool {
        match self.held.trim_start().chars().next() {
            None => false,
            Some('{') => {
                let blank = self.held.len() - self.held.trim_start().len();
                let (raw, start) = (self.held[..blank].to_owned(), self.position);
                self.skip(blank);
                self.begin(raw, start);
                true
            }
            Some(_) => {
                self.state = State::Plain;
                true
            }
        }
    }

    fn call(&mut self, pieces: &mut Vec<Piece>) -> bool {
        let State::Call { mut scanner, mut raw, start } =
            std::mem::replace(&mut self.state, State::Plain)
        else {
            return true;
        };
        let mut found = Vec::new();
        let (mut used, mut progress) = (0, Progress::Open);
        for c in self.held.chars() {
            progress = scanner.push(c, &mut found);
            if progress == Progress::Broken {
                break;
            }
            used += c.len_utf8();
            if progress == Progress::Closed {
                break;
            }
        }
        let text = self.held[..used].to_owned();
        self.skip(used);
        if !scanner.is_named() || !self.accept(&mut found, pieces) {
            raw.push_str(&text);
        }
        let refused = scanner.is_named() && found.iter().any(|f| matches!(f, Found::Name(_)));
        match progress {
            Progress::Open if !refused => {
                self.state = State::Call { scanner, raw, start };
                false
            }
            Progress::Closed if !refused => {
                self.closed();
                true
            }
            Progress::Broken if scanner.is_named() && !refused => {
                self.state = State::Between;
                true
            }
            Progress::Open | Progress::Closed | Progress::Broken => {
                self.give_back(raw, start, pieces);
                true
            }
        }
    }

    fn closed(&mut self) {
        self.state = State::Between;
        self.over = !self.parallel;
    }

    /// Gives out what was found. False, and nothing is taken, if the name is not on offer where only
    /// the name tells a call from data.
    fn accept(&mut self, found: &mut Vec<Found>, pieces: &mut Vec<Piece>) -> bool {
        let foreign = |f: &Found| match f {
            Found::Name(name) => !self.names.contains(name),
            Found::Arguments(_) => false,
        };
        if self.syntax == ToolSyntax::BareJson && found.iter().any(foreign) {
            return false;
        }
        for one in found.drain(..) {
            match one {
                Found::Name(name) => {
                    let (index, id) = (self.calls, call_id(self.job, self.calls));
                    self.calls += 1;
                    pieces.push(Piece::Call { index, id, name });
                }
                Found::Arguments(text) => {
                    pieces.push(Piece::Arguments { index: self.calls.saturating_sub(1), text });
                }
            }
        }
        true
    }

    fn between(&mut self) -> bool {
        let blank = self.held.len() - self.held.trim_start().len();
        self.skip(blank);
        match self.syntax {
            ToolSyntax::None => self.state = State::Plain,
            ToolSyntax::Hermes => return self.skip_mark("</tool_call>", State::Text),
            ToolSyntax::Mistral => self.next_in_list(&['[', ',']),
            ToolSyntax::BareJson => self.next_in_list(&[';', ',']),
        }
        !self.held.is_empty()
    }

    fn skip_mark(&mut self, mark: &str, next: State) -> bool {
        if self.held.starts_with(mark) {
            self.skip(mark.len());
            self.state = next;
            return true;
        }
        if mark.starts_with(self.held.as_str()) {
            return false;
        }
        self.state = next;
        true
    }

    fn next_in_list(&mut self, separators: &[char]) {
        match self.held.chars().next() {
            None => {}
            Some(c) if separators.contains(&c) => self.skip(c.len_utf8()),
            Some('{') => self.begin_listed(),
            Some(']') => {
                self.skip(1);
                self.state = State::Plain;
            }
            Some(_) => self.state = State::Plain,
        }
    }

    fn begin_listed(&mut self) {
        let start = self.position;
        self.state = State::Call { scanner: CallScanner::new(), raw: String::new(), start };
    }

    fn skip(&mut self, bytes: usize) {
        self.held.drain(..bytes);
        self.position += bytes as u64;
    }

    fn give(&mut self, bytes: usize, pieces: &mut Vec<Piece>) {
        if bytes == 0 {
            return;
        }
        let start = self.position;
        let text = self.held[..bytes].to_owned();
        self.skip(bytes);
        pieces.push(Piece::Content { text, start });
    }

    fn give_back(&mut self, raw: String, start: u64, pieces: &mut Vec<Piece>) {
        self.state = match self.syntax {
            ToolSyntax::Hermes => State::Text,
            ToolSyntax::None | ToolSyntax::BareJson | ToolSyntax::Mistral => State::Plain,
        };
        if !raw.is_empty() {
            pieces.push(Piece::Content { text: raw, start });
        }
    }

    /// What was held back, at the end.
    pub(super) fn finish(&mut self) -> Vec<Piece> {
        let mut pieces = Vec::new();
        match std::mem::replace(&mut self.state, State::Plain) {
            State::Call { scanner, raw, start } if !scanner.is_named() => {
                self.give_back(raw, start, &mut pieces);
            }
            State::Call { .. } | State::Between => {}
            State::Text if self.calls > 0 && self.held.trim().is_empty() => {}
            State::Text | State::Plain => self.give(self.held.len(), &mut pieces),
        }
        pieces
    }
}

/// Nine letters and digits, as the strictest chat templates want them (Mistral's), different for each
/// call of each job.
fn call_id(job: JobId, index: u32) -> String {
    const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let random = job.0.as_u128() as u64;
    let mut bits = mix(random ^ mix(u64::from(index)));
    let digit = |_| {
        let digit = DIGITS[(bits % 62) as usize];
        bits /= 62;
        char::from(digit)
    };
    (0..9).map(digit).collect()
}

/// The finaliser of SplitMix64 (Steele, Lea, Flood 2014): a bijection, so indices never collide.
fn mix(value: u64) -> u64 {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}
