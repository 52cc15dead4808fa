//! How fast this computer reads weights and multiplies: measured once by the worker, with the
//! library's own kernels, and kept in the data directory. From it follows how fast a model would be.

use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use pumasi_models::inspect::Inspection;
use pumasi_models::kv_cache::{CachePlan, CacheType};
use pumasi_web::api;
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;

use crate::config::Config;
use crate::fleet::LLAMA_WORKER;
use crate::runtime::write_private;

/// File in the data directory.
const FILE: &str = "pace.json";
/// Longest file or line that is read, in bytes.
const BYTES_MAX: usize = 1_024;
/// A measurement takes about a second; a machine under load takes longer (guess).
const MEASURING: Duration = Duration::from_secs(20);

/// What was measured.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Measured {
    /// Bytes of 4-bit weights that are read and multiplied with one vector, per second.
    pub(crate) bytes_per_s: f64,
    /// Multiplications and additions of a prompt, per second.
    pub(crate) operations_per_s: f64,
}

/// What is known at this moment.
#[derive(Debug, Default)]
pub(crate) struct Known {
    looked: bool,
    measured: Option<Measured>,
}

#[derive(Serialize, Deserialize)]
struct Stored {
    /// Version of Pumasi: another one may bring other kernels.
    version: String,
    measured: Measured,
}

impl Measured {
    fn is_plausible(&self) -> bool {
        // From a hundredth of the slowest machine to a thousand times the fastest card.
        let within = |value: f64| (1e6..1e18).contains(&value);
        within(self.bytes_per_s) && within(self.operations_per_s)
    }

    /// Writing a token reads every active weight and the keys and values of half a context; reading
    /// a prompt multiplies and adds once for each active parameter and token.
    pub(crate) fn pace(&self, model: &Inspection, plan: &api::LoadPlan) -> api::Pace {
        let cache = match plan.cache {
            api::CacheFormat::F16 => CacheType::F16,
            api::CacheFormat::Q8_0 => CacheType::Q8_0,
            api::CacheFormat::Q4_0 => CacheType::Q4_0,
        };
        let remembered = model.cache.bytes(&CachePlan {
            context_per_slot: u64::from(plan.context / 2).max(1),
            slots: 1,
            batch: 512,
            unified: true,
            full_windows: false,
            key_type: cache,
            value_type: cache,
        });
        let read = model.active.bytes.saturating_add(remembered).max(1);
        let operations = 2.0 * model.active.parameters.max(1) as f64;
        api::Pace {
            prefill_tokens_per_s: self.operations_per_s / operations,
            decode_tokens_per_s: self.bytes_per_s / read as f64,
            bytes_per_s: self.bytes_per_s,
            operations_per_s: self.operations_per_s,
        }
    }
}

/// What was measured here, now or earlier; none if the worker cannot.
pub(crate) async fn known(config: &Config, known: &Mutex<Known>) -> Option<Measured> {
    let mut known = known.lock().await;
    if known.looked {
        return known.measured;
    }
    known.looked = true;
    let path = config.data_dir.join(FILE);
    known.measured = stored(&path);
    if known.measured.is_none() {
        known.measured = measure(&config.worker_dir).await;
        if let Some(measured) = known.measured {
            keep(&path, measured);
        }
    }
    known.measured
}

/// What is known already; else it is measured meanwhile, for the next question.
pub(crate) fn known_or_soon(config: &Config, known: &Arc<Mutex<Known>>) -> Option<Measured> {
    let Ok(at_hand) = known.try_lock() else { return None };
    if at_hand.looked {
        return at_hand.measured;
    }
    let (config, known) = (config.clone(), Arc::clone(known));
    tokio::spawn(async move { self::known(&config, &known).await });
    None
}

fn stored(path: &Path) -> Option<Measured> {
    let text = std::fs::read(path).ok().filter(|text| text.len() <= BYTES_MAX)?;
    let stored: Stored = serde_json::from_slice(&text).ok()?;
    let is_ours = stored.version == env!("CARGO_PKG_VERSION") && stored.measured.is_plausible();
    is_ours.then_some(stored.measured)
}

fn keep(path: &Path, measured: Measured) {
    let stored = Stored { version: env!("CARGO_PKG_VERSION").to_owned(), measured };
    let text = serde_json::to_vec(&stored).expect("plain data is always JSON");
    if let Err(error) = write_private(path, &text) {
        // It is measured again at the next start.
        tracing::warn!(%error, "how fast this computer is could not be written down");
    }
}

async fn measure(worker_dir: &Path) -> Option<Measured> {
    let mut command = tokio::process::Command::new(worker_dir.join(LLAMA_WORKER));
    command.arg("--measure").env_clear().env("OMP_WAIT_POLICY", "passive");
    command.stdin(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    let output = tokio::time::timeout(MEASURING, command.output()).await;
    let line = output.ok()?.ok().filter(|output| output.stdout.len() <= BYTES_MAX)?.stdout;
    let measured: Option<Measured> = serde_json::from_slice(&line).ok();
    let measured = measured.filter(Measured::is_plausible);
    match measured {
        Some(measured) => tracing::info!(?measured, "measured how fast this computer is"),
        None => tracing::warn!("the engine could not measure how fast this computer is"),
    }
    measured
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_measured_is_kept_until_another_version_comes() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join(FILE);
        assert_eq!(stored(&path), None);
        let measured = Measured { bytes_per_s: 1e10, operations_per_s: 1e11 };
        keep(&path, measured);
        assert_eq!(stored(&path), Some(measured));
        for text in [
            r#"{"version":"0.0.0","measured":{"bytes_per_s":1e10,"operations_per_s":1e11}}"#,
            concat!(
                r#"{"version":""#,
                env!("CARGO_PKG_VERSION"),
                r#"","measured":{"bytes_per_s":0,"operations_per_s":1e11}}"#
            ),
            "not JSON",
        ] {
            std::fs::write(&path, text).expect("it is written");
            assert_eq!(stored(&path), None, "{text}");
        }
    }

    #[test]
    fn a_token_takes_its_weights_and_its_context() {
        let table = pumasi_models::known::table();
        let small = table.models.iter().find(|model| model.title == "Qwen3 0.6B");
        let small = small.expect("it is in the table");
        let model = small.inspection(pumasi_models::known::Quantization::Q8);
        let measured = Measured { bytes_per_s: 1e10, operations_per_s: 1e11 };
        let plan = |context| api::LoadPlan {
            context,
            slots: 1,
            cache: api::CacheFormat::F16,
            flash_attention: true,
            gpu_layers: None,
        };
        let short = measured.pace(&model, &plan(512));
        let bound = 1e10 / model.active.bytes as f64;
        assert!(short.decode_tokens_per_s < bound && short.decode_tokens_per_s > bound * 0.9);
        let long = measured.pace(&model, &plan(40_960));
        assert!(long.decode_tokens_per_s < short.decode_tokens_per_s / 2.0);
        let prefill = 1e11 / 2.0 / model.active.parameters as f64;
        assert!((short.prefill_tokens_per_s - prefill).abs() < 1e-6);
    }
}
