//! One source of a copy, in a thread of its own: what it has, what it is asked for, what came.

use std::cell::Cell;
use std::collections::{BTreeSet, VecDeque};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use pumasi_models::store::partial::Partial;
use pumasi_models::store::tree::Shape;
use pumasi_protocol::{CopyFrame, CopyPart, NodeId};
use tokio::runtime::Handle;

use super::super::plan::{Plan, SourceId};
use super::{ASK_AGAIN, CopyError, NOTHING, REST, Shared, Stage, copy_error};
use crate::net::{DataPlane, Source, SourceError, Taken};

/// One source, until it ends.
pub(super) fn run_source(
    shared: &Arc<Shared>,
    plane: &DataPlane,
    runtime: &Handle,
    node: NodeId,
    id: SourceId,
) {
    let fetching = Fetching { shared, node, id, nothing: Cell::new(0) };
    let ended = fetching.run(plane, runtime);
    let mut state = shared.lock();
    if let Some((_, plan)) = &mut state.open {
        plan.remove(id);
    }
    let (stage, failed) = match ended {
        Ok(()) | Err(SourceError::Gone) => (Stage::Resting, None),
        Err(SourceError::Wrong) => (Stage::Dropped, None),
        Err(SourceError::Disk(kind)) => (Stage::Resting, Some(CopyError::Disk(kind))),
    };
    if stage == Stage::Dropped {
        tracing::warn!(peer = %node.short(), "a computer sent wrong parts of a model");
    }
    state.failed = state.failed.take().or(failed);
    state.running -= 1;
    let known = state.known(node);
    (known.stage, known.is_running, known.again) = (stage, false, Instant::now() + REST);
    drop(state);
    shared.changed.notify_all();
}

struct Fetching<'a> {
    shared: &'a Shared,
    node: NodeId,
    id: SourceId,
    /// How often it had nothing.
    nothing: Cell<u32>,
}

