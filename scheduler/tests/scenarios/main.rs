//! Scenarios: a few lines of text in, the trace of messages and actions out.

mod world;

use expect_test::{Expect, expect};

fn check(scenario: &str, expected: Expect) {
    expected.assert_eq(&world::run(scenario));
}

#[test]
fn a_warm_and_idle_engine_here_binds_without_a_message() {
    check(
        "
        node a
        node b
        model a m loaded
        model b m loaded
        start
        submit a j1 m
        run 5000
        why a j1
        idle
        ",
        expect![[""]],
    );
}

#[test]
fn loaded_beats_unloaded() {
    check(
        "
        node a
        node b
        node c
        model b m
        model c m loaded
        start
        submit a j1 m
        run 5000
        why a j1
        idle
        ",
        expect![[""]],
    );
}

#[test]
fn idle_beats_busy() {
    check(
        "
        node a
        node b
        node c
        model b m loaded slots=2
        model c m loaded slots=2
        start
        submit c j1 m only=c max=1000
        run 100
        submit a j2 m
        run 3000
        why a j2
        ",
        expect![[""]],
    );
}

#[test]
fn faster_beats_slower_even_when_the_slower_is_here() {
    check(
        "
        node a
        node b
        model a m loaded decode=20
        model b m loaded decode=200
        start
        submit a j1 m
        run 2000
        why a j1
        ",
        expect![[""]],
    );
}

#[test]
fn about_as_fast_here_is_not_worth_the_messages() {
    check(
        "
        node a
        node b
        model a m loaded decode=80
        model b m loaded decode=100
        start
        submit a j1 m
        run 2000
        why a j1
        ",
        expect![[""]],
    );
}

#[test]
fn each_gate_says_why() {
    check(
        "
        node a person=kim
        node b person=lee
        node c person=lee memory=2
        node d
        node e person=lee submit-only
        node f person=lee
        node g person=lee
        node h person=lee
        model b m loaded plain
        model c m size=3
        model e m loaded
        model f m loaded context=100
        model g m loaded
        model h m loaded
        start
        admission g owner-busy
        admission h paused
        gossip
        submit a j1 m tools
        run 10
        why a j1
        cancel a j1
        run 10
        idle
        ",
        expect![[""]],
    );
}

#[test]
fn the_job_itself_excludes() {
    check(
        "
        node a person=kim
        node b person=lee
        node c person=kim
        node d
        model b m loaded
        model c m loaded
        model d m loaded
        start
        submit a j1 m mine person=kim
        submit a j2 m only=b,d not=d
        submit a j3 m local
        run 2000
        why a j1
        why a j2
        why a j3
        ",
        expect![[""]],
    );
}

#[test]
fn longest_answers_go_where_they_fit() {
    check(
        "
        node a
        node b
        node c
        model b m loaded context=512 decode=1000
        model c m loaded context=4096
        start
        submit a j1 m max=2000
        submit a j2 m max=9000
        run 10
        why a j1
        why a j2
        ",
        expect![[""]],
    );
}

#[test]
fn no_candidate_fails_at_once_with_the_refusals() {
    check(
        "
        node a
        node b
        model b m loaded
        start
        submit a j1 other
        run 10
        why a j1
        idle
        ",
        expect![[""]],
    );
}

#[test]
fn the_executing_node_is_the_truth() {
    check(
        "
        node a
        node b
        model b m loaded
        start
        admission b paused
        submit a j1 m
        run 1000
        why a j1
        admission b accepting
        gossip
        run 3000
        why a j1
        idle
        ",
        expect![[""]],
    );
}

#[test]
fn when_all_are_busy_the_first_claim_is_bound() {
    check(
        "
        node a
        node b
        node c
        model b m loaded
        model c m loaded
        start
        submit b j1 m only=b max=300
        submit c j2 m only=c max=500
        run 100
        gossip
        submit a j3 m
        run 5000
        why a j3
        idle
        ",
        expect![[""]],
    );
}

#[test]
fn a_bid_after_the_deadline_counts_while_nothing_is_bound() {
    check(
        "
        node a
        node b
        model b m loaded
        delay a b 200
        delay b a 200
        start
        submit a j1 m
        run 3000
        why a j1
        idle
        ",
        expect![[""]],
    );
}

#[test]
fn a_late_bid_of_a_loser_is_answered_gone() {
    check(
        "
        node a
        node b
        node c
        model b m loaded
        model c m loaded decode=150
        delay c a 300
        start
        submit a j1 m
        run 3000
        why a j1
        idle
        ",
        expect![[""]],
    );
}

