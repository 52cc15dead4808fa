//! Blocks as Markdown: headings by their size, items, tables, paragraphs.

use super::blocks::{Block, Row};
use super::chunks::Chunk;

/// How many letters were seen of each size, in half points: the most common is that of plain text.
#[derive(Debug, Default)]
pub(crate) struct Sizes {
    letters: std::collections::BTreeMap<u32, usize>,
}

impl Sizes {
    pub(crate) fn add(&mut self, chunks: &[Chunk]) {
        for chunk in chunks {
            *self.letters.entry(half_points(chunk.size)).or_default() += chunk.text.len();
        }
    }

    /// The size of plain text, in points.
    fn plain(&self) -> f32 {
        let most = self.letters.iter().max_by_key(|(_, letters)| **letters);
        most.map_or(10.0, |(size, _)| *size as f32 / 2.0)
    }
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn half_points(size: f32) -> u32 {
    (size * 2.0).round().clamp(0.0, 10_000.0) as u32
}

/// Longest heading, in characters: what is longer is text in a large letter.
const HEADING_CHARS: usize = 200;

/// The level of a heading, 1 to 3; none for plain text.
fn level(block: &Block, sizes: &Sizes) -> Option<usize> {
    let ratio = block.size() / sizes.plain().max(1.0);
    let chars: usize =
        block.rows.iter().flat_map(|r| &r.cells).map(|c| c.text.chars().count()).sum();
    if block.rows.len() > 4 || chars > HEADING_CHARS {
        return None;
    }
    match ratio {
        r if r >= 1.65 => Some(1),
        r if r >= 1.32 => Some(2),
        r if r >= 1.13 => Some(3),
        _ => None,
    }
}

const BULLETS: [char; 12] =
    ['•', '◦', '▪', '‣', '●', '○', '■', '–', '·', '∙', '\u{f0b7}', '\u{f0a7}'];

/// The text of an item that begins with a bullet.
fn item(text: &str) -> Option<&str> {
    let mut chars = text.chars();
    let first = chars.next()?;
    let rest = chars.as_str();
    let is_item = BULLETS.contains(&first) && (rest.is_empty() || rest.starts_with(' '));
    is_item.then(|| rest.trim_start())
}

/// Whether a cell is a bullet alone. Fonts of signs have theirs where Unicode has nothing.
fn is_bullet(text: &str) -> bool {
    let mut chars = text.trim().chars();
    let first = chars.next();
    let is_sign = first.is_some_and(|c| BULLETS.contains(&c) || is_private(c));
    is_sign && chars.next().is_none()
}

fn is_private(char: char) -> bool {
    matches!(char, '\u{e000}'..='\u{f8ff}')
}

/// Rows in which a bullet and its item are one.
fn with_items(rows: &[Row]) -> Vec<Row> {
    let whole = |row: &Row| match row.cells.as_slice() {
        [bullet, item] if is_bullet(&bullet.text) => {
            let text = format!("• {}", item.text);
            let (u0, size) = (bullet.u0, item.size);
            Row { cells: vec![Chunk { text, u0, size, ..item.clone() }] }
        }
        _ => row.clone(),
    };
    rows.iter().map(whole).collect()
}

fn is_numbered(text: &str) -> bool {
    let digits = text.chars().take_while(char::is_ascii_digit).count();
    (1..=3).contains(&digits)
        && text[digits..].starts_with(['.', ')'])
        && text[digits + 1..].starts_with(' ')
}

/// Writes a page.
pub(crate) fn page(blocks: &[Block], sizes: &Sizes) -> String {
    let mut out = String::new();
    for block in blocks {
        match level(block, sizes) {
            Some(level) => {
                let text = lines(&block.rows);
                paragraph(&mut out, &format!("{} {text}", "#".repeat(level)));
            }
            None => body(&mut out, block),
        }
    }
    out
}

fn paragraph(out: &mut String, text: &str) {
    if !text.trim().is_empty() {
        out.push_str(text.trim_end());
        out.push_str("\n\n");
    }
}

/// Plain text: runs of rows with several cells are tables, what begins with a bullet is an item.
fn body(out: &mut String, block: &Block) {
    let whole = with_items(&block.rows);
    let mut rows = whole.as_slice();
    while let Some(first) = rows.first() {
        let table = rows.iter().take_while(|row| row.cells.len() > 1).count();
        if table >= 2 {
            write_table(out, &rows[..table]);
            rows = &rows[table..];
            continue;
        }
        let begins =
            |row: &&Row| row.cells.len() > 1 || starts_item(row) || ends_before(first, row);
        let length = 1 + rows[1..].iter().take_while(|row| !begins(row)).count();
        let text = lines(&rows[..length]);
        match item(&text) {
            Some(text) => {
                out.push_str(&format!("- {}\n", text.trim_end()));
                if rows.get(length).is_none_or(|next| !starts_item(next)) {
                    out.push('\n');
                }
            }
            None => paragraph(out, &text),
        }
        rows = &rows[length..];
    }
}

fn starts_item(row: &Row) -> bool {
    let text = &row.cells[0].text;
    item(text).is_some() || is_numbered(text)
}

/// A first line that is drawn in begins a paragraph of its own.
fn ends_before(first: &Row, row: &Row) -> bool {
    let indent = row.u0() - first.u0();
    indent > 0.8 * row.size() && indent < 4.0 * row.size() && !starts_item(first)
}

/// Rows as running text: a word that was divided at a line's end becomes whole.
fn lines(rows: &[Row]) -> String {
    let mut text = String::new();
    for row in rows {
        for cell in &row.cells {
            join(&mut text, &cell.text);
        }
    }
    text
}

fn join(text: &mut String, next: &str) {
    let divided = text.ends_with(['-', '\u{2010}'])
        && text.chars().rev().nth(1).is_some_and(char::is_alphabetic)
        && next.chars().next().is_some_and(char::is_lowercase);
    if divided {
        text.pop();
    } else if let (Some(last), Some(first)) = (text.chars().last(), next.chars().next())
        && !(is_unspaced(last) && is_unspaced(first))
        && last != ' '
    {
        text.push(' ');
    }
    text.push_str(next);
}

/// Scripts that are written without spaces.
fn is_unspaced(char: char) -> bool {
    let east_asian = matches!(char, '\u{2e80}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}');
    let compatible = matches!(char, '\u{f900}'..='\u{faff}' | '\u{ff00}'..='\u{ff9f}');
    east_asian || compatible || matches!(char, '\u{20000}'..='\u{3ffff}')
}

/// Rows of cells as a table: columns are where cells begin or overlap.
fn write_table(out: &mut String, rows: &[Row]) {
    let columns = columns(rows);
    for (at, row) in rows.iter().enumerate() {
        let mut cells = vec![String::new(); columns.len()];
        for cell in &row.cells {
            let column = column_of(&columns, cell);
            join(&mut cells[column], &cell.text.replace('|', "\\|"));
        }
        let line: Vec<&str> = cells.iter().map(|cell| cell.trim()).collect();
        out.push_str(&format!("| {} |\n", line.join(" | ")));
        if at == 0 {
            out.push_str(&format!("|{}\n", " --- |".repeat(columns.len())));
        }
    }
    out.push('\n');
}

/// The spans of a table's columns, from left to right.
fn columns(rows: &[Row]) -> Vec<(f32, f32)> {
    let mut spans: Vec<(f32, f32)> =
        rows.iter().flat_map(|row| &row.cells).map(|cell| (cell.u0, cell.u1)).collect();
    spans.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut columns: Vec<(f32, f32)> = Vec::new();
    for (u0, u1) in spans {
        match columns.last_mut() {
            Some(last) if u0 < last.1 => last.1 = last.1.max(u1),
            Some(_) | None => columns.push((u0, u1)),
        }
    }
    columns
}

fn column_of(columns: &[(f32, f32)], cell: &Chunk) -> usize {
    columns.iter().position(|(u0, u1)| cell.u0 < *u1 && cell.u1 > *u0).unwrap_or(0)
}
