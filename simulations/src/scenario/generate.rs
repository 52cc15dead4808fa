//! Scenarios from seeds. Each run turns a random subset of the faults on ("swarm testing").

use crate::chance::Chance;

use super::{
    Bounds, Client, CrashPoint, Held, Job, MachineSpec, ModelSpec, Moment, NetSpec, Operation,
    Scenario, TimedFault, TimedOp, WorldFault,
};

/// Time in which people submit, in milliseconds.
pub(super) const WORKLOAD_MS: u64 = 180_000;
/// Kinds of faults that are drawn, and those of them that do not go with lasting jobs.
const FAULT_KINDS: u64 = 21;
const FALSE_KEYS: [u64; 2] = [17, 18];

impl Scenario {
    /// The scenario of a seed.
    #[must_use]
    pub fn generate(seed: u64, bounds: Bounds) -> Self {
        let mut chance = Chance::new(seed);
        let most = bounds.most.max(bounds.fewest).max(1);
        let fewest = bounds.fewest.clamp(1, most);
        // Small meshes are drawn more often: most bugs need few nodes.
        let span = most - fewest;
        let count = fewest + chance.index(span + 1).min(chance.index(span + 1));
        let models: Vec<ModelSpec> = (0..chance.within(1, 4)).map(|_| model(&mut chance)).collect();
        let persons = u8::try_from(chance.within(1, 4)).expect("at most 4");
        let mut machines: Vec<MachineSpec> =
            (0..count).map(|_| machine(&mut chance, &models, persons)).collect();
        let net = network(&mut chance);
        let mut workload = workload(&mut chance, count, models.len(), persons);
        // In a large mesh each link that comes up costs more than lasting jobs show there.
        let lasting = count <= 40 && chance.one_in(400);
        // Signatures of a large roster cost more than they show.
        if !lasting && count <= 40 && chance.one_in(450) {
            change_roster(&mut chance, &mut machines, &mut workload);
        }
        vary_machines(&mut chance, &mut machines);
        let mut faults = faults(&mut chance, count, lasting);
        let mut keep_ms = None;
        if lasting {
            super::lasting::make_last(&mut chance, count, &mut workload);
            super::lasting::disturb_disks(&mut chance, count, &mut faults);
            super::lasting::strike(&mut chance, count, &mut workload, &mut faults);
            // Longer than anything lasts that happens here, as days are in an office.
            let kept_ms = chance.within(100_000, 200_000);
            let brief = faults.iter().all(|timed| timed.for_ms * 3 / 2 < kept_ms);
            keep_ms = (brief && chance.one_in(400)).then_some(kept_ms);
        }
        Self { net_seed: chance.next(), models, machines, net, workload, faults, keep_ms }
    }
}

fn model(chance: &mut Chance) -> ModelSpec {
    let contexts = [512, 2_048, 8_192];
    ModelSpec {
        memory_mib: chance.within(1, 24) * 512,
        context: contexts[chance.index(contexts.len())],
        slots: u16::try_from(chance.within(1, 4)).expect("at most 4"),
    }
}

fn machine(chance: &mut Chance, models: &[ModelSpec], persons: u8) -> MachineSpec {
    let speeds = [1, 1, 1, 1, 2, 2, 2, 4, 4, 10, 25];
    let speed = speeds[chance.index(speeds.len())];
    let memory_mib = chance.within(2, 48) * 512;
    let mut left = memory_mib;
    let mut held = Vec::new();
    for (index, spec) in models.iter().enumerate() {
        if !chance.one_in(650) {
            continue;
        }
        let loaded = spec.memory_mib <= left && chance.one_in(500);
        left -= if loaded { spec.memory_mib } else { 0 };
        held.push(Held { model: index, loaded });
    }
    let owner = u8::try_from(chance.index(usize::from(persons))).expect("below persons");
    MachineSpec {
        person: chance.one_in(800).then_some(owner),
        memory_mib,
        decode_per_s: 10 * speed,
        prefill_per_s: 200 * speed,
        load_mib_per_s: chance.within(200, 2_000),
        models: held,
        ..MachineSpec::default()
    }
}

/// Clocks that run fast or slow, and machines of the version before.
fn vary_machines(chance: &mut Chance, machines: &mut [MachineSpec]) {
    if chance.one_in(400) {
        for machine in machines.iter_mut() {
            let off = i32::try_from(chance.within(0, 20_000)).expect("small");
            machine.drift_ppm = off - 10_000;
        }
    }
    if chance.one_in(150) {
        for machine in machines.iter_mut() {
            machine.old = chance.one_in(500);
        }
    }
}

