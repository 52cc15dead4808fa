//! How much a model is to think, where a request leaves that to us.

use std::time::Duration;

use pumasi_dialects::fitting_budget;
use pumasi_protocol::generate::Thinking;
use pumasi_protocol::{Generate, ModelName, Prompt};

use crate::app::App;

/// Settles it by the question and by what waits for the model. The budget in tokens, 0 for none; none where
/// the request said itself how much.
pub(super) async fn settle(app: &App, model: &ModelName, generate: &mut Generate) -> Option<u32> {
    if !matches!(&generate.prompt, Prompt::Chat { thinking: Thinking::Auto, .. }) {
        return None;
    }
    let wait = wait(app, model).await;
    let budget = fitting_budget(&generate.prompt, &generate.format, wait);
    if let Prompt::Chat { thinking, .. } = &mut generate.prompt {
        *thinking = budget.map_or(Thinking::Off, |tokens| Thinking::On(Some(tokens)));
    }
    Some(budget.unwrap_or(0))
}

/// The shortest wait among the computers that have it; none where only providers do.
async fn wait(app: &App, model: &ModelName) -> Duration {
    let models = app.mesh.models().await;
    let places = models.iter().filter(|known| known.name == model.as_str());
    let waits = places.flat_map(|known| &known.places).filter_map(|place| place.wait_ms);
    Duration::from_millis(waits.min().unwrap_or(0))
}
