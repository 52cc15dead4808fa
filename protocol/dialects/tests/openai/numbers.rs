//! Numbers as they were written: what is no integer is none, and what is out of range is told so.

use super::{parse_text, refusal};

fn with(field: &str, number: &str) -> String {
    let body = format!(
        r#"{{"model":"m","messages":[{{"role":"user","content":"x"}}],"{field}":{number}}}"#
    );
    refusal(parse_text(&body))
}

#[test]
fn cat_h09_numbers_are_read_as_written() {
    for (number, code) in [
        ("1e400", "invalid_type"),
        ("-0", "invalid_type"),
        ("1.5", "invalid_type"),
        ("1.0", "invalid_type"),
        ("1e2", "invalid_type"),
        ("9007199254740993", "out_of_range"),
        ("\"5\"", "invalid_type"),
        ("true", "invalid_type"),
        ("[]", "invalid_type"),
    ] {
        for field in ["seed", "n", "max_tokens", "top_k"] {
            assert_eq!(with(field, number), format!("{code} @ {field}"), "{field}: {number}");
        }
    }
    for (number, code) in [
        ("1e400", "out_of_range"),
        ("-1e400", "out_of_range"),
        ("-0", "out_of_range"),
        ("-0.0", "out_of_range"),
        ("2.0000001", "out_of_range"),
        ("\"5\"", "invalid_type"),
    ] {
        for field in ["temperature", "frequency_penalty", "presence_penalty"] {
            assert_eq!(with(field, number), format!("{code} @ {field}"), "{field}: {number}");
        }
    }
    for not_json in ["NaN", "Infinity", "01", "+1", ".5", "0x1", "1.", "--1"] {
        assert_eq!(with("temperature", not_json), "invalid_json @ -", "{not_json}");
    }
    assert_eq!(with("seed", "9007199254740991"), "accepted");
    assert_eq!(with("seed", "-1"), "accepted");
    assert_eq!(with("temperature", "2"), "accepted");
    assert_eq!(with("temperature", "1e-400"), "accepted");
    assert_eq!(with("top_p", "1.1"), "out_of_range @ top_p");
}

#[test]
fn cat_h10_max_tokens_is_a_ceiling_from_1_to_2_31() {
    for field in ["max_tokens", "max_completion_tokens"] {
        for number in ["-1", "0", "2147483648", "9223372036854775808"] {
            assert_eq!(with(field, number), format!("out_of_range @ {field}"), "{number}");
        }
        for number in ["1", "65536", "2147483647"] {
            assert_eq!(with(field, number), "accepted", "{number}");
        }
        assert_eq!(with(field, "null"), "accepted");
    }
}
