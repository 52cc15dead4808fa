//! The audit log as text for other programs: JSON Lines, and CSV (RFC 4180) that a spreadsheet takes for
//! nothing but text.

use std::fmt::Write;

use crate::api::AuditEntry;

/// The first line of the CSV.
pub const CSV_HEAD: &str = "time,act,person,computer,computer_id,key,about,about_id,about_person,\
grants,job,kind,model,asked_at,ran_on,asked_bytes,prompt_tokens,cached_tokens,completion_tokens,\
attempts,accepted,outcome,error,stands,provider\r\n";

/// One line of JSON, without its end.
#[must_use]
pub fn json_line(entry: &AuditEntry) -> String {
    let text = serde_json::to_string(entry).expect("plain data is always JSON");
    // JSON leaves C1 controls and what reorders text as they are; a terminal need not see them.
    text.chars().fold(String::with_capacity(text.len()), |mut line, c| {
        if is_hidden(c) {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                let _ = write!(line, "\\u{unit:04x}");
            }
        } else {
            line.push(c);
        }
        line
    })
}

/// One line of CSV, with its end.
#[must_use]
pub fn csv_line(entry: &AuditEntry) -> String {
    let about = entry.about.clone().unwrap_or_default();
    let job = entry.job.as_ref();
    let number = |number: Option<u64>| number.map_or_else(String::new, |n| n.to_string());
    let of = |text: Option<&String>| text.cloned().unwrap_or_default();
    let kind = job.map(|job| serde_json::to_value(job.kind).unwrap_or_default());
    let cells = [
        time(entry.at_ms),
        entry.act.word().to_owned(),
        of(entry.person.as_ref()),
        entry.node.name.clone(),
        entry.node.id.clone(),
        of(entry.key.as_ref()),
        about.name,
        about.id,
        about.person.unwrap_or_default(),
        about.grants.join(" "),
        of(job.map(|job| &job.id)),
        kind.and_then(|kind| kind.as_str().map(ToOwned::to_owned)).unwrap_or_default(),
        of(job.map(|job| &job.model)),
        of(job.map(|job| &job.owner.name)),
        of(job.and_then(|job| job.ran_on.as_ref()).map(|node| &node.name)),
        number(job.map(|job| job.asked_bytes)),
        number(job.map(|job| job.prompt_tokens.into())),
        number(job.map(|job| job.cached_tokens.into())),
        number(job.map(|job| job.completion_tokens.into())),
        number(job.map(|job| job.attempts.into())),
        job.map_or_else(String::new, |job| time(job.accepted_ms)),
        job.map_or_else(String::new, |job| job.outcome.word().to_owned()),
        of(job.and_then(|job| job.error.as_ref())),
        entry.stands.to_string(),
        of(job.and_then(|job| job.provider.as_ref())),
    ];
    let cells: Vec<String> = cells.iter().map(|cell| csv_cell(cell)).collect();
    format!("{}\r\n", cells.join(","))
}

/// A cell that is text and nothing else: no line break, no control character, and no beginning that a
/// spreadsheet takes for a formula (OWASP, "CSV Injection").
pub(crate) fn csv_cell(text: &str) -> String {
    let mut cell = String::with_capacity(text.len() + 2);
    let begins = text.trim_start().chars().next();
    if begins.is_some_and(|c| matches!(c, '=' | '+' | '-' | '@' | '＝' | '＋' | '－' | '＠' | '|'))
    {
        cell.push('\'');
    }
    for c in text.chars() {
        match c {
            '"' => cell.push_str("\"\""),
            c if is_hidden(c) => cell.extend(c.escape_unicode()),
            c => cell.push(c),
        }
    }
    let plain = |c: char| !matches!(c, ',' | '"' | ';' | '\'' | ' ');
    if cell.chars().all(plain) { cell } else { format!("\"{cell}\"") }
}

/// Control characters, and those that reorder or hide their neighbours.
fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}'
            | '\u{2028}' | '\u{2029}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// UTC as in RFC 3339, in milliseconds.
#[must_use]
pub fn time(unix_ms: u64) -> String {
    let (days, ms) = (unix_ms / 86_400_000, unix_ms % 86_400_000);
    let (year, month, day) = civil(days.min(MOST_DAYS));
    let (hour, minute, second) = (ms / 3_600_000, ms / 60_000 % 60, ms / 1_000 % 60);
    let ms = ms % 1_000;
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{ms:03}Z")
}

/// The last day of the year 9999.
const MOST_DAYS: u64 = 2_932_896;

/// The day of the Gregorian calendar, from days since 1970 (H. Hinnant, "chrono-Compatible Low-Level
/// Date Algorithms").
pub(crate) fn civil(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    (year_of_era + era * 400 + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::{AuditAct, AuditSubject, NodeRef};

    fn entry(name: &str) -> AuditEntry {
        AuditEntry {
            at_ms: 1_000_000_000_123,
            act: AuditAct::KeyMade,
            person: Some("kim".to_owned()),
            node: NodeRef { id: "ab".to_owned(), name: "창가".to_owned() },
            key: None,
            about: Some(AuditSubject { name: name.to_owned(), ..AuditSubject::default() }),
            job: None,
            stands: true,
        }
    }

    #[test]
    fn times_are_those_of_the_calendar() {
        for (ms, expected) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (1_000_000_000_123, "2001-09-09T01:46:40.123Z"),
            (4_102_444_799_999, "2099-12-31T23:59:59.999Z"),
        ] {
            assert_eq!(time(ms), expected);
        }
        assert_eq!(&time(u64::MAX)[..10], "9999-12-31");
    }

    #[test]
    fn a_cell_is_no_formula_no_line_and_no_order_to_a_terminal() {
        for (text, cell) in [
            ("desk", "desk"),
            ("=1+1", "\"'=1+1\""),
            (" =HYPERLINK(\"x\")", "\"' =HYPERLINK(\"\"x\"\")\""),
            ("+7", "\"'+7\""),
            ("-2", "\"'-2\""),
            ("@SUM(A1)", "\"'@SUM(A1)\""),
            ("＝1", "\"'＝1\""),
            ("a,b", "\"a,b\""),
            ("a\r\n=b", "a\\u{d}\\u{a}=b"),
            ("\t=b", "'\\u{9}=b"),
            ("\u{1b}[31m", "\\u{1b}[31m"),
            ("a\u{202e}b\u{9b}", "a\\u{202e}b\\u{9b}"),
            ("", ""),
        ] {
            let quoted = csv_cell(text);
            assert!(quoted == cell || quoted == format!("\"{cell}\""), "{text:?}: {quoted}");
        }
    }

    #[test]
    fn each_line_has_the_columns_of_the_head() {
        let line = csv_line(&entry("bot"));
        assert_eq!(line.matches(',').count(), CSV_HEAD.matches(',').count());
        assert!(line.starts_with("2001-09-09T01:46:40.123Z,key_made,kim,창가,ab,,bot,"), "{line}");
        assert!(line.ends_with(",true,\r\n"));
    }

    #[test]
    fn a_json_line_is_one_line_that_reads_back() {
        let entry = entry("a\u{9b}31m\u{202e}\n\u{2028}b");
        let line = json_line(&entry);
        assert!(!line.chars().any(is_hidden), "{line}");
        assert_eq!(serde_json::from_str::<AuditEntry>(&line).expect("JSON"), entry);
    }
}
