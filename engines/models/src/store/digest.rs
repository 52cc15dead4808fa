//! SHA-256 of a file: how hubs name content, and the only thing that a blob's file name is made of.

use std::fmt;

use serde::{Deserialize, Serialize};

/// SHA-256 of a file, shown and stored as 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Sha256([u8; 32]);

/// The text is not 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("A SHA-256 consists of 64 digits from 0 to 9 and a to f.")]
pub struct DigestSyntax;

impl Sha256 {
    /// Takes the bytes of a digest.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes of the digest.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Reads 64 lower-case hexadecimal digits and nothing else: a SHA-1 is no SHA-256.
    ///
    /// # Errors
    /// [`DigestSyntax`].
    pub fn parse(text: &str) -> Result<Self, DigestSyntax> {
        if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return Err(DigestSyntax);
        }
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes).map_err(|_| DigestSyntax)?;
        Ok(Self(bytes))
    }

    /// Reads `sha256:` and 64 digits, as the manifests of registries write it.
    ///
    /// # Errors
    /// [`DigestSyntax`].
    pub fn parse_prefixed(text: &str) -> Result<Self, DigestSyntax> {
        Self::parse(text.strip_prefix("sha256:").ok_or(DigestSyntax)?)
    }
}

impl fmt::Display for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sha256({self})")
    }
}

impl TryFrom<String> for Sha256 {
    type Error = DigestSyntax;

    fn try_from(text: String) -> Result<Self, DigestSyntax> {
        Self::parse(&text)
    }
}

impl From<Sha256> for String {
    fn from(digest: Sha256) -> Self {
        digest.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cat_f02_only_whole_lower_case_sha256_digests_are_taken() {
        let good = "0123456789abcdef".repeat(4);
        let upper = good.to_uppercase();
        let long = format!("{good}0");
        let sha1 = "0".repeat(40);
        let not_hex = good.replace('f', "g");
        assert_eq!(Sha256::parse(&good).expect("64 digits").to_string(), good);
        for bad in ["../../x", &good[1..], &long, &upper, &not_hex, &sha1, "", " ", "é"] {
            assert_eq!(Sha256::parse(bad), Err(DigestSyntax), "{bad:?}");
            assert_eq!(Sha256::parse_prefixed(&format!("sha256:{bad}")), Err(DigestSyntax));
        }
        assert!(Sha256::parse_prefixed(&format!("sha256:{good}")).is_ok());
        for bad in [&format!("sha1:{sha1}"), &good, &format!("SHA256:{good}"), "sha256:../../x"] {
            assert_eq!(Sha256::parse_prefixed(bad), Err(DigestSyntax), "{bad:?}");
        }
    }
}
