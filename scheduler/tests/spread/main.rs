//! What the state plane promises, in a simulated mesh: small traffic, fresh states, deaths noticed
//! soon, pauses forgiven, everything known again after faults.

use pumasi_scheduler::spread::SpreadConfig;

mod net;

use net::{Net, Weather};

fn mesh(count: usize, seed: u64, lost_permille: u64) -> Net {
    let weather = Weather { lost_permille, ..Weather::default() };
    let mut net = Net::new(count, seed, weather, &SpreadConfig::default());
    net.run_ms(5_000);
    net.downs.clear();
    net
}

fn permille(sorted: &mut [u64], permille: usize) -> u64 {
    sorted.sort_unstable();
    sorted.get((sorted.len().max(1) - 1) * permille / 1_000).copied().unwrap_or(0)
}

#[test]
fn two_hundred_nodes_send_little_and_know_soon() {
    for lost in [0, 50] {
        let mut net = mesh(200, 1, lost);
        net.change_every(5_000, true);
        let before = net.sent().0;
        net.run_ms(10_000);
        let each = (net.sent().0 - before) / 200 / 10;
        let p99 = permille(&mut net.ages, 990);
        assert!(each <= 8_000 * (1_000 + lost) / 1_000, "{each} bytes per second");
        assert!(p99 <= 2_000, "{p99} ms");
        assert!(net.downs.is_empty(), "nobody died");
    }
}

#[test]
fn a_death_is_noticed_by_all_within_three_seconds() {
    for (count, lost) in [(2, 0), (3, 10), (8, 10), (32, 10), (200, 10)] {
        let (mut waits, mut missed) = (Vec::new(), 0);
        for seed in 0..if count < 100 { 6 } else { 2 } {
            let mut net = mesh(count, seed, lost);
            net.change_every(5_000, false);
            let pause = net.roll(1_000);
            net.run_ms(1_000 + pause);
            let (killed, at) = (usize::try_from(net.roll(count as u64)).expect("small"), net.now);
            net.kill(killed);
            net.run_ms(6_000);
            let found = net.downs.iter().filter(|(_, by, of)| *of == killed && *by != killed);
            let found: Vec<u64> = found.map(|(when, ..)| when.ms_since(at)).collect();
            missed += count - 1 - found.len();
            waits.extend(found);
            assert!(net.downs.iter().all(|(_, by, of)| *of == killed || *by == killed));
        }
        let p99 = permille(&mut waits, 990);
        assert_eq!(missed, 0, "{count} nodes");
        assert!(p99 <= 3_000, "{count} nodes, {lost} lost: {p99} ms");
    }
}

#[test]
fn nobody_is_given_up_while_a_fifth_stands_still_for_two_seconds() {
    for (count, lost) in [(8, 0), (8, 50), (32, 50), (200, 20)] {
        let mut net = mesh(count, 7, lost);
        net.change_every(5_000, false);
        for _ in 0..5 {
            for _ in 0..count.div_ceil(5) {
                let node = usize::try_from(net.roll(count as u64)).expect("small");
                net.pause_ms(node, 2_000);
            }
            net.run_ms(6_000);
        }
        assert_eq!(net.downs, [], "{count} nodes, {lost} lost");
    }
}

#[test]
fn i10_states_converge_within_ten_seconds_after_the_last_fault() {
    for seed in 0..3 {
        let mut net = mesh(40, seed, 20);
        net.change_every(3_000, false);
        for a in 0..15 {
            (15..40).for_each(|b| net.cut(a, b));
        }
        net.run_ms(8_000);
        net.heal();
        net.kill(3);
        net.change_no_more();
        net.run_ms(10_000);
        assert!((0..40).filter(|n| *n != 3).all(|n| !net.is_up(n, 3)), "the dead one is absent");
        assert_eq!(net.behind(), 0);
    }
}

#[test]
fn i10_what_vanishes_is_found_by_digests() {
    let weather = Weather { vanished_permille: 100, ..Weather::default() };
    let mut net = Net::new(20, 3, weather, &SpreadConfig::default());
    net.run_ms(3_000);
    net.change_once();
    net.run_ms(10_000);
    assert_eq!(net.behind(), 0);
}

#[test]
fn verification_tells_the_living_from_the_frozen() {
    let mut net = mesh(8, 5, 10);
    net.verify(0, 1);
    net.run_ms(600);
    assert!(net.verdicts.iter().all(|(_, by, of, alive)| (*by, *of, *alive) == (0, 1, true)));
    assert!(!net.verdicts.is_empty());
    net.verdicts.clear();
    net.pause_ms(2, 1_500);
    // The way to node 3 is cut, but others hear it.
    net.cut(0, 3);
    net.verify(0, 2);
    net.verify(0, 3);
    net.run_ms(600);
    let first = |of| net.verdicts.iter().find(|v| v.2 == of).map(|v| v.3);
    assert_eq!(first(2), Some(false));
    assert_eq!(first(3), Some(true));
}
