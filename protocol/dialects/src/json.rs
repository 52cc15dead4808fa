//! Strict reading of JSON bodies: no field twice, no number out of range, nothing dropped silently.
//! Values stay text until they are read, so that numbers are judged as they were written and schemas
//! travel on unchanged.

use std::collections::BTreeSet;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::invalid::{Invalid, Reason};
use crate::limits;

/// Fields that nobody read: named back to the program, or refused where the server is strict.
#[derive(Debug, Default)]
pub(crate) struct Ignored {
    strict: bool,
    names: BTreeSet<String>,
}

impl Ignored {
    pub(crate) fn new(strict: bool) -> Self {
        Self { strict, names: BTreeSet::new() }
    }

    fn add(&mut self, path: String) -> Result<(), Invalid> {
        if self.strict {
            return Err(Invalid::at(path, Reason::UnknownField));
        }
        if self.names.len() < limits::IGNORED_NAMES {
            self.names.insert(without_indices(&path));
        }
        Ok(())
    }

    /// Names something that was read and could not be kept.
    pub(crate) fn name(&mut self, path: &str) -> Result<(), Invalid> {
        self.add(path.to_owned())
    }

    pub(crate) fn into_names(self) -> Vec<String> {
        self.names.into_iter().collect()
    }
}

/// `messages[3].x` as `messages[].x`, cut, and safe inside a header.
fn without_indices(path: &str) -> String {
    let mut in_index = false;
    let kept = path.chars().filter(|&c| {
        let keep = !(in_index && c.is_ascii_digit());
        in_index = c == '[' || (in_index && c.is_ascii_digit());
        keep
    });
    let safe = kept.map(|c| if c.is_ascii_graphic() && c != ',' { c } else { '?' });
    safe.take(limits::IGNORED_NAME_CHARS).collect()
}

/// A whole body.
pub(crate) fn body(bytes: &[u8]) -> Result<Object<'_>, Invalid> {
    let text = std::str::from_utf8(bytes).map_err(|_| Invalid::body(Reason::Encoding))?;
    if text.starts_with('\u{feff}') {
        return Err(Invalid::body(Reason::Encoding));
    }
    if is_deeper_than(text, limits::JSON_DEPTH) {
        return Err(too_deep(text));
    }
    let raw: &RawValue = serde_json::from_str(text)
        .map_err(|e| Invalid::body(Reason::Json { line: e.line(), column: e.column() }))?;
    Value { raw, path: String::new() }.object()
}

/// A schema that is nested too deeply is too complex; anything else is no sensible body at all.
fn too_deep(text: &str) -> Invalid {
    // Skipping a value takes no recursion, so its depth does not matter here.
    let fields = serde_json::from_str(text).map_or_else(|_| Vec::new(), |Fields(fields)| fields);
    let max = limits::JSON_DEPTH;
    let deep = fields.into_iter().find(|(_, raw)| is_deeper_than(raw.get(), max - 1));
    match deep {
        Some((name, _)) if matches!(name.as_str(), "response_format" | "tools") => {
            Invalid::at(name, Reason::SchemaDepth { max })
        }
        Some(_) | None => Invalid::body(Reason::Depth { max }),
    }
}

fn is_deeper_than(text: &str, max: usize) -> bool {
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    for byte in text.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'[' | b'{' if !in_string => depth += 1,
            b']' | b'}' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > max {
            return true;
        }
    }
    false
}

/// One value, unread, with its path for error messages.
#[derive(Debug)]
pub(crate) struct Value<'a> {
    raw: &'a RawValue,
    path: String,
}

/// What a value is, by its first character.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Null,
    Bool,
    Number,
    String,
    Array,
    Object,
}

