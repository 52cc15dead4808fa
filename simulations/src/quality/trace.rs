//! Traces of real services: two public formats, read line by line with limits. A line that is not
//! understood is an error that says where it is, what is wrong and what is expected.
//!
//! - Prompt blocks (Mooncake, FAST 2025): JSON lines with `timestamp` in milliseconds, `input_length`
//!   and `output_length` in tokens, and `hash_ids`, one for each 512 tokens of the prompt; equal ids
//!   mean equal prompts up to the end of that block.
//! - Lengths (Azure LLM inference trace 2023; Patel et al., ISCA 2024): CSV with the header
//!   `TIMESTAMP,ContextTokens,GeneratedTokens`, times as `2023-11-16 18:15:46.6805900`.

use std::io::BufRead;

use serde::Deserialize;

use super::blocks::TOKENS_PER_BLOCK;

/// Requests of one trace (a day of a middling service).
pub const REQUESTS: usize = 200_000;
/// Bytes of one line: the blocks of the longest prompt, with room.
pub const LINE_BYTES: usize = 1 << 20;
/// Tokens of one prompt or answer.
pub const TOKENS: u32 = 16 << 20;
/// Length of a trace in milliseconds: a month.
pub const SPAN_MS: u64 = 31 * 86_400_000;

/// The header of a trace of lengths.
const HEADER: &str = "TIMESTAMP,ContextTokens,GeneratedTokens";

/// One request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// When it came, in milliseconds from the first.
    pub at_ms: u64,
    /// Tokens of its prompt; at least one.
    pub prompt: u32,
    /// Tokens of its answer; at least one.
    pub answer: u32,
    /// Its prompt's blocks of 512 tokens, the last one perhaps shorter; empty: not told.
    pub blocks: Vec<u64>,
}

/// What is wrong with a trace.
#[derive(Debug, thiserror::Error)]
pub enum TraceError {
    /// The file cannot be read.
    #[error("the trace cannot be read: {0}")]
    Read(#[from] std::io::Error),
    /// It has no requests.
    #[error("the trace has no requests; one a line is expected")]
    Empty,
    /// It has more than [`REQUESTS`].
    #[error("line {line}: the trace has more than {REQUESTS} requests; cut it")]
    TooMany {
        /// Where.
        line: usize,
    },
    /// A line is longer than [`LINE_BYTES`].
    #[error("line {line} is longer than {LINE_BYTES} bytes; one request a line is expected")]
    LongLine {
        /// Where.
        line: usize,
    },
    /// A line is not UTF-8.
    #[error("line {line} is not text in UTF-8")]
    NotText {
        /// Where.
        line: usize,
    },
    /// A line of a trace of prompt blocks is not the JSON that is expected.
    #[error(
        "line {line} is not a request: {cause}; expected {{\"timestamp\": milliseconds, \
         \"input_length\": tokens, \"output_length\": tokens, \"hash_ids\": [numbers]}}"
    )]
    NotJson {
        /// Where.
        line: usize,
        /// What the JSON reader says.
        cause: serde_json::Error,
    },
    /// The first line of a trace of lengths is another.
    #[error("line 1 is not the header of a trace of lengths; expected {HEADER}")]
    Header,
    /// A line does not have three fields.
    #[error("line {line} has {fields} fields; expected three: {HEADER}")]
    Fields {
        /// Where.
        line: usize,
        /// How many it has.
        fields: usize,
    },
    /// A time is not one.
    #[error("line {line}: not a time; expected YYYY-MM-DD HH:MM:SS and perhaps a fraction")]
    Time {
        /// Where.
        line: usize,
    },
    /// A number of tokens is not one, or out of bounds.
    #[error("line {line}: {field} is not a number of tokens; expected a number from 1 to {TOKENS}")]
    Tokens {
        /// Where.
        line: usize,
        /// Which field.
        field: &'static str,
    },
    /// The blocks do not cover the prompt.
    #[error(
        "line {line}: {found} hash_ids for {prompt} tokens; expected {expected}, one for each \
         {TOKENS_PER_BLOCK} tokens begun"
    )]
    Blocks {
        /// Where.
        line: usize,
        /// Ids that are there.
        found: usize,
        /// Tokens of the prompt.
        prompt: u32,
        /// Ids that cover it.
        expected: usize,
    },
    /// A request is before the one on the line before, or a month after the first.
    #[error("line {line}: its time is out of order or a month after the first")]
    Order {
        /// Where.
        line: usize,
    },
}

