//! Tokens: where a request carries them, and the comparison. Every presented token costs one hash and
//! one comparison of equal length per known token, whatever it is and wherever it differs.

use blake3::Hash;
use http::{HeaderMap, HeaderValue, header};

use crate::error::ApiError;
use crate::mesh::Caller;
use crate::settings::{ApiKey, Secret};

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

/// The token that a request carries, if it carries one: in Authorization, else in `x-api-key`, else in
/// the UI's cookie. Never in the address, where it would end up in histories and logs.
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
    if let Some(value) = single(headers, "x-api-key")? {
        return Ok(Some(value.as_bytes().trim_ascii().to_vec()));
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

/// The tokens that are known, as keyed hashes.
#[derive(Debug)]
pub(crate) struct Tokens {
    key: [u8; 32],
    known: Vec<(Hash, Caller)>,
}

impl Tokens {
    /// `key` is random and lives as long as the process.
    pub(crate) fn new(key: [u8; 32], install: &Secret, keys: &[ApiKey]) -> Self {
        let hash = |text: &str| blake3::keyed_hash(&key, text.as_bytes());
        let mut known = vec![
            (hash(&install.0), Caller::Install),
            (hash(&cookie_value(install)), Caller::Install),
        ];
        let person = |key: &ApiKey| Caller::Key { person: key.person.clone() };
        known.extend(keys.iter().map(|key| (hash(&key.secret.0), person(key))));
        Self { key, known }
    }

    /// Whose token it is.
    pub(crate) fn judge(&self, presented: &[u8]) -> Option<Caller> {
        let hash = blake3::keyed_hash(&self.key, presented);
        let mut found = None;
        // Equality of hashes is constant-time, and none is left out, found or not.
        for (known, caller) in &self.known {
            if hash == *known {
                found = Some(caller);
            }
        }
        found.cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens() -> Tokens {
        let key = ApiKey { secret: Secret::new("key-of-kim"), person: "kim".to_owned() };
        Tokens::new([7; 32], &Secret::new("install-token"), &[key])
    }

    /// Timing cannot be measured reliably on a shared machine, so this holds the construction instead:
    /// what is compared are keyed hashes of one length, with the hash type's constant-time equality.
    #[test]
    fn cat_h18_tokens_are_compared_as_keyed_hashes_of_one_length() {
        let tokens = tokens();
        for (hash, _) in &tokens.known {
            assert_eq!(hash.as_bytes().len(), 32);
        }
        let wrong_first = tokens.judge(b"Xnstall-token");
        let wrong_last = tokens.judge(b"install-tokeX");
        assert_eq!((wrong_first, wrong_last), (None, None));
        let other_key = Tokens::new([8; 32], &Secret::new("install-token"), &[]);
        assert_ne!(tokens.known[0].0, other_key.known[0].0);
    }

    #[test]
    fn each_token_names_its_caller_and_nothing_else_does() {
        let tokens = tokens();
        assert_eq!(tokens.judge(b"install-token"), Some(Caller::Install));
        let kim = Caller::Key { person: "kim".to_owned() };
        assert_eq!(tokens.judge(b"key-of-kim"), Some(kim));
        let cookie = cookie_value(&Secret::new("install-token"));
        assert_eq!(tokens.judge(cookie.as_bytes()), Some(Caller::Install));
        for wrong in ["", "install-token ", "' OR 1=1--", "install-toke", "ключ"] {
            assert_eq!(tokens.judge(wrong.as_bytes()), None, "{wrong:?}");
        }
        assert_eq!(tokens.judge(&vec![b'a'; 1 << 20]), None);
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
        assert_eq!(read(&[("cookie", "a=b; pumasi=abc; c=d")]), token("abc"));
        assert_eq!(read(&[("cookie", "xpumasi=abc")]), Ok(None));
    }
}
