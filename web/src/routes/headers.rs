//! What an inference answer's headers say: which job, where it runs, why there, what was not read.

use http::{HeaderMap, HeaderName, HeaderValue};

use crate::gather::Lane;
use crate::limits;
use crate::mesh::{Placed, Provided};

pub(super) fn of_lanes(headers: &mut HeaderMap, lanes: &[Lane]) {
    let ids: Vec<String> = lanes.iter().map(|lane| lane.job().to_string()).collect();
    insert(headers, "x-pumasi-job", &ids.join(","));
    if let Some(placed) = lanes.first().and_then(Lane::placed) {
        of_place(headers, placed);
    }
    if let Some(provided) = lanes.first().and_then(Lane::provided) {
        of_provider(headers, provided);
    }
}

pub(super) fn of_provider(headers: &mut HeaderMap, provided: &Provided) {
    insert(headers, "x-pumasi-provider", &provided.id);
    insert(headers, "x-pumasi-why", &provided.why);
}

pub(super) fn of_place(headers: &mut HeaderMap, placed: &Placed) {
    insert(headers, "x-pumasi-node", placed.name.as_str());
    insert(headers, "x-pumasi-node-id", &placed.node.to_string());
    insert(headers, "x-pumasi-why", &placed.why);
}

pub(super) fn of_ignored(headers: &mut HeaderMap, ignored: &[String]) {
    if !ignored.is_empty() {
        insert(headers, "x-pumasi-ignored", &ignored.join(", "));
    }
}

pub(super) fn insert(headers: &mut HeaderMap, name: &'static str, text: &str) {
    let is_plain = |b: u8| (b == b' ' || b.is_ascii_graphic()) && b != b'%';
    let value = if text.len() <= limits::HEADER_CHARS && text.bytes().all(is_plain) {
        HeaderValue::from_str(text)
    } else {
        HeaderValue::from_str(&encode(text))
    };
    if let Ok(value) = value {
        headers.insert(HeaderName::from_static(name), value);
    }
}

/// Room for all that an answer says, made once.
pub(super) fn room() -> HeaderMap {
    HeaderMap::with_capacity(limits::REPLY_HEADERS)
}

/// Visible ASCII and blanks as they are, the rest of a name in any script percent-encoded.
fn encode(text: &str) -> String {
    let mut encoded = String::new();
    for c in text.chars() {
        if (c == ' ' || c.is_ascii_graphic()) && c != '%' {
            encoded.push(c);
        } else {
            let mut bytes = [0; 4];
            for byte in c.encode_utf8(&mut bytes).bytes() {
                encoded.push_str(&format!("%{byte:02X}"));
            }
        }
        if encoded.len() >= limits::HEADER_CHARS {
            break;
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_any_script_fit_a_header_and_cannot_break_out_of_it() {
        assert_eq!(encode("desk by the window"), "desk by the window");
        assert_eq!(encode("100% 창가"), "100%25 %EC%B0%BD%EA%B0%80");
        assert_eq!(encode("a\r\nx: y"), "a%0D%0Ax: y");
        assert!(encode(&"창".repeat(1_000)).len() <= limits::HEADER_CHARS + 8);
    }
}
