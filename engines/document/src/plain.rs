//! Text files as Markdown.

use pumasi_protocol::document::{DocumentProblem, PartKind};

use crate::format::Plain;
use crate::html;
use crate::sink::Parts;
use crate::text;

pub(crate) fn extract(
    format: Plain,
    bytes: &[u8],
    sink: &mut Parts<'_>,
) -> Result<(), DocumentProblem> {
    if !sink.begin(1) {
        return Ok(());
    }
    let text = text::decode(bytes);
    let markdown = match format {
        Plain::Text | Plain::Markdown => text,
        Plain::Html => html::markdown(&text),
        Plain::Csv => table(&text),
        Plain::Json => format!("```json\n{}\n```\n", text.trim()),
        Plain::Srt | Plain::Vtt => spoken(&text),
    };
    if markdown.trim().is_empty() {
        return Err(DocumentProblem::NoText);
    }
    sink.put(1, PartKind::Markdown, markdown.as_bytes());
    Ok(())
}

/// Rows of values as a table; the first one has the names.
fn table(text: &str) -> String {
    let first = text.lines().next().unwrap_or_default();
    let count = |mark: char| first.matches(mark).count();
    let delimiter = [b',', b';', b'\t'].into_iter().max_by_key(|mark| count(char::from(*mark)));
    let mut reader = csv::ReaderBuilder::new();
    reader.has_headers(false).flexible(true).delimiter(delimiter.unwrap_or(b','));
    let mut rows: Vec<Vec<String>> = Vec::new();
    for row in reader.from_reader(text.as_bytes()).records().map_while(Result::ok) {
        rows.push(row.iter().map(cell).collect());
    }
    markdown_table(&rows)
}

fn cell(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|")
}

/// Rows of cells, whose `|` are escaped, as a table.
pub(crate) fn markdown_table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let mut out = String::new();
    for (at, row) in rows.iter().enumerate() {
        let cells = (0..columns).map(|column| row.get(column).map_or("", String::as_str));
        out.push_str(&format!("| {} |\n", cells.collect::<Vec<_>>().join(" | ")));
        if at == 0 {
            out.push_str(&format!("|{}\n", " --- |".repeat(columns)));
        }
    }
    out
}

/// What subtitles say, a line for each.
fn spoken(text: &str) -> String {
    let mut out = String::new();
    for cue in text.replace("\r\n", "\n").split("\n\n") {
        let Some((_, said)) = cue.split_once("-->") else { continue };
        let lines: Vec<&str> = said.lines().skip(1).map(str::trim).collect();
        if !lines.is_empty() {
            out.push_str(&format!("{}\n\n", lines.join(" ")));
        }
    }
    out
}
