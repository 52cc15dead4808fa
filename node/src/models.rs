//! The models on this node: what the catalog found, in the mesh's words, with what each would take.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use pumasi_models::catalog::{self, Catalog, Entry, inspect_file};
use pumasi_models::estimate::{LoadPlan, estimate};
use pumasi_models::inspect::Inspection;
use pumasi_models::kv_cache::CacheType as Cached;
use pumasi_models::open::{FileIdentity, check_unchanged};
use pumasi_models::store::{Store, StoredModel};
use pumasi_protocol::worker::{CacheType, FlashAttention};
use pumasi_protocol::{BlobId, Capabilities, Fault, ModelName, ModelSettings, Rate};

use crate::config::{EngineConfig, ModelPlan};

/// A model file on this node.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct LocalModel {
    /// Its name in the mesh.
    pub(crate) name: ModelName,
    /// Where it lies.
    pub(crate) path: PathBuf,
    /// Its content.
    pub(crate) file: BlobId,
    /// Size in bytes.
    pub(crate) size: u64,
    /// When the file was last changed, Unix time in seconds.
    pub(crate) changed_s: u64,
    /// How it is loaded and kept.
    pub(crate) plan: ModelPlan,
    /// What it is, or why it cannot be used, as a sentence.
    pub(crate) model: Result<UsableModel, String>,
}

/// What loading and placing need to know of a usable file.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct UsableModel {
    /// What it can do.
    pub(crate) capabilities: Capabilities,
    /// Tokens that a slot will hold.
    pub(crate) context: u32,
    /// Memory that it will take, in bytes, all slots included.
    pub(crate) memory: u64,
    /// The state of the file that was inspected.
    pub(crate) identity: FileIdentity,
    inspection: Arc<Inspection>,
}

impl LocalModel {
    /// Checks that the file is the one that was inspected.
    ///
    /// # Errors
    /// [`Fault::ModelDamaged`] if it was changed or removed since, or was never usable.
    pub(crate) fn check(&self) -> Result<UsableModel, Fault> {
        let usable = self.model.as_ref().map_err(|_| Fault::ModelDamaged)?;
        check_unchanged(&self.path, &usable.identity).map_err(|_| Fault::ModelDamaged)?;
        Ok(usable.clone())
    }

    /// Has it loaded and kept in another way.
    pub(crate) fn set_plan(&mut self, plan: ModelPlan) {
        self.plan = plan;
        if let Ok(usable) = &mut self.model {
            usable.set_plan(&plan);
        }
    }
}

/// Reads all model folders. Hashes what is new, so it can take long: not for the event loop.
/// Of two files with one name, the store's is kept, and else the one in the earlier folder.
#[must_use]
pub(crate) fn scan(store: &Store, folders: &[PathBuf], engine: &EngineConfig) -> Vec<LocalModel> {
    let stored = catalog::of_store(store);
    let mut found: Vec<LocalModel> =
        stored.iter().filter_map(|entry| local(entry, engine)).collect();
    for folder in folders {
        for model in scan_folder(folder, engine) {
            if found.iter().all(|known| known.name != model.name) {
                found.push(model);
            }
        }
    }
    found
}

/// A model of the store by its name in the mesh.
pub(crate) fn stored(store: &Store, name: &ModelName, engine: &EngineConfig) -> Option<LocalModel> {
    let name = pumasi_models::name::ModelName::parse(name.as_str()).ok()?;
    stored_model(store, &store.model(&name)?, engine)
}

/// Split models are none: engines get one file.
fn stored_model(store: &Store, stored: &StoredModel, engine: &EngineConfig) -> Option<LocalModel> {
    let [blob] = &stored.blobs[..] else { return None };
    let name = stored.name.as_str().parse().ok()?;
    let model = match inspect_file(&blob.path) {
        Ok((inspection, identity)) if store.checked(&blob.sha256) == Some(identity) => {
            Ok(usable(&inspection, identity, engine))
        }
        Ok(_) => Err("The stored file was changed since it was checked.".to_owned()),
        Err(fault) => Err(fault.to_string()),
    };
    Some(LocalModel {
        name,
        path: blob.path.clone(),
        file: BlobId(*blob.id.as_bytes()),
        size: blob.bytes,
        changed_s: stored.row.added_s,
        plan: engine.for_model(&ModelSettings::default()),
        model,
    })
}

fn scan_folder(folder: &Path, engine: &EngineConfig) -> Vec<LocalModel> {
    match Catalog::scan(folder) {
        Ok(mut catalog) => {
            catalog.hash_pending(&mut |_| ControlFlow::Continue(()));
            catalog.entries().iter().filter_map(|entry| local(entry, engine)).collect()
        }
        Err(error) => {
            tracing::warn!(folder = %folder.display(), %error, "a model folder cannot be read");
            Vec::new()
        }
    }
}

fn local(entry: &Entry, engine: &EngineConfig) -> Option<LocalModel> {
    let name = entry.name.as_str().parse().ok()?;
    let identity = entry.identity;
    let model = match (&entry.model, identity, entry.hash) {
        (Ok(inspection), Some(identity), Some(_)) => Ok(usable(inspection, identity, engine)),
        (Err(fault), ..) => Err(fault.to_string()),
        (Ok(_), ..) => Err("The file could not be read to its end.".to_owned()),
    };
    let changed = std::fs::metadata(&entry.path).and_then(|m| m.modified()).ok();
    let since_epoch = changed.and_then(|t| t.duration_since(std::time::UNIX_EPOCH).ok());
    Some(LocalModel {
        name,
        path: entry.path.clone(),
        file: BlobId(entry.hash.map_or([0; 32], |hash| *hash.as_bytes())),
        size: identity.map_or(0, |identity| identity.bytes),
        changed_s: since_epoch.map_or(0, |t| t.as_secs()),
        plan: engine.for_model(&ModelSettings::default()),
        model,
    })
}

