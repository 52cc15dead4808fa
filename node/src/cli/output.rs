//! What commands print: results to stdout (text, or one JSON object with `--json`), everything else
//! to stderr. A reader that went away ends the command quietly.

use std::ffi::OsString;
use std::io::{self, ErrorKind, IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};

use serde::Serialize;

use super::failure::{Failure, Kind};

/// Where and how to print.
#[derive(Debug)]
pub(crate) struct Output {
    json: bool,
    quiet: bool,
    colour: bool,
    terminal: bool,
    /// Whether the one JSON object was printed.
    spoken: AtomicBool,
}

/// A text's emphasis, where colours are allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    Bold,
    Dim,
    Red,
}

impl Output {
    /// Reads `--json` and `--quiet` from raw arguments, so that even usage errors obey them.
    pub(crate) fn for_arguments(arguments: &[OsString]) -> Self {
        let options = || arguments.iter().skip(1).take_while(|argument| *argument != "--");
        let given = |names: &[&str]| options().any(|a| names.iter().any(|name| a == name));
        let terminal = io::stdout().is_terminal();
        let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
            || std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let json = given(&["--json"]);
        Self {
            json,
            quiet: given(&["--quiet", "-q"]),
            colour: terminal && !plain && !json,
            terminal,
            spoken: AtomicBool::new(false),
        }
    }

    pub(crate) fn is_json(&self) -> bool {
        self.json
    }

    pub(crate) fn is_quiet(&self) -> bool {
        self.quiet
    }

    /// Whether a person watches stdout.
    pub(crate) fn is_terminal(&self) -> bool {
        self.terminal && !self.json
    }

    /// Whether moving pictures (bars, live tables) are welcome on stderr.
    pub(crate) fn is_lively(&self) -> bool {
        !self.json && !self.quiet && io::stderr().is_terminal()
    }

    /// `text` with emphasis, where colours are allowed.
    pub(crate) fn style(&self, style: Style, text: &str) -> String {
        let code = match style {
            Style::Bold => 1,
            Style::Dim => 2,
            Style::Red => 31,
        };
        if self.colour { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }

    /// Prints text as it is, and at once: it is a part of an answer.
    pub(crate) fn text(&self, text: &str) -> Result<(), Failure> {
        let mut stdout = io::stdout().lock();
        stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()).map_err(written)
    }

    /// Prints a line.
    pub(crate) fn line(&self, line: &str) -> Result<(), Failure> {
        self.text(&format!("{line}\n"))
    }

    /// Prints the one JSON object of this command.
    pub(crate) fn object(&self, value: &impl Serialize) -> Result<(), Failure> {
        let text = serde_json::to_string(value).expect("plain data is always JSON");
        self.spoken.store(true, Ordering::Relaxed);
        self.line(&text)
    }

    /// Tells a person what is going on; silent with `--quiet` or `--json`.
    pub(crate) fn note(&self, line: &str) {
        if !self.quiet && !self.json {
            // Nobody may be listening, and then nobody misses it.
            let _ = writeln!(io::stderr().lock(), "{line}");
        }
    }

    /// Prints a warning, `--quiet` or not.
    pub(crate) fn warn(&self, line: &str) {
        let _ = writeln!(io::stderr().lock(), "{line}");
    }

    /// Prints why the command failed: to stderr, or as JSON to stdout.
    pub(crate) fn failure(&self, failure: &Failure) {
        if failure.kind == Kind::Closed {
            return;
        }
        if self.json && !self.spoken.load(Ordering::Relaxed) {
            let error = serde_json::json!({ "error": {
                "code": failure.word, "message": failure.sentence,
            }});
            let _ = self.object(&error);
            return;
        }
        let sentence = failure.sentence.trim_end();
        let prefix = if sentence.starts_with("error:") { "" } else { "error: " };
        let _ = writeln!(io::stderr().lock(), "{}{sentence}", self.style(Style::Red, prefix));
    }
}

fn written(error: io::Error) -> Failure {
    if error.kind() == ErrorKind::BrokenPipe {
        return Failure::new(Kind::Closed, "closed", "nobody reads the output");
    }
    Failure::new(Kind::Io, "io", format!("the output cannot be written: {error}"))
}
