//! The one seam of this project's engines: whatever runs jobs on this machine implements [`Engine`].

use async_trait::async_trait;
use pumasi_protocol::worker::{LoadModel, LoadedModel, RequestId};
use pumasi_protocol::{Device, EngineKind, Fault, Tempo, Work};
use tokio::sync::watch;

use crate::diagnostics::Diagnostics;
use crate::events::Events;

/// Where an engine stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum EngineState {
    /// Nothing runs; the next load starts it.
    #[default]
    Stopped,
    /// A load waits for the end of the wait after a failure.
    BackingOff,
    /// The process runs, its first frame is awaited.
    Starting,
    /// It runs without a model.
    Idle,
    /// It loads; this many permille are done.
    Loading(u16),
    /// It takes work.
    Ready(Box<LoadedModel>),
}

/// A request that an engine took.
#[derive(Debug)]
pub struct Submitted {
    /// Its name, for [`Engine::cancel`].
    pub request: RequestId,
    /// Its events, until a last one. Dropping them cancels the request.
    pub events: Events,
}

/// Runs jobs. One engine holds at most one model.
#[async_trait]
pub trait Engine: Send + Sync + 'static {
    /// Which kind of engine it is.
    fn kind(&self) -> EngineKind;

    /// The devices that it can compute on, as it last reported them.
    fn devices(&self) -> Vec<Device>;

    /// Where it stands, and every change of that; a crash while idle shows here too.
    fn state(&self) -> watch::Receiver<EngineState>;

    /// Loads a model, starting the engine (after its wait, if it failed before) where needed.
    /// Progress shows in [`Engine::state`]. Dropping the future ends the load.
    ///
    /// # Errors
    /// [`Fault::BadRequest`] while another model is loaded or loading; [`Fault::Cancelled`] after
    /// [`Engine::cancel_load`]; [`Fault::EngineStart`], [`Fault::EngineCrash`],
    /// [`Fault::EngineSilent`] or [`Fault::EngineGarbage`] for what the process did; else what the
    /// engine says about the model.
    async fn load(&self, model: LoadModel) -> Result<LoadedModel, Fault>;

    /// Ends the load that is under way, if any.
    fn cancel_load(&self);

    /// Ends all requests and frees the model. Returns when its memory is free.
    async fn unload(&self);

    /// Takes work. Never waits: a full engine refuses.
    ///
    /// # Errors
    /// [`Fault::Refused`] when no model is loaded or the engine is full.
    fn submit(&self, work: Work) -> Result<Submitted, Fault>;

    /// Ends a request within one decode step; its last event still comes.
    fn cancel(&self, request: RequestId);

    /// Runs a request at another tempo from its next step on. A paused one keeps its slot and its
    /// state and gives signs of life.
    fn set_tempo(&self, request: RequestId, tempo: Tempo);

    /// What it went through, for people.
    fn diagnostics(&self) -> Diagnostics;

    /// Ends everything for good.
    async fn shutdown(&self);
}
