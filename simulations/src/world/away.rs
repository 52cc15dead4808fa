//! Machines that start, stop, freeze, sleep, move, or are somebody else for a while.

use pumasi_scheduler::Time;

use crate::situations::Situation;

use super::World;
use super::events::Event;

/// Time after which a peer that says nothing counts as down, in microseconds.
pub(super) const LIVENESS_US: u64 = 3_000_000;
/// Time after which a connection that carries nothing breaks, in microseconds.
const IDLE_US: u64 = 8_000_000;
/// How often a node reads its hardware, in microseconds.
const HOUSEKEEPING_US: u64 = 2_000_000;
const MIB: u64 = 1 << 20;

impl World<'_> {
    /// A machine starts: its own facts first, then it and the others find each other.
    pub(super) fn boot(&mut self, node: usize) {
        let now = self.now;
        self.shells[node].boot(self.scenario.net_seed, now, self.scenario.has_lasting());
        self.shells[node].disturbed = now;
        self.tell_roster(node);
        self.tell_local(node);
        self.check_recovered(node);
        self.arm(node);
        for peer in (0..self.shells.len()).filter(|peer| *peer != node) {
            self.see_soon(node, peer);
        }
        let boot = self.shells[node].boots;
        let first = crate::chance::hash(&[self.scenario.net_seed, node as u64, boot]);
        let delay = first % (self.scenario.net.gossip_ms * 1_000 + 1);
        self.later(delay, Event::Gossip { node, boot });
        if self.shells[node].hostile > 0 {
            self.later(delay, Event::Mischief { node, boot });
        }
        if self.shells[node].keeping.is_some() && self.scenario.keep_ms.is_some() {
            self.later(delay, Event::Retain { node, boot });
        }
    }

    pub(super) fn kill(&mut self, node: usize) {
        // Who sleeps has no power to lose.
        if !self.shells[node].is_alive() || self.shells[node].sleeps > 0 {
            return;
        }
        if self.shells[node].pumps.values().any(|pump| pump.executor != node) {
            self.saw(Situation::OwnerDied);
        }
        if self.shells[node].told.values().any(|(owner, _)| *owner != self.shells[node].id) {
            self.saw(Situation::ExecutorDied);
        }
        self.oracle.on_owner_died(node);
        self.note_owner_stops(node);
        self.stop_disk(node, false);
        for peer in (0..self.shells.len()).filter(|peer| *peer != node) {
            self.break_streams(node, peer);
        }
        self.shells[node].kill();
        self.shells[node].freezes = 0;
        self.backlogs[node].clear();
        self.streams.retain(|_, stream| (stream.owner, stream.executor) != (node, node));
        for peer in (0..self.shells.len()).filter(|peer| *peer != node) {
            self.see_soon(node, peer);
        }
    }

    fn note_busy(&mut self, node: usize, executes: Situation, owns: Situation) {
        let shell = &self.shells[node];
        if shell.told.values().any(|(owner, _)| *owner != shell.id) {
            self.saw(executes);
        }
        if self.shells[node].pumps.values().any(|pump| pump.executor != node) {
            self.saw(owns);
        }
    }

    pub(super) fn freeze(&mut self, node: usize) {
        self.note_busy(node, Situation::ExecutorFroze, Situation::OwnerFroze);
        self.shells[node].freezes += 1;
        self.shells[node].armed = None;
        self.go_away(node);
    }

    /// Peers notice that a machine says nothing, and connections to it break after a while.
    fn go_away(&mut self, node: usize) {
        let since = self.now;
        self.later(super::judge::GIVEN_UP_MS * 1_000, Event::GivenUp { node, since });
        for peer in (0..self.shells.len()).filter(|peer| *peer != node) {
            self.see_after(node, peer, LIVENESS_US);
            self.later(IDLE_US, Event::BreakIfAway { node, peer, since });
        }
    }

    pub(super) fn break_if_away(&mut self, node: usize, peer: usize, since: Time) {
        let shell = &self.shells[node];
        let away = shell.freezes + shell.sleeps > 0 && shell.disturbed <= since;
        if shell.is_alive() && away {
            self.break_streams(node, peer);
        }
    }

    pub(super) fn thaw(&mut self, node: usize) {
        let shell = &mut self.shells[node];
        shell.freezes = shell.freezes.saturating_sub(1);
        self.come_back(node);
    }

    fn come_back(&mut self, node: usize) {
        if !self.shells[node].is_awake() {
            return;
        }
        self.catch_up(node);
        for peer in (0..self.shells.len()).filter(|peer| *peer != node) {
            self.see_soon(node, peer);
        }
    }

    pub(super) fn fall_asleep(&mut self, node: usize) {
        self.note_busy(node, Situation::SleptWhileRunning, Situation::SleptWhileRunning);
        let now = self.now;
        let shell = &mut self.shells[node];
        shell.sleeps += 1;
        if shell.sleeps == 1 {
            shell.clock.stop(now);
            shell.asleep_since = now;
        }
        shell.armed = None;
        self.go_away(node);
    }

    pub(super) fn wake(&mut self, node: usize) {
        let now = self.now;
        let shell = &mut self.shells[node];
        shell.sleeps = shell.sleeps.saturating_sub(1);
        if shell.sleeps == 0 {
            shell.clock.go_on(now);
            shell.slept_us += now.0 - shell.asleep_since.0;
        }
        // It has a new address: whatever was connected is not any more.
        for peer in (0..self.shells.len()).filter(|peer| *peer != node) {
            self.break_streams(node, peer);
        }
        self.come_back(node);
    }

    pub(super) fn jump(&mut self, node: usize, ms: u64) {
        self.note_busy(node, Situation::ClockJumped, Situation::ClockJumped);
        if self.shells[node].is_awake() {
            self.shells[node].clock.jump(self.now, ms);
            self.shells[node].armed = None;
            self.arm(node);
        }
    }

    pub(super) fn set_cut(&mut self, a: usize, b: usize, cut: bool) {
        self.wire.set_cut(a, b, cut);
        self.wire.set_cut(b, a, cut);
        if cut {
            self.break_streams(a, b);
        }
        self.see_soon(a, b);
    }

    pub(super) fn set_deaf(&mut self, from: usize, to: usize, deaf: bool) {
        self.wire.set_cut(from, to, deaf);
        if deaf {
            self.break_one_way(from, to);
            self.see_after(from, to, LIVENESS_US);
        } else {
            self.see_soon(from, to);
        }
    }

    pub(super) fn set_split(&mut self, group: &[usize], cut: bool) {
        if cut && self.shells.iter().any(|shell| !shell.pumps.is_empty()) {
            self.saw(Situation::SplitMesh);
        }
        let others: Vec<usize> = (0..self.shells.len()).filter(|n| !group.contains(n)).collect();
        for a in group {
            for b in &others {
                self.shells[*b].disturbed = self.now;
                self.set_cut(*a, *b, cut);
            }
        }
    }

    pub(super) fn renumber(&mut self, node: usize, away: bool) {
        if away {
            self.note_busy(node, Situation::NewAddress, Situation::NewAddress);
        }
        for peer in (0..self.shells.len()).filter(|peer| *peer != node) {
            self.set_cut(node, peer, away);
        }
    }

    pub(super) fn squeeze(&mut self, node: usize, mib: u64, on: bool) {
        let shell = &mut self.shells[node];
        let bytes = mib * MIB;
        shell.squeezed = if on { shell.squeezed + bytes } else { shell.squeezed - bytes };
        let boot = shell.boots;
        let delay = self.draw(&[5]) % HOUSEKEEPING_US;
        self.later(delay, Event::Local { node, boot });
    }

    pub(super) fn lose_device(&mut self, node: usize) {
        if self.shells[node].engines.running() > 0 {
            self.saw(Situation::DeviceLost);
        }
        self.shells[node].lost_devices += 1;
        self.crash_all(node);
    }

    pub(super) fn set_paused(&mut self, node: usize, paused: bool) {
        let shell = &mut self.shells[node];
        shell.pauses = if paused { shell.pauses + 1 } else { shell.pauses.saturating_sub(1) };
        let boot = shell.boots;
        self.later(0, Event::Local { node, boot });
    }

    pub(super) fn become_twin(&mut self, node: usize, of: usize) {
        // Nobody starts a machine that sleeps.
        if self.shells[node].sleeps > 0 || self.twins.contains(&node) {
            return;
        }
        self.kill(node);
        self.shells[node].id = self.shells[of].own_id;
        self.twins.push(node);
        self.boot(node);
    }

    pub(super) fn end_twin(&mut self, node: usize) {
        if self.shells[node].sleeps > 0 || !self.twins.contains(&node) {
            return;
        }
        self.kill(node);
        self.twins.retain(|twin| *twin != node);
        self.shells[node].id = self.shells[node].own_id;
        self.boot(node);
    }

    pub(super) fn turn_hostile(&mut self, node: usize) {
        self.shells[node].hostile += 1;
        self.oracle.on_owner_hostile(node);
        let boot = self.shells[node].boots;
        self.later(0, Event::Mischief { node, boot });
    }
}
