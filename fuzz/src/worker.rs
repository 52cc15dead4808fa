//! Frames between a node and its workers. A worker reads files of strangers, so the node does not
//! trust what it says. The first byte chooses the direction.

use pumasi_protocol::worker::{Command, Event, LoadModel, RequestId, WORKER_PROTOCOL};
use pumasi_protocol::{BlobId, EngineKind, Generate, Phase, Prompt, limits};

use crate::{body, seed};

/// See the module.
///
/// # Panics
/// When a value is read differently from how it is written.
pub fn run(data: &[u8]) {
    let Some((which, bytes)) = data.split_first() else { return };
    if which % 2 == 0 {
        body::<Event>(bytes, limits::FRAME_BYTES);
    } else {
        body::<Command>(bytes, limits::FRAME_BYTES);
    }
}

/// A few of each.
#[must_use]
pub fn seeds() -> Vec<Vec<u8>> {
    let hello = Event::Hello {
        protocol: WORKER_PROTOCOL,
        engine: EngineKind::Llama,
        version: "b1".to_owned(),
        devices: Vec::new(),
        confinement: pumasi_protocol::worker::Confinement::default(),
    };
    let load = LoadModel {
        path: "/models/a.gguf".to_owned(),
        hash: BlobId([1; 32]),
        context: 4_096,
        slots: 4,
        gpu_layers: None,
        threads: 2,
        cache: pumasi_protocol::worker::CacheType::F16,
        flash: pumasi_protocol::worker::FlashAttention::Auto,
        drafting: pumasi_protocol::worker::Drafting::Paying,
        embeddings: false,
    };
    let generate = Generate::new(Prompt::Text("once".to_owned()));
    let request = RequestId(1);
    vec![
        seed(0, &hello),
        seed(0, &Event::Alive { phase: Phase::Decode, step: 1, request: Some(request) }),
        seed(1, &Command::Load(load)),
        seed(1, &Command::Generate { request, body: Box::new(generate) }),
        seed(1, &Command::Shutdown),
    ]
}
