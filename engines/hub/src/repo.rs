//! Names of repositories, revisions and files, checked before any of them becomes part of an address
//! or a path.

use std::fmt;

use crate::limits::{FILE_PATH_BYTES_MAX, REPO_PART_BYTES_MAX, REVISION_BYTES_MAX};

/// A repository: `owner/name`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RepoId(String);

/// A branch, a tag or a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revision(String);

/// A commit: 40 (or, in newer repositories, 64) lower-case hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commit(String);

/// A file of a repository: a relative path that leads nowhere else.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FilePath(String);

/// Why a text is none of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RepoError {
    /// No `owner/name`.
    #[error("A model of a hub is named owner/name, of letters, digits, `.`, `_` and `-`.")]
    Repo,
    /// No revision.
    #[error("This is no revision. It is a branch, a tag or a commit.")]
    Revision,
    /// No file.
    #[error("This is no file of a repository.")]
    File,
}

impl RepoId {
    /// Reads `owner/name`.
    ///
    /// # Errors
    /// [`RepoError::Repo`].
    pub fn parse(text: &str) -> Result<Self, RepoError> {
        let (owner, name) = text.split_once('/').ok_or(RepoError::Repo)?;
        let is_part = |part: &str| {
            let plain = part.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
            let edges = !part.starts_with(['.', '-']) && !part.ends_with(['.', '-']);
            let length = (1..=REPO_PART_BYTES_MAX).contains(&part.len());
            plain && edges && length && !part.contains("..")
        };
        if is_part(owner) && is_part(name) {
            Ok(Self(text.to_owned()))
        } else {
            Err(RepoError::Repo)
        }
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What follows the slash.
    pub fn name(&self) -> &str {
        self.0.split_once('/').map_or(&self.0, |(_, name)| name)
    }
}

impl Revision {
    /// Reads a branch, tag or commit.
    ///
    /// # Errors
    /// [`RepoError::Revision`].
    pub fn parse(text: &str) -> Result<Self, RepoError> {
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"._-/".contains(&b);
        let parts = text.split('/').all(|part| !part.is_empty() && !part.starts_with('.'));
        let is_fine = text.len() <= REVISION_BYTES_MAX && text.bytes().all(plain) && parts;
        if is_fine && !text.contains("..") {
            Ok(Self(text.to_owned()))
        } else {
            Err(RepoError::Revision)
        }
    }

    /// The branch that every repository has.
    pub fn main() -> Self {
        Self("main".to_owned())
    }

    /// As one part of an address.
    pub(crate) fn encoded(&self) -> String {
        self.0.replace('/', "%2F")
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Commit {
    /// Reads a commit's digits.
    ///
    /// # Errors
    /// [`RepoError::Revision`].
    pub fn parse(text: &str) -> Result<Self, RepoError> {
        let is_hex = text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        if is_hex && matches!(text.len(), 40 | 64) {
            Ok(Self(text.to_owned()))
        } else {
            Err(RepoError::Revision)
        }
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// As a revision.
    pub fn revision(&self) -> Revision {
        Revision(self.0.clone())
    }
}

impl FilePath {
    /// Reads a relative path.
    ///
    /// # Errors
    /// [`RepoError::File`].
    pub fn parse(text: &str) -> Result<Self, RepoError> {
        let plain = |c: char| {
            !c.is_control() && !matches!(c, '\\' | ':' | '?' | '*' | '"' | '<' | '>' | '|')
        };
        let is_part = |part: &str| {
            !part.is_empty() && part != "." && part != ".." && !part.ends_with([' ', '.'])
        };
        let is_fine = text.len() <= FILE_PATH_BYTES_MAX
            && text.chars().all(plain)
            && text.split('/').all(is_part);
        if is_fine { Ok(Self(text.to_owned())) } else { Err(RepoError::File) }
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What follows the last slash.
    pub fn file_name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or(&self.0)
    }

    /// Whether it ends in `.gguf`.
    pub fn is_gguf(&self) -> bool {
        self.0.len() > 5 && self.0.as_bytes()[self.0.len() - 5..].eq_ignore_ascii_case(b".gguf")
    }

    /// As a part of an address: all but unreserved characters and `/` is escaped (RFC 3986).
    pub(crate) fn encoded(&self) -> String {
        percent(&self.0, |b| b.is_ascii_alphanumeric() || b"-._~/".contains(&b))
    }
}

/// A value of a query.
pub(crate) fn query_value(text: &str) -> String {
    percent(text, |b| b.is_ascii_alphanumeric() || b"-._~".contains(&b))
}

fn percent(text: &str, is_kept: impl Fn(u8) -> bool) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if is_kept(byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

impl fmt::Display for RepoId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for FilePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cat_f01_file_names_that_lead_elsewhere_are_no_files() {
        let long = "x".repeat(5_000);
        let bad = [
            "../../.ssh/authorized_keys",
            "a/../b.gguf",
            "/etc/passwd",
            "C:\\x.gguf",
            "C:/x.gguf",
            "\\\\server\\share",
            "a\0.gguf",
            "a\n.gguf",
            "a//b.gguf",
            "./a.gguf",
            "a/.",
            "",
            "a. ",
            "a.gguf.",
            &long,
        ];
        for text in bad {
            assert_eq!(FilePath::parse(text), Err(RepoError::File), "{text:?}");
        }
        for good in ["a.gguf", "Q4_K_M/a-00001-of-00002.gguf", "모델 (v2).GGUF", ".gitattributes"]
        {
            assert!(FilePath::parse(good).is_ok(), "{good:?}");
        }
        assert_eq!(FilePath::parse("a b/ü.gguf").expect("fine").encoded(), "a%20b/%C3%BC.gguf");
    }

    #[test]
    fn repositories_and_revisions() {
        for good in ["bartowski/Llama-3.2-1B-Instruct-GGUF", "a/b", "Qwen/Qwen2.5-0.5B_x"] {
            assert!(RepoId::parse(good).is_ok(), "{good}");
        }
        for bad in [
            "", "a", "a/b/c", "../x", "a/..", "a/.b", "-a/b", "a/b-", "a b/c", "a/b?x", "a/%2e",
            "é/b",
        ] {
            assert_eq!(RepoId::parse(bad), Err(RepoError::Repo), "{bad:?}");
        }
        for good in ["main", "refs/pr/1", "v1.0", &"a".repeat(40)] {
            assert!(Revision::parse(good).is_ok(), "{good}");
        }
        for bad in ["", "../x", "a//b", "a b", "a?b", "a%2f", ".git", "a/../b"] {
            assert_eq!(Revision::parse(bad), Err(RepoError::Revision), "{bad:?}");
        }
        assert!(Commit::parse(&"0a".repeat(20)).is_ok());
        for bad in ["main", &"A".repeat(40), &"0".repeat(41)] {
            assert!(Commit::parse(bad).is_err(), "{bad}");
        }
    }
}
