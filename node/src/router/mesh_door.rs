//! The way into the mesh for requests that providers have a say in, too.

use pumasi_web::mesh::{Run, RunError, Running};
use tokio::sync::{mpsc, oneshot};

use super::plan::{MeshModel, MeshModels};
use crate::core::event::{Ask, Event};

/// Asks the node's loop.
#[derive(Clone)]
pub(crate) struct MeshDoor {
    events: mpsc::Sender<Event>,
}

impl MeshDoor {
    pub(crate) fn new(events: mpsc::Sender<Event>) -> Self {
        Self { events }
    }

    /// Hands in a job.
    pub(super) async fn run(&self, run: Run) -> Result<Running, RunError> {
        self.ask(|reply| Ask::Run(Box::new(run), reply)).await.unwrap_or(Err(RunError::Stopping))
    }

    /// The models that there are, and how long each lets wait.
    pub(super) async fn models(&self) -> MeshModels {
        let models = self.ask(Ask::Models).await.unwrap_or_default();
        let known = |model: &pumasi_web::api::Model| MeshModel {
            wait_ms: model.places.iter().filter_map(|place| place.wait_ms).min(),
            tokens_per_s: fastest(model),
        };
        models.into_iter().map(|model| (model.name.clone(), known(&model))).collect()
    }

    /// Whether this computer works for others at the moment.
    pub(super) async fn lends(&self) -> bool {
        let status = self.ask(Ask::Status).await;
        status.is_some_and(|status| status.admission == pumasi_web::api::Admission::Accepting)
    }

    async fn ask<T>(&self, question: impl FnOnce(oneshot::Sender<T>) -> Ask) -> Option<T> {
        let (reply, answer) = oneshot::channel();
        self.events.send(Event::Ask(question(reply))).await.ok()?;
        answer.await.ok()
    }
}

/// The best writing speed of a model's computers; none before one is known.
fn fastest(model: &pumasi_web::api::Model) -> Option<f64> {
    let speeds = model.places.iter().map(|place| place.decode_tokens_per_s);
    speeds.filter(|speed| *speed > 0.0).reduce(f64::max)
}
