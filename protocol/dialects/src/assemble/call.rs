//! One tool call as a JSON object, read as it is written: the name as soon as it is whole, the
//! arguments piece by piece and unchanged.

/// What became known of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Found {
    Name(String),
    Arguments(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Progress {
    Open,
    Closed,
    /// Not a JSON object.
    Broken,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Start,
    Key,
    Colon,
    Value,
    Comma,
    Closed,
    Broken,
}

/// Follows a JSON value from its first to its last character.
#[derive(Debug, Default)]
struct Span {
    depth: usize,
    in_string: bool,
    escaped: bool,
    scalar: bool,
    begun: bool,
}

/// Whether a character ended the value, or came after its end (scalars end at what follows them).
#[derive(Debug, PartialEq, Eq)]
enum Step {
    Inside,
    Last,
    Beyond,
}

impl Span {
    fn step(&mut self, c: char) -> Step {
        if self.in_string {
            return self.step_string(c);
        }
        if self.scalar {
            let ends = c.is_ascii_whitespace() || matches!(c, ',' | '}' | ']');
            return if ends { Step::Beyond } else { Step::Inside };
        }
        match c {
            '"' => self.in_string = true,
            '{' | '[' => self.depth += 1,
            '}' | ']' => self.depth = self.depth.saturating_sub(1),
            _ => self.scalar = self.depth == 0,
        }
        let first = !std::mem::replace(&mut self.begun, true);
        let closed = matches!(c, '}' | ']') && self.depth == 0 && !first;
        if closed { Step::Last } else { Step::Inside }
    }

    fn step_string(&mut self, c: char) -> Step {
        match c {
            _ if self.escaped => self.escaped = false,
            '\\' => self.escaped = true,
            '"' => self.in_string = false,
            _ => {}
        }
        if !self.in_string && self.depth == 0 { Step::Last } else { Step::Inside }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Field {
    Name,
    Arguments,
    Other,
}

/// Reads one call.
#[derive(Debug)]
pub(super) struct CallScanner {
    state: State,
    span: Span,
    field: Field,
    /// The key or value being read; of arguments, what was not given out yet.
    text: String,
    /// Arguments that are a JSON string, which some models write: decoded at its end.
    quoted: bool,
    named: bool,
    has_arguments: bool,
    /// Arguments that came before the name.
    early: String,
}

impl CallScanner {
    pub(super) fn new() -> Self {
        Self {
            state: State::Start,
            span: Span::default(),
            field: Field::Other,
            text: String::new(),
            quoted: false,
            named: false,
            has_arguments: false,
            early: String::new(),
        }
    }

    pub(super) fn is_named(&self) -> bool {
        self.named
    }

    pub(super) fn push(&mut self, c: char, found: &mut Vec<Found>) -> Progress {
        self.state = match self.state {
            State::Start if c == '{' => State::Key,
            State::Start | State::Colon | State::Comma if c.is_ascii_whitespace() => self.state,
            State::Key => self.key(c),
            State::Colon if c == ':' => self.begin_value(),
            State::Value => self.value(c, found),
            State::Comma => self.comma(c, found),
            State::Start | State::Colon | State::Closed | State::Broken => State::Broken,
        };
        match self.state {
            State::Closed => Progress::Closed,
            State::Broken => Progress::Broken,
            State::Start | State::Key | State::Colon | State::Value | State::Comma => {
                Progress::Open
            }
        }
    }

    fn key(&mut self, c: char) -> State {
        match c {
            '"' => {}
            _ if !self.text.is_empty() => {}
            _ if c.is_ascii_whitespace() => return State::Key,
            // `{}` has no name and is not a call.
            _ => return State::Broken,
        }
        self.text.push(c);
        match self.span.step(c) {
            Step::Inside => State::Key,
            Step::Beyond => State::Broken,
            Step::Last => {
                self.field = match serde_json::from_str::<String>(&self.text).as_deref() {
                    Ok("name") if !self.named => Field::Name,
                    Ok("arguments" | "parameters") if !self.has_arguments => Field::Arguments,
                    Ok(_) => Field::Other,
                    Err(_) => return State::Broken,
                };
                State::Colon
            }
        }
    }

    fn begin_value(&mut self) -> State {
        self.text.clear();
        self.span = Span::default();
        self.quoted = false;
        State::Value
    }

    fn value(&mut self, c: char, found: &mut Vec<Found>) -> State {
        if !self.span.begun && !self.span.in_string && self.text.is_empty() {
            if c.is_ascii_whitespace() {
                return State::Value;
            }
            if matches!(c, '}' | ']' | ',' | ':') {
                return State::Broken;
            }
            self.quoted = c == '"';
        }
        let step = self.span.step(c);
        if step != Step::Beyond {
            self.text.push(c);
        }
        self.give_arguments(found);
        match step {
            Step::Inside => State::Value,
            Step::Last => self.end_value(found),
            Step::Beyond => match self.end_value(found) {
                State::Comma if !c.is_ascii_whitespace() => self.comma(c, found),
                next @ (State::Start
                | State::Key
                | State::Colon
                | State::Value
                | State::Comma
                | State::Closed
                | State::Broken) => next,
            },
        }
    }

    fn give_arguments(&mut self, found: &mut Vec<Found>) {
        if self.field == Field::Arguments && !self.quoted && self.named {
            push(found, std::mem::take(&mut self.text));
        }
    }

    fn end_value(&mut self, found: &mut Vec<Found>) -> State {
        let text = std::mem::take(&mut self.text);
        self.span = Span::default();
        match self.field {
            Field::Other => {}
            Field::Name => match serde_json::from_str::<String>(&text) {
                Ok(name) if !name.is_empty() => {
                    self.named = true;
                    found.push(Found::Name(name));
                    push(found, std::mem::take(&mut self.early));
                }
                Ok(_) | Err(_) => return State::Broken,
            },
            Field::Arguments => {
                self.has_arguments = true;
                let text = self.unquoted(text);
                if self.named { push(found, text) } else { self.early = text }
            }
        }
        State::Comma
    }

    fn unquoted(&self, text: String) -> String {
        if self.quoted { serde_json::from_str(&text).unwrap_or(text) } else { text }
    }

    fn comma(&mut self, c: char, found: &mut Vec<Found>) -> State {
        match c {
            ',' => State::Key,
            '}' if !self.named => State::Broken,
            '}' => {
                if !self.has_arguments {
                    push(found, "{}".to_owned());
                }
                State::Closed
            }
            _ => State::Broken,
        }
    }
}

fn push(found: &mut Vec<Found>, text: String) {
    if text.is_empty() {
        return;
    }
    if let Some(Found::Arguments(last)) = found.last_mut() {
        last.push_str(&text);
    } else {
        found.push(Found::Arguments(text));
    }
}
