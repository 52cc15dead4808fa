//! A model as the lists of the dialects show it.

/// What is said of a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelCard {
    /// Its name: what a request says in `model`.
    pub name: String,
    /// When it was first seen, Unix time in seconds.
    pub created_s: u64,
    /// Tokens that its context holds.
    pub context_tokens: u32,
    /// Size of its file in bytes.
    pub size_bytes: u64,
    /// The file's hash, hexadecimal; empty where it is not known.
    pub digest: String,
    /// It is loaded somewhere.
    pub loaded: bool,
    /// When it is unloaded if nothing uses it before, where it is loaded, Unix time in seconds.
    pub expires_s: u64,
    /// It writes text.
    pub generates: bool,
    /// It embeds.
    pub embeds: bool,
    /// It calls tools.
    pub tools: bool,
    /// It thinks before it answers.
    pub thinking: bool,
    /// It reads pictures.
    pub vision: bool,
}
