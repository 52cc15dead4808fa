//! Metadata values as far as they are kept: numbers, flags, texts of moderate length, short lists.
//! Long texts and lists are known by their length only.

use std::fmt;

/// The type of a metadata value, numbered as in the GGUF specification.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValueType {
    /// 8 bits, unsigned.
    U8,
    /// 8 bits, signed.
    I8,
    /// 16 bits, unsigned.
    U16,
    /// 16 bits, signed.
    I16,
    /// 32 bits, unsigned.
    U32,
    /// 32 bits, signed.
    I32,
    /// 32-bit float.
    F32,
    /// One byte, 0 or 1.
    Bool,
    /// Length and UTF-8 bytes.
    Text,
    /// Element type, length and elements.
    Array,
    /// 64 bits, unsigned.
    U64,
    /// 64 bits, signed.
    I64,
    /// 64-bit float.
    F64,
}

impl ValueType {
    /// The type with this number in a file.
    pub fn from_id(id: u32) -> Option<Self> {
        Some(match id {
            0 => ValueType::U8,
            1 => ValueType::I8,
            2 => ValueType::U16,
            3 => ValueType::I16,
            4 => ValueType::U32,
            5 => ValueType::I32,
            6 => ValueType::F32,
            7 => ValueType::Bool,
            8 => ValueType::Text,
            9 => ValueType::Array,
            10 => ValueType::U64,
            11 => ValueType::I64,
            12 => ValueType::F64,
            _ => return None,
        })
    }

    /// Bytes of one value in a file; for texts and lists the least that one can take.
    pub fn least_bytes(self) -> u64 {
        match self {
            ValueType::U8 | ValueType::I8 | ValueType::Bool => 1,
            ValueType::U16 | ValueType::I16 => 2,
            ValueType::U32 | ValueType::I32 | ValueType::F32 => 4,
            ValueType::U64 | ValueType::I64 | ValueType::F64 | ValueType::Text => 8,
            ValueType::Array => 12,
        }
    }
}

impl fmt::Display for ValueType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ValueType::U8 => "an unsigned 8-bit number",
            ValueType::I8 => "a signed 8-bit number",
            ValueType::U16 => "an unsigned 16-bit number",
            ValueType::I16 => "a signed 16-bit number",
            ValueType::U32 => "an unsigned 32-bit number",
            ValueType::I32 => "a signed 32-bit number",
            ValueType::F32 => "a 32-bit fraction",
            ValueType::Bool => "a yes or no",
            ValueType::Text => "a text",
            ValueType::Array => "a list",
            ValueType::U64 => "an unsigned 64-bit number",
            ValueType::I64 => "a signed 64-bit number",
            ValueType::F64 => "a 64-bit fraction",
        })
    }
}

/// A number or flag.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Number {
    /// Any unsigned integer.
    Unsigned(u64),
    /// Any signed integer.
    Signed(i64),
    /// Any float.
    Float(f64),
    /// A flag.
    Bool(bool),
}

impl Number {
    /// The value as a count, if it is an integer and not negative.
    pub fn as_count(self) -> Option<u64> {
        match self {
            Number::Unsigned(value) => Some(value),
            Number::Signed(value) => u64::try_from(value).ok(),
            Number::Float(_) | Number::Bool(_) => None,
        }
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Number::Unsigned(value) => value.fmt(f),
            Number::Signed(value) => value.fmt(f),
            Number::Float(value) => value.fmt(f),
            Number::Bool(value) => value.fmt(f),
        }
    }
}

/// A list, with its elements where it is a short one of numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct Array {
    /// Type of the elements.
    pub element: ValueType,
    /// Number of elements in the file.
    pub length: u64,
    /// The elements, for number lists within
    /// [`ARRAY_KEPT_ELEMENTS_MAX`](crate::limits::ARRAY_KEPT_ELEMENTS_MAX).
    pub numbers: Option<Vec<Number>>,
}

/// A metadata value.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A number or flag, with the exact type it has in the file.
    Number(ValueType, Number),
    /// A text.
    Text(String),
    /// A text above [`STRING_KEPT_BYTES_MAX`](crate::limits::STRING_KEPT_BYTES_MAX), not kept.
    LongText {
        /// Its length.
        bytes: u64,
    },
    /// A list.
    Array(Array),
}

impl Value {
    /// Its type in the file.
    pub fn value_type(&self) -> ValueType {
        match self {
            Value::Number(value_type, _) => *value_type,
            Value::Text(_) | Value::LongText { .. } => ValueType::Text,
            Value::Array(_) => ValueType::Array,
        }
    }
}

/// What is remembered of `tokenizer.ggml.tokens`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TokenList {
    /// Number of tokens.
    pub count: u64,
    /// Length of the longest one, in bytes.
    pub longest_bytes: u64,
    /// The first two ids with the same text, if any.
    pub duplicate: Option<(u64, u64)>,
}
