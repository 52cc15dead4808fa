//! `strftime_now` for templates: the directives that chat templates use, in UTC (the worker's
//! environment is cleared, so it knows no time zone).

use std::time::{SystemTime, UNIX_EPOCH};

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const DAYS: [&str; 7] =
    ["Thursday", "Friday", "Saturday", "Sunday", "Monday", "Tuesday", "Wednesday"];

struct Civil {
    year: u64,
    month: usize,
    day: u64,
    weekday: usize,
    second_of_day: u64,
}

/// Howard Hinnant's `civil_from_days` (chrono-compatible low-level date algorithms), for days
/// since 1970-01-01.
fn civil(seconds: u64) -> Civil {
    let days = seconds / 86_400;
    let shifted = days + 719_468;
    let era = shifted / 146_097;
    let day_of_era = shifted % 146_097;
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 2 } else { shifted_month - 10 };
    let year = year_of_era + era * 400 + u64::from(month <= 1);
    Civil {
        year,
        month: usize::try_from(month).unwrap_or(0),
        day,
        weekday: usize::try_from(days % 7).unwrap_or(0),
        second_of_day: seconds % 86_400,
    }
}

/// Formats `time`; what it does not know is left as it is.
pub(super) fn format(time: SystemTime, format: &str) -> String {
    let date = civil(time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()));
    let (hour, minute) = (date.second_of_day / 3_600, date.second_of_day / 60 % 60);
    let mut out = String::new();
    let mut directives = format.chars();
    while let Some(c) = directives.next() {
        if c != '%' {
            out.push(c);
            continue;
        }
        match directives.next() {
            Some('Y') => out.push_str(&date.year.to_string()),
            Some('y') => out.push_str(&format!("{:02}", date.year % 100)),
            Some('m') => out.push_str(&format!("{:02}", date.month + 1)),
            Some('d') => out.push_str(&format!("{:02}", date.day)),
            Some('e') => out.push_str(&format!("{:2}", date.day)),
            Some('B') => out.push_str(MONTHS[date.month]),
            Some('b') => out.push_str(&MONTHS[date.month][..3]),
            Some('A') => out.push_str(DAYS[date.weekday]),
            Some('a') => out.push_str(&DAYS[date.weekday][..3]),
            Some('H') => out.push_str(&format!("{hour:02}")),
            Some('I') => out.push_str(&format!("{:02}", (hour + 11) % 12 + 1)),
            Some('M') => out.push_str(&format!("{minute:02}")),
            Some('S') => out.push_str(&format!("{:02}", date.second_of_day % 60)),
            Some('p') => out.push_str(if hour < 12 { "AM" } else { "PM" }),
            Some('%') | None => out.push('%'),
            Some(other) => out.extend(['%', other]),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn dates_are_right_over_leap_years_and_centuries() {
        let cases = [
            (0, "1970-01-01 Thursday 00:00:00"),
            (951_782_399, "2000-02-28 Monday 23:59:59"),
            (951_782_400, "2000-02-29 Tuesday 00:00:00"),
            (1_735_689_599, "2024-12-31 Tuesday 23:59:59"),
            (4_107_542_400, "2100-03-01 Monday 00:00:00"),
        ];
        for (seconds, expected) in cases {
            let time = UNIX_EPOCH + Duration::from_secs(seconds);
            assert_eq!(format(time, "%Y-%m-%d %A %H:%M:%S"), expected);
        }
        let noon = UNIX_EPOCH + Duration::from_secs(43_200);
        assert_eq!(
            format(noon, "%d %b %y %I %p %a %B %e %% %Q %"),
            "01 Jan 70 12 PM Thu January  1 % %Q %"
        );
    }
}
