//! The downloads that there are: each with what is written down of it and how it stands. One for a file:
//! whoever asks for the same again is told of the one under way.

use std::collections::{BTreeMap, BTreeSet};

use pumasi_models::store::{Sha256, Store};
use pumasi_web::api::{Pull, PullSource, PullState};
use tokio_util::sync::CancellationToken;

use super::record::{Record, read_all};
use super::speed::Speed;

/// Ended downloads that are still told of.
const ENDED_KEPT: usize = 16;
/// Downloads that are not over, at most.
pub(super) const PULLS: usize = 64;

/// A download.
#[derive(Debug)]
pub(super) struct Running {
    pub(super) record: Record,
    pub(super) state: PullState,
    /// Bytes of each file that are here.
    pub(super) done: Vec<u64>,
    /// Bytes that came since the node started.
    pub(super) came: u64,
    pub(super) speed: Speed,
    /// Stops the task that downloads; none: there is no task.
    pub(super) stop: Option<CancellationToken>,
}

/// All of them, by id.
#[derive(Debug, Default)]
pub(super) struct Pulls {
    running: BTreeMap<String, Running>,
}

impl Pulls {
    /// Those that were under way when the node stopped.
    pub(super) fn restore(store: &Store) -> Self {
        let mut pulls = Self::default();
        for record in read_all(&store.partials()) {
            let id = record.id.clone();
            let state = if record.paused { PullState::Paused } else { PullState::Queued };
            let mut running = Running::new(record, state);
            running.done = running.on_disk(store);
            pulls.running.insert(id, running);
        }
        pulls
    }

    pub(super) fn to_go_on(&self) -> Vec<String> {
        let waiting = self.running.values().filter(|pull| pull.state == PullState::Queued);
        waiting.map(|pull| pull.record.id.clone()).collect()
    }

    pub(super) fn find(&self, id: &str) -> Option<&Running> {
        self.running.get(id)
    }

    pub(super) fn find_mut(&mut self, id: &str) -> Option<&mut Running> {
        self.running.get_mut(id)
    }

    /// The one that is not over and fetches any of these files.
    pub(super) fn of_files(&self, files: &[Sha256]) -> Option<&Running> {
        let live = self.running.values().filter(|pull| !pull.is_over());
        live.into_iter().find(|pull| pull.files().iter().any(|file| files.contains(file)))
    }

    /// How many are not over.
    pub(super) fn live(&self) -> usize {
        self.running.values().filter(|pull| !pull.is_over()).count()
    }

    /// Files that something under way still needs.
    pub(super) fn needed(&self) -> BTreeSet<Sha256> {
        let live = self.running.values().filter(|pull| !pull.is_over());
        live.flat_map(Running::files).collect()
    }

    pub(super) fn put(&mut self, running: Running) {
        self.running.insert(running.record.id.clone(), running);
        let mut over: Vec<(u64, String)> = self
            .running
            .values()
            .filter(|pull| pull.is_over())
            .map(|pull| (pull.record.asked_ms, pull.record.id.clone()))
            .collect();
        over.sort_unstable();
        let surplus = over.len().saturating_sub(ENDED_KEPT);
        for (_, id) in over.into_iter().take(surplus) {
            self.running.remove(&id);
        }
    }

    pub(super) fn remove(&mut self, id: &str) -> Option<Running> {
        self.running.remove(id)
    }

    /// The last first.
    pub(super) fn views(&self) -> Vec<Pull> {
        let mut views: Vec<Pull> = self.running.values().map(Running::view).collect();
        views.sort_by(|a, b| b.asked_ms.cmp(&a.asked_ms).then_with(|| a.id.cmp(&b.id)));
        views
    }
}

impl Running {
    pub(super) fn new(record: Record, state: PullState) -> Self {
        let files = record.wanted().map_or(0, |wanted| wanted.len());
        let (done, speed) = (vec![0; files], Speed::default());
        Self { record, state, done, came: 0, speed, stop: None }
    }

    pub(super) fn files(&self) -> Vec<Sha256> {
        let wanted = self.record.wanted().unwrap_or_default();
        wanted.iter().map(|wanted| wanted.sha256).collect()
    }

    fn is_over(&self) -> bool {
        self.state == PullState::Done
    }

    /// Bytes of each file as the disk has them.
    pub(super) fn on_disk(&self, store: &Store) -> Vec<u64> {
        let wanted = self.record.wanted().unwrap_or_default();
        let there = |wanted: &pumasi_hub::download::Wanted| match store.blob_of(&wanted.sha256) {
            Some(blob) => blob.bytes,
            None => {
                let part = std::fs::metadata(store.partial(&wanted.sha256));
                part.map_or(0, |part| part.len().min(wanted.bytes))
            }
        };
        wanted.iter().map(there).collect()
    }

    pub(super) fn done(&self) -> u64 {
        self.done.iter().sum()
    }

    /// As everybody sees it.
    pub(super) fn view(&self) -> Pull {
        let wanted = self.record.wanted().unwrap_or_default();
        let total: u64 = wanted.iter().map(|wanted| wanted.bytes).sum();
        let is_coming = self.state == PullState::Downloading;
        let left = total.saturating_sub(self.done());
        let first = wanted.first();
        Pull {
            id: self.record.id.clone(),
            model: self.record.name.to_string(),
            repo: first.map(|w| w.repo.to_string()).unwrap_or_default(),
            commit: first.map(|w| w.commit.as_str().to_owned()).unwrap_or_default(),
            sha256: first.map(|w| w.sha256.to_string()).unwrap_or_default(),
            progress: self.state.clone(),
            total_bytes: total,
            done_bytes: self.done(),
            bytes_per_s: if is_coming { self.speed.bytes_per_s() } else { 0 },
            left_s: if is_coming { self.speed.left_s(left) } else { None },
            sources: self.sources(),
            asked_ms: self.record.asked_ms,
        }
    }

    fn sources(&self) -> Vec<PullSource> {
        if self.came == 0 {
            return Vec::new();
        }
        vec![PullSource { name: self.record.hub.clone(), bytes: self.came }]
    }
}
