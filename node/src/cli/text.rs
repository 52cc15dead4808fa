//! Text from outside made safe for a terminal, and the words for sizes and durations.

/// `text` with every control and invisible character spelled out, as in `\n` or `\u{1b}`.
pub(super) fn escape(text: &str) -> String {
    text.chars()
        .map(|c| if is_safe(c) { c.to_string() } else { c.escape_default().to_string() })
        .collect()
}

/// Like [`escape`], but line breaks and tabs stay: for answers, which are text of many lines.
pub(super) fn escape_answer(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\n' | '\t' => c.to_string(),
            _ if is_safe(c) => c.to_string(),
            _ => c.escape_default().to_string(),
        })
        .collect()
}

/// Neither a control character nor one that reorders or hides its neighbours.
fn is_safe(c: char) -> bool {
    !c.is_control()
        && !matches!(c, '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{2069}' | '\u{feff}')
}
