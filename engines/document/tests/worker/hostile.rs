//! Rows D01 to D12 of the bad inputs, each through the real worker.

use pumasi_protocol::document::{DocumentProblem, DocumentTask, Pages, PartKind};

use super::pdf::{bomb, deflated, file, pages, says, stream};
use super::{extract, run, work};

#[tokio::test]
async fn cat_d01_d12_what_is_no_pdf_says_so() {
    let mut far = vec![b'x'; 1_000];
    far.extend(b"%PDF-1.7\n");
    let others: [&[u8]; 6] =
        [b"", b"hello", b"<html>%PDF-1.7", b"%!PS-Adobe", b"PK\x03\x04", b"<xfdf/>"];
    for bytes in others.into_iter().chain([far.as_slice()]) {
        let read = extract("a.pdf", bytes.to_vec()).await;
        assert_eq!(read.problem(), Some(DocumentProblem::NotPdf), "{bytes:?}");
    }
}

#[tokio::test]
async fn cat_d02_nesting_however_deep_ends_with_an_answer() {
    for depth in [10_380, 1_000_000] {
        let mut nested = b"q ".to_vec();
        nested.extend(b"[".repeat(depth));
        nested.extend(b"]".repeat(depth));
        nested.extend(b" TJ BT /F 12 Tf 72 700 Td (after) Tj ET");
        let read = extract("a.pdf", pages(&[stream("", &nested)], "", &[])).await;
        assert!(read.fault.is_none() || read.problem().is_some(), "{read:?}");
        let catalog = [b"<</Type /Catalog /Pages 2 0 R /X ".to_vec(), b"[".repeat(depth)].concat();
        let read = extract("a.pdf", file(&[catalog])).await;
        assert!(read.problem().is_some(), "{read:?}");
    }
}

#[tokio::test]
async fn cat_d03_bombs_take_a_bounded_memory_and_other_pages_are_read() {
    let bomb = stream("/Filter /FlateDecode", &bomb(4 << 30));
    assert!(bomb.len() < 8 << 20, "{} bytes", bomb.len());
    let read = extract("a.pdf", pages(&[says("before"), bomb, says("after")], "", &[])).await;
    assert_eq!(read.fault, None, "{read:?}");
    assert_eq!(read.lost(), [2]);
    let text = read.text();
    assert!(text.contains("before") && text.contains("after"), "{text}");
    let mut chained = b"x".to_vec();
    for _ in 0..40 {
        chained = deflated(&chained);
    }
    let filters = "/Filter [".to_owned() + &"/FlateDecode ".repeat(40) + "]";
    let read = extract("a.pdf", pages(&[stream(&filters, &chained), says("after")], "", &[])).await;
    assert!(read.text().contains("after"), "{read:?}");
}

#[tokio::test]
async fn cat_d04_page_trees_in_circles_and_too_many_pages_are_refused() {
    let circle = file(&[
        b"<</Type /Catalog /Pages 2 0 R>>".to_vec(),
        b"<</Type /Pages /Kids [2 0 R 3 0 R] /Count 1000000>>".to_vec(),
        b"<</Type /Pages /Kids [2 0 R] /Parent 2 0 R>>".to_vec(),
    ]);
    assert!(extract("a.pdf", circle).await.problem().is_some());
    let read = extract("a.pdf", pages(&vec![says("x"); 5_001], "", &[])).await;
    assert_eq!(read.problem(), Some(DocumentProblem::TooLarge), "{}", read.parts.len());
    let mut previous = pages(&[says("x")], "", &[]);
    let loops = b"trailer\n<</Size 6 /Root 1 0 R /Prev 9>>\nstartxref\n9\n%%EOF".to_vec();
    previous.extend(loops);
    let read = extract("a.pdf", previous).await;
    assert!(read.fault.is_none() || read.problem().is_some(), "{read:?}");
}

