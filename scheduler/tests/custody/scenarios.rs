//! Single situations, one test each.

use pumasi_protocol::custody::{CustodyMessage, End, Ended, Term, Version};
use pumasi_protocol::{Fault, JobId};
use pumasi_scheduler::{AcceptRefusal, CustodyInput, Part};

use crate::world::{World, node_id};

fn calm_world(nodes: usize) -> World {
    let mut world = World::new(nodes, 1);
    world.run(1_000, false);
    world
}

fn accepted(world: &mut World, at: usize) -> JobId {
    let job = world.submit(at, None);
    world.run(2_000, false);
    assert!(world.oracle.acked.contains(&job), "nothing stands in the way");
    job
}

fn part(world: &World, node: usize, job: JobId) -> Option<Part> {
    world.nodes[node].custody.as_ref()?.job(job).map(|view| view.part)
}

fn holders(world: &World, owner: usize, job: JobId) -> Vec<usize> {
    let custody = world.nodes[owner].custody.as_ref().expect("it runs");
    let record = custody.job(job).expect("it is kept").record;
    record.holders.iter().map(|id| usize::from(id.0[0]) - 1).collect()
}

fn owner(world: &World, job: JobId) -> Option<usize> {
    (0..world.nodes.len()).find(|node| part(world, *node, job) == Some(Part::Owner))
}

fn holds_nothing_wrong(world: &World) {
    assert_eq!(world.oracle.violations, Vec::<String>::new());
    assert_eq!(world.oracle.misbehaved, 0);
}

#[test]
fn three_disks_have_it_before_it_is_acknowledged() {
    let mut world = calm_world(5);
    let job = world.submit(0, None);
    assert!(world.nodes.iter().all(|node| node.disk.is_empty()));
    world.run(2_000, false);
    let holders = holders(&world, 0, job);
    assert_eq!(holders.len(), 3);
    assert!(holders.iter().all(|node| world.nodes[*node].disk.contains_key(&job)));
    world.run(1_000, true);
    assert!(world.oracle.shown.contains_key(&job));
    holds_nothing_wrong(&world);
}

/// Delivers everything but the first message that `loses` names; whether it was one.
fn lose_first(world: &mut World, loses: impl Fn(&CustodyMessage) -> bool) -> bool {
    for _ in 0..100 {
        if let Some(at) = world.wire.iter().position(|(.., message)| loses(message)) {
            world.wire.remove(at);
            world.calm();
            return true;
        }
        let busy = world.nodes.iter().position(|n| !n.writes.is_empty() || !n.fetches.is_empty());
        match busy {
            _ if !world.wire.is_empty() => world.deliver(0),
            Some(node) => {
                world.sync(node, true);
                world.fetch(node, true);
            }
            None => return false,
        }
    }
    false
}

#[test]
fn a_lost_request_or_confirmation_delays_an_acceptance_by_a_moment() {
    let request = |message: &CustodyMessage| matches!(message, CustodyMessage::Keep(_));
    let confirmation = |message: &CustodyMessage| matches!(message, CustodyMessage::Kept { .. });
    for confirmed in [false, true] {
        let mut world = calm_world(5);
        let job = world.submit(0, None);
        let lost = lose_first(&mut world, |m| if confirmed { confirmation(m) } else { request(m) });
        assert!(lost && !world.oracle.acked.contains(&job));
        world.run(2_000, false);
        assert!(world.oracle.acked.contains(&job), "confirmed: {confirmed}");
        assert_eq!(holders(&world, 0, job).len(), 3);
        holds_nothing_wrong(&world);
    }
}

#[test]
fn holders_that_confirmed_in_time_are_enough_when_the_time_is_over() {
    let mut world = calm_world(3);
    let job = world.submit(0, None);
    // One of the two never hears anything, and nobody has noticed.
    world.cut.insert((0, 2));
    world.run(90_000, false);
    assert!(world.oracle.acked.contains(&job), "{:?}", world.oracle.refused);
    assert_eq!(holders(&world, 0, job), [0, 1]);
    holds_nothing_wrong(&world);
}

#[test]
fn a_lost_owner_is_succeeded_and_replaced_and_comes_back_as_a_holder_or_nobody() {
    let mut world = calm_world(5);
    let job = accepted(&mut world, 0);
    world.crash(0);
    world.detect();
    world.run(60_000, false);
    let next = owner(&world, job).expect("another owns it");
    world.run(300_000, false);
    assert!(!holders(&world, next, job).contains(&0), "the lost one was replaced");
    world.start(0, false);
    world.detect();
    world.run(60_000, true);
    assert!(!matches!(part(&world, 0, job), Some(Part::Owner)));
    assert!(world.oracle.shown.contains_key(&job));
    holds_nothing_wrong(&world);
}

