//! What was measured of models, as the ledger keeps it: the newest rows, in one record.

use pumasi_web::api::Benchmark;
use pumasi_web::limits::BENCHMARKS;
use pumasi_web::mesh::ModelError;

use crate::store::Store;

const ROW: &str = "benchmarks";
/// Bytes of the record, as JSON; a record of the ledger holds 15 KiB.
const BYTES: usize = 14 << 10;

/// All of them, the oldest first.
pub(crate) fn list(store: &Store) -> Result<Vec<Benchmark>, ModelError> {
    let text = store.setting(ROW).map_err(|error| {
        tracing::error!(%error, "what was measured cannot be read");
        ModelError::NotKept
    })?;
    // What a later version wrote in another way counts as nothing.
    Ok(text.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default())
}

/// Adds some, and lets go of the oldest.
pub(crate) async fn keep(store: &Store, rows: Vec<Benchmark>) -> Result<(), ModelError> {
    let mut all = list(store)?;
    all.extend(rows);
    let text = newest(all);
    store.set_setting(ROW, Some(text)).await.map_err(|error| {
        tracing::error!(%error, "what was measured cannot be kept");
        ModelError::NotKept
    })
}

/// As JSON, without the oldest ones that there is no room for.
fn newest(mut all: Vec<Benchmark>) -> String {
    all.drain(..all.len().saturating_sub(BENCHMARKS));
    loop {
        let text = serde_json::to_string(&all).expect("figures are finite");
        if text.len() <= BYTES || all.is_empty() {
            return text;
        }
        all.remove(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(at_ms: u64, model: &str) -> Benchmark {
        Benchmark {
            at_ms,
            model: model.to_owned(),
            node: "ab".repeat(32),
            node_name: "desk".to_owned(),
            prompt_tokens: 128,
            answer_tokens: 64,
            parallel: 1,
            first_token_ms: 1.0,
            prefill_tokens_per_s: 1.0,
            decode_tokens_per_s: 1.0,
            whole_tokens_per_s: 1.0,
        }
    }

    #[test]
    fn the_newest_are_kept_as_far_as_there_is_room() {
        let kept = |rows: Vec<Benchmark>| -> Vec<u64> {
            let text = newest(rows);
            assert!(text.len() <= BYTES);
            let rows: Vec<Benchmark> = serde_json::from_str(&text).expect("what was written");
            rows.iter().map(|row| row.at_ms).collect()
        };
        assert_eq!(kept((0..3).map(|at| row(at, "a")).collect()), [0, 1, 2]);
        let many = kept((0..500).map(|at| row(at, "a")).collect());
        assert_eq!((many.len() <= BENCHMARKS, many.last()), (true, Some(&499)));
        let long = kept((0..500).map(|at| row(at, &"m".repeat(192))).collect());
        assert!(long.len() > 10 && long.last() == Some(&499), "{}", long.len());
    }
}