/// Reads a trace of prompt blocks.
///
/// # Errors
///
/// What is wrong, with the line; see [`TraceError`].
pub fn prompt_blocks(reader: impl BufRead) -> Result<Vec<Request>, TraceError> {
    #[derive(Deserialize)]
    struct Line {
        timestamp: u64,
        input_length: u32,
        output_length: u32,
        hash_ids: Vec<u64>,
    }
    read(reader, |line, text| {
        let read: Line =
            serde_json::from_str(text).map_err(|cause| TraceError::NotJson { line, cause })?;
        let prompt = bounded(line, "input_length", read.input_length)?;
        let answer = bounded(line, "output_length", read.output_length)?;
        let expected = (prompt as usize).div_ceil(TOKENS_PER_BLOCK);
        let found = read.hash_ids.len();
        if found != expected {
            return Err(TraceError::Blocks { line, found, prompt, expected });
        }
        Ok(Some(Request { at_ms: read.timestamp, prompt, answer, blocks: read.hash_ids }))
    })
}

/// Reads a trace of lengths.
///
/// # Errors
///
/// What is wrong, with the line; see [`TraceError`].
pub fn lengths(reader: impl BufRead) -> Result<Vec<Request>, TraceError> {
    read(reader, |line, text| {
        if line == 1 {
            let is_header = text.trim_start_matches('\u{feff}') == HEADER;
            return if is_header { Ok(None) } else { Err(TraceError::Header) };
        }
        let fields: Vec<&str> = text.split(',').collect();
        let [time, prompt, answer] = fields[..] else {
            return Err(TraceError::Fields { line, fields: fields.len() });
        };
        let tokens = |field, text: &str| {
            let count = text.trim().parse().map_err(|_| TraceError::Tokens { line, field })?;
            bounded(line, field, count)
        };
        Ok(Some(Request {
            at_ms: moment_ms(time.trim()).ok_or(TraceError::Time { line })?,
            prompt: tokens("ContextTokens", prompt)?,
            answer: tokens("GeneratedTokens", answer)?,
            blocks: Vec::new(),
        }))
    })
}

/// Reads all lines; a line of which `parse` makes nothing is no request.
fn read(
    mut reader: impl BufRead,
    parse: impl Fn(usize, &str) -> Result<Option<Request>, TraceError>,
) -> Result<Vec<Request>, TraceError> {
    let (mut requests, mut bytes) = (Vec::<Request>::new(), Vec::new());
    for line in 1.. {
        bytes.clear();
        let limited = &mut std::io::Read::take(&mut reader, LINE_BYTES as u64 + 1);
        if limited.read_until(b'\n', &mut bytes)? == 0 {
            break;
        }
        if bytes.len() > LINE_BYTES {
            return Err(TraceError::LongLine { line });
        }
        let text = std::str::from_utf8(&bytes).map_err(|_| TraceError::NotText { line })?;
        let text = text.trim_end();
        if text.is_empty() {
            continue;
        }
        let Some(request) = parse(line, text)? else { continue };
        let (first, last) = (requests.first(), requests.last());
        let is_early = last.is_some_and(|last| request.at_ms < last.at_ms);
        if is_early || first.is_some_and(|first| request.at_ms - first.at_ms > SPAN_MS) {
            return Err(TraceError::Order { line });
        }
        if requests.len() >= REQUESTS {
            return Err(TraceError::TooMany { line });
        }
        requests.push(request);
    }
    let first_ms = requests.first().ok_or(TraceError::Empty)?.at_ms;
    for request in &mut requests {
        request.at_ms -= first_ms;
    }
    Ok(requests)
}

fn bounded(line: usize, field: &'static str, tokens: u32) -> Result<u32, TraceError> {
    if (1..=TOKENS).contains(&tokens) {
        Ok(tokens)
    } else {
        Err(TraceError::Tokens { line, field })
    }
}

/// `2023-11-16 18:15:46.6805900` in milliseconds since 1970.
fn moment_ms(text: &str) -> Option<u64> {
    let (date, time) = text.split_once([' ', 'T'])?;
    let part = |part: Option<&str>, least: u64, most: u64| {
        let part = part?;
        let plain = part.len() <= 4 && part.bytes().all(|b| b.is_ascii_digit());
        let value = part.parse().ok().filter(|_| plain)?;
        (least..=most).contains(&value).then_some(value)
    };
    let mut date = date.split('-');
    let (year, month) = (part(date.next(), 1970, 9_999)?, part(date.next(), 1, 12)?);
    let day = part(date.next(), 1, 31)?;
    let (time, fraction) = time.split_once('.').unwrap_or((time, "0"));
    let mut time = time.split(':');
    let (hour, minute) = (part(time.next(), 0, 23)?, part(time.next(), 0, 59)?);
    let second = part(time.next(), 0, 60)?;
    let plain = (1..=9).contains(&fraction.len()) && fraction.bytes().all(|b| b.is_ascii_digit());
    if date.next().is_some() || time.next().is_some() || !plain {
        return None;
    }
    let ms: u64 = format!("{fraction:0<3}")[..3].parse().ok()?;
    let seconds = ((days(year, month, day) * 24 + hour) * 60 + minute) * 60 + second;
    Some(seconds * 1_000 + ms)
}

