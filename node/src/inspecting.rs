//! The inspector: what a model's file is, as the API tells it, and what loading it would take on each
//! computer. The header is read by `pumasi-models`; a peer's is asked for.

mod fit;
mod view;

use std::path::Path;

use pumasi_models::catalog::ModelFault;
use pumasi_models::inspect::Inspection;
use pumasi_models::{gguf, open};
use pumasi_web::api;

use crate::config::EngineConfig;

pub(crate) use fit::fit;
pub(crate) use view::{View, view};

/// Reads a file's header, also of a model that the engine cannot run. Takes milliseconds, and reads
/// no weights; not for the event loop all the same.
///
/// # Errors
/// What is wrong with the file.
pub(crate) fn read(path: &Path) -> Result<Inspection, ModelFault> {
    let opened = open::open_model(path)?;
    let header = gguf::read(&opened.file, opened.identity.bytes)?;
    Ok(Inspection::outline(&header)?)
}

/// How a question wants a model loaded; what it leaves open as this node would do it.
pub(crate) fn planned(
    query: &api::InspectQuery,
    engine: &EngineConfig,
    model: &Inspection,
) -> api::LoadPlan {
    let trained = u32::try_from(model.context_length).unwrap_or(u32::MAX);
    let layers = Some(engine.gpu_layers).filter(|layers| *layers != crate::config::ALL_LAYERS);
    api::LoadPlan {
        context: query
            .context
            .unwrap_or_else(|| engine.context_for(trained))
            .clamp(1, trained.max(1)),
        slots: query.slots.unwrap_or_else(|| engine.slots.get()).clamp(1, SLOTS_MAX),
        cache: query.cache.unwrap_or_default(),
        flash_attention: query.flash.unwrap_or(true),
        gpu_layers: query.gpu_layers.or(layers),
    }
}

/// Slots that a worker takes at most.
const SLOTS_MAX: u16 = 64;
