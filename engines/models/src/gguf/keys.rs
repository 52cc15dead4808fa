//! Typed and bounded access to the metadata keys of one architecture (`llama.block_count` is the
//! key `block_count` of the architecture `llama`).

use std::ops::RangeInclusive;

use super::error::{Excerpt, GgufError};
use super::metadata::Metadata;
use super::value::{Number, Value, ValueType};

pub(super) struct Keys<'a> {
    pub(super) metadata: &'a Metadata,
    /// Before the dot.
    pub(super) architecture: &'a str,
}

impl<'a> Keys<'a> {
    pub(super) fn full(&self, key: &str) -> String {
        format!("{}.{key}", self.architecture)
    }

    fn find(&self, key: &str) -> Option<&'a Value> {
        self.metadata.find(&self.full(key))
    }

    pub(super) fn missing(&self, key: &str) -> GgufError {
        GgufError::MissingKey { key: Excerpt::of(self.full(key)) }
    }

    fn wrong_type(&self, key: &str, expected: ValueType, found: &Value) -> GgufError {
        let key = Excerpt::of(self.full(key));
        GgufError::WrongType { key, expected, found: found.value_type() }
    }

    fn out_of_range(&self, key: &str, found: Number, range: &RangeInclusive<u64>) -> GgufError {
        GgufError::OutOfRange {
            key: Excerpt::of(self.full(key)),
            found: Excerpt::of(found.to_string()),
            min: *range.start(),
            max: *range.end(),
        }
    }

    fn checked(
        &self,
        key: &str,
        number: Number,
        range: &RangeInclusive<u64>,
    ) -> Result<u64, GgufError> {
        number
            .as_count()
            .filter(|count| range.contains(count))
            .ok_or_else(|| self.out_of_range(key, number, range))
    }

    /// A count within `range`, if the key is there.
    pub(super) fn count(
        &self,
        key: &str,
        range: RangeInclusive<u64>,
    ) -> Result<Option<u64>, GgufError> {
        match self.find(key) {
            None => Ok(None),
            Some(Value::Number(_, number)) => self.checked(key, *number, &range).map(Some),
            Some(other @ (Value::Text(_) | Value::LongText { .. } | Value::Array(_))) => {
                Err(self.wrong_type(key, ValueType::U32, other))
            }
        }
    }

    /// A count within `range`; the key must be there.
    pub(super) fn required(&self, key: &str, range: RangeInclusive<u64>) -> Result<u64, GgufError> {
        self.count(key, range)?.ok_or_else(|| self.missing(key))
    }

    /// A count for every block, whether the file states one for all or a list.
    pub(super) fn per_block(
        &self,
        key: &str,
        blocks: u64,
        range: RangeInclusive<u64>,
    ) -> Result<Option<Vec<u64>>, GgufError> {
        let Some(Value::Array(array)) = self.find(key) else {
            let count = self.count(key, range)?;
            return Ok(count.map(|count| vec![count; blocks as usize]));
        };
        if array.length != blocks {
            let (key, length) = (Excerpt::of(self.full(key)), array.length);
            return Err(GgufError::PerLayerLength { key, length, blocks });
        }
        let Some(numbers) = &array.numbers else {
            return Err(self.wrong_type(key, ValueType::U32, &Value::Array(array.clone())));
        };
        numbers
            .iter()
            .map(|number| self.checked(key, *number, &range))
            .collect::<Result<_, _>>()
            .map(Some)
    }

    /// A finite number from 0 to `max`, if the key is there.
    pub(super) fn fraction(&self, key: &str, max: u64) -> Result<Option<f64>, GgufError> {
        match self.find(key) {
            None => Ok(None),
            Some(Value::Number(_, Number::Float(value))) => {
                let range = 0.0..=max as f64;
                if range.contains(value) {
                    return Ok(Some(*value));
                }
                Err(self.out_of_range(key, Number::Float(*value), &(0..=max)))
            }
            Some(
                other @ (Value::Number(..)
                | Value::Text(_)
                | Value::LongText { .. }
                | Value::Array(_)),
            ) => Err(self.wrong_type(key, ValueType::F32, other)),
        }
    }

    /// As [`fraction`](Self::fraction), and not 0.
    pub(super) fn positive(&self, key: &str, max: u64) -> Result<Option<f64>, GgufError> {
        match self.fraction(key, max)? {
            Some(zero) if zero <= 0.0 => {
                Err(self.out_of_range(key, Number::Float(zero), &(0..=max)))
            }
            value => Ok(value),
        }
    }

    /// The text of a key, if it is there and of moderate length.
    pub(super) fn text(&self, key: &str) -> Option<&'a str> {
        self.metadata.text(&self.full(key))
    }

    /// The numbers of a list, if the key is one that was kept.
    pub(super) fn numbers(&self, key: &str) -> Option<&'a [Number]> {
        match self.find(key) {
            Some(Value::Array(array)) => array.numbers.as_deref(),
            Some(Value::Number(..) | Value::Text(_) | Value::LongText { .. }) | None => None,
        }
    }
}
