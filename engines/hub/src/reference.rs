//! What a person types for a model of a hub, as other programs take it, too: `owner/name`,
//! `owner/name:Q4_K_M`, `hf.co/owner/name:file.gguf`, an address out of a browser.

use crate::limits::FILE_PATH_BYTES_MAX;
use crate::repo::{RepoError, RepoId, Revision};

/// Hosts that may stand before a name: they mean the hub that is set up.
const HOSTS: [&str; 3] = ["hf.co/", "huggingface.co/", "www.huggingface.co/"];

/// A model of a hub, as it was typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// Which repository.
    pub repo: RepoId,
    /// Which branch, tag or commit; none: the main branch.
    pub revision: Option<Revision>,
    /// Which of its files: a quantization or a file name; none: the usual one.
    pub choice: Option<String>,
}

/// Why a text names no model of a hub.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReferenceError {
    /// Owner, name, revision or file are none.
    #[error(transparent)]
    Name(#[from] RepoError),
    /// An address of something else.
    #[error(
        "This is no address of a model. Type owner/name or owner/name:Q4_K_M as `pumasi search` \
         shows them."
    )]
    Address,
}

impl Reference {
    /// Reads what was typed.
    ///
    /// # Errors
    /// [`ReferenceError`].
    pub fn parse(text: &str) -> Result<Self, ReferenceError> {
        let text = text.trim();
        let (rest, is_address) = match text.split_once("://") {
            Some(("https" | "http", rest)) => (rest, true),
            Some(_) => return Err(ReferenceError::Address),
            None => (text.strip_prefix("hf://").unwrap_or(text), false),
        };
        let bare = HOSTS.iter().find_map(|host| {
            let is_there = rest.get(..host.len()).is_some_and(|s| s.eq_ignore_ascii_case(host));
            is_there.then(|| &rest[host.len()..])
        });
        match bare {
            Some(bare) if is_address => Self::of_page(bare),
            Some(bare) => Self::of_name(bare),
            None if is_address => Err(ReferenceError::Address),
            None => Self::of_name(rest),
        }
    }

    /// `owner/name[@revision][:choice]`.
    fn of_name(text: &str) -> Result<Self, ReferenceError> {
        let (path, choice) = match text.split_once(':') {
            Some((path, choice)) => (path, Some(choice)),
            None => (text, None),
        };
        let (repo, revision) = match path.split_once('@') {
            Some((repo, revision)) => (repo, Some(Revision::parse(revision)?)),
            None => (path, None),
        };
        let choice = choice.map(check_choice).transpose()?;
        Ok(Self { repo: RepoId::parse(repo)?, revision, choice })
    }

    /// `owner/name`, `owner/name/tree/main`, `owner/name/blob/main/file.gguf` and the like.
    fn of_page(text: &str) -> Result<Self, ReferenceError> {
        let text = text.split(['?', '#']).next().unwrap_or(text).trim_end_matches('/');
        let mut parts = text.splitn(5, '/');
        let (Some(owner), Some(name)) = (parts.next(), parts.next()) else {
            return Err(ReferenceError::Address);
        };
        let (kind, revision, file) = (parts.next(), parts.next(), parts.next());
        let is_page = matches!(kind, None | Some("tree" | "blob" | "resolve" | "raw"));
        if !is_page || name.contains(':') {
            return if kind.is_none() { Self::of_name(text) } else { Err(ReferenceError::Address) };
        }
        let file = file.filter(|_| kind != Some("tree"));
        Ok(Self {
            repo: RepoId::parse(&format!("{owner}/{name}"))?,
            revision: revision.map(Revision::parse).transpose()?,
            choice: file.map(check_choice).transpose()?,
        })
    }
}

fn check_choice(text: &str) -> Result<String, RepoError> {
    let is_fine = !text.is_empty()
        && text.len() <= FILE_PATH_BYTES_MAX
        && !text.chars().any(char::is_control);
    if is_fine { Ok(text.to_owned()) } else { Err(RepoError::File) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_addresses_as_people_have_them() {
        let read = |text: &str| {
            let read = Reference::parse(text).expect(text);
            let revision = read.revision.map(|r| r.as_str().to_owned());
            (read.repo.as_str().to_owned(), revision, read.choice)
        };
        let of = |revision: Option<&str>, choice: Option<&str>| {
            ("o/n-GGUF".to_owned(), revision.map(Into::into), choice.map(Into::into))
        };
        for (text, expected) in [
            ("o/n-GGUF", of(None, None)),
            (" o/n-GGUF:Q4_K_M ", of(None, Some("Q4_K_M"))),
            ("hf.co/o/n-GGUF:Q8_0", of(None, Some("Q8_0"))),
            ("HuggingFace.co/o/n-GGUF", of(None, None)),
            ("o/n-GGUF@v1:sub/a.gguf", of(Some("v1"), Some("sub/a.gguf"))),
            ("https://huggingface.co/o/n-GGUF", of(None, None)),
            ("https://hf.co/o/n-GGUF/tree/main", of(Some("main"), None)),
            (
                "https://huggingface.co/o/n-GGUF/blob/main/s/a.gguf?x",
                of(Some("main"), Some("s/a.gguf")),
            ),
            (
                "https://huggingface.co/o/n-GGUF/resolve/main/a.gguf",
                of(Some("main"), Some("a.gguf")),
            ),
        ] {
            assert_eq!(read(text), expected, "{text:?}");
        }
        for bad in [
            "",
            "n",
            "ollama",
            "a/b/c",
            "o/n:",
            "../x",
            "o/n@../x",
            "ftp://o/n",
            "https://evil.example/o/n",
            "https://huggingface.co/datasets/o/n",
            "https://hf.co/o",
        ] {
            assert!(Reference::parse(bad).is_err(), "{bad:?}");
        }
    }
}
