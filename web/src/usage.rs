//! Usage as people ask for it: days by name, rows told apart by what matters to them, and CSV that a
//! spreadsheet takes for nothing but text and numbers.

use std::collections::BTreeMap;

use crate::api::{UsageBy, UsageRow};
use crate::audit::{civil, csv_cell};
use crate::limits::USAGE_LISTED;
use crate::meters::{OTHER, Spent, UsageKey};

/// The first line of the CSV.
pub const CSV_HEAD: &str = "day,person,key,key_name,model,place,place_name,requests,failed,\
prompt_tokens,cached_tokens,completion_tokens,thinking_tokens,engine_s,cost_usd,unpriced\r\n";

/// A day of UTC by name, from days since 1970.
#[must_use]
pub fn day_name(day: u32) -> String {
    let (year, month, day) = civil(day.into());
    format!("{year:04}-{month:02}-{day:02}")
}

/// Days since 1970, from a name as in `2026-03-01`; none if it is no day from 1970 to 9999.
#[must_use]
pub fn day_number(name: &str) -> Option<u32> {
    let parts: Vec<&str> = name.split('-').collect();
    let [year, month, day] = parts.as_slice() else { return None };
    let number = |text: &str, digits: usize| {
        let is_plain = text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse::<u64>().ok().filter(|_| is_plain)
    };
    let (year, month, day) = (number(year, 4)?, number(month, 2)?, number(day, 2)?);
    if year < 1970 || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    // H. Hinnant, "chrono-Compatible Low-Level Date Algorithms".
    let (shifted_year, shifted) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let (era, of_era) = (shifted_year / 400, shifted_year % 400);
    let of_year = (153 * shifted + 2) / 5 + day - 1;
    let days = era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year;
    let days = days.checked_sub(719_468)?;
    // A 31st of February would come out as a day of March.
    (civil(days) == (year, month, day)).then(|| u32::try_from(days).ok())?
}

/// Rows told apart by `by`, and all of them together.
#[must_use]
pub fn rows(
    used: impl IntoIterator<Item = (UsageKey, Spent)>,
    by: &[UsageBy],
) -> (Vec<UsageRow>, UsageRow) {
    let mut sums: BTreeMap<Vec<String>, Spent> = BTreeMap::new();
    let mut total = Spent::default();
    for (key, spent) in used {
        total.add(&spent);
        let mut name: Vec<String> = by.iter().map(|by| part(&key, *by)).collect();
        if sums.len() >= USAGE_LISTED && !sums.contains_key(&name) {
            name = vec![OTHER.to_owned(); by.len()];
        }
        sums.entry(name).or_default().add(&spent);
    }
    let mut rows: Vec<UsageRow> = sums
        .iter()
        .map(|(name, spent)| {
            let mut row = row(spent);
            by.iter().zip(name).for_each(|(by, part)| set(&mut row, *by, part.clone()));
            row
        })
        .collect();
    if by.first() != Some(&UsageBy::Day) {
        let weight = |row: &UsageRow| (row.prompt_tokens + row.completion_tokens, row.requests);
        rows.sort_by_key(|row| std::cmp::Reverse(weight(row)));
    }
    (rows, row(&total))
}

fn part(key: &UsageKey, by: UsageBy) -> String {
    match by {
        UsageBy::Day => day_name(key.day),
        UsageBy::Person => key.person.clone(),
        UsageBy::Key => key.key.clone(),
        UsageBy::Model => key.model.clone(),
        UsageBy::Place => key.place.clone(),
    }
}

fn set(row: &mut UsageRow, by: UsageBy, part: String) {
    let field = match by {
        UsageBy::Day => &mut row.day,
        UsageBy::Person => &mut row.person,
        UsageBy::Key => &mut row.key,
        UsageBy::Model => &mut row.model,
        UsageBy::Place => &mut row.place,
    };
    *field = Some(part);
}

fn row(spent: &Spent) -> UsageRow {
    let is_known = spent.cost_nano_usd > 0 || spent.unpriced == 0;
    UsageRow {
        requests: spent.requests,
        failed: spent.failed,
        prompt_tokens: spent.prompt,
        cached_tokens: spent.cached,
        completion_tokens: spent.completion,
        thinking_tokens: spent.reasoning,
        engine_s: spent.engine_us as f64 / 1e6,
        cost_usd: is_known.then_some(spent.cost_nano_usd as f64 / 1e9),
        unpriced: spent.unpriced,
        ..UsageRow::default()
    }
}

/// One line of CSV, with its end. A cost that is not known is an empty cell.
#[must_use]
pub fn csv_line(row: &UsageRow) -> String {
    let names =
        [&row.day, &row.person, &row.key, &row.key_name, &row.model, &row.place, &row.place_name];
    let names = names.map(|name| csv_cell(name.as_deref().unwrap_or_default()));
    let counts = [
        row.requests,
        row.failed,
        row.prompt_tokens,
        row.cached_tokens,
        row.completion_tokens,
        row.thinking_tokens,
    ];
    let cost = row.cost_usd.map_or_else(String::new, |cost| format!("{cost:.9}"));
    let rest = [format!("{:.3}", row.engine_s), cost, row.unpriced.to_string()];
    let cells = names.into_iter().chain(counts.map(|count| count.to_string())).chain(rest);
    cells.collect::<Vec<_>>().join(",") + "\r\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_have_names_both_ways_and_what_is_no_day_has_none() {
        for (number, name) in [(0, "1970-01-01"), (20_454, "2026-01-01"), (20_512, "2026-02-28")] {
            assert_eq!(day_name(number), name);
            assert_eq!(day_number(name), Some(number));
        }
        for day in (0..40_000).step_by(37) {
            assert_eq!(day_number(&day_name(day)), Some(day));
        }
        for wrong in ["", "2026", "2026-02-30", "2026-13-01", "2026-1-1", "1969-12-31", "a-b-c"] {
            assert_eq!(day_number(wrong), None, "{wrong}");
        }
    }

    fn used(
        day: u32,
        model: &str,
        prompt: u64,
        cost_nano_usd: u64,
        unpriced: u64,
    ) -> (UsageKey, Spent) {
        let (person, key, place) = ("=kim".to_owned(), String::new(), "openai".to_owned());
        let spent = Spent { requests: 1, prompt, cost_nano_usd, unpriced, ..Spent::default() };
        (UsageKey { day, person, key, model: model.to_owned(), place }, spent)
    }

    #[test]
    fn rows_are_joined_and_an_unknown_cost_is_no_zero() {
        let all = [used(1, "a", 5, 2_000_000, 0), used(2, "b", 7, 0, 1), used(2, "a", 1, 0, 0)];
        let (rows, total) = rows(all.clone(), &[UsageBy::Model]);
        let costs: Vec<_> = rows
            .iter()
            .map(|row| (row.model.as_deref(), row.prompt_tokens, row.cost_usd))
            .collect();
        assert_eq!(costs, [(Some("b"), 7, None), (Some("a"), 6, Some(0.002))]);
        assert_eq!((total.requests, total.cost_usd, total.unpriced), (3, Some(0.002), 1));
        let (days, _) = super::rows(all, &[UsageBy::Day, UsageBy::Person]);
        assert_eq!(days[0].day.as_deref(), Some("1970-01-02"));
        let line = csv_line(&days[1]);
        assert!(line.starts_with("1970-01-03,\"'=kim\",,,,,,2,0,8,"), "{line}");
        assert!(line.ends_with(",0.000,,1\r\n"), "{line}");
    }
}
