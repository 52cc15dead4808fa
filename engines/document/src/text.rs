//! Bytes of text files as text, whatever encoding they have.

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{Encoding, UTF_8};

use crate::limits::GUESSED_BYTES;

/// The encoding of a text file: what it says at its beginning, UTF-8 where it is that, else a guess
/// (Korean and Japanese files are often not UTF-8).
pub(crate) fn encoding(bytes: &[u8]) -> &'static Encoding {
    if let Some((encoding, _)) = Encoding::for_bom(bytes) {
        return encoding;
    }
    if std::str::from_utf8(bytes).is_ok() {
        return UTF_8;
    }
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Allow);
    let start = &bytes[..bytes.len().min(GUESSED_BYTES)];
    detector.feed(start, start.len() == bytes.len());
    detector.guess(None, Utf8Detection::Deny)
}

/// The text, without a mark at its beginning.
pub(crate) fn decode(bytes: &[u8]) -> String {
    let (text, _, _) = encoding(bytes).decode(bytes);
    text.into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn korean_and_marked_files_are_read_in_their_encoding() {
        let korean = "안녕하세요. 이 문서는 한국어로 쓰여 있습니다.";
        let (bytes, _, _) = encoding_rs::EUC_KR.encode(korean);
        assert_eq!(decode(&bytes), korean);
        assert_eq!(decode(korean.as_bytes()), korean);
        assert_eq!(decode(b"\xff\xfea\0b\0"), "ab");
        assert_eq!(decode(b"\xef\xbb\xbfab"), "ab");
    }
}
