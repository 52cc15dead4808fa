//! Documents on real nodes: read here and elsewhere, asked about, translated, and what hostile ones do.

use std::io::{Cursor, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use pumasi_tests::command::until;
use pumasi_tests::nodes::{Node, STARTER, mesh};
use pumasi_tests::tree;
use serde_json::{Value, json};

const PATIENCE: Duration = Duration::from_secs(60);

fn sample(name: &str) -> PathBuf {
    tree::root().join("tests/documents").join(name)
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

/// Letters and digits alone.
fn letters(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).collect()
}

fn known(name: &str) -> String {
    letters(&std::fs::read_to_string(sample(name)).expect("its text"))
}

#[test]
fn text_is_read_here_and_on_another_computer_and_a_bad_file_fails_by_itself() {
    let nodes = mesh(2);
    let [near, far] = &nodes[..] else { panic!("two nodes") };
    let file = shown(&sample("rl_rotated.pdf"));
    let here = near.pumasi(&["pdf", "extract", "--local-only", &file]);
    // The anchors of pages are beside the text.
    let text: String = here.stdout.lines().filter(|line| !line.starts_with("<a id")).collect();
    assert_eq!(letters(&text), known("rl_rotated.txt"), "{here:?}");
    assert!(here.stdout.contains("<a id=\"page-3\"></a>"));

    let there = until("the other computer reads it", PATIENCE, || {
        let there = near.pumasi(&["pdf", "extract", "--only", &far.name, &file]);
        (there.code == Some(0)).then_some(there)
    });
    assert_eq!(there.stdout, here.stdout);
    let jobs = near.get("/api/v1/jobs");
    let jobs = jobs["data"].as_array().expect("a list").iter();
    let ran_far = jobs.filter(|job| job["node"]["name"] == json!(far.name));
    assert!(ran_far.into_iter().any(|job| job["model"] == "pumasi-document"), "it ran there");

    let folder = tempfile::tempdir().expect("a folder");
    std::fs::copy(sample("rl_table.pdf"), folder.path().join("good.pdf")).expect("a copy");
    std::fs::write(folder.path().join("bad.pdf"), "no pdf").expect("a file");
    let out = folder.path().join("out");
    let both = near.pumasi(&["pdf", "extract", &shown(folder.path()), "--out", &shown(&out)]);
    assert_eq!(both.code, Some(65), "{both:?}");
    assert!(both.stderr.contains("this is not a PDF"), "{both:?}");
    let written = std::fs::read_to_string(out.join("good.md")).expect("the good one");
    assert!(written.starts_with("| Item | Count | Price | Note |"), "{written}");
    assert!(!out.join("bad.md").exists());
}

#[test]
fn cat_d07_a_protected_file_asks_for_its_password() {
    let node = Node::start("alone");
    let file = shown(&sample("enc_user_aes.pdf"));
    let refused = node.pumasi(&["pdf", "extract", &file]);
    assert!(refused.stderr.contains("give its password"), "{refused:?}");
    let read = node.pumasi(&["pdf", "extract", "--password", "sesame", &file]);
    assert_eq!(read.code, Some(0), "{read:?}");
}

#[test]
fn cat_d11_a_file_that_is_too_large_is_refused_and_one_that_breaks_off_leaves_nothing() {
    let node = Node::start("alone");
    let head = |length: u64| {
        format!(
            "POST /api/v1/documents HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {}\r\n\
             content-type: application/octet-stream\r\ncontent-length: {length}\r\n\r\n",
            node.http(),
            node.token()
        )
    };
    let connect = || {
        let stream = std::net::TcpStream::connect(node.http()).expect("it listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        stream
    };
    let mut large = connect();
    large.write_all(head(4 << 30).as_bytes()).expect("the head");
    let mut answer = [0; 12];
    large.read_exact(&mut answer).expect("an answer");
    assert_eq!(&answer, b"HTTP/1.1 413");
    let files = |node: &Node| {
        let folder = node.folder().join("files");
        std::fs::read_dir(folder)
            .map_or(0, |entries| entries.flatten().filter(|e| e.path().is_file()).count())
    };
    let before = files(&node);
    let mut broken = connect();
    broken.write_all(head(1_000).as_bytes()).expect("the head");
    broken.write_all(&[b'x'; 990]).expect("most of it");
    drop(broken);
    until("it is gone", PATIENCE, || (files(&node) == before).then_some(()));
    assert!(node.is_healthy());
}

#[test]
fn a_summary_keeps_the_marked_lines_and_a_translation_the_form() {
    let node = Node::start("alone");
    let folder = tempfile::tempdir().expect("a folder");
    let notes = folder.path().join("notes.txt");
    std::fs::write(&notes, "plain words\n* the mark\nmore words\n").expect("a file");
    let summary = node.pumasi(&["pdf", "summarise", "-m", STARTER, &shown(&notes)]);
    assert_eq!(summary.stdout.trim(), "* the mark", "{summary:?}");

    let subtitles = folder.path().join("film.srt");
    let text = "1\r\n00:00:01,000 --> 00:00:02,000\r\nbalkult gagralt\r\n\r\n\
                2\r\n00:00:03,000 --> 00:00:04,000\r\nkozmuk\r\n";
    std::fs::write(&subtitles, text).expect("a file");
    let out = folder.path().join("out");
    let arguments = ["translate", "-m", STARTER, "--to", "Sudal", "--out"];
    let files = [shown(&out), shown(&subtitles)];
    let all: Vec<&str> = arguments.into_iter().chain(files.iter().map(String::as_str)).collect();
    let translated = node.pumasi(&all);
    assert_eq!(translated.code, Some(0), "{translated:?}");
    let written = std::fs::read_to_string(out.join("film.srt")).expect("the file");
    let expected = text.replace("balkult gagralt", "winneli jijoen").replace("kozmuk", "jymian");
    assert_eq!(written, expected);
}

/// An office file with these members.
fn archive(members: &[(&str, &str)]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, text) in members {
        let options = zip::write::SimpleFileOptions::default();
        writer.start_file(*name, options).expect("a member");
        writer.write_all(text.as_bytes()).expect("memory takes all");
    }
    writer.finish().expect("an archive").into_inner()
}

fn members(bytes: Vec<u8>) -> Vec<(String, String)> {
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).expect("an archive");
    (0..archive.len())
        .map(|at| {
            let mut member = archive.by_index(at).expect("a member");
            let mut text = String::new();
            member.read_to_string(&mut text).expect("text");
            (member.name().expect("a name").into_owned(), text)
        })
        .collect()
}

