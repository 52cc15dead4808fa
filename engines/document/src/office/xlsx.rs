//! XLSX: a part for each sheet, as a table of what its cells show.

use pumasi_protocol::document::{DocumentProblem, PartKind};

use super::{Met, Package, attribute, local, relations, walk};
use crate::limits::{CELLS, COLUMNS};
use crate::plain::markdown_table;
use crate::sink::Parts;

/// Names and members of the sheets, in order.
fn sheets(package: &mut Package) -> Result<Vec<(String, String)>, DocumentProblem> {
    let Some(xml) = package.text("xl/workbook.xml")? else {
        return Err(DocumentProblem::Damaged);
    };
    let targets = relations(package, "xl", "workbook.xml")?;
    let mut sheets = Vec::new();
    walk(&xml, |met| {
        if let Met::Open(start) = met {
            let name = start.name();
            let name: &str = name.as_ref();
            if local(name) == "sheet"
                && let (Some(title), Some(id)) = (attribute(start, "name"), attribute(start, "id"))
                && let Some(target) = targets.get(&id)
            {
                sheets.push((title, target.clone()));
            }
        }
        Ok(())
    })?;
    Ok(sheets)
}

/// The texts that cells share.
fn shared(package: &mut Package) -> Result<Vec<String>, DocumentProblem> {
    let Some(xml) = package.text("xl/sharedStrings.xml")? else { return Ok(Vec::new()) };
    let (mut texts, mut text) = (Vec::new(), String::new());
    let (mut in_text, mut phonetic) = (false, false);
    walk(&xml, |met| {
        match met {
            Met::Open(start) => {
                let name = start.name();
                let name: &str = name.as_ref();
                in_text |= local(name) == "t";
                phonetic |= local(name) == "rPh";
            }
            Met::Close(name) => match local(name) {
                "t" => in_text = false,
                "rPh" => phonetic = false,
                "si" => texts.push(std::mem::take(&mut text)),
                _ => {}
            },
            Met::Text(more) if in_text && !phonetic => text.push_str(&more),
            Met::Text(_) => {}
        }
        Ok(())
    })?;
    Ok(texts)
}

/// The column of a cell named as in `BC12`, from 0.
fn column(cell: &str) -> Option<usize> {
    let letters = cell.bytes().take_while(u8::is_ascii_uppercase).take(4);
    let number = letters.fold(0_usize, |sum, letter| sum * 26 + usize::from(letter - b'A') + 1);
    number.checked_sub(1).filter(|column| *column < COLUMNS)
}

fn markdown(xml: &str, shared: &[String]) -> Result<String, DocumentProblem> {
    let mut rows: Vec<Vec<String>> = Vec::new();
    let (mut kind, mut at, mut value, mut in_value) = (String::new(), 0, String::new(), false);
    let mut cells = 0;
    walk(xml, |met| {
        match met {
            Met::Open(start) => {
                let name = start.name();
                let name: &str = name.as_ref();
                match local(name) {
                    "row" => rows.push(Vec::new()),
                    "c" => {
                        kind = attribute(start, "t").unwrap_or_default();
                        let next = rows.last().map_or(0, Vec::len);
                        let named = attribute(start, "r");
                        at = named.as_deref().and_then(column).unwrap_or(next);
                        value.clear();
                    }
                    "v" | "t" => in_value = true,
                    _ => {}
                }
            }
            Met::Close(name) => match local(name) {
                "v" | "t" => in_value = false,
                "c" => {
                    let by_number = |text: &String| text.trim().parse::<usize>().ok();
                    let text = match kind.as_str() {
                        "s" => by_number(&value).and_then(|n| shared.get(n).cloned()),
                        "b" => Some(if value == "1" { "TRUE" } else { "FALSE" }.to_owned()),
                        _ => Some(value.clone()),
                    };
                    let text = text.unwrap_or_default().replace('|', "\\|").replace('\n', " ");
                    if let Some(row) = rows.last_mut().filter(|_| !text.is_empty()) {
                        cells += at.saturating_sub(row.len()) + 1;
                        if cells > CELLS {
                            return Err(DocumentProblem::TooLarge);
                        }
                        if row.len() <= at {
                            row.resize(at + 1, String::new());
                        }
                        row[at] = text;
                    }
                }
                _ => {}
            },
            Met::Text(text) if in_value => value.push_str(&text),
            Met::Text(_) => {}
        }
        Ok(())
    })?;
    rows.retain(|row| !row.is_empty());
    Ok(if rows.is_empty() { String::new() } else { markdown_table(&rows) })
}

pub(super) fn extract(package: &mut Package, sink: &mut Parts<'_>) -> Result<(), DocumentProblem> {
    let shared = shared(package)?;
    for ((title, sheet), number) in sheets(package)?.into_iter().zip(1..) {
        if !sink.begin(number) {
            continue;
        }
        let Some(xml) = package.text(&sheet)? else {
            sink.problem(number, DocumentProblem::Damaged);
            continue;
        };
        match markdown(&xml, &shared) {
            Ok(table) => {
                let text = format!("## {title}\n\n{table}\n");
                sink.put(number, PartKind::Markdown, text.as_bytes());
            }
            Err(problem) => sink.problem(number, problem),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_stand_where_they_are_named() {
        let xml = r#"<worksheet><sheetData><row><c r="A1" t="s"><v>0</v></c><c r="C1"><v>2.5</v></c></row>
            <row/><row><c r="B3" t="inlineStr"><is><t>a|b</t></is></c></row></sheetData></worksheet>"#;
        let table = markdown(xml, &["n".to_owned()]).expect("whole");
        assert_eq!(table, "| n |  | 2.5 |\n| --- | --- | --- |\n|  | a\\|b |  |\n");
        assert_eq!(column("A1"), Some(0));
        assert_eq!(column("BC12"), Some(54));
        assert_eq!(column("ZZZZ1"), None);
    }
}
