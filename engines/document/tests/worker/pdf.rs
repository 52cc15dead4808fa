//! PDF files made for tests, object by object.

use std::io::Write;

use flate2::Compression;
use flate2::write::ZlibEncoder;

/// Objects 1, 2, …; the first is the catalog.
pub(crate) fn file(objects: &[Vec<u8>]) -> Vec<u8> {
    let mut out = b"%PDF-1.7\n".to_vec();
    let mut offsets = Vec::new();
    for (number, object) in (1..).zip(objects) {
        offsets.push(out.len());
        out.extend(format!("{number} 0 obj\n").into_bytes());
        out.extend(object);
        out.extend(b"\nendobj\n");
    }
    let xref = out.len();
    out.extend(format!("xref\n0 {}\n0000000000 65535 f \n", objects.len() + 1).into_bytes());
    for offset in offsets {
        out.extend(format!("{offset:010} 00000 n \n").into_bytes());
    }
    let size = objects.len() + 1;
    let trailer = format!("trailer\n<</Size {size} /Root 1 0 R>>\nstartxref\n{xref}\n%%EOF\n");
    out.extend(trailer.into_bytes());
    out
}

pub(crate) fn stream(dict: &str, bytes: &[u8]) -> Vec<u8> {
    let mut out = format!("<<{dict} /Length {}>>\nstream\n", bytes.len()).into_bytes();
    out.extend(bytes);
    out.extend(b"\nendstream");
    out
}

pub(crate) fn deflated(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).expect("memory takes all");
    encoder.finish().expect("memory takes all")
}

/// `count` bytes of zeros, compressed piece by piece.
pub(crate) fn bomb(count: usize) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    let piece = vec![b' '; 1 << 20];
    for _ in 0..count >> 20 {
        encoder.write_all(&piece).expect("memory takes all");
    }
    encoder.finish().expect("memory takes all")
}

/// A file with these content streams, a page each, in Helvetica; `more` are further objects, which
/// begin at number `4 + 2 × pages`.
pub(crate) fn pages(contents: &[Vec<u8>], page: &str, more: &[Vec<u8>]) -> Vec<u8> {
    let count = contents.len();
    let kids: String = (0..count).map(|at| format!("{} 0 R ", 4 + 2 * at)).collect();
    let mut objects = vec![
        b"<</Type /Catalog /Pages 2 0 R>>".to_vec(),
        format!("<</Type /Pages /Kids [{kids}] /Count {count}>>").into_bytes(),
        b"<</Type /Font /Subtype /Type1 /BaseFont /Helvetica>>".to_vec(),
    ];
    for (at, content) in contents.iter().enumerate() {
        let stream = 5 + 2 * at;
        objects.push(
            format!(
                "<</Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents {stream} 0 R \
                 /Resources <</Font <</F 3 0 R>>>> {page}>>"
            )
            .into_bytes(),
        );
        objects.push(content.clone());
    }
    objects.extend(more.iter().cloned());
    file(&objects)
}

/// A page's content that says a word.
pub(crate) fn says(word: &str) -> Vec<u8> {
    stream("", format!("BT /F 12 Tf 72 700 Td ({word}) Tj ET").as_bytes())
}
