//! Numbers that steer an answer, as all dialects read them.

use pumasi_protocol::{Generate, limits as protocol_limits};

use crate::invalid::{Invalid, Reason};
use crate::json::Value;
use crate::limits;

/// A ceiling of the answer.
pub(crate) fn max_tokens(value: &Value<'_>) -> Result<u32, Invalid> {
    let tokens = value.integer(1, limits::MAX_TOKENS)?;
    Ok(u32::try_from(tokens).expect("the range is that of a positive i32"))
}

/// How many of the likeliest tokens; some servers say −1 or 0 for all.
pub(crate) fn top_k(value: &Value<'_>) -> Result<u32, Invalid> {
    let k = value.integer(-1, limits::MAX_TOKENS)?;
    Ok(u32::try_from(k).unwrap_or(0))
}

/// Any integer that JSON carries exactly; a negative one is another seed than its absolute value.
pub(crate) fn seed(value: &Value<'_>) -> Result<u64, Invalid> {
    let seed = value.integer(-limits::EXACT_INTEGER, limits::EXACT_INTEGER)?;
    Ok(u64::from_le_bytes(seed.to_le_bytes()))
}

/// A list of stop strings.
pub(crate) fn stops(value: &Value<'_>) -> Result<Vec<String>, Invalid> {
    value.array(protocol_limits::STOP_STRINGS)?.iter().map(stop_string).collect()
}

/// One stop string.
pub(crate) fn stop_string(value: &Value<'_>) -> Result<String, Invalid> {
    let text = value.string()?;
    let max = protocol_limits::STOP_STRING_BYTES;
    match text.len() {
        0 => Err(value.fail(Reason::Empty)),
        len if len > max => Err(value.fail(Reason::TooLong { max })),
        _ => Ok(text),
    }
}

/// How many alternatives to report.
pub(crate) fn alternatives(value: &Value<'_>) -> Result<u8, Invalid> {
    let top = value.integer(0, i64::from(protocol_limits::TOP_LOGPROBS))?;
    Ok(u8::try_from(top).expect("at most 20"))
}

/// `n` copies of one request that differ in their seeds, so that the answers differ.
pub(crate) fn copies(generate: &Generate, n: usize) -> Vec<Generate> {
    let copy = |i: usize| {
        let mut copy = generate.clone();
        copy.sampling.seed = generate.sampling.seed.map(|seed| seed.wrapping_add(i as u64));
        copy
    };
    (0..n).map(copy).collect()
}
