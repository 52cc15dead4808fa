//! One BLAKE3 over everything that happened in a run: equal runs have equal digests. Values are
//! hashed as they are encoded, not as text, because every step of every machine goes through here.

use pumasi_protocol::frame;
use pumasi_scheduler::{Action, Input, Time};
use serde::Serialize;

/// Largest value that is hashed, in bytes; a larger one would count as empty.
const VALUE_BYTES: usize = 1 << 22;

/// The running digest.
#[derive(Debug, Clone, Default)]
pub(crate) struct Digest(blake3::Hasher);

impl Digest {
    pub(crate) fn input(&mut self, now: Time, node: usize, input: &Input) {
        match input {
            // Most of what happens is gossip; its number stands for its content.
            Input::Advert(advert) => {
                self.add(now, node, 1, &(advert.node, advert.incarnation, advert.sequence));
            }
            Input::Delta(delta) => {
                self.add(now, node, 2, &(delta.node, delta.incarnation, delta.sequence));
            }
            Input::Submit { .. }
            | Input::Cancel { .. }
            | Input::Message { .. }
            | Input::SendFailed { .. }
            | Input::Left { .. }
            | Input::Peer { .. }
            | Input::Roster { .. }
            | Input::Local { .. }
            | Input::Desk { .. }
            | Input::Preload { .. }
            | Input::Release { .. }
            | Input::Pin { .. }
            | Input::ModelLoading { .. }
            | Input::ModelLoaded { .. }
            | Input::ModelUnloaded { .. }
            | Input::LoadFailed { .. }
            | Input::AttemptStarted { .. }
            | Input::AnswerBegun { .. }
            | Input::State { .. }
            | Input::AttemptEnded { .. }
            | Input::StreamOpened { .. }
            | Input::ExecutorDone { .. } => self.add(now, node, 3, input),
        }
    }

    pub(crate) fn action(&mut self, now: Time, node: usize, action: &Action) {
        self.add(now, node, 4, action);
    }

    /// Something that is neither: its kind above 4.
    pub(crate) fn add(&mut self, now: Time, node: usize, kind: u8, value: &impl Serialize) {
        self.0.update(&now.0.to_le_bytes());
        self.0.update(&[kind]);
        self.0.update(&(node as u64).to_le_bytes());
        let body = frame::encode_body(value, VALUE_BYTES).unwrap_or_default();
        self.0.update(&body);
    }

    pub(crate) fn finish(&self) -> String {
        self.0.finalize().to_hex().to_string()
    }
}
