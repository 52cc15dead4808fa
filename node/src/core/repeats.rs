//! Idempotency keys: the same key of the same person is the same job, from before it is written down
//! until it is forgotten.

use std::collections::BTreeMap;

use pumasi_protocol::{JobId, PersonId};
use pumasi_web::mesh::{Repeat, RunError};

use super::Core;
use super::durable::Submitted;
use crate::store::RepeatKey;

/// Requests that wait for the same job to be written down.
const WAITING: usize = 64;

/// The keys of this node's lasting jobs.
#[derive(Default)]
pub(super) struct Repeats {
    known: BTreeMap<[u8; 32], Known>,
}

struct Known {
    body: [u8; 32],
    job: JobId,
    /// While it is being written down: who else waits for it.
    waiting: Option<Vec<Submitted>>,
}

/// Key and request as they are kept: the same on every node of the mesh.
pub(super) fn key(person: PersonId, repeat: &Repeat) -> RepeatKey {
    let mut hasher = blake3::Hasher::new_derive_key("pumasi idempotency key 1");
    hasher.update(&person.0).update(repeat.key.as_bytes());
    RepeatKey { key: *hasher.finalize().as_bytes(), body: repeat.body }
}

impl Repeats {
    pub(super) fn begin(&mut self, repeat: Option<RepeatKey>, job: JobId) {
        if let Some(RepeatKey { key, body }) = repeat {
            self.known.insert(key, Known { body, job, waiting: Some(Vec::new()) });
        }
    }

    /// It was written down, or could not be; gives who waits for it.
    pub(super) fn end(&mut self, repeat: Option<RepeatKey>, kept: bool) -> Vec<Submitted> {
        let Some(RepeatKey { key, .. }) = repeat else { return Vec::new() };
        let waiting = self.known.get_mut(&key).and_then(|known| known.waiting.take());
        if !kept {
            self.known.remove(&key);
        }
        waiting.unwrap_or_default()
    }

    pub(super) fn forget(&mut self, jobs: &[JobId]) {
        self.known.retain(|_, known| !jobs.contains(&known.job));
    }
}

impl Core {
    /// Answers a request that repeats another; gives back the reply of a new one.
    pub(super) fn answer_repeated(
        &mut self,
        repeat: Option<RepeatKey>,
        reply: Submitted,
    ) -> Option<Submitted> {
        let known = repeat.and_then(|repeat| self.owned.repeats.known.get_mut(&repeat.key));
        let (Some(known), Some(repeat)) = (known, repeat) else { return Some(reply) };
        if known.body != repeat.body {
            drop(reply.send(Err(RunError::KeyReused)));
            return None;
        }
        let job = known.job;
        match &mut known.waiting {
            Some(waiting) if waiting.len() < WAITING => waiting.push(reply),
            Some(_) => drop(reply.send(Err(RunError::Busy { retry_s: 1 }))),
            None => match self.owned.find(job) {
                Some(job) => drop(reply.send(Ok(self.job_view(job)))),
                // It is kept, and too old to be listed.
                None => return Some(reply),
            },
        }
        None
    }
}
