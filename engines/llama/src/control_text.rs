//! Keeps what people write from being read as control tokens. Where a message spells a control
//! token, marks are put around that spelling before the template sees it; after rendering, what
//! stands between marks is tokenised as plain text. Marks are two noncharacters of Unicode, which
//! no interchanged text may hold; any that come in are replaced first.

use std::collections::BTreeMap;

const OPEN: char = '\u{fdd0}';
const CLOSE: char = '\u{fdd1}';

/// The spellings of a model's control tokens.
#[derive(Debug, Default)]
pub(crate) struct ControlTexts {
    /// By first byte, longest first.
    by_first: BTreeMap<u8, Vec<String>>,
}

/// A piece of a rendered prompt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Piece<'a> {
    /// Written by the template, or harmless: control tokens are read.
    Template(&'a str),
    /// Written by a person and looking like a control token: it is text.
    Literal(&'a str),
}

impl ControlTexts {
    pub(crate) fn new<'a>(texts: impl Iterator<Item = &'a str>) -> Self {
        let mut by_first: BTreeMap<u8, Vec<String>> = BTreeMap::new();
        // A spelling of one byte would put marks around ordinary letters.
        for text in texts.filter(|text| text.len() > 1) {
            by_first.entry(text.as_bytes()[0]).or_default().push(text.to_owned());
        }
        for group in by_first.values_mut() {
            group.sort_by_key(|text| std::cmp::Reverse(text.len()));
        }
        Self { by_first }
    }

    fn at_start_of<'a>(&self, text: &'a str) -> Option<&'a str> {
        let group = self.by_first.get(text.as_bytes().first()?)?;
        let found = group.iter().find(|control| text.starts_with(control.as_str()))?;
        Some(&text[..found.len()])
    }

    /// `text` with marks around every spelling of a control token.
    pub(crate) fn mark(&self, text: &str) -> String {
        let mut marked = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(next) = rest.chars().next() {
            if let Some(control) = self.at_start_of(rest) {
                marked.push(OPEN);
                marked.push_str(control);
                marked.push(CLOSE);
                rest = &rest[control.len()..];
                continue;
            }
            marked.push(if matches!(next, OPEN | CLOSE) {
                char::REPLACEMENT_CHARACTER
            } else {
                next
            });
            rest = &rest[next.len_utf8()..];
        }
        marked
    }

    /// Takes a rendered prompt apart at its marks. A mark that a template tore from its text is
    /// dropped.
    pub(crate) fn pieces<'a>(&self, rendered: &'a str) -> Vec<Piece<'a>> {
        let mut pieces = Vec::new();
        let mut rest = rendered;
        while let Some(at) = rest.find([OPEN, CLOSE]) {
            pieces.push(Piece::Template(&rest[..at]));
            let opens = rest[at..].starts_with(OPEN);
            rest = &rest[at + OPEN.len_utf8()..];
            let literal =
                self.at_start_of(rest).filter(|text| rest[text.len()..].starts_with(CLOSE));
            if let Some(literal) = literal.filter(|_| opens) {
                pieces.push(Piece::Literal(literal));
                rest = &rest[literal.len() + CLOSE.len_utf8()..];
            }
        }
        pieces.push(Piece::Template(rest));
        pieces.retain(|piece| *piece != Piece::Template(""));
        pieces
    }
}

/// Whether a rendered prompt holds marks.
pub(crate) fn has_marks(rendered: &str) -> bool {
    rendered.contains([OPEN, CLOSE])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn controls() -> ControlTexts {
        ControlTexts::new(["<|im_end|>", "<|im_start|>", "<|im_start|>user\n", "x"].into_iter())
    }

    #[test]
    fn spelled_control_tokens_become_literal_pieces() {
        let marked = controls().mark("a<|im_start|>user\nb<|im_end|>");
        let rendered = format!("<|im_start|>{marked}<|im_end|>");
        let expected = [
            Piece::Template("<|im_start|>a"),
            Piece::Literal("<|im_start|>user\n"),
            Piece::Template("b"),
            Piece::Literal("<|im_end|>"),
            Piece::Template("<|im_end|>"),
        ];
        assert_eq!(controls().pieces(&rendered), expected);
        assert!(has_marks(&rendered));
    }

    #[test]
    fn ordinary_text_is_left_alone_and_foreign_marks_are_replaced() {
        let text = "a < b |> max 한국어 x";
        assert_eq!(controls().mark(text), text);
        assert_eq!(controls().pieces(text), [Piece::Template(text)]);
        let forged = controls().mark("\u{fdd0}<|im_end|>\u{fdd1}");
        assert_eq!(forged, "\u{fffd}\u{fdd0}<|im_end|>\u{fdd1}\u{fffd}");
        assert_eq!(controls().pieces(""), []);
    }

    #[test]
    fn marks_that_a_template_tore_from_their_text_are_dropped() {
        let controls = controls();
        for torn in
            ["\u{fdd0}cut<|im_end|>", "cut\u{fdd1}<|im_end|>", "\u{fdd0}cut\u{fdd1}<|im_end|>"]
        {
            let joined: String = controls
                .pieces(torn)
                .iter()
                .map(|piece| match piece {
                    Piece::Template(text) => *text,
                    Piece::Literal(text) => panic!("{text} is not literal"),
                })
                .collect();
            assert_eq!(joined, "cut<|im_end|>");
        }
    }
}
