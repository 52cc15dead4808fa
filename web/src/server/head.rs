//! Judges a request's head as bytes: line ends, header count, and how the body is framed. Pure.
//! Stricter than RFC 9112 where the RFC lets a reader guess, since two readers guess differently.

use memchr::memchr;

use crate::limits;

/// How the body is framed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Framing {
    /// This many bytes; 0 where nothing is said.
    Length(u64),
    /// In chunks.
    Chunked,
}

/// Why a head is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HeadError {
    Malformed,
    TooLarge,
    Timeout,
}

impl HeadError {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::TooLarge => "too-large",
            Self::Timeout => "timeout",
        }
    }

    pub(crate) fn from_name(name: &str) -> Option<Self> {
        [Self::Malformed, Self::TooLarge, Self::Timeout].into_iter().find(|e| e.name() == name)
    }
}

/// Where the head ends, behind its blank line. A blank line made of bare line feeds ends it too: it is
/// refused later, but must not be waited past.
pub(crate) fn end(bytes: &[u8]) -> Option<usize> {
    let mut line_start = 0;
    while let Some(at) = memchr(b'\n', &bytes[line_start..]) {
        let line = &bytes[line_start..line_start + at];
        line_start += at + 1;
        if line.is_empty() || line == b"\r" {
            return Some(line_start);
        }
    }
    None
}

/// Judges a whole head, its blank line included.
pub(crate) fn judge(head: &[u8]) -> Result<Framing, HeadError> {
    if head.len() > limits::HEAD_BYTES {
        return Err(HeadError::TooLarge);
    }
    let body = head.strip_suffix(b"\r\n\r\n").ok_or(HeadError::Malformed)?;
    let mut lines = Lines(Some(body));
    let request = lines.next().flatten().ok_or(HeadError::Malformed)?;
    let old = request.ends_with(b" HTTP/1.0");
    if !(old || request.ends_with(b" HTTP/1.1"))
        || request.iter().filter(|b| **b == b' ').count() != 2
    {
        return Err(HeadError::Malformed);
    }
    let (mut length, mut chunked) = (None, false);
    for (count, line) in lines.enumerate() {
        if count == limits::HEADERS {
            return Err(HeadError::TooLarge);
        }
        let (name, value) = line.and_then(field).ok_or(HeadError::Malformed)?;
        if name.eq_ignore_ascii_case(b"content-length") {
            let parsed = digits(value).ok_or(HeadError::Malformed)?;
            if length.replace(parsed).is_some() {
                return Err(HeadError::Malformed);
            }
        } else if name.eq_ignore_ascii_case(b"transfer-encoding") {
            if chunked || old || !value.eq_ignore_ascii_case(b"chunked") {
                return Err(HeadError::Malformed);
            }
            chunked = true;
        }
    }
    match (length, chunked) {
        (Some(_), true) => Err(HeadError::Malformed),
        (None, true) => Ok(Framing::Chunked),
        (length, false) => Ok(Framing::Length(length.unwrap_or(0))),
    }
}

/// The lines without their ends; none for one whose end is not exactly CR LF, or that has a control
/// character in it.
struct Lines<'a>(Option<&'a [u8]>);

impl<'a> Iterator for Lines<'a> {
    type Item = Option<&'a [u8]>;

    fn next(&mut self) -> Option<Self::Item> {
        let rest = self.0.take()?;
        let line = match memchr(b'\n', rest) {
            None => Some(rest),
            Some(at) => {
                self.0 = Some(&rest[at + 1..]);
                rest[..at].strip_suffix(b"\r")
            }
        };
        let is_plain = |b: &u8| *b >= b' ' && *b != 0x7f || *b == b'\t';
        Some(line.filter(|line| !line.is_empty() && line.iter().all(is_plain)))
    }
}

/// Which bytes the name of a header may have (RFC 9110, section 5.6.2).
const TOKEN: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 128_u8 {
        table[byte as usize] = byte.is_ascii_alphanumeric()
            || matches!(
                byte,
                b'!' | b'#'..=b'\'' | b'*' | b'+' | b'-' | b'.' | b'^'..=b'`' | b'|' | b'~'
            );
        byte += 1;
    }
    table
};

