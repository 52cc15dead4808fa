//! The usual word for how a model is quantized.
//!
//! Source: `enum llama_ftype` in llama.h, without its common prefix.

use std::collections::BTreeMap;

use crate::gguf::{Gguf, TensorType};

const FILE_TYPES: &[(u64, &str)] = &[
    (0, "F32"),
    (1, "F16"),
    (2, "Q4_0"),
    (3, "Q4_1"),
    (7, "Q8_0"),
    (8, "Q5_0"),
    (9, "Q5_1"),
    (10, "Q2_K"),
    (11, "Q3_K_S"),
    (12, "Q3_K_M"),
    (13, "Q3_K_L"),
    (14, "Q4_K_S"),
    (15, "Q4_K_M"),
    (16, "Q5_K_S"),
    (17, "Q5_K_M"),
    (18, "Q6_K"),
    (19, "IQ2_XXS"),
    (20, "IQ2_XS"),
    (21, "Q2_K_S"),
    (22, "IQ3_XS"),
    (23, "IQ3_XXS"),
    (24, "IQ1_S"),
    (25, "IQ4_NL"),
    (26, "IQ3_S"),
    (27, "IQ3_M"),
    (28, "IQ2_S"),
    (29, "IQ2_M"),
    (30, "IQ4_XS"),
    (31, "IQ1_M"),
    (32, "BF16"),
    (36, "TQ1_0"),
    (37, "TQ2_0"),
    (38, "MXFP4"),
    (39, "NVFP4"),
    (40, "Q1_0"),
    (41, "Q2_0"),
];

/// What the file states, else the type that most parameters have.
pub(super) fn name(gguf: &Gguf) -> String {
    let stated = gguf.metadata.count("general.file_type");
    let known = FILE_TYPES.iter().find(|(number, _)| Some(*number) == stated);
    known.map_or_else(|| prevailing(gguf).to_owned(), |(_, name)| (*name).to_owned())
}

fn prevailing(gguf: &Gguf) -> &'static str {
    let mut parameters: BTreeMap<TensorType, u64> = BTreeMap::new();
    for tensor in &gguf.tensors {
        let sum = parameters.entry(tensor.tensor_type).or_default();
        *sum = sum.saturating_add(tensor.elements);
    }
    parameters.into_iter().max_by_key(|(_, sum)| *sum).map_or("none", |(kind, _)| kind.name())
}
