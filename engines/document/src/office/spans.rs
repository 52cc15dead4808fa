//! Where the texts of XML stand in its bytes: paragraphs, each with the runs that it is written in.

use pumasi_protocol::document::DocumentProblem;
use quick_xml::Reader;
use quick_xml::events::Event;
use std::ops::Range;

use super::local;
use crate::html::unescape;
use crate::limits::XML_DEPTH;

/// A paragraph: the bytes between the tags of each of its texts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Paragraph {
    pub(super) runs: Vec<Range<usize>>,
}

impl Paragraph {
    /// What it says.
    pub(super) fn text(&self, xml: &str) -> String {
        self.runs.iter().map(|run| unescape(&xml[run.clone()])).collect()
    }

    /// The run with the most text: its style is the paragraph's.
    pub(super) fn main(&self) -> usize {
        let longest = self.runs.iter().enumerate().max_by_key(|(at, run)| {
            // Of two, the first.
            (run.len(), std::cmp::Reverse(*at))
        });
        longest.map_or(0, |(at, _)| at)
    }
}

/// All paragraphs that say something: those of text elements (`t`) within `p` or, in spreadsheets,
/// `si` and `is`.
pub(super) fn paragraphs(xml: &str) -> Result<Vec<Paragraph>, DocumentProblem> {
    let mut reader = Reader::from_str(xml);
    let (mut paragraphs, mut open) = (Vec::new(), vec![Paragraph::default()]);
    let (mut depth, mut start) = (0_usize, None);
    let mut phonetic = false;
    let offset = |reader: &Reader<&[u8]>| {
        usize::try_from(reader.buffer_position()).map_err(|_| DocumentProblem::TooLarge)
    };
    loop {
        let before = offset(&reader)?;
        match reader.read_event().map_err(|_| DocumentProblem::Damaged)? {
            Event::Eof => break,
            Event::Start(tag) => {
                depth += 1;
                if depth > XML_DEPTH {
                    return Err(DocumentProblem::TooComplex);
                }
                let name = tag.name();
                let name: &str = name.as_ref();
                match local(name) {
                    "t" if !phonetic => start = Some(offset(&reader)?),
                    "rPh" => phonetic = true,
                    "p" | "si" | "is" => open.push(Paragraph::default()),
                    _ => {}
                }
            }
            Event::End(tag) => {
                depth = depth.saturating_sub(1);
                let name = tag.name();
                let name: &str = name.as_ref();
                match local(name) {
                    "t" => {
                        if let (Some(start), Some(last)) = (start.take(), open.last_mut()) {
                            last.runs.push(start..before);
                        }
                    }
                    "rPh" => phonetic = false,
                    "p" | "si" | "is" if open.len() > 1 => paragraphs.extend(open.pop()),
                    _ => {}
                }
            }
            Event::Empty(_)
            | Event::Text(_)
            | Event::CData(_)
            | Event::GeneralRef(_)
            | Event::Decl(_)
            | Event::PI(_)
            | Event::DocType(_)
            | Event::Comment(_) => {}
        }
    }
    paragraphs.extend(open);
    paragraphs.retain(|paragraph| crate::replace::says_something(&paragraph.text(xml)));
    // Where boxes stand within paragraphs, the inner one ended first.
    paragraphs.sort_by_key(|paragraph| paragraph.runs.first().map_or(0, |run| run.start));
    Ok(paragraphs)
}
