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
        expect![[r#"
                0 a j1 waits
                0 a dispatches j1.1 to a
                0 a j1 bound to a
                0 a runs j1.1
                0 a j1 running on a
             1100 a j1 completed on a
             5000   a: wait 0 load 0 prefill 100 cached 0 decode 1000 network 0 penalty 0 = 1100; bid 1100
             5000   b: wait 0 load 0 prefill 100 cached 0 decode 1000 network 4 penalty 0 = 1104; not asked
             5000   epoch 1 on a: LocalIdle
             5000 all idle
        "#]],
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
