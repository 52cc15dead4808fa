//! Scenarios: a few lines of text in, the trace of messages and actions out.

mod away;
mod hedging;
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
        expect![[r#"
            0     b j1 waits
            0     b dispatches j1.1 to b
            0     b j1 bound to b
            0     b runs j1.1
            0     c j2 waits
            0     c dispatches j2.1 to c
            0     c j2 bound to c
            0     c runs j2.1
            0     b j1 running on b
            0     c j2 running on c
            100   a j3 waits
            100   a>b offer j3.1
            100   a>c offer j3.1
            101   b>a bid j3.1 start 999 end 2099
            101   c>a bid j3.1 start 999 end 2099
            3100  b>a claim j3.1
            3100  b j1 completed on b
            3101  a>c gone j3.1
            3101  a>b bind j3.1
            3101  a dispatches j3.1 to b
            3101  a j3 bound to b
            3102  b expects j3.1 of a
            3103  b runs j3.1
            3104  a j3 running on b
            4203  b>a idle
            4204  a j3 completed on b
            5100  c>a idle
            5100  c j2 completed on c
            5100    b: wait 1100 load 0 prefill 100 cached 0 decode 1000 network 4 penalty 0 = 2204; bid 2099
            5100    c: wait 1100 load 0 prefill 100 cached 0 decode 1000 network 4 penalty 0 = 2204; bid 2099
            5100    a: ModelAbsent; not asked
            5100    epoch 1 on b: FirstClaim
            5100  all idle
        "#]],
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
        expect![[r#"
            0     a j1 waits
            0     a>b offer j1.1
            150   a>b offer j1.1
            200   b>a bid j1.1 start 0 end 1100
            350   b>a bid j1.1 start 0 end 1100
            400   a>b bind j1.1
            400   a dispatches j1.1 to b
            400   a j1 bound to b
            600   b expects j1.1 of a
            601   b runs j1.1
            801   a j1 running on b
            1701  b>a idle
            1901  a j1 completed on b
            3000    b: wait 0 load 0 prefill 100 cached 0 decode 1000 network 4 penalty 5000 = 6104; bid 1100
            3000    a: ModelAbsent; not asked
            3000    epoch 1 on b: BestBid
            3000  all idle
        "#]],
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
        expect![[r#"
            0     a j1 waits
            0     a>c offer j1.1
            0     a>b offer j1.1
            1     c>a bid j1.1 start 0 end 767
            1     b>a bid j1.1 start 0 end 1100
            150   a>b bind j1.1
            150   a dispatches j1.1 to b
            150   a j1 bound to b
            151   b expects j1.1 of a
            152   b runs j1.1
            153   a j1 running on b
            301   a>c gone j1.1
            1252  b>a idle
            1253  a j1 completed on b
            3000    c: wait 0 load 0 prefill 100 cached 0 decode 667 network 4 penalty 0 = 771; silent
            3000    b: wait 0 load 0 prefill 100 cached 0 decode 1000 network 4 penalty 0 = 1104; bid 1100
            3000    a: ModelAbsent; not asked
            3000    epoch 1 on b: BestBid
            3000  all idle
        "#]],
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
        expect![[r#"
            0     a j1 waits
            0     a>b offer j1.1 (lost)
            0     a>d offer j1.1 (lost)
            0     a>e offer j1.1 (lost)
            150   a>b offer j1.1
            150   a>d offer j1.1
            150   a>e offer j1.1
            150   a>c offer j1.1 (lost)
            151   b>a bid j1.1 start 0 end 1100
            151   d>a bid j1.1 start 0 end 1100
            151   e>a bid j1.1 start 0 end 1100
            300   a>d gone j1.1
            300   a>e gone j1.1
            300   a>b bind j1.1
            300   a dispatches j1.1 to b
            300   a j1 bound to b
            301   b expects j1.1 of a
            302   b runs j1.1
            303   a j1 running on b
            1402  b>a idle
            1403  a j1 completed on b
            3000  all idle
        "#]],
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
        expect![[r#"
            0     a j1 waits
            0     a>b offer j1.1
            1     b>a bid j1.1 start 0 end 1100
            2     a>b bind j1.1 (lost)
            2     a dispatches j1.1 to b
            2     a j1 bound to b
            4     b expects j1.1 of a
            4     b runs j1.1
            5     a j1 running on b
            1104  b>a idle
            1105  a j1 completed on b
            3000  all idle
        "#]],
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
        expect![[r#"
            0     b j1 waits
            0     b dispatches j1.1 to b
            0     b j1 bound to b
            0     b runs j1.1
            0     b j1 running on b
            10    a j2 waits
            10    a>b offer j2.1
            11    b>a bid j2.1 start 589 end 1689
            600   b>a claim j2.1 (lost)
            600   b j1 completed on b
            1100  b>a claim j2.1
            1101  a>b bind j2.1
            1101  a dispatches j2.1 to b
            1101  a j2 bound to b
            1102  b expects j2.1 of a
            1103  b runs j2.1
            1104  a j2 running on b
            2203  b>a idle
            2204  a j2 completed on b
            4010  all idle
        "#]],
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
        expect![[r#"
            0     b j1 waits
            0     b dispatches j1.1 to b
            0     b j1 bound to b
            0     b runs j1.1
            0     c j2 waits
            0     c dispatches j2.1 to c
            0     c j2 bound to c
            0     c runs j2.1
            0     b j1 running on b
            0     c j2 running on c
            10    a j3 waits
            10    a>b offer j3.1
            10    a>c offer j3.1
            11    b>a bid j3.1 start 1089 end 2189
            11    c>a bid j3.1 start 1089 end 2189
            1100  b>a claim j3.1
            1100  b j1 completed on b
            1101  a>c gone j3.1 (lost)
            1101  a>b bind j3.1
            1101  a dispatches j3.1 to b
            1101  a j3 bound to b
            1102  b expects j3.1 of a
            1103  b runs j3.1
            1104  a j3 running on b
            2100  c>a claim j3.1
            2100  c j2 completed on c
            2101  a>c gone j3.1
            2102  c>a idle
            2203  b>a idle
            2204  a j3 completed on b
            5010  all idle
        "#]],
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
        expect![[r#"
            0     a j1 waits
            0     a>b offer j1.1
            0     a j1 cancelled
            1     b>a bid j1.1 start 0 end 1100
            2     a>b gone j1.1
            10    a j2 waits
            10    a>b offer j2.1
            11    b>a bid j2.1 start 0 end 1100
            12    a>b bind j2.1
            12    a dispatches j2.1 to b
            12    a j2 bound to b
            13    b expects j2.1 of a
            13    a j3 waits
            13    a>b offer j3.1
            14    b runs j2.1
            14    b>a bid j3.1 start 1099 end 2199
            15    a j2 running on b
            23    a>b gone j3.1
            23    a j3 cancelled
            33    a cancels j2.1 at b
            33    a>b gone j2.1
            33    a j2 cancelled
            34    b stops j2.1
            34    b>a idle
            43    a j4 waits
            43    a>c offer j4.1
            44    c>a bid j4.1 start 0 end 4100
            45    a>c bind j4.1
            45    a dispatches j4.1 to c
            45    a j4 bound to c
            46    c expects j4.1 of a
            46    c loads m
            143   a cancels j4.1 at c
            143   a>c gone j4.1
            143   a j4 cancelled
            144   c stops j4.1
            3046  c>a idle
            5143  a j5 waits
            5143  a j5 failed: no_candidate
            5143  all idle
        "#]],
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
        expect![[r#"
            0     a j1 waits
            0     a>b offer j1.1
            0     a>c offer j1.1
            0     b dies
            1     c>a bid j1.1 start 0 end 1100
            2     a>c bind j1.1
            2     a dispatches j1.1 to c
            2     a j1 bound to c
            3     c expects j1.1 of a
            4     c runs j1.1
            5     a j1 running on c
            1104  c>a idle
            1105  a j1 completed on c
            3000  all idle
        "#]],
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
        expect![[r#"
            0     a j1 waits
            0     a>b offer j1.1
            0     a>c offer j1.1
            1     b>a bid j1.1 start 0 end 434
            1     c>a bid j1.1 start 0 end 1100
            2     a>b bind j1.1
            2     a dispatches j1.1 to b
            2     a j1 bound to b
            2     a>c gone j1.1
            3     b expects j1.1 of a
            4     b runs j1.1
            5     a j1 running on b
            500   b dies
            500   a>b gone j1.1
            500   a j1 waits
            500   a>c offer j1.2
            501   c>a bid j1.2 start 0 end 1100
            502   a>c bind j1.2
            502   a dispatches j1.2 to c
            502   a j1 bound to c
            503   c expects j1.2 of a
            504   c runs j1.2
            505   a j1 running on c
            10604 c>a idle
            10605 a j1 completed on c
            12500   c: wait 0 load 0 prefill 100 cached 0 decode 1000 network 4 penalty 0 = 1104; bid 1100
            12500   a: ModelAbsent; not asked
            12500   epoch 1 on b: BestBid
            12500   epoch 2 on c: BestBid
            12500 all idle
        "#]],
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
            500   b dies
            500   a>b gone j1.1
            500   a j1 waits
            2000  a j1 failed: connection_lost
            3500    a: ModelAbsent; not asked
            3500    epoch 1 on b: BestBid
            3500  all idle
        "#]],
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
        expect![[r#"
            0     a j1 waits
            0     a>b offer j1.1
            0     a j2 waits
            0     a>b offer j2.1
            1     b>a bid j1.1 start 0 end 1100
            1     b>a bid j2.1 start 1100 end 2200
            2     a>b bind j1.1
            2     a dispatches j1.1 to b
            2     a j1 bound to b
            2     a dies
            3     b>a unbound j1.1 Stale
            20002 all idle
        "#]],
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
        expect![[r#"
            0     a j1 waits
            0     a>b offer j1.1
            0     a>c offer j1.1
            1     b>a bid j1.1 start 0 end 434
            1     c>a bid j1.1 start 0 end 1100
            2     a>b bind j1.1
            2     a dispatches j1.1 to b
            2     a j1 bound to b
            2     a>c gone j1.1
            3     b expects j1.1 of a
            4     b runs j1.1
            5     a j1 running on b
            50    b>a idle
            51    a>b gone j1.1
            51    a j1 waits
            51    a>c offer j1.2 alone
            52    c>a bid j1.2 start 0 end 1100
            53    a>c bind j1.2
            53    a dispatches j1.2 to c
            53    a j1 bound to c
            54    c expects j1.2 of a
            55    c runs j1.2
            56    a j1 running on c
            1155  c>a idle
            1156  a j1 completed on c
            3050    c: wait 0 load 0 prefill 100 cached 0 decode 1000 network 4 penalty 0 = 1104; bid 1100
            3050    a: ModelAbsent; not asked
            3050    epoch 1 on b: BestBid
            3050    epoch 2 on c: BestBid, alone
            3050  all idle
        "#]],
    );
}

#[test]
fn cat_e03_a_job_that_crashes_two_engines_alone_sees_no_third() {
    check(
        "
        node a
        node b
        node c
        node d
        model b m loaded decode=300
        model c m loaded decode=200
        model d m loaded
        start
        submit a j1 m
        run 50
        crash b j1
        run 50
        crash c j1
        run 50
        crash d j1
        run 5000
        why a j1
        idle
        ",
        expect![[r#"
            0     a j1 waits
            0     a>b offer j1.1
            0     a>c offer j1.1
            0     a>d offer j1.1
            1     b>a bid j1.1 start 0 end 434
            1     c>a bid j1.1 start 0 end 600
            1     d>a bid j1.1 start 0 end 1100
            2     a>b bind j1.1
            2     a dispatches j1.1 to b
            2     a j1 bound to b
            2     a>c gone j1.1
            2     a>d gone j1.1
            3     b expects j1.1 of a
            4     b runs j1.1
            5     a j1 running on b
            50    b>a idle
            51    a>b gone j1.1
            51    a j1 waits
            51    a>c offer j1.2 alone
            51    a>d offer j1.2 alone
            52    c>a bid j1.2 start 0 end 600
            52    d>a bid j1.2 start 0 end 1100
            53    a>c bind j1.2
            53    a dispatches j1.2 to c
            53    a j1 bound to c
            53    a>d gone j1.2
            54    c expects j1.2 of a
            55    c runs j1.2
            56    a j1 running on c
            100   c>a idle
            101   a>c gone j1.2
            101   a j1 waits
            101   a>d offer j1.3 alone
            102   d>a bid j1.3 start 0 end 1100
            103   a>d bind j1.3
            103   a dispatches j1.3 to d
            103   a j1 bound to d
            104   d expects j1.3 of a
            105   d runs j1.3
            106   a j1 running on d
            150   d>a idle
            151   a>d gone j1.3
            151   a j1 failed: engine_crash
            5150    d: wait 0 load 0 prefill 100 cached 0 decode 1000 network 4 penalty 0 = 1104; bid 1100
            5150    a: ModelAbsent; not asked
            5150    epoch 1 on b: BestBid
            5150    epoch 2 on c: BestBid, alone
            5150    epoch 3 on d: BestBid, alone
            5150  all idle
        "#]],
    );
}

#[test]
fn cat_e03_jobs_of_a_dead_engine_are_tried_again_alone() {
    check(
        "
        node a
        node b
        model b m loaded slots=4
        start
        submit a j1 m
        submit a j2 m
        run 50
        engine-dies b m
        run 20
        submit a j3 m max=50
        run 20000
        why a j1
        why a j2
        why a j3
        idle
        ",
        expect![[r#"
            0     a j1 waits
            0     a>b offer j1.1
            0     a j2 waits
            0     a>b offer j2.1
            1     b>a bid j1.1 start 0 end 1100
            1     b>a bid j2.1 start 0 end 1650
            2     a>b bind j1.1
            2     a dispatches j1.1 to b
            2     a j1 bound to b
            2     a>b bind j2.1
            2     a dispatches j2.1 to b
            2     a j2 bound to b
            3     b expects j1.1 of a
            3     b expects j2.1 of a
            4     b runs j1.1
            4     b runs j2.1
            5     a j1 running on b
            5     a j2 running on b
            50    b's engine of m dies
            50    b>a idle
            51    a>b gone j1.1
            51    a j1 waits
            51    a>b gone j2.1
            51    a j2 waits
            70    a j3 waits
            70    a>b offer j3.1
            71    b>a bid j3.1 start 0 end 3600
            72    a>b bind j3.1
            72    a dispatches j3.1 to b
            72    a j3 bound to b
            73    b expects j3.1 of a
            73    b loads m
            551   a>b offer j1.2 alone
            551   a>b offer j2.2 alone
            552   b>a bid j1.2 start 239 end 4412
            552   b>a bid j2.2 start 1641 end 5814
            3073  b runs j3.1
            3074  a j3 running on b
            3673  b>a claim j1.2
            3674  a j3 completed on b
            3674  a>b bind j1.2
            3674  a dispatches j1.2 to b
            3674  a j1 bound to b
            3675  b expects j1.2 of a
            3676  b runs j1.2
            3677  a j1 running on b
            4776  b>a claim j2.2
            4777  a j1 completed on b
            4777  a>b bind j2.2
            4777  a dispatches j2.2 to b
            4777  a j2 bound to b
            4778  b expects j2.2 of a
            4779  b runs j2.2
            4780  a j2 running on b
            5879  b>a idle
            5880  a j2 completed on b
            20070   b: wait 0 load 0 prefill 100 cached 0 decode 1000 network 4 penalty 39917 = 41021; bid 4412
            20070   a: ModelAbsent; not asked
            20070   epoch 1 on b: BestBid
            20070   epoch 2 on b: FirstClaim, alone
            20070   b: wait 1100 load 0 prefill 100 cached 0 decode 1000 network 4 penalty 39917 = 42121; bid 5814
            20070   a: ModelAbsent; not asked
            20070   epoch 1 on b: BestBid
            20070   epoch 2 on b: FirstClaim, alone
            20070   b: wait 0 load 0 prefill 100 cached 0 decode 500 network 4 penalty 9997 = 10601; bid 3600
            20070   a: ModelAbsent; not asked
            20070   epoch 1 on b: BestBid
            20070 all idle
        "#]],
    );
}

#[test]
fn cat_e03_an_innocent_neighbour_of_a_poison_job_completes() {
    check(
        "
        node a
        node b
        node c
        model b m loaded slots=4
        model c m loaded slots=4 decode=50
        start
        submit a j1 m max=400
        submit a j2 m max=100 only=b
        run 50
        engine-dies b m
        run 400
        crash c j1
        run 3500
        crash b j1
        run 9000
        why a j1
        why a j2
        idle
        ",
        expect![[r#"
            0     a j1 waits
            0     a>b offer j1.1
            0     a>c offer j1.1
            0     a j2 waits
            0     a>b offer j2.1
            1     b>a bid j1.1 start 0 end 1100
            1     c>a bid j1.1 start 0 end 2100
            1     b>a bid j2.1 start 0 end 1650
            2     a>b bind j1.1
            2     a dispatches j1.1 to b
            2     a j1 bound to b
            2     a>c gone j1.1
            2     a>b bind j2.1
            2     a dispatches j2.1 to b
            2     a j2 bound to b
            3     b expects j1.1 of a
            3     b expects j2.1 of a
            4     b runs j1.1
            4     b runs j2.1
            5     a j1 running on b
            5     a j2 running on b
            50    b's engine of m dies
            50    b>a idle
            51    a>b gone j1.1
            51    a j1 waits
            51    a>c offer j1.2 alone
            51    a>b gone j2.1
            51    a j2 waits
            52    c>a bid j1.2 start 0 end 2100
            53    a>c bind j1.2
            53    a dispatches j1.2 to c
            53    a j1 bound to c
            54    c expects j1.2 of a
            55    c runs j1.2
            56    a j1 running on c
            450   c>a idle
            451   a>c gone j1.2
            451   a j1 waits
            551   a>b offer j1.3 alone
            551   a>b offer j2.2 alone
            552   b>a bid j1.3 start 0 end 4100
            552   b>a bid j2.2 start 1100 end 5750
            553   a>b bind j1.3
            553   a dispatches j1.3 to b
            553   a j1 bound to b
            554   b expects j1.3 of a
            554   b loads m
            3554  b runs j1.3
            3555  a j1 running on b
            3950  b>a claim j2.2
            3951  a>b gone j1.3
            3951  a j1 failed: engine_crash
            3951  a>b bind j2.2
            3951  a dispatches j2.2 to b
            3951  a j2 bound to b
            3952  b expects j2.2 of a
            3953  b runs j2.2
            3954  a j2 running on b
            5053  b>a idle
            5054  a j2 completed on b
            12950   b: wait 0 load 0 prefill 100 cached 0 decode 1000 network 4 penalty 39917 = 41021; bid 4100
            12950   a: ModelAbsent; not asked
            12950   epoch 1 on b: BestBid
            12950   epoch 2 on c: BestBid, alone
            12950   epoch 3 on b: BestBid, alone
            12950   b: wait 1100 load 0 prefill 100 cached 0 decode 1000 network 4 penalty 39917 = 42121; bid 5750
            12950   c: Excluded; not asked
            12950   a: Excluded; not asked
            12950   epoch 1 on b: BestBid
            12950   epoch 2 on b: FirstClaim, alone
            12950 all idle
        "#]],
    );
}

#[test]
fn an_engine_drains_for_who_must_be_alone() {
    check(
        "
        node a
        node b
        node c
        model b m loaded slots=2 decode=300
        model c m loaded slots=2
        start
        submit a j2 m max=200 only=c
        run 10
        submit a j1 m only=b,c
        run 50
        admission b paused
        engine-dies b m
        run 100
        submit a j3 m only=c
        run 6000
        why a j1
        why a j3
        idle
        ",
        expect![[r#"
            0     a j2 waits
            0     a>c offer j2.1
            1     c>a bid j2.1 start 0 end 1100
            2     a>c bind j2.1
            2     a dispatches j2.1 to c
            2     a j2 bound to c
            3     c expects j2.1 of a
            4     c runs j2.1
            5     a j2 running on c
            10    a j1 waits
            10    a>b offer j1.1
            10    a>c offer j1.1
            11    b>a bid j1.1 start 0 end 434
            11    c>a bid j1.1 start 0 end 1650
            12    a>b bind j1.1
            12    a dispatches j1.1 to b
            12    a j1 bound to b
            12    a>c gone j1.1
            13    b expects j1.1 of a
            13    c>a idle
            14    b runs j1.1
            15    a j1 running on b
            60    b's engine of m dies
            61    a>b gone j1.1
            61    a j1 waits
            61    a>c offer j1.2 alone
            62    c>a bid j1.2 start 1041 end 2691
            160   a j3 waits
            160   a>c offer j3.1
            161   c>a bid j3.1 start 1172 end 2822
            2104  c>a claim j1.2
            2105  a j2 completed on c
            2105  a>c bind j1.2
            2105  a dispatches j1.2 to c
            2105  a j1 bound to c
            2106  c expects j1.2 of a
            2107  c runs j1.2
            2108  a j1 running on c
            3207  c>a claim j3.1
            3207  c>a idle
            3208  a j1 completed on c
            3208  a>c bind j3.1
            3208  a dispatches j3.1 to c
            3208  a j3 bound to c
            3209  c expects j3.1 of a
            3210  c runs j3.1
            3211  a j3 running on c
            4310  c>a idle
            4311  a j3 completed on c
            6160    c: wait 0 load 0 prefill 100 cached 0 decode 1000 network 4 penalty 0 = 1104; bid 2691
            6160    a: Excluded; not asked
            6160    epoch 1 on b: BestBid
            6160    epoch 2 on c: FirstClaim, alone
            6160    c: wait 0 load 0 prefill 100 cached 0 decode 1000 network 4 penalty 0 = 1104; bid 2822
            6160    b: Excluded; not asked
            6160    a: Excluded; not asked
            6160    epoch 1 on c: FirstClaim
            6160  all idle
        "#]],
    );
}

#[test]
fn an_answer_that_has_begun_goes_on_with_the_same_file_only() {
    check(
        "
        node a
        node b
        node c
        node d
        model b m loaded decode=300
        model c n loaded
        model d m
        start
        submit a j1 m
        run 50
        begun a j1 patience=2000
        kill b
        run 6000
        why a j1
        idle
        ",
        expect![[r#"
            0     a j1 waits
            0     a>b offer j1.1
            0     a>d offer j1.1
            1     b>a bid j1.1 start 0 end 434
            1     d>a bid j1.1 start 0 end 4100
            2     a>b bind j1.1
            2     a dispatches j1.1 to b
            2     a j1 bound to b
            2     a>d gone j1.1
            3     b expects j1.1 of a
            4     b runs j1.1
            5     a j1 running on b
            50    b dies
            50    a>b gone j1.1
            50    a j1 waits
            50    a>d offer j1.2
            51    d>a bid j1.2 start 0 end 4100
            52    a>d bind j1.2
            52    a dispatches j1.2 to d
            52    a j1 bound to d
            53    d expects j1.2 of a
            53    d loads m
            3053  d runs j1.2
            3053  d>a idle
            3054  a j1 running on d
            4154  a j1 completed on d
            6050    d: wait 0 load 3000 prefill 100 cached 0 decode 1000 network 4 penalty 0 = 4104; bid 4100
            6050    c: ModelAbsent; not asked
            6050    a: ModelAbsent; not asked
            6050    epoch 1 on b: BestBid
            6050    epoch 2 on d: BestBid
            6050  all idle
        "#]],
    );
}

#[test]
fn an_answer_that_nobody_can_go_on_with_ends_in_time() {
    check(
        "
        node a
        node b
        model b m loaded
        start
        submit a j1 m
        run 50
        begun a j1 patience=2000
        kill b
        run 6000
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
            50    b dies
            50    a>b gone j1.1
            50    a j1 waits
            2050  a j1 failed: not_continued
            6050  all idle
        "#]],
    );
}

#[test]
fn an_answer_waits_a_while_for_its_node_to_come_back() {
    check(
        "
        node a
        node b
        model b m loaded
        start
        submit a j1 m
        run 50
        begun a j1 patience=2000
        cut a b
        run 1000
        join a b
        run 3000
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
            50    a and b are cut
            50    b>a idle
            50    a>b gone j1.1
            50    a j1 waits
            1050  a and b meet again
            1050  a>b offer j1.2
            1051  b>a bid j1.2 start 0 end 1100
            1052  a>b bind j1.2
            1052  a dispatches j1.2 to b
            1052  a j1 bound to b
            1053  b expects j1.2 of a
            1054  b runs j1.2
            1055  a j1 running on b
            2154  b>a idle
            2155  a j1 completed on b
            4050  all idle
        "#]],
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
            50    b>a idle
            51    a>b gone j1.1
            51    a j1 waits
            551   a>b offer j1.2 alone
            552   b>a bid j1.2 start 0 end 1100
            553   a>b bind j1.2
            553   a dispatches j1.2 to b
            553   a j1 bound to b
            554   b expects j1.2 of a
            555   b runs j1.2
            556   a j1 running on b
            1050  b>a idle
            1051  a>b gone j1.2
            1051  a j1 waits
            2051  a>b offer j1.3 alone
            2052  b>a bid j1.3 start 0 end 1100
            2053  a>b bind j1.3
            2053  a dispatches j1.3 to b
            2053  a j1 bound to b
            2054  b expects j1.3 of a
            2055  b runs j1.3
            2056  a j1 running on b
            2550  b>a idle
            2551  a>b gone j1.3
            2551  a j1 waits
            4551  a>b offer j1.4 alone
            4552  b>a bid j1.4 start 0 end 1100
            4553  a>b bind j1.4
            4553  a dispatches j1.4 to b
            4553  a j1 bound to b
            4554  b expects j1.4 of a
            4555  b runs j1.4
            4556  a j1 running on b
            5050  b>a idle
            5051  a>b gone j1.4
            5051  a j1 waits
            9051  a>b offer j1.5 alone
            9052  b>a bid j1.5 start 0 end 1100
            9053  a>b bind j1.5
            9053  a dispatches j1.5 to b
            9053  a j1 bound to b
            9054  b expects j1.5 of a
            9055  b runs j1.5
            9056  a j1 running on b
            10050   b: wait 0 load 0 prefill 100 cached 0 decode 1000 network 4 penalty 137789 = 138893; bid 1100
            10050   a: ModelAbsent; not asked
            10050   epoch 1 on b: BestBid
            10050   epoch 2 on b: BestBid, alone
            10050   epoch 3 on b: BestBid, alone
            10050   epoch 4 on b: BestBid, alone
            10050   epoch 5 on b: BestBid, alone
            10050 busy: ["a", "b"]
        "#]],
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
        expect![[r#"
            0     a j1 waits
            0     a>b offer j1.1
            0     a>c offer j1.1
            1     b>a bid j1.1 start 0 end 434
            1     c>a bid j1.1 start 0 end 1100
            2     a>b bind j1.1
            2     a dispatches j1.1 to b
            2     a j1 bound to b
            2     a>c gone j1.1
            3     b expects j1.1 of a
            4     b runs j1.1
            5     a j1 running on b
            50    b>a idle
            51    a>b gone j1.1
            51    a j1 waits
            51    a>c offer j1.2 alone
            52    c>a bid j1.2 start 0 end 1100
            53    a>c bind j1.2
            53    a dispatches j1.2 to c
            53    a j1 bound to c
            54    c expects j1.2 of a
            55    c runs j1.2
            56    a j1 running on c
            100   b>a claim j1.1
            100   a>b gone j1.1
            100   b>a bid j1.1 start 0 end 1
            100   a>b gone j1.1
            105   a>c bind j1.1
            105   c>a unbound j1.1 Stale
            105   a>c gone j1.1
            105   a>c offer j1.1
            105   c>a refuse j1.1 Stale
            10155 c>a idle
            10156 a j1 completed on c
            12105 a>c bind j1.2
            12110 all idle
        "#]],
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
            50    b>a bid j1.1 start 0 end 1
            50    b>a claim j1.1
            50    a>b bind j1.1
            50    a>b offer j1.1
            50    a>b bind j1.1
            1104  b>a idle
            1105  a j1 completed on b
            3050  all idle
        "#]],
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
        expect![[r#"
            0     a j1 waits
            0     a>b offer j1.1
            1     b>a bid j1.1 start 0 end 4100
            2     a>b bind j1.1
            2     a dispatches j1.1 to b
            2     a j1 bound to b
            3     b expects j1.1 of a
            3     b unloads m
            13    b loads n
            3013  b runs j1.1
            3013  b>a idle
            3014  a j1 running on b
            4114  a j1 completed on b
            6000  a j2 waits
            6000  a>b offer j2.1
            6000  a j3 waits
            6000  a>b offer j3.1
            6001  b>a bid j2.1 start 0 end 4100
            6001  b>a bid j3.1 start 1100 end 5750
            6002  a>b bind j2.1
            6002  a dispatches j2.1 to b
            6002  a j2 bound to b
            6003  b expects j2.1 of a
            6003  b unloads n
            6013  b loads m
            9013  b runs j2.1
            9014  a j2 running on b
            10113 b>a claim j3.1
            10114 a j2 completed on b
            10114 a>b bind j3.1
            10114 a dispatches j3.1 to b
            10114 a j3 bound to b
            10115 b expects j3.1 of a
            10115 b unloads m
            10125 b loads n
            13125 b runs j3.1
            13125 b>a idle
            13126 a j3 running on b
            14226 a j3 completed on b
            18000 all idle
        "#]],
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
        expect![[r#"
            0     a j1 waits
            0     a>b offer j1.1
            0     a j2 waits
            0     a>b offer j2.1
            1     b>a bid j1.1 start 0 end 4100
            1     b>a bid j2.1 start 1100 end 5750
            2     a>b bind j1.1
            2     a dispatches j1.1 to b
            2     a j1 bound to b
            3     b expects j1.1 of a
            3     b loads m
            3003  b runs j1.1
            3004  a j1 running on b
            4103  b>a claim j2.1
            4104  a j1 completed on b
            4104  a>b bind j2.1
            4104  a dispatches j2.1 to b
            4104  a j2 bound to b
            4105  b expects j2.1 of a
            4105  b unloads m
            4115  b loads n
            7115  b runs j2.1
            7115  b>a idle
            7116  a j2 running on b
            8216  a j2 completed on b
            20000 all idle
        "#]],
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
        expect![[r#"
            0     a j1 waits
            0     a>b offer j1.1
            0     a j2 waits
            0     a>b offer j2.1
            0     a j3 waits
            0     a>b offer j3.1
            1     b>a bid j1.1 start 0 end 4100
            1     b>a bid j2.1 start 1100 end 5200
            1     b>a bid j3.1 start 2035 end 6135
            2     a>b bind j1.1
            2     a dispatches j1.1 to b
            2     a j1 bound to b
            3     b expects j1.1 of a
            3     b loads m
            3003  b stops j1.1
            3003  b>a unbound j2.1 ModelAbsent
            3003  b>a unbound j3.1 ModelAbsent
            3004  a>b gone j1.1
            3004  a j1 waits
            3004  a j2 failed: no_candidate
            3004  a j3 failed: no_candidate
            3504  a>b offer j1.2
            3505  b>a refuse j1.2 ModelAbsent
            3506  a j1 failed: model_damaged
            20000   b: ModelAbsent; not asked
            20000   a: ModelAbsent; not asked
            20000 all idle
        "#]],
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
        expect![[r#"
            0     b j1 waits
            0     b dispatches j1.1 to b
            0     b j1 bound to b
            0     b runs j1.1
            0     b j1 running on b
            10    a j2 waits
            10    a>b offer j2.1
            11    b>a bid j2.1 start 1089 end 2189
            2010  a>b gone j2.1
            2010  a j2 failed: queue_timeout
            10100 b>a idle
            10100 b j1 completed on b
            12010   b: wait 0 load 0 prefill 100 cached 0 decode 1000 network 4 penalty 0 = 1104; bid 2189
            12010   a: ModelAbsent; not asked
            12010 all idle
        "#]],
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
        expect![[r#"
            0     a j1 waits
            0     a dispatches j1.1 to a
            0     a j1 bound to a
            0     a runs j1.1
            0     a j2 waits
            0     a j3 waits
            0     a j4 waits
            0     a j5 waits
            0     a j1 running on a
            1100  a dispatches j5.1 to a
            1100  a j5 bound to a
            1100  a runs j5.1
            1100  a j1 completed on a
            1100  a j5 running on a
            2200  a dispatches j3.1 to a
            2200  a j3 bound to a
            2200  a runs j3.1
            2200  a j5 completed on a
            2200  a j3 running on a
            3300  a dispatches j4.1 to a
            3300  a j4 bound to a
            3300  a runs j4.1
            3300  a j3 completed on a
            3300  a j4 running on a
            4400  a dispatches j2.1 to a
            4400  a j2 bound to a
            4400  a runs j2.1
            4400  a j4 completed on a
            4400  a j2 running on a
            5500  a j2 completed on a
            8000  all idle
        "#]],
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
        expect![[r#"
            0     b j1 waits
            0     b>a offer j1.1
            1     a>b bid j1.1 start 0 end 1100
            2     b>a bind j1.1
            2     b dispatches j1.1 to a
            2     b j1 bound to a
            3     a expects j1.1 of b
            4     a runs j1.1
            5     b j1 running on a
            10    b j2 waits
            10    b>a offer j2.1
            11    a>b bid j2.1 start 1092 end 2192
            20    a j3 waits
            1104  a dispatches j3.1 to a
            1104  a j3 bound to a
            1104  a runs j3.1
            1104  a j3 running on a
            1105  b j1 completed on a
            2204  a>b claim j2.1
            2204  a j3 completed on a
            2205  b>a bind j2.1
            2205  b dispatches j2.1 to a
            2205  b j2 bound to a
            2206  a expects j2.1 of b
            2207  a runs j2.1
            2208  b j2 running on a
            3307  a>b idle
            3308  b j2 completed on a
            5020  all idle
        "#]],
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
        expect![[r#"
            0     a j1 waits
            0     a dispatches j1.1 to a
            0     a j1 bound to a
            0     a runs j1.1
            0     a j1 running on a
            10    a j2 waits
            510   a j3 waits
            510   a dispatches j3.1 to a
            510   a j3 bound to a
            510   a runs j3.1
            510   a j3 running on a
            1310  a j4 waits
            2100  a j1 completed on a
            2610  a dispatches j2.1 to a
            2610  a j2 bound to a
            2610  a unloads m
            2610  a j3 completed on a
            2620  a loads n
            3120  a runs j2.1
            3120  a j2 running on a
            4220  a dispatches j4.1 to a
            4220  a j4 bound to a
            4220  a unloads n
            4220  a j2 completed on a
            4230  a loads m
            7230  a runs j4.1
            7230  a j4 running on a
            8330  a j4 completed on a
            16310 all idle
        "#]],
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
        expect![[r#"
            0     a j1 waits
            0     a>b offer j1.1
            0     a>c offer j1.1
            1     b>a bid j1.1 start 0 end 434
            1     c>a bid j1.1 start 0 end 1100
            2     a>b bind j1.1
            2     a dispatches j1.1 to b
            2     a j1 bound to b
            2     a>c gone j1.1
            3     b expects j1.1 of a
            4     b runs j1.1
            5     a j1 running on b
            500   c j2 waits
            500   c>b offer j2.1
            501   b>c bid j2.1 start 249 end 683
            510   c is expelled
            520   b is expelled
            520   a cancels j1.1 at b
            520   a j1 waits
            770   c j2 failed: no_candidate
            2270  a j1 failed: no_candidate
            3437  b>a idle
            12520 all idle
        "#]],
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
        expect![[r#"
            0     a j1 waits
            0     a>b offer j1.1
            0     a>c offer j1.1
            1     b>a bid j1.1 start 0 end 434
            1     c>a bid j1.1 start 0 end 1100
            2     a>b bind j1.1
            2     a dispatches j1.1 to b
            2     a j1 bound to b
            2     a>c gone j1.1
            3     b expects j1.1 of a
            4     b runs j1.1
            5     a j1 running on b
            500   a and b are cut
            500   b>a idle
            500   a>b gone j1.1
            500   a j1 waits
            500   a>c offer j1.2
            501   c>a bid j1.2 start 0 end 1100
            502   a>c bind j1.2
            502   a dispatches j1.2 to c
            502   a j1 bound to c
            503   c expects j1.2 of a
            504   c runs j1.2
            505   a j1 running on c
            10604 c>a idle
            10605 a j1 completed on c
            12500 all idle
        "#]],
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
        expect![[r#"
            0     a loads m
            4000  a j1 waits
            4000  a dispatches j1.1 to a
            4000  a j1 bound to a
            4000  a runs j1.1
            4000  a j1 running on a
            5100  a j1 completed on a
            6000  all idle
        "#]],
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
        expect![[r#"
            0     a j1 waits
            0     a>b offer j1.1
            1     b>a bid j1.1 start 0 end 4100
            2     a>b bind j1.1
            2     a dispatches j1.1 to b
            2     a j1 bound to b
            3     b expects j1.1 of a
            3     b loads m
            500   a and b are cut
            500   a>b gone j1.1
            500   a j1 waits
            1000  a j1 failed: connection_lost
            1500  c j2 waits
            1500  c>b offer j2.1
            1501  b>c bid j2.1 start 0 end 2603
            1502  c>b bind j2.1
            1502  c dispatches j2.1 to b
            1502  c j2 bound to b
            1503  b expects j2.1 of c
            3003  b runs j2.1
            3003  b>c idle
            3003  b>a idle
            3004  c j2 running on b
            4104  c j2 completed on b
            9500  all idle
        "#]],
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
        expect![[r#"
            0     a j1 waits
            0     a dispatches j1.1 to a
            0     a j1 bound to a
            0     a runs j1.1
            0     a j2 waits
            0     a j3 waits
            0     a j4 waits
            0     a j5 waits
            0     a j1 running on a
            600   a dispatches j3.1 to a
            600   a j3 bound to a
            600   a runs j3.1
            600   a j1 completed on a
            600   a j3 running on a
            1200  a dispatches j5.1 to a
            1200  a j5 bound to a
            1200  a runs j5.1
            1200  a j3 completed on a
            1200  a j5 running on a
            1800  a dispatches j2.1 to a
            1800  a j2 bound to a
            1800  a unloads m
            1800  a j5 completed on a
            1810  a loads n
            4810  a runs j2.1
            4810  a dispatches j4.1 to a
            4810  a j4 bound to a
            4810  a runs j4.1
            4810  a j2 running on a
            4810  a j4 running on a
            5910  a j2 completed on a
            5910  a j4 completed on a
            20000 all idle
        "#]],
    );
}

#[test]
fn a_claim_is_bound_although_another_has_not_answered() {
    check(
        "
        config renew_ms=200 reservation_ms=300
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
        expect![[r#"
            0     b j1 waits
            0     b dispatches j1.1 to b
            0     b j1 bound to b
            0     b runs j1.1
            0     c j2 waits
            0     c dispatches j2.1 to c
            0     c j2 bound to c
            0     c runs j2.1
            0     b j1 running on b
            0     c j2 running on c
            10    a j3 waits
            10    a>b offer j3.1
            10    a>c offer j3.1
            11    b>a bid j3.1 start 389 end 1489
            11    c>a bid j3.1 start 1089 end 2189
            212   a>b offer j3.1
            212   a>c offer j3.1 (lost)
            213   b>a bid j3.1 start 187 end 1287
            400   b>a claim j3.1
            400   b j1 completed on b
            401   a>c gone j3.1
            401   a>b bind j3.1
            401   a dispatches j3.1 to b
            401   a j3 bound to b
            402   b expects j3.1 of a
            403   b runs j3.1
            404   a j3 running on b
            1503  b>a idle
            1504  a j3 completed on b
            4100  c>a idle
            4100  c j2 completed on c
            5200  all idle
        "#]],
    );
}

#[test]
fn a_desk_that_stays_in_use_lets_what_it_paused_go_on_elsewhere() {
    check(
        "
        config yields=pause
        node a person=kim submit-only
        node b person=lee
        node c person=moe
        model b m loaded decode=200
        model c m loaded
        start
        submit a j1 m max=4000
        run 500
        desk b in-use
        run 5000
        desk b free
        run 1000
        desk b in-use
        run 60000
        idle
        ",
        expect![[r#"
            0     a j1 waits
            0     a>b offer j1.1
            0     a>c offer j1.1
            1     b>a bid j1.1 start 0 end 600
            1     c>a bid j1.1 start 0 end 1100
            2     a>b bind j1.1
            2     a dispatches j1.1 to b
            2     a j1 bound to b
            2     a>c gone j1.1
            3     b expects j1.1 of a
            4     b runs j1.1
            5     a j1 running on b
            500   b sets j1.1 to Paused
            5500  b sets j1.1 to Full
            6500  b sets j1.1 to Paused
            16500 b stops j1.1
            16501 a>b gone j1.1
            16501 a j1 waits
            16501 a>c offer j1.2
            16502 c>a bid j1.2 start 0 end 1100
            16503 a>c bind j1.2
            16503 a dispatches j1.2 to c
            16503 a j1 bound to c
            16504 c expects j1.2 of a
            16505 c runs j1.2
            16506 a j1 running on c
            56605 c>a idle
            56606 a j1 completed on c
            66500 all idle
        "#]],
    );
}

#[test]
fn a_draining_node_hands_its_queue_back_and_finishes_what_runs() {
    check(
        "
        node a person=kim submit-only
        node b person=lee
        node c person=moe
        model b m loaded decode=200
        model c m
        start
        submit a j1 m max=400 only=b
        submit a j2 m max=100
        run 100
        admission b draining
        run 20000
        idle
        ",
        expect![[r#"
            0     a j1 waits
            0     a>b offer j1.1
            0     a j2 waits
            0     a>b offer j2.1
            0     a>c offer j2.1
            1     b>a bid j1.1 start 0 end 600
            1     b>a bid j2.1 start 600 end 1200
            1     c>a bid j2.1 start 0 end 4100
            2     a>b bind j1.1
            2     a dispatches j1.1 to b
            2     a j1 bound to b
            2     a>b gone j2.1
            2     a>c bind j2.1
            2     a dispatches j2.1 to c
            2     a j2 bound to c
            3     b expects j1.1 of a
            3     c expects j2.1 of a
            3     c loads m
            4     b runs j1.1
            5     a j1 running on b
            2105  a j1 completed on b
            3003  c runs j2.1
            3003  c>a idle
            3004  a j2 running on c
            4104  a j2 completed on c
            20100 all idle
        "#]],
    );
}

#[test]
fn i11_a_hint_confirms_an_advert_that_would_be_too_old() {
    check(
        "
        node a
        node b
        model b m loaded
        start
        run 89000
        submit a j1 m
        run 2000
        submit a j2 m
        run 1000
        why a j2
        ",
        expect![[r#"
            89000 a j1 waits
            89000 a>b offer j1.1
            89001 b>a bid j1.1 start 0 end 1100
            89002 a>b bind j1.1
            89002 a dispatches j1.1 to b
            89002 a j1 bound to b
            89003 b expects j1.1 of a
            89004 b runs j1.1
            89005 a j1 running on b
            90104 b>a idle
            90105 a j1 completed on b
            91000 a j2 waits
            91000 a>b offer j2.1
            91001 b>a bid j2.1 start 0 end 1100
            91002 a>b bind j2.1
            91002 a dispatches j2.1 to b
            91002 a j2 bound to b
            91003 b expects j2.1 of a
            91004 b runs j2.1
            91005 a j2 running on b
            92000   b: wait 0 load 0 prefill 100 cached 0 decode 1000 network 4 penalty 0 = 1104; bid 1100
            92000   a: ModelAbsent; not asked
            92000   epoch 1 on b: BestBid
        "#]],
    );
}
