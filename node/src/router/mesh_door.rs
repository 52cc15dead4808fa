//! The way into the mesh for requests that providers have a say in, too.

use pumasi_web::mesh::{Run, RunError, Running};
use tokio::sync::{mpsc, oneshot};

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
    pub(super) async fn models(&self) -> super::plan::MeshModels {
        let models = self.ask(Ask::Models).await.unwrap_or_default();
        let wait = |model: &pumasi_web::api::Model| {
            model.places.iter().filter_map(|place| place.wait_ms).min()
        };
        models.into_iter().map(|model| (model.name.clone(), wait(&model))).collect()
    }

    async fn ask<T>(&self, question: impl FnOnce(oneshot::Sender<T>) -> Ask) -> Option<T> {
        let (reply, answer) = oneshot::channel();
        self.events.send(Event::Ask(question(reply))).await.ok()?;
        answer.await.ok()
    }
}