#[test]
fn cat_c08_a_mesh_of_two_waits_for_the_owner() {
    let mut world = calm_world(2);
    let job = accepted(&mut world, 0);
    world.crash(0);
    world.detect();
    world.run(600_000, true);
    assert_eq!(part(&world, 1, job), Some(Part::Holder));
    let custody = world.nodes[1].custody.as_ref().expect("it runs");
    assert!(custody.job(job).expect("it is kept").waits_for_owner);
    world.start(0, false);
    world.detect();
    world.run(60_000, true);
    assert!(world.oracle.shown.contains_key(&job));
    holds_nothing_wrong(&world);
}

#[test]
fn an_adopted_job_counts_over_the_end_that_its_owner_had_shown() {
    let mut world = calm_world(2);
    let job = accepted(&mut world, 0);
    world.cut.insert((0, 1));
    world.detect();
    world.finish(0, job);
    world.nodes[0].placed.clear();
    world.run(1_000, false);
    assert!(world.oracle.shown.contains_key(&job), "the owner of a set of two decides alone");
    world.input(1, CustodyInput::Adopt { job });
    world.run(1_000, true);
    world.cut.clear();
    world.detect();
    world.run(60_000, true);
    assert!(world.oracle.overridden.contains(&job));
    let end = &world.oracle.shown.get(&job).expect("it ended").end;
    assert!(matches!(end, End::Completed { node, .. } if *node == node_id(1)), "{end:?}");
    assert!(world.nodes[0].disk[&job].overridden.is_some(), "the other end is kept");
}

#[test]
fn cat_p10_records_and_ends_of_strangers_change_nothing() {
    let mut world = calm_world(5);
    let job = accepted(&mut world, 0);
    let holders = holders(&world, 0, job);
    let stranger = (0..5).find(|node| !holders.contains(node)).expect("five nodes, three holders");
    let mut record = world.nodes[0].disk[&job].record.clone();
    let before = world.nodes[holders[1]].disk[&job].clone();
    record.ended = Some(Ended { end: End::Failed(Fault::Silent), at_ms: 5 });
    // In the owner's name, and in its own.
    let claims = [record.version.owner, node_id(stranger)].map(|owner| {
        let version = Version { term: Term(2), owner, sequence: 0 };
        let mut record = record.clone();
        record.version = version;
        record.holders.push(node_id(stranger));
        record
    });
    for record in claims {
        let message = Box::new(CustodyMessage::Keep(Box::new(record)));
        world.input(holders[1], CustodyInput::Message { from: node_id(stranger), message });
        world.calm();
    }
    assert_eq!(world.oracle.misbehaved, 2);
    assert_eq!(world.nodes[holders[1]].disk[&job], before);
}

#[test]
fn cat_h41_a_full_disk_is_no_holder_and_refuses_its_own() {
    let mut world = calm_world(4);
    let job = world.submit(0, None);
    let refuse = |world: &mut World, node: usize| {
        while !world.nodes[node].writes.is_empty() {
            world.sync(node, false);
        }
    };
    for _ in 0..40 {
        while !world.wire.is_empty() {
            world.deliver(0);
        }
        refuse(&mut world, 1);
        for node in [0, 2, 3] {
            world.sync(node, true);
        }
        (0..4).for_each(|node| world.fetch(node, true));
    }
    assert!(world.oracle.acked.contains(&job));
    assert_eq!(holders(&world, 0, job).len(), 3);
    assert!(!holders(&world, 0, job).contains(&1));
    let own = world.submit(1, None);
    refuse(&mut world, 1);
    assert_eq!(world.oracle.refused.get(&own), Some(&AcceptRefusal::OwnDisk));
}

#[test]
fn an_older_ledger_stays_out_until_every_other_holder_has_answered() {
    let mut world = calm_world(3);
    let older = world.nodes[2].disk.clone();
    let job = accepted(&mut world, 0);
    // The disk of 2 is replaced by a copy from before, and only its owner can be reached.
    world.crash(2);
    world.nodes[2].disk = older;
    world.cut.insert((1, 2));
    world.start(2, false);
    world.detect();
    world.run(30_000, false);
    let unsure = |world: &World| {
        let custody = world.nodes[2].custody.as_ref().expect("it runs");
        custody.job(job).expect("it was told").unsure
    };
    assert!(unsure(&world), "one answer of two");
    world.cut.clear();
    world.detect();
    world.run(30_000, false);
    assert!(!unsure(&world), "both have answered");
    world.run(1_000, true);
    holds_nothing_wrong(&world);
}

