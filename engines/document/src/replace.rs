//! Texts of a file and other texts in their places, everything else kept byte for byte.

use std::ops::Range;

use html5gum::Token;
use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};
use pumasi_protocol::document::DocumentProblem;
use pumasi_protocol::limits::DOCUMENT_TEXTS;

use crate::format::{Format, Plain};
use crate::html::tokens;
use crate::{office, text};

/// Whether a text has anything to translate: a letter.
pub(crate) fn says_something(text: &str) -> bool {
    text.chars().any(char::is_alphabetic)
}

/// Text as it is written in XML and HTML.
pub(crate) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// `text` with other text in the places of `changes`, which are in order and apart.
pub(crate) fn splice(text: &str, changes: &[(Range<usize>, String)]) -> String {
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    for (place, new) in changes {
        out.push_str(&text[at..place.start]);
        out.push_str(new);
        at = place.end;
    }
    out.push_str(&text[at..]);
    out
}

/// Texts that can be replaced, in order.
pub(crate) fn texts(format: Format, bytes: Vec<u8>) -> Result<Vec<String>, DocumentProblem> {
    let texts = match format {
        Format::Office => office::replace::texts(bytes)?,
        Format::Plain(plain) => {
            let source = text::decode(&bytes);
            let read = |place: &Place| place.read(&source);
            places(plain, &source)?.iter().map(read).collect()
        }
        Format::Pdf => return Err(DocumentProblem::NotForFormat),
    };
    if texts.len() > DOCUMENT_TEXTS {
        return Err(DocumentProblem::TooLarge);
    }
    Ok(texts)
}

/// The file with other texts.
pub(crate) fn replace(
    format: Format,
    bytes: Vec<u8>,
    new: &[String],
) -> Result<Vec<u8>, DocumentProblem> {
    match format {
        Format::Office => office::replace::replace(bytes, new),
        Format::Plain(plain) => {
            let encoding = text::encoding(&bytes);
            let source = text::decode(&bytes);
            let places = places(plain, &source)?;
            if places.len() != new.len() {
                return Err(DocumentProblem::Answer);
            }
            let write = |(place, new): (&Place, &String)| (place.at.clone(), place.write(new));
            let changes: Vec<_> = places.iter().zip(new).map(write).collect();
            let mark = marks(&bytes);
            let (written, _, lost) = encoding.encode(&splice(&source, &changes)).to_owned_parts();
            // A language that the file's encoding cannot write makes it UTF-8.
            let written = if lost { splice(&source, &changes).into_bytes() } else { written };
            Ok(if lost { written } else { [mark, written.as_slice()].concat() })
        }
        Format::Pdf => Err(DocumentProblem::NotForFormat),
    }
}

/// The byte order mark of a file, which decoding takes away.
fn marks(bytes: &[u8]) -> &[u8] {
    let is_utf8 = bytes.starts_with(b"\xef\xbb\xbf");
    if is_utf8 { &bytes[..3] } else { &[] }
}

trait Owned {
    fn to_owned_parts(self) -> (Vec<u8>, (), bool);
}

impl Owned for (std::borrow::Cow<'_, [u8]>, &'static encoding_rs::Encoding, bool) {
    fn to_owned_parts(self) -> (Vec<u8>, (), bool) {
        (self.0.into_owned(), (), self.2)
    }
}

/// How a text is written in its file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Writing {
    /// As it is.
    Plain,
    /// With HTML's references.
    Html,
    /// A JSON string without its quotes.
    Json,
}

/// Where a text stands.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Place {
    at: Range<usize>,
    writing: Writing,
}

impl Place {
    fn read(&self, source: &str) -> String {
        let raw = &source[self.at.clone()];
        match self.writing {
            Writing::Plain => raw.to_owned(),
            Writing::Html => crate::html::unescape(raw),
            Writing::Json => {
                serde_json::from_str(&format!("\"{raw}\"")).unwrap_or_else(|_| raw.to_owned())
            }
        }
    }

