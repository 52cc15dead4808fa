//! Fetches one file from all members that have it, or parts of it, at once: a thread for each source, and
//! one that looks after them. A source that lies is dropped and blamed; one that is gone or silent is
//! tried again while the others go on.

mod fetching;
mod state;

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use pumasi_models::hash::FileHash;
use pumasi_models::store::partial::{Fetched, PartialError};
use pumasi_protocol::{BlobId, NodeId};
use tokio::runtime::Handle;

use super::Shelf;
use crate::net::DataPlane;
use fetching::run_source;
use state::State;

/// Sources that are read from at a time (guess: four fill any link, eight hide slow ones).
const SOURCES: usize = 8;
/// Members that are tried for one file.
const CANDIDATES: usize = 256;
/// How often a source that has nothing new is asked again.
const ASK_AGAIN: Duration = Duration::from_millis(100);
/// How often in a row a source may have nothing at all: one that has just begun will have something.
const NOTHING: u32 = 20;
/// How long a source that failed is left alone.
const REST: Duration = Duration::from_secs(2);
/// How long a file is waited for of which nothing comes.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often the sources are looked after.
const TICK: Duration = Duration::from_millis(50);
/// Over which time a speed is measured.
const SPEED_WINDOW: Duration = Duration::from_secs(2);

/// What to fetch.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    /// Which file.
    pub(crate) blob: BlobId,
    /// Where unfinished files lie.
    pub(crate) folder: PathBuf,
    /// Members that are thought to have it, the best first.
    pub(crate) sources: Vec<NodeId>,
    /// Bytes that may be taken for it; a larger file is none.
    pub(crate) room: u64,
}

/// Why a file was not fetched. What is there of it stays, and is gone on with.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CopyError {
    /// Nobody has it who can be reached.
    #[error("no computer that has this model can be reached; what came so far is kept")]
    NoSource,
    /// It is larger than there is room for.
    #[error("the model takes {bytes} bytes, and there is room for {room}; free some space first")]
    NoRoom {
        /// Its size.
        bytes: u64,
        /// Bytes that may be taken.
        room: u64,
    },
    /// The disk refused.
    #[error("the disk refused ({0}); free some space or check it, then try again")]
    Disk(std::io::ErrorKind),
    /// It is fetched already.
    #[error("this model is being fetched already")]
    Busy,
    /// Somebody stopped it.
    #[error("it was stopped; what came so far is kept")]
    Stopped,
}

/// How far a source is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// It is dialled.
    Connecting,
    /// It makes the tree of its file; permille done.
    Preparing(u16),
    /// It sends.
    Sending,
    /// It failed, and is tried again.
    Resting,
    /// It lied, and is not asked again.
    Dropped,
}

/// What a source gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SourceProgress {
    /// Who.
    pub(crate) node: NodeId,
    /// How far it is.
    pub(crate) stage: Stage,
    /// Bytes that came from it, proven.
    pub(crate) bytes: u64,
    /// Bytes a second, of late.
    pub(crate) bytes_per_s: u64,
    /// Over TCP, or QUIC.
    pub(crate) is_tcp: bool,
}

/// How far a copy is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Progress {
    /// Size of the file, once it is proven.
    pub(crate) size: Option<u64>,
    /// Bytes that are here.
    pub(crate) held: u64,
    /// Who gave what, in the order in which they were asked.
    pub(crate) sources: Vec<SourceProgress>,
}

/// A file that is being fetched. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Copying {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    me: NodeId,
    wanted: Wanted,
    shelf: Arc<Shelf>,
    state: Mutex<State>,
    changed: Condvar,
    stop: AtomicBool,
}

impl Copying {
    /// Begins; `done` is called in a thread of the copy when it ends.
    pub(crate) fn begin(
        plane: DataPlane,
        me: NodeId,
        shelf: Arc<Shelf>,
        wanted: Wanted,
        runtime: Handle,
        done: impl FnOnce(Result<Fetched, CopyError>) + Send + 'static,
    ) -> Self {
        let state = State { candidates: wanted.sources.clone(), ..State::default() };
        let shared = Arc::new(Shared {
            me,
            wanted,
            shelf,
            state: Mutex::new(state),
            changed: Condvar::new(),
            stop: AtomicBool::new(false),
        });
        let copying = Self { shared: Arc::clone(&shared) };
        let thread = std::thread::Builder::new().name("copies".to_owned());
        let begun = thread.spawn(move || {
            let outcome = look_after(&shared, &plane, &runtime);
            shared.shelf.take_part(&shared.wanted.blob);
            done(outcome);
        });
        if let Err(error) = begun {
            tracing::warn!(%error, "no thread to fetch a model");
        }
        copying
    }

