//! Invitation tokens: what an admin hands to a person, as one word with a checksum.
//! The secret inside is worth one admission; the issuer's store decides what it is worth.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

use data_encoding::BASE32_NOPAD;

use crate::ids::{MeshId, NodeId};

/// An invitation as it is handed over. Its text form is a secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Token {
    /// The mesh one joins.
    pub mesh: MeshId,
    /// The only node that redeems it.
    pub issuer: NodeId,
    /// Proof of having been invited.
    pub secret: [u8; 16],
    /// When it expires, Unix time in seconds by the issuer's clock (a hint: the issuer decides).
    pub expires_s: u64,
    /// Addresses of the issuer's join door.
    pub doors: Vec<SocketAddr>,
}

/// Why a text is not a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// It does not begin with `pumasi-`, or holds other characters than letters and digits.
    #[error("this is not an invitation: it must begin with \"pumasi-\", copy it whole")]
    NotToken,
    /// A character is missing or wrong.
    #[error("a part of the invitation is missing or mistyped: copy it whole")]
    Checksum,
    /// Made by a version that this one does not know.
    #[error("the invitation was made by a newer version of Pumasi: update this computer first")]
    Version,
}

const PREFIX: &str = "pumasi-";
const VERSION: u8 = 1;
const CHECKSUM: usize = 4;
/// Addresses that one token carries, so that it stays a text one can paste.
pub const TOKEN_DOORS: usize = 4;
/// Longest text that is looked at.
const TEXT_BYTES: usize = 512;

fn checksum(body: &[u8]) -> [u8; CHECKSUM] {
    let hash = blake3::derive_key("pumasi invitation checksum 1", body);
    [hash[0], hash[1], hash[2], hash[3]]
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut body = vec![VERSION];
        body.extend_from_slice(&self.mesh.0);
        body.extend_from_slice(&self.issuer.0);
        body.extend_from_slice(&self.secret);
        body.extend_from_slice(&self.expires_s.to_le_bytes());
        for door in self.doors.iter().take(TOKEN_DOORS) {
            match door.ip() {
                IpAddr::V4(ip) => {
                    body.push(4);
                    body.extend_from_slice(&ip.octets());
                }
                IpAddr::V6(ip) => {
                    body.push(6);
                    body.extend_from_slice(&ip.octets());
                }
            }
            body.extend_from_slice(&door.port().to_le_bytes());
        }
        let sum = checksum(&body);
        body.extend_from_slice(&sum);
        write!(f, "{PREFIX}{}", BASE32_NOPAD.encode(&body).to_ascii_lowercase())
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Token({} at {})", self.mesh.short(), self.issuer.short())
    }
}

/// Takes bytes from the front of a slice.
struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], TokenError> {
        let (head, rest) = self.0.split_first_chunk::<N>().ok_or(TokenError::Checksum)?;
        self.0 = rest;
        Ok(*head)
    }

    fn door(&mut self) -> Result<SocketAddr, TokenError> {
        let ip = match self.take::<1>()? {
            [4] => Ipv4Addr::from(self.take::<4>()?).into(),
            [6] => Ipv6Addr::from(self.take::<16>()?).into(),
            _ => return Err(TokenError::Version),
        };
        Ok(SocketAddr::new(ip, u16::from_le_bytes(self.take()?)))
    }
}

impl FromStr for Token {
    type Err = TokenError;
    fn from_str(text: &str) -> Result<Self, TokenError> {
        let text = text.trim();
        // A QR code has it in capitals.
        let (prefix, digits) = text.split_at_checked(PREFIX.len()).ok_or(TokenError::NotToken)?;
        if !prefix.eq_ignore_ascii_case(PREFIX) {
            return Err(TokenError::NotToken);
        }
        if text.len() > TEXT_BYTES || !digits.bytes().all(|b| b.is_ascii_alphanumeric()) {
            return Err(TokenError::NotToken);
        }
        let bytes = BASE32_NOPAD
            .decode(digits.to_ascii_uppercase().as_bytes())
            .map_err(|_| TokenError::Checksum)?;
        let (body, sum) = bytes.split_last_chunk::<CHECKSUM>().ok_or(TokenError::Checksum)?;
        if checksum(body) != *sum {
            return Err(TokenError::Checksum);
        }
        let mut reader = Reader(body);
        if reader.take::<1>()? != [VERSION] {
            return Err(TokenError::Version);
        }
        let mut token = Self {
            mesh: MeshId(reader.take()?),
            issuer: NodeId(reader.take()?),
            secret: reader.take()?,
            expires_s: u64::from_le_bytes(reader.take()?),
            doors: Vec::new(),
        };
        while !reader.0.is_empty() && token.doors.len() < TOKEN_DOORS {
            token.doors.push(reader.door()?);
        }
        Ok(token)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token() -> Token {
        let doors = vec!["10.0.0.7:7865", "[fd00::7]:7865"];
        Token {
            mesh: MeshId([1; 32]),
            issuer: NodeId([2; 32]),
            secret: [3; 16],
            expires_s: 1_800_000_000,
            doors: doors.into_iter().map(|d| d.parse().expect("an address")).collect(),
        }
    }

    #[test]
    fn tokens_survive_being_written_down() {
        let text = token().to_string();
        assert_eq!(text.parse(), Ok(token()));
        assert_eq!(format!("  {text}\n").parse(), Ok(token()));
        assert_eq!(text.to_ascii_uppercase().parse(), Ok(token()));
    }

    #[test]
    fn mistyped_cut_and_foreign_texts_are_refused() {
        let text = token().to_string();
        let typo = text.replace("qcaib", "qcaic");
        for wrong in [&text[..text.len() - 1], &text[..40], &typo, "pumasi-", "pumasi-a"] {
            assert_eq!(wrong.parse::<Token>(), Err(TokenError::Checksum), "{wrong}");
        }
        for wrong in ["", "hello", "pumasi-\0", "pumasi-é", &text[7..], &text.repeat(9)] {
            assert_eq!(wrong.parse::<Token>(), Err(TokenError::NotToken), "{wrong}");
        }
    }

    #[test]
    fn a_token_of_a_newer_version_says_so() {
        let mut body = vec![VERSION + 1, 1, 2, 3];
        let sum = checksum(&body);
        body.extend_from_slice(&sum);
        let text = format!("{PREFIX}{}", BASE32_NOPAD.encode(&body));
        assert_eq!(text.parse::<Token>(), Err(TokenError::Version));
    }
}