fn usable(model: &Inspection, identity: FileIdentity, engine: &EngineConfig) -> UsableModel {
    let template = model.chat_template.as_ref().and_then(|t| t.text.as_deref()).unwrap_or("");
    let capabilities = Capabilities {
        generate: !model.embeds,
        embed: true,
        tools: template.contains("tools"),
        thinking: template.contains("<think>") || template.contains("enable_thinking"),
        vision: false,
        image: false,
    };
    let inspection = Arc::new(model.clone());
    let mut usable = UsableModel { capabilities, context: 0, memory: 0, identity, inspection };
    usable.set_plan(&engine.for_model(&ModelSettings::default()));
    usable
}

impl UsableModel {
    /// What loading it in this way gives and takes.
    fn set_plan(&mut self, plan: &ModelPlan) {
        let trained = u32::try_from(self.inspection.context_length).unwrap_or(u32::MAX);
        self.context = plan.context_for(trained);
        let cache = match plan.cache {
            CacheType::F16 => Cached::F16,
            CacheType::Q8 => Cached::Q8_0,
            CacheType::Q4 => Cached::Q4_0,
        };
        let load = LoadPlan {
            context_per_slot: self.context.into(),
            slots: plan.slots.into(),
            key_type: cache,
            value_type: cache,
            flash_attention: plan.flash != FlashAttention::Off,
            embeddings: true,
            ..LoadPlan::default()
        };
        self.memory = estimate(&self.inspection, &load).total();
    }
}

/// What computes a model, as far as it bears on speed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Computes {
    /// The processor.
    Processor,
    /// A graphics card.
    Card,
}

/// Prefill and decode rates of a model that was never measured here. Decoding one token reads every
/// weight once, so its rate is at most the memory's bandwidth ÷ the file's size; computing a prompt
/// reuses each weight. Guesses with the right order of magnitude, replaced by the first
/// measurements: 10 GB/s and threefold for processors (measured on two cores: 10 to 16 GB/s,
/// threefold), 200 GB/s and twentyfold for cards.
pub(crate) fn assumed_rates(size: u64, computes: Computes) -> (Rate, Rate) {
    let (bytes_per_s, reuse) = match computes {
        Computes::Processor => (10_000_000_000, 3),
        Computes::Card => (200_000_000_000, 20),
    };
    // A step costs something however small the model is.
    let decode = (bytes_per_s / size.max(1)).clamp(1, 500);
    let rate = |tokens: u64| Rate::measured(u32::try_from(tokens).unwrap_or(u32::MAX), 1_000_000);
    (rate(decode * reuse), rate(decode))
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU16;

    use super::*;

    fn engine() -> EngineConfig {
        let one = NonZeroU16::MIN;
        EngineConfig { threads: one, slots: one, context: None, gpu_layers: 0, keep_alive: None }
    }

    #[test]
    fn small_models_and_cards_are_assumed_to_be_fast() {
        let rates = |size, computes| {
            let (prefill, decode) = assumed_rates(size, computes);
            (prefill.0 / 1_000, decode.0 / 1_000)
        };
        assert_eq!(rates(1_000_000, Computes::Processor), (1_500, 500));
        assert_eq!(rates(5_000_000_000, Computes::Processor), (6, 2));
        assert_eq!(rates(5_000_000_000, Computes::Card), (800, 40));
        assert_eq!(rates(0, Computes::Card), (10_000, 500));
    }

    #[test]
    fn the_starter_is_usable_until_its_file_changes_and_a_damaged_file_says_so() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = crate::starter::unpack(folder.path()).expect("the starter");
        std::fs::write(folder.path().join("broken.gguf"), b"GGUF").expect("a file");
        let store = Store::open(&folder.path().join("store")).expect("a new store");
        let models = scan(&store, &[folder.path().to_owned()], &engine());
        let names: Vec<&str> = models.iter().map(|m| m.name.as_str()).collect();
        assert_eq!(names, ["broken", "starter-chat"]);
        assert!(models[0].model.is_err());
        let starter = &models[1];
        let usable = starter.check().expect("it is whole");
        assert!(usable.capabilities.generate && usable.capabilities.tools);
        assert!(usable.context >= 128 && usable.memory > starter.size);
        let mut planned = starter.clone();
        let mut of = |settings: &ModelSettings| {
            planned.set_plan(engine().for_model(settings));
            planned.check().expect("it is whole")
        };
        let cache = Some(CacheType::Q8);
        let packed =
            ModelSettings { context: Some(128), slots: Some(16), cache, ..Default::default() };
        let (q8, f16) = (of(&packed), of(&ModelSettings { cache: None, ..packed.clone() }));
        assert_eq!((q8.context, f16.context), (128, 128));
        assert!(q8.memory < f16.memory, "{} {}", q8.memory, f16.memory);
        std::fs::write(&path, b"GGUF").expect("a file");
        assert_eq!(starter.check(), Err(Fault::ModelDamaged));
    }
}
