//! The list of tensors: names, shapes, types, and that their data lie one after the other inside
//! the file, as ggml's own reader demands (gguf.cpp).

use std::collections::BTreeSet;
use std::io::Read;

use crate::limits::{TENSOR_DIMENSIONS_MAX, TENSOR_NAME_BYTES_MAX};

use super::error::{Excerpt, GgufError};
use super::problem::TensorProblem;
use super::source::Source;
use super::types::TensorType;

/// One tensor of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tensor {
    /// Its name, such as `blk.0.attn_q.weight`.
    pub name: String,
    /// Sizes, the row length first; unused dimensions are 1, as in ggml.
    pub dimensions: [u64; TENSOR_DIMENSIONS_MAX as usize],
    /// How its elements are stored.
    pub tensor_type: TensorType,
    /// Product of the dimensions.
    pub elements: u64,
    /// Length of its data in bytes.
    pub bytes: u64,
    /// First byte of its data, from the beginning of the data section.
    pub offset: u64,
}

pub(super) fn read<R: Read>(source: &mut Source<R>, count: u64) -> Result<Vec<Tensor>, GgufError> {
    let mut tensors = Vec::with_capacity(count as usize);
    let mut names = BTreeSet::new();
    for _ in 0..count {
        let tensor = read_one(source)?;
        if !names.insert(tensor.name.clone()) {
            return Err(problem(&tensor.name, TensorProblem::Duplicate));
        }
        tensors.push(tensor);
    }
    Ok(tensors)
}

fn problem(name: &str, problem: TensorProblem) -> GgufError {
    GgufError::Tensor { name: Excerpt::of(name), problem }
}

fn read_one<R: Read>(source: &mut Source<R>) -> Result<Tensor, GgufError> {
    let name = read_name(source)?;
    let (dimensions, elements) = read_shape(source)?.map_err(|what| problem(&name, what))?;
    let id = source.u32()?;
    let offset = source.u64()?;
    let tensor_type =
        TensorType::from_id(id).ok_or_else(|| problem(&name, TensorProblem::UnknownType { id }))?;
    let (row, block) = (dimensions[0], tensor_type.block_elements());
    if !row.is_multiple_of(block) {
        return Err(problem(&name, TensorProblem::PartialBlock { row, block }));
    }
    let bytes = tensor_type
        .bytes_for(elements)
        .ok_or_else(|| problem(&name, TensorProblem::TooManyBytes))?;
    Ok(Tensor { name, dimensions, tensor_type, elements, bytes, offset })
}

fn read_name<R: Read>(source: &mut Source<R>) -> Result<String, GgufError> {
    let bytes = source.u64()?;
    if bytes == 0 {
        return Err(problem("", TensorProblem::NameEmpty));
    }
    if bytes > TENSOR_NAME_BYTES_MAX {
        return Err(problem("", TensorProblem::NameTooLong { bytes }));
    }
    let mut name = Vec::new();
    source.read_into(&mut name, bytes)?;
    String::from_utf8(name).map_err(|error| GgufError::Tensor {
        name: Excerpt::of(error.as_bytes()),
        problem: TensorProblem::NameNotText,
    })
}

type Shape = ([u64; TENSOR_DIMENSIONS_MAX as usize], u64);

fn read_shape<R: Read>(source: &mut Source<R>) -> Result<Result<Shape, TensorProblem>, GgufError> {
    let count = source.u32()?;
    if count == 0 || count > TENSOR_DIMENSIONS_MAX {
        return Ok(Err(TensorProblem::Dimensions { count }));
    }
    let mut dimensions = [1; TENSOR_DIMENSIONS_MAX as usize];
    for dimension in dimensions.iter_mut().take(count as usize) {
        *dimension = source.u64()?;
    }
    Ok(count_elements(&dimensions).map(|elements| (dimensions, elements)))
}

/// The product, as far as ggml's signed 64-bit numbers can hold it.
fn count_elements(dimensions: &[u64]) -> Result<u64, TensorProblem> {
    let mut elements: u64 = 1;
    for &size in dimensions {
        if size == 0 || i64::try_from(size).is_err() {
            return Err(TensorProblem::Dimension { size });
        }
        elements = elements
            .checked_mul(size)
            .filter(|&product| i64::try_from(product).is_ok())
            .ok_or(TensorProblem::TooManyElements)?;
    }
    Ok(elements)
}

/// Checks that the tensors fill the data section in order, each at the next aligned byte, and that
/// the file is long enough for the last of them.
pub(super) fn check_layout(
    tensors: &[Tensor],
    alignment: u64,
    data_offset: u64,
    file_bytes: u64,
) -> Result<(), GgufError> {
    let mut expected: u64 = 0;
    for tensor in tensors {
        let fail = |what| Err(problem(&tensor.name, what));
        let offset = tensor.offset;
        if !offset.is_multiple_of(alignment) {
            return fail(TensorProblem::Misaligned { offset });
        }
        let end = offset
            .checked_add(tensor.bytes)
            .and_then(|end| end.checked_add(data_offset))
            .filter(|&end| end <= file_bytes);
        let Some(end) = end else {
            let end = data_offset.saturating_add(offset).saturating_add(tensor.bytes);
            return fail(TensorProblem::PastEnd { end, file_bytes });
        };
        if offset < expected {
            return fail(TensorProblem::Overlap);
        }
        if offset > expected {
            return fail(TensorProblem::Gap { bytes: offset - expected });
        }
        expected = (end - data_offset).next_multiple_of(alignment);
    }
    Ok(())
}

/// Checks that no tensor has a type that makes ggml abort while it computes: vectors are added to
/// and multiplied with 32-bit floats (binary-ops.cpp), and some types exist only inside ggml.
/// Integers are left to the few architectures that look something up in them.
pub(super) fn check_types(tensors: &[Tensor]) -> Result<(), GgufError> {
    for tensor in tensors {
        let tensor_type = tensor.tensor_type;
        let vector = tensor.dimensions[1..].iter().all(|&size| size == 1);
        let suits = if vector { suits_vector(tensor_type) } else { suits_matrix(tensor_type) };
        if !suits {
            return Err(problem(&tensor.name, TensorProblem::UnusableType { tensor_type }));
        }
    }
    Ok(())
}

fn suits_vector(tensor_type: TensorType) -> bool {
    use TensorType::{F32, I32, I64};
    [F32, I32, I64].contains(&tensor_type)
}

fn suits_matrix(tensor_type: TensorType) -> bool {
    use TensorType::{F64, I8, I16, I64, Q8_1, Q8_K};
    ![F64, I8, I16, I64, Q8_1, Q8_K].contains(&tensor_type)
}
