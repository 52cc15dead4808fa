//! DOCX: paragraphs, headings, items and tables of the text, then its notes.

use pumasi_protocol::document::{DocumentProblem, PartKind};

use super::{Met, Package, attribute, local, walk};
use crate::plain::markdown_table;
use crate::sink::Parts;

#[derive(Default)]
struct Writer {
    out: String,
    line: String,
    style: String,
    is_item: bool,
    in_text: bool,
    /// Within what stands in for another form of the same content.
    fallback: u32,
    tables: u32,
    rows: Vec<Vec<String>>,
}

impl Writer {
    fn paragraph(&mut self) {
        let line = std::mem::take(&mut self.line);
        let style = std::mem::take(&mut self.style).to_ascii_lowercase();
        let is_item = std::mem::take(&mut self.is_item);
        let text = line.trim();
        if text.is_empty() {
            return;
        }
        if self.tables > 0 {
            if let Some(cell) = self.rows.last_mut().and_then(|row| row.last_mut()) {
                let space = if cell.is_empty() { "" } else { " " };
                cell.push_str(&format!("{space}{}", text.replace('|', "\\|").replace('\n', " ")));
            }
            return;
        }
        let level = match style.strip_prefix("heading") {
            Some(level) => level.trim().parse().ok().filter(|level| (1..=6).contains(level)),
            None if style == "title" => Some(1_usize),
            None => None,
        };
        match level {
            Some(level) => self.out.push_str(&format!("{} {text}\n\n", "#".repeat(level))),
            None if is_item || style.starts_with("list") => {
                self.out.push_str(&format!("- {text}\n"));
            }
            None => {
                if self.out.ends_with('\n') && !self.out.ends_with("\n\n") {
                    self.out.push('\n');
                }
                self.out.push_str(&format!("{text}\n\n"));
            }
        }
    }

    fn meet(&mut self, met: Met<'_>) {
        match met {
            Met::Open(start) => {
                let name = start.name();
                let name: &str = name.as_ref();
                match local(name) {
                    "Fallback" => self.fallback += 1,
                    "pStyle" => self.style = attribute(start, "val").unwrap_or_default(),
                    "numPr" => self.is_item = true,
                    "t" => self.in_text = true,
                    "tab" if self.fallback == 0 => self.line.push('\t'),
                    "br" | "cr" if self.fallback == 0 => self.line.push('\n'),
                    "tbl" => self.tables += 1,
                    "tr" if self.tables == 1 => self.rows.push(Vec::new()),
                    "tc" if self.tables == 1 => {
                        self.rows.iter_mut().last().into_iter().for_each(|row| {
                            row.push(String::new());
                        });
                    }
                    _ => {}
                }
            }
            Met::Close(name) => match local(name) {
                "Fallback" => self.fallback = self.fallback.saturating_sub(1),
                "t" => self.in_text = false,
                "p" => self.paragraph(),
                "tbl" => {
                    self.tables = self.tables.saturating_sub(1);
                    if self.tables == 0 {
                        let rows = std::mem::take(&mut self.rows);
                        self.out.push_str(&markdown_table(&rows));
                        self.out.push('\n');
                    }
                }
                _ => {}
            },
            // Text that was struck out is in elements of another name.
            Met::Text(text) if self.in_text && self.fallback == 0 => self.line.push_str(&text),
            Met::Text(_) => {}
        }
    }
}

/// The text of one part as Markdown.
fn markdown(xml: &str) -> Result<String, DocumentProblem> {
    let mut writer = Writer::default();
    walk(xml, |met| {
        writer.meet(met);
        Ok(())
    })?;
    Ok(writer.out)
}

pub(super) fn extract(package: &mut Package, sink: &mut Parts<'_>) -> Result<(), DocumentProblem> {
    if !sink.begin(1) {
        return Ok(());
    }
    let mut text = String::new();
    for name in ["word/document.xml", "word/footnotes.xml", "word/endnotes.xml"] {
        if let Some(xml) = package.text(name)? {
            text.push_str(&markdown(&xml)?);
        }
    }
    if text.trim().is_empty() {
        return Err(DocumentProblem::NoText);
    }
    sink.put(1, PartKind::Markdown, text.as_bytes());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headings_items_tables_and_changes_are_read_as_they_look() {
        let xml = r#"<w:document><w:body>
            <w:p><w:pPr><w:pStyle w:val="Heading2"/></w:pPr><w:r><w:t>A &amp; B</w:t></w:r></w:p>
            <w:p><w:r><w:t xml:space="preserve">one </w:t></w:r><w:del><w:r><w:delText>no</w:delText></w:r></w:del><w:ins><w:r><w:t>two</w:t></w:r></w:ins></w:p>
            <w:p><w:pPr><w:numPr/></w:pPr><w:r><w:t>item</w:t></w:r></w:p>
            <w:tbl><w:tr><w:tc><w:p><w:r><w:t>n</w:t></w:r></w:p></w:tc><w:tc><w:p/></w:tc></w:tr></w:tbl>
            <mc:AlternateContent><mc:Choice><w:p><w:r><w:t>once</w:t></w:r></w:p></mc:Choice>
            <mc:Fallback><w:p><w:r><w:t>twice</w:t></w:r></w:p></mc:Fallback></mc:AlternateContent>
            </w:body></w:document>"#;
        let expected = "## A & B\n\none two\n\n- item\n| n |  |\n| --- | --- |\n\nonce\n\n";
        assert_eq!(markdown(xml).as_deref(), Ok(expected));
        assert_eq!(markdown("<w:p><w:t>a</w:p>"), Err(DocumentProblem::Damaged));
        let deep = "<a>".repeat(10_000);
        assert_eq!(markdown(&deep), Err(DocumentProblem::TooComplex));
    }

    #[test]
    fn entities_that_a_file_defines_are_not_expanded() {
        let bomb = r#"<!DOCTYPE d [<!ENTITY a "ha"><!ENTITY f SYSTEM "file:///etc/passwd">]>
            <w:p><w:t>x &a; &f; y</w:t></w:p>"#;
        assert_eq!(markdown(bomb).as_deref(), Ok("x &a; &f; y\n\n"));
    }
}
