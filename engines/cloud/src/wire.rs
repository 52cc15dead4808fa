//! HTTP/1.1 as a client reads it (RFC 9112): the head of an answer, and its body from bytes in any pieces.
//! Pure. Strict: what two readers could understand differently is no HTTP here.

use bytes::BytesMut;
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::call::CallError;
use crate::limits;

/// How long a body is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Framing {
    /// So many bytes.
    Length(u64),
    /// In chunks.
    Chunked,
    /// Until the connection ends.
    Rest,
}

/// The head of an answer.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Head {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) framing: Framing,
    /// The connection can be used again.
    pub(crate) keeps: bool,
}

/// Reads a head; none where it is not whole. With it the bytes that it took.
pub(crate) fn head(bytes: &[u8]) -> Result<Option<(Head, usize)>, CallError> {
    let mut space = [httparse::EMPTY_HEADER; limits::HEADERS];
    let mut response = httparse::Response::new(&mut space);
    let size = match response.parse(bytes) {
        Ok(httparse::Status::Complete(size)) => size,
        Ok(httparse::Status::Partial) if bytes.len() < limits::HEAD_BYTES => return Ok(None),
        Ok(httparse::Status::Partial) | Err(_) => return Err(CallError::NotHttp),
    };
    let (Some(status), Some(version)) = (response.code, response.version) else {
        return Err(CallError::NotHttp);
    };
    let mut headers = HeaderMap::with_capacity(response.headers.len());
    for header in response.headers.iter() {
        let name = HeaderName::from_bytes(header.name.as_bytes());
        let value = HeaderValue::from_bytes(header.value);
        let (Ok(name), Ok(value)) = (name, value) else { return Err(CallError::NotHttp) };
        headers.append(name, value);
    }
    let framing = framing(status, &headers)?;
    let closes = has(&headers, "connection", "close");
    let keeps = version == 1 && !closes && framing != Framing::Rest;
    Ok(Some((Head { status, headers, framing, keeps }, size)))
}

/// Whether a header's list has this word.
fn has(headers: &HeaderMap, name: &str, word: &str) -> bool {
    let texts = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    texts.flat_map(|text| text.split(',')).any(|part| part.trim().eq_ignore_ascii_case(word))
}

fn framing(status: u16, headers: &HeaderMap) -> Result<Framing, CallError> {
    let lengths = headers.get_all("content-length");
    if matches!(status, 100..=199 | 204 | 304) {
        return Ok(Framing::Length(0));
    }
    let encodings: Vec<&HeaderValue> = headers.get_all("transfer-encoding").iter().collect();
    if let [encoding] = encodings.as_slice() {
        let chunked = encoding.as_bytes().eq_ignore_ascii_case(b"chunked");
        let alone = lengths.iter().next().is_none();
        return if chunked && alone { Ok(Framing::Chunked) } else { Err(CallError::NotHttp) };
    }
    if !encodings.is_empty() {
        return Err(CallError::NotHttp);
    }
    let mut lengths = lengths.iter().map(length);
    let Some(first) = lengths.next() else { return Ok(Framing::Rest) };
    let first = first.ok_or(CallError::NotHttp)?;
    if lengths.all(|other| other == Some(first)) {
        Ok(Framing::Length(first))
    } else {
        Err(CallError::NotHttp)
    }
}

fn length(value: &HeaderValue) -> Option<u64> {
    let text = value.to_str().ok()?;
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| digits)
}

/// Where in a body the next byte is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// So many bytes of the body, or of a chunk, are missing.
    Data(u64),
    /// All that comes is body.
    Rest,
    /// Around the chunks.
    Between(Mark),
    /// It is whole.
    Done,
}

/// Where among what stands around the chunks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mark {
    /// In a chunk's size, of which so many digits came.
    Size { size: u64, digits: u8 },
    /// In what follows the size.
    Extension { size: u64, left: u16 },
    /// After that line's carriage return.
    SizeEnd(u64),
    /// After a chunk.
    Return,
    /// After that carriage return.
    Feed,
    /// At the beginning of a line after the last chunk.
    Trailer { left: u16 },
    /// In such a line.
    TrailerLine { left: u16 },
    /// After the carriage return of the empty line.
    LastFeed,
}

/// Takes a body apart.
#[derive(Debug)]
pub(crate) struct Decoder {
    place: Place,
    chunked: bool,
}

impl Decoder {
    pub(crate) fn new(framing: Framing) -> Self {
        let (place, chunked) = match framing {
            Framing::Length(0) => (Place::Done, false),
            Framing::Length(size) => (Place::Data(size), false),
            Framing::Chunked => (Place::Between(Mark::Size { size: 0, digits: 0 }), true),
            Framing::Rest => (Place::Rest, false),
        };
        Self { place, chunked }
    }

    /// Whether the body is whole.
    pub(crate) fn is_done(&self) -> bool {
        self.place == Place::Done
    }

    /// The connection ended; whether that is the body's end.
    pub(crate) fn ends(&mut self) -> bool {
        if self.place == Place::Rest {
            self.place = Place::Done;
        }
        self.is_done()
    }

