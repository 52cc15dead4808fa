//! Names of models: what a person types, an API carries and a directory entry becomes. One grammar
//! that is safe as a file name everywhere: a part, at most one `/part`, at most one `:tag`.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::limits::NAME_PART_BYTES_MAX;

/// A valid model name, such as `qwen3-4b`, `org/qwen3-4b` or `qwen3-4b:q8_0`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ModelName(String);

/// Why a text is no model name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Nothing before, between or after `/` and `:`.
    #[error("A model name needs at least one letter or digit in each of its parts.")]
    Empty,
    /// A part is longer than [`NAME_PART_BYTES_MAX`].
    #[error("This model name is too long; each of its parts may have 96 characters.")]
    TooLong,
    /// A second `/`, or a `:` before it.
    #[error("A model name has at most one `/` and, after it, at most one `:`.")]
    TooManyParts,
    /// A character that is not allowed, or not at this place.
    #[error(
        "A model name consists of letters, digits, `.`, `_` and `-`, \
         and each part begins with a letter or digit."
    )]
    Character,
    /// A part that Windows reserves for a device, or that it would change.
    #[error("This model name is reserved by an operating system. Pick another one.")]
    Reserved,
}

impl NameError {
    /// A stable word for programs.
    pub fn code(&self) -> &'static str {
        "invalid_model_name"
    }
}

impl ModelName {
    /// Checks `text` and takes it as it is; nothing is trimmed, decoded or folded.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let (path, tag) = match text.split_once(':') {
            Some((path, tag)) => (path, Some(tag)),
            None => (text, None),
        };
        let (owner, name) = match path.split_once('/') {
            Some((owner, name)) => (Some(owner), name),
            None => (None, path),
        };
        let parts = [owner, Some(name), tag];
        for part in parts.into_iter().flatten() {
            check_part(part)?;
        }
        Ok(Self(text.to_owned()))
    }

    /// The name for a file, from its name without the ending: lower case, and `-` for everything
    /// that a name cannot hold. Always a name; `model` if nothing is left.
    pub fn from_file_stem(stem: &str) -> Self {
        let mut name = String::new();
        for character in stem.chars().flat_map(char::to_lowercase) {
            if name.len() == NAME_PART_BYTES_MAX {
                break;
            }
            match character {
                'a'..='z' | '0'..='9' => name.push(character),
                '.' | '_' | '-' if !name.is_empty() => name.push(character),
                _ if name.is_empty() || name.ends_with('-') => {}
                _ => name.push('-'),
            }
        }
        name.truncate(name.trim_end_matches(['.', '-']).len());
        match check_part(&name) {
            Ok(()) => Self(name),
            Err(NameError::Reserved) => Self(format!("model-{name}")),
            Err(
                NameError::Empty
                | NameError::TooLong
                | NameError::TooManyParts
                | NameError::Character,
            ) => Self("model".to_owned()),
        }
    }

    /// The name in lower case: two names that differ in case only are the same one.
    pub fn folded(&self) -> String {
        self.0.to_ascii_lowercase()
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn check_part(part: &str) -> Result<(), NameError> {
    let bytes = part.as_bytes();
    let Some(first) = bytes.first() else { return Err(NameError::Empty) };
    if part.contains(['/', ':']) {
        return Err(NameError::TooManyParts);
    }
    let allowed = |byte: &u8| byte.is_ascii_alphanumeric() || b"._-".contains(byte);
    if !first.is_ascii_alphanumeric() || !bytes.iter().all(allowed) {
        return Err(NameError::Character);
    }
    if bytes.len() > NAME_PART_BYTES_MAX {
        return Err(NameError::TooLong);
    }
    if part.ends_with('.') || is_device(part) {
        return Err(NameError::Reserved);
    }
    Ok(())
}

/// Windows opens a device for these words, whatever ending follows.
fn is_device(part: &str) -> bool {
    let stem = part.split('.').next().unwrap_or(part).to_ascii_lowercase();
    let numbered = |word: &str| {
        stem.strip_prefix(word).is_some_and(|digit| matches!(digit.as_bytes(), [b'0'..=b'9']))
    };
    matches!(stem.as_str(), "con" | "prn" | "aux" | "nul") || numbered("com") || numbered("lpt")
}

impl fmt::Display for ModelName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for ModelName {
    type Error = NameError;

    fn try_from(text: String) -> Result<Self, NameError> {
        Self::parse(&text)
    }
}

impl From<ModelName> for String {
    fn from(name: ModelName) -> Self {
        name.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cat_m02_model_names() {
        let long = "a".repeat(96);
        let too_long = "a".repeat(97);
        let three_hundred = "a".repeat(300);
        for (text, expected) in [
            ("qwen3-4b", Ok(())),
            ("Org/Model-7B_v1.5:Q4_K_M", Ok(())),
            ("0", Ok(())),
            (long.as_str(), Ok(())),
            ("../../x", Err(NameError::Character)),
            ("/abs", Err(NameError::Empty)),
            ("a/b/c/d", Err(NameError::TooManyParts)),
            ("a/", Err(NameError::Empty)),
            ("a:", Err(NameError::Empty)),
            ("a:b:c", Err(NameError::TooManyParts)),
            ("a:b/c", Err(NameError::TooManyParts)),
            ("CON", Err(NameError::Reserved)),
            ("con.txt", Err(NameError::Reserved)),
            ("x/Aux", Err(NameError::Reserved)),
            ("lpt1", Err(NameError::Reserved)),
            ("x:nul", Err(NameError::Reserved)),
            ("a.", Err(NameError::Reserved)),
            ("lpt10", Ok(())),
            ("console", Ok(())),
            (too_long.as_str(), Err(NameError::TooLong)),
            (three_hundred.as_str(), Err(NameError::TooLong)),
            ("..", Err(NameError::Character)),
            (".hidden", Err(NameError::Character)),
            ("-rf", Err(NameError::Character)),
            ("--config=/x", Err(NameError::Character)),
            ("", Err(NameError::Empty)),
            ("smile😀", Err(NameError::Character)),
            ("%2e%2e", Err(NameError::Character)),
            ("a%2fb", Err(NameError::Character)),
            ("a\0b", Err(NameError::Character)),
            ("a b", Err(NameError::Character)),
            ("a\n", Err(NameError::Character)),
            (r"a\b", Err(NameError::Character)),
            ("; rm -rf ~", Err(NameError::Character)),
            ("é", Err(NameError::Character)),
        ] {
            let parsed = ModelName::parse(text);
            assert_eq!(parsed.clone().map(|_| ()), expected, "{text:?}");
            if let Err(error) = parsed {
                assert_eq!(error.code(), "invalid_model_name");
            }
        }
    }

    #[test]
    fn file_stems_become_names() {
        let long = "x".repeat(200);
        for (stem, expected) in [
            ("Qwen3-4B-Q4_K_M", "qwen3-4b-q4_k_m"),
            ("My Model (v2)", "my-model-v2"),
            ("..hidden", "hidden"),
            ("모델", "model"),
            ("", "model"),
            ("CON", "model-con"),
            ("a.", "a"),
            ("ÉCLAIR x", "clair-x"),
            (long.as_str(), &long[..96]),
        ] {
            assert_eq!(ModelName::from_file_stem(stem).as_str(), expected, "{stem:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn every_stem_gives_a_valid_name(stem in ".{0,200}") {
            let name = ModelName::from_file_stem(&stem);
            proptest::prop_assert_eq!(ModelName::parse(name.as_str()), Ok(name.clone()));
        }
    }
}
