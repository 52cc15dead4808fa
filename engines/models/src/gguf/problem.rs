//! What can be wrong with one tensor, and with the vocabulary: the two errors with many causes.

use super::types::TensorType;

/// What is wrong with one tensor.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TensorProblem {
    /// Its name is empty.
    #[error("has no name")]
    NameEmpty,
    /// Its name is longer than ggml allows.
    #[error("has a name of {bytes} bytes")]
    NameTooLong {
        /// Length of the name.
        bytes: u64,
    },
    /// Its name is not UTF-8.
    #[error("has a name that is not text")]
    NameNotText,
    /// Two tensors have this name.
    #[error("is listed twice")]
    Duplicate,
    /// None, or more than four dimensions.
    #[error("has {count} dimensions")]
    Dimensions {
        /// What the file says.
        count: u32,
    },
    /// A dimension is 0 or, as a signed number, negative.
    #[error("has the impossible size {size} in one dimension")]
    Dimension {
        /// What the file says.
        size: u64,
    },
    /// The number of elements does not fit 63 bits.
    #[error("claims more elements than a number can hold")]
    TooManyElements,
    /// No such type.
    #[error("has the unknown type {id}")]
    UnknownType {
        /// What the file says.
        id: u32,
    },
    /// A type that the engine cannot compute with in this place; it would abort.
    #[error("is stored as {}, which cannot be computed with there", .tensor_type.name())]
    UnusableType {
        /// The type.
        tensor_type: TensorType,
    },
    /// Its rows do not hold whole blocks.
    #[error("has rows of {row} elements, which is no multiple of its block of {block}")]
    PartialBlock {
        /// Elements in a row.
        row: u64,
        /// Elements in a block of its type.
        block: u64,
    },
    /// The number of bytes does not fit.
    #[error("claims more bytes than a number can hold")]
    TooManyBytes,
    /// Its data does not begin at a multiple of the alignment.
    #[error("begins at the unaligned offset {offset}")]
    Misaligned {
        /// What the file says.
        offset: u64,
    },
    /// It begins before the one before it has ended.
    #[error("overlaps the tensor before it")]
    Overlap,
    /// There is unexplained space before it. ggml refuses that as well.
    #[error("leaves a gap of {bytes} bytes before it")]
    Gap {
        /// Unexplained bytes.
        bytes: u64,
    },
    /// It ends after the file does.
    #[error("ends at byte {end}, but the file has {file_bytes}")]
    PastEnd {
        /// First byte after the tensor.
        end: u64,
        /// Length of the file.
        file_bytes: u64,
    },
}

/// What is wrong with the vocabulary.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VocabularyProblem {
    /// There is none, and the tokenizer needs one.
    #[error("there is no list of tokens")]
    Missing,
    /// Not a list of the type that it must be.
    #[error("{key} is not the list that it should be")]
    WrongType {
        /// The metadata key.
        key: &'static str,
    },
    /// Empty, or larger than any.
    #[error("it has {count} tokens")]
    Size {
        /// Tokens in the list.
        count: u64,
    },
    /// The metadata and the list differ.
    #[error("the metadata say {stated} tokens, the list has {listed}")]
    CountMismatch {
        /// `vocab_size` in the metadata.
        stated: u64,
        /// Tokens in the list.
        listed: u64,
    },
    /// The embedding and the list differ.
    #[error("the embedding has {rows} rows for {listed} tokens")]
    EmbeddingMismatch {
        /// Rows of `token_embd.weight`.
        rows: u64,
        /// Tokens in the list.
        listed: u64,
    },
    /// Fewer scores or types than tokens.
    #[error("{key} has {length} entries for {listed} tokens")]
    ListTooShort {
        /// The metadata key.
        key: &'static str,
        /// Its length.
        length: u64,
        /// Tokens in the list.
        listed: u64,
    },
    /// A special token that does not exist.
    #[error("{key} is {id}, but there are {listed} tokens")]
    SpecialToken {
        /// The metadata key.
        key: &'static str,
        /// The token id that it names.
        id: u64,
        /// Tokens in the list.
        listed: u64,
    },
    /// A token that is unreasonably long.
    #[error("one token is {bytes} bytes long")]
    TokenTooLong {
        /// Length of the longest token.
        bytes: u64,
    },
    /// Two tokens are the same; llama.cpp aborts on that.
    #[error("tokens {first} and {second} are the same")]
    DuplicateToken {
        /// The lower id.
        first: u64,
        /// The higher id.
        second: u64,
    },
}
