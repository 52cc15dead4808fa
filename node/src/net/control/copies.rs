//! Another computer with this node's key: a disk that was cloned. Whoever is seen under this node's
//! name is dialled, because only the key proves it. Of the two, the one that was started later
//! withdraws from the mesh: which is meant to be the original is for a person to say.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use libp2p::swarm::DialError;
use libp2p::swarm::dial_opts::DialOpts;

use super::super::identity::peer_id;
use super::super::limits::ADDRESSES;
use super::behaviour::{dialled, socket_address};
use super::{Control, is_dialable};

/// How often an address is dialled at which a copy was seen.
const LOOK_AGAIN: Duration = Duration::from_secs(10);

/// Where copies of this node were seen, when they were started, and when they were last dialled.
#[derive(Debug, Default)]
pub(super) struct Copies {
    seen: BTreeMap<SocketAddr, (u64, Instant)>,
    is_withdrawn: bool,
}

impl Copies {
    /// Notes a start that was seen at an address; whether to dial it.
    fn note(&mut self, address: SocketAddr, run: u64, now: Instant) -> bool {
        let (known, at) = self.seen.get(&address).copied().unzip();
        let was_now = at.is_some_and(|at| now.duration_since(at) < LOOK_AGAIN);
        if known == Some(run) && was_now || known.is_none() && self.seen.len() >= ADDRESSES {
            return false;
        }
        self.seen.insert(address, (run, now));
        true
    }
}

impl Control {
    /// Somebody says that it is this node, from another start: whether it has the key shows a dial.
    pub(super) fn suspect_copy(&mut self, run: u64, addresses: &[SocketAddr]) {
        let own = self.setup.listening.borrow().control.clone();
        let here = self.setup.listen.ip().is_loopback();
        let elsewhere = addresses.iter().filter(|a| is_dialable(a, here) && !own.contains(a));
        for address in elsewhere {
            if self.copies.note(*address, run, Instant::now()) {
                for target in dialled(&[*address]) {
                    let dial = DialOpts::unknown_peer_id().address(target).allocate_new_port();
                    // One that cannot be dialled is not known to be a copy.
                    let _ = self.swarm.dial(dial.build());
                }
            }
        }
    }

    pub(super) fn on_dial_error(&mut self, error: &DialError) {
        let DialError::LocalPeerId { address } = error else {
            tracing::debug!(%error, "a control address does not answer");
            return;
        };
        // A given address may be this very node's; anywhere else, it is a copy of it.
        let own = self.setup.listening.borrow().control.clone();
        let there = socket_address(address).filter(|address| !own.contains(address));
        let Some(address) = there else { return };
        let run = self.copies.seen.get(&address).map(|(run, _)| *run);
        if run.is_some_and(|run| run < self.setup.incarnation) {
            self.withdraw();
        }
        self.note_twin(address, self.copies.is_withdrawn);
    }

    /// Leaves the mesh to the copy that was there before, until the next start.
    fn withdraw(&mut self) {
        if std::mem::replace(&mut self.copies.is_withdrawn, true) {
            return;
        }
        tracing::error!("another computer has this one's identity: this one stays out of the mesh");
        self.setup.conduct.withdraw();
        for node in self.applied.iter().filter_map(peer_id) {
            self.swarm.behaviour_mut().members.disallow_peer(node);
        }
        self.setup.data.keep_members();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_is_dialled_now_and_then_and_not_for_each_record_of_it() {
        let (mut copies, now) = (Copies::default(), Instant::now());
        let at = |n: u16| SocketAddr::from(([10, 0, 0, 1], n));
        assert!(copies.note(at(1), 7, now));
        assert!(!copies.note(at(1), 7, now));
        assert!(copies.note(at(1), 8, now), "started again");
        assert!(copies.note(at(1), 8, now + LOOK_AGAIN));
        assert_eq!((2..10_000).filter(|n| copies.note(at(*n), 7, now)).count(), ADDRESSES - 1);
    }
}
