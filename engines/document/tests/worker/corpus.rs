//! Files by several producers, whole and broken (`benchmarks/pdf_corpus.py` makes them).

use std::path::PathBuf;

use pumasi_protocol::document::{DocumentProblem, DocumentTask};

use super::{extract, run, work};

/// Mutated files of one run of the tests; `scripts/bench pdf` tries ten thousand, by this variable.
const MUTATED: usize = 150;
const MUTATED_VARIABLE: &str = "PUMASI_MUTATED";

fn files() -> Vec<(String, Vec<u8>)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/documents");
    let mut files: Vec<(String, Vec<u8>)> = std::fs::read_dir(folder)
        .expect("the files are in the repository")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "pdf"))
        .map(|path| {
            let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
            (name, std::fs::read(path).expect("a file"))
        })
        .collect();
    files.sort();
    files
}

fn known(name: &str) -> String {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/documents");
    std::fs::read_to_string(folder.join(format!("{name}.txt"))).expect("its text")
}

/// Letters and digits alone: what forms and marks add does not count.
fn letters(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).collect()
}

#[tokio::test]
async fn cat_d07_files_of_six_producers_are_read_in_order_protected_ones_with_their_password() {
    for (name, bytes) in files() {
        let mut asked = work(&format!("{name}.pdf"), &bytes, DocumentTask::Extract);
        if name == "enc_user_aes" {
            let read = run(asked.clone(), bytes.clone()).await;
            assert_eq!(read.problem(), Some(DocumentProblem::PasswordNeeded));
            asked.password = Some("wrong".to_owned());
            let read = run(asked.clone(), bytes.clone()).await;
            assert_eq!(read.problem(), Some(DocumentProblem::PasswordNeeded));
            asked.password = Some("sesame".to_owned());
        }
        let read = run(asked, bytes).await;
        assert_eq!(read.fault, None, "{name}");
        let (said, known) = (letters(&read.text()), letters(&known(&name)));
        // Page numbers of a producer are beside what is known.
        let found = known.len() as f64 / said.len().max(1) as f64;
        assert!(said == known || found > 0.97, "{name}: {said}");
    }
}

#[tokio::test]
async fn tables_and_headings_are_marked() {
    let (_, bytes) = files().into_iter().find(|(name, _)| name == "lo_report").expect("there");
    let text = extract("lo_report.pdf", bytes).await.text();
    assert!(
        text.contains("| Item | Count | Price | Note |\n| --- | --- | --- | --- |\n"),
        "{text}"
    );
    assert!(text.lines().any(|line| line.starts_with("# ")), "{text}");
    assert!(text.lines().any(|line| line.starts_with("- ")), "{text}");
}

#[tokio::test]
async fn mutated_files_all_get_an_answer() {
    let files = files();
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = || {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        usize::try_from(random >> 16).expect("48 bits")
    };
    let told = std::env::var(MUTATED_VARIABLE).ok().and_then(|count| count.parse().ok());
    for at in 0..told.unwrap_or(MUTATED) {
        let (name, bytes) = &files[at % files.len()];
        let mut bytes = bytes.clone();
        match at % 3 {
            0 => bytes.truncate(next() % bytes.len()),
            1 => {
                for _ in 0..1 + next() % 300 {
                    let place = next() % bytes.len();
                    bytes[place] = (next() & 0xff) as u8;
                }
            }
            _ => {
                let (from, length) = (next() % bytes.len(), next() % 4_096);
                let end = (from + length).min(bytes.len());
                let piece = bytes[from..end].to_vec();
                let to = next() % bytes.len();
                bytes.splice(to..to, piece);
            }
        }
        let read = extract(&format!("{name}.pdf"), bytes).await;
        // An answer, and never the computer's fault.
        let _ = read.problem();
    }
}
