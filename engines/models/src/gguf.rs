//! Reading and refusing GGUF files, before any C++ sees them.
//!
//! [`read`] takes the header from a byte source of known length and checks its structure;
//! [`Gguf::hyperparameters`] checks that it describes a model that the engine can run. Weights are
//! never read. Format: the GGUF specification in the ggml repository (docs/gguf.md); where ggml's
//! own reader (gguf.cpp) is stricter, so is this one. A new version of ggml that reads more types
//! or architectures needs the tables in `types` and `architecture` extended.

mod architecture;
mod blocks;
mod error;
mod header;
mod hyperparameters;
mod keys;
mod metadata;
mod problem;
mod source;
mod tensors;
mod types;
mod value;
mod vocabulary;

use std::io::Read;

pub use architecture::{Architecture, ContextMemory};
pub use blocks::Block;
pub(crate) use blocks::split_block_name;
pub use error::{Companion, Counted, Excerpt, FoundFormat, GgufError, Section};
pub use hyperparameters::{Experts, Hyperparameters, Recurrent};
pub use metadata::Metadata;
pub use problem::{TensorProblem, VocabularyProblem};
pub use tensors::Tensor;
pub use types::TensorType;
pub use value::{Array, Number, TokenList, Value, ValueType};

use crate::limits::{ALIGNMENT_MAX, ALIGNMENT_MIN};
use source::Source;

/// Alignment of a file that states none (GGUF specification).
const ALIGNMENT_DEFAULT: u64 = 32;

/// The header of a GGUF file, structurally sound.
#[derive(Clone, Debug, PartialEq)]
pub struct Gguf {
    /// Version of the format, 2 or 3.
    pub version: u32,
    /// Alignment of the weights, in bytes.
    pub alignment: u64,
    /// First byte of the weights.
    pub data_offset: u64,
    /// Length of the whole file.
    pub file_bytes: u64,
    /// The key-value pairs.
    pub metadata: Metadata,
    /// The tensors, in the order of the file.
    pub tensors: Vec<Tensor>,
}

/// Reads the header of a file of `file_bytes` bytes, from its first byte on and only forwards, so
/// that the source can be a file or a ranged download. Time and memory are bounded by
/// [`limits`](crate::limits), whatever the bytes say.
pub fn read(source: impl Read, file_bytes: u64) -> Result<Gguf, GgufError> {
    let mut source = Source::new(source, file_bytes);
    let header = header::read(&mut source, file_bytes)?;
    let metadata = metadata::read(&mut source, header.entries)?;
    let alignment = alignment(&metadata)?;
    source.section = Section::TensorList;
    let tensors = tensors::read(&mut source, header.tensors)?;
    let data_offset = source.position().next_multiple_of(alignment);
    tensors::check_layout(&tensors, alignment, data_offset, file_bytes)?;
    Ok(Gguf { version: header.version, alignment, data_offset, file_bytes, metadata, tensors })
}

/// Must be an unsigned 32-bit number, as ggml's reader insists.
fn alignment(metadata: &Metadata) -> Result<u64, GgufError> {
    let key = "general.alignment";
    let alignment = match metadata.find(key) {
        None => return Ok(ALIGNMENT_DEFAULT),
        Some(Value::Number(ValueType::U32, Number::Unsigned(alignment))) => *alignment,
        Some(other) => {
            let (expected, found) = (ValueType::U32, other.value_type());
            return Err(GgufError::WrongType { key: Excerpt::of(key), expected, found });
        }
    };
    let allowed = ALIGNMENT_MIN..=ALIGNMENT_MAX;
    if !alignment.is_power_of_two() || !allowed.contains(&alignment) {
        return Err(GgufError::InvalidAlignment { alignment });
    }
    Ok(alignment)
}

impl Gguf {
    /// Checks that this is one whole model that the engine knows, with sizes that make sense and a
    /// vocabulary that fits, and gives its sizes.
    pub fn hyperparameters(&self) -> Result<Hyperparameters, GgufError> {
        self.checked(architecture::of)
    }

    /// As [`hyperparameters`](Self::hyperparameters), but an architecture that the engine does not
    /// know is read by the keys that all have. What it says of such a model's attention and memory
    /// is a guess.
    pub fn outline(&self) -> Result<Hyperparameters, GgufError> {
        self.checked(|metadata| match architecture::of(metadata) {
            Err(GgufError::UnsupportedArchitecture { .. }) => Ok(Architecture::UNKNOWN),
            known => known,
        })
    }

    fn checked(
        &self,
        architecture: impl FnOnce(&Metadata) -> Result<Architecture, GgufError>,
    ) -> Result<Hyperparameters, GgufError> {
        // First, because the later parts of a split model name no architecture.
        if let Some(parts @ 2..) = self.metadata.count("split.count") {
            let part = self.metadata.count("split.no").unwrap_or(0).saturating_add(1);
            return Err(GgufError::Split { part, parts });
        }
        let architecture = architecture(&self.metadata)?;
        let prefix = self.metadata.text("general.architecture").unwrap_or(architecture.name);
        if self.tensors.is_empty() {
            return Err(GgufError::NoTensors);
        }
        tensors::check_types(&self.tensors)?;
        let hyperparameters = hyperparameters::read(self, architecture, prefix)?;
        vocabulary::check(self, prefix)?;
        Ok(hyperparameters)
    }

    /// The tensor with this name.
    pub fn tensor(&self, name: &str) -> Option<&Tensor> {
        self.tensors.iter().find(|tensor| tensor.name == name)
    }
}
