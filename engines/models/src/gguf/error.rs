//! Why a GGUF file is refused. One closed set, comparable in tests, each a sentence for a person;
//! text taken from the file is cut and escaped before it gets in here.

use std::fmt;
use std::io;

use crate::limits::EXCERPT_CHARS_MAX;

use super::problem::{TensorProblem, VocabularyProblem};
use super::value::ValueType;

/// A short, escaped piece of text from a file, safe to print.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Excerpt(String);

impl Excerpt {
    /// Takes at most [`EXCERPT_CHARS_MAX`] characters; bytes that are no UTF-8 become `U+FFFD`.
    pub fn of(text: impl AsRef<[u8]>) -> Self {
        let bytes = text.as_ref();
        // Four bytes are the longest character, so this prefix holds all that is shown.
        let shown = &bytes[..bytes.len().min(EXCERPT_CHARS_MAX * 4)];
        let lossy = String::from_utf8_lossy(shown);
        let mut out: String =
            lossy.chars().take(EXCERPT_CHARS_MAX).flat_map(char::escape_debug).collect();
        if shown.len() < bytes.len() || lossy.chars().count() > EXCERPT_CHARS_MAX {
            out.push('…');
        }
        Self(out)
    }
}

impl fmt::Display for Excerpt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`", self.0)
    }
}

/// What a file that is no GGUF looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FoundFormat {
    /// No bytes at all.
    Empty,
    /// Too short for a header.
    TooShort,
    /// One of the formats that llama.cpp used before GGUF.
    LegacyGgml,
    /// A zip archive, as PyTorch checkpoints are.
    Zip,
    /// A safetensors file.
    Safetensors,
    /// A page or text, as a failed download leaves.
    Text,
    /// Something else.
    Unknown,
}

impl fmt::Display for FoundFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            FoundFormat::Empty => "the file is empty",
            FoundFormat::TooShort => "the file ends within its first bytes",
            FoundFormat::LegacyGgml => "it is in a ggml format from before GGUF",
            FoundFormat::Zip => "it is a zip archive",
            FoundFormat::Safetensors => "it is a safetensors file",
            FoundFormat::Text => "it is a text or web page",
            FoundFormat::Unknown => "it does not begin as one",
        })
    }
}

/// A part of a file that can be cut short.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    /// Magic, version and counts.
    Header,
    /// The key-value pairs.
    Metadata,
    /// Names, shapes and places of the tensors.
    TensorList,
    /// The weights.
    TensorData,
}

impl fmt::Display for Section {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Section::Header => "header",
            Section::Metadata => "metadata",
            Section::TensorList => "list of tensors",
            Section::TensorData => "weights",
        })
    }
}

/// Something that a file has too much of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counted {
    /// Bytes of the whole file.
    FileBytes,
    /// Bytes of metadata and tensor list.
    HeaderBytes,
    /// Bytes of metadata that would have to be kept in memory.
    RetainedBytes,
    /// Metadata entries.
    MetadataEntries,
    /// Bytes of a metadata key.
    KeyBytes,
    /// Bytes of a string.
    StringBytes,
    /// Elements of an array.
    ArrayElements,
    /// Tensors.
    Tensors,
}

impl fmt::Display for Counted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Counted::FileBytes => "file size",
            Counted::HeaderBytes => "header size",
            Counted::RetainedBytes => "text in the metadata",
            Counted::MetadataEntries => "number of metadata entries",
            Counted::KeyBytes => "length of a metadata key",
            Counted::StringBytes => "length of a metadata text",
            Counted::ArrayElements => "length of a metadata list",
            Counted::Tensors => "number of tensors",
        })
    }
}

/// A kind of file that belongs to a model but is none by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Companion {
    /// Image or audio projector (`mmproj`).
    Projector,
    /// LoRA adapter.
    Adapter,
    /// Draft head for speculation.
    DraftHead,
    /// Speech decoder.
    Speech,
}

impl fmt::Display for Companion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Companion::Projector => "a projector that gives another model its eyes or ears",
            Companion::Adapter => "an adapter for another model",
            Companion::DraftHead => "a draft head for another model",
            Companion::Speech => "a speech model, which writes no text",
        })
    }
}

/// Why a GGUF file is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "the fields are what the sentence says")]
pub enum GgufError {
    /// The disk or the peer failed, not the file.
    #[error("The model file could not be read ({kind}). Check the disk and try again.")]
    Read { kind: io::ErrorKind },
    /// The first bytes are not those of a GGUF file.
    #[error("This is not a GGUF model: {found}. Download the GGUF version of the model.")]
    NotGguf { found: FoundFormat },
    /// Version 1, or newer than we know.
    #[error(
        "This model is in GGUF version {version}; versions 2 and 3 can be read. \
         Download a current version of the model."
    )]
    UnsupportedVersion { version: u32 },
    /// Written for a machine of the other byte order.
    #[error(
        "This model was written for a big-endian machine. \
         Download the usual (little-endian) version of the model."
    )]
    BigEndian,
    /// A bound is exceeded.
    #[error(
        "The model file is damaged or hostile: {what} is {found}, at most {limit} is allowed. \
         Download the model again from a source that you trust."
    )]
    TooLarge { what: Counted, found: u64, limit: u64 },
    /// The file ends too early.
    #[error(
        "The model file is damaged: it ends in the middle of its {section}. \
         Download the model again."
    )]
    Truncated { section: Section },
    /// A key is empty or no UTF-8.
    #[error(
        "The model file is damaged: metadata entry {index} has no readable name. \
         Download the model again."
    )]
    InvalidKey { index: u64 },
    /// The same key twice.
    #[error("The model file is damaged: {key} is in its metadata twice. Download the model again.")]
    DuplicateKey { key: Excerpt },
    /// A text is no UTF-8.
    #[error("The model file is damaged: {key} is not readable text. Download the model again.")]
    InvalidText { key: Excerpt },
    /// A flag that is neither 0 nor 1.
    #[error("The model file is damaged: {key} is neither yes nor no. Download the model again.")]
    InvalidFlag { key: Excerpt },
    /// A value type that does not exist.
    #[error(
        "The model file is damaged: {key} has the unknown type {value_type}. \
         Download the model again."
    )]
    UnknownValueType { key: Excerpt, value_type: u32 },
    /// A list of lists. llama.cpp reads none either.
    #[error(
        "The model file is damaged: {key} is a list of lists, which no model uses. \
         Download the model again."
    )]
    NestedArray { key: Excerpt },
    /// The alignment is no power of two between 8 and 4,096.
    #[error("The model file is damaged: its alignment is {alignment}. Download the model again.")]
    InvalidAlignment { alignment: u64 },
    /// One tensor is impossible.
    #[error("The model file is damaged: tensor {name} {problem}. Download the model again.")]
    Tensor { name: Excerpt, problem: TensorProblem },
    /// Only metadata, no weights.
    #[error("This file holds no weights. Download the model itself.")]
    NoTensors,
    /// A key that every model of this kind has.
    #[error("The model file is incomplete: {key} is missing. Download another version of it.")]
    MissingKey { key: Excerpt },
    /// A key has a value of another type than it must.
    #[error(
        "The model file is damaged: {key} should be {expected} but is {found}. \
         Download another version of it."
    )]
    WrongType { key: Excerpt, expected: ValueType, found: ValueType },
    /// A size that no model has, or that would divide by zero.
    #[error(
        "The model file is damaged: {key} is {found}, which is not between {min} and {max}. \
         Download another version of it."
    )]
    OutOfRange { key: Excerpt, found: Excerpt, min: u64, max: u64 },
    /// A per-layer list with another length than the number of layers.
    #[error(
        "The model file is damaged: {key} has {length} values for {blocks} layers. \
         Download another version of it."
    )]
    PerLayerLength { key: Excerpt, length: u64, blocks: u64 },
    /// Two sizes that must divide one another do not.
    #[error(
        "The model file is damaged: {key} ({found}) does not divide {whole}. \
         Download another version of it."
    )]
    NotDivisible { key: Excerpt, found: u64, whole: u64 },
    /// Tokens, scores, special ids and embedding do not belong together.
    #[error("The model file is damaged in its vocabulary: {0}. Download another version of it.")]
    Vocabulary(VocabularyProblem),
    /// An architecture that the engine does not know.
    #[error(
        "Models of the kind {name} cannot be run by this version. \
         Update Pumasi or pick another model."
    )]
    UnsupportedArchitecture { name: Excerpt },
    /// A tokenizer that the engine does not know.
    #[error(
        "This model's tokenizer {name} cannot be run by this version. \
         Update Pumasi or pick another model."
    )]
    UnsupportedTokenizer { name: Excerpt },
    /// One part of several.
    #[error(
        "This is part {part} of a model in {parts} files. \
         Models in several files cannot be used yet: download the single file."
    )]
    Split { part: u64, parts: u64 },
    /// Not a model by itself.
    #[error("This file is {companion}. Pick the model itself.")]
    NotAModel { companion: Companion },
}

impl GgufError {
    /// A stable word for programs.
    pub fn code(&self) -> &'static str {
        match self {
            GgufError::Read { .. } => "model_unreadable",
            GgufError::NotGguf { .. } => "not_gguf",
            GgufError::UnsupportedVersion { .. } | GgufError::BigEndian => "unsupported_version",
            GgufError::UnsupportedArchitecture { .. } => "unsupported_architecture",
            GgufError::UnsupportedTokenizer { .. } => "unsupported_tokenizer",
            GgufError::Split { .. } => "split_model",
            GgufError::NotAModel { .. } => "not_a_model",
            GgufError::TooLarge { .. }
            | GgufError::Truncated { .. }
            | GgufError::InvalidKey { .. }
            | GgufError::DuplicateKey { .. }
            | GgufError::InvalidText { .. }
            | GgufError::InvalidFlag { .. }
            | GgufError::UnknownValueType { .. }
            | GgufError::NestedArray { .. }
            | GgufError::InvalidAlignment { .. }
            | GgufError::Tensor { .. }
            | GgufError::NoTensors
            | GgufError::MissingKey { .. }
            | GgufError::WrongType { .. }
            | GgufError::OutOfRange { .. }
            | GgufError::PerLayerLength { .. }
            | GgufError::NotDivisible { .. }
            | GgufError::Vocabulary(_) => "model_damaged",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn excerpts_are_short_and_escaped() {
        assert_eq!(Excerpt::of("a\u{1b}[31m\n").to_string(), r"`a\u{1b}[31m\n`");
        assert_eq!(Excerpt::of([0xff, b'x']).to_string(), "`\u{fffd}x`");
        let long = Excerpt::of("é".repeat(5_000)).to_string();
        assert_eq!(long.chars().count(), EXCERPT_CHARS_MAX + 3);
    }
}
