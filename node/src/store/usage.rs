//! What was used, a row for each person, key, model, place and day; the same of what other members used of
//! this node's providers, apart from it; and the main figures of each minute.
//! Both are written together every few seconds, and let go of after their time.

use std::collections::BTreeMap;

use pumasi_web::meters::{Minute, Spent, UsageKey};
use serde::{Deserialize, Serialize};

use super::database::{Batch, Changing};
use super::limits::SWEPT_ROWS;
use super::record::{Record, Table};
use super::{Store, StoreError};

/// A row as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct UsageRow {
    pub(super) key: UsageKey,
    pub(super) spent: Spent,
}

impl Record for UsageRow {}
impl Record for Minute {}

/// By day first; the rest of the key may be long and is hashed.
fn row_key(key: &UsageKey) -> Vec<u8> {
    let mut hasher = blake3::Hasher::new_derive_key("pumasi store usage row 1");
    for part in [&key.person, &key.key, &key.model, &key.place] {
        hasher.update(&(part.len() as u64).to_le_bytes()).update(part.as_bytes());
    }
    let mut name = key.day.to_be_bytes().to_vec();
    name.extend_from_slice(&hasher.finalize().as_bytes()[..16]);
    name
}

fn add(
    ledger: &Changing<'_>,
    batch: &mut Batch,
    table: Table,
    used: BTreeMap<UsageKey, Spent>,
) -> Result<(), StoreError> {
    for (key, spent) in used {
        let name = row_key(&key);
        let before = ledger.read::<UsageRow>(table, &name)?;
        let mut row = before.unwrap_or(UsageRow { key, spent: Spent::default() });
        row.spent.add(&spent);
        batch.put(table, &name, &row)?;
    }
    Ok(())
}

impl Store {
    /// Adds to what was used, and keeps a minute's figures.
    ///
    /// # Errors
    /// When the disk refuses; then nothing was added.
    pub async fn add_usage(
        &self,
        used: BTreeMap<UsageKey, Spent>,
        minute: Option<Minute>,
    ) -> Result<(), StoreError> {
        let decide = move |ledger: &Changing<'_>| {
            let mut batch = Batch::default();
            add(ledger, &mut batch, Table::Usage, used)?;
            if let Some(minute) = minute {
                batch.put(Table::Minute, &minute.at_min.to_be_bytes(), &minute)?;
            }
            Ok::<_, StoreError>(((), batch))
        };
        self.inner.writer.apply(decide).await?
    }

    /// Adds to what other members used of this node's providers: in a key, the person whose computer
    /// asked, that computer's id as `key`, and the provider's id as `place`.
    ///
    /// # Errors
    /// When the disk refuses; then nothing was added.
    pub async fn add_lent(&self, used: BTreeMap<UsageKey, Spent>) -> Result<(), StoreError> {
        let decide = move |ledger: &Changing<'_>| {
            let mut batch = Batch::default();
            add(ledger, &mut batch, Table::Lent, used)?;
            Ok::<_, StoreError>(((), batch))
        };
        self.inner.writer.apply(decide).await?
    }

    /// What other members used from one day to another, both included. Blocks.
    ///
    /// # Errors
    /// When a record is damaged.
    pub fn lent(&self, from: u32, to: u32) -> Result<Vec<(UsageKey, Spent)>, StoreError> {
        let (from, to) = (from.to_be_bytes(), to.saturating_add(1).to_be_bytes());
        let rows = self.inner.database.between::<UsageRow>(Table::Lent, &from, &to)?;
        Ok(rows.into_iter().map(|(_, row)| (row.key, row.spent)).collect())
    }

    /// What was used from one day to another, both included. Blocks.
    ///
    /// # Errors
    /// When a record is damaged.
    pub fn usage(&self, from: u32, to: u32) -> Result<Vec<(UsageKey, Spent)>, StoreError> {
        let (from, to) = (from.to_be_bytes(), to.saturating_add(1).to_be_bytes());
        let rows = self.inner.database.between::<UsageRow>(Table::Usage, &from, &to)?;
        Ok(rows.into_iter().map(|(_, row)| (row.key, row.spent)).collect())
    }

    /// The minutes from one to another, both included, the oldest first. Blocks.
    ///
    /// # Errors
    /// When a record is damaged.
    pub fn minutes(&self, from: u64, to: u64) -> Result<Vec<Minute>, StoreError> {
        let (from, to) = (from.to_be_bytes(), to.saturating_add(1).to_be_bytes());
        let rows = self.inner.database.between::<Minute>(Table::Minute, &from, &to)?;
        Ok(rows.into_iter().map(|(_, minute)| minute).collect())
    }

    /// Forgets usage before a day and minutes before a minute; not all at once if they are many.
    ///
    /// # Errors
    /// When the disk refuses or a record is damaged.
    pub async fn forget_usage(&self, day: u32, minute: u64) -> Result<(), StoreError> {
        let database = &self.inner.database;
        let (day, minute) = (day.to_be_bytes(), minute.to_be_bytes());
        let rows = database.between::<UsageRow>(Table::Usage, &[], &day)?;
        let minutes = database.between::<Minute>(Table::Minute, &[], &minute)?;
        let lent = database.between::<UsageRow>(Table::Lent, &[], &day)?;
        if rows.is_empty() && minutes.is_empty() && lent.is_empty() {
            return Ok(());
        }
        let mut batch = Batch::default();
        for (key, _) in lent.iter().take(SWEPT_ROWS) {
            batch.remove(Table::Lent, key);
        }
        for (key, _) in rows.iter().take(SWEPT_ROWS) {
            batch.remove(Table::Usage, key);
        }
        for (key, _) in minutes.iter().take(SWEPT_ROWS) {
            batch.remove(Table::Minute, key);
        }
        self.inner.writer.apply(move |_| Ok(((), batch))).await?
    }
}