    fn write(&self, new: &str) -> String {
        match self.writing {
            Writing::Plain => new.to_owned(),
            Writing::Html => escape(new),
            Writing::Json => {
                let quoted = serde_json::Value::from(new).to_string();
                quoted[1..quoted.len() - 1].to_owned()
            }
        }
    }
}

/// Without the white space around it, which stays.
fn trimmed(source: &str, at: Range<usize>) -> Range<usize> {
    let raw = &source[at.clone()];
    let start = at.start + raw.len() - raw.trim_start().len();
    start..start + raw.trim().len()
}

fn places(format: Plain, source: &str) -> Result<Vec<Place>, DocumentProblem> {
    let (found, writing) = match format {
        Plain::Text => (lines(source), Writing::Plain),
        Plain::Markdown => (markdown(source), Writing::Plain),
        Plain::Html => (html(source), Writing::Html),
        Plain::Json => (json(source)?, Writing::Json),
        Plain::Srt | Plain::Vtt => (cues(source), Writing::Plain),
        Plain::Csv => return Err(DocumentProblem::NotForFormat),
    };
    let found = found.into_iter().map(|at| trimmed(source, at));
    let says = |at: &Range<usize>| says_something(&source[at.clone()]);
    Ok(found.filter(says).map(|at| Place { at, writing }).collect())
}

fn lines(source: &str) -> Vec<Range<usize>> {
    let mut at = 0;
    let place = |line: &str| {
        let start = at;
        at += line.len();
        start..at
    };
    source.split_inclusive('\n').map(place).collect()
}

/// The texts of Markdown, without code, links' targets and marks.
fn markdown(source: &str) -> Vec<Range<usize>> {
    let options =
        Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_FOOTNOTES;
    let mut in_code = false;
    let mut found: Vec<Range<usize>> = Vec::new();
    for (event, at) in Parser::new_ext(source, options).into_offset_iter() {
        if matches!(event, Event::Start(Tag::CodeBlock(_) | Tag::HtmlBlock)) {
            in_code = true;
        } else if matches!(event, Event::End(TagEnd::CodeBlock | TagEnd::HtmlBlock)) {
            in_code = false;
        } else if matches!(event, Event::Text(_)) && !in_code {
            match found.last_mut() {
                // An escape divides a text in two.
                Some(last) if last.end == at.start => last.end = at.end,
                Some(_) | None => found.push(at),
            }
        }
    }
    found
}

fn html(source: &str) -> Vec<Range<usize>> {
    let (mut unread, mut found) = (0_u32, Vec::new());
    let is_unread =
        |name: &[u8]| matches!(name, b"script" | b"style" | b"template" | b"code" | b"pre");
    for token in tokens(source) {
        match token {
            Token::StartTag(tag) if is_unread(&tag.name) && !tag.self_closing => unread += 1,
            Token::EndTag(tag) if is_unread(&tag.name) => unread = unread.saturating_sub(1),
            Token::String(text) if unread == 0 => found.push(text.span.start..text.span.end),
            Token::StartTag(_)
            | Token::EndTag(_)
            | Token::String(_)
            | Token::Comment(_)
            | Token::Doctype(_)
            | Token::Error(_) => {}
        }
    }
    found
}

/// What subtitles say: the lines after each time.
fn cues(source: &str) -> Vec<Range<usize>> {
    let (mut found, mut open): (Vec<Range<usize>>, Option<Range<usize>>) = (Vec::new(), None);
    let mut said = false;
    for at in lines(source) {
        let line = source[at.clone()].trim();
        if line.contains("-->") {
            (open, said) = (None, true);
        } else if line.is_empty() {
            found.extend(open.take());
            said = false;
        } else if said {
            open = Some(open.map_or(at.clone(), |open| open.start..at.end));
        }
    }
    found.extend(open);
    found
}