/// Name and value; none for a folded line, a name that is not a token, or blank space before the colon.
fn field(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let colon = memchr(b':', line)?;
    let (name, value) = (&line[..colon], line[colon + 1..].trim_ascii());
    let is_token = |b: &u8| TOKEN[usize::from(*b)];
    (!name.is_empty() && name.iter().all(is_token)).then_some((name, value))
}

fn digits(value: &[u8]) -> Option<u64> {
    let all_digits = !value.is_empty() && value.iter().all(u8::is_ascii_digit);
    if !all_digits {
        return None;
    }
    std::str::from_utf8(value).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(lines: &str) -> Vec<u8> {
        format!("{lines}\n\n").replace('\n', "\r\n").into_bytes()
    }

    #[test]
    fn frames_what_everybody_frames_alike() {
        let cases = [
            ("GET / HTTP/1.1\nhost: a", Framing::Length(0)),
            ("POST / HTTP/1.1\nContent-Length: 12", Framing::Length(12)),
            ("POST / HTTP/1.1\ntransfer-ENCODING:  Chunked ", Framing::Chunked),
            ("POST / HTTP/1.0\ncontent-length: 0", Framing::Length(0)),
        ];
        for (lines, framing) in cases {
            assert_eq!(judge(&head(lines)), Ok(framing), "{lines}");
        }
    }

    #[test]
    fn cat_h26_heads_that_two_readers_frame_differently_are_refused() {
        let cases = [
            "POST / HTTP/1.1\ncontent-length: 1\ntransfer-encoding: chunked",
            "POST / HTTP/1.1\ntransfer-encoding: chunked\ncontent-length: 1",
            "POST / HTTP/1.1\ncontent-length: 1\ncontent-length: 2",
            "POST / HTTP/1.1\ncontent-length: 1\ncontent-length: 1",
            "POST / HTTP/1.1\ncontent-length: 1, 1",
            "POST / HTTP/1.1\ncontent-length: +1",
            "POST / HTTP/1.1\ncontent-length: 0x1",
            "POST / HTTP/1.1\ncontent-length: 99999999999999999999",
            "POST / HTTP/1.1\ncontent-length : 1",
            "POST / HTTP/1.1\ncontent-length: 1\n x: y",
            "POST / HTTP/1.1\ntransfer-encoding: chunked, identity",
            "POST / HTTP/1.1\ntransfer-encoding: identity",
            "POST / HTTP/1.1\ntransfer-encoding: chunked\ntransfer-encoding: chunked",
            "POST / HTTP/1.1\ntransfer-encoding: xchunked",
            "POST / HTTP/1.0\ntransfer-encoding: chunked",
            "POST / HTTP/1.1\nnocolon",
            "POST  / HTTP/1.1\nhost: a",
            "PRI * HTTP/2.0",
            "GET /",
        ];
        for lines in cases {
            assert_eq!(judge(&head(lines)), Err(HeadError::Malformed), "{lines}");
        }
        let bare: [&[u8]; 4] = [
            b"GET / HTTP/1.1\nhost: a\n\n",
            b"GET / HTTP/1.1\r\nhost: a\n\r\n\r\n",
            b"GET / HTTP/1.1\r\nx: a\rcontent-length: 5\r\n\r\n",
            b"\r\nGET / HTTP/1.1\r\n\r\n",
        ];
        for bytes in bare {
            assert_eq!(judge(bytes), Err(HeadError::Malformed), "{bytes:?}");
        }
    }

    #[test]
    fn a_head_ends_at_its_first_blank_line_of_either_spelling() {
        assert_eq!(end(b"a\r\nb\r\n\r\nrest"), Some(8));
        assert_eq!(end(b"a\nb\n\nrest"), Some(5));
        assert_eq!(end(b"a\r\nb\r\n"), None);
        assert_eq!(end(b"\r\nGET"), Some(2));
    }
}
