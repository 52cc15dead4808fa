//! The key-value pairs after the header. Lists are read through, not kept; of the token list we
//! learn what the vocabulary check needs.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hasher};
use std::io::Read;

use crate::limits::{
    ARRAY_ELEMENTS_MAX, ARRAY_KEPT_ELEMENTS_MAX, KEY_BYTES_MAX, STRING_BYTES_MAX,
    STRING_KEPT_BYTES_MAX, TOKEN_BYTES_MAX, VOCABULARY_MAX,
};

use super::error::{Counted, Excerpt, GgufError};
use super::source::Source;
use super::value::{Array, Number, TokenList, Value, ValueType};

/// Key of the list of tokens.
pub(super) const TOKENS: &str = "tokenizer.ggml.tokens";

/// The metadata of a file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Metadata {
    values: BTreeMap<String, Value>,
    /// What the token list holds, if there is one and it is a list of texts.
    pub tokens: Option<TokenList>,
}

impl Metadata {
    /// The value of a key.
    pub fn find(&self, key: &str) -> Option<&Value> {
        self.values.get(key)
    }

    /// Sets a key, for headers that are made here.
    pub(crate) fn insert(&mut self, key: String, value: Value) {
        self.values.insert(key, value);
    }

    /// All keys and values, in the order of the keys.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.values.iter().map(|(key, value)| (key.as_str(), value))
    }

    /// The text of a key; `None` also when it is no text, or one too long to keep.
    pub fn text(&self, key: &str) -> Option<&str> {
        match self.find(key) {
            Some(Value::Text(text)) => Some(text),
            Some(Value::Number(..) | Value::LongText { .. } | Value::Array(_)) | None => None,
        }
    }

    /// The count of a key; `None` also when it is no integer, or negative.
    pub fn count(&self, key: &str) -> Option<u64> {
        match self.find(key) {
            Some(Value::Number(_, number)) => number.as_count(),
            Some(Value::Text(_) | Value::LongText { .. } | Value::Array(_)) | None => None,
        }
    }
}

pub(super) fn read<R: Read>(source: &mut Source<R>, entries: u64) -> Result<Metadata, GgufError> {
    let mut metadata = Metadata::default();
    for index in 0..entries {
        let key = read_key(source, index)?;
        if metadata.values.contains_key(&key) {
            return Err(GgufError::DuplicateKey { key: Excerpt::of(&key) });
        }
        let value = read_value(source, &key, &mut metadata.tokens)?;
        metadata.values.insert(key, value);
    }
    Ok(metadata)
}

fn read_key<R: Read>(source: &mut Source<R>, index: u64) -> Result<String, GgufError> {
    let bytes = source.u64()?;
    if bytes == 0 {
        return Err(GgufError::InvalidKey { index });
    }
    if bytes > KEY_BYTES_MAX {
        let (what, limit) = (Counted::KeyBytes, KEY_BYTES_MAX);
        return Err(GgufError::TooLarge { what, found: bytes, limit });
    }
    source.retain(bytes)?;
    let mut key = Vec::new();
    source.read_into(&mut key, bytes)?;
    String::from_utf8(key).map_err(|_| GgufError::InvalidKey { index })
}

fn read_type<R: Read>(source: &mut Source<R>, key: &str) -> Result<ValueType, GgufError> {
    let id = source.u32()?;
    ValueType::from_id(id)
        .ok_or_else(|| GgufError::UnknownValueType { key: Excerpt::of(key), value_type: id })
}

fn read_value<R: Read>(
    source: &mut Source<R>,
    key: &str,
    tokens: &mut Option<TokenList>,
) -> Result<Value, GgufError> {
    let value_type = read_type(source, key)?;
    match value_type {
        ValueType::Text => read_text(source, key),
        ValueType::Array => read_array(source, key, tokens).map(Value::Array),
        ValueType::U8
        | ValueType::I8
        | ValueType::U16
        | ValueType::I16
        | ValueType::U32
        | ValueType::I32
        | ValueType::F32
        | ValueType::Bool
        | ValueType::U64
        | ValueType::I64
        | ValueType::F64 => Ok(Value::Number(value_type, read_number(source, key, value_type)?)),
    }
}

fn read_number<R: Read>(
    source: &mut Source<R>,
    key: &str,
    value_type: ValueType,
) -> Result<Number, GgufError> {
    Ok(match value_type {
        ValueType::U8 => Number::Unsigned(source.u8()?.into()),
        ValueType::U16 => Number::Unsigned(u16::from_le_bytes(source.array()?).into()),
        ValueType::U32 => Number::Unsigned(source.u32()?.into()),
        ValueType::U64 => Number::Unsigned(source.u64()?),
        ValueType::I8 => Number::Signed(i8::from_le_bytes(source.array()?).into()),
        ValueType::I16 => Number::Signed(i16::from_le_bytes(source.array()?).into()),
        ValueType::I32 => Number::Signed(i32::from_le_bytes(source.array()?).into()),
        ValueType::I64 => Number::Signed(i64::from_le_bytes(source.array()?)),
        ValueType::F32 => Number::Float(f32::from_le_bytes(source.array()?).into()),
        ValueType::F64 => Number::Float(f64::from_le_bytes(source.array()?)),
        ValueType::Bool => match source.u8()? {
            0 => Number::Bool(false),
            1 => Number::Bool(true),
            _ => return Err(GgufError::InvalidFlag { key: Excerpt::of(key) }),
        },
        ValueType::Text | ValueType::Array => unreachable!("texts and lists are read elsewhere"),
    })
}

