//! Whether tokens, scores, types, special ids and embedding belong together. llama.cpp indexes one
//! with the other.
//!
//! Source: `llama_vocab::impl::load` in llama-vocab.cpp.

use crate::limits::{TOKEN_BYTES_MAX, VOCABULARY_MAX};

use super::Gguf;
use super::error::{Excerpt, GgufError};
use super::metadata::{Metadata, TOKENS};
use super::problem::VocabularyProblem;
use super::value::{Value, ValueType};

/// Tokenizers that llama.cpp implements (`tokenizer.ggml.model`).
const TOKENIZERS: &[&str] =
    &["bert", "gemma4", "gpt2", "hybriddna", "llama", "plamo2", "rwkv", "t5", "whitespace"];
/// Words for a model that brings no vocabulary.
const NO_TOKENIZER: &[&str] = &["no_vocab", "none"];

/// Special tokens without which generation goes wrong. For others that are out of range, padding
/// in many published files, llama.cpp falls back to none.
const SPECIAL_TOKENS: &[&str] = &[
    "tokenizer.ggml.bos_token_id",
    "tokenizer.ggml.eos_token_id",
    "tokenizer.ggml.eot_token_id",
    "tokenizer.ggml.eom_token_id",
];

pub(super) fn check(gguf: &Gguf, prefix: &str) -> Result<(), GgufError> {
    let metadata = &gguf.metadata;
    let key = "tokenizer.ggml.model";
    let tokenizer =
        metadata.text(key).ok_or_else(|| GgufError::MissingKey { key: Excerpt::of(key) })?;
    if NO_TOKENIZER.contains(&tokenizer) {
        return Ok(());
    }
    if !TOKENIZERS.contains(&tokenizer) {
        return Err(GgufError::UnsupportedTokenizer { name: Excerpt::of(tokenizer) });
    }
    let listed = tokens(metadata)?;
    stated_size(metadata, prefix, listed)?;
    embedding_rows(gguf, listed)?;
    entry_lists(metadata, listed)?;
    special_tokens(metadata, listed)?;
    merges(metadata, tokenizer)
}

fn broken(problem: VocabularyProblem) -> GgufError {
    GgufError::Vocabulary(problem)
}

fn tokens(metadata: &Metadata) -> Result<u64, GgufError> {
    let Some(list) = metadata.tokens else {
        return Err(broken(match metadata.find(TOKENS) {
            Some(_) => VocabularyProblem::WrongType { key: TOKENS },
            None => VocabularyProblem::Missing,
        }));
    };
    if list.count == 0 || list.count > VOCABULARY_MAX {
        return Err(broken(VocabularyProblem::Size { count: list.count }));
    }
    if list.longest_bytes > TOKEN_BYTES_MAX {
        return Err(broken(VocabularyProblem::TokenTooLong { bytes: list.longest_bytes }));
    }
    if let Some((first, second)) = list.duplicate {
        return Err(broken(VocabularyProblem::DuplicateToken { first, second }));
    }
    Ok(list.count)
}

fn stated_size(metadata: &Metadata, prefix: &str, listed: u64) -> Result<(), GgufError> {
    match metadata.count(&format!("{prefix}.vocab_size")) {
        Some(stated) if stated != listed => {
            Err(broken(VocabularyProblem::CountMismatch { stated, listed }))
        }
        Some(_) | None => Ok(()),
    }
}

fn embedding_rows(gguf: &Gguf, listed: u64) -> Result<(), GgufError> {
    for name in ["token_embd.weight", "output.weight"] {
        let Some(tensor) = gguf.tensor(name) else { continue };
        let rows = tensor.dimensions[1];
        if rows != listed {
            return Err(broken(VocabularyProblem::EmbeddingMismatch { rows, listed }));
        }
    }
    Ok(())
}

/// Scores and types, one per token, of the types that llama.cpp reads them as.
fn entry_lists(metadata: &Metadata, listed: u64) -> Result<(), GgufError> {
    let lists: [(&'static str, &[ValueType]); 2] = [
        ("tokenizer.ggml.scores", &[ValueType::F32, ValueType::I32]),
        ("tokenizer.ggml.token_type", &[ValueType::I32]),
    ];
    for (key, types) in lists {
        let array = match metadata.find(key) {
            None => continue,
            Some(Value::Array(array)) if types.contains(&array.element) => array,
            Some(Value::Array(_) | Value::Number(..) | Value::Text(_) | Value::LongText { .. }) => {
                return Err(broken(VocabularyProblem::WrongType { key }));
            }
        };
        if array.length < listed {
            let length = array.length;
            return Err(broken(VocabularyProblem::ListTooShort { key, length, listed }));
        }
    }
    Ok(())
}

fn special_tokens(metadata: &Metadata, listed: u64) -> Result<(), GgufError> {
    for &key in SPECIAL_TOKENS {
        if let Some(id) = metadata.count(key).filter(|&id| id >= listed) {
            return Err(broken(VocabularyProblem::SpecialToken { key, id, listed }));
        }
    }
    Ok(())
}

/// Byte-pair tokenizers need their merges; `kimi-k2` works without.
fn merges(metadata: &Metadata, tokenizer: &str) -> Result<(), GgufError> {
    let key = "tokenizer.ggml.merges";
    if !["gpt2", "gemma4", "hybriddna", "whitespace"].contains(&tokenizer) {
        return Ok(());
    }
    match metadata.find(key) {
        Some(Value::Array(array)) if array.element == ValueType::Text => Ok(()),
        Some(Value::Array(_) | Value::Number(..) | Value::Text(_) | Value::LongText { .. }) => {
            Err(broken(VocabularyProblem::WrongType { key }))
        }
        None if metadata.text("tokenizer.ggml.pre") == Some("kimi-k2") => Ok(()),
        None => Err(GgufError::MissingKey { key: Excerpt::of(key) }),
    }
}
