//! Who gets a job: the ranking, its gates, and what the executing node says itself.

use expect_test::expect;

use super::check;

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
            0     a j1 waits
            0     a dispatches j1.1 to a
            0     a j1 bound to a
            0     a runs j1.1
            0     a j1 running on a
            1100  a j1 completed on a
            5000    a: wait 0 load 0 prefill 100 cached 0 decode 1000 network 0 penalty 0 = 1100; bid 1100
            5000    b: wait 0 load 0 prefill 100 cached 0 decode 1000 network 4 penalty 0 = 1104; not asked
            5000    epoch 1 on a: LocalIdle
            5000  all idle
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
        expect![[r#"
            0     a j1 waits
            0     a>c offer j1.1
            0     a>b offer j1.1
            1     c>a bid j1.1 start 0 end 1100
            1     b>a bid j1.1 start 0 end 4100
            2     a>c bind j1.1
            2     a dispatches j1.1 to c
            2     a j1 bound to c
            2     a>b gone j1.1
            3     c expects j1.1 of a
            4     c runs j1.1
            5     a j1 running on c
            1104  c>a idle
            1105  a j1 completed on c
            5000    c: wait 0 load 0 prefill 100 cached 0 decode 1000 network 4 penalty 0 = 1104; bid 1100
            5000    b: wait 0 load 3000 prefill 100 cached 0 decode 1000 network 4 penalty 0 = 4104; asked
            5000    a: ModelAbsent; not asked
            5000    epoch 1 on c: BestBid
            5000  all idle
        "#]],
    );
}

