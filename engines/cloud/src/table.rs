//! The cells of one provider's models. Bounded: the model that was not asked for longest goes.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::breaker::BreakerConfig;
use crate::cell::Cell;
use crate::limits;
use crate::standing::ModelStanding;

/// Cells by model.
#[derive(Debug, Default)]
pub(crate) struct Table(Mutex<Rows>);

#[derive(Debug, Default)]
struct Rows {
    rows: BTreeMap<String, (u64, Arc<Cell>)>,
    /// Counts the look-ups.
    turn: u64,
}

impl Table {
    fn rows(&self) -> MutexGuard<'_, Rows> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The model's cell; a fresh one where there is none.
    pub(crate) fn cell(&self, model: &str, config: &BreakerConfig) -> Arc<Cell> {
        let mut rows = self.rows();
        rows.turn += 1;
        let turn = rows.turn;
        if let Some((used, cell)) = rows.rows.get_mut(model) {
            *used = turn;
            return Arc::clone(cell);
        }
        if rows.rows.len() >= limits::BREAKERS {
            rows.forget_one();
        }
        let cell = Arc::new(Cell::new(*config));
        rows.rows.insert(model.to_owned(), (turn, Arc::clone(&cell)));
        cell
    }

    /// The model's cell, if it was ever asked for.
    pub(crate) fn known(&self, model: &str) -> Option<Arc<Cell>> {
        self.rows().rows.get(model).map(|(_, cell)| Arc::clone(cell))
    }

    pub(crate) fn standing(&self) -> Vec<ModelStanding> {
        self.rows().rows.iter().map(|(model, (_, cell))| cell.standing(model)).collect()
    }
}

impl Rows {
    fn forget_one(&mut self) {
        let oldest = self.rows.iter().min_by_key(|(_, (used, _))| *used);
        if let Some(model) = oldest.map(|(model, _)| model.clone()) {
            self.rows.remove(&model);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_model_that_was_not_asked_for_longest_is_forgotten() {
        let (table, config) = (Table::default(), BreakerConfig::default());
        let first = table.cell("m0", &config);
        for number in 1..limits::BREAKERS {
            table.cell(&format!("m{number}"), &config);
        }
        assert!(Arc::ptr_eq(&first, &table.cell("m0", &config)));
        table.cell("one more", &config);
        assert_eq!(table.standing().len(), limits::BREAKERS);
        assert!(Arc::ptr_eq(&first, &table.cell("m0", &config)));
        assert!(table.standing().iter().all(|row| row.model != "m1"));
    }
}
