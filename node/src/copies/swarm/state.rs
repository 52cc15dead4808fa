//! What is known of a copy that is under way: who may have the file, who is asked, what came from whom.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Instant;

use pumasi_models::store::partial::Partial;
use pumasi_protocol::NodeId;

use super::super::plan::{Plan, SourceId};
use super::{CANDIDATES, CopyError, SPEED_WINDOW, Stage};

#[derive(Debug, Default)]
pub(super) struct State {
    /// Once the size is proven.
    pub(super) open: Option<(Arc<Partial>, Plan)>,
    /// A source proved the size and opens the file.
    pub(super) is_opening: bool,
    pub(super) candidates: Vec<NodeId>,
    pub(super) sources: BTreeMap<NodeId, Known>,
    pub(super) running: usize,
    pub(super) next: SourceId,
    pub(super) failed: Option<CopyError>,
    pub(super) last_news: Option<Instant>,
}

#[derive(Debug)]
pub(super) struct Known {
    pub(super) since: usize,
    pub(super) stage: Stage,
    pub(super) is_running: bool,
    pub(super) again: Instant,
    pub(super) bytes: u64,
    pub(super) is_tcp: bool,
    /// What came when, within [`SPEED_WINDOW`].
    recent: VecDeque<(Instant, u64)>,
}

impl State {
    pub(super) fn add(&mut self, me: NodeId, nodes: impl IntoIterator<Item = NodeId>) {
        for node in nodes {
            let is_new = node != me && !self.candidates.contains(&node);
            if is_new && self.candidates.len() < CANDIDATES {
                self.candidates.push(node);
            }
        }
    }

    /// Who is to be asked next, besides those that are.
    pub(super) fn due(&self, now: Instant) -> Option<NodeId> {
        let is_due = |node: &&NodeId| match self.sources.get(*node) {
            None => true,
            Some(known) => !known.is_running && known.stage != Stage::Dropped && known.again <= now,
        };
        let is_fresh = |node: &&NodeId| !self.sources.contains_key(*node);
        let mut due = self.candidates.iter().filter(is_due);
        self.candidates.iter().find(is_fresh).or_else(|| due.next()).copied()
    }

    pub(super) fn is_whole(&self) -> bool {
        self.open.as_ref().is_some_and(|(partial, _)| partial.with_groups(|g| g.is_whole()))
    }

    pub(super) fn known(&mut self, node: NodeId) -> &mut Known {
        let since = self.sources.len();
        self.sources.entry(node).or_insert_with(|| Known {
            since,
            stage: Stage::Connecting,
            is_running: false,
            again: Instant::now(),
            bytes: 0,
            is_tcp: false,
            recent: VecDeque::new(),
        })
    }
}

impl Known {
    pub(super) fn count(&mut self, bytes: u64, now: Instant) {
        self.bytes += bytes;
        self.recent.push_back((now, bytes));
        self.forget(now);
    }

    fn forget(&mut self, now: Instant) {
        while self.recent.front().is_some_and(|(at, _)| now.duration_since(*at) > SPEED_WINDOW) {
            self.recent.pop_front();
        }
    }

    pub(super) fn speed(&self, now: Instant) -> u64 {
        let young = self.recent.iter().filter(|(at, _)| now.duration_since(*at) <= SPEED_WINDOW);
        let bytes: u64 = young.map(|(_, bytes)| bytes).sum();
        bytes * 1_000 / u64::try_from(SPEED_WINDOW.as_millis()).expect("seconds")
    }
}
