//! Text from outside made safe for a terminal, and the words for sizes and durations.

use std::str::FromStr;
use std::time::Duration;

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// `text` with every control and invisible character spelled out, as in `\n` or `\u{1b}`.
pub(crate) fn escape(text: &str) -> String {
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

/// At most `columns` columns of `text`, with a sign that there was more.
pub(crate) fn cut(text: &str, columns: usize) -> String {
    if text.width() <= columns {
        return text.to_owned();
    }
    let mut width = 1;
    let fits = |c: &char| {
        width += c.width().unwrap_or(0);
        width <= columns
    };
    let kept: String = text.chars().take_while(fits).collect();
    format!("{}…", kept.trim_end())
}

/// The text of a header that is percent-encoded; what is not stays as it is.
pub(super) fn percent_decode(bytes: &[u8]) -> String {
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let [first, tail @ ..] = rest {
        let code = rest.get(1..3).filter(|_| *first == b'%');
        let mut byte = [*first];
        let is_code = code.is_some_and(|code| hex::decode_to_slice(code, &mut byte).is_ok());
        decoded.push(byte[0]);
        rest = if is_code { &rest[3..] } else { tail };
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

/// A span of time as people write it: a number and `s`, `m`, `h` or `d`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span(pub(super) Duration);

impl FromStr for Span {
    type Err = SpanError;
    fn from_str(text: &str) -> Result<Self, SpanError> {
        let (number, unit_s) = match text.char_indices().next_back() {
            Some((end, 's')) => (&text[..end], 1),
            Some((end, 'm')) => (&text[..end], 60),
            Some((end, 'h')) => (&text[..end], 3_600),
            Some((end, 'd')) => (&text[..end], 86_400),
            Some(_) | None => return Err(SpanError),
        };
        let number: u32 = number.parse().map_err(|_| SpanError)?;
        let seconds = u64::from(number) * unit_s;
        (seconds > 0).then(|| Self(Duration::from_secs(seconds))).ok_or(SpanError)
    }
}

/// Not a span of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected a number and a unit: 90s, 30m, 24h, 7d")]
pub(super) struct SpanError;

/// A size in bytes with three digits: `1.17 GiB`.
pub(crate) fn bytes(count: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut unit = 0;
    let mut scaled = count;
    let mut rest = 0;
    while scaled >= 1_024 && unit + 1 < UNITS.len() {
        rest = scaled % 1_024;
        scaled /= 1_024;
        unit += 1;
    }
    let hundredths = rest * 100 / 1_024;
    match (unit, scaled) {
        (0, _) => format!("{scaled} B"),
        (_, 0..=9) => format!("{scaled}.{hundredths:02} {}", UNITS[unit]),
        (_, 10..=99) => format!("{scaled}.{} {}", hundredths / 10, UNITS[unit]),
        (_, _) => format!("{scaled} {}", UNITS[unit]),
    }
}

/// A time in milliseconds: `0.8 ms`, `340 ms`, `2.5 s`, `3 min 20 s`.
pub(crate) fn milliseconds(ms: f64) -> String {
    // No minus before what is shown as zero.
    let ms = if ms.abs() < 0.05 { 0.0 } else { ms };
    match ms.abs() {
        size if size < 10.0 => format!("{ms:.1} ms"),
        size if size < 1_000.0 => format!("{ms:.0} ms"),
        size if size < 60_000.0 => format!("{:.1} s", ms / 1_000.0),
        _ => span(Duration::from_millis(ms.abs() as u64)),
    }
}

/// A span in its two largest units: `3 min 20 s`, `2 d 4 h`.
pub(crate) fn span(span: Duration) -> String {
    let s = span.as_secs();
    let (whole, unit, rest, smaller) = match s {
        0..60 => (s, "s", 0, ""),
        60..3_600 => (s / 60, "min", s % 60, "s"),
        3_600..86_400 => (s / 3_600, "h", s % 3_600 / 60, "min"),
        86_400.. => (s / 86_400, "d", s % 86_400 / 3_600, "h"),
    };
    if rest == 0 { format!("{whole} {unit}") } else { format!("{whole} {unit} {rest} {smaller}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cat_c02_control_and_invisible_characters_are_spelled_out() {
        assert_eq!(escape("a\u{1b}[31mb\nc\u{202e}d"), "a\\u{1b}[31mb\\nc\\u{202e}d");
        assert_eq!(escape("창가 컴퓨터 é 👩\u{200d}💻"), "창가 컴퓨터 é 👩\u{200d}💻");
        assert_eq!(escape_answer("a\n\tb\u{1b}[2J\r"), "a\n\tb\\u{1b}[2J\\r");
    }

    #[test]
    fn long_text_is_cut_by_columns_not_by_characters() {
        assert_eq!(cut("short", 5), "short");
        assert_eq!(cut("창가 컴퓨터", 8), "창가 컴…");
        assert_eq!(cut("a b c", 4), "a b…");
    }

    #[test]
    fn percent_codes_become_text_and_broken_ones_stay() {
        assert_eq!(percent_decode(b"100%25 %EC%B0%BD%EA%B0%80"), "100% 창가");
        assert_eq!(percent_decode(b"%zz %4 %"), "%zz %4 %");
    }

    #[test]
    fn spans_have_a_unit_and_are_not_zero() {
        let seconds = |text: &str| text.parse::<Span>().map(|span| span.0.as_secs());
        assert_eq!(seconds("90s"), Ok(90));
        assert_eq!(seconds("7d"), Ok(604_800));
        for text in ["", "5", "0s", "-1h", "1.5h", "h", "9999999999d", "1秒"] {
            assert_eq!(seconds(text), Err(SpanError), "{text}");
        }
    }

    #[test]
    fn sizes_and_times_have_about_three_digits() {
        assert_eq!(bytes(0), "0 B");
        assert_eq!(bytes(1_023), "1023 B");
        assert_eq!(bytes(1_234 << 10), "1.20 MiB");
        assert_eq!(bytes(24 << 30), "24.0 GiB");
        assert_eq!(bytes(u64::MAX), "16777215 TiB");
        assert_eq!(milliseconds(0.83), "0.8 ms");
        assert_eq!(milliseconds(-340.2), "-340 ms");
        assert_eq!(milliseconds(-0.01), "0.0 ms");
        assert_eq!(milliseconds(2_500.0), "2.5 s");
        assert_eq!(milliseconds(200_000.0), "3 min 20 s");
        assert_eq!(span(Duration::from_secs(187_200)), "2 d 4 h");
        assert_eq!(span(Duration::from_secs(86_400)), "1 d");
        assert_eq!(span(Duration::ZERO), "0 s");
    }
}
