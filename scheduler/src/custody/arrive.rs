//! A state of a record that another node wrote, on its way to this disk: its files come first.

use std::collections::BTreeSet;

use pumasi_protocol::custody::{CustodyMessage, Decline, Record};
use pumasi_protocol::{BlobId, NodeId};

use super::action::CustodyAction;
use super::env::Env;
use super::input::{Holding, Promise};
use super::job::{Job, Role};

/// What happens once the files are here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// It is kept, and that is confirmed to its owner.
    Keep,
    /// It is kept.
    CatchUp,
    /// This node was elected over it.
    Own,
}

#[derive(Debug, Clone)]
pub(super) struct Arrival {
    pub(super) record: Box<Record>,
    from: NodeId,
    pub(super) purpose: Purpose,
    lacking: BTreeSet<BlobId>,
}

impl Job {
    /// A job that was not kept here so far. `unsure`: it should have been.
    pub(super) fn arriving(
        env: &mut Env,
        record: Box<Record>,
        from: NodeId,
        purpose: Purpose,
        unsure: bool,
    ) -> Self {
        let promise = Promise { term: record.version.term, candidate: record.owner() };
        let holding = Holding {
            record: (*record).clone(),
            promise,
            cancel: None,
            unsure,
            overridden: None,
            ousted: Vec::new(),
        };
        let mut job = Self::new(holding, Role::Holder);
        job.bring(env, record, from, purpose);
        job
    }

    /// Fetches what this state needs and this node lacks, and then takes it.
    pub(super) fn bring(
        &mut self,
        env: &mut Env,
        record: Box<Record>,
        from: NodeId,
        purpose: Purpose,
    ) {
        let before = self.arrival.take();
        let here = if self.disk.is_some() { self.record().blobs() } else { Vec::new() };
        let needed = record.blobs();
        let lacking: BTreeSet<BlobId> =
            needed.iter().filter(|blob| !here.contains(blob)).map(|blob| blob.id).collect();
        let mut sources = vec![from];
        sources.extend(record.keepers().into_iter().filter(|node| *node != from));
        sources.retain(|node| *node != env.me);
        let under_way = before.map(|arrival| arrival.lacking).unwrap_or_default();
        for blob in needed.iter().filter(|blob| lacking.contains(&blob.id)) {
            if !under_way.contains(&blob.id) {
                let (job, from) = (record.job, sources.clone());
                env.act(CustodyAction::Fetch { job, blob: *blob, from });
            }
        }
        self.arrival = Some(Arrival { record, from, purpose, lacking });
        self.arrive(env);
    }

    pub(super) fn on_fetched(&mut self, env: &mut Env, blob: BlobId) {
        if let Some(arrival) = &mut self.arrival
            && arrival.lacking.remove(&blob)
        {
            self.arrive(env);
        }
    }

    pub(super) fn on_fetch_failed(&mut self, env: &mut Env, blob: BlobId) {
        let lacks = |arrival: &mut Arrival| arrival.lacking.contains(&blob);
        let Some(arrival) = self.arrival.take_if(lacks) else { return };
        let job = self.id();
        match arrival.purpose {
            Purpose::Keep => {
                let message = CustodyMessage::Declined { job, decline: Decline::Fetch };
                env.send(arrival.from, message);
            }
            Purpose::CatchUp => {}
            Purpose::Own => self.lose(env),
        }
        self.gone |= !self.has_row() && matches!(self.role, Role::Holder);
    }

    /// Takes the state that arrived, once all its files are here.
    fn arrive(&mut self, env: &mut Env) {
        let is_whole = |arrival: &mut Arrival| arrival.lacking.is_empty();
        let Some(arrival) = self.arrival.take_if(is_whole) else { return };
        let (record, job) = (*arrival.record, self.id());
        match arrival.purpose {
            Purpose::Own => self.own(env, record),
            Purpose::CatchUp => {
                if self.disk.is_none() || record.rank() > self.record().rank() {
                    self.take(env, record);
                }
            }
            Purpose::Keep if self.is_promised_above(&record) => {
                let decline = Decline::Promised(self.want.promise.term);
                env.send(arrival.from, CustodyMessage::Declined { job, decline });
            }
            Purpose::Keep => {
                let version = record.version;
                if self.disk.is_none() || record.rank() >= self.record().rank() {
                    self.take(env, record);
                    self.owed_kept.insert(arrival.from, version);
                }
            }
        }
    }

    /// Whether this node gave its word to a term above this state's. An adoption by hand asks nobody.
    pub(super) fn is_promised_above(&self, record: &Record) -> bool {
        record.version.term < self.want.promise.term
            && record.adoptions <= self.record().adoptions
            && !record.settled
    }
}
