//! Random interleavings: messages lost, repeated and reordered, disks that refuse, crashes that lose
//! what was not synced, partitions. Then calm, with at most one node lost for ever.

use crate::world::{Bug, World, node_id};

/// `SplitMix64`, as in the crate itself.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % bound.max(1) as u64) as usize
    }

    fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }
}

fn random_step(world: &mut World, dice: &mut Dice, faults: usize) {
    let nodes = world.nodes.len();
    let (a, b) = (dice.below(nodes), dice.below(nodes));
    match dice.below(100) {
        0..=39 if !world.wire.is_empty() => {
            let at = dice.below(world.wire.len().min(12));
            match dice.below(faults.max(2)) {
                0 => drop(world.wire.remove(at)),
                1 => {
                    let again = world.wire[at].clone();
                    world.wire.push_back(again);
                }
                _ => world.deliver(at),
            }
        }
        0..=59 => {
            let works = !dice.one_in(40);
            world.sync(a, works);
        }
        60..=67 => {
            let works = !dice.one_in(20);
            world.fetch(a, works);
        }
        68..=75 => {
            if let Some((at, index)) = world.next_timeout() {
                world.now = world.now.max(at);
                world.time_out(index);
            }
        }
        76..=79 => {
            let job = world.nodes[a].placed.keys().next().copied();
            if let Some(job) = job {
                world.finish(a, job);
                world.nodes[a].placed.remove(&job);
            }
        }
        80..=87 => world.see(a, b),
        88..=89 if dice.one_in(2) => world.crash(a),
        88..=92 => world.start(a, false),
        93 => {
            world.cut.insert((a.min(b), a.max(b)));
        }
        94..=96 => {
            let any = world.cut.iter().nth(dice.below(world.cut.len())).copied();
            world.cut.retain(|pair| Some(*pair) != any);
        }
        97..=98 => {
            let key = dice.one_in(2).then(|| [u8::try_from(dice.below(3)).expect("small"); 32]);
            world.submit(a, key);
        }
        _ => {
            let jobs: Vec<_> = world.nodes[a].disk.keys().copied().collect();
            if let Some(job) = jobs.get(dice.below(jobs.len().max(1))) {
                let input = pumasi_scheduler::CustodyInput::Cancel { job: *job, at_ms: 9 };
                world.input(a, input);
            }
        }
    }
}

/// Runs one storm; what the oracle found.
pub(crate) fn storm(seed: u64, bug: Option<Bug>, tracing: bool) -> World {
    let mut dice = Dice(seed);
    let nodes = 1 + dice.below(6);
    let mut world = World::new(nodes, seed);
    world.bug = bug;
    world.tracing = tracing;
    let faults = 4 + dice.below(60);
    for _ in 0..600 + dice.below(1_500) {
        random_step(&mut world, &mut dice, faults);
        if !world.oracle.violations.is_empty() {
            return world;
        }
    }
    settle(&mut world, &mut dice);
    world
}

/// Faults stop; one node may be lost for ever. Every acknowledged job must end.
fn settle(world: &mut World, dice: &mut Dice) {
    let nodes = world.nodes.len();
    world.cut.clear();
    let victim = (nodes >= 4 && dice.one_in(2)).then(|| dice.below(nodes));
    if let Some(victim) = victim {
        world.crash(victim);
        world.nodes[victim].dead = true;
    }
    for index in 0..nodes {
        world.start(index, false);
    }
    world.detect();
    for _ in 0..20 {
        world.run(60_000, true);
        world.detect();
    }
    check_ended(world, victim);
    check_keys(world);
    if world.oracle.misbehaved > 0 {
        world.oracle.violations.push("P10: honest nodes were blamed".to_owned());
    }
}

fn check_ended(world: &mut World, victim: Option<usize>) {
    for job in world.oracle.acked.clone() {
        let is_small = |record: &pumasi_protocol::custody::Record| {
            record.holders.len() < 3 && victim.is_some_and(|v| record.owner() == node_id(v))
        };
        let rows = world.nodes.iter().filter(|node| !node.dead);
        let mut rows = rows.filter_map(|node| node.disk.get(&job)).peekable();
        let gone_with_owner = rows.peek().is_none() || rows.any(|row| is_small(&row.record));
        if !world.oracle.shown.contains_key(&job) && !gone_with_owner {
            world
                .oracle
                .violations
                .push(format!("I2: {} was acknowledged and never ended", crate::words::job(job)));
        }
    }
}

fn check_keys(world: &mut World) {
    let mut by_key = std::collections::BTreeMap::<_, Vec<_>>::new();
    for (job, key) in &world.keys {
        let record = world
            .nodes
            .iter()
            .filter_map(|node| node.custody.as_ref()?.job(*job))
            .find(|view| view.part == pumasi_scheduler::Part::Owner)
            .map(|view| view.record.superseded_by.is_none());
        if world.oracle.acked.contains(job) && record == Some(true) {
            by_key.entry(*key).or_default().push(*job);
        }
    }
    for (_, jobs) in by_key.into_iter().filter(|(_, jobs)| jobs.len() > 1) {
        let jobs: Vec<String> = jobs.into_iter().map(crate::words::job).collect();
        world.oracle.violations.push(format!("I16: {jobs:?} share one key and all count"));
    }
}