#[test]
fn lost_offers_go_to_others() {
    check(
        "
        node a
        node b
        node c
        node d
        node e
        model b m loaded
        model c m loaded
        model d m loaded
        model e m loaded
        start
        drop a b offer
        drop a c offer
        drop a d offer
        drop a e offer
        submit a j1 m
        run 3000
        idle
        ",
        expect![[""]],
    );
}

#[test]
fn a_lost_bind_is_made_good_by_the_stream() {
    check(
        "
        node a
        node b
        model b m loaded
        start
        drop a b bind
        submit a j1 m
        run 3000
        idle
        ",
        expect![[""]],
    );
}

#[test]
fn a_lost_claim_is_repeated() {
    check(
        "
        node a
        node b
        model b m loaded
        start
        submit b j1 m max=50
        run 10
        submit a j2 m
        drop b a claim
        run 4000
        idle
        ",
        expect![[""]],
    );
}

#[test]
fn a_lost_gone_costs_one_claim() {
    check(
        "
        node a
        node b
        node c
        model b m loaded
        model c m loaded
        start
        submit b j1 m only=b max=100
        submit c j2 m only=c max=200
        run 10
        submit a j3 m
        drop a c gone
        run 5000
        idle
        ",
        expect![[""]],
    );
}

#[test]
fn cancel_in_each_state() {
    check(
        "
        node a
        node b
        node c
        model b m loaded
        model c m
        start
        submit a j1 m only=b
        cancel a j1
        run 10
        submit a j2 m only=b max=1000
        run 3
        submit a j3 m only=b
        run 10
        cancel a j3
        run 10
        cancel a j2
        run 10
        submit a j4 m only=c
        run 100
        cancel a j4
        run 5000
        submit a j5 other only=b
        cancel a j5
        idle
        ",
        expect![[""]],
    );
}

#[test]
fn an_executor_that_dies_before_it_is_bound() {
    check(
        "
        node a
        node b
        node c
        model b m loaded decode=300
        model c m loaded
        start
        submit a j1 m
        kill b
        run 3000
        idle
        ",
        expect![[""]],
    );
}

#[test]
fn an_executor_that_dies_while_it_runs() {
    check(
        "
        node a
        node b
        node c
        model b m loaded decode=300
        model c m loaded
        start
        submit a j1 m max=1000
        run 500
        kill b
        run 12000
        why a j1
        idle
        ",
        expect![[""]],
    );
}

#[test]
fn an_executor_that_dies_as_the_only_one() {
    check(
        "
        node a
        node b
        model b m loaded
        start
        submit a j1 m
        run 500
        kill b
        run 3000
        why a j1
        idle
        ",
        expect![[""]],
    );
}

#[test]
fn an_owner_that_dies_leaves_nothing_behind() {
    check(
        "
        node a
        node b
        model b m loaded
        start
        submit a j1 m
        submit a j2 m
        run 2
        kill a
        run 20000
        idle
        ",
        expect![[""]],
    );
}

#[test]
fn an_engine_that_crashes_is_left_for_another() {
    check(
        "
        node a
        node b
        node c
        model b m loaded decode=300
        model c m loaded
        start
        submit a j1 m
        run 50
        crash b j1
        run 3000
        why a j1
        idle
        ",
        expect![[""]],
    );
}

#[test]
fn four_crashes_are_enough() {
    check(
        "
        node a
        node b
        model b m loaded
        start
        submit a j1 m
        run 50
        crash b j1
        run 1000
        crash b j1
        run 1500
        crash b j1
        run 2500
        crash b j1
        run 5000
        why a j1
        idle
        ",
        expect![[""]],
    );
}

#[test]
fn old_epochs_are_ignored() {
    check(
        "
        node a
        node b
        node c
        model b m loaded decode=300
        model c m loaded
        start
        submit a j1 m max=1000
        run 50
        crash b j1
        run 50
        say b a claim j1 epoch=1
        say b a bid j1 epoch=1
        run 5
        say a c bind j1 epoch=1
        say a c gone j1 epoch=1
        say a c offer j1 epoch=1
        run 12000
        say a c bind j1 epoch=2
        run 5
        idle
        ",
        expect![[""]],
    );
}

#[test]
fn an_echo_of_the_binding_that_stands_ends_nothing() {
    check(
        "
        node a
        node b
        model b m loaded
        start
        submit a j1 m
        run 50
        say b a bid j1
        say b a claim j1
        say a b offer j1
        say a b bind j1
        run 3000
        idle
        ",
        expect![[""]],
    );
}