impl<'a> Value<'a> {
    pub(crate) fn kind(&self) -> Kind {
        match self.raw.get().as_bytes().first() {
            Some(b'n') | None => Kind::Null,
            Some(b't' | b'f') => Kind::Bool,
            Some(b'"') => Kind::String,
            Some(b'[') => Kind::Array,
            Some(b'{') => Kind::Object,
            Some(_) => Kind::Number,
        }
    }

    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    /// The value as it was written.
    pub(crate) fn text(&self) -> &'a str {
        self.raw.get()
    }

    pub(crate) fn fail(&self, reason: Reason) -> Invalid {
        Invalid { param: (!self.path.is_empty()).then(|| self.path.clone()), reason }
    }

    fn expect(&self, kind: Kind, expected: &'static str) -> Result<(), Invalid> {
        if self.kind() == kind { Ok(()) } else { Err(self.fail(Reason::Type { expected })) }
    }

    fn read<T: Deserialize<'a>>(&self) -> Result<T, Invalid> {
        serde_json::from_str(self.raw.get())
            .map_err(|e| self.fail(Reason::Json { line: e.line(), column: e.column() }))
    }

    pub(crate) fn string(&self) -> Result<String, Invalid> {
        self.expect(Kind::String, "a string")?;
        self.read()
    }

    /// A short string without control characters.
    pub(crate) fn label(&self, max: usize) -> Result<String, Invalid> {
        let text = self.string()?;
        if text.chars().count() > max {
            return Err(self.fail(Reason::TooLong { max }));
        }
        if text.chars().any(char::is_control) {
            return Err(self.fail(Reason::Control));
        }
        Ok(text)
    }

    pub(crate) fn bool(&self) -> Result<bool, Invalid> {
        self.expect(Kind::Bool, "true or false")?;
        self.read()
    }

    /// An integer, written as one: no fraction, no exponent, no negative zero.
    pub(crate) fn integer(&self, min: i64, max: i64) -> Result<i64, Invalid> {
        self.expect(Kind::Number, "an integer")?;
        let text = self.raw.get();
        let digits = text.strip_prefix('-').unwrap_or(text);
        if text == "-0" || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return Err(self.fail(Reason::Type { expected: "an integer" }));
        }
        let range = || self.fail(Reason::Range { min: min.to_string(), max: max.to_string() });
        let value: i64 = text.parse().map_err(|_| range())?;
        if (min..=max).contains(&value) { Ok(value) } else { Err(range()) }
    }

    /// A finite number; negative zero is refused, as it is in integers.
    pub(crate) fn number(&self, min: f32, max: f32) -> Result<f32, Invalid> {
        self.expect(Kind::Number, "a number")?;
        let range = || self.fail(Reason::Range { min: min.to_string(), max: max.to_string() });
        let value: f64 = self.raw.get().parse().map_err(|_| range())?;
        let negative_zero = value == 0.0 && value.is_sign_negative();
        let within = (f64::from(min)..=f64::from(max)).contains(&value);
        // Within a range of two f32s, so the nearest f32 is within it too.
        if within && !negative_zero { Ok(value as f32) } else { Err(range()) }
    }

    /// A finite number with all its digits, not below `min`, which is not below zero.
    pub(crate) fn decimal(&self, min: f64, max: f64) -> Result<f64, Invalid> {
        self.expect(Kind::Number, "a number")?;
        let range = || self.fail(Reason::Range { min: min.to_string(), max: max.to_string() });
        let value: f64 = self.raw.get().parse().map_err(|_| range())?;
        if (min..=max).contains(&value) { Ok(value) } else { Err(range()) }
    }

    pub(crate) fn array(&self, max: usize) -> Result<Vec<Value<'a>>, Invalid> {
        self.array_or(max, Reason::TooMany { max })
    }

    pub(crate) fn array_or(&self, max: usize, over: Reason) -> Result<Vec<Value<'a>>, Invalid> {
        self.expect(Kind::Array, "an array")?;
        let raws: Vec<&'a RawValue> = self.read()?;
        if raws.len() > max {
            return Err(self.fail(over));
        }
        let path = &self.path;
        let values = raws.into_iter().enumerate();
        Ok(values.map(|(i, raw)| Value { raw, path: format!("{path}[{i}]") }).collect())
    }

    pub(crate) fn object(&self) -> Result<Object<'a>, Invalid> {
        self.expect(Kind::Object, "an object")?;
        let Fields(pairs) = self.read()?;
        let mut names: Vec<&str> = pairs.iter().map(|(name, _)| name.as_str()).collect();
        names.sort_unstable();
        if let Some(pair) = names.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(Invalid::at(join(&self.path, pair[0]), Reason::Duplicate));
        }
        let fields = pairs.into_iter().map(|(name, raw)| Some((name, raw))).collect();
        Ok(Object { path: self.path.clone(), fields })
    }
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

/// An object whose fields are taken one by one; what is left was not known.
#[derive(Debug)]
pub(crate) struct Object<'a> {
    path: String,
    fields: Vec<Option<(String, &'a RawValue)>>,
}

