//! Words for how much to think, as budgets in tokens, and back.

use pumasi_protocol::generate::Thinking;

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
        "xhigh" | "max" => Ok(Thinking::On(None)),
        _ => {
            let allowed = "none, minimal, low, medium, high, xhigh, max";
            Err(value.fail(Reason::UnknownValue { allowed }))
        }
    }
}

/// The word whose budget is nearest above; none where nothing was said.
pub(crate) fn word(thinking: Thinking) -> Option<&'static str> {
    match thinking {
        Thinking::Default => None,
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