impl Fetching<'_> {
    fn run(&self, plane: &DataPlane, runtime: &Handle) -> Result<(), SourceError> {
        self.set_stage(Stage::Connecting);
        let mut source = Source::connect(plane, self.node, runtime)?;
        self.shared.lock().known(self.node).is_tcp = source.is_tcp();
        let partial = loop {
            match self.look(&mut source)? {
                Look::Open(partial) => break partial,
                Look::Wait => std::thread::sleep(ASK_AGAIN),
            }
            if self.shared.is_over() {
                return Ok(());
            }
        };
        self.set_stage(Stage::Sending);
        self.fetch(&mut source, &partial)
    }

    fn fetch(&self, source: &mut Source, partial: &Partial) -> Result<(), SourceError> {
        let mut asked: VecDeque<(u64, Range<u64>)> = VecDeque::new();
        loop {
            while let Some(next) = self.next(partial, asked.len()) {
                source.ask_groups(&next.1)?;
                asked.push_back(next);
            }
            let Some((piece, groups)) = asked.pop_front() else {
                if self.shared.is_over() || self.shared.lock().is_whole() {
                    return Ok(());
                }
                std::thread::sleep(ASK_AGAIN);
                if self.shared.is_over() || self.shared.lock().is_whole() {
                    return Ok(());
                }
                self.look(source)?;
                continue;
            };
            let taken = source.take(partial, &groups)?;
            self.count(piece, taken);
        }
    }

    /// What to ask for next; nothing once it is over.
    fn next(&self, partial: &Partial, asked: usize) -> Option<(u64, Range<u64>)> {
        if self.shared.stop.load(Ordering::Relaxed) {
            return None;
        }
        let mut state = self.shared.lock();
        let is_over = state.failed.is_some();
        let (_, plan) = state.open.as_mut().filter(|_| !is_over)?;
        if asked >= plan.ahead() {
            return None;
        }
        partial.with_groups(|held| plan.next(self.id, held, Instant::now()))
    }

    fn count(&self, piece: u64, taken: Taken) {
        let now = Instant::now();
        let mut state = self.shared.lock();
        if let Some((_, plan)) = &mut state.open {
            plan.answered(self.id, piece);
            if taken == Taken::Lacking {
                // What it said of itself is not so (any more); the next look says more.
                plan.set_part(self.id, CopyPart::Pieces(Vec::new()));
            }
        }
        if let Taken::Groups(bytes) = taken {
            state.known(self.node).count(bytes, now);
            state.last_news = Some(now);
        }
        let is_whole = state.is_whole();
        drop(state);
        if is_whole {
            self.shared.changed.notify_all();
        }
    }

    /// Asks what is there. The first source that proves the file's size opens it for all.
    fn look(&self, source: &mut Source) -> Result<Look, SourceError> {
        let (size, part, readers) = match source.open(self.shared.wanted.blob)? {
            CopyFrame::Held { size, part, readers } => (size, part, readers),
            CopyFrame::Preparing { permille } => {
                self.set_stage(Stage::Preparing(permille));
                // That it works is news.
                self.shared.lock().last_news = Some(Instant::now());
                return Ok(Look::Wait);
            }
            CopyFrame::NotFound if self.nothing.get() < NOTHING => {
                self.nothing.set(self.nothing.get() + 1);
                return Ok(Look::Wait);
            }
            CopyFrame::NotFound | CopyFrame::Busy | CopyFrame::Groups | CopyFrame::Lacking => {
                return Err(SourceError::Gone);
            }
        };
        let readers: BTreeSet<NodeId> = readers.into_iter().collect();
        self.shared.lock().add(self.shared.me, readers);
        let shape = Shape { hash: self.shared.hash(), bytes: size };
        let opened = self.shared.lock().open.as_ref().map(|(partial, _)| Arc::clone(partial));
        let partial = match opened {
            Some(partial) if partial.shape() == shape => partial,
            // The size that is known was proven.
            Some(_) => return Err(SourceError::Wrong),
            None => {
                if !part.has(shape.pieces() - 1) {
                    return Ok(Look::Wait);
                }
                source.prove_size(&shape)?;
                match self.open(shape)? {
                    Some(partial) => partial,
                    None => return Ok(Look::Wait),
                }
            }
        };
        if let Some((_, plan)) = &mut self.shared.lock().open {
            plan.set_part(self.id, part);
        }
        Ok(Look::Open(partial))
    }

    /// The unfinished file; none while another source opens it.
    fn open(&self, shape: Shape) -> Result<Option<Arc<Partial>>, SourceError> {
        let mut state = self.shared.lock();
        if let Some((partial, _)) = &state.open {
            return Ok(Some(Arc::clone(partial)));
        }
        if std::mem::replace(&mut state.is_opening, true) {
            return Ok(None);
        }
        drop(state);
        let opened = self.open_partial(shape);
        let mut state = self.shared.lock();
        state.is_opening = false;
        match opened {
            Ok(partial) => {
                let salt = u64::from_le_bytes(self.shared.me.0[..8].try_into().expect("eight"));
                state.open = Some((Arc::clone(&partial), Plan::new(shape, salt)));
                state.last_news = Some(Instant::now());
                drop(state);
                self.shared.shelf.put_part(&partial);
                Ok(Some(partial))
            }
            Err(error) => {
                state.failed = Some(error);
                Err(SourceError::Gone)
            }
        }
    }

    /// Reading what is there of it may take long: not under the lock.
    fn open_partial(&self, shape: Shape) -> Result<Arc<Partial>, CopyError> {
        let (room, folder) = (self.shared.wanted.room, &self.shared.wanted.folder);
        if shape.bytes > room {
            return Err(CopyError::NoRoom { bytes: shape.bytes, room });
        }
        Partial::open(folder, shape).map(Arc::new).map_err(copy_error)
    }

    fn set_stage(&self, stage: Stage) {
        self.shared.lock().known(self.node).stage = stage;
    }
}

/// What a look at a source gave.
enum Look {
    Open(Arc<Partial>),
    Wait,
}
