//! What the network tells the loop: who is there, what they gossip and ask, and who belongs.

use std::collections::BTreeMap;

use pumasi_protocol::NodeId;
use pumasi_protocol::advert::Gossip;
use pumasi_protocol::roster::{NodeRole, Roster};
use pumasi_scheduler::{CustodyInput, Input, Link, MemberFacts};
use pumasi_web::api;

use super::{Core, unix_ms};
use crate::net::{CutOff, NetEvent, Offence};

impl Core {
    pub(super) fn on_net(&mut self, event: NetEvent) {
        match event {
            NetEvent::Listening(_) => self.tell_local(),
            NetEvent::PeerUp { node, rtt_us } | NetEvent::Rtt { node, rtt_us } => {
                self.on_link(node, Link::Up { rtt_us: saturate(rtt_us) });
            }
            NetEvent::PeerDown { node } => {
                // It was heard until a moment ago.
                self.seen.insert(node, unix_ms());
                self.on_link(node, Link::Down);
                self.lose_owner(node);
                // What only it held cannot be copied any more.
                self.tell_local();
            }
            NetEvent::Gossip { from, gossip } => self.on_gossip(from, gossip),
            NetEvent::State { node, state } => {
                self.seen.insert(node, unix_ms());
                self.tell(Input::State { node, state });
            }
            NetEvent::Implausible { from } => drop(self.doubtful.insert(from)),
            NetEvent::Control { from, control } => self.tell(Input::Message { from, control }),
            NetEvent::ControlFailed { to, control } => {
                self.send_failed(to, control.attempt());
            }
            NetEvent::Request { from, request, reply } => self.on_request(from, request, reply),
            NetEvent::AttemptOpened(opened) => self.on_stream(*opened),
            NetEvent::BlobAsked { from, ask, reply } => self.on_blob_asked(from, ask, reply),
            NetEvent::RosterChanged(roster) => {
                self.cut_off.retain(|node, _| roster.contains(node));
                self.doubtful.retain(|node| roster.contains(node));
                self.roster = Some(roster);
                self.settling.extend();
                self.notice_removal();
                self.tell_roster();
                self.tell_local();
            }
            NetEvent::Found(candidate) => {
                tracing::debug!(node = %candidate.node.short(), "another install was found");
            }
            NetEvent::SameKey { address, withdrawn } => {
                self.notice_same_key(address, withdrawn);
            }
            NetEvent::Misbehaved(cut_off) => {
                self.cut_off.insert(cut_off.node, told(cut_off));
            }
            NetEvent::Behaves { node } => drop(self.cut_off.remove(&node)),
        }
    }

    fn on_link(&mut self, node: NodeId, link: Link) {
        if matches!(link, Link::Up { .. }) {
            self.seen.insert(node, unix_ms());
        }
        self.tell(Input::Peer { node, link });
        self.tell_custody(CustodyInput::Peer { node, link });
    }

    fn on_gossip(&mut self, from: NodeId, gossip: Gossip) {
        self.seen.insert(from, unix_ms());
        let input = match gossip {
            Gossip::Advert(advert) if advert.node == from => {
                self.doubtful.remove(&from);
                self.note_run(from, advert.incarnation);
                Input::Advert(advert)
            }
            Gossip::Delta(delta) if delta.node == from => Input::Delta(delta),
            Gossip::Leaving { node, .. } if node == from => Input::Left { node },
            Gossip::Advert(_) | Gossip::Delta(_) | Gossip::Leaving { .. } => return,
        };
        self.tell(input);
    }

    /// A peer that begins anew may do so before anybody notices that it was away, and may have
    /// forgotten what it was told.
    fn note_run(&mut self, node: NodeId, incarnation: u64) {
        let newest = self.runs.entry(node).or_insert(incarnation);
        if incarnation > *newest {
            *newest = incarnation;
            self.tell_custody(CustodyInput::Restarted { node });
        }
    }

    pub(super) fn tell_roster(&mut self) {
        let members = match self.company() {
            Some(roster) => {
                roster.members.keys().map(|node| (*node, facts(roster, node))).collect()
            }
            None => {
                let alone = MemberFacts { person: None, may_run: true, may_submit: true };
                BTreeMap::from([(self.me, alone)])
            }
        };
        self.tell_custody(CustodyInput::Roster { members: members.clone() });
        self.tell(Input::Roster { members });
    }

    /// Says on the pages that an admin removed this node.
    pub(super) fn notice_removal(&mut self) {
        let Some(roster) = self.roster.as_ref().filter(|_| self.is_outside()) else { return };
        let name = roster.name.as_ref().map_or_else(|| roster.mesh.short(), ToString::to_string);
        let message = format!(
            "An admin removed this computer from the mesh {name}. It works alone. To come back it \
             needs a new identity: start it on an empty data directory, and let it in anew."
        );
        let (code, level) = ("removed", api::NoticeLevel::Trouble);
        self.notices.insert(code, api::Notice { level, code: code.to_owned(), message });
    }

    fn notice_same_key(&mut self, address: std::net::SocketAddr, withdrawn: bool) {
        let folder = self.config.data_dir.display();
        let own = "needs its own identity: stop Pumasi there, move its data directory away, start it \
                   again, and let it in like a new computer";
        let message = if withdrawn {
            format!(
                "Another computer ({address}) runs with this computer's identity and was started \
                 before it, so this one stays out of the mesh. If this one is the copy of a cloned \
                 disk, it {own} (here: {folder}). If it is the original, stop the other one and \
                 start this one again."
            )
        } else {
            format!(
                "Another computer ({address}) runs with this computer's identity. If its disk was \
                 cloned, the copy {own}."
            )
        };
        let (code, level) = ("same_key", api::NoticeLevel::Trouble);
        self.notices.insert(code, api::Notice { level, code: code.to_owned(), message });
    }
}

fn told(cut_off: CutOff) -> api::CutOff {
    let why = match cut_off.offence {
        Offence::Flood(_) => api::Misconduct::Flood,
        Offence::Nonsense => api::Misconduct::Nonsense,
    };
    let lasts_ms = u64::try_from(cut_off.lasts.as_millis()).unwrap_or(u64::MAX);
    api::CutOff { why, until_ms: unix_ms().saturating_add(lasts_ms) }
}

fn saturate(us: u64) -> u32 {
    u32::try_from(us).unwrap_or(u32::MAX)
}

fn facts(roster: &Roster, node: &NodeId) -> MemberFacts {
    let has = |role| roster.has_role(node, role);
    MemberFacts {
        person: roster.person(node),
        may_run: !has(NodeRole::SubmitOnly) && !has(NodeRole::Guest),
        may_submit: !has(NodeRole::WorkerOnly),
    }
}
