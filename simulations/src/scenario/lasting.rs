//! Lasting jobs of a generated scenario: who hands them in where, with which keys, cancels and adopts
//! them, and what happens to the disks meanwhile.

use crate::chance::Chance;

use super::generate::WORKLOAD_MS;
use super::{Client, Lasting, Operation, TimedFault, TimedOp, WorldFault};

/// Kinds of faults of disks.
const KINDS: usize = 6;
/// Different keys of one person in one run: few, so that they meet.
const KEYS: u64 = 6;
/// Most jobs of a run at which something is aimed.
const STRIKES: u64 = 5;
/// Where the numbers of retries begin, above those of all other jobs.
const RETRIES_FROM: u64 = 1 << 20;

/// Makes some of the jobs lasting ones.
pub(super) fn make_last(chance: &mut Chance, nodes: usize, workload: &mut Vec<TimedOp>) {
    let permille = chance.within(50, 600);
    let mut further = Vec::new();
    for op in workload.iter_mut() {
        let Operation::Submit(job) = &mut op.operation else { continue };
        if !chance.one_in(permille) {
            continue;
        }
        let key = chance.one_in(400).then(|| u8::try_from(chance.within(0, KEYS - 1)));
        job.lasting = Some(Lasting { key: key.map(|key| key.expect("few keys")) });
        job.client = Client::Patient;
        if chance.one_in(200) {
            job.answer = u32::try_from(chance.within(200, 1_500)).expect("small");
        }
        let number = job.number;
        if key.is_some() && chance.one_in(500) {
            // The same person asks again, at another gateway.
            let mut again = job.clone();
            again.number = RETRIES_FROM + number;
            let at_ms = op.at_ms + chance.within(0, 20_000);
            let operation = Operation::Submit(again);
            further.push(TimedOp { at_ms, node: chance.index(nodes), operation });
        }
        let mut later = |most, operation| {
            let at_ms = op.at_ms + chance.within(0, most);
            further.push(TimedOp { at_ms, node: chance.index(nodes), operation });
        };
        match number % 10 {
            0 => later(3_000, Operation::Cancel { number }),
            1 | 2 => later(60_000, Operation::Adopt { number }),
            _ => {}
        }
    }
    workload.append(&mut further);
    workload.sort_by_key(|op| op.at_ms);
}

/// Something happens to a machine just when it accepts, runs or ends a lasting job; then somebody
/// elsewhere may take the job over.
pub(super) fn strike(
    chance: &mut Chance,
    nodes: usize,
    workload: &mut Vec<TimedOp>,
    faults: &mut Vec<TimedFault>,
) {
    let lasting = |op: &TimedOp| match &op.operation {
        Operation::Submit(job) => job.lasting.map(|_| (op.at_ms, op.node, job.number)),
        Operation::Cancel { .. }
        | Operation::Adopt { .. }
        | Operation::Preload { .. }
        | Operation::Release { .. }
        | Operation::Admit { .. }
        | Operation::Revoke { .. } => None,
    };
    let given: Vec<(u64, usize, u64)> = workload.iter().filter_map(lasting).collect();
    let count = if chance.one_in(600) { chance.within(0, STRIKES) } else { 0 };
    for _ in 0..count * u64::from(!given.is_empty()) {
        let (at_ms, node, number) = given[chance.index(given.len())];
        let soon = if chance.one_in(500) { 60 } else { 4_000 };
        let at_ms = at_ms + chance.within(0, soon);
        faults.extend(struck(chance, nodes, node, at_ms));
        if chance.one_in(500) {
            let operation = Operation::Adopt { number };
            for node in (0..nodes).filter(|other| *other != node) {
                let at_ms = at_ms + chance.within(4_000, 30_000);
                workload.push(TimedOp { at_ms, node, operation: operation.clone() });
            }
        }
    }
    workload.sort_by_key(|op| op.at_ms);
    faults.sort_by_key(|fault| fault.at_ms);
}

fn struck(chance: &mut Chance, nodes: usize, node: usize, at_ms: u64) -> Vec<TimedFault> {
    let for_ms = chance.within(500, 40_000);
    let before_ms = at_ms.saturating_sub(4_000);
    let timed = |at_ms, for_ms, fault| TimedFault { at_ms, for_ms, fault };
    match chance.within(0, 7) {
        0 => vec![timed(at_ms, for_ms, WorldFault::Kill { node })],
        1 => vec![timed(at_ms, for_ms, WorldFault::PowerCut { node })],
        2 => {
            let slow = WorldFault::SlowDisk { node, ms: chance.within(100, 3_000) };
            let kill = timed(at_ms, for_ms, WorldFault::Kill { node });
            vec![timed(before_ms, 10_000, slow), kill]
        }
        3 => {
            let rot = timed(at_ms, 0, WorldFault::Rot { node });
            let soon = at_ms + chance.within(0, 500);
            vec![rot, timed(soon, 500, WorldFault::Kill { node })]
        }
        4 | 5 => {
            let others = (0..nodes).filter(|other| *other != node);
            let full = |node| timed(before_ms, 70_000, WorldFault::FullDisk { node });
            others.map(full).collect()
        }
        6 => vec![timed(at_ms, for_ms, WorldFault::Freeze { node })],
        _ => {
            let mut group: Vec<usize> = (0..nodes).filter(|_| chance.one_in(300)).collect();
            group.retain(|other| *other != node);
            group.push(node);
            vec![timed(at_ms, for_ms, WorldFault::Split { group })]
        }
    }
}

/// What goes wrong with disks and power.
pub(super) fn disturb_disks(chance: &mut Chance, nodes: usize, faults: &mut Vec<TimedFault>) {
    let kinds: Vec<usize> = (0..KINDS).filter(|_| chance.one_in(350)).collect();
    let count = chance.within(0, 6) * u64::from(!kinds.is_empty());
    for _ in 0..count {
        let at_ms = chance.within(500, WORKLOAD_MS);
        let node = chance.index(nodes);
        let brief_ms = chance.within(500, 20_000);
        let (for_ms, fault) = match kinds[chance.index(kinds.len())] {
            0 => (if chance.one_in(850) { brief_ms } else { 0 }, WorldFault::PowerCut { node }),
            1 => (brief_ms, WorldFault::SlowDisk { node, ms: chance.within(100, 30_000) }),
            2 => (brief_ms, WorldFault::FullDisk { node }),
            3 => (brief_ms, WorldFault::SyncFails { node }),
            4 => (brief_ms, WorldFault::OldLedger { node }),
            _ => (0, WorldFault::Rot { node }),
        };
        faults.push(TimedFault { at_ms, for_ms, fault });
    }
    faults.sort_by_key(|fault| fault.at_ms);
}
