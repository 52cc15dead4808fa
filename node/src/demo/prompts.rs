//! What the demo asks: short and long work for the starter model, whose answers anybody can check.

/// The model that every fresh install holds.
pub(super) const MODEL: &str = "starter-chat";

/// A prompt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Prompt {
    pub(super) text: String,
}

const WORDS: [&str; 8] =
    ["neighbour", "harvest", "rice", "village", "window desk", "lend a hand", "barley", "well"];

/// The first `count` prompts of an endless mix.
pub(super) fn take(count: u16) -> Vec<Prompt> {
    (0..usize::from(count)).map(prompt).collect()
}

fn prompt(index: usize) -> Prompt {
    let word = WORDS[index % WORDS.len()];
    let round = index / WORDS.len();
    let text = match (index + round) % 4 {
        0 => format!("upper: {word}"),
        1 => format!("repeat: {word} and {}", WORDS[(index + 3) % WORDS.len()]),
        2 => format!("count: {word}"),
        _ => format!("upper: {word}, {word} and {word}"),
    };
    Prompt { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prompts_differ_and_cover_each_skill() {
        let prompts = take(16);
        for skill in ["upper: ", "repeat: ", "count: "] {
            assert!(prompts.iter().any(|prompt| prompt.text.starts_with(skill)), "{skill}");
        }
        let mut texts: Vec<&str> = prompts.iter().map(|prompt| prompt.text.as_str()).collect();
        texts.sort_unstable();
        texts.dedup();
        assert!(texts.len() >= 12, "{texts:?}");
    }
}
