//! Looks at what could keep this computer from working, whether or not its node runs: each finding
//! with its cause and the next step.

mod diagnosis;
mod examine;
mod facts;
mod finding;
mod multicast;
mod network;
mod peers;
mod ports;
mod probe;
mod sandbox;

use std::path::Path;
use std::time::{Duration, SystemTime};

use pumasi_engine_host::WorkerEngine;
use pumasi_models::catalog::Catalog;
use pumasi_protocol::EngineKind;
use pumasi_web::api::Check;

use crate::config::Config;
use crate::runtime::Running;

pub(crate) use diagnosis::diagnose;
pub(crate) use examine::{Patient, Target, examine, target};
pub(crate) use finding::{good, skipped, trouble, warning};

/// Folder of the data directory that holds this install's own models.
const MODELS: &str = "models";
/// Damaged files that are named one by one; the rest is counted.
const NAMED_FILES: usize = 10;

/// What this computer's network says while no node runs.
pub(crate) async fn offline(config: &Config, now_ms: u64) -> Vec<Check> {
    let interfaces = network::interfaces();
    let facts = facts::Facts {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        belongs: facts::Belongs::Nowhere,
        listen: config.listen,
        default_via: network::default_via(&interfaces),
        interfaces,
        multicast: multicast::look(config.discovery).await,
        twins: Vec::new(),
        now_ms,
        settled: false,
        peers: Vec::new(),
        strangers: Vec::new(),
    };
    // Where it belongs, only its node knows.
    diagnose(&facts).into_iter().filter(|check| check.code != "alone").collect()
}

/// What can be seen without a network and without asking a node. `running` is the node of this data
/// directory.
pub(crate) async fn local(config: &Config, running: Option<&Running>) -> Vec<Check> {
    let mut checks = vec![data_dir(&config.data_dir), clock()];
    checks.extend(ports::check(config, running));
    checks.extend(worker(&config.worker_dir).await);
    // A node that runs has looked at its models itself.
    if running.is_none() {
        checks.extend(models(config));
    }
    checks
}

fn data_dir(path: &Path) -> Check {
    let shown = path.display();
    if !path.exists() {
        return good("data_dir", format!("{shown} will be made at the first start"));
    }
    match tempfile::tempfile_in(path) {
        Ok(_) => good("data_dir", format!("{shown} can be written")),
        Err(error) => trouble(
            "data_dir",
            format!("{shown} cannot be written: {error}"),
            "Free space, correct its permissions, or use another folder with --data-dir.",
        ),
    }
}

/// A clock before the day this program was installed is wrong; invitations and logs suffer.
fn clock() -> Check {
    let program = std::env::current_exe().and_then(std::fs::metadata);
    let Ok(installed) = program.and_then(|metadata| metadata.modified()) else {
        return skipped("clock", "the age of this program cannot be told");
    };
    match installed.duration_since(SystemTime::now()) {
        Ok(behind) if behind > Duration::from_secs(86_400) => trouble(
            "clock",
            "the clock shows a day before this program was installed",
            "Set the clock, or let the system keep it by NTP.",
        ),
        Ok(_) | Err(_) => good("clock", "the clock is plausible"),
    }
}

/// Whether the engine runs, and what the system holds it to.
async fn worker(folder: &Path) -> Vec<Check> {
    let program = folder.join(format!("pumasi-llama{}", std::env::consts::EXE_SUFFIX));
    let shown = program.display();
    if !program.is_file() {
        return vec![trouble(
            "worker",
            format!("the engine {shown} is missing: this computer cannot run models"),
            "Build it (`cargo build --release -p pumasi-llama`), or say where it is with --worker-dir.",
        )];
    }
    match WorkerEngine::probe(&program, EngineKind::Llama).await {
        Ok(found) => {
            let names: Vec<&str> = found.devices.iter().map(|d| d.name.as_str()).collect();
            let runs = good("worker", format!("the engine runs and sees: {}", names.join(", ")));
            vec![runs, sandbox::check(found.confinement)]
        }
        Err(fault) => vec![trouble(
            "worker",
            format!("the engine {shown} does not run here: {fault}"),
            "Run it by hand to see what it says; it may be built for another processor or driver.",
        )],
    }
}

fn models(config: &Config) -> Vec<Check> {
    let own = config.data_dir.join(MODELS);
    let own = own.is_dir().then_some(own);
    let folders = own.iter().chain(&config.model_dirs);
    let mut usable = 0;
    let mut damaged = Vec::new();
    for folder in folders {
        match Catalog::scan(folder) {
            Ok(catalog) => {
                for entry in catalog.entries() {
                    match &entry.model {
                        Ok(_) => usable += 1,
                        Err(fault) => damaged.push(format!("{}: {fault}", entry.path.display())),
                    }
                }
            }
            Err(error) => damaged.push(format!("{}: {error}", folder.display())),
        }
    }
    let files = if usable == 1 { "file is" } else { "files are" };
    let mut checks = vec![good("models", format!("{usable} model {files} usable"))];
    let advice = "Fetch the file again, or move it away; the other models are not affected.";
    let rest = damaged.len().saturating_sub(NAMED_FILES);
    let named = damaged.into_iter().take(NAMED_FILES);
    checks.extend(named.map(|what| warning("model_damaged", what, advice)));
    if rest > 0 {
        checks.push(warning("model_damaged", format!("{rest} more files are damaged"), advice));
    }
    checks
}

#[cfg(test)]
mod tests {
    use pumasi_web::api::CheckOutcome;

    use super::*;
    use crate::config::{Places, Settings, load};

    fn config(folder: &Path) -> Config {
        let places = Places { config: None, data_dir: Some(folder.to_owned()) };
        let settings = Settings { worker_dir: Some(folder.to_owned()), ..Settings::default() };
        load(settings, &places).expect("it is valid")
    }

    #[tokio::test]
    async fn a_missing_engine_and_a_damaged_model_are_named_with_advice() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let models_dir = folder.path().join(MODELS);
        std::fs::create_dir(&models_dir).expect("it is made");
        std::fs::write(models_dir.join("broken.gguf"), "GGUF").expect("it is written");
        let config = config(folder.path());
        let found = &worker(&config.worker_dir).await[0];
        assert_eq!((found.outcome, found.advice.is_some()), (CheckOutcome::Trouble, true));
        let found = models(&config);
        let broken = found.iter().find(|check| check.outcome == CheckOutcome::Warning);
        let broken = broken.expect("the damaged file is reported");
        assert!(broken.message.contains("broken.gguf") && broken.advice.is_some());
    }

    #[test]
    fn a_folder_that_cannot_be_written_is_trouble() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        assert_eq!(data_dir(folder.path()).outcome, CheckOutcome::Good);
        // A file in its place refuses root too.
        let file = folder.path().join("file");
        std::fs::write(&file, "").expect("it is written");
        assert_eq!(data_dir(&file).outcome, CheckOutcome::Trouble);
    }
}