#[test]
fn office_files_keep_every_byte_but_their_texts() {
    let node = Node::start("alone");
    let folder = tempfile::tempdir().expect("a folder");
    let document = "<?xml version=\"1.0\"?>\r\n<w:document xmlns:w=\"w\"><w:body><w:p><w:pPr><w:b/></w:pPr>\
        <w:r><w:rPr><w:i/></w:rPr><w:t xml:space=\"preserve\">balkult </w:t></w:r>\
        <w:r><w:t>gagralt</w:t></w:r></w:p><!-- kept --></w:body></w:document>";
    let whole = [
        ("[Content_Types].xml", "<Types/>"),
        ("word/document.xml", document),
        ("word/styles.xml", "<w:styles>gagralt</w:styles>"),
        ("custom/anything.bin", "\u{1}kozmuk"),
    ];
    let path = folder.path().join("letter.docx");
    std::fs::write(&path, archive(&whole)).expect("a file");
    let out = folder.path().join("out");
    let (to, from) = (shown(&out), shown(&path));
    let done = node.pumasi(&["translate", "-m", STARTER, "--to", "Sudal", "--out", &to, &from]);
    assert_eq!(done.code, Some(0), "{done:?}");
    let written = members(std::fs::read(out.join("letter.docx")).expect("the file"));
    let names: Vec<&str> = written.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, whole.map(|(name, _)| name));
    for ((name, text), (_, before)) in written.iter().zip(whole) {
        let expected = match name.as_str() {
            // One text of two runs: it goes where most of it was.
            "word/document.xml" => {
                before.replace(">balkult <", ">winneli jijoen<").replace(">gagralt<", "><")
            }
            _ => before.to_owned(),
        };
        assert_eq!(*text, expected, "{name}");
    }
}

#[test]
fn a_question_names_its_pages_and_wrong_orders_say_what_is_wrong() {
    let node = Node::start("alone");
    let file = shown(&sample("rl_rotated.pdf"));
    let asked = node.pumasi(&["pdf", "ask", "-m", STARTER, "-q", "Who is there?", &file]);
    assert_eq!(asked.code, Some(0), "{asked:?}");
    assert!(asked.stdout.contains("page"), "{asked:?}");
    let post = |task: &str, body: &Value| {
        node.request("POST", &format!("/api/v1/documents/{task}"), Some(body))
    };
    let unknown = json!({ "files": [{ "id": "00", "name": "a.pdf" }] });
    assert_eq!(post("extract", &unknown).status, 400);
    assert_eq!(post("extract", &json!({ "files": [] })).status, 400);
    assert_eq!(post("ask", &unknown).status, 400);
    assert_eq!(post("burn", &unknown).status, 404);
    let absent = node.pumasi(&["pdf", "extract", "/absent.pdf"]);
    assert_eq!(absent.code, Some(66), "{absent:?}");
    let pages = node.pumasi(&["pdf", "extract", "--pages", "9-3", &file]);
    assert_eq!(pages.code, Some(2), "{pages:?}");
    let none = node.pumasi(&["pdf", "extract", "--pages", "90-", &file]);
    assert!(none.stderr.contains("not in the file"), "{none:?}");
}