fn network(chance: &mut Chance) -> NetSpec {
    let lossy = chance.one_in(400);
    NetSpec {
        delay_us: chance.within(50, 5_000),
        jitter_us: chance.within(0, 5_000),
        tail_permille: if chance.one_in(300) { chance.within(1, 50) } else { 0 },
        loss_permille: if lossy { chance.within(1, 150) } else { 0 },
        duplicate_permille: if chance.one_in(300) { chance.within(1, 150) } else { 0 },
        gossip_ms: chance.within(200, 2_000),
    }
}

fn workload(chance: &mut Chance, nodes: usize, models: usize, persons: u8) -> Vec<TimedOp> {
    let jobs = chance.within(5, 30 + 12 * nodes as u64);
    let poisonous = chance.one_in(200);
    let mut operations = Vec::new();
    for number in 0..jobs {
        let at_ms = chance.within(0, WORKLOAD_MS);
        let node = chance.index(nodes);
        let heavy = chance.one_in(100);
        let job = Job {
            number,
            model: chance.index(models),
            person: u8::try_from(chance.index(usize::from(persons))).expect("below persons"),
            batch: chance.one_in(300),
            prompt: u32::try_from(chance.within(5, if heavy { 1_500 } else { 200 }))
                .expect("small"),
            answer: u32::try_from(chance.within(1, if heavy { 600 } else { 80 })).expect("small"),
            mine: chance.one_in(50),
            poison: poisonous && chance.one_in(30),
            lasting: None,
            client: client(chance),
        };
        operations.push(TimedOp { at_ms, node, operation: Operation::Submit(job) });
        if chance.one_in(60) {
            let at_ms = at_ms + chance.within(0, 5_000);
            operations.push(TimedOp { at_ms, node, operation: Operation::Cancel { number } });
        }
        if chance.one_in(30) {
            let model = chance.index(models);
            let release = chance.one_in(400);
            let operation =
                if release { Operation::Release { model } } else { Operation::Preload { model } };
            operations.push(TimedOp { at_ms, node, operation });
        }
    }
    operations.sort_by_key(|op| op.at_ms);
    operations
}

fn client(chance: &mut Chance) -> Client {
    let tokens = u32::try_from(chance.within(0, 40)).expect("small");
    match chance.within(0, 99) {
        0..=3 => Client::LeavesAfter(tokens),
        4..=5 => Client::StopsReading(tokens),
        6 => Client::CancelsWhen(Moment::Accepted),
        7 => Client::CancelsWhen(Moment::Bound),
        8 => Client::CancelsWhen(Moment::Running),
        9 => Client::CancelsWhen(Moment::Ended),
        _ => Client::Patient,
    }
}

/// Strangers, and admissions and revocations that race with jobs. Machine 0 founded the mesh.
fn change_roster(chance: &mut Chance, machines: &mut [MachineSpec], workload: &mut Vec<TimedOp>) {
    let count = machines.len();
    for machine in machines.iter_mut().skip(1) {
        machine.stranger = chance.one_in(250);
    }
    for _ in 0..chance.within(1, 4) {
        let at_ms = chance.within(500, WORKLOAD_MS);
        let machine = chance.index(count);
        let admin = chance.one_in(400);
        let operation = if machine > 0 && chance.one_in(450) {
            Operation::Revoke { machine }
        } else {
            Operation::Admit { machine, admin }
        };
        let node = if chance.one_in(700) { 0 } else { chance.index(count) };
        workload.push(TimedOp { at_ms, node, operation });
    }
    workload.sort_by_key(|op| op.at_ms);
}

fn faults(chance: &mut Chance, nodes: usize, lasting: bool) -> Vec<TimedFault> {
    let mut faults = Vec::new();
    let mut kinds: Vec<u64> = (0..FAULT_KINDS).filter(|_| chance.one_in(220)).collect();
    if lasting {
        kinds.retain(|kind| !FALSE_KEYS.contains(kind));
    }
    let count = chance.within(0, 8) * u64::from(!kinds.is_empty());
    for _ in 0..count {
        let kind = kinds[chance.index(kinds.len())];
        add_fault(chance, nodes, kind, &mut faults);
    }
    faults.sort_by_key(|f| f.at_ms);
    faults
}

