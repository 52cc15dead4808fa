//! HTML: its text as Markdown.

use html5gum::emitters::default::DefaultEmitter;
use html5gum::{Token, Tokenizer};

use crate::plain::markdown_table;

/// Elements whose content nobody reads.
const UNREAD: [&str; 8] =
    ["script", "style", "head", "template", "noscript", "svg", "iframe", "object"];
/// Elements that begin and end a paragraph.
const BLOCKS: [&str; 22] = [
    "p",
    "div",
    "section",
    "article",
    "header",
    "footer",
    "main",
    "aside",
    "nav",
    "ul",
    "ol",
    "dl",
    "dt",
    "dd",
    "blockquote",
    "figure",
    "figcaption",
    "form",
    "address",
    "table",
    "body",
    "caption",
];

#[derive(Default)]
struct Writer {
    out: String,
    /// The paragraph that is being written, and what it begins with.
    line: String,
    prefix: String,
    unread: u32,
    preformatted: u32,
    rows: Vec<Vec<String>>,
    in_cell: bool,
    /// Tables within tables.
    tables: u32,
}

impl Writer {
    fn flush(&mut self) {
        let line = std::mem::take(&mut self.line);
        let prefix = std::mem::take(&mut self.prefix);
        let text = if prefix == "```" { line.trim_matches('\n') } else { line.trim() };
        if text.is_empty() {
            return;
        }
        match prefix.as_str() {
            "```" => self.out.push_str(&format!("```\n{text}\n```\n\n")),
            "- " => self.out.push_str(&format!("- {text}\n")),
            _ => self.out.push_str(&format!("{prefix}{text}\n\n")),
        }
    }

    fn end_cell(&mut self) {
        let cell = std::mem::take(&mut self.line);
        if std::mem::take(&mut self.in_cell)
            && let Some(row) = self.rows.last_mut()
        {
            let cell = cell.split_whitespace().collect::<Vec<_>>().join(" ");
            row.push(cell.replace('|', "\\|"));
        }
    }

    fn open(&mut self, name: &str) {
        match name {
            _ if UNREAD.contains(&name) => self.unread += 1,
            "body" => self.unread = 0,
            // Ends of cells and rows may be left out.
            "td" | "th" if self.tables == 1 => {
                self.end_cell();
                self.in_cell = true;
            }
            "tr" if self.tables == 1 => {
                self.end_cell();
                self.rows.push(Vec::new());
            }
            "br" if self.tables == 0 => self.line.push('\n'),
            "br" => self.line.push(' '),
            "table" => {
                self.flush();
                self.tables += 1;
            }
            _ if self.tables > 0 => {}
            "h1" | "h2" | "h3" | "h4" | "h5" | "h6" => {
                self.flush();
                let level = usize::from(name.as_bytes()[1] - b'0');
                self.prefix = format!("{} ", "#".repeat(level));
            }
            "li" => {
                self.flush();
                self.prefix = "- ".to_owned();
            }
            "pre" => {
                self.flush();
                self.preformatted += 1;
                self.prefix = "```".to_owned();
            }
            _ if BLOCKS.contains(&name) && self.prefix != "- " => self.flush(),
            _ => {}
        }
    }

    fn close(&mut self, name: &str) {
        match name {
            _ if UNREAD.contains(&name) => self.unread = self.unread.saturating_sub(1),
            "td" | "th" | "tr" if self.tables == 1 => self.end_cell(),
            "table" => {
                self.end_cell();
                self.tables = self.tables.saturating_sub(1);
                if self.tables == 0 {
                    let rows = std::mem::take(&mut self.rows);
                    self.out.push_str(&markdown_table(&rows));
                    self.out.push('\n');
                    self.line.clear();
                }
            }
            _ if self.tables > 0 => {}
            "ul" | "ol" => {
                self.flush();
                self.out.push('\n');
            }
            "pre" => {
                self.flush();
                self.preformatted = self.preformatted.saturating_sub(1);
            }
            "li" | "h1" | "h2" | "h3" | "h4" | "h5" | "h6" => self.flush(),
            _ if BLOCKS.contains(&name) && self.prefix != "- " => self.flush(),
            _ => {}
        }
    }

    fn text(&mut self, text: &str) {
        if self.unread > 0 {
            return;
        }
        if self.preformatted > 0 {
            return self.line.push_str(text);
        }
        if text.starts_with(char::is_whitespace) && !self.line.ends_with(char::is_whitespace) {
            self.line.push(' ');
        }
        self.line.push_str(&text.split_whitespace().collect::<Vec<_>>().join(" "));
        if text.ends_with(char::is_whitespace) && !self.line.ends_with(char::is_whitespace) {
            self.line.push(' ');
        }
    }
}

/// Text with the character references of XML and HTML read; what is none stays.
pub(crate) fn unescape(raw: &str) -> String {
    let mut out = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(at) = rest.find('&') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        // The longest name of HTML has 33 letters.
        let end = rest.bytes().take(40).position(|byte| byte == b';');
        let known = end.and_then(|end| {
            let resolve = quick_xml::escape::resolve_html5_entity;
            let read = quick_xml::escape::unescape_with(&rest[..=end], resolve);
            read.ok().map(|text| (end, text.into_owned()))
        });
        match known {
            Some((end, text)) => {
                out.push_str(&text);
                rest = &rest[end + 1..];
            }
            None => {
                out.push('&');
                rest = &rest[1..];
            }
        }
    }
    out.push_str(rest);
    out
}

/// The pieces of a page, each with its place in the bytes.
pub(crate) fn tokens(html: &str) -> impl Iterator<Item = Token<usize>> {
    let mut emitter = DefaultEmitter::<usize>::new_with_span();
    // What is in a script or a style is no markup.
    emitter.naively_switch_states(true);
    Tokenizer::new_with_emitter(html, emitter).map_while(Result::ok)
}

pub(crate) fn markdown(html: &str) -> String {
    let mut writer = Writer::default();
    for token in tokens(html) {
        match token {
            Token::StartTag(tag) => {
                let name = String::from_utf8_lossy(&tag.name);
                let is_void = tag.self_closing && UNREAD.contains(&name.as_ref());
                if !is_void {
                    writer.open(&name);
                }
            }
            Token::EndTag(tag) => writer.close(&String::from_utf8_lossy(&tag.name)),
            Token::String(text) => writer.text(&String::from_utf8_lossy(&text)),
            Token::Comment(_) | Token::Doctype(_) | Token::Error(_) => {}
        }
    }
    writer.flush();
    writer.out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn html_is_read_as_people_see_it() {
        let html = "<!doctype html><html><head><title>no</title><style>p{}</style></head><body>\
            <h2>A &amp; B</h2><p>one<br>two &eacute; <b>three</b></p><script>no()</script>\
            <ul><li>x</li><li>y &lt; z</li></ul>\
            <table><tr><th>n</th><th>v</th></tr><tr><td>a|b</td><td>1</td></tr></table>\
            <pre>a  b\n c</pre></body></html>";
        let expected = "## A & B\n\none\ntwo é three\n\n- x\n- y < z\n\n\
            | n | v |\n| --- | --- |\n| a\\|b | 1 |\n\n```\na  b\n c\n```\n\n";
        assert_eq!(markdown(html), expected);
        assert_eq!(markdown("a & b &nope; &#44032;<p"), "a & b &nope; 가\n\n");
    }
}
