//! Faults begin and end, and machines find out about them.

use crate::scenario::{CrashPoint, WorldFault};
use crate::situations::Situation;

use super::World;

const HOUR_MS: u64 = 3_600_000;

impl World<'_> {
    /// A fault begins.
    pub(super) fn disturb(&mut self, index: usize) {
        let timed = self.scenario.faults[index].clone();
        self.digest.add(self.now, index, 5, &0_u8);
        self.note(|| format!("* {:?} for {} ms", timed.fault, timed.for_ms));
        self.counts.faults += 1;
        for node in timed.fault.machines() {
            self.shells[node].disturbed = self.now;
        }
        if timed.for_ms >= HOUR_MS && matches!(timed.fault, WorldFault::Sleep { .. }) {
            self.saw(Situation::SleptForHours);
        }
        self.begin_fault(&timed.fault);
    }

    fn begin_fault(&mut self, fault: &WorldFault) {
        match fault {
            WorldFault::Kill { node } => self.kill(*node),
            WorldFault::PowerCut { node } => self.cut_power(*node),
            WorldFault::SlowDisk { node, ms } => self.shells[*node].disk.slow_ms.push(*ms),
            WorldFault::FullDisk { node } => self.shells[*node].disk.full += 1,
            WorldFault::SyncFails { node } => self.shells[*node].disk.failed = true,
            WorldFault::OldLedger { node } => self.shells[*node].disk.back_up(),
            WorldFault::Rot { node } => self.rot(*node),
            WorldFault::Freeze { node } => self.freeze(*node),
            WorldFault::Sleep { node } => self.fall_asleep(*node),
            WorldFault::Jump { node, ms } => self.jump(*node, *ms),
            WorldFault::Cut { a, b } => self.set_cut(*a, *b, true),
            WorldFault::Deaf { from, to } => self.set_deaf(*from, *to, true),
            WorldFault::Split { group } => self.set_split(group, true),
            WorldFault::Slow { a, b, times } => self.wire.set_slow(*a, *b, *times, true),
            WorldFault::Lossy { a, b, permille } => self.wire.set_lossy(*a, *b, *permille, true),
            WorldFault::Renumber { node } => self.renumber(*node, true),
            WorldFault::Crash { node, point: CrashPoint::Now } => self.crash_all(*node),
            WorldFault::Crash { node, point } => self.shells[*node].next_crash = Some(*point),
            WorldFault::Hang { node } => self.shells[*node].hangs += 1,
            WorldFault::Garbage { node } => self.shells[*node].spoil_next_tokens = true,
            WorldFault::SpoilLoad { node } => self.shells[*node].spoil_next_load = true,
            WorldFault::Squeeze { node, mib } => self.squeeze(*node, *mib, true),
            WorldFault::DeviceLost { node } => self.lose_device(*node),
            WorldFault::Pause { node } => self.set_paused(*node, true),
            WorldFault::Twin { node, of } => self.become_twin(*node, *of),
            WorldFault::Hostile { node } => self.turn_hostile(*node),
        }
    }

    /// A fault is over.
    pub(super) fn restore(&mut self, index: usize) {
        let fault = self.scenario.faults[index].fault.clone();
        self.digest.add(self.now, index, 6, &0_u8);
        self.note(|| format!("* over: {fault:?}"));
        for node in fault.machines() {
            self.shells[node].disturbed = self.now;
        }
        match fault {
            WorldFault::SlowDisk { node, ms } => {
                let slow = &mut self.shells[node].disk.slow_ms;
                if let Some(place) = slow.iter().position(|of| *of == ms) {
                    slow.remove(place);
                }
            }
            WorldFault::FullDisk { node } => {
                let full = &mut self.shells[node].disk.full;
                *full = full.saturating_sub(1);
            }
            WorldFault::SyncFails { node } => self.start_again(node),
            WorldFault::OldLedger { node } => self.restore_backup(node),
            WorldFault::Kill { node } | WorldFault::PowerCut { node } => {
                if !self.shells[node].is_alive() && self.shells[node].sleeps == 0 {
                    self.boot(node);
                }
            }
            WorldFault::Freeze { node } => self.thaw(node),
            WorldFault::Sleep { node } => self.wake(node),
            WorldFault::Cut { a, b } => self.set_cut(a, b, false),
            WorldFault::Deaf { from, to } => self.set_deaf(from, to, false),
            WorldFault::Split { group } => self.set_split(&group, false),
            WorldFault::Slow { a, b, times } => self.wire.set_slow(a, b, times, false),
            WorldFault::Lossy { a, b, permille } => self.wire.set_lossy(a, b, permille, false),
            WorldFault::Renumber { node } => self.renumber(node, false),
            WorldFault::Hang { node } => {
                let shell = &mut self.shells[node];
                shell.hangs = shell.hangs.saturating_sub(1);
            }
            WorldFault::Squeeze { node, mib } => self.squeeze(node, mib, false),
            WorldFault::DeviceLost { node } => {
                let shell = &mut self.shells[node];
                shell.lost_devices = shell.lost_devices.saturating_sub(1);
            }
            WorldFault::Pause { node } => self.set_paused(node, false),
            WorldFault::Twin { node, .. } => self.end_twin(node),
            WorldFault::Hostile { node } => {
                let shell = &mut self.shells[node];
                shell.hostile = shell.hostile.saturating_sub(1);
            }
            WorldFault::Jump { .. }
            | WorldFault::Crash { .. }
            | WorldFault::Garbage { .. }
            | WorldFault::Rot { .. }
            | WorldFault::SpoilLoad { .. } => {}
        }
    }
}
