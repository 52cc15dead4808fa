//! Names that people give: of nodes, persons and models. Checked once, on entry; safe to show after.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::limits;

/// Why a name was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Nothing is left after trimming.
    #[error("a name must not be empty")]
    Empty,
    /// Longer than [`limits::NAME_CHARS`] characters or [`limits::MODEL_NAME_BYTES`] bytes.
    #[error("this name is too long")]
    TooLong,
    /// Holds a control, bidirectional-override or otherwise invisible character.
    #[error("a name must not contain control or invisible characters")]
    Invisible,
    /// Not of the form of a model's name.
    #[error(
        "a model name is letters, digits, '.', '_' and '-', in up to six parts separated by '/', \
         with an optional ':tag'"
    )]
    Model,
}

fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// What a person calls a computer or a person: any script, one line, at most 64 characters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct NodeName(String);

impl NodeName {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for NodeName {
    type Error = NameError;
    fn try_from(text: String) -> Result<Self, NameError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(NameError::Empty);
        }
        if text.chars().count() > limits::NAME_CHARS {
            return Err(NameError::TooLong);
        }
        if text.chars().any(is_invisible) {
            return Err(NameError::Invisible);
        }
        Ok(Self(text.to_owned()))
    }
}

impl FromStr for NodeName {
    type Err = NameError;
    fn from_str(text: &str) -> Result<Self, NameError> {
        Self::try_from(text.to_owned())
    }
}

impl From<NodeName> for String {
    fn from(name: NodeName) -> Self {
        name.0
    }
}

impl fmt::Display for NodeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Parts of a model's name: what hubs have, and what the longest-winded provider has behind its own name.
const PARTS: usize = 6;

/// A model's name: `[A-Za-z0-9][A-Za-z0-9._-]{0,95}`, up to six such parts joined by `/`, and an
/// optional `:tag`. Never a path: `..`, absolute names and device names cannot be spelled.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ModelName(String);

impl ModelName {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Names that Windows reserves for devices, whatever the extension.
const DEVICE_NAMES: [&str; 6] = ["con", "prn", "aux", "nul", "com", "lpt"];

fn is_device_name(part: &str) -> bool {
    let stem = part.split('.').next().unwrap_or(part).to_ascii_lowercase();
    let stem = stem.trim_end_matches(|c: char| c.is_ascii_digit());
    DEVICE_NAMES.contains(&stem)
}

fn is_model_part(part: &str) -> bool {
    let rest = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    part.len() <= 96
        && part.starts_with(|c: char| c.is_ascii_alphanumeric())
        && part.chars().all(rest)
        && !part.contains("..")
        && !is_device_name(part)
}

impl TryFrom<String> for ModelName {
    type Error = NameError;
    fn try_from(text: String) -> Result<Self, NameError> {
        if text.is_empty() {
            return Err(NameError::Empty);
        }
        if text.len() > limits::MODEL_NAME_BYTES {
            return Err(NameError::TooLong);
        }
        let (path, tag) = text.split_once(':').map_or((text.as_str(), None), |(p, t)| (p, Some(t)));
        let parts = path.split('/');
        let well_formed = parts.clone().count() <= PARTS
            && parts.clone().all(is_model_part)
            && tag.is_none_or(is_model_part);
        if well_formed { Ok(Self(text)) } else { Err(NameError::Model) }
    }
}

impl FromStr for ModelName {
    type Err = NameError;
    fn from_str(text: &str) -> Result<Self, NameError> {
        Self::try_from(text.to_owned())
    }
}

impl From<ModelName> for String {
    fn from(name: ModelName) -> Self {
        name.0
    }
}

impl fmt::Display for ModelName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cat_m02_model_names_that_are_paths_devices_or_noise_are_refused() {
        let long = "a".repeat(300);
        let refused = [
            "../../x",
            "/abs",
            "a/b/c/d/e/f/g",
            "CON",
            "aux.gguf",
            "COM1",
            long.as_str(),
            "..",
            "",
            "🦊",
            "%2e%2e",
            "a\0b",
            "a:b:c",
            "-rf",
            "; rm -rf ~",
            "$(x)",
            "--config=/x",
            "a/../b",
            "a//b",
            "a/",
        ];
        for name in refused {
            assert!(name.parse::<ModelName>().is_err(), "{name:?} was accepted");
        }
        for name in [
            "starter-chat",
            "org/Model-7B.Q4_K_M",
            "a/b/c/d/e/f",
            "llama3:8b",
            "console",
            "command-r",
        ] {
            assert_eq!(name.parse::<ModelName>().map(String::from), Ok(name.to_owned()));
        }
    }

    #[test]
    fn node_names_are_one_visible_line_in_any_script() {
        assert_eq!("  창가 컴퓨터 ".parse::<NodeName>().expect("Korean").as_str(), "창가 컴퓨터");
        assert_eq!("a\nb".parse::<NodeName>(), Err(NameError::Invisible));
        assert_eq!("a\u{202e}b".parse::<NodeName>(), Err(NameError::Invisible));
        assert_eq!("x".repeat(65).parse::<NodeName>(), Err(NameError::TooLong));
        assert_eq!("  ".parse::<NodeName>(), Err(NameError::Empty));
    }
}
