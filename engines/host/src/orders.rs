//! What an engine's handle and its task have in common: orders one way, a board the other.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use pumasi_protocol::worker::{LoadModel, LoadedModel, RequestId};
use pumasi_protocol::{Device, Fault, Tempo, Work};
use tokio::sync::oneshot;

use crate::diagnostics::Diagnostics;
use crate::events::EventSender;
use crate::process::SharedRing;

/// What the engine's handle asks for.
#[derive(Debug)]
pub(crate) enum Order {
    Start(oneshot::Sender<Result<(), Fault>>),
    Load { model: LoadModel, reply: LoadReply },
    CancelLoad,
    Submit { request: RequestId, work: Work, input: Vec<u8>, events: EventSender },
    Cancel(RequestId),
    End(oneshot::Sender<()>),
}

/// Where the result of a load goes.
pub(crate) type LoadReply = oneshot::Sender<Result<LoadedModel, Fault>>;

/// What the handle reads without asking.
#[derive(Debug, Default)]
pub(crate) struct Board {
    pub(crate) diagnostics: Diagnostics,
    pub(crate) devices: Vec<Device>,
    pub(crate) ring: Option<SharedRing>,
    /// Tempos that the task has not seen yet.
    pub(crate) tempos: BTreeMap<RequestId, Tempo>,
}

pub(crate) type SharedBoard = Arc<Mutex<Board>>;
