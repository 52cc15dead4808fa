//! One finding: a word, a sentence of what was found, the next step, the parts for other languages.

use pumasi_web::api::{Check, CheckOutcome};

/// What was found in good order.
pub(crate) fn good(code: &str, message: impl Into<String>) -> Check {
    check(code, CheckOutcome::Good, message, None)
}

/// What works, but not well.
pub(crate) fn warning(code: &str, message: impl Into<String>, advice: &str) -> Check {
    check(code, CheckOutcome::Warning, message, Some(advice))
}

/// What does not work.
pub(crate) fn trouble(code: &str, message: impl Into<String>, advice: &str) -> Check {
    check(code, CheckOutcome::Trouble, message, Some(advice))
}

/// What could not be looked at.
pub(crate) fn skipped(code: &str, message: impl Into<String>) -> Check {
    check(code, CheckOutcome::Skipped, message, None)
}

fn check(
    code: &str,
    outcome: CheckOutcome,
    message: impl Into<String>,
    advice: Option<&str>,
) -> Check {
    Check {
        code: code.to_owned(),
        outcome,
        message: message.into(),
        advice: advice.map(ToOwned::to_owned),
        values: std::collections::BTreeMap::new(),
        details: Vec::new(),
    }
}

/// The same with a part of its sentence under a name.
pub(crate) fn with(mut check: Check, name: &str, value: impl ToString) -> Check {
    check.values.insert(name.to_owned(), value.to_string());
    check
}
