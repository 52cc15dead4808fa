//! Gate: sizes, heads, banned words. Prints file, rule and reason.

use pumasi_tests::tree::{self, Source};

const MAX_CODE_LINES: usize = 400;
const MAX_SCRIPT_LINES: usize = 250;

/// Words that date a sentence, hide a gap or name a thing by nothing.
const BANNED_IN_CODE: [(&str, &str); 5] = [
    ("todo!(", "finish it or say in the documentation what is absent"),
    ("unimplemented!(", "finish it or say in the documentation what is absent"),
    ("#[ignore", "a test runs or does not exist"),
    ("#[should_panic", "test the error instead"),
    (".unwrap()", "say why it holds: expect(\"…\")"),
];

/// Dependencies that only switch features on (said why in the manifest).
const FEATURES_ONLY: [&str; 2] = ["either", "syn"];

const BANNED_FILE_STEMS: [&str; 7] =
    ["mod", "util", "utils", "helper", "helpers", "common", "misc"];

fn is_rust(source: &&Source) -> bool {
    source.path.ends_with(".rs")
}

/// Lines before the tests at the end of the file.
fn code_lines(text: &str) -> usize {
    text.lines().take_while(|line| !line.starts_with("#[cfg(test)]")).count()
}

#[test]
fn files_have_a_head_and_are_short() {
    let sources = tree::sources();
    let mut findings = Vec::new();
    for source in sources.iter().filter(is_rust) {
        if !source.text.starts_with("//!") {
            findings.push(format!("{}: has no `//!` head saying what it is", source.path));
        }
        let folders = ["/tests/", "/benches/", "/tests.rs"];
        let is_test = folders.iter().any(|folder| source.path.contains(folder));
        let lines = code_lines(&source.text);
        if lines > MAX_CODE_LINES && !is_test {
            findings.push(format!("{}: {lines} lines without tests; split it", source.path));
        }
    }
    let front = sources.iter().filter(|s| s.path.starts_with("web/ui/src/"));
    let front = front.filter(|s| s.path.ends_with(".svelte") || s.path.ends_with(".ts"));
    // A language is one file, so that a translator needs no other.
    let whole = ["/generated/", "/i18n/"];
    for source in front.filter(|s| !whole.iter().any(|folder| s.path.contains(folder))) {
        let lines = source.text.lines().count();
        if lines > MAX_SCRIPT_LINES {
            findings.push(format!("{}: {lines} lines; split it", source.path));
        }
    }
    tree::report("size and head", &findings);
}

#[test]
fn lines_are_at_most_100_columns() {
    let mut findings = Vec::new();
    for source in tree::sources().iter().filter(is_rust) {
        for (number, line) in (1..).zip(source.text.lines()) {
            // A single long literal cannot be wrapped by the formatter.
            if line.chars().count() > 120 && !line.contains('"') {
                findings.push(format!("{}:{number} is too long", source.path));
            }
        }
    }
    tree::report("columns", &findings);
}

#[test]
fn names_say_what_a_file_is() {
    let mut findings = Vec::new();
    for source in tree::sources().iter().filter(is_rust) {
        let stem = source.path.rsplit('/').next().unwrap_or("").trim_end_matches(".rs");
        if BANNED_FILE_STEMS.contains(&stem) {
            findings.push(format!("{}: name it after what it does", source.path));
        }
    }
    tree::report("file names", &findings);
}

#[test]
fn banned_words_do_not_occur() {
    let mut findings = Vec::new();
    for source in tree::sources().iter().filter(is_rust) {
        if source.path == "tests/tests/tidy.rs" {
            continue;
        }
        for (number, line) in (1..).zip(source.text.lines()) {
            let found = BANNED_IN_CODE.iter().find(|(word, _)| line.contains(word));
            findings.extend(
                found.map(|(word, why)| format!("{}:{number} `{word}`: {why}", source.path)),
            );
        }
    }
    tree::report("banned words", &findings);
}

#[test]
fn every_dependency_is_used_and_explained() {
    let sources = tree::sources();
    let architecture = sources.iter().find(|s| s.path == "ARCHITECTURE.md");
    let architecture = &architecture.expect("ARCHITECTURE.md exists").text;
    let mut findings = Vec::new();
    let manifests = sources.iter().filter(|s| s.path.ends_with("/Cargo.toml"));
    for manifest in manifests {
        let folder = manifest.path.trim_end_matches("Cargo.toml");
        for dependency in dependencies(&manifest.text) {
            let ident = dependency.replace('-', "_");
            let in_folder = |s: &&Source| s.path.starts_with(folder) && s.path.ends_with(".rs");
            let is_used = sources.iter().filter(in_folder).any(|s| s.text.contains(&ident));
            if !is_used && !FEATURES_ONLY.contains(&dependency.as_str()) {
                findings.push(format!("{}: {dependency} is not used", manifest.path));
            }
            if !dependency.starts_with("pumasi-")
                && !architecture.contains(&format!("`{dependency}`"))
            {
                findings.push(format!("ARCHITECTURE.md: no line on why `{dependency}` is used"));
            }
        }
    }
    findings.sort();
    findings.dedup();
    tree::report("dependencies", &findings);
}

fn dependencies(manifest: &str) -> Vec<String> {
    let mut inside = false;
    let mut found = Vec::new();
    for line in manifest.lines() {
        if line.starts_with('[') {
            inside = line.ends_with("dependencies]");
        } else if inside && let Some(end) = line.find(['.', ' ', '=']) {
            found.push(line[..end].to_owned());
        }
    }
    found.retain(|name| !name.is_empty() && !name.starts_with('#'));
    found
}
