//! How long a model stays loaded after a request: Ollama's `keep_alive` (seconds, or a duration as Go
//! writes it, negative for ever) and LM Studio's `ttl` (seconds).

use pumasi_protocol::KeepAlive;

use crate::invalid::{Invalid, Reason};
use crate::json::{Kind, Object, Value};

const SECONDS_MOST: i64 = u32::MAX as i64;

/// Takes either field; `keep_alive` is the word that counts where both are there.
pub(crate) fn parse(body: &mut Object<'_>) -> Result<Option<KeepAlive>, Invalid> {
    let ttl = body.optional("ttl", |value| value.integer(0, SECONDS_MOST))?;
    let keep_alive = body.optional("keep_alive", keep_alive)?;
    Ok(keep_alive.or(ttl.map(KeepAlive::from_seconds)))
}

pub(crate) fn keep_alive(value: &Value<'_>) -> Result<KeepAlive, Invalid> {
    match value.kind() {
        Kind::Number => value.integer(-SECONDS_MOST, SECONDS_MOST).map(KeepAlive::from_seconds),
        Kind::String => {
            let allowed = "a duration as in 10m or 1h30m, or seconds";
            seconds(&value.string()?).ok_or_else(|| value.fail(Reason::UnknownValue { allowed }))
        }
        Kind::Null | Kind::Bool | Kind::Array | Kind::Object => {
            Err(value.fail(Reason::Type { expected: "a duration or seconds" }))
        }
    }
}

/// Go's `time.ParseDuration`: numbers with units, `-` before all of them. A bare number, which Ollama
/// takes in its settings, means seconds. What is left of a second counts as one.
pub fn seconds(text: &str) -> Option<KeepAlive> {
    let (negative, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest.is_empty() || rest.len() > 32 {
        return None;
    }
    let mut sum = 0.0_f64;
    if rest.bytes().all(|b| b.is_ascii_digit()) {
        sum = rest.parse().ok()?;
        rest = "";
    }
    while !rest.is_empty() {
        let number = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (digits, tail) = rest.split_at(number);
        let unit = tail.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(unit);
        let scale = match unit {
            "h" => 3_600.0,
            "m" => 60.0,
            "s" => 1.0,
            "ms" => 1e-3,
            "us" | "µs" | "μs" => 1e-6,
            "ns" => 1e-9,
            _ => return None,
        };
        sum += digits.parse::<f64>().ok()? * scale;
        rest = tail;
    }
    // The cast stops at the ends of its range.
    let whole = sum.ceil() as i64;
    Some(KeepAlive::from_seconds(if negative && whole > 0 { -whole } else { whole }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json;

    fn parsed(body: &str) -> Result<Option<KeepAlive>, String> {
        let mut object = json::body(body.as_bytes()).expect("an object");
        parse(&mut object).map_err(|invalid| invalid.to_string())
    }

    #[test]
    fn durations_are_read_as_go_writes_them() {
        let read = |text: &str| seconds(text);
        let whole = |n| Some(KeepAlive::Seconds(n));
        assert_eq!([read("5m"), read("1h30m"), read("90")], [whole(300), whole(5_400), whole(90)]);
        assert_eq!([read("1.5h"), read("300ms"), read("0")], [whole(5_400), whole(1), whole(0)]);
        assert_eq!([read("0s"), read("24h0m0s")], [whole(0), whole(86_400)]);
        assert_eq!([read("-1"), read("-1m")], [Some(KeepAlive::Forever); 2]);
        for wrong in ["", "-", "m", "5", "5 m", "5x", "1..2h", "five", "5m ", "1h-3m"] {
            let expected = if wrong == "5" { whole(5) } else { None };
            assert_eq!(read(wrong), expected, "{wrong:?}");
        }
        assert_eq!(read("9999999999h"), whole(u32::MAX));
    }

    #[test]
    fn both_words_are_known_and_ollamas_counts() {
        assert_eq!(parsed("{}"), Ok(None));
        assert_eq!(parsed(r#"{"ttl":60}"#), Ok(Some(KeepAlive::Seconds(60))));
        let both = parsed(r#"{"ttl":60,"keep_alive":"10m"}"#);
        assert_eq!(both, Ok(Some(KeepAlive::Seconds(600))));
        assert_eq!(parsed(r#"{"keep_alive":-1}"#), Ok(Some(KeepAlive::Forever)));
        assert_eq!(parsed(r#"{"keep_alive":null}"#), Ok(None));
        for wrong in [r#"{"ttl":-1}"#, r#"{"ttl":"5m"}"#, r#"{"keep_alive":"soon"}"#] {
            assert!(parsed(wrong).is_err(), "{wrong}");
        }
    }
}
