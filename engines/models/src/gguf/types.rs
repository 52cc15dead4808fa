//! The tensor types of ggml with their block sizes.
//!
//! Source: `enum ggml_type` in ggml.h, and the block structs and their size assertions in
//! ggml-common.h (ggml 0.26, as packed in llama-cpp-sys-2 0.1.161).

use serde::{Deserialize, Serialize};

macro_rules! tensor_types {
    ($($variant:ident = $id:literal, $name:literal, $elements:literal, $bytes:literal;)*) => {
        /// How the elements of a tensor are stored. Named as ggml names them.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[allow(non_camel_case_types, missing_docs)]
        pub enum TensorType {
            $(#[serde(rename = $name)] $variant,)*
        }

        impl TensorType {
            /// Every type that a file may hold.
            pub const ALL: &'static [TensorType] = &[$(TensorType::$variant,)*];

            /// The type with this number in a file; removed and unknown ones give `None`.
            pub fn from_id(id: u32) -> Option<Self> {
                match id {
                    $($id => Some(TensorType::$variant),)*
                    _ => None,
                }
            }

            /// The number of this type in a file.
            pub fn id(self) -> u32 {
                match self {
                    $(TensorType::$variant => $id,)*
                }
            }

            /// The name that people know it by, such as `Q4_K`.
            pub fn name(self) -> &'static str {
                match self {
                    $(TensorType::$variant => $name,)*
                }
            }

            /// Elements in one block; a row is a whole number of blocks.
            pub fn block_elements(self) -> u64 {
                match self {
                    $(TensorType::$variant => $elements,)*
                }
            }

            /// Bytes of one block.
            pub fn block_bytes(self) -> u64 {
                match self {
                    $(TensorType::$variant => $bytes,)*
                }
            }
        }
    };
}

tensor_types! {
    F32 = 0, "F32", 1, 4;
    F16 = 1, "F16", 1, 2;
    Q4_0 = 2, "Q4_0", 32, 18;
    Q4_1 = 3, "Q4_1", 32, 20;
    Q5_0 = 6, "Q5_0", 32, 22;
    Q5_1 = 7, "Q5_1", 32, 24;
    Q8_0 = 8, "Q8_0", 32, 34;
    Q8_1 = 9, "Q8_1", 32, 36;
    Q2_K = 10, "Q2_K", 256, 84;
    Q3_K = 11, "Q3_K", 256, 110;
    Q4_K = 12, "Q4_K", 256, 144;
    Q5_K = 13, "Q5_K", 256, 176;
    Q6_K = 14, "Q6_K", 256, 210;
    Q8_K = 15, "Q8_K", 256, 292;
    IQ2_XXS = 16, "IQ2_XXS", 256, 66;
    IQ2_XS = 17, "IQ2_XS", 256, 74;
    IQ3_XXS = 18, "IQ3_XXS", 256, 98;
    IQ1_S = 19, "IQ1_S", 256, 50;
    IQ4_NL = 20, "IQ4_NL", 32, 18;
    IQ3_S = 21, "IQ3_S", 256, 110;
    IQ2_S = 22, "IQ2_S", 256, 82;
    IQ4_XS = 23, "IQ4_XS", 256, 136;
    I8 = 24, "I8", 1, 1;
    I16 = 25, "I16", 1, 2;
    I32 = 26, "I32", 1, 4;
    I64 = 27, "I64", 1, 8;
    F64 = 28, "F64", 1, 8;
    IQ1_M = 29, "IQ1_M", 256, 56;
    BF16 = 30, "BF16", 1, 2;
    TQ1_0 = 34, "TQ1_0", 256, 54;
    TQ2_0 = 35, "TQ2_0", 256, 66;
    MXFP4 = 39, "MXFP4", 32, 17;
    NVFP4 = 40, "NVFP4", 64, 36;
    Q1_0 = 41, "Q1_0", 128, 18;
    Q2_0 = 42, "Q2_0", 64, 18;
}

impl TensorType {
    /// Bytes of `elements` elements; `None` when they do not fill whole blocks or the number of
    /// bytes does not fit.
    pub fn bytes_for(self, elements: u64) -> Option<u64> {
        if !elements.is_multiple_of(self.block_elements()) {
            return None;
        }
        (elements / self.block_elements()).checked_mul(self.block_bytes())
    }

    /// Bits that one element takes, scales included.
    pub fn bits_per_element(self) -> f64 {
        self.block_bytes() as f64 * 8.0 / self.block_elements() as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_types_go_both_ways() {
        for &kind in TensorType::ALL {
            assert_eq!(TensorType::from_id(kind.id()), Some(kind));
        }
        for removed in [4, 5, 31, 32, 33, 36, 37, 38, 43, 255, u32::MAX] {
            assert_eq!(TensorType::from_id(removed), None, "{removed}");
        }
    }

    #[test]
    fn known_densities() {
        for (kind, bits) in [
            (TensorType::F16, 16.0),
            (TensorType::Q8_0, 8.5),
            (TensorType::Q4_0, 4.5),
            (TensorType::Q4_K, 4.5),
            (TensorType::Q6_K, 6.5625),
            (TensorType::TQ2_0, 2.0625),
            (TensorType::IQ1_M, 1.75),
            (TensorType::IQ2_S, 2.5625),
            (TensorType::IQ3_S, 3.4375),
        ] {
            assert_eq!(kind.bits_per_element(), bits, "{}", kind.name());
        }
        assert_eq!(TensorType::Q8_0.bytes_for(33), None);
        assert_eq!(TensorType::I64.bytes_for(u64::MAX), None);
    }
}