    /// Takes bytes and adds what is body to `body`. What stands behind the end is given back.
    pub(crate) fn push<'a>(
        &mut self,
        bytes: &'a [u8],
        body: &mut BytesMut,
    ) -> Result<&'a [u8], CallError> {
        let mut rest = bytes;
        while let Some(byte) = rest.first() {
            let taken = match self.place {
                Place::Data(missing) => self.data(missing, rest, body),
                Place::Rest => {
                    body.extend_from_slice(rest);
                    rest.len()
                }
                Place::Done => break,
                Place::Between(mark) => {
                    self.place = step(mark, *byte).ok_or(CallError::NotHttp)?;
                    1
                }
            };
            rest = &rest[taken..];
        }
        Ok(rest)
    }

    fn data(&mut self, missing: u64, rest: &[u8], body: &mut BytesMut) -> usize {
        let taken = usize::try_from(missing).unwrap_or(usize::MAX).min(rest.len());
        body.extend_from_slice(&rest[..taken]);
        self.place = match missing - taken as u64 {
            0 if self.chunked => Place::Between(Mark::Return),
            0 => Place::Done,
            missing => Place::Data(missing),
        };
        taken
    }
}

/// One byte of what stands around the chunks; none where it must not stand there.
fn step(mark: Mark, byte: u8) -> Option<Place> {
    let next = match (mark, byte) {
        (Mark::Size { size, digits: 1.. } | Mark::Extension { size, .. }, b'\r') => {
            Mark::SizeEnd(size)
        }
        (Mark::Size { size, digits: 1.. }, b';' | b' ' | b'\t') => {
            Mark::Extension { size, left: limits::CHUNK_LINE }
        }
        (Mark::Size { size, digits: digits @ 0..16 }, byte) => {
            let digit = char::from(byte).to_digit(16)?;
            Mark::Size { size: size << 4 | u64::from(digit), digits: digits + 1 }
        }
        (Mark::Extension { size, left: left @ 1.. }, byte) if byte != b'\n' => {
            Mark::Extension { size, left: left - 1 }
        }
        (Mark::SizeEnd(0), b'\n') => Mark::Trailer { left: limits::TRAILER },
        (Mark::SizeEnd(size), b'\n') => return Some(Place::Data(size)),
        (Mark::Return, b'\r') => Mark::Feed,
        (Mark::Feed, b'\n') => Mark::Size { size: 0, digits: 0 },
        (Mark::Trailer { .. }, b'\r') => Mark::LastFeed,
        (Mark::Trailer { left: left @ 1.. }, byte) if byte != b'\n' => {
            Mark::TrailerLine { left: left - 1 }
        }
        (Mark::TrailerLine { left }, b'\n') => Mark::Trailer { left },
        (Mark::TrailerLine { left: left @ 1.. }, _) => Mark::TrailerLine { left: left - 1 },
        (Mark::LastFeed, b'\n') => return Some(Place::Done),
        _ => return None,
    };
    Some(Place::Between(next))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn decode(framing: Framing, pieces: &[&[u8]]) -> Result<(Vec<u8>, bool), CallError> {
        let (mut decoder, mut body) = (Decoder::new(framing), BytesMut::new());
        for piece in pieces {
            decoder.push(piece, &mut body)?;
        }
        Ok((body.to_vec(), decoder.is_done()))
    }

    /// A body in chunks of these sizes, with extensions and trailers.
    fn chunked(body: &[u8], sizes: &[usize], odd: bool) -> Vec<u8> {
        let (mut rest, mut text) = (body, Vec::new());
        for size in sizes.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (chunk, after) = rest.split_at((*size).min(rest.len()));
            let extension = if odd { ";a=\"b\"" } else { "" };
            text.extend_from_slice(format!("{:X}{extension}\r\n", chunk.len()).as_bytes());
            text.extend_from_slice(chunk);
            text.extend_from_slice(b"\r\n");
            rest = after;
        }
        text.extend_from_slice(if odd { b"0\r\nx: y\r\nz:\r\n\r\n" } else { b"0\r\n\r\n" });
        text
    }

    proptest! {
        #[test]
        fn chunks_come_whole_however_they_are_cut(
            body in prop::collection::vec(any::<u8>(), 0..300),
            sizes in prop::collection::vec(1_usize..40, 1..6),
            cuts in prop::collection::vec(1_usize..20, 1..6),
            odd in any::<bool>(),
        ) {
            let text = chunked(&body, &sizes, odd);
            let (mut rest, mut pieces) = (text.as_slice(), Vec::new());
            for cut in cuts.iter().cycle() {
                if rest.is_empty() {
                    break;
                }
                let (piece, after) = rest.split_at((*cut).min(rest.len()));
                pieces.push(piece);
                rest = after;
            }
            prop_assert_eq!(decode(Framing::Chunked, &pieces), Ok((body, true)));
            let last = pieces.pop().expect("never empty");
            let short = [&pieces[..], &[&last[..last.len() - 1]]].concat();
            let (_, done) = decode(Framing::Chunked, &short).expect("so far it is fine");
            prop_assert!(!done);
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), n in 0_u64..9) {
            for framing in [Framing::Chunked, Framing::Length(n), Framing::Rest] {
                let _ = decode(framing, &[&bytes]);
            }
            let _ = head(&bytes);
        }
    }

    #[test]
    fn a_length_and_the_rest_end_where_they_should() {
        assert_eq!(decode(Framing::Length(0), &[]), Ok((Vec::new(), true)));
        assert_eq!(decode(Framing::Length(3), &[b"a", b"bc"]), Ok((b"abc".to_vec(), true)));
        assert_eq!(decode(Framing::Length(3), &[b"ab"]), Ok((b"ab".to_vec(), false)));
        let (mut one, mut body) = (Decoder::new(Framing::Length(1)), BytesMut::new());
        assert_eq!(one.push(b"abc", &mut body), Ok(&b"bc"[..]));
        let mut none = Decoder::new(Framing::Chunked);
        assert_eq!(none.push(b"0\r\n\r\nHTTP", &mut body), Ok(&b"HTTP"[..]));
        assert_eq!(decode(Framing::Rest, &[b"ab"]), Ok((b"ab".to_vec(), false)));
        let mut rest = Decoder::new(Framing::Rest);
        assert!(rest.ends() && !Decoder::new(Framing::Chunked).ends());
    }

    #[test]
    fn chunks_that_two_readers_could_read_differently_are_refused() {
        let long = format!("1;{}\r\na\r\n", "x".repeat(2_000));
        let trailers = format!("0\r\n{}\r\n", "x: y\r\n".repeat(3_000));
        let bad = [
            "\r\n",
            "1\na\r\n",
            "g\r\n",
            "-1\r\n",
            "0x1\r\n",
            "1\r\nab",
            "1\r\na\n",
            " 1\r\na\r\n",
            "11111111111111111\r\n",
            "1;a\nb\r\n",
            "0\r\n\n",
            &long,
            &trailers,
        ];
        for text in bad {
            let decoded = decode(Framing::Chunked, &[text.as_bytes()]);
            assert_eq!(decoded, Err(CallError::NotHttp), "{:?}", &text[..text.len().min(30)]);
        }
    }

    fn framed(headers: &str) -> Result<(Framing, bool), CallError> {
        let text = format!("HTTP/1.1 200 OK\r\n{headers}\r\n");
        let (head, size) = head(text.as_bytes())?.expect("a whole head");
        assert_eq!(size, text.len());
        Ok((head.framing, head.keeps))
    }

    #[test]
    fn heads_say_how_long_a_body_is_and_whether_to_come_again() {
        assert_eq!(framed("content-length: 5\r\n"), Ok((Framing::Length(5), true)));
        assert_eq!(framed("Transfer-Encoding: Chunked\r\n"), Ok((Framing::Chunked, true)));
        assert_eq!(framed(""), Ok((Framing::Rest, false)));
        let closed = framed("content-length: 5\r\nConnection: x, Close\r\n");
        assert_eq!(closed, Ok((Framing::Length(5), false)));
        let same = framed("content-length: 5\r\ncontent-length: 5\r\n");
        assert_eq!(same, Ok((Framing::Length(5), true)));
        let bad = [
            "content-length: 5\r\ncontent-length: 6\r\n",
            "content-length: 5, 5\r\n",
            "content-length: -5\r\n",
            "content-length: +5\r\n",
            "content-length: 18446744073709551616\r\n",
            "content-length: 5\r\ntransfer-encoding: chunked\r\n",
            "transfer-encoding: gzip, chunked\r\n",
            "transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n",
            "transfer-encoding: identity\r\n",
            "a b: c\r\n",
        ];
        for headers in bad {
            assert_eq!(framed(headers), Err(CallError::NotHttp), "{headers:?}");
        }
    }

    #[test]
    fn other_statuses_versions_and_what_is_no_head() {
        let parsed = |text: &str| head(text.as_bytes()).map(|found| found.map(|(head, _)| head));
        let empty = parsed("HTTP/1.1 204 No Content\r\n\r\n").expect("a head").expect("whole");
        assert_eq!((empty.framing, empty.keeps), (Framing::Length(0), true));
        let old = parsed("HTTP/1.0 200 OK\r\ncontent-length: 1\r\n\r\n").expect("a head");
        assert!(!old.expect("whole").keeps);
        assert_eq!(parsed("HTTP/1.1 200 OK\r\ncontent-le"), Ok(None));
        for odd in ["SSH-2.0-x\r\n\r\n", "HTTP/2 200\r\n\r\n", "HTTP/1.1 abc\r\n\r\n", "<html>"] {
            assert_eq!(parsed(odd), Err(CallError::NotHttp), "{odd:?}");
        }
        let endless = format!("HTTP/1.1 200 OK\r\na: {}", "x".repeat(limits::HEAD_BYTES));
        assert_eq!(parsed(&endless), Err(CallError::NotHttp));
        let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "a: b\r\n".repeat(1_000));
        assert_eq!(parsed(&many), Err(CallError::NotHttp));
    }
}