#[test]
fn memory_is_evicted_only_after_bind() {
    check(
        "
        node a
        node b memory=4
        model b m loaded size=3
        model b n size=3
        start
        submit a j1 n
        run 6000
        submit a j2 m
        submit a j3 n
        run 12000
        idle
        ",
        expect![[""]],
    );
}

#[test]
fn two_promises_never_exceed_the_memory() {
    check(
        "
        node a
        node b memory=4
        model b m size=3
        model b n size=3
        start
        submit a j1 m
        submit a j2 n
        run 20000
        idle
        ",
        expect![[""]],
    );
}

#[test]
fn a_model_that_cannot_be_loaded_is_told_to_all_who_wait() {
    check(
        "
        node a
        node b
        model b m
        start
        spoil b
        submit a j1 m
        submit a j2 m
        submit a j3 m
        run 20000
        why a j3
        idle
        ",
        expect![[""]],
    );
}

#[test]
fn a_job_that_waits_too_long_fails() {
    check(
        "
        config queue_deadline_ms=2000
        node a
        node b
        model b m loaded
        start
        submit b j1 m max=1000
        run 10
        submit a j2 m
        run 12000
        why a j2
        idle
        ",
        expect![[""]],
    );
}

#[test]
fn interactive_goes_before_batch_and_persons_share() {
    check(
        "
        node a
        model a m loaded
        start
        submit a j1 m
        submit a j2 m batch
        submit a j3 m person=kim
        submit a j4 m person=kim
        submit a j5 m person=lee
        run 8000
        idle
        ",
        expect![[""]],
    );
}

#[test]
fn the_person_at_the_desk_goes_first() {
    check(
        "
        node a person=lee
        node b
        model a m loaded
        start
        submit b j1 m person=kim
        run 10
        submit b j2 m person=kim
        run 10
        submit a j3 m person=lee
        run 5000
        idle
        ",
        expect![[""]],
    );
}

#[test]
fn a_starving_job_that_needs_memory_is_not_overtaken() {
    check(
        "
        config starving_ms=1000
        node a memory=4
        model a m loaded size=3 slots=2
        model a n size=3 load=500
        start
        submit a j1 m max=200
        run 10
        submit a j2 n
        run 500
        submit a j3 m max=200
        run 800
        submit a j4 m
        run 15000
        idle
        ",
        expect![[""]],
    );
}

#[test]
fn a_stranger_is_refused_and_an_expelled_one_cut_off() {
    check(
        "
        node a
        node b
        node c
        model b m loaded decode=300
        model c m loaded
        start
        submit a j1 m max=1000
        run 500
        submit c j2 m only=b
        run 10
        expel c
        run 10
        expel b
        run 12000
        idle
        ",
        expect![[""]],
    );
}

#[test]
fn a_cut_between_owner_and_executor() {
    check(
        "
        node a
        node b
        node c
        model b m loaded decode=300
        model c m loaded
        start
        submit a j1 m max=1000
        run 500
        cut a b
        run 12000
        idle
        ",
        expect![[""]],
    );
}

#[test]
fn a_preloaded_model_is_warm() {
    check(
        "
        node a
        model a m
        start
        preload a m
        run 4000
        submit a j1 m
        run 2000
        idle
        ",
        expect![[""]],
    );
}

#[test]
fn a_stream_that_breaks_before_the_model_is_loaded_frees_its_slot() {
    check(
        "
        node a
        node b
        node c
        model b m
        start
        submit a j1 m
        run 500
        cut a b
        run 1000
        submit c j2 m
        run 8000
        idle
        ",
        expect![[""]],
    );
}

#[test]
fn a_model_is_not_changed_for_each_job() {
    check(
        "
        node a memory=4
        model a m loaded size=3
        model a n size=3
        start
        submit a j1 m max=50
        submit a j2 n
        submit a j3 m max=50
        submit a j4 n
        submit a j5 m max=50
        run 20000
        idle
        ",
        expect![[""]],
    );
}

#[test]
fn a_claim_is_bound_although_another_has_not_answered() {
    check(
        "
        config renew_ms=200
        node a
        node b
        node c
        model b m loaded
        model c m loaded
        start
        submit b j1 m only=b max=30
        submit c j2 m only=c max=400
        run 10
        submit a j3 m
        run 190
        drop a c offer
        run 5000
        idle
        ",
        expect![[""]],
    );
}
