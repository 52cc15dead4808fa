//! Nodes that cannot be reached: who waits for them, and for how long.

use expect_test::expect;

use super::check;

#[test]
fn a_batch_job_waits_for_the_only_node_that_has_its_model() {
    check(
        "
        node a
        node b
        model b m loaded
        start
        cut a b
        submit a j1 m batch
        run 20000
        join a b
        run 5000
        idle
        ",
        expect![[r#"
            0     a and b are cut
            0     a j1 waits
            20000 a and b meet again
            20000 a>b offer j1.1
            20001 b>a bid j1.1 start 0 end 1100
            20002 a>b bind j1.1
            20002 a dispatches j1.1 to b
            20002 a j1 bound to b
            20003 b expects j1.1 of a
            20004 b runs j1.1
            20005 a j1 running on b
            21104 b>a idle
            21105 a j1 completed on b
            25000 all idle
        "#]],
    );
}

#[test]
fn an_interactive_job_does_not() {
    check(
        "
        node a
        node b
        model b m loaded
        start
        cut a b
        submit a j1 m
        run 20000
        idle
        ",
        expect![[r#"
            0     a and b are cut
            0     a j1 waits
            1750  a j1 failed: no_candidate
            20000 all idle
        "#]],
    );
}

#[test]
fn a_batch_job_does_not_wait_for_ever() {
    check(
        "
        config queue_deadline_ms=30000
        node a
        node b
        model b m loaded
        start
        cut a b
        submit a j1 m batch
        run 40000
        idle
        ",
        expect![[r#"
            0     a and b are cut
            0     a j1 waits
            30000 a j1 failed: queue_timeout
            40000 all idle
        "#]],
    );
}

#[test]
fn nobody_away_means_no_waiting() {
    check(
        "
        node a
        node b
        start
        submit a j1 m batch
        run 5000
        idle
        ",
        expect![[r#"
            0     a j1 waits
            0     a j1 failed: no_candidate
            5000  all idle
        "#]],
    );
}