/// Of five nodes one holds the model. The node here says, to its own scheduler alone, that it could load
/// it in 25 seconds, 22 of which are a copy.
#[test]
fn a_job_waits_for_a_copy_where_that_is_sooner_than_elsewhere() {
    check(
        "
        node a
        node b
        node c
        node d
        node e
        model a m load=25000
        model b m loaded decode=2
        start
        submit a j1 m
        run 60000
        why a j1
        idle
        ",
        expect![[r#"
            0     a j1 waits
            0     a>b offer j1.1
            0     a dispatches j1.1 to a
            0     a j1 bound to a
            0     a loads m
            1     b>a bid j1.1 start 0 end 50100
            2     a>b gone j1.1
            25000 a runs j1.1
            25000 a j1 running on a
            26100 a j1 completed on a
            60000   a: wait 0 load 25000 prefill 100 cached 0 decode 1000 network 0 penalty 0 = 26100; bid 26100
            60000   b: wait 0 load 0 prefill 100 cached 0 decode 50000 network 4 penalty 0 = 50104; asked
            60000   d: ModelAbsent; not asked
            60000   e: ModelAbsent; not asked
            60000   c: ModelAbsent; not asked
            60000   epoch 1 on a: BestBid
            60000 all idle
        "#]],
    );
}

#[test]
fn a_job_goes_to_the_holder_where_a_copy_would_be_later() {
    check(
        "
        node a
        node b
        node c
        node d
        node e
        model a m load=25000
        model b m loaded
        start
        submit a j1 m
        run 5000
        why a j1
        idle
        ",
        expect![[r#"
            0     a j1 waits
            0     a>b offer j1.1
            1     b>a bid j1.1 start 0 end 1100
            2     a>b bind j1.1
            2     a dispatches j1.1 to b
            2     a j1 bound to b
            3     b expects j1.1 of a
            4     b runs j1.1
            5     a j1 running on b
            1104  b>a idle
            1105  a j1 completed on b
            5000    b: wait 0 load 0 prefill 100 cached 0 decode 1000 network 4 penalty 0 = 1104; bid 1100
            5000    a: wait 0 load 25000 prefill 100 cached 0 decode 1000 network 0 penalty 0 = 26100; bid 26100
            5000    d: ModelAbsent; not asked
            5000    e: ModelAbsent; not asked
            5000    c: ModelAbsent; not asked
            5000    epoch 1 on b: BestBid
            5000  all idle
        "#]],
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
        expect![[r#"
            0     c j1 waits
            0     c dispatches j1.1 to c
            0     c j1 bound to c
            0     c runs j1.1
            0     c j1 running on c
            100   a j2 waits
            100   a>b offer j2.1
            100   a>c offer j2.1
            101   b>a bid j2.1 start 0 end 1100
            101   c>a bid j2.1 start 0 end 1650
            102   a>c gone j2.1
            102   a>b bind j2.1
            102   a dispatches j2.1 to b
            102   a j2 bound to b
            103   c>a idle
            103   b expects j2.1 of a
            104   b runs j2.1
            105   a j2 running on b
            1204  b>a idle
            1205  a j2 completed on b
            3100    b: wait 0 load 0 prefill 100 cached 0 decode 1000 network 4 penalty 0 = 1104; bid 1100
            3100    c: wait 0 load 0 prefill 100 cached 0 decode 1000 network 4 penalty 0 = 1104; bid 1650
            3100    a: ModelAbsent; not asked
            3100    epoch 1 on b: BestBid
        "#]],
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
        expect![[r#"
            0     a j1 waits
            0     a>b offer j1.1
            1     b>a bid j1.1 start 0 end 600
            2     a>b bind j1.1
            2     a dispatches j1.1 to b
            2     a j1 bound to b
            3     b expects j1.1 of a
            4     b runs j1.1
            5     a j1 running on b
            604   b>a idle
            605   a j1 completed on b
            2000    b: wait 0 load 0 prefill 100 cached 0 decode 500 network 4 penalty 0 = 604; bid 600
            2000    a: wait 0 load 0 prefill 100 cached 0 decode 5000 network 0 penalty 0 = 5100; bid 5100
            2000    epoch 1 on b: BestBid
        "#]],
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
        expect![[r#"
            0     a j1 waits
            0     a dispatches j1.1 to a
            0     a j1 bound to a
            0     a runs j1.1
            0     a j1 running on a
            1350  a j1 completed on a
            2000    b: wait 0 load 0 prefill 100 cached 0 decode 1000 network 4 penalty 0 = 1104; not asked
            2000    a: wait 0 load 0 prefill 100 cached 0 decode 1250 network 0 penalty 0 = 1350; bid 1350
            2000    epoch 1 on a: LocalIdle
        "#]],
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
        expect![[r#"
            0     a j1 waits
            10      b: Capability; not asked
            10      a: ModelAbsent; not asked
            10      d: ModelAbsent; not asked
            10      e: Role; not asked
            10      c: memory 3>2; not asked
            10      h: Paused; not asked
            10      f: context 101>100; not asked
            10      g: OwnerBusy; not asked
            10    a j1 cancelled
            20    all idle
        "#]],
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
        expect![[r#"
            0     a j1 waits
            0     a>c offer j1.1
            0     a j2 waits
            0     a>b offer j2.1
            0     a j3 waits
            0     a j3 failed: no_candidate
            1     c>a bid j1.1 start 0 end 1100
            1     b>a bid j2.1 start 0 end 1100
            2     a>c bind j1.1
            2     a dispatches j1.1 to c
            2     a j1 bound to c
            2     a>b bind j2.1
            2     a dispatches j2.1 to b
            2     a j2 bound to b
            3     c expects j1.1 of a
            3     b expects j2.1 of a
            4     c runs j1.1
            4     b runs j2.1
            5     a j1 running on c
            5     a j2 running on b
            1104  c>a idle
            1104  b>a idle
            1105  a j1 completed on c
            1105  a j2 completed on b
            2000    c: wait 0 load 0 prefill 100 cached 0 decode 1000 network 4 penalty 0 = 1104; bid 1100
            2000    b: Excluded; not asked
            2000    a: ModelAbsent; not asked
            2000    d: Excluded; not asked
            2000    epoch 1 on c: BestBid
            2000    b: wait 0 load 0 prefill 100 cached 0 decode 1000 network 4 penalty 0 = 1104; bid 1100
            2000    c: Excluded; not asked
            2000    a: Excluded; not asked
            2000    d: Excluded; not asked
            2000    epoch 1 on b: BestBid
            2000    b: Excluded; not asked
            2000    a: ModelAbsent; not asked
            2000    d: Excluded; not asked
            2000    c: Excluded; not asked
        "#]],
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
        expect![[r#"
            0     a j1 waits
            0     a>c offer j1.1
            0     a j2 waits
            0     a>b offer j2.1
            0     a>c offer j2.1
            1     c>a bid j1.1 start 0 end 1100
            1     b>a bid j2.1 start 0 end 200
            1     c>a bid j2.1 start 1100 end 2200
            2     a>c bind j1.1
            2     a dispatches j1.1 to c
            2     a j1 bound to c
            2     a>b bind j2.1
            2     a dispatches j2.1 to b
            2     a j2 bound to b
            2     a>c gone j2.1
            3     c expects j1.1 of a
            3     b expects j2.1 of a
            4     c runs j1.1
            4     b runs j2.1
            5     a j1 running on c
            5     a j2 running on b
            10      c: wait 0 load 0 prefill 100 cached 0 decode 1000 network 4 penalty 0 = 1104; bid 1100
            10      b: context 2100>512; not asked
            10      a: ModelAbsent; not asked
            10      epoch 1 on c: BestBid
            10      b: wait 0 load 0 prefill 100 cached 0 decode 100 network 4 penalty 0 = 204; bid 200
            10      c: wait 1100 load 0 prefill 100 cached 0 decode 1000 network 4 penalty 0 = 2204; asked
            10      a: ModelAbsent; not asked
            10      epoch 1 on b: BestBid
        "#]],
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
        expect![[r#"
            0     a j1 waits
            0     a j1 failed: no_candidate
            10      b: ModelAbsent; not asked
            10      a: ModelAbsent; not asked
            10    all idle
        "#]],
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
        expect![[r#"
            0     a j1 waits
            0     a>b offer j1.1
            1     b>a refuse j1.1 Paused
            252   a>b offer j1.1
            253   b>a refuse j1.1 Paused
            754   a>b offer j1.1
            755   b>a refuse j1.1 Paused
            1000    b: Paused; not asked
            1000    a: ModelAbsent; not asked
            1000  a>b offer j1.1
            1001  b>a bid j1.1 start 0 end 1100
            1002  a>b bind j1.1
            1002  a dispatches j1.1 to b
            1002  a j1 bound to b
            1003  b expects j1.1 of a
            1004  b runs j1.1
            1005  a j1 running on b
            2104  b>a idle
            2105  a j1 completed on b
            4000    b: wait 0 load 0 prefill 100 cached 0 decode 1000 network 4 penalty 0 = 1104; bid 1100
            4000    a: ModelAbsent; not asked
            4000    epoch 1 on b: BestBid
            4000  all idle
        "#]],
    );
}

#[test]
fn a_job_that_nobody_takes_goes_to_who_takes_jobs_again_at_once() {
    check(
        "
        node a
        node b
        model b m loaded
        start
        admission b paused
        tell b
        run 5
        submit a j1 m
        run 300
        admission b accepting
        tell b
        run 10
        why a j1
        run 3000
        idle
        ",
        expect![[r#"
            5     a j1 waits
            305   a>b offer j1.1
            306   b>a bid j1.1 start 0 end 1100
            307   a>b bind j1.1
            307   a dispatches j1.1 to b
            307   a j1 bound to b
            308   b expects j1.1 of a
            309   b runs j1.1
            310   a j1 running on b
            315     b: wait 0 load 0 prefill 100 cached 0 decode 960 network 4 penalty 0 = 1064; bid 1100
            315     a: ModelAbsent; not asked
            315     epoch 1 on b: BestBid
            1409  b>a idle
            1410  a j1 completed on b
            3315  all idle
        "#]],
    );
}