impl<'a> Object<'a> {
    /// The field's value; `null` counts as absent.
    pub(crate) fn take(&mut self, name: &str) -> Option<Value<'a>> {
        let has_name = |slot: &&mut Option<(String, &RawValue)>| {
            slot.as_ref().is_some_and(|(found, _)| found == name)
        };
        let (_, raw) = self.fields.iter_mut().find(has_name)?.take()?;
        let value = Value { raw, path: join(&self.path, name) };
        (value.kind() != Kind::Null).then_some(value)
    }

    /// The field under one of two spellings; both are one field, so not twice.
    pub(crate) fn take_either(
        &mut self,
        name: &str,
        other: &str,
    ) -> Result<Option<Value<'a>>, Invalid> {
        match (self.take(name), self.take(other)) {
            (Some(_), Some(value)) => Err(value.fail(Reason::Duplicate)),
            (Some(value), None) | (None, Some(value)) => Ok(Some(value)),
            (None, None) => Ok(None),
        }
    }

    /// The field's value, without taking it; `null` counts as absent.
    pub(crate) fn peek(&self, name: &str) -> Option<Value<'a>> {
        let (_, raw) = self.fields.iter().flatten().find(|(found, _)| found == name)?;
        let value = Value { raw, path: join(&self.path, name) };
        (value.kind() != Kind::Null).then_some(value)
    }

    /// Whether the field is there and not `null`.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.peek(name).is_some()
    }

    pub(crate) fn require(&mut self, name: &str) -> Result<Value<'a>, Invalid> {
        self.take(name).ok_or_else(|| Invalid::at(join(&self.path, name), Reason::Missing))
    }

    /// Takes the field and reads it with `read`, if it is there.
    pub(crate) fn optional<T>(
        &mut self,
        name: &str,
        read: impl FnOnce(&Value<'a>) -> Result<T, Invalid>,
    ) -> Result<Option<T>, Invalid> {
        self.take(name).map(|value| read(&value)).transpose()
    }

    pub(crate) fn flag(&mut self, name: &str) -> Result<bool, Invalid> {
        Ok(self.optional(name, Value::bool)?.unwrap_or(false))
    }

    /// Refuses a field that changes the answer's meaning and is not served.
    pub(crate) fn refuse(&mut self, name: &str, what: &'static str) -> Result<(), Invalid> {
        match self.take(name) {
            Some(value) => Err(value.fail(Reason::Unsupported { what })),
            None => Ok(()),
        }
    }

    /// Every field that is left, as key and value.
    pub(crate) fn rest(self) -> impl Iterator<Item = (String, Value<'a>)> {
        let path = self.path;
        self.fields.into_iter().flatten().map(move |(name, raw)| {
            let value = Value { raw, path: join(&path, &name) };
            (name, value)
        })
    }

    /// A field as it was written, without taking it.
    pub(crate) fn text_of(&self, name: &str) -> Option<&'a str> {
        let found = self.fields.iter().flatten().find(|(found, _)| found == name);
        found.map(|(_, raw)| raw.get())
    }

    pub(crate) fn len(&self) -> usize {
        self.fields.len()
    }

    /// Reports the fields that nobody took.
    pub(crate) fn finish(self, ignored: &mut Ignored) -> Result<(), Invalid> {
        self.rest().try_for_each(|(_, value)| ignored.add(value.path))
    }
}

/// An object's fields in order, duplicates included.
struct Fields<'a>(Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Fields<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(FieldsVisitor(std::marker::PhantomData))
    }
}

struct FieldsVisitor<'a>(std::marker::PhantomData<&'a ()>);

impl<'de: 'a, 'a> Visitor<'de> for FieldsVisitor<'a> {
    type Value = Fields<'a>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut fields = Vec::new();
        while let Some(entry) = map.next_entry()? {
            fields.push(entry);
        }
        Ok(Fields(fields))
    }
}

/// Whether the text is one JSON object (RFC 8259), nested no deeper than a body may be.
pub(crate) fn is_object(text: &str) -> bool {
    !is_deeper_than(text, limits::JSON_DEPTH)
        && text.trim_start().starts_with('{')
        && serde_json::from_str::<&RawValue>(text).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn depth_counts_brackets_outside_strings_only() {
        assert!(!is_deeper_than(r#"{"a":"[[[[\"[[["}"#, 1));
        assert!(is_deeper_than("[[1]]", 1));
        assert!(!is_deeper_than("[[1],[2],[3]]", 2));
    }

    #[test]
    fn ignored_names_lose_indices_and_what_a_header_cannot_hold() {
        assert_eq!(without_indices("messages[12].a[3]"), "messages[].a[]");
        assert_eq!(without_indices("x\r\ny, é"), "x??y??\u{3f}");
        assert_eq!(without_indices("a1.b2"), "a1.b2");
    }

    #[test]
    fn escaped_spellings_of_one_key_are_duplicates() {
        let error = body(br#"{"model":"a","mod\u0065l":"b"}"#).expect_err("twice");
        assert_eq!(error, Invalid::at("model", Reason::Duplicate));
    }
}
