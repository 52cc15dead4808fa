//! Words for how much to think, as budgets in tokens, and back.

use std::time::Duration;

use pumasi_protocol::generate::{Role, Thinking};
use pumasi_protocol::{OutputFormat, Prompt};

use crate::invalid::{Invalid, Reason};
use crate::json::Value;

/// The words that have a budget, least first (guess: a page, four, sixteen).
const BUDGETS: [(&str, u32); 4] =
    [("minimal", 256), ("low", 1_024), ("medium", 4_096), ("high", 16_384)];

/// The words of all dialects: OpenAI's, Anthropic's `max`, Gemini's levels.
pub(crate) fn effort(value: &Value<'_>) -> Result<Thinking, Invalid> {
    let word = value.string()?.to_ascii_lowercase();
    if let Some((_, budget)) = BUDGETS.iter().find(|(name, _)| *name == word) {
        return Ok(Thinking::On(Some(*budget)));
    }
    match word.as_str() {
        "none" => Ok(Thinking::Off),
        "auto" => Ok(Thinking::Auto),
        "xhigh" | "max" => Ok(Thinking::On(None)),
        _ => {
            let allowed = "none, minimal, low, medium, high, xhigh, max, auto";
            Err(value.fail(Reason::UnknownValue { allowed }))
        }
    }
}

/// The word whose budget is nearest above; none where nothing was said, or the model is to find out.
pub(crate) fn word(thinking: Thinking) -> Option<&'static str> {
    match thinking {
        Thinking::Default | Thinking::Auto => None,
        Thinking::Off => Some("none"),
        Thinking::On(None) => Some("xhigh"),
        Thinking::On(Some(tokens)) => {
            let found = BUDGETS.iter().find(|(_, budget)| tokens <= *budget);
            Some(found.map_or("xhigh", |(name, _)| name))
        }
    }
}

/// Whether a word stands for exactly this budget.
pub(crate) fn is_word(tokens: u32) -> bool {
    BUDGETS.iter().any(|(_, budget)| *budget == tokens)
}

/// A question of a few words, in bytes of its text.
const BRIEF: usize = 160;
/// A long one, or one that brings a document along.
const LONG: usize = 4_000;
/// A wait from which on thinking gets shorter.
const LONG_WAIT: Duration = Duration::from_secs(1);
/// Less than this is not worth a thinking block, in tokens.
const LEAST: u32 = 128;

/// What suits a request that leaves it to us: budget in tokens, by its last question (its length, whether
/// it holds code or sums, tools and a shape that the answer must have) and by how long a request for this
/// model would wait now: from a second on, each doubling of the wait halves it, so that a busy office gets
/// more answers. None: what waits is too much for any thinking. All figures are guesses.
#[must_use]
pub fn fitting_budget(prompt: &Prompt, format: &OutputFormat, wait: Duration) -> Option<u32> {
    let Prompt::Chat { messages, tools, .. } = prompt else { return None };
    let asked = messages.iter().rev().find(|message| message.role == Role::User);
    let text = asked.map(|message| message.joined_text()).unwrap_or_default();
    let is_shaped = !tools.is_empty() || *format != OutputFormat::Text;
    let full: u32 = match text.len() {
        _ if is_reckoning(&text) => 8_192,
        LONG.. => 8_192,
        length if length > BRIEF || is_shaped => 2_048,
        _ => 512,
    };
    let doublings = wait.as_secs_f64().div_euclid(LONG_WAIT.as_secs_f64()).max(1.0).log2() as u32;
    full.checked_shr(doublings).filter(|budget| *budget >= LEAST)
}

/// Whether there is code or a sum in it: fences, or several signs that prose does without.
fn is_reckoning(text: &str) -> bool {
    let signs = text.bytes().filter(|byte| b"=+*/^{}<>\\".contains(byte)).count();
    text.contains("```") || signs >= 4
}

#[cfg(test)]
mod tests {
    use pumasi_protocol::generate::{Message, Tool, ToolChoice};

    use super::*;

    fn asked(text: &str, tools: Vec<Tool>) -> Prompt {
        let earlier = Message::text(Role::User, "x = y + 2 * (z / 3) ^ 2");
        let answer = Message::text(Role::Assistant, "5");
        let messages = vec![earlier, answer, Message::text(Role::User, text)];
        let (tool_choice, thinking) = (ToolChoice::Auto, Thinking::Auto);
        Prompt::Chat { messages, tools, tool_choice, thinking }
    }

    fn budget(prompt: &Prompt, wait_ms: u64) -> Option<u32> {
        fitting_budget(prompt, &OutputFormat::Text, Duration::from_millis(wait_ms))
    }

    #[test]
    fn the_last_question_says_how_much_and_what_waits_how_much_less() {
        let brief = asked("Good morning, who is there?", Vec::new());
        assert_eq!(budget(&brief, 0), Some(512));
        let shaped = fitting_budget(&brief, &OutputFormat::JsonObject, Duration::ZERO);
        assert_eq!(shaped, Some(2_048));
        let sums = asked("Solve 3 * x + 4 = 19 / 2 + x", Vec::new());
        assert_eq!(budget(&sums, 999), Some(8_192));
        assert_eq!(budget(&sums, 2_000), Some(4_096));
        assert_eq!(budget(&sums, 63_000), Some(256));
        assert_eq!(budget(&sums, 64_000), Some(128));
        assert_eq!(budget(&sums, 128_000), None);
        assert_eq!(budget(&sums, u64::MAX), None);
        assert_eq!(budget(&asked(&"a letter ".repeat(500), Vec::new()), 0), Some(8_192));
        assert_eq!(budget(&asked(&"a letter ".repeat(50), Vec::new()), 0), Some(2_048));
        assert_eq!(budget(&Prompt::Text("3 * 4 = 5 + 6 / 7".to_owned()), 0), None);
    }
}
