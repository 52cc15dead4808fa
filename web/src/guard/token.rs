//! The install's token and its cookie: where a request carries a secret, and the comparison. Every secret
//! costs one hash and one comparison of equal length per known one, whatever it is and wherever it differs.

use blake3::Hash;
use http::{HeaderMap, HeaderValue, header};

use crate::error::ApiError;
use crate::settings::Secret;

/// The cookie that the UI's page gets on loopback.
const COOKIE: &str = "pumasi";

/// What the cookie holds instead of the token itself: the same for as long as the token is, so that an
/// open page outlives a restart, and of no use outside HTTP.
pub(crate) fn ui_cookie(token: &Secret) -> String {
    let derived = blake3::derive_key("pumasi web ui cookie 1", token.0.as_bytes());
    format!("{COOKIE}={}; Path=/; HttpOnly; SameSite=Strict", hex::encode(derived))
}

fn cookie_value(token: &Secret) -> String {
    hex::encode(blake3::derive_key("pumasi web ui cookie 1", token.0.as_bytes()))
}

/// The token that a request carries, if it carries one: in Authorization, else in `x-api-key` or
/// `x-goog-api-key`, else in the UI's cookie. Never in the address, where it would end up in histories and logs.
pub(crate) fn presented(headers: &HeaderMap) -> Result<Option<Vec<u8>>, ApiError> {
    if let Some(value) = single(headers, header::AUTHORIZATION.as_str())? {
        let scheme_and_token = value.as_bytes().split_at_checked(7);
        return match scheme_and_token {
            Some((scheme, token)) if scheme.eq_ignore_ascii_case(b"bearer ") => {
                Ok(Some(token.trim_ascii().to_vec()))
            }
            Some(_) | None => Err(ApiError::Unauthorized),
        };
    }
    // Anthropic's and Google's clients.
    for name in ["x-api-key", "x-goog-api-key"] {
        if let Some(value) = single(headers, name)? {
            return Ok(Some(value.as_bytes().trim_ascii().to_vec()));
        }
    }
    Ok(cookie(headers))
}

fn single<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a HeaderValue>, ApiError> {
    let mut values = headers.get_all(name).iter();
    let first = values.next();
    if values.next().is_some() { Err(ApiError::Unauthorized) } else { Ok(first) }
}

fn cookie(headers: &HeaderMap) -> Option<Vec<u8>> {
    let values = headers.get_all(header::COOKIE).iter();
    let pairs = values.flat_map(|value| value.as_bytes().split(|b| *b == b';'));
    let value = |pair: &[u8]| {
        let rest = pair.trim_ascii().strip_prefix(COOKIE.as_bytes())?.strip_prefix(b"=")?;
        Some(rest.to_vec())
    };
    pairs.filter_map(value).next()
}

/// The token of this install and its cookie, as keyed hashes.
#[derive(Debug)]
pub(crate) struct Tokens {
    key: [u8; 32],
    known: [Hash; 2],
}

impl Tokens {
    /// `key` is random and lives as long as the process.
    pub(crate) fn new(key: [u8; 32], install: &Secret) -> Self {
        let hash = |text: &str| blake3::keyed_hash(&key, text.as_bytes());
        Self { key, known: [hash(&install.0), hash(&cookie_value(install))] }
    }

    /// Whether it is this install's.
    pub(crate) fn judge(&self, presented: &[u8]) -> bool {
        let hash = blake3::keyed_hash(&self.key, presented);
        // Equality of hashes is constant-time, and none is left out, equal or not.
        self.known.iter().fold(false, |found, known| found | (hash == *known))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens() -> Tokens {
        Tokens::new([7; 32], &Secret::new("install-token"))
    }

    /// Timing cannot be measured reliably on a shared machine, so this holds the construction instead:
    /// what is compared are keyed hashes of one length, with the hash type's constant-time equality.
    #[test]
    fn cat_h18_tokens_are_compared_as_keyed_hashes_of_one_length() {
        let tokens = tokens();
        for hash in &tokens.known {
            assert_eq!(hash.as_bytes().len(), 32);
        }
        let wrong_first = tokens.judge(b"Xnstall-token");
        let wrong_last = tokens.judge(b"install-tokeX");
        assert_eq!((wrong_first, wrong_last), (false, false));
        let other_key = Tokens::new([8; 32], &Secret::new("install-token"));
        assert_ne!(tokens.known[0], other_key.known[0]);
    }

    #[test]
    fn the_token_and_its_cookie_are_known_and_nothing_else_is() {
        let tokens = tokens();
        assert!(tokens.judge(b"install-token"));
        let cookie = cookie_value(&Secret::new("install-token"));
        assert!(tokens.judge(cookie.as_bytes()));
        for wrong in ["", "install-token ", "' OR 1=1--", "install-toke", "ключ"] {
            assert!(!tokens.judge(wrong.as_bytes()), "{wrong:?}");
        }
        assert!(!tokens.judge(&vec![b'a'; 1 << 20]));
    }

    #[test]
    fn a_token_is_read_from_one_place_only() {
        let read = |pairs: &[(&'static str, &'static str)]| {
            let mut headers = HeaderMap::new();
            for (name, value) in pairs {
                headers.append(*name, HeaderValue::from_static(value));
            }
            presented(&headers).map(|token| token.map(|t| String::from_utf8_lossy(&t).into_owned()))
        };
        let token = |text: &str| Ok(Some(text.to_owned()));
        assert_eq!(read(&[]), Ok(None));
        assert_eq!(read(&[("authorization", "Bearer abc")]), token("abc"));
        assert_eq!(read(&[("authorization", "bearer  abc ")]), token("abc"));
        assert_eq!(read(&[("authorization", "Bearer ")]), token(""));
        assert_eq!(read(&[("authorization", "Basic abc")]), Err(ApiError::Unauthorized));
        assert_eq!(read(&[("authorization", "Bearer")]), Err(ApiError::Unauthorized));
        assert_eq!(
            read(&[("authorization", "Bearer a"), ("authorization", "Bearer a")]),
            Err(ApiError::Unauthorized)
        );
        assert_eq!(read(&[("x-api-key", "abc")]), token("abc"));
        assert_eq!(read(&[("x-goog-api-key", "abc")]), token("abc"));
        assert_eq!(read(&[("cookie", "a=b; pumasi=abc; c=d")]), token("abc"));
        assert_eq!(read(&[("cookie", "xpumasi=abc")]), Ok(None));
    }
}
