//! The API token of this install: 256 random bits as text, in a file that only its user may read.

use std::fmt;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

const FILE: &str = "token";
const SECRET_BYTES: usize = 32;

/// The secret that opens this install's API. Never printed by `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

/// Why there is no usable token. Each ends the program with code 78.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// There is none, and this command must not make one.
    #[error("there is no API token at {}: start a node here with `pumasi up` first", .0.display())]
    Absent(PathBuf),
    /// It cannot be read.
    #[error("the API token {} cannot be read ({error}): run this as the user who runs the node", .path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        error: std::io::Error,
    },
    /// It holds something else, or nothing.
    #[error("the API token {} is empty or damaged: remove it, and the next `pumasi up` makes a new one", .0.display())]
    Damaged(PathBuf),
    /// Others could read it, and that could not be changed.
    #[error("the API token {} can be read by others and its mode cannot be changed ({error}): run `chmod 600` on it", .path.display())]
    Exposed {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        error: std::io::Error,
    },
    /// A new one cannot be written.
    #[error("the API token {} cannot be written ({error}): is the data directory on a full or read-only disk?", .path.display())]
    Write {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        error: std::io::Error,
    },
    /// The operating system gave no random bytes.
    #[error("the operating system gave no random bytes for an API token ({0}): try again")]
    NoRandomness(getrandom::Error),
}

impl Token {
    /// The token as it goes after `Authorization: Bearer`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The token of this data directory, made if there is none yet.
    ///
    /// # Errors
    /// When it cannot be read, written or kept from others.
    pub fn load_or_create(data_dir: &Path) -> Result<Self, TokenError> {
        match Self::load(data_dir) {
            Err(TokenError::Absent(path)) => Self::create(path),
            found => found,
        }
    }

    /// The token of this data directory. A file that others can read gets mode 0600 first.
    ///
    /// # Errors
    /// When there is none, or it cannot be read, or others could read it.
    pub fn load(data_dir: &Path) -> Result<Self, TokenError> {
        let path = data_dir.join(FILE);
        let text = std::fs::read_to_string(&path).map_err(|error| unreadable(&path, error))?;
        let text = text.trim();
        let well_formed = text.len() == SECRET_BYTES * 2 && hex::decode(text).is_ok();
        if !well_formed {
            return Err(TokenError::Damaged(path));
        }
        close_to_others(&path).map_err(|error| TokenError::Exposed { path, error })?;
        Ok(Self(text.to_owned()))
    }

    fn create(path: PathBuf) -> Result<Self, TokenError> {
        let mut secret = [0; SECRET_BYTES];
        getrandom::fill(&mut secret).map_err(TokenError::NoRandomness)?;
        let token = Self(hex::encode(secret));
        super::write_private(&path, token.0.as_bytes())
            .map_err(|error| TokenError::Write { path, error })?;
        Ok(token)
    }
}

fn unreadable(path: &Path, error: std::io::Error) -> TokenError {
    let path = path.to_owned();
    if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) {
        return TokenError::Absent(path);
    }
    if error.kind() == ErrorKind::InvalidData {
        return TokenError::Damaged(path);
    }
    TokenError::Unreadable { path, error }
}

#[cfg(unix)]
fn close_to_others(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let mode = std::fs::metadata(path)?.permissions().mode();
    if mode & 0o077 == 0 {
        return Ok(());
    }
    tracing::warn!(path = %path.display(), "others could read the API token; its mode is 0600 again");
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))
}

/// Elsewhere the user's folder carries the permissions.
#[cfg(not(unix))]
fn close_to_others(_path: &Path) -> std::io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_made_once_and_never_shown() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        assert!(matches!(Token::load(folder.path()), Err(TokenError::Absent(_))));
        let token = Token::load_or_create(folder.path()).expect("it is made");
        assert_eq!(Token::load_or_create(folder.path()).expect("it is read"), token);
        assert!(!format!("{token:?}").contains(token.as_str()));
        let other = tempfile::tempdir().expect("a temporary folder");
        assert_ne!(Token::load_or_create(other.path()).expect("it is made"), token);
    }

    #[test]
    fn cat_s02_an_empty_or_damaged_token_is_refused() {
        for bytes in [&b""[..], b"\n", b"secret", &[0xff; 64], &[b'z'; 64], &[b'a'; 63]] {
            let folder = tempfile::tempdir().expect("a temporary folder");
            std::fs::write(folder.path().join(FILE), bytes).expect("it is written");
            let error = Token::load_or_create(folder.path());
            assert!(matches!(error, Err(TokenError::Damaged(_))), "{bytes:?}: {error:?}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn cat_s02_a_token_that_others_can_read_gets_its_mode_back() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join(FILE);
        let mode = || std::fs::metadata(&path).expect("it exists").permissions().mode() & 0o777;
        Token::load_or_create(folder.path()).expect("it is made");
        assert_eq!(mode(), 0o600);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).expect("it is set");
        Token::load(folder.path()).expect("it is read");
        assert_eq!(mode(), 0o600);
    }
}
