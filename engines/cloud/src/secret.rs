//! A provider's key: shown nowhere, wiped when it is dropped.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use http::HeaderValue;
use zeroize::Zeroizing;

use crate::limits;

/// A key. What is left of it in memory after the last use is wiped.
#[derive(Clone)]
pub struct Secret(Arc<Zeroizing<Vec<u8>>>);

/// Why a text is no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a key is up to 4,096 visible ASCII characters without spaces")]
pub struct BadKey;

impl Secret {
    /// A key as a person gives it: what is around it is left out.
    ///
    /// # Errors
    /// It is empty, too long, or has characters that no header may hold.
    pub fn new(text: impl Into<String>) -> Result<Self, BadKey> {
        let text = Zeroizing::new(text.into());
        let key = text.trim();
        let is_visible = key.bytes().all(|byte| byte.is_ascii_graphic());
        if key.is_empty() || key.len() > limits::KEY_BYTES || !is_visible {
            return Err(BadKey);
        }
        Ok(Self(Arc::new(Zeroizing::new(key.as_bytes().to_vec()))))
    }

    /// The key itself, for a key store.
    pub(crate) fn reveal(&self) -> &[u8] {
        &self.0
    }

    /// The key as text, for a client of something else than a provider that keeps it here.
    #[must_use]
    pub fn reveal_text(&self) -> &str {
        std::str::from_utf8(&self.0).expect("a key is visible ASCII")
    }

    /// A header's value with this before the key. It is wiped with its last copy, too.
    pub(crate) fn header(&self, before: &str) -> HeaderValue {
        let mut text = Zeroizing::new(Vec::with_capacity(before.len() + self.0.len()));
        text.extend_from_slice(before.as_bytes());
        text.extend_from_slice(&self.0);
        let mut value = HeaderValue::from_maybe_shared(Bytes::from_owner(text))
            .expect("a key is visible ASCII, and so is what stands before it");
        value.set_sensitive(true);
        value
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_visible_ascii_and_is_never_shown() {
        let key = Secret::new(" sk-canary\n").expect("a key");
        assert_eq!(key.reveal(), b"sk-canary");
        assert_eq!(format!("{key:?}"), "Secret");
        let header = key.header("Bearer ");
        assert_eq!(header.as_bytes(), b"Bearer sk-canary");
        assert_eq!(format!("{header:?}"), "Sensitive");
        for bad in ["", "  ", "a b", "a\r\nx: y", "schlüssel", &"k".repeat(4_097)] {
            assert_eq!(Secret::new(bad).err(), Some(BadKey), "{bad:?}");
        }
    }
}
