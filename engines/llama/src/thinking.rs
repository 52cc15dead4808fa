//! Follows `<think>` … `</think>` through an answer's bytes: what is inside it, how many tokens it
//! took, and what stands outside, where stop strings and grammars apply.

use pumasi_protocol::engine::OutputSyntax;

const OPEN: &[u8] = b"<think>";
const CLOSE: &[u8] = b"</think>";

#[derive(Debug)]
enum Place {
    /// Nothing but white space and a beginning of `<think>` so far.
    Start(Vec<u8>),
    /// Inside; the last bytes, which may begin `</think>`.
    Inside(Vec<u8>),
    Outside,
}

/// Where an answer stands.
#[derive(Debug)]
pub(crate) struct Thinking {
    place: Place,
    budget: Option<u32>,
    used: u32,
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

impl Thinking {
    /// An answer begins. `constrained` answers think only if the prompt, or a forced token, opens
    /// the block: otherwise the grammar holds from the first token on.
    pub(crate) fn begin(syntax: OutputSyntax, constrained: bool, budget: Option<u32>) -> Self {
        let place = match syntax {
            OutputSyntax { thinking_open: true, .. } => Place::Inside(Vec::new()),
            OutputSyntax { thinking: true, .. } if !constrained => Place::Start(Vec::new()),
            OutputSyntax { .. } => Place::Outside,
        };
        Self { place, budget, used: 0 }
    }

    /// The block is about to be opened by a forced token.
    pub(crate) fn expect_open(&mut self) {
        self.place = Place::Start(Vec::new());
    }

    /// Whether the next token is part of the answer proper.
    pub(crate) fn is_outside(&self) -> bool {
        matches!(self.place, Place::Outside)
    }

    /// Whether the block must be closed now.
    pub(crate) fn is_spent(&self) -> bool {
        matches!(self.place, Place::Inside(_)) && self.budget.is_some_and(|b| self.used >= b)
    }

    /// Takes a token's bytes; gives those that stand outside.
    pub(crate) fn feed(&mut self, bytes: &[u8]) -> Vec<u8> {
        match &mut self.place {
            Place::Outside => bytes.to_vec(),
            Place::Start(seen) => {
                seen.extend_from_slice(bytes);
                let seen = std::mem::take(seen);
                self.decide(seen)
            }
            Place::Inside(tail) => {
                self.used += 1;
                tail.extend_from_slice(bytes);
                let Some(at) = find(tail, CLOSE) else {
                    let excess = tail.len().saturating_sub(CLOSE.len() - 1);
                    tail.drain(..excess);
                    return Vec::new();
                };
                let rest = tail.split_off(at + CLOSE.len());
                self.place = Place::Outside;
                rest
            }
        }
    }

    fn decide(&mut self, seen: Vec<u8>) -> Vec<u8> {
        let text = seen.trim_ascii_start();
        if let Some(inside) = text.strip_prefix(OPEN) {
            self.place = Place::Inside(Vec::new());
            let inside = inside.to_vec();
            return if inside.is_empty() { Vec::new() } else { self.feed(&inside) };
        }
        if OPEN.starts_with(text) {
            self.place = Place::Start(seen);
            return Vec::new();
        }
        self.place = Place::Outside;
        seen
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWS: OutputSyntax = OutputSyntax {
        tools: pumasi_protocol::engine::ToolSyntax::None,
        thinking: true,
        thinking_open: false,
    };

    fn outside(thinking: &mut Thinking, pieces: &[&str]) -> String {
        let bytes: Vec<u8> = pieces.iter().flat_map(|p| thinking.feed(p.as_bytes())).collect();
        String::from_utf8(bytes).expect("the pieces are text")
    }

    #[test]
    fn what_stands_outside_is_found_however_the_tokens_fall() {
        let cases: [(&[&str], &str); 6] = [
            (&["<think>", "a", "</think>", "b"], "b"),
            (&["\n<th", "ink>a</th", "ink>b", "c"], "bc"),
            (&["plain", " text"], "plain text"),
            (&["\n", "<thing>"], "\n<thing>"),
            (&["<think>a</think>b"], "b"),
            (&["<think>", "never closed"], ""),
        ];
        for (pieces, expected) in cases {
            let mut thinking = Thinking::begin(KNOWS, false, None);
            assert_eq!(outside(&mut thinking, pieces), expected, "{pieces:?}");
        }
    }

    #[test]
    fn an_open_prompt_begins_inside_and_the_budget_is_spent() {
        let open = OutputSyntax { thinking_open: true, ..KNOWS };
        let mut thinking = Thinking::begin(open, true, Some(2));
        assert!(!thinking.is_outside() && !thinking.is_spent());
        thinking.feed(b"a");
        assert!(!thinking.is_spent());
        thinking.feed(b"b");
        assert!(thinking.is_spent());
        assert_eq!(outside(&mut thinking, &["</think>", "x"]), "x");
        assert!(thinking.is_outside() && !thinking.is_spent());
    }

    #[test]
    fn a_grammar_holds_from_the_first_token_unless_a_block_is_forced() {
        let mut thinking = Thinking::begin(KNOWS, true, None);
        assert!(thinking.is_outside());
        thinking.expect_open();
        assert!(!thinking.is_outside());
        assert!(Thinking::begin(OutputSyntax::default(), false, None).is_outside());
    }
}
