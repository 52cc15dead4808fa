//! The chat template of a model: named by its hash, so that a change between two revisions is seen,
//! and what it can do, as far as its text shows. It is a small program in the file; nothing here
//! runs it.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::limits::CHAT_TEMPLATE_BYTES_MAX;

/// A chat template.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChatTemplate {
    /// SHA-256 of the text, in lower-case hexadecimal.
    pub sha256: String,
    /// Length of the text.
    pub bytes: u64,
    /// The text; absent above [`CHAT_TEMPLATE_BYTES_MAX`].
    pub text: Option<String>,
    /// It takes tools and writes their calls.
    pub tools: bool,
    /// It knows thinking before the answer.
    pub thinking: bool,
    /// It treats the system's message on its own.
    pub system: bool,
}

impl ChatTemplate {
    /// Looks at a template's text.
    pub(super) fn of(text: &str) -> Self {
        let says = |words: &[&str]| words.iter().any(|word| text.contains(word));
        Self {
            sha256: hex::encode(Sha256::digest(text.as_bytes())),
            bytes: text.len() as u64,
            text: (text.len() <= CHAT_TEMPLATE_BYTES_MAX).then(|| text.to_owned()),
            tools: says(&["tools", "tool_calls"]),
            thinking: says(&["<think>", "enable_thinking", "reasoning_content", "thinking"]),
            system: says(&["system"]),
        }
    }
}