/// Days since 1970-01-01 in the Gregorian calendar (Hinnant, `days_from_civil`).
fn days(year: u64, month: u64, day: u64) -> u64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let (era, of_era) = (year / 400, year % 400);
    let of_year = (153 * month + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str =
        r#"{"timestamp": 40, "input_length": 600, "output_length": 3, "hash_ids": [7, 8]}"#;

    fn blocks_error(text: &str) -> String {
        prompt_blocks(text.as_bytes()).expect_err("it is wrong").to_string()
    }

    fn lengths_error(line: &str) -> String {
        lengths(format!("{HEADER}\n{line}\n").as_bytes()).expect_err("it is wrong").to_string()
    }

    #[test]
    fn prompt_blocks_are_read_and_begin_at_nought() {
        let later = GOOD.replace("40", "90");
        let requests = prompt_blocks(format!("{GOOD}\n\n{later}\r\n").as_bytes()).expect("good");
        let first = Request { at_ms: 0, prompt: 600, answer: 3, blocks: vec![7, 8] };
        assert_eq!(requests, [first.clone(), Request { at_ms: 50, ..first }]);
    }

    #[test]
    fn lengths_are_read_and_begin_at_nought() {
        let text = format!(
            "\u{feff}{HEADER}\r\n2023-11-30 23:59:59.9905900,374,44\r\n2023-12-01 00:00:01,396,109\r\n"
        );
        let requests = lengths(text.as_bytes()).expect("good");
        let of = |r: &Request| (r.at_ms, r.prompt, r.answer, r.blocks.len());
        assert_eq!(
            requests.iter().map(of).collect::<Vec<_>>(),
            [(0, 374, 44, 0), (1_010, 396, 109, 0)]
        );
    }

    #[test]
    fn what_is_wrong_with_a_trace_of_blocks_is_said_with_its_line() {
        for (text, words) in [
            (String::new(), "the trace has no requests"),
            (format!("{GOOD}\n{{\"timestamp\": 41"), "line 2 is not a request: EOF"),
            (GOOD.replace("output_length", "output"), "missing field `output_length`"),
            (GOOD.replace("600", "-600"), "line 1 is not a request: invalid value"),
            (GOOD.replace("600", "0"), "line 1: input_length is not a number of tokens"),
            (GOOD.replace(", 8", ""), "line 1: 1 hash_ids for 600 tokens; expected 2"),
            (format!("{GOOD}\n{}", GOOD.replace("40", "39")), "line 2: its time is out of order"),
            (format!("{GOOD}\n{}", GOOD.replace("40", "99999999999")), "line 2: its time"),
            (" ".repeat(LINE_BYTES + 1), "line 1 is longer than 1048576 bytes"),
        ] {
            let said = blocks_error(&text);
            assert!(said.contains(words), "{said}");
        }
        let not_text = prompt_blocks(&b"\xff\n"[..]).expect_err("it is wrong").to_string();
        assert_eq!(not_text, "line 1 is not text in UTF-8");
    }

    #[test]
    fn what_is_wrong_with_a_trace_of_lengths_is_said_with_its_line() {
        assert!(matches!(lengths(&b"a,b,c\n"[..]), Err(TraceError::Header)));
        for (line, words) in [
            ("2023-11-16 18:15:46,374", "line 2 has 2 fields; expected three"),
            ("2023-11-16,374,44", "line 2: not a time; expected YYYY-MM-DD"),
            ("2023-13-16 18:15:46,374,44", "line 2: not a time"),
            ("2023-11-16 18:15:46.x,374,44", "line 2: not a time"),
            ("2023-11-16 18:15:46,many,44", "line 2: ContextTokens is not a number of tokens"),
            ("2023-11-16 18:15:46,374,0", "line 2: GeneratedTokens is not a number of tokens"),
        ] {
            let said = lengths_error(line);
            assert!(said.contains(words), "{said}");
        }
    }

    #[test]
    fn a_trace_is_bounded() {
        let many = format!("{GOOD}\n").repeat(REQUESTS + 1);
        let said = blocks_error(&many);
        assert_eq!(said, "line 200001: the trace has more than 200000 requests; cut it");
    }
}
