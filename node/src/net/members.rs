//! Who belongs, shared by all planes: the log of entries, what the store keeps of it, and the roster
//! that results. Every new entry passes here.

use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use pumasi_protocol::chain::Removal;
use pumasi_protocol::roster::{
    ChainError, Change, ENTRY_PARENTS, LogError, Roster, RosterLog, SignedEntry,
};
use pumasi_protocol::{NodeId, NodeName, limits};
use tokio::sync::{mpsc, watch};

use super::control::Notice;
use super::handle::NetError;
use super::identity::Identity;
use crate::store::{Store, StoreError};

/// Bytes of entries in a [`Removal`]: the rest says how many they are.
const REMOVED: usize = limits::REMOVAL_BYTES - 8;

/// What became of entries that another node sent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Learned {
    pub(crate) new: usize,
    /// Some build on entries that are not here yet.
    pub(crate) waiting: bool,
}

/// The roster as all planes see it at any moment.
#[derive(Clone)]
pub(crate) struct Members {
    me: NodeId,
    roster: watch::Receiver<Option<Arc<Roster>>>,
}

impl Members {
    pub(crate) fn roster(&self) -> Option<Arc<Roster>> {
        self.roster.borrow().clone()
    }

    /// Whether a node belongs to the mesh of this one: to one that was removed, nobody does.
    pub(crate) fn contains(&self, node: &NodeId) -> bool {
        let roster = self.roster.borrow();
        roster.as_ref().is_some_and(|roster| roster.contains(node) && roster.contains(&self.me))
    }

    pub(crate) fn watch(&self) -> watch::Receiver<Option<Arc<Roster>>> {
        self.roster.clone()
    }
}

pub(crate) struct Membership {
    identity: Identity,
    store: Store,
    log: Mutex<Option<RosterLog>>,
    roster: watch::Sender<Option<Arc<Roster>>>,
    notices: mpsc::Sender<Notice>,
}

impl Membership {
    /// Goes on with what the store holds.
    pub(crate) fn load(
        identity: Identity,
        store: Store,
        notices: mpsc::Sender<Notice>,
    ) -> Result<Arc<Self>, StoreError> {
        let kept = store.roster()?;
        let log = kept.and_then(|(mesh, entries)| RosterLog::from_entries(mesh, entries).ok());
        let roster = log.as_ref().map(|log| Arc::new(log.roster().clone()));
        let (roster, _) = watch::channel(roster);
        Ok(Arc::new(Self { identity, store, log: Mutex::new(log), roster, notices }))
    }

    pub(crate) fn members(&self) -> Members {
        Members { me: self.identity.node(), roster: self.roster.subscribe() }
    }

    /// Runs on the log; the lock is never held across an await.
    pub(crate) fn with_log<T>(&self, look: impl FnOnce(Option<&mut RosterLog>) -> T) -> T {
        look(self.log.lock().expect("no code that holds this lock panics").as_mut())
    }

    /// Begins a mesh of this node alone.
    pub(crate) async fn found(
        &self,
        mesh_name: NodeName,
        node_name: NodeName,
        person: NodeName,
    ) -> Result<Arc<Roster>, NetError> {
        let mut nonce = [0; 16];
        getrandom::fill(&mut nonce).map_err(|_| StoreError::Random)?;
        let change = Change::Found { mesh_name, node_name, person, nonce };
        let key = self.identity.signing();
        let found = SignedEntry::sign(key, None, Vec::new(), now_ms(), &change);
        self.begin(vec![found.map_err(LogError::from)?]).await
    }

    /// Begins with the entries of a mesh, its founding entry first.
    pub(crate) async fn begin(&self, entries: Vec<SignedEntry>) -> Result<Arc<Roster>, NetError> {
        let founding = entries.first().cloned().ok_or(LogError::NotFounding)?;
        let mut log = RosterLog::begin(founding)?;
        log.take(entries);
        let kept = log.entries().cloned().collect();
        if self.with_log(|log| log.is_some()) {
            return Err(NetError::HasMesh);
        }
        self.store.add_roster(log.roster().mesh, kept).await?;
        *self.log.lock().expect("no code that holds this lock panics") = Some(log);
        Ok(self.publish().expect("just begun"))
    }

    /// Signs a change on top of all that is known.
    pub(crate) fn sign(&self, change: &Change) -> Result<SignedEntry, NetError> {
        self.with_log(|log| {
            let log = log.ok_or(NetError::NoMesh)?;
            log.sign(self.identity.signing(), now_ms(), change).map_err(|error| match error {
                LogError::NotAdmin => NetError::NotAdmin,
                LogError::Entry(_) | LogError::NotFounding | LogError::Full => error.into(),
            })
        })
    }

    /// Signs that a member belongs no more; what it wrote so far stands.
    pub(crate) fn sign_revocation(&self, node: NodeId) -> Result<SignedEntry, NetError> {
        let mut heads = self.with_log(|log| log.map(|log| log.heads())).ok_or(NetError::NoMesh)?;
        heads.truncate(ENTRY_PARENTS);
        self.sign(&Change::Revoke { node, heads })
    }

    /// Takes entries, keeps the new ones, and has them spread to everybody but `from`.
    pub(crate) async fn take(
        &self,
        entries: Vec<SignedEntry>,
        from: Option<NodeId>,
    ) -> Result<Learned, StoreError> {
        let taken = self.with_log(|log| log.map(|log| (log.roster().mesh, log.take(entries))));
        let Some((mesh, taken)) = taken else { return Ok(Learned::default()) };
        let learned = Learned { new: taken.new.len(), waiting: taken.waiting > 0 };
        if learned.new > 0 {
            self.store.add_roster(mesh, taken.new.clone()).await?;
            self.publish();
            // Full: the peers get them when they next synchronise.
            let _ = self.notices.try_send(Notice::Fresh { entries: taken.new, from });
        }
        Ok(learned)
    }

    /// By which entries a node belongs no more, as it is told; nothing, if it was not removed.
    pub(crate) fn removal(&self, node: &NodeId) -> Removal {
        Removal(self.with_log(|log| log.map_or_else(Vec::new, |log| log.removal(node, REMOVED))))
    }

    /// Takes the chain by which `node` says to be a member; all of it or nothing.
    pub(crate) async fn take_chain(
        &self,
        node: NodeId,
        chain: Vec<SignedEntry>,
    ) -> Result<(), ChainError> {
        let copy = self.with_log(|log| log.cloned()).ok_or(ChainError::NotMember)?;
        // Hundreds of signatures take tens of milliseconds.
        let judging = tokio::task::spawn_blocking(move || copy.judge_chain(&node, chain));
        let new = judging.await.map_err(|_| ChainError::Invalid)??;
        let taken = self.take(new, Some(node)).await;
        taken.map(drop).map_err(|error| {
            tracing::error!(%error, "the chain of a member cannot be stored");
            ChainError::NotMember
        })
    }

    /// Tells the control plane something, as discovery does.
    #[cfg(test)]
    pub(crate) fn tell(&self, notice: Notice) {
        self.notices.try_send(notice).expect("there is room");
    }

    fn publish(&self) -> Option<Arc<Roster>> {
        let roster = self.with_log(|log| log.map(|log| Arc::new(log.roster().clone())));
        self.roster.send_replace(roster.clone());
        roster
    }
}

/// Unix time in milliseconds.
pub(crate) fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    u64::try_from(since.unwrap_or_default().as_millis()).unwrap_or(u64::MAX)
}