fn text_length<R: Read>(source: &mut Source<R>) -> Result<u64, GgufError> {
    let bytes = source.u64()?;
    if bytes > STRING_BYTES_MAX {
        let (what, limit) = (Counted::StringBytes, STRING_BYTES_MAX);
        return Err(GgufError::TooLarge { what, found: bytes, limit });
    }
    Ok(bytes)
}

fn read_text<R: Read>(source: &mut Source<R>, key: &str) -> Result<Value, GgufError> {
    let bytes = text_length(source)?;
    if bytes > STRING_KEPT_BYTES_MAX {
        source.skip(bytes)?;
        return Ok(Value::LongText { bytes });
    }
    source.retain(bytes)?;
    let mut text = Vec::new();
    source.read_into(&mut text, bytes)?;
    String::from_utf8(text)
        .map(Value::Text)
        .map_err(|_| GgufError::InvalidText { key: Excerpt::of(key) })
}

fn read_array<R: Read>(
    source: &mut Source<R>,
    key: &str,
    tokens: &mut Option<TokenList>,
) -> Result<Array, GgufError> {
    let element = read_type(source, key)?;
    let length = source.u64()?;
    if length > ARRAY_ELEMENTS_MAX {
        let (what, limit) = (Counted::ArrayElements, ARRAY_ELEMENTS_MAX);
        return Err(GgufError::TooLarge { what, found: length, limit });
    }
    source.expect(length * element.least_bytes())?;
    let mut numbers = None;
    match element {
        ValueType::Array => return Err(GgufError::NestedArray { key: Excerpt::of(key) }),
        ValueType::Text if key == TOKENS => *tokens = Some(read_tokens(source, length)?),
        ValueType::Text => skip_texts(source, length)?,
        ValueType::U8
        | ValueType::I8
        | ValueType::U16
        | ValueType::I16
        | ValueType::U32
        | ValueType::I32
        | ValueType::F32
        | ValueType::Bool
        | ValueType::U64
        | ValueType::I64
        | ValueType::F64 => numbers = read_numbers(source, key, element, length)?,
    }
    Ok(Array { element, length, numbers })
}

fn read_numbers<R: Read>(
    source: &mut Source<R>,
    key: &str,
    element: ValueType,
    length: u64,
) -> Result<Option<Vec<Number>>, GgufError> {
    if length > ARRAY_KEPT_ELEMENTS_MAX {
        source.skip(length * element.least_bytes())?;
        return Ok(None);
    }
    source.retain(length * size_of::<Number>() as u64)?;
    (0..length).map(|_| read_number(source, key, element)).collect::<Result<_, _>>().map(Some)
}

fn skip_texts<R: Read>(source: &mut Source<R>, length: u64) -> Result<(), GgufError> {
    for _ in 0..length {
        let bytes = text_length(source)?;
        source.skip(bytes)?;
    }
    Ok(())
}

/// Hashes stand in for the texts, so that a large vocabulary costs 16 bytes a token. Two different
/// texts with one 64-bit hash would refuse a good model: one in 10⁸ at 300,000 tokens.
fn read_tokens<R: Read>(source: &mut Source<R>, length: u64) -> Result<TokenList, GgufError> {
    let mut list = TokenList { count: length, ..TokenList::default() };
    let hashed = length <= VOCABULARY_MAX;
    let mut hashes = Vec::with_capacity(if hashed { length as usize } else { 0 });
    let mut token = Vec::new();
    for id in 0..length {
        let bytes = text_length(source)?;
        list.longest_bytes = list.longest_bytes.max(bytes);
        if bytes > TOKEN_BYTES_MAX || !hashed {
            source.skip(bytes)?;
            continue;
        }
        source.read_into(&mut token, bytes)?;
        if bytes == 0 {
            // llama.cpp gives empty tokens this name, and only then compares.
            token.extend_from_slice(format!("[EMPTY_{id}]").as_bytes());
        }
        let mut hasher = DefaultHasher::new();
        hasher.write(&token);
        hashes.push((hasher.finish(), id));
    }
    hashes.sort_unstable();
    list.duplicate =
        hashes.windows(2).filter(|pair| pair[0].0 == pair[1].0).map(|p| (p[0].1, p[1].1)).min();
    Ok(list)
}