fn add_fault(chance: &mut Chance, nodes: usize, kind: u64, faults: &mut Vec<TimedFault>) {
    let at_ms = chance.within(500, WORKLOAD_MS);
    let for_ms = chance.within(200, 20_000);
    let (node, other) = (chance.index(nodes), chance.index(nodes));
    let apart = |fault| (node != other).then_some((for_ms, fault));
    let drawn = match kind {
        0 => Some((if chance.one_in(700) { for_ms } else { 0 }, WorldFault::Kill { node })),
        1 => apart(WorldFault::Cut { a: node, b: other }),
        2 => Some((0, WorldFault::Crash { node, point: crash_point(chance) })),
        3 => Some((0, WorldFault::SpoilLoad { node })),
        4 => Some((for_ms, WorldFault::Pause { node })),
        5 => Some((chance.within(1_000, 60_000), WorldFault::Freeze { node })),
        6 => {
            // In a large mesh twelve hours of gossip cost more than they show.
            let hours = chance.one_in(200) && nodes <= 8;
            let most = if hours { 12 * 3_600_000 } else { 60_000 };
            Some((chance.within(5_000, most), WorldFault::Sleep { node }))
        }
        7 => Some((0, WorldFault::Jump { node, ms: chance.within(500, 3_600_000) })),
        8 => apart(WorldFault::Deaf { from: node, to: other }),
        9 => Some((for_ms, WorldFault::Split { group: group(chance, nodes) })),
        10 => apart(WorldFault::Slow { a: node, b: other, times: chance.within(2, 200) }),
        11 => apart(WorldFault::Lossy { a: node, b: other, permille: chance.within(50, 900) }),
        12 => Some((chance.within(500, 8_000), WorldFault::Renumber { node })),
        13 => Some((chance.within(1_000, 30_000), WorldFault::Hang { node })),
        14 => Some((0, WorldFault::Garbage { node })),
        15 => return squeeze(chance, node, at_ms, faults),
        16 => Some((for_ms, WorldFault::DeviceLost { node })),
        17 if node != other => Some((for_ms, WorldFault::Twin { node, of: other })),
        18 => Some((for_ms, WorldFault::Hostile { node })),
        19 => return flap(chance, node, other, at_ms, faults),
        20 => return swizzle(chance, nodes, node, at_ms, faults),
        _ => None,
    };
    faults.extend(drawn.map(|(for_ms, fault)| TimedFault { at_ms, for_ms, fault }));
}

fn crash_point(chance: &mut Chance) -> CrashPoint {
    let points = [
        CrashPoint::Now,
        CrashPoint::Load,
        CrashPoint::Prefill,
        CrashPoint::Decode,
        CrashPoint::Last,
    ];
    points[chance.index(points.len())]
}

fn group(chance: &mut Chance, nodes: usize) -> Vec<usize> {
    (0..nodes).filter(|_| chance.one_in(500)).collect()
}

/// Another program that takes memory again and again, now and then while a model is loading (X24).
fn squeeze(chance: &mut Chance, node: usize, at_ms: u64, faults: &mut Vec<TimedFault>) {
    let mut at_ms = at_ms;
    for _ in 0..chance.within(1, 5) {
        let for_ms = chance.within(500, 8_000);
        let fault = WorldFault::Squeeze { node, mib: chance.within(1, 48) * 512 };
        faults.push(TimedFault { at_ms, for_ms, fault });
        at_ms += for_ms + chance.within(500, 8_000);
    }
}

/// A link that comes and goes every few seconds (X8).
fn flap(chance: &mut Chance, a: usize, b: usize, at_ms: u64, faults: &mut Vec<TimedFault>) {
    let mut at_ms = at_ms;
    for _ in 0..chance.within(2, 6) * u64::from(a != b) {
        let for_ms = chance.within(1_000, 5_000);
        faults.push(TimedFault { at_ms, for_ms, fault: WorldFault::Cut { a, b } });
        at_ms += for_ms + chance.within(1_000, 5_000);
    }
}

/// The links of one machine stop one by one and come back in another order (X7).
fn swizzle(
    chance: &mut Chance,
    nodes: usize,
    node: usize,
    at_ms: u64,
    faults: &mut Vec<TimedFault>,
) {
    let most = 20.min(nodes);
    for other in (0..most).filter(|other| *other != node) {
        let at_ms = at_ms + chance.within(0, 3_000);
        let for_ms = chance.within(1_000, 8_000);
        faults.push(TimedFault { at_ms, for_ms, fault: WorldFault::Cut { a: node, b: other } });
    }
}
