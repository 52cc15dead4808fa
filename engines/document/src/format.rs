//! What a file is: by its first bytes, and where these say nothing, by its name.

use pumasi_protocol::document::DocumentProblem;

/// Formats that can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Pdf,
    /// An archive; which kind of office file shows in it.
    Office,
    Plain(Plain),
}

/// Formats that are text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Plain {
    Text,
    Markdown,
    Html,
    Csv,
    Json,
    Srt,
    Vtt,
}

/// Bytes of the beginning in which a byte 0 shows that a file is no text.
const TEXT_BYTES: usize = 8 * 1024;

fn ending(name: &str) -> String {
    name.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase()).unwrap_or_default()
}

/// A PDF begins with its mark, perhaps after white space. Readers that look further down take files
/// that are two things at once.
fn is_pdf(bytes: &[u8]) -> bool {
    let start = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    start.trim_ascii_start().starts_with(b"%PDF-")
}

pub(crate) fn detect(bytes: &[u8], name: &str) -> Result<Format, DocumentProblem> {
    let ending = ending(name);
    if is_pdf(bytes) {
        return Ok(Format::Pdf);
    }
    if ending == "pdf" {
        return Err(DocumentProblem::NotPdf);
    }
    if bytes.is_empty() {
        return Err(DocumentProblem::NoText);
    }
    if bytes.starts_with(b"PK\x03\x04") {
        return Ok(Format::Office);
    }
    // Office files with a password, and those of before 2007.
    if bytes.starts_with(b"\xd0\xcf\x11\xe0") {
        let is_new = matches!(ending.as_str(), "docx" | "pptx" | "xlsx");
        return Err(if is_new { DocumentProblem::PasswordNeeded } else { DocumentProblem::Format });
    }
    let wide = bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff");
    let start = &bytes[..bytes.len().min(TEXT_BYTES)];
    if start.starts_with(b"%!PS") || (start.contains(&0) && !wide) {
        return Err(DocumentProblem::Format);
    }
    Ok(Format::Plain(match ending.as_str() {
        "md" | "markdown" => Plain::Markdown,
        "html" | "htm" | "xhtml" => Plain::Html,
        "csv" | "tsv" => Plain::Csv,
        "json" => Plain::Json,
        "srt" => Plain::Srt,
        "vtt" => Plain::Vtt,
        _ => Plain::Text,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cat_d01_d12_only_what_begins_as_a_pdf_is_one() {
        let pdf = |bytes: &[u8]| detect(bytes, "a.pdf");
        assert_eq!(pdf(b"%PDF-1.7\n..."), Ok(Format::Pdf));
        assert_eq!(pdf(b"\xef\xbb\xbf\r\n%PDF-1.4"), Ok(Format::Pdf));
        let mut far = vec![b' '; 1_000];
        far[0] = b'x';
        far.extend(b"%PDF-1.7");
        let others: [&[u8]; 6] = [
            b"",
            b"hello",
            b"<html><body>%PDF-1.7</body></html>",
            b"%!PS-Adobe-3.0 EPSF-3.0",
            b"PK\x03\x04word/document.xml",
            b"<?xml version=\"1.0\"?><xfdf/>",
        ];
        for other in others.into_iter().chain([far.as_slice()]) {
            assert_eq!(pdf(other), Err(DocumentProblem::NotPdf), "{other:?}");
        }
    }

    #[test]
    fn text_goes_by_its_name_and_bytes_are_no_text() {
        let found = |bytes: &[u8], name| detect(bytes, name);
        assert_eq!(found(b"# a", "a.MD"), Ok(Format::Plain(Plain::Markdown)));
        assert_eq!(found(b"a", "notes"), Ok(Format::Plain(Plain::Text)));
        assert_eq!(found(b"\xff\xfea\0", "a.txt"), Ok(Format::Plain(Plain::Text)));
        assert_eq!(found(b"\x7fELF\0\0", "a.txt"), Err(DocumentProblem::Format));
        assert_eq!(found(b"", "a.txt"), Err(DocumentProblem::NoText));
        assert_eq!(found(b"%!PS", "a.eps"), Err(DocumentProblem::Format));
    }
}
