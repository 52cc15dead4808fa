//! Daily copies of the ledger's records, in a folder beside it; the oldest make way.

use std::path::{Path, PathBuf};

use super::limits::DAILY_COPIES;
use super::{Store, StoreError, create_private_dir, export};

const FOLDER: &str = "ledger-copies";
const DAY_MS: u64 = 24 * 60 * 60 * 1_000;

/// The copies of a data directory, oldest first.
pub(super) fn list(data_dir: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(data_dir.join(FOLDER)).into_iter().flatten().flatten();
    let paths = entries.map(|entry| entry.path());
    let mut copies: Vec<_> =
        paths.filter(|path| path.extension() == Some("ledger".as_ref())).collect();
    copies.sort();
    copies
}

impl Store {
    /// Keeps a copy of all records for today, unless there is one, and removes the oldest above
    /// the bound. Says whether it made one. Blocks.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn copy_daily(&self, now_ms: u64) -> Result<bool, StoreError> {
        let folder = self.inner.dir.join(FOLDER);
        let to = folder.join(format!("{}.ledger", date(now_ms / DAY_MS)));
        let io = |error: std::io::Error| StoreError::io(&folder, &error);
        if to.try_exists().map_err(io)? {
            return Ok(false);
        }
        create_private_dir(&folder).map_err(io)?;
        self.export_records(&to, now_ms)?;
        let copies = list(&self.inner.dir);
        for old in copies.iter().take(copies.len().saturating_sub(DAILY_COPIES)) {
            std::fs::remove_file(old).map_err(io)?;
        }
        Ok(true)
    }

    /// Writes all records, without the files that they name, as they are at this moment. Blocks.
    ///
    /// # Errors
    /// When the disk refuses or a record is damaged.
    pub fn export_records(&self, to: &Path, now_ms: u64) -> Result<(), StoreError> {
        let rows = self.inner.database.rows()?;
        export::write(to, now_ms, &rows, &[], |_| Ok(None)).map(drop)
    }
}

/// The date of a day since 1970-01-01 (Howard Hinnant, "chrono-compatible low-level date algorithms").
fn date(day: u64) -> String {
    let z = day + 719_468;
    let (era, of_era) = (z / 146_097, z % 146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_have_the_dates_of_the_calendar() {
        assert_eq!(date(0), "1970-01-01");
        assert_eq!(date(11_016), "2000-02-29");
        assert_eq!(date(20_782), "2026-11-25");
    }
}