#[tokio::test]
async fn cat_d05_sizes_that_nobody_prints_take_no_memory() {
    let huge = pages(&[says("x")], "/CropBox [0 0 2000000 2000000]", &[]);
    let huge =
        String::from_utf8(huge).expect("ASCII").replace("0 0 595 842", "0 0 2000000 2000000");
    let bytes = huge.into_bytes();
    let read = run(work("a.pdf", &bytes, DocumentTask::Render { dpi: 300 }), bytes).await;
    let png = read.parts.first().expect("a part");
    if png.kind == PartKind::Png {
        let side = u32::from_be_bytes(png.bytes[16..20].try_into().expect("four bytes"));
        assert!(side <= 8_192, "{side}");
    }
    let image = stream(
        "/Type /XObject /Subtype /Image /Width 100000 /Height 100000 /BitsPerComponent 16 \
         /ColorSpace /DeviceCMYK",
        b"x",
    );
    let draw = stream("", b"q 100 0 0 100 0 0 cm /I Do Q");
    let bytes = pages(&[draw, says("after")], "/Resources <</XObject <</I 8 0 R>>>>", &[image]);
    let read = run(work("a.pdf", &bytes, DocumentTask::Render { dpi: 72 }), bytes).await;
    assert!(read.fault.is_none() || read.problem().is_some(), "{read:?}");
}

#[tokio::test]
async fn cat_d09_a_page_that_does_not_end_is_skipped_and_others_are_kept() {
    // A form that draws itself sixty times over is more than a lifetime.
    let form = |next: u32| {
        let draws = "/X Do ".repeat(60);
        let resources = format!("/Resources <</XObject <</X {next} 0 R>>>>");
        stream(
            &format!("/Type /XObject /Subtype /Form /BBox [0 0 9 9] {resources}"),
            draws.as_bytes(),
        )
    };
    let forms: Vec<Vec<u8>> = (0..12).map(|at| form(if at < 11 { 11 + at } else { 10 })).collect();
    let endless = stream("", b"/X Do");
    let contents = [says("before"), endless, says("after")];
    let resources = "/Resources <</XObject <</X 10 0 R>> /Font <</F 3 0 R>>>>";
    let bytes = pages(&contents, "", &forms);
    let text = String::from_utf8(bytes).expect("ASCII");
    let text = text.replacen("/Resources <</Font <</F 3 0 R>>>>", resources, 3);
    let read = extract("a.pdf", rebuilt(&text)).await;
    assert_eq!(read.fault, None, "{read:?}");
    let said = read.text();
    assert!(said.contains("before") && said.contains("after"), "{said} {:?}", read.lost());
}

/// A file whose offsets do not count any more, without them: readers then look for its objects.
fn rebuilt(text: &str) -> Vec<u8> {
    let end = text.find("xref\n").expect("a table");
    format!("{}trailer\n<</Root 1 0 R>>\n", &text[..end]).into_bytes()
}

#[tokio::test]
async fn only_the_pages_that_are_wanted_come_and_a_second_reader_goes_on_where_the_first_stopped() {
    let bytes = pages(&[says("one"), says("two"), says("three")], "", &[]);
    let mut some = work("a.pdf", &bytes, DocumentTask::Extract);
    some.pages = Some(Pages { first: 2, last: 9 });
    let read = run(some.clone(), bytes.clone()).await;
    assert_eq!(read.parts.iter().map(|part| part.number).collect::<Vec<_>>(), [2, 3]);
    some.skip = 1;
    let read = run(some.clone(), bytes.clone()).await;
    assert_eq!(read.text().trim(), "three");
    some.pages = Some(Pages { first: 7, last: 9 });
    some.skip = 0;
    assert_eq!(run(some, bytes).await.problem(), Some(DocumentProblem::NoSuchPages));
}

#[tokio::test]
async fn office_files_that_unpack_to_more_than_a_disk_holds_are_given_up() {
    use std::io::Write;
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default();
    writer.start_file("word/document.xml", options).expect("a member");
    for _ in 0..100 {
        writer.write_all(&vec![b' '; 1 << 20]).expect("memory takes all");
    }
    let bytes = writer.finish().expect("an archive").into_inner();
    let read = extract("a.docx", bytes).await;
    assert_eq!(read.problem(), Some(DocumentProblem::TooComplex));
    let read = extract("a.docx", b"PK\x03\x04 broken".to_vec()).await;
    assert_eq!(read.problem(), Some(DocumentProblem::Damaged));
    let protected = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1".to_vec();
    let read = extract("a.docx", protected).await;
    assert_eq!(read.problem(), Some(DocumentProblem::PasswordNeeded));
}
