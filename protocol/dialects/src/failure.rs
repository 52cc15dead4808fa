//! What is answered instead of a reply, in each dialect's own shape.

use serde::Serialize;

use crate::reply::to_json;
use crate::{anthropic, gemini, ollama};

/// An API's language.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Dialect {
    /// OpenAI's, and our own API's.
    #[default]
    OpenAi,
    /// Anthropic's.
    Anthropic,
    /// Gemini's.
    Gemini,
    /// Ollama's.
    Ollama,
}

/// An error for a program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The HTTP status.
    pub status: u16,
    /// What sort of error, in OpenAI's words.
    pub kind: &'static str,
    /// The stable word for programs.
    pub code: &'static str,
    /// The field that is wrong.
    pub param: Option<String>,
    /// The sentence for people.
    pub message: String,
    /// Under which the log has the request.
    pub request_id: String,
}

impl Failure {
    /// The body of the answer, as JSON text.
    #[must_use]
    pub fn body(&self, dialect: Dialect) -> String {
        match dialect {
            Dialect::OpenAi => self.openai(),
            Dialect::Anthropic => anthropic::error_body(self),
            Dialect::Gemini => gemini::error_body(self),
            Dialect::Ollama => ollama::error_body(self),
        }
    }

    fn openai(&self) -> String {
        let error = Detail {
            kind: self.kind,
            code: self.code,
            param: self.param.as_deref(),
            message: &self.message,
            request_id: &self.request_id,
        };
        to_json(&Body { error })
    }
}

#[derive(Serialize)]
struct Body<'a> {
    error: Detail<'a>,
}

#[derive(Serialize)]
struct Detail<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    code: &'a str,
    param: Option<&'a str>,
    message: &'a str,
    request_id: &'a str,
}
