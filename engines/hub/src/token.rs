//! The token by which a hub knows who asks: shown nowhere, wiped when it is dropped.

use std::fmt;
use std::sync::Arc;

use http::HeaderValue;
use zeroize::Zeroizing;

use crate::limits::TOKEN_BYTES_MAX;

/// A token of a hub.
#[derive(Clone)]
pub struct HubToken(Arc<Zeroizing<String>>);

/// The text is no token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("A hub's token is up to 1,024 visible ASCII characters without spaces.")]
pub struct BadToken;

impl HubToken {
    /// A token as a person gives it: what is around it is left out.
    ///
    /// # Errors
    /// It is empty, too long, or has characters that no header may hold.
    pub fn new(text: &str) -> Result<Self, BadToken> {
        let token = text.trim();
        let is_visible = token.bytes().all(|byte| byte.is_ascii_graphic());
        if token.is_empty() || token.len() > TOKEN_BYTES_MAX || !is_visible {
            return Err(BadToken);
        }
        Ok(Self(Arc::new(Zeroizing::new(token.to_owned()))))
    }

    /// The header's value.
    pub(crate) fn header(&self) -> HeaderValue {
        let text = Zeroizing::new(format!("Bearer {}", self.0.as_str()));
        let mut value = HeaderValue::from_str(&text).expect("a token is visible ASCII");
        value.set_sensitive(true);
        value
    }
}

impl fmt::Debug for HubToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HubToken")
    }
}