/// The strings of JSON that are no keys, without their quotes.
fn json(source: &str) -> Result<Vec<Range<usize>>, DocumentProblem> {
    // What is none is not touched.
    serde_json::from_str::<serde::de::IgnoredAny>(source).map_err(|_| DocumentProblem::Damaged)?;
    let bytes = source.as_bytes();
    let (mut found, mut at) = (Vec::new(), 0);
    while at < bytes.len() {
        if bytes[at] != b'"' {
            at += 1;
            continue;
        }
        let start = at + 1;
        let mut end = start;
        while end < bytes.len() && bytes[end] != b'"' {
            end += if bytes[end] == b'\\' { 2 } else { 1 };
        }
        at = end + 1;
        let is_key = source.get(at..).is_some_and(|rest| rest.trim_start().starts_with(':'));
        if !is_key {
            found.push(start..end);
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every text in capitals; everything else must be as it was.
    fn shout(name: &str, source: &str) -> String {
        let format = crate::format::detect(source.as_bytes(), name).expect("known");
        let texts = texts(format, source.as_bytes().to_vec()).expect("some");
        let new: Vec<String> = texts.iter().map(|text| text.to_uppercase()).collect();
        let bytes = replace(format, source.as_bytes().to_vec(), &new).expect("as many");
        String::from_utf8(bytes).expect("UTF-8")
    }

    #[test]
    fn only_texts_change_and_every_other_byte_stays() {
        let html =
            "<!-- a --><p class=\"x\">one &amp; <b>two</b></p>\r\n<script>var a = 'b';</script>";
        let shouted =
            "<!-- a --><p class=\"x\">ONE &amp; <b>TWO</b></p>\r\n<script>var a = 'b';</script>";
        assert_eq!(shout("a.html", html), shouted);
        let markdown = "# one\n\n- *two* `code` [three](http://x)\n\n```\ncode\n```\n\n| a | b |\n| --- | --- |\n| c | 1 |\n";
        let shouted = "# ONE\n\n- *TWO* `code` [THREE](http://x)\n\n```\ncode\n```\n\n| A | B |\n| --- | --- |\n| C | 1 |\n";
        assert_eq!(shout("a.md", markdown), shouted);
        let srt = "1\r\n00:00:01,000 --> 00:00:02,000\r\none\r\ntwo\r\n\r\n2\r\n00:00:03,000 --> 00:00:04,000\r\nthree\r\n";
        let shouted = "1\r\n00:00:01,000 --> 00:00:02,000\r\nONE\r\nTWO\r\n\r\n2\r\n00:00:03,000 --> 00:00:04,000\r\nTHREE\r\n";
        assert_eq!(shout("a.srt", srt), shouted);
        let vtt = "WEBVTT\n\nNOTE x\n\na\n00:01.000 --> 00:02.000 line:0\n<i>one</i>\n";
        let shouted = "WEBVTT\n\nNOTE x\n\na\n00:01.000 --> 00:02.000 line:0\n<I>ONE</I>\n";
        assert_eq!(shout("a.vtt", vtt), shouted);
        let json = "{ \"key\": \"o\\\"ne\", \"b\":[\"two\" , 3, {\"c\" : null}],\"d\":\"4\"}";
        let shouted = "{ \"key\": \"O\\\"NE\", \"b\":[\"TWO\" , 3, {\"c\" : null}],\"d\":\"4\"}";
        assert_eq!(shout("a.json", json), shouted);
        assert_eq!(shout("a.txt", "one\n\n  two\t\n1\n"), "ONE\n\n  TWO\t\n1\n");
    }

    #[test]
    fn an_encoding_stays_where_it_can() {
        let format = Format::Plain(Plain::Text);
        let (korean, _, _) = encoding_rs::EUC_KR.encode("안녕하세요. 오늘은 날씨가 좋습니다.");
        let new = vec!["오늘은 비가 옵니다.".to_owned()];
        let bytes = replace(format, korean.to_vec(), &new).expect("one text");
        assert_eq!(encoding_rs::EUC_KR.decode(&bytes).0, new[0]);
        let japanese = vec!["今日は😀".to_owned()];
        let bytes = replace(format, korean.to_vec(), &japanese).expect("one text");
        assert_eq!(String::from_utf8(bytes).as_deref(), Ok(japanese[0].as_str()));
        assert_eq!(replace(format, b"a".to_vec(), &[]), Err(DocumentProblem::Answer));
    }
}