    /// Further members that may have it.
    pub(crate) fn add_sources(&self, nodes: impl IntoIterator<Item = NodeId>) {
        self.shared.lock().add(self.shared.me, nodes);
    }

    /// Ends it; what is there stays.
    pub(crate) fn stop(&self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        self.shared.changed.notify_all();
    }

    /// How far it is.
    pub(crate) fn progress(&self) -> Progress {
        let state = self.shared.lock();
        let now = Instant::now();
        let mut known: Vec<_> = state.sources.iter().collect();
        known.sort_by_key(|(_, known)| known.since);
        let sources = known.into_iter().map(|(node, known)| SourceProgress {
            node: *node,
            stage: known.stage,
            bytes: known.bytes,
            bytes_per_s: known.speed(now),
            is_tcp: known.is_tcp,
        });
        let sources = sources.collect();
        let partial = state.open.as_ref().map(|(partial, _)| Arc::clone(partial));
        drop(state);
        let size = partial.as_ref().map(|partial| partial.shape().bytes);
        Progress { size, held: partial.map_or(0, |partial| partial.bytes_held()), sources }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no code that holds this lock panics")
    }

    fn is_over(&self) -> bool {
        self.stop.load(Ordering::Relaxed) || self.lock().failed.is_some()
    }

    fn hash(&self) -> FileHash {
        FileHash::from_bytes(self.wanted.blob.0)
    }
}

fn look_after(
    shared: &Arc<Shared>,
    plane: &DataPlane,
    runtime: &Handle,
) -> Result<Fetched, CopyError> {
    let mut threads = Vec::new();
    let begun = Instant::now();
    let mut state = shared.lock();
    let outcome = loop {
        let now = Instant::now();
        if shared.stop.load(Ordering::Relaxed) {
            break Err(CopyError::Stopped);
        }
        if let Some(error) = state.failed.clone() {
            break Err(error);
        }
        if state.is_whole() {
            break Ok(());
        }
        // Who reads it here has parts of it, too.
        state.add(shared.me, shared.shelf.readers(&shared.wanted.blob, &shared.me));
        while state.running < SOURCES
            && let Some(node) = state.due(now)
        {
            state.known(node).is_running = true;
            state.running += 1;
            state.next += 1;
            let (id, shared, plane, runtime) =
                (state.next, Arc::clone(shared), plane.clone(), runtime.clone());
            let run = move || run_source(&shared, &plane, &runtime, node, id);
            match std::thread::Builder::new().name("source".to_owned()).spawn(run) {
                Ok(thread) => threads.push(thread),
                Err(error) => state.failed = Some(CopyError::Disk(error.kind())),
            }
        }
        let quiet = now.duration_since(state.last_news.unwrap_or(begun));
        if quiet > PATIENCE || state.candidates.is_empty() && state.running == 0 {
            break Err(CopyError::NoSource);
        }
        let waited = shared.changed.wait_timeout(state, TICK);
        state = waited.expect("no code that holds this lock panics").0;
    };
    let open = state.open.as_ref().map(|(partial, _)| Arc::clone(partial));
    if let Err(error) = &outcome {
        state.failed = Some(error.clone());
    }
    drop(state);
    threads.into_iter().for_each(|thread| drop(thread.join()));
    let finished =
        outcome.and_then(|()| open.as_ref().expect("it is whole").finish().map_err(copy_error));
    if let Some(partial) = open {
        partial.release();
    }
    finished
}

fn copy_error(error: PartialError) -> CopyError {
    match error {
        PartialError::TooLarge { bytes } => {
            CopyError::NoRoom { bytes, room: pumasi_models::limits::FILE_BYTES_MAX }
        }
        PartialError::Busy => CopyError::Busy,
        PartialError::Incomplete { .. } => CopyError::NoSource,
        PartialError::Disk(error) => CopyError::Disk(error.kind()),
    }
}
