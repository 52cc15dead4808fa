//! What the demo asks: work for the starter model that takes a while, and whose answers anybody can
//! check.

/// The model that every fresh install holds.
pub(super) const MODEL: &str = "starter-chat";

/// A prompt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Prompt {
    pub(super) text: String,
    /// Ceiling of the answer: what it can be at most, and a little more.
    pub(super) tokens: usize,
}

const WORDS: [&str; 9] = [
    "neighbour",
    "harvest",
    "rice",
    "village",
    "window",
    "barley",
    "well",
    "lend a hand",
    "morning",
];
/// Characters of a long input (the starter model copies these reliably).
const LONG: usize = 40;
/// Characters of an input that is to be counted.
const SHORT: usize = 18;

/// The first `count` prompts of an endless mix.
pub(super) fn take(count: u16) -> Vec<Prompt> {
    (0..usize::from(count)).map(prompt).collect()
}

fn prompt(index: usize) -> Prompt {
    let (skill, length) = match index % 4 {
        0 | 2 => ("upper", LONG),
        1 => ("repeat", LONG),
        _ => ("count", SHORT),
    };
    let text = format!("{skill}: {}", words(index, length));
    Prompt { tokens: text.chars().count() + 16, text }
}

/// Words in an order that depends on `start`, about `length` characters of them.
fn words(start: usize, length: usize) -> String {
    let mut text = String::new();
    // A step that shares no divisor with nine words visits them all.
    for step in 0.. {
        let word = WORDS[(start + step * 4) % WORDS.len()];
        if !text.is_empty() && text.len() + 1 + word.len() > length {
            break;
        }
        if !text.is_empty() {
            text.push(' ');
        }
        text.push_str(word);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prompts_differ_and_cover_each_skill() {
        let prompts = take(18);
        for skill in ["upper: ", "repeat: ", "count: "] {
            assert!(prompts.iter().any(|prompt| prompt.text.starts_with(skill)), "{skill}");
        }
        let mut texts: Vec<&str> = prompts.iter().map(|prompt| prompt.text.as_str()).collect();
        texts.sort_unstable();
        texts.dedup();
        assert_eq!(texts.len(), prompts.len());
        assert!(texts.iter().all(|text| text.len() <= LONG + "repeat: ".len()), "{texts:?}");
    }
}
