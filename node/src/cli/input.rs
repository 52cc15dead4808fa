//! Prompts and names as people give them: from arguments, or from standard input, checked.

use std::io::{self, IsTerminal, Read};

use pumasi_protocol::name::{ModelName, NodeName};

use super::failure::{Failure, Kind};
use super::limits;
use super::text::escape;

/// The prompt of the argument, else all of standard input.
pub(super) fn prompt(argument: Option<String>) -> Result<String, Failure> {
    let text = match argument {
        Some(text) => text,
        None if io::stdin().is_terminal() => {
            return Err(Failure::usage(
                "a prompt is missing: give it as an argument or on standard input",
            ));
        }
        None => from_stdin()?,
    };
    if text.trim().is_empty() {
        return Err(Failure::usage("the prompt is empty: say what the model should answer"));
    }
    Ok(text)
}

/// All of standard input as text.
pub(super) fn from_stdin() -> Result<String, Failure> {
    let mut bytes = Vec::new();
    let most = limits::PROMPT_BYTES as u64 + 1;
    let read = io::stdin().lock().take(most).read_to_end(&mut bytes);
    read.map_err(|error| {
        Failure::new(Kind::Io, "io", format!("standard input cannot be read: {error}"))
    })?;
    if bytes.len() > limits::PROMPT_BYTES {
        let sentence = format!(
            "standard input is longer than {} bytes: shorten it, or split it",
            limits::PROMPT_BYTES
        );
        return Err(Failure::new(Kind::Data, "prompt_too_long", sentence));
    }
    String::from_utf8(bytes).map_err(|_| {
        Failure::new(Kind::Data, "not_text", "standard input is not UTF-8 text: convert it first")
    })
}

/// A model's name: an argument that is none is a usage error, whatever a shell made of it.
pub(super) fn model(text: &str) -> Result<ModelName, Failure> {
    text.parse().map_err(|error| Failure::usage(format!("'{}' is no model: {error}", escape(text))))
}

/// A node's or person's name.
pub(super) fn name(text: &str) -> Result<NodeName, Failure> {
    text.parse().map_err(|error| Failure::usage(format!("'{}' is no name: {error}", escape(text))))
}
