//! Pictures inside bodies. Addresses are never fetched, and what a picture calls itself is not believed.

use base64::Engine as _;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use base64::{alphabet, engine::DecodePaddingMode};
use pumasi_protocol::Part;

use crate::invalid::{Invalid, Reason};
use crate::json::Value;
use crate::limits;

/// With or without padding: programs send both.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);
/// With the alphabet for addresses, which Google's libraries use.
const BASE64_URL: GeneralPurpose = GeneralPurpose::new(
    &alphabet::URL_SAFE,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// A picture as `data:image/…;base64,…` (RFC 2397).
pub(crate) fn from_url(value: &Value<'_>) -> Result<Part, Invalid> {
    let url = value.string()?;
    let Some(rest) = url.strip_prefix("data:image/") else {
        let remote = ["http:", "https:"].iter().any(|scheme| {
            url.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme))
        });
        return Err(value.fail(if remote { Reason::RemoteUrl } else { Reason::Image }));
    };
    let (_, encoded) = rest.split_once(";base64,").ok_or_else(|| value.fail(Reason::Image))?;
    decoded(value, encoded)
}

/// A picture's bytes as base64.
pub(crate) fn from_base64(value: &Value<'_>) -> Result<Part, Invalid> {
    decoded(value, &value.string()?)
}

fn decoded(value: &Value<'_>, encoded: &str) -> Result<Part, Invalid> {
    if encoded.len() / 4 * 3 > limits::IMAGE_BYTES {
        return Err(value.fail(Reason::ImageSize { max: limits::IMAGE_BYTES }));
    }
    let bytes = BASE64.decode(encoded).or_else(|_| BASE64_URL.decode(encoded));
    let bytes = bytes.map_err(|_| value.fail(Reason::Image))?;
    if is_picture(&bytes) { Ok(Part::Image(bytes)) } else { Err(value.fail(Reason::Image)) }
}

/// By its first bytes, whatever the body calls it: PNG, JPEG or WebP.
fn is_picture(bytes: &[u8]) -> bool {
    media_type(bytes).is_some()
}

/// What a picture is, by its first bytes.
pub(crate) fn media_type(bytes: &[u8]) -> Option<&'static str> {
    if bytes.starts_with(b"\x89PNG\r\n\x1a\n") {
        Some("image/png")
    } else if bytes.starts_with(b"\xff\xd8\xff") {
        Some("image/jpeg")
    } else if bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP") {
        Some("image/webp")
    } else {
        None
    }
}
