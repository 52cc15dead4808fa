//! Documents that were handed over before a job names them: kept for a while, and a bounded number.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use pumasi_protocol::BlobId;
use pumasi_protocol::custody::Blob;
use pumasi_web::mesh::RunError;

use crate::store::{Store, StoreError};

/// How long a document waits for a job.
const KEPT: Duration = Duration::from_hours(1);
/// Documents that wait for a job (guess: a folder of a person several times over).
const WAITING: usize = 1_024;

/// Those that wait, the oldest first.
#[derive(Debug, Default)]
pub(crate) struct Uploads(Mutex<VecDeque<(BlobId, Instant)>>);

impl Uploads {
    /// Writes a document. On the disk when this returns.
    pub(super) async fn keep(&self, store: &Store, bytes: Bytes) -> Result<Blob, RunError> {
        let (writing, size) = (store.clone(), bytes.len() as u64);
        let written = tokio::task::spawn_blocking(move || {
            writing.check_space(bytes.len())?;
            writing.put_file(&bytes)
        });
        let id = match written.await.unwrap_or(Err(StoreError::Stopped)) {
            Ok(id) => id,
            Err(StoreError::Full) => return Err(RunError::DiskFull),
            Err(error) => {
                tracing::error!(%error, "a document could not be written down");
                return Err(RunError::NotStored);
            }
        };
        let old = self.note(id, Instant::now());
        let giving_up = store.clone();
        drop(tokio::task::spawn_blocking(move || {
            // One that a job names by now stays with the job.
            old.into_iter().for_each(|id| giving_up.give_up_file(id));
        }));
        Ok(Blob { id, bytes: size })
    }

    /// Notes a document; those that waited for long enough, or are too many.
    fn note(&self, id: BlobId, now: Instant) -> Vec<BlobId> {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.retain(|(known, _)| *known != id);
        waiting.push_back((id, now));
        let mut old = Vec::new();
        while let Some((first, since)) = waiting.front().copied()
            && (waiting.len() > WAITING || now.duration_since(since) > KEPT)
        {
            waiting.pop_front();
            old.push(first);
        }
        old
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_without_a_job_go_after_an_hour_or_when_they_are_too_many() {
        let uploads = Uploads::default();
        let (id, now) =
            (|n: u16| BlobId([(n >> 8) as u8; 32].map(|b| b ^ n as u8)), Instant::now());
        assert_eq!(uploads.note(id(1), now), []);
        assert_eq!(uploads.note(id(2), now + KEPT), []);
        assert_eq!(uploads.note(id(1), now + KEPT), [], "handed over again");
        assert_eq!(uploads.note(id(3), now + 2 * KEPT + Duration::from_secs(1)), [id(2), id(1)]);
        for n in 0..2_000_u32 {
            let mut bytes = [7; 32];
            bytes[..4].copy_from_slice(&n.to_le_bytes());
            let old = uploads.note(BlobId(bytes), now + 3 * KEPT);
            assert!(old.len() <= 1);
        }
        assert_eq!(uploads.0.lock().expect("no panic").len(), WAITING);
    }
}