#[test]
fn an_owner_that_began_anew_from_an_older_ledger_before_anybody_noticed_is_told_what_it_owns() {
    let mut world = calm_world(3);
    let older = world.nodes[0].disk.clone();
    let job = accepted(&mut world, 0);
    world.crash(0);
    world.nodes[0].disk = older;
    world.start(0, true);
    for other in [1, 2] {
        world.see(0, other);
        world.input(other, CustodyInput::Restarted { node: node_id(0) });
    }
    world.run(60_000, true);
    assert!(world.oracle.shown.contains_key(&job), "it was lost");
    holds_nothing_wrong(&world);
}

#[test]
fn who_slept_while_others_took_over_and_replaced_it_learns_that_and_is_not_blamed() {
    let mut world = calm_world(5);
    let job = accepted(&mut world, 0);
    let first = holders(&world, 0, job);
    world.cut.extend((1..5).map(|other| (0, other)));
    world.detect();
    world.run(300_000, false);
    let next =
        (1..5).find(|n| part(&world, *n, job) == Some(Part::Owner)).expect("another owns it");
    let later = holders(&world, next, job);
    let stranger = later.iter().find(|node| !first.contains(node)).expect("one was replaced");
    world.finish(next, job);
    world.run(1_000, false);
    world.finish(0, job);
    // Only who never heard of the one that slept can be reached at first.
    world.cut.remove(&(0, *stranger));
    world.detect();
    world.run(60_000, false);
    world.cut.clear();
    world.detect();
    world.run(60_000, false);
    assert_eq!(world.oracle.misbehaved, 0);
    assert_ne!(part(&world, 0, job), Some(Part::Owner));
    holds_nothing_wrong(&world);
}

#[test]
fn a_wish_to_cancel_outlives_the_owner() {
    let mut world = calm_world(4);
    let job = accepted(&mut world, 0);
    let other = holders(&world, 0, job)[1];
    world.crash(0);
    world.detect();
    world.input(other, CustodyInput::Cancel { job, at_ms: 7 });
    world.run(120_000, false);
    let ended = world.oracle.shown.get(&job).expect("the new owner ended it");
    assert_eq!(*ended, Ended { end: End::Cancelled, at_ms: 7 });
    holds_nothing_wrong(&world);
}

#[test]
fn the_same_key_is_the_same_job_wherever_it_is_given() {
    let mut world = calm_world(5);
    let first = world.submit(0, Some([9; 32]));
    world.run(2_000, false);
    let second = world.submit(4, Some([9; 32]));
    world.run(2_000, false);
    assert_eq!(world.oracle.same.get(&second), Some(&first));
    holds_nothing_wrong(&world);
}

#[test]
fn of_two_jobs_with_one_key_from_a_split_mesh_the_smaller_id_counts() {
    let mut world = calm_world(4);
    world.cut.extend([(0, 2), (0, 3), (1, 2), (1, 3)]);
    world.detect();
    let first = world.submit(0, Some([9; 32]));
    let second = world.submit(3, Some([9; 32]));
    world.run(2_000, false);
    assert!(world.oracle.acked.contains(&first) && world.oracle.acked.contains(&second));
    world.cut.clear();
    world.detect();
    world.run(60_000, true);
    let end = |job| world.oracle.shown.get(job).map(|ended| &ended.end);
    assert!(matches!(end(&first), Some(End::Completed { .. })));
    assert_eq!(end(&second), Some(&End::Superseded(first)));
    holds_nothing_wrong(&world);
}

#[test]
fn ended_jobs_go_with_age_and_live_ones_stay() {
    let mut world = calm_world(3);
    let ended = accepted(&mut world, 0);
    world.run(1_000, true);
    let live = accepted(&mut world, 0);
    for node in 0..3 {
        world.input(node, CustodyInput::Retain { since_ms: 1_000 });
    }
    world.run(1_000, false);
    assert!(world.nodes.iter().all(|node| !node.disk.contains_key(&ended)));
    assert!(world.nodes.iter().all(|node| node.disk.contains_key(&live)));
}
