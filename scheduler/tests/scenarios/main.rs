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
        expect![[r#"
                0 a j1 waits
                0 a>c offer j1.1
                0 a>b offer j1.1
                1 c>a bid j1.1 start 0 end 1100
                1 b>a bid j1.1 start 0 end 4100
                2 a>c bind j1.1
                2 a dispatches j1.1 to c
                2 a j1 bound to c
                2 a>b gone j1.1
                3 c expects j1.1 of a
                5 a>c gone j1.1
                5 a j1 waits
                5 a>b offer j1.2
                6 c stops j1.1
                6 b>a bid j1.2 start 0 end 4100
                7 a>b bind j1.2
                7 a dispatches j1.2 to b
                7 a j1 bound to b
                8 b expects j1.2 of a
                8 b loads m
               10 a>b gone j1.2
               10 a j1 waits
               11 b stops j1.2
              255 a>c offer j1.3
              256 c>a bid j1.3 start 0 end 1100
              257 a>c bind j1.3
              257 a dispatches j1.3 to c
              257 a j1 bound to c
              258 c expects j1.3 of a
              260 a>c gone j1.3
              260 a j1 waits
              260 a>b offer j1.4
              261 c stops j1.3
              261 b>a bid j1.4 start 0 end 3848
              262 a>b bind j1.4
              262 a dispatches j1.4 to b
              262 a j1 bound to b
              263 b expects j1.4 of a
              265 a>b gone j1.4
              265 a j1 waits
              266 b stops j1.4
              760 a>c offer j1.5
              761 c>a bid j1.5 start 0 end 1100
              762 a>c bind j1.5
              762 a dispatches j1.5 to c
              762 a j1 bound to c
              763 c expects j1.5 of a
              765 a>c gone j1.5
              765 a j1 waits
              765 a>b offer j1.6
              766 c stops j1.5
              766 b>a bid j1.6 start 0 end 3344
              767 a>b bind j1.6
              767 a dispatches j1.6 to b
              767 a j1 bound to b
              768 b expects j1.6 of a
              770 a>b gone j1.6
              770 a j1 waits
              771 b stops j1.6
             1765 a>c offer j1.7
             1766 c>a bid j1.7 start 0 end 1100
             1767 a>c bind j1.7
             1767 a dispatches j1.7 to c
             1767 a j1 bound to c
             1768 c expects j1.7 of a
             1770 a>c gone j1.7
             1770 a j1 waits
             1770 a>b offer j1.8
             1771 c stops j1.7
             1771 b>a bid j1.8 start 0 end 2339
             1772 a>b bind j1.8
             1772 a dispatches j1.8 to b
             1772 a j1 bound to b
             1773 b expects j1.8 of a
             1775 a>b gone j1.8
             1775 a j1 waits
             1776 b stops j1.8
             3770 a>c offer j1.9
             3771 c>a bid j1.9 start 0 end 1100
             3772 a>c bind j1.9
             3772 a dispatches j1.9 to c
             3772 a j1 bound to c
             3773 c expects j1.9 of a
             3775 a>c gone j1.9
             3775 a j1 waits
             3775 a>b offer j1.10
             3776 c stops j1.9
             3776 b>a bid j1.10 start 0 end 1100
             3777 a>b bind j1.10
             3777 a dispatches j1.10 to b
             3777 a j1 bound to b
             3778 b expects j1.10 of a
             3780 a>b gone j1.10
             3780 a j1 waits
             3781 b stops j1.10
             5000   b: Stale; not asked
             5000   c: Stale; not asked
             5000   a: ModelAbsent; not asked
             5000   epoch 1 on c: BestBid
             5000   epoch 2 on b: BestBid
             5000   epoch 3 on c: BestBid
             5000   epoch 4 on b: BestBid
             5000   epoch 5 on c: BestBid
             5000   epoch 6 on b: BestBid
             5000   epoch 7 on c: BestBid
             5000   epoch 8 on b: BestBid
             5000   epoch 9 on c: BestBid
             5000   epoch 10 on b: BestBid
             5000 busy: ["a"]
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
                0 c j1 waits
                0 c dispatches j1.1 to c
                0 c j1 bound to c
                0 c runs j1.1
                0 c j1 running on c
              100 a j2 waits
              100 a>b offer j2.1
              100 a>c offer j2.1
              101 b>a bid j2.1 start 0 end 1100
              101 c>a bid j2.1 start 0 end 1650
              102 a>c gone j2.1
              102 a>b bind j2.1
              102 a dispatches j2.1 to b
              102 a j2 bound to b
              103 b expects j2.1 of a
              105 a>b gone j2.1
              105 a j2 waits
              105 a>c offer j2.2
              106 b stops j2.1
              106 c>a bid j2.2 start 0 end 1650
              107 a>c bind j2.2
              107 a dispatches j2.2 to c
              107 a j2 bound to c
              108 c expects j2.2 of a
              110 a>c gone j2.2
              110 a j2 waits
              111 c stops j2.2
              355 a>b offer j2.3
              356 b>a bid j2.3 start 0 end 1100
              357 a>b bind j2.3
              357 a dispatches j2.3 to b
              357 a j2 bound to b
              358 b expects j2.3 of a
              360 a>b gone j2.3
              360 a j2 waits
              360 a>c offer j2.4
              361 b stops j2.3
              361 c>a bid j2.4 start 0 end 1650
              362 a>c bind j2.4
              362 a dispatches j2.4 to c
              362 a j2 bound to c
              363 c expects j2.4 of a
              365 a>c gone j2.4
              365 a j2 waits
              366 c stops j2.4
              860 a>b offer j2.5
              861 b>a bid j2.5 start 0 end 1100
              862 a>b bind j2.5
              862 a dispatches j2.5 to b
              862 a j2 bound to b
              863 b expects j2.5 of a
              865 a>b gone j2.5
              865 a j2 waits
              865 a>c offer j2.6
              866 b stops j2.5
              866 c>a bid j2.6 start 0 end 1650
              867 a>c bind j2.6
              867 a dispatches j2.6 to c
              867 a j2 bound to c
              868 c expects j2.6 of a
              870 a>c gone j2.6
              870 a j2 waits
              871 c stops j2.6
             1865 a>b offer j2.7
             1866 b>a bid j2.7 start 0 end 1100
             1867 a>b bind j2.7
             1867 a dispatches j2.7 to b
             1867 a j2 bound to b
             1868 b expects j2.7 of a
             1870 a>b gone j2.7
             1870 a j2 waits
             1870 a>c offer j2.8
             1871 b stops j2.7
             1871 c>a bid j2.8 start 0 end 1650
             1872 a>c bind j2.8
             1872 a dispatches j2.8 to c
             1872 a j2 bound to c
             1873 c expects j2.8 of a
             1875 a>c gone j2.8
             1875 a j2 waits
             1876 c stops j2.8
             3100   b: Stale; not asked
             3100   a: ModelAbsent; not asked
             3100   c: Stale; not asked
             3100   epoch 1 on b: BestBid
             3100   epoch 2 on c: BestBid
             3100   epoch 3 on b: BestBid
             3100   epoch 4 on c: BestBid
             3100   epoch 5 on b: BestBid
             3100   epoch 6 on c: BestBid
             3100   epoch 7 on b: BestBid
             3100   epoch 8 on c: BestBid
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
                0 a j1 waits
                0 a>b offer j1.1
                1 b>a bid j1.1 start 0 end 600
                2 a>b bind j1.1
                2 a dispatches j1.1 to b
                2 a j1 bound to b
                3 b expects j1.1 of a
                5 a>b gone j1.1
                5 a j1 waits
                5 a dispatches j1.2 to a
                5 a j1 bound to a
                5 a runs j1.2
                5 a j1 running on a
                6 b stops j1.1
             2000   a: wait 0 load 0 prefill 100 cached 0 decode 5000 network 0 penalty 0 = 5100; bid 5100
             2000   b: Stale; not asked
             2000   epoch 1 on b: BestBid
             2000   epoch 2 on a: LocalIdle
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
                0 a j1 waits
                0 a dispatches j1.1 to a
                0 a j1 bound to a
                0 a runs j1.1
                0 a j1 running on a
             1350 a j1 completed on a
             2000   b: wait 0 load 0 prefill 100 cached 0 decode 1000 network 4 penalty 0 = 1104; not asked
             2000   a: wait 0 load 0 prefill 100 cached 0 decode 1250 network 0 penalty 0 = 1350; bid 1350
             2000   epoch 1 on a: LocalIdle
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
                0 a j1 waits
               10   b: Capability; not asked
               10   a: ModelAbsent; not asked
               10   d: ModelAbsent; not asked
               10   e: Role; not asked
               10   c: memory 3>2; not asked
               10   h: Paused; not asked
               10   f: context 101>100; not asked
               10   g: OwnerBusy; not asked
               10 a j1 cancelled
               20 all idle
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
                0 a j1 waits
                0 a>c offer j1.1
                0 a j2 waits
                0 a>b offer j2.1
                0 a j3 waits
                0 a j3 failed: no_candidate
                1 c>a bid j1.1 start 0 end 1100
                1 b>a bid j2.1 start 0 end 1100
                2 a>c bind j1.1
                2 a dispatches j1.1 to c
                2 a j1 bound to c
                2 a>b bind j2.1
                2 a dispatches j2.1 to b
                2 a j2 bound to b
                3 c expects j1.1 of a
                3 b expects j2.1 of a
                5 a>c gone j1.1
                5 a j1 waits
                5 a>b gone j2.1
                5 a j2 waits
                6 c stops j1.1
                6 b stops j2.1
              255 a>c offer j1.2
              255 a>b offer j2.2
              256 c>a bid j1.2 start 0 end 1100
              256 b>a bid j2.2 start 0 end 1100
              257 a>c bind j1.2
              257 a dispatches j1.2 to c
              257 a j1 bound to c
              257 a>b bind j2.2
              257 a dispatches j2.2 to b
              257 a j2 bound to b
              258 c expects j1.2 of a
              258 b expects j2.2 of a
              260 a>c gone j1.2
              260 a j1 waits
              260 a>b gone j2.2
              260 a j2 waits
              261 c stops j1.2
              261 b stops j2.2
              760 a>c offer j1.3
              760 a>b offer j2.3
              761 c>a bid j1.3 start 0 end 1100
              761 b>a bid j2.3 start 0 end 1100
              762 a>c bind j1.3
              762 a dispatches j1.3 to c
              762 a j1 bound to c
              762 a>b bind j2.3
              762 a dispatches j2.3 to b
              762 a j2 bound to b
              763 c expects j1.3 of a
              763 b expects j2.3 of a
              765 a>c gone j1.3
              765 a j1 waits
              765 a>b gone j2.3
              765 a j2 waits
              766 c stops j1.3
              766 b stops j2.3
             1765 a>c offer j1.4
             1765 a>b offer j2.4
             1766 c>a bid j1.4 start 0 end 1100
             1766 b>a bid j2.4 start 0 end 1100
             1767 a>c bind j1.4
             1767 a dispatches j1.4 to c
             1767 a j1 bound to c
             1767 a>b bind j2.4
             1767 a dispatches j2.4 to b
             1767 a j2 bound to b
             1768 c expects j1.4 of a
             1768 b expects j2.4 of a
             1770 a>c gone j1.4
             1770 a j1 waits
             1770 a>b gone j2.4
             1770 a j2 waits
             1771 c stops j1.4
             1771 b stops j2.4
             2000   c: Stale; not asked
             2000   a: ModelAbsent; not asked
             2000   d: Excluded; not asked
             2000   b: Excluded; not asked
             2000   epoch 1 on c: BestBid
             2000   epoch 2 on c: BestBid
             2000   epoch 3 on c: BestBid
             2000   epoch 4 on c: BestBid
             2000   a: Excluded; not asked
             2000   b: Stale; not asked
             2000   c: Excluded; not asked
             2000   d: Excluded; not asked
             2000   epoch 1 on b: BestBid
             2000   epoch 2 on b: BestBid
             2000   epoch 3 on b: BestBid
             2000   epoch 4 on b: BestBid
             2000   b: Excluded; not asked
             2000   a: ModelAbsent; not asked
             2000   d: Excluded; not asked
             2000   c: Excluded; not asked
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
                0 a j1 waits
                0 a>c offer j1.1
                0 a j2 waits
                0 a>b offer j2.1
                0 a>c offer j2.1
                1 c>a bid j1.1 start 0 end 1100
                1 b>a bid j2.1 start 0 end 200
                1 c>a bid j2.1 start 1100 end 2200
                2 a>c bind j1.1
                2 a dispatches j1.1 to c
                2 a j1 bound to c
                2 a>b bind j2.1
                2 a dispatches j2.1 to b
                2 a j2 bound to b
                2 a>c gone j2.1
                3 c expects j1.1 of a
                3 b expects j2.1 of a
                5 a>c gone j1.1
                5 a j1 waits
                5 a>b offer j1.2
                5 a>b gone j2.1
                5 a j2 waits
                5 a>c offer j2.2
                6 c stops j1.1
                6 b>a bid j1.2 start 197 end 397
                6 b stops j2.1
                6 b>a claim j1.2
                6 c>a bid j2.2 start 0 end 1100
                7 a>b bind j1.2
                7 a dispatches j1.2 to b
                7 a j1 bound to b
                7 a>c bind j2.2
                7 a dispatches j2.2 to c
                7 a j2 bound to c
                8 b expects j1.2 of a
                8 c expects j2.2 of a
               10 a>b gone j1.2
               10 a j1 waits
               10 a>c gone j2.2
               10 a j2 waits
               10   a: ModelAbsent; not asked
               10   c: Stale; not asked
               10   b: Stale; not asked
               10   epoch 1 on c: BestBid
               10   epoch 2 on b: FirstClaim
               10   b: Stale; not asked
               10   c: Stale; not asked
               10   a: ModelAbsent; not asked
               10   epoch 1 on b: BestBid
               10   epoch 2 on c: BestBid
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
                0 a j1 waits
                0 a j1 failed: no_candidate
               10   b: ModelAbsent; not asked
               10   a: ModelAbsent; not asked
               10 all idle
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
                0 a j1 waits
                0 a>b offer j1.1
                1 b>a refuse j1.1 Paused
              252 a>b offer j1.1
              253 b>a refuse j1.1 Paused
              754 a>b offer j1.1
              755 b>a refuse j1.1 Paused
             1000   b: Paused; not asked
             1000   a: ModelAbsent; not asked
             1000 a>b offer j1.1
             1001 b>a bid j1.1 start 0 end 1100
             1002 a>b bind j1.1
             1002 a dispatches j1.1 to b
             1002 a j1 bound to b
             1003 b expects j1.1 of a
             1005 a>b gone j1.1
             1005 a j1 waits
             1006 b stops j1.1
             3005 a>b offer j1.2
             3006 b>a bid j1.2 start 0 end 1100
             3007 a>b bind j1.2
             3007 a dispatches j1.2 to b
             3007 a j1 bound to b
             3008 b expects j1.2 of a
             3010 a>b gone j1.2
             3010 a j1 waits
             3011 b stops j1.2
             4000   a: ModelAbsent; not asked
             4000   b: Stale; not asked
             4000   epoch 1 on b: BestBid
             4000   epoch 2 on b: BestBid
             4000 busy: ["a"]
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
                0 b j1 waits
                0 b dispatches j1.1 to b
                0 b j1 bound to b
                0 b runs j1.1
                0 c j2 waits
                0 c dispatches j2.1 to c
                0 c j2 bound to c
                0 c runs j2.1
                0 b j1 running on b
                0 c j2 running on c
              100 a j3 waits
              100 a>b offer j3.1
              100 a>c offer j3.1
              101 b>a bid j3.1 start 999 end 2099
              101 c>a bid j3.1 start 999 end 2099
             2102 a>b offer j3.1
             2102 a>c offer j3.1
             2103 b>a bid j3.1 start 110 end 1210
             2103 c>a bid j3.1 start 110 end 1210
             3100 b>a claim j3.1
             3100 b j1 completed on b
             3101 a>c gone j3.1
             3101 a>b bind j3.1
             3101 a dispatches j3.1 to b
             3101 a j3 bound to b
             3102 b expects j3.1 of a
             3104 a>b gone j3.1
             3104 a j3 waits
             3104 a>c offer j3.2
             3105 b stops j3.1
             3105 c>a bid j3.2 start 110 end 1210
             5100 c>a claim j3.2
             5100 c j2 completed on c
             5100   c: wait 1100 load 0 prefill 100 cached 0 decode 1000 network 4 penalty 0 = 2204; bid 1210
             5100   b: Stale; not asked
             5100   a: ModelAbsent; not asked
             5100   epoch 1 on b: FirstClaim
             5100 busy: ["a", "c"]
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
                0 a j1 waits
                0 a>b offer j1.1
              150 a>b offer j1.1
              200 b>a bid j1.1 start 0 end 1100
              350 b>a bid j1.1 start 0 end 1100
              400 a>b bind j1.1
              400 a dispatches j1.1 to b
              400 a j1 bound to b
              600 b expects j1.1 of a
              801 a>b gone j1.1
              801 a j1 waits
             1001 b stops j1.1
             1051 a>b offer j1.2
             1201 a>b offer j1.2
             1251 b>a bid j1.2 start 0 end 1100
             1401 b>a bid j1.2 start 0 end 1100
             1451 a>b bind j1.2
             1451 a dispatches j1.2 to b
             1451 a j1 bound to b
             1651 b expects j1.2 of a
             1852 a>b gone j1.2
             1852 a j1 waits
             2052 b stops j1.2
             2352 a>b offer j1.3
             2502 a>b offer j1.3
             2552 b>a bid j1.3 start 0 end 1100
             2702 b>a bid j1.3 start 0 end 1100
             2752 a>b bind j1.3
             2752 a dispatches j1.3 to b
             2752 a j1 bound to b
             2952 b expects j1.3 of a
             3000   b: wait 0 load 0 prefill 100 cached 0 decode 1000 network 4 penalty 14699 = 15803; bid 1100
             3000   a: ModelAbsent; not asked
             3000   epoch 1 on b: BestBid
             3000   epoch 2 on b: BestBid
             3000   epoch 3 on b: BestBid
             3000 busy: ["a", "b"]
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
                0 a j1 waits
                0 a>c offer j1.1
                0 a>b offer j1.1
                1 c>a bid j1.1 start 0 end 767
                1 b>a bid j1.1 start 0 end 1100
              150 a>b bind j1.1
              150 a dispatches j1.1 to b
              150 a j1 bound to b
              151 b expects j1.1 of a
              153 a>b gone j1.1
              153 a j1 waits
              153 a>c offer j1.2
              154 b stops j1.1
              154 c>a bid j1.2 start 0 end 767
              301 a>c gone j1.1
              303 a>c offer j1.2
              304 c>a bid j1.2 start 0 end 767
              454 a>c bind j1.2
              454 a dispatches j1.2 to c
              454 a j1 bound to c
              455 c expects j1.2 of a
              756 a>c gone j1.2
              756 a j1 waits
              756 a>b offer j1.3
              757 c stops j1.2
              757 b>a bid j1.3 start 0 end 1100
              758 a>b bind j1.3
              758 a dispatches j1.3 to b
              758 a j1 bound to b
              759 b expects j1.3 of a
              761 a>b gone j1.3
              761 a j1 waits
              762 b stops j1.3
             1006 a>c offer j1.4
             1007 c>a bid j1.4 start 0 end 767
             1156 a>c offer j1.4
             1156 a>b offer j1.4
             1157 c>a bid j1.4 start 0 end 767
             1157 b>a bid j1.4 start 0 end 1100
             1158 a>b bind j1.4
             1158 a dispatches j1.4 to b
             1158 a j1 bound to b
             1159 b expects j1.4 of a
             1161 a>b gone j1.4
             1161 a j1 waits
             1161 a>c offer j1.5
             1162 b stops j1.4
             1162 c>a bid j1.5 start 0 end 767
             1307 a>c gone j1.4
             1311 a>c offer j1.5
             1312 c>a bid j1.5 start 0 end 767
             1457 a>c gone j1.4
             1462 a>c bind j1.5
             1462 a dispatches j1.5 to c
             1462 a j1 bound to c
             1463 c expects j1.5 of a
             1764 a>c gone j1.5
             1764 a j1 waits
             1764 a>b offer j1.6
             1765 c stops j1.5
             1765 b>a bid j1.6 start 0 end 1100
             1766 a>b bind j1.6
             1766 a dispatches j1.6 to b
             1766 a j1 bound to b
             1767 b expects j1.6 of a
             1769 a>b gone j1.6
             1769 a j1 waits
             1770 b stops j1.6
             2264 a>c offer j1.7
             2265 c>a bid j1.7 start 0 end 767
             2414 a>c offer j1.7
             2414 a>b offer j1.7
             2415 c>a bid j1.7 start 0 end 767
             2415 b>a bid j1.7 start 0 end 1100
             2416 a>b bind j1.7
             2416 a dispatches j1.7 to b
             2416 a j1 bound to b
             2417 b expects j1.7 of a
             2419 a>b gone j1.7
             2419 a j1 waits
             2419 a>c offer j1.8
             2420 b stops j1.7
             2420 c>a bid j1.8 start 0 end 767
             2565 a>c gone j1.7
             2569 a>c offer j1.8
             2570 c>a bid j1.8 start 0 end 767
             2715 a>c gone j1.7
             2720 a>c bind j1.8
             2720 a dispatches j1.8 to c
             2720 a j1 bound to c
             2721 c expects j1.8 of a
             3000   c: wait 0 load 0 prefill 100 cached 0 decode 667 network 4 penalty 29382 = 30153; bid 767
             3000   b: Stale; not asked
             3000   a: ModelAbsent; not asked
             3000   epoch 1 on b: BestBid
             3000   epoch 2 on c: BestBid
             3000   epoch 3 on b: BestBid
             3000   epoch 4 on b: BestBid
             3000   epoch 5 on c: BestBid
             3000   epoch 6 on b: BestBid
             3000   epoch 7 on b: BestBid
             3000   epoch 8 on c: BestBid
             3000 busy: ["a", "c"]
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
                0 a j1 waits
                0 a>d offer j1.1 (lost)
                0 a>e offer j1.1 (lost)
                0 a>c offer j1.1 (lost)
              150 a>c offer j1.1
              150 a>d offer j1.1
              150 a>e offer j1.1
              150 a>b offer j1.1 (lost)
              151 c>a bid j1.1 start 0 end 1100
              151 d>a bid j1.1 start 0 end 1100
              151 e>a bid j1.1 start 0 end 1100
              300 a>d gone j1.1
              300 a>e gone j1.1
              300 a>c bind j1.1
              300 a dispatches j1.1 to c
              300 a j1 bound to c
              301 c expects j1.1 of a
              303 a>c gone j1.1
              303 a j1 waits
              303 a>d offer j1.2
              303 a>e offer j1.2
              303 a>b offer j1.2
              304 c stops j1.1
              304 d>a bid j1.2 start 0 end 1100
              304 e>a bid j1.2 start 0 end 1100
              304 b>a bid j1.2 start 0 end 1100
              305 a>e gone j1.2
              305 a>d bind j1.2
              305 a dispatches j1.2 to d
              305 a j1 bound to d
              305 a>b gone j1.2
              306 d expects j1.2 of a
              308 a>d gone j1.2
              308 a j1 waits
              308 a>e offer j1.3
              308 a>b offer j1.3
              309 d stops j1.2
              309 e>a bid j1.3 start 0 end 1100
              309 b>a bid j1.3 start 0 end 1100
              310 a>e bind j1.3
              310 a dispatches j1.3 to e
              310 a j1 bound to e
              310 a>b gone j1.3
              311 e expects j1.3 of a
              313 a>e gone j1.3
              313 a j1 waits
              313 a>b offer j1.4
              314 e stops j1.3
              314 b>a bid j1.4 start 0 end 1100
              315 a>b bind j1.4
              315 a dispatches j1.4 to b
              315 a j1 bound to b
              316 b expects j1.4 of a
              318 a>b gone j1.4
              318 a j1 waits
              319 b stops j1.4
              553 a>c offer j1.5
              554 c>a bid j1.5 start 0 end 1100
              555 a>c bind j1.5
              555 a dispatches j1.5 to c
              555 a j1 bound to c
              556 c expects j1.5 of a
              558 a>c gone j1.5
              558 a j1 waits
              558 a>d offer j1.6
              559 c stops j1.5
              559 d>a bid j1.6 start 0 end 1100
              560 a>d bind j1.6
              560 a dispatches j1.6 to d
              560 a j1 bound to d
              561 d expects j1.6 of a
              563 a>d gone j1.6
              563 a j1 waits
              563 a>e offer j1.7
              564 d stops j1.6
              564 e>a bid j1.7 start 0 end 1100
              565 a>e bind j1.7
              565 a dispatches j1.7 to e
              565 a j1 bound to e
              566 e expects j1.7 of a
              568 a>e gone j1.7
              568 a j1 waits
              568 a>b offer j1.8
              569 e stops j1.7
              569 b>a bid j1.8 start 0 end 1100
              570 a>b bind j1.8
              570 a dispatches j1.8 to b
              570 a j1 bound to b
              571 b expects j1.8 of a
              573 a>b gone j1.8
              573 a j1 waits
              574 b stops j1.8
             1058 a>c offer j1.9
             1059 c>a bid j1.9 start 0 end 1100
             1060 a>c bind j1.9
             1060 a dispatches j1.9 to c
             1060 a j1 bound to c
             1061 c expects j1.9 of a
             1063 a>c gone j1.9
             1063 a j1 waits
             1063 a>d offer j1.10
             1064 c stops j1.9
             1064 d>a bid j1.10 start 0 end 1100
             1065 a>d bind j1.10
             1065 a dispatches j1.10 to d
             1065 a j1 bound to d
             1066 d expects j1.10 of a
             1068 a>d gone j1.10
             1068 a j1 waits
             1068 a>e offer j1.11
             1069 d stops j1.10
             1069 e>a bid j1.11 start 0 end 1100
             1070 a>e bind j1.11
             1070 a dispatches j1.11 to e
             1070 a j1 bound to e
             1071 e expects j1.11 of a
             1073 a>e gone j1.11
             1073 a j1 waits
             1073 a>b offer j1.12
             1074 e stops j1.11
             1074 b>a bid j1.12 start 0 end 1100
             1075 a>b bind j1.12
             1075 a dispatches j1.12 to b
             1075 a j1 bound to b
             1076 b expects j1.12 of a
             1078 a>b gone j1.12
             1078 a j1 waits
             1079 b stops j1.12
             2063 a>c offer j1.13
             2064 c>a bid j1.13 start 0 end 1100
             2065 a>c bind j1.13
             2065 a dispatches j1.13 to c
             2065 a j1 bound to c
             2066 c expects j1.13 of a
             2068 a>c gone j1.13
             2068 a j1 waits
             2068 a>d offer j1.14
             2069 c stops j1.13
             2069 d>a bid j1.14 start 0 end 1100
             2070 a>d bind j1.14
             2070 a dispatches j1.14 to d
             2070 a j1 bound to d
             2071 d expects j1.14 of a
             2073 a>d gone j1.14
             2073 a j1 waits
             2073 a>e offer j1.15
             2074 d stops j1.14
             2074 e>a bid j1.15 start 0 end 1100
             2075 a>e bind j1.15
             2075 a dispatches j1.15 to e
             2075 a j1 bound to e
             2076 e expects j1.15 of a
             2078 a>e gone j1.15
             2078 a j1 waits
             2078 a>b offer j1.16
             2079 e stops j1.15
             2079 b>a bid j1.16 start 0 end 1100
             2080 a>b bind j1.16
             2080 a dispatches j1.16 to b
             2080 a j1 bound to b
             2081 b expects j1.16 of a
             2083 a>b gone j1.16
             2083 a j1 waits
             2084 b stops j1.16
             3000 busy: ["a"]
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
                0 a j1 waits
                0 a>b offer j1.1
                1 b>a bid j1.1 start 0 end 1100
                2 a>b bind j1.1 (lost)
                2 a dispatches j1.1 to b
                2 a j1 bound to b
                4 b expects j1.1 of a
                4 b runs j1.1
                5 a j1 running on b
                5 a>b gone j1.1
                5 a j1 waits
                6 b stops j1.1
              255 a>b offer j1.2
              256 b>a bid j1.2 start 0 end 1100
              257 a>b bind j1.2
              257 a dispatches j1.2 to b
              257 a j1 bound to b
              258 b expects j1.2 of a
              260 a>b gone j1.2
              260 a j1 waits
              261 b stops j1.2
              760 a>b offer j1.3
              761 b>a bid j1.3 start 0 end 1100
              762 a>b bind j1.3
              762 a dispatches j1.3 to b
              762 a j1 bound to b
              763 b expects j1.3 of a
              765 a>b gone j1.3
              765 a j1 waits
              766 b stops j1.3
             1765 a>b offer j1.4
             1766 b>a bid j1.4 start 0 end 1100
             1767 a>b bind j1.4
             1767 a dispatches j1.4 to b
             1767 a j1 bound to b
             1768 b expects j1.4 of a
             1770 a>b gone j1.4
             1770 a j1 waits
             1771 b stops j1.4
             3000 busy: ["a"]
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
                0 b j1 waits
                0 b dispatches j1.1 to b
                0 b j1 bound to b
                0 b runs j1.1
                0 b j1 running on b
               10 a j2 waits
               10 a>b offer j2.1
               11 b>a bid j2.1 start 589 end 1689
              600 b>a claim j2.1 (lost)
              600 b j1 completed on b
             1100 b>a claim j2.1
             1101 a>b bind j2.1
             1101 a dispatches j2.1 to b
             1101 a j2 bound to b
             1102 b expects j2.1 of a
             1104 a>b gone j2.1
             1104 a j2 waits
             1105 b stops j2.1
             1354 a>b offer j2.2
             1355 b>a bid j2.2 start 0 end 1100
             1356 a>b bind j2.2
             1356 a dispatches j2.2 to b
             1356 a j2 bound to b
             1357 b expects j2.2 of a
             1359 a>b gone j2.2
             1359 a j2 waits
             1360 b stops j2.2
             1859 a>b offer j2.3
             1860 b>a bid j2.3 start 0 end 1100
             1861 a>b bind j2.3
             1861 a dispatches j2.3 to b
             1861 a j2 bound to b
             1862 b expects j2.3 of a
             1864 a>b gone j2.3
             1864 a j2 waits
             1865 b stops j2.3
             2864 a>b offer j2.4
             2865 b>a bid j2.4 start 0 end 1100
             2866 a>b bind j2.4
             2866 a dispatches j2.4 to b
             2866 a j2 bound to b
             2867 b expects j2.4 of a
             2869 a>b gone j2.4
             2869 a j2 waits
             2870 b stops j2.4
             4010 busy: ["a"]
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
                0 b j1 waits
                0 b dispatches j1.1 to b
                0 b j1 bound to b
                0 b runs j1.1
                0 c j2 waits
                0 c dispatches j2.1 to c
                0 c j2 bound to c
                0 c runs j2.1
                0 b j1 running on b
                0 c j2 running on c
               10 a j3 waits
               10 a>b offer j3.1
               10 a>c offer j3.1
               11 b>a bid j3.1 start 1089 end 2189
               11 c>a bid j3.1 start 1089 end 2189
             1100 b>a claim j3.1
             1100 b j1 completed on b
             1101 a>c gone j3.1 (lost)
             1101 a>b bind j3.1
             1101 a dispatches j3.1 to b
             1101 a j3 bound to b
             1102 b expects j3.1 of a
             1104 a>b gone j3.1
             1104 a j3 waits
             1104 a>c offer j3.2
             1105 b stops j3.1
             1105 c>a bid j3.2 start 110 end 1210
             2100 c>a claim j3.2
             2100 c j2 completed on c
             2101 a>c bind j3.2
             2101 a dispatches j3.2 to c
             2101 a j3 bound to c
             2102 c expects j3.2 of a
             2104 a>c gone j3.2
             2104 a j3 waits
             2104 a>b offer j3.3
             2105 c stops j3.2
             2105 b>a bid j3.3 start 0 end 1100
             2106 a>b bind j3.3
             2106 a dispatches j3.3 to b
             2106 a j3 bound to b
             2107 b expects j3.3 of a
             2109 a>b gone j3.3
             2109 a j3 waits
             2110 b stops j3.3
             2354 a>c offer j3.4
             2355 c>a bid j3.4 start 0 end 1100
             2356 a>c bind j3.4
             2356 a dispatches j3.4 to c
             2356 a j3 bound to c
             2357 c expects j3.4 of a
             2359 a>c gone j3.4
             2359 a j3 waits
             2359 a>b offer j3.5
             2360 c stops j3.4
             2360 b>a bid j3.5 start 0 end 1100
             2361 a>b bind j3.5
             2361 a dispatches j3.5 to b
             2361 a j3 bound to b
             2362 b expects j3.5 of a
             2364 a>b gone j3.5
             2364 a j3 waits
             2365 b stops j3.5
             2859 a>c offer j3.6
             2860 c>a bid j3.6 start 0 end 1100
             2861 a>c bind j3.6
             2861 a dispatches j3.6 to c
             2861 a j3 bound to c
             2862 c expects j3.6 of a
             2864 a>c gone j3.6
             2864 a j3 waits
             2864 a>b offer j3.7
             2865 c stops j3.6
             2865 b>a bid j3.7 start 0 end 1100
             2866 a>b bind j3.7
             2866 a dispatches j3.7 to b
             2866 a j3 bound to b
             2867 b expects j3.7 of a
             2869 a>b gone j3.7
             2869 a j3 waits
             2870 b stops j3.7
             3864 a>c offer j3.8
             3865 c>a bid j3.8 start 0 end 1100
             3866 a>c bind j3.8
             3866 a dispatches j3.8 to c
             3866 a j3 bound to c
             3867 c expects j3.8 of a
             3869 a>c gone j3.8
             3869 a j3 waits
             3869 a>b offer j3.9
             3870 c stops j3.8
             3870 b>a bid j3.9 start 0 end 1100
             3871 a>b bind j3.9
             3871 a dispatches j3.9 to b
             3871 a j3 bound to b
             3872 b expects j3.9 of a
             3874 a>b gone j3.9
             3874 a j3 waits
             3875 b stops j3.9
             5010 busy: ["a"]
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
                0 a j1 waits
                0 a>b offer j1.1
                0 a j1 cancelled
                1 b>a bid j1.1 start 0 end 1100
                2 a>b gone j1.1
               10 a j2 waits
               10 a>b offer j2.1
               11 b>a bid j2.1 start 0 end 1100
               12 a>b bind j2.1
               12 a dispatches j2.1 to b
               12 a j2 bound to b
               13 b expects j2.1 of a
               13 a j3 waits
               13 a>b offer j3.1
               14 b>a bid j3.1 start 1099 end 2199
               15 a>b gone j2.1
               15 a j2 waits
               16 b stops j2.1
               16 b>a claim j3.1
               17 a>b bind j3.1
               17 a dispatches j3.1 to b
               17 a j3 bound to b
               18 b expects j3.1 of a
               20 a>b gone j3.1
               20 a j3 waits
               21 b stops j3.1
               23 a j3 cancelled
               33 a j2 cancelled
               43 a j4 waits
               43 a>c offer j4.1
               44 c>a bid j4.1 start 0 end 4100
               45 a>c bind j4.1
               45 a dispatches j4.1 to c
               45 a j4 bound to c
               46 c expects j4.1 of a
               46 c loads m
               48 a>c gone j4.1
               48 a j4 waits
               49 c stops j4.1
              143 a j4 cancelled
             5143 a j5 waits
             5143 a j5 failed: no_candidate
             5143 all idle
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
                0 a j1 waits
                0 a>b offer j1.1
                0 a>c offer j1.1
                0 b dies
                1 c>a bid j1.1 start 0 end 1100
                2 a>c bind j1.1
                2 a dispatches j1.1 to c
                2 a j1 bound to c
                3 c expects j1.1 of a
                5 a>c gone j1.1
                5 a j1 waits
                6 c stops j1.1
              255 a>c offer j1.2
              256 c>a bid j1.2 start 0 end 1100
              257 a>c bind j1.2
              257 a dispatches j1.2 to c
              257 a j1 bound to c
              258 c expects j1.2 of a
              260 a>c gone j1.2
              260 a j1 waits
              261 c stops j1.2
             1260 a>c offer j1.3
             1261 c>a bid j1.3 start 0 end 1100
             1262 a>c bind j1.3
             1262 a dispatches j1.3 to c
             1262 a j1 bound to c
             1263 c expects j1.3 of a
             1265 a>c gone j1.3
             1265 a j1 waits
             1266 c stops j1.3
             3000 busy: ["a"]
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
                0 a j1 waits
                0 a>b offer j1.1
                0 a>c offer j1.1
                1 b>a bid j1.1 start 0 end 434
                1 c>a bid j1.1 start 0 end 1100
                2 a>b bind j1.1
                2 a dispatches j1.1 to b
                2 a j1 bound to b
                2 a>c gone j1.1
                3 b expects j1.1 of a
                5 a>b gone j1.1
                5 a j1 waits
                5 a>c offer j1.2
                6 b stops j1.1
                6 c>a bid j1.2 start 0 end 1100
                7 a>c bind j1.2
                7 a dispatches j1.2 to c
                7 a j1 bound to c
                8 c expects j1.2 of a
               10 a>c gone j1.2
               10 a j1 waits
               11 c stops j1.2
              255 a>b offer j1.3
              256 b>a bid j1.3 start 0 end 434
              257 a>b bind j1.3
              257 a dispatches j1.3 to b
              257 a j1 bound to b
              258 b expects j1.3 of a
              260 a>b gone j1.3
              260 a j1 waits
              260 a>c offer j1.4
              261 b stops j1.3
              261 c>a bid j1.4 start 0 end 1100
              262 a>c bind j1.4
              262 a dispatches j1.4 to c
              262 a j1 bound to c
              263 c expects j1.4 of a
              265 a>c gone j1.4
              265 a j1 waits
              266 c stops j1.4
              500 b dies
              765 a>c offer j1.5
              766 c>a bid j1.5 start 0 end 1100
              767 a>c bind j1.5
              767 a dispatches j1.5 to c
              767 a j1 bound to c
              768 c expects j1.5 of a
              770 a>c gone j1.5
              770 a j1 waits
              771 c stops j1.5
             2770 a>c offer j1.6
             2771 c>a bid j1.6 start 0 end 1100
             2772 a>c bind j1.6
             2772 a dispatches j1.6 to c
             2772 a j1 bound to c
             2773 c expects j1.6 of a
             2775 a>c gone j1.6
             2775 a j1 waits
             2776 c stops j1.6
             6775 a>c offer j1.7
             6776 c>a bid j1.7 start 0 end 1100
             6777 a>c bind j1.7
             6777 a dispatches j1.7 to c
             6777 a j1 bound to c
             6778 c expects j1.7 of a
             6780 a>c gone j1.7
             6780 a j1 waits
             6781 c stops j1.7
            10780 a>c offer j1.8
            10781 c>a bid j1.8 start 0 end 1100
            10782 a>c bind j1.8
            10782 a dispatches j1.8 to c
            10782 a j1 bound to c
            10783 c expects j1.8 of a
            10785 a>c gone j1.8
            10785 a j1 waits
            10786 c stops j1.8
            12500   c: Stale; not asked
            12500   a: ModelAbsent; not asked
            12500   epoch 1 on b: BestBid
            12500   epoch 2 on c: BestBid
            12500   epoch 3 on b: BestBid
            12500   epoch 4 on c: BestBid
            12500   epoch 5 on c: BestBid
            12500   epoch 6 on c: BestBid
            12500   epoch 7 on c: BestBid
            12500   epoch 8 on c: BestBid
            12500 busy: ["a"]
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
                0 a j1 waits
                0 a>b offer j1.1
                1 b>a bid j1.1 start 0 end 1100
                2 a>b bind j1.1
                2 a dispatches j1.1 to b
                2 a j1 bound to b
                3 b expects j1.1 of a
                5 a>b gone j1.1
                5 a j1 waits
                6 b stops j1.1
              255 a>b offer j1.2
              256 b>a bid j1.2 start 0 end 1100
              257 a>b bind j1.2
              257 a dispatches j1.2 to b
              257 a j1 bound to b
              258 b expects j1.2 of a
              260 a>b gone j1.2
              260 a j1 waits
              261 b stops j1.2
              500 b dies
             1760 a j1 failed: no_candidate
             3500   a: ModelAbsent; not asked
             3500   epoch 1 on b: BestBid
             3500   epoch 2 on b: BestBid
             3500 all idle
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
                0 a j1 waits
                0 a>b offer j1.1
                0 a j2 waits
                0 a>b offer j2.1
                1 b>a bid j1.1 start 0 end 1100
                1 b>a bid j2.1 start 1100 end 2200
                2 a>b bind j1.1
                2 a dispatches j1.1 to b
                2 a j1 bound to b
                2 a dies
                3 b>a unbound j1.1 Stale
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
                0 a j1 waits
                0 a>b offer j1.1
                0 a>c offer j1.1
                1 b>a bid j1.1 start 0 end 434
                1 c>a bid j1.1 start 0 end 1100
                2 a>b bind j1.1
                2 a dispatches j1.1 to b
                2 a j1 bound to b
                2 a>c gone j1.1
                3 b expects j1.1 of a
                5 a>b gone j1.1
                5 a j1 waits
                5 a>c offer j1.2
                6 b stops j1.1
                6 c>a bid j1.2 start 0 end 1100
                7 a>c bind j1.2
                7 a dispatches j1.2 to c
                7 a j1 bound to c
                8 c expects j1.2 of a
               10 a>c gone j1.2
               10 a j1 waits
               11 c stops j1.2
              255 a>b offer j1.3
              256 b>a bid j1.3 start 0 end 434
              257 a>b bind j1.3
              257 a dispatches j1.3 to b
              257 a j1 bound to b
              258 b expects j1.3 of a
              260 a>b gone j1.3
              260 a j1 waits
              260 a>c offer j1.4
              261 b stops j1.3
              261 c>a bid j1.4 start 0 end 1100
              262 a>c bind j1.4
              262 a dispatches j1.4 to c
              262 a j1 bound to c
              263 c expects j1.4 of a
              265 a>c gone j1.4
              265 a j1 waits
              266 c stops j1.4
              760 a>b offer j1.5
              761 b>a bid j1.5 start 0 end 434
              762 a>b bind j1.5
              762 a dispatches j1.5 to b
              762 a j1 bound to b
              763 b expects j1.5 of a
              765 a>b gone j1.5
              765 a j1 waits
              765 a>c offer j1.6
              766 b stops j1.5
              766 c>a bid j1.6 start 0 end 1100
              767 a>c bind j1.6
              767 a dispatches j1.6 to c
              767 a j1 bound to c
              768 c expects j1.6 of a
              770 a>c gone j1.6
              770 a j1 waits
              771 c stops j1.6
             1765 a>b offer j1.7
             1766 b>a bid j1.7 start 0 end 434
             1767 a>b bind j1.7
             1767 a dispatches j1.7 to b
             1767 a j1 bound to b
             1768 b expects j1.7 of a
             1770 a>b gone j1.7
             1770 a j1 waits
             1770 a>c offer j1.8
             1771 b stops j1.7
             1771 c>a bid j1.8 start 0 end 1100
             1772 a>c bind j1.8
             1772 a dispatches j1.8 to c
             1772 a j1 bound to c
             1773 c expects j1.8 of a
             1775 a>c gone j1.8
             1775 a j1 waits
             1776 c stops j1.8
             3050   b: Stale; not asked
             3050   a: ModelAbsent; not asked
             3050   c: Stale; not asked
             3050   epoch 1 on b: BestBid
             3050   epoch 2 on c: BestBid
             3050   epoch 3 on b: BestBid
             3050   epoch 4 on c: BestBid
             3050   epoch 5 on b: BestBid
             3050   epoch 6 on c: BestBid
             3050   epoch 7 on b: BestBid
             3050   epoch 8 on c: BestBid
             3050 busy: ["a"]
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
                0 a j1 waits
                0 a>b offer j1.1
                1 b>a bid j1.1 start 0 end 1100
                2 a>b bind j1.1
                2 a dispatches j1.1 to b
                2 a j1 bound to b
                3 b expects j1.1 of a
                5 a>b gone j1.1
                5 a j1 waits
                6 b stops j1.1
              255 a>b offer j1.2
              256 b>a bid j1.2 start 0 end 1100
              257 a>b bind j1.2
              257 a dispatches j1.2 to b
              257 a j1 bound to b
              258 b expects j1.2 of a
              260 a>b gone j1.2
              260 a j1 waits
              261 b stops j1.2
              760 a>b offer j1.3
              761 b>a bid j1.3 start 0 end 1100
              762 a>b bind j1.3
              762 a dispatches j1.3 to b
              762 a j1 bound to b
              763 b expects j1.3 of a
              765 a>b gone j1.3
              765 a j1 waits
              766 b stops j1.3
             1765 a>b offer j1.4
             1766 b>a bid j1.4 start 0 end 1100
             1767 a>b bind j1.4
             1767 a dispatches j1.4 to b
             1767 a j1 bound to b
             1768 b expects j1.4 of a
             1770 a>b gone j1.4
             1770 a j1 waits
             1771 b stops j1.4
             3770 a>b offer j1.5
             3771 b>a bid j1.5 start 0 end 1100
             3772 a>b bind j1.5
             3772 a dispatches j1.5 to b
             3772 a j1 bound to b
             3773 b expects j1.5 of a
             3775 a>b gone j1.5
             3775 a j1 waits
             3776 b stops j1.5
             7775 a>b offer j1.6
             7776 b>a bid j1.6 start 0 end 1100
             7777 a>b bind j1.6
             7777 a dispatches j1.6 to b
             7777 a j1 bound to b
             7778 b expects j1.6 of a
             7780 a>b gone j1.6
             7780 a j1 waits
             7781 b stops j1.6
            10050   b: Stale; not asked
            10050   a: ModelAbsent; not asked
            10050   epoch 1 on b: BestBid
            10050   epoch 2 on b: BestBid
            10050   epoch 3 on b: BestBid
            10050   epoch 4 on b: BestBid
            10050   epoch 5 on b: BestBid
            10050   epoch 6 on b: BestBid
            10050 busy: ["a"]
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
                0 a j1 waits
                0 a>b offer j1.1
                0 a>c offer j1.1
                1 b>a bid j1.1 start 0 end 434
                1 c>a bid j1.1 start 0 end 1100
                2 a>b bind j1.1
                2 a dispatches j1.1 to b
                2 a j1 bound to b
                2 a>c gone j1.1
                3 b expects j1.1 of a
                5 a>b gone j1.1
                5 a j1 waits
                5 a>c offer j1.2
                6 b stops j1.1
                6 c>a bid j1.2 start 0 end 1100
                7 a>c bind j1.2
                7 a dispatches j1.2 to c
                7 a j1 bound to c
                8 c expects j1.2 of a
               10 a>c gone j1.2
               10 a j1 waits
               11 c stops j1.2
              100 b>a claim j1.1
              100 a>b gone j1.1
              100 b>a bid j1.1 start 0 end 1
              100 a>b gone j1.1
              105 a>c bind j1.1
              105 c>a unbound j1.1 Stale
              105 a>c gone j1.1
              105 a>c offer j1.1
              105 c>a refuse j1.1 Stale
              255 a>b offer j1.3
              256 b>a bid j1.3 start 0 end 434
              257 a>b bind j1.3
              257 a dispatches j1.3 to b
              257 a j1 bound to b
              258 b expects j1.3 of a
              260 a>b gone j1.3
              260 a j1 waits
              260 a>c offer j1.4
              261 b stops j1.3
              261 c>a bid j1.4 start 0 end 1100
              262 a>c bind j1.4
              262 a dispatches j1.4 to c
              262 a j1 bound to c
              263 c expects j1.4 of a
              265 a>c gone j1.4
              265 a j1 waits
              266 c stops j1.4
              760 a>b offer j1.5
              761 b>a bid j1.5 start 0 end 434
              762 a>b bind j1.5
              762 a dispatches j1.5 to b
              762 a j1 bound to b
              763 b expects j1.5 of a
              765 a>b gone j1.5
              765 a j1 waits
              765 a>c offer j1.6
              766 b stops j1.5
              766 c>a bid j1.6 start 0 end 1100
              767 a>c bind j1.6
              767 a dispatches j1.6 to c
              767 a j1 bound to c
              768 c expects j1.6 of a
              770 a>c gone j1.6
              770 a j1 waits
              771 c stops j1.6
             1765 a>b offer j1.7
             1766 b>a bid j1.7 start 0 end 434
             1767 a>b bind j1.7
             1767 a dispatches j1.7 to b
             1767 a j1 bound to b
             1768 b expects j1.7 of a
             1770 a>b gone j1.7
             1770 a j1 waits
             1770 a>c offer j1.8
             1771 b stops j1.7
             1771 c>a bid j1.8 start 0 end 1100
             1772 a>c bind j1.8
             1772 a dispatches j1.8 to c
             1772 a j1 bound to c
             1773 c expects j1.8 of a
             1775 a>c gone j1.8
             1775 a j1 waits
             1776 c stops j1.8
             3770 a>b offer j1.9
             3771 b>a bid j1.9 start 0 end 434
             3772 a>b bind j1.9
             3772 a dispatches j1.9 to b
             3772 a j1 bound to b
             3773 b expects j1.9 of a
             3775 a>b gone j1.9
             3775 a j1 waits
             3775 a>c offer j1.10
             3776 b stops j1.9
             3776 c>a bid j1.10 start 0 end 1100
             3777 a>c bind j1.10
             3777 a dispatches j1.10 to c
             3777 a j1 bound to c
             3778 c expects j1.10 of a
             3780 a>c gone j1.10
             3780 a j1 waits
             3781 c stops j1.10
             7775 a>b offer j1.11
             7776 b>a bid j1.11 start 0 end 434
             7777 a>b bind j1.11
             7777 a dispatches j1.11 to b
             7777 a j1 bound to b
             7778 b expects j1.11 of a
             7780 a>b gone j1.11
             7780 a j1 waits
             7780 a>c offer j1.12
             7781 b stops j1.11
             7781 c>a bid j1.12 start 0 end 1100
             7782 a>c bind j1.12
             7782 a dispatches j1.12 to c
             7782 a j1 bound to c
             7783 c expects j1.12 of a
             7785 a>c gone j1.12
             7785 a j1 waits
             7786 c stops j1.12
            11780 a>b offer j1.13
            11781 b>a bid j1.13 start 0 end 434
            11782 a>b bind j1.13
            11782 a dispatches j1.13 to b
            11782 a j1 bound to b
            11783 b expects j1.13 of a
            11785 a>b gone j1.13
            11785 a j1 waits
            11785 a>c offer j1.14
            11786 b stops j1.13
            11786 c>a bid j1.14 start 0 end 1100
            11787 a>c bind j1.14
            11787 a dispatches j1.14 to c
            11787 a j1 bound to c
            11788 c expects j1.14 of a
            11790 a>c gone j1.14
            11790 a j1 waits
            11791 c stops j1.14
            12105 a>c bind j1.2
            12105 c>a unbound j1.2 Stale
            12110 busy: ["a"]
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
                0 a j1 waits
                0 a>b offer j1.1
                1 b>a bid j1.1 start 0 end 1100
                2 a>b bind j1.1
                2 a dispatches j1.1 to b
                2 a j1 bound to b
                3 b expects j1.1 of a
                5 a>b gone j1.1
                5 a j1 waits
                6 b stops j1.1
               50 b>a bid j1.1 start 0 end 1
               50 a>b gone j1.1
               50 b>a claim j1.1
               50 a>b gone j1.1
               50 a>b offer j1.1
               50 b>a refuse j1.1 Stale
               50 a>b bind j1.1
              255 a>b offer j1.2
              256 b>a bid j1.2 start 0 end 1100
              257 a>b bind j1.2
              257 a dispatches j1.2 to b
              257 a j1 bound to b
              258 b expects j1.2 of a
              260 a>b gone j1.2
              260 a j1 waits
              261 b stops j1.2
              760 a>b offer j1.3
              761 b>a bid j1.3 start 0 end 1100
              762 a>b bind j1.3
              762 a dispatches j1.3 to b
              762 a j1 bound to b
              763 b expects j1.3 of a
              765 a>b gone j1.3
              765 a j1 waits
              766 b stops j1.3
             1765 a>b offer j1.4
             1766 b>a bid j1.4 start 0 end 1100
             1767 a>b bind j1.4
             1767 a dispatches j1.4 to b
             1767 a j1 bound to b
             1768 b expects j1.4 of a
             1770 a>b gone j1.4
             1770 a j1 waits
             1771 b stops j1.4
             3050 busy: ["a"]
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
                0 a j1 waits
                0 a>b offer j1.1
                1 b>a bid j1.1 start 0 end 4100
                2 a>b bind j1.1
                2 a dispatches j1.1 to b
                2 a j1 bound to b
                3 b expects j1.1 of a
                3 b unloads m
                5 a>b gone j1.1
                5 a j1 waits
                6 b stops j1.1
              255 a>b offer j1.2
              256 b>a bid j1.2 start 0 end 4100
              257 a>b bind j1.2
              257 a dispatches j1.2 to b
              257 a j1 bound to b
              258 b expects j1.2 of a
              258 b loads n
              260 a>b gone j1.2
              260 a j1 waits
              261 b stops j1.2
              760 a>b offer j1.3
              761 b>a bid j1.3 start 0 end 3599
              762 a>b bind j1.3
              762 a dispatches j1.3 to b
              762 a j1 bound to b
              763 b expects j1.3 of a
              765 a>b gone j1.3
              765 a j1 waits
              766 b stops j1.3
             1765 a>b offer j1.4
             1766 b>a bid j1.4 start 0 end 2594
             1767 a>b bind j1.4
             1767 a dispatches j1.4 to b
             1767 a j1 bound to b
             1768 b expects j1.4 of a
             1770 a>b gone j1.4
             1770 a j1 waits
             1771 b stops j1.4
             3770 a>b offer j1.5
             3771 b>a bid j1.5 start 0 end 1100
             3772 a>b bind j1.5
             3772 a dispatches j1.5 to b
             3772 a j1 bound to b
             3773 b expects j1.5 of a
             3775 a>b gone j1.5
             3775 a j1 waits
             3776 b stops j1.5
             6000 a j2 waits
             6000 a>b offer j2.1
             6000 a j3 waits
             6000 a>b offer j3.1
             6001 b>a bid j2.1 start 0 end 4100
             6001 b>a bid j3.1 start 1100 end 5750
             6002 a>b bind j2.1
             6002 a dispatches j2.1 to b
             6002 a j2 bound to b
             6003 b expects j2.1 of a
             6003 b unloads n
             6005 a>b gone j2.1
             6005 a j2 waits
             6006 b stops j2.1
             6006 b>a claim j3.1
             6007 a>b bind j3.1
             6007 a dispatches j3.1 to b
             6007 a j3 bound to b
             6008 b expects j3.1 of a
             6010 a>b gone j3.1
             6010 a j3 waits
             6011 b stops j3.1
             6255 a>b offer j2.2
             6256 b>a bid j2.2 start 0 end 4100
             6257 a>b bind j2.2
             6257 a dispatches j2.2 to b
             6257 a j2 bound to b
             6258 b expects j2.2 of a
             6258 b loads m
             6260 a>b gone j2.2
             6260 a j2 waits
             6260 a>b offer j3.2
             6261 b stops j2.2
             6261 b>a bid j3.2 start 1 end 4101
             6760 a>b offer j2.3
             6761 b>a bid j2.3 start 0 end 3599
             6762 a>b bind j2.3
             6762 a dispatches j2.3 to b
             6762 a j2 bound to b
             6763 b expects j2.3 of a
             6765 a>b gone j2.3
             6765 a j2 waits
             6766 b stops j2.3
             7765 a>b offer j2.4
             7766 b>a bid j2.4 start 0 end 2594
             7767 a>b bind j2.4
             7767 a dispatches j2.4 to b
             7767 a j2 bound to b
             7768 b expects j2.4 of a
             7770 a>b gone j2.4
             7770 a j2 waits
             7771 b stops j2.4
             7775 a>b offer j1.6
             7776 b>a bid j1.6 start 550 end 4650
             8262 a>b offer j3.2
             8263 b>a bid j3.2 start 1 end 4101
             9258 b>a claim j3.2
             9258 b>a claim j1.6
             9259 a>b bind j3.2
             9259 a dispatches j3.2 to b
             9259 a j3 bound to b
             9259 a>b bind j1.6
             9259 a dispatches j1.6 to b
             9259 a j1 bound to b
             9260 b expects j3.2 of a
             9260 b unloads m
             9260 b expects j1.6 of a
             9262 a>b gone j3.2
             9262 a j3 waits
             9262 a>b gone j1.6
             9262 a j1 waits
             9263 b stops j3.2
             9263 b stops j1.6
             9762 a>b offer j3.3
             9763 b>a bid j3.3 start 0 end 4100
             9764 a>b bind j3.3
             9764 a dispatches j3.3 to b
             9764 a j3 bound to b
             9765 b expects j3.3 of a
             9765 b loads n
             9767 a>b gone j3.3
             9767 a j3 waits
             9768 b stops j3.3
             9770 a>b offer j2.5
             9771 b>a bid j2.5 start 1 end 4101
            10767 a>b offer j3.4
            10768 b>a bid j3.4 start 0 end 3098
            10769 a>b bind j3.4
            10769 a dispatches j3.4 to b
            10769 a j3 bound to b
            10770 b expects j3.4 of a
            10772 a>b gone j3.4
            10772 a j3 waits
            10773 b stops j3.4
            11772 a>b offer j2.5
            11773 b>a bid j2.5 start 1 end 4101
            12765 b>a claim j2.5
            12766 a>b bind j2.5
            12766 a dispatches j2.5 to b
            12766 a j2 bound to b
            12767 b expects j2.5 of a
            12767 b unloads n
            12769 a>b gone j2.5
            12769 a j2 waits
            12770 b stops j2.5
            12772 a>b offer j3.5
            12773 b>a bid j3.5 start 0 end 4100
            12774 a>b bind j3.5
            12774 a dispatches j3.5 to b
            12774 a j3 bound to b
            12775 b expects j3.5 of a
            12777 b loads n
            12777 a>b gone j3.5
            12777 a j3 waits
            12778 b stops j3.5
            13262 a>b offer j1.7
            13263 b>a bid j1.7 start 0 end 3614
            13264 a>b bind j1.7
            13264 a dispatches j1.7 to b
            13264 a j1 bound to b
            13265 b expects j1.7 of a
            13267 a>b gone j1.7
            13267 a j1 waits
            13268 b stops j1.7
            16769 a>b offer j2.6
            16770 b>a bid j2.6 start 0 end 4100
            16771 a>b bind j2.6
            16771 a dispatches j2.6 to b
            16771 a j2 bound to b
            16772 b expects j2.6 of a
            16772 b unloads n
            16774 a>b gone j2.6
            16774 a j2 waits
            16775 b stops j2.6
            16777 a>b offer j3.6
            16778 b>a bid j3.6 start 0 end 4100
            16779 a>b bind j3.6
            16779 a dispatches j3.6 to b
            16779 a j3 bound to b
            16780 b expects j3.6 of a
            16782 b loads n
            16782 a>b gone j3.6
            16782 a j3 waits
            16783 b stops j3.6
            17267 a>b offer j1.8
            17268 b>a bid j1.8 start 0 end 3614
            17269 a>b bind j1.8
            17269 a dispatches j1.8 to b
            17269 a j1 bound to b
            17270 b expects j1.8 of a
            17272 a>b gone j1.8
            17272 a j1 waits
            17273 b stops j1.8
            18000 busy: ["a"]
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
                0 a j1 waits
                0 a>b offer j1.1
                0 a j2 waits
                0 a>b offer j2.1
                1 b>a bid j1.1 start 0 end 4100
                1 b>a bid j2.1 start 1100 end 5750
                2 a>b bind j1.1
                2 a dispatches j1.1 to b
                2 a j1 bound to b
                3 b expects j1.1 of a
                3 b loads m
                5 a>b gone j1.1
                5 a j1 waits
                6 b stops j1.1
              255 a>b offer j1.2
              256 b>a bid j1.2 start 0 end 3848
              257 a>b bind j1.2
              257 a dispatches j1.2 to b
              257 a j1 bound to b
              258 b expects j1.2 of a
              260 a>b gone j1.2
              260 a j1 waits
              261 b stops j1.2
              760 a>b offer j1.3
              761 b>a bid j1.3 start 0 end 3344
              762 a>b bind j1.3
              762 a dispatches j1.3 to b
              762 a j1 bound to b
              763 b expects j1.3 of a
              765 a>b gone j1.3
              765 a j1 waits
              766 b stops j1.3
             1765 a>b offer j1.4
             1766 b>a bid j1.4 start 0 end 2339
             1767 a>b bind j1.4
             1767 a dispatches j1.4 to b
             1767 a j1 bound to b
             1768 b expects j1.4 of a
             1770 a>b gone j1.4
             1770 a j1 waits
             1771 b stops j1.4
             2002 a>b offer j2.1
             2003 b>a bid j2.1 start 1 end 4101
             3003 b>a claim j2.1
             3004 a>b bind j2.1
             3004 a dispatches j2.1 to b
             3004 a j2 bound to b
             3005 b expects j2.1 of a
             3005 b unloads m
             3007 a>b gone j2.1
             3007 a j2 waits
             3008 b stops j2.1
             3257 a>b offer j2.2
             3258 b>a bid j2.2 start 0 end 4100
             3259 a>b bind j2.2
             3259 a dispatches j2.2 to b
             3259 a j2 bound to b
             3260 b expects j2.2 of a
             3260 b loads n
             3262 a>b gone j2.2
             3262 a j2 waits
             3263 b stops j2.2
             3762 a>b offer j2.3
             3763 b>a bid j2.3 start 0 end 3599
             3764 a>b bind j2.3
             3764 a dispatches j2.3 to b
             3764 a j2 bound to b
             3765 b expects j2.3 of a
             3767 a>b gone j2.3
             3767 a j2 waits
             3768 b stops j2.3
             3770 a>b offer j1.5
             3771 b>a bid j1.5 start 1 end 4101
             4767 a>b offer j2.4
             4768 b>a bid j2.4 start 0 end 2594
             4769 a>b bind j2.4
             4769 a dispatches j2.4 to b
             4769 a j2 bound to b
             4770 b expects j2.4 of a
             4772 a>b gone j2.4
             4772 a j2 waits
             4773 b stops j2.4
             5772 a>b offer j1.5
             5773 b>a bid j1.5 start 1 end 4101
             6260 b>a claim j1.5
             6261 a>b bind j1.5
             6261 a dispatches j1.5 to b
             6261 a j1 bound to b
             6262 b expects j1.5 of a
             6262 b unloads n
             6264 a>b gone j1.5
             6264 a j1 waits
             6265 b stops j1.5
             6772 a>b offer j2.5
             6773 b>a bid j2.5 start 0 end 4100
             6774 a>b bind j2.5
             6774 a dispatches j2.5 to b
             6774 a j2 bound to b
             6775 b expects j2.5 of a
             6775 b loads n
             6777 a>b gone j2.5
             6777 a j2 waits
             6778 b stops j2.5
            10264 a>b offer j1.6
            10265 b>a bid j1.6 start 0 end 4100
            10266 a>b bind j1.6
            10266 a dispatches j1.6 to b
            10266 a j1 bound to b
            10267 b expects j1.6 of a
            10267 b unloads n
            10269 a>b gone j1.6
            10269 a j1 waits
            10270 b stops j1.6
            10777 a>b offer j2.6
            10778 b>a bid j2.6 start 0 end 4100
            10779 a>b bind j2.6
            10779 a dispatches j2.6 to b
            10779 a j2 bound to b
            10780 b expects j2.6 of a
            10780 b loads n
            10782 a>b gone j2.6
            10782 a j2 waits
            10783 b stops j2.6
            14269 a>b offer j1.7
            14270 b>a bid j1.7 start 0 end 4100
            14271 a>b bind j1.7
            14271 a dispatches j1.7 to b
            14271 a j1 bound to b
            14272 b expects j1.7 of a
            14272 b unloads n
            14274 a>b gone j1.7
            14274 a j1 waits
            14275 b stops j1.7
            14782 a>b offer j2.7
            14783 b>a bid j2.7 start 0 end 4100
            14784 a>b bind j2.7
            14784 a dispatches j2.7 to b
            14784 a j2 bound to b
            14785 b expects j2.7 of a
            14785 b loads n
            14787 a>b gone j2.7
            14787 a j2 waits
            14788 b stops j2.7
            18274 a>b offer j1.8
            18275 b>a bid j1.8 start 0 end 4100
            18276 a>b bind j1.8
            18276 a dispatches j1.8 to b
            18276 a j1 bound to b
            18277 b expects j1.8 of a
            18277 b unloads n
            18279 a>b gone j1.8
            18279 a j1 waits
            18280 b stops j1.8
            18787 a>b offer j2.8
            18788 b>a bid j2.8 start 0 end 4100
            18789 a>b bind j2.8
            18789 a dispatches j2.8 to b
            18789 a j2 bound to b
            18790 b expects j2.8 of a
            18790 b loads n
            18792 a>b gone j2.8
            18792 a j2 waits
            18793 b stops j2.8
            20000 busy: ["a"]
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
                0 a j1 waits
                0 a>b offer j1.1
                0 a j2 waits
                0 a>b offer j2.1
                0 a j3 waits
                0 a>b offer j3.1
                1 b>a bid j1.1 start 0 end 4100
                1 b>a bid j2.1 start 1100 end 5200
                1 b>a bid j3.1 start 2200 end 6300
                2 a>b bind j1.1
                2 a dispatches j1.1 to b
                2 a j1 bound to b
                3 b expects j1.1 of a
                3 b loads m
                5 a>b gone j1.1
                5 a j1 waits
                6 b stops j1.1
                6 b>a claim j2.1
                7 a>b bind j2.1
                7 a dispatches j2.1 to b
                7 a j2 bound to b
                8 b expects j2.1 of a
               10 a>b gone j2.1
               10 a j2 waits
               11 b stops j2.1
               11 b>a claim j3.1
               12 a>b bind j3.1
               12 a dispatches j3.1 to b
               12 a j3 bound to b
               13 b expects j3.1 of a
               15 a>b gone j3.1
               15 a j3 waits
               16 b stops j3.1
              255 a>b offer j1.2
              256 b>a bid j1.2 start 0 end 3848
              257 a>b bind j1.2
              257 a dispatches j1.2 to b
              257 a j1 bound to b
              258 b expects j1.2 of a
              260 a>b gone j1.2
              260 a j1 waits
              260 a>b offer j2.2
              261 b stops j1.2
              261 b>a bid j2.2 start 0 end 3842
              262 a>b bind j2.2
              262 a dispatches j2.2 to b
              262 a j2 bound to b
              263 b expects j2.2 of a
              265 a>b gone j2.2
              265 a j2 waits
              265 a>b offer j3.2
              266 b stops j2.2
              266 b>a bid j3.2 start 0 end 3839
              267 a>b bind j3.2
              267 a dispatches j3.2 to b
              267 a j3 bound to b
              268 b expects j3.2 of a
              270 a>b gone j3.2
              270 a j3 waits
              271 b stops j3.2
              760 a>b offer j1.3
              761 b>a bid j1.3 start 0 end 3344
              762 a>b bind j1.3
              762 a dispatches j1.3 to b
              762 a j1 bound to b
              763 b expects j1.3 of a
              765 a>b gone j1.3
              765 a j1 waits
              765 a>b offer j2.3
              766 b stops j1.3
              766 b>a bid j2.3 start 0 end 3338
              767 a>b bind j2.3
              767 a dispatches j2.3 to b
              767 a j2 bound to b
              768 b expects j2.3 of a
              770 a>b gone j2.3
              770 a j2 waits
              770 a>b offer j3.3
              771 b stops j2.3
              771 b>a bid j3.3 start 0 end 3332
              772 a>b bind j3.3
              772 a dispatches j3.3 to b
              772 a j3 bound to b
              773 b expects j3.3 of a
              775 a>b gone j3.3
              775 a j3 waits
              776 b stops j3.3
             1765 a>b offer j1.4
             1766 b>a bid j1.4 start 0 end 2339
             1767 a>b bind j1.4
             1767 a dispatches j1.4 to b
             1767 a j1 bound to b
             1768 b expects j1.4 of a
             1770 a>b gone j1.4
             1770 a j1 waits
             1770 a>b offer j2.4
             1771 b stops j1.4
             1771 b>a bid j2.4 start 0 end 2333
             1772 a>b bind j2.4
             1772 a dispatches j2.4 to b
             1772 a j2 bound to b
             1773 b expects j2.4 of a
             1775 a>b gone j2.4
             1775 a j2 waits
             1775 a>b offer j3.4
             1776 b stops j2.4
             1776 b>a bid j3.4 start 0 end 2327
             1777 a>b bind j3.4
             1777 a dispatches j3.4 to b
             1777 a j3 bound to b
             1778 b expects j3.4 of a
             1780 a>b gone j3.4
             1780 a j3 waits
             1781 b stops j3.4
             3770 a>b offer j1.5
             3771 b>a refuse j1.5 ModelAbsent
             3772 a j1 failed: no_candidate
             3775 a>b offer j2.5
             3776 b>a refuse j2.5 ModelAbsent
             3777 a j2 failed: no_candidate
             3780 a>b offer j3.5
             3781 b>a refuse j3.5 ModelAbsent
             3782 a j3 failed: no_candidate
            20000   b: ModelAbsent; not asked
            20000   a: ModelAbsent; not asked
            20000   epoch 1 on b: FirstClaim
            20000   epoch 2 on b: BestBid
            20000   epoch 3 on b: BestBid
            20000   epoch 4 on b: BestBid
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
                0 b j1 waits
                0 b dispatches j1.1 to b
                0 b j1 bound to b
                0 b runs j1.1
                0 b j1 running on b
               10 a j2 waits
               10 a>b offer j2.1
               11 b>a bid j2.1 start 1089 end 2189
             2010 a>b gone j2.1
             2010 a j2 failed: queue_timeout
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
                0 a j1 waits
                0 a dispatches j1.1 to a
                0 a j1 bound to a
                0 a runs j1.1
                0 a j2 waits
                0 a j3 waits
                0 a j4 waits
                0 a j5 waits
                0 a j1 running on a
             1100 a dispatches j5.1 to a
             1100 a j5 bound to a
             1100 a runs j5.1
             1100 a j1 completed on a
             1100 a j5 running on a
             2200 a dispatches j3.1 to a
             2200 a j3 bound to a
             2200 a runs j3.1
             2200 a j5 completed on a
             2200 a j3 running on a
             3300 a dispatches j4.1 to a
             3300 a j4 bound to a
             3300 a runs j4.1
             3300 a j3 completed on a
             3300 a j4 running on a
             4400 a dispatches j2.1 to a
             4400 a j2 bound to a
             4400 a runs j2.1
             4400 a j4 completed on a
             4400 a j2 running on a
             5500 a j2 completed on a
             8000 all idle
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
                0 b j1 waits
                0 b>a offer j1.1
                1 a>b bid j1.1 start 0 end 1100
                2 b>a bind j1.1
                2 b dispatches j1.1 to a
                2 b j1 bound to a
                3 a expects j1.1 of b
                5 b>a gone j1.1
                5 b j1 waits
                6 a stops j1.1
               10 b j2 waits
               10 b>a offer j2.1
               11 a>b bid j2.1 start 0 end 1100
               12 b>a bind j2.1
               12 b dispatches j2.1 to a
               12 b j2 bound to a
               13 a expects j2.1 of b
               15 b>a gone j2.1
               15 b j2 waits
               16 a stops j2.1
               20 a j3 waits
               20 a dispatches j3.1 to a
               20 a j3 bound to a
               20 a runs j3.1
               20 a j3 running on a
              255 b>a offer j1.2
              256 a>b bid j1.2 start 864 end 1964
              265 b>a offer j2.2
              266 a>b bid j2.2 start 1954 end 3054
             1120 a>b claim j1.2
             1120 a j3 completed on a
             1121 b>a bind j1.2
             1121 b dispatches j1.2 to a
             1121 b j1 bound to a
             1122 a expects j1.2 of b
             1124 b>a gone j1.2
             1124 b j1 waits
             1125 a stops j1.2
             1125 a>b claim j2.2
             1126 b>a bind j2.2
             1126 b dispatches j2.2 to a
             1126 b j2 bound to a
             1127 a expects j2.2 of b
             1129 b>a gone j2.2
             1129 b j2 waits
             1130 a stops j2.2
             1624 b>a offer j1.3
             1625 a>b bid j1.3 start 0 end 1100
             1626 b>a bind j1.3
             1626 b dispatches j1.3 to a
             1626 b j1 bound to a
             1627 a expects j1.3 of b
             1629 b>a gone j1.3
             1629 b j1 waits
             1629 b>a offer j2.3
             1630 a stops j1.3
             1630 a>b bid j2.3 start 0 end 1100
             1631 b>a bind j2.3
             1631 b dispatches j2.3 to a
             1631 b j2 bound to a
             1632 a expects j2.3 of b
             1634 b>a gone j2.3
             1634 b j2 waits
             1635 a stops j2.3
             2629 b>a offer j1.4
             2630 a>b bid j1.4 start 0 end 1100
             2631 b>a bind j1.4
             2631 b dispatches j1.4 to a
             2631 b j1 bound to a
             2632 a expects j1.4 of b
             2634 b>a gone j1.4
             2634 b j1 waits
             2634 b>a offer j2.4
             2635 a stops j1.4
             2635 a>b bid j2.4 start 0 end 1100
             2636 b>a bind j2.4
             2636 b dispatches j2.4 to a
             2636 b j2 bound to a
             2637 a expects j2.4 of b
             2639 b>a gone j2.4
             2639 b j2 waits
             2640 a stops j2.4
             4634 b>a offer j1.5
             4635 a>b bid j1.5 start 0 end 1100
             4636 b>a bind j1.5
             4636 b dispatches j1.5 to a
             4636 b j1 bound to a
             4637 a expects j1.5 of b
             4639 b>a gone j1.5
             4639 b j1 waits
             4639 b>a offer j2.5
             4640 a stops j1.5
             4640 a>b bid j2.5 start 0 end 1100
             4641 b>a bind j2.5
             4641 b dispatches j2.5 to a
             4641 b j2 bound to a
             4642 a expects j2.5 of b
             4644 b>a gone j2.5
             4644 b j2 waits
             4645 a stops j2.5
             5020 busy: ["b"]
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
                0 a j1 waits
                0 a dispatches j1.1 to a
                0 a j1 bound to a
                0 a runs j1.1
                0 a j1 running on a
               10 a j2 waits
              510 a j3 waits
              510 a dispatches j3.1 to a
              510 a j3 bound to a
              510 a runs j3.1
              510 a j3 running on a
             1310 a j4 waits
             2100 a j1 completed on a
             2610 a dispatches j2.1 to a
             2610 a j2 bound to a
             2610 a unloads m
             2610 a j3 completed on a
             2620 a loads n
             3120 a runs j2.1
             3120 a j2 running on a
             4220 a dispatches j4.1 to a
             4220 a j4 bound to a
             4220 a unloads n
             4220 a j2 completed on a
             4230 a loads m
             7230 a runs j4.1
             7230 a j4 running on a
             8330 a j4 completed on a
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
                0 a j1 waits
                0 a>b offer j1.1
                0 a>c offer j1.1
                1 b>a bid j1.1 start 0 end 434
                1 c>a bid j1.1 start 0 end 1100
                2 a>b bind j1.1
                2 a dispatches j1.1 to b
                2 a j1 bound to b
                2 a>c gone j1.1
                3 b expects j1.1 of a
                5 a>b gone j1.1
                5 a j1 waits
                5 a>c offer j1.2
                6 b stops j1.1
                6 c>a bid j1.2 start 0 end 1100
                7 a>c bind j1.2
                7 a dispatches j1.2 to c
                7 a j1 bound to c
                8 c expects j1.2 of a
               10 a>c gone j1.2
               10 a j1 waits
               11 c stops j1.2
              255 a>b offer j1.3
              256 b>a bid j1.3 start 0 end 434
              257 a>b bind j1.3
              257 a dispatches j1.3 to b
              257 a j1 bound to b
              258 b expects j1.3 of a
              260 a>b gone j1.3
              260 a j1 waits
              260 a>c offer j1.4
              261 b stops j1.3
              261 c>a bid j1.4 start 0 end 1100
              262 a>c bind j1.4
              262 a dispatches j1.4 to c
              262 a j1 bound to c
              263 c expects j1.4 of a
              265 a>c gone j1.4
              265 a j1 waits
              266 c stops j1.4
              500 c j2 waits
              500 c>b offer j2.1
              501 b>c bid j2.1 start 0 end 434
              502 c>b bind j2.1
              502 c dispatches j2.1 to b
              502 c j2 bound to b
              503 b expects j2.1 of c
              505 c>b gone j2.1
              505 c j2 waits
              506 b stops j2.1
              510 c is expelled
              520 b is expelled
              520 c j2 failed: no_candidate
             4765 a j1 failed: no_candidate
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
                0 a j1 waits
                0 a>b offer j1.1
                0 a>c offer j1.1
                1 b>a bid j1.1 start 0 end 434
                1 c>a bid j1.1 start 0 end 1100
                2 a>b bind j1.1
                2 a dispatches j1.1 to b
                2 a j1 bound to b
                2 a>c gone j1.1
                3 b expects j1.1 of a
                5 a>b gone j1.1
                5 a j1 waits
                5 a>c offer j1.2
                6 b stops j1.1
                6 c>a bid j1.2 start 0 end 1100
                7 a>c bind j1.2
                7 a dispatches j1.2 to c
                7 a j1 bound to c
                8 c expects j1.2 of a
               10 a>c gone j1.2
               10 a j1 waits
               11 c stops j1.2
              255 a>b offer j1.3
              256 b>a bid j1.3 start 0 end 434
              257 a>b bind j1.3
              257 a dispatches j1.3 to b
              257 a j1 bound to b
              258 b expects j1.3 of a
              260 a>b gone j1.3
              260 a j1 waits
              260 a>c offer j1.4
              261 b stops j1.3
              261 c>a bid j1.4 start 0 end 1100
              262 a>c bind j1.4
              262 a dispatches j1.4 to c
              262 a j1 bound to c
              263 c expects j1.4 of a
              265 a>c gone j1.4
              265 a j1 waits
              266 c stops j1.4
              500 a and b are cut
              765 a>c offer j1.5
              766 c>a bid j1.5 start 0 end 1100
              767 a>c bind j1.5
              767 a dispatches j1.5 to c
              767 a j1 bound to c
              768 c expects j1.5 of a
              770 a>c gone j1.5
              770 a j1 waits
              771 c stops j1.5
             2770 a>c offer j1.6
             2771 c>a bid j1.6 start 0 end 1100
             2772 a>c bind j1.6
             2772 a dispatches j1.6 to c
             2772 a j1 bound to c
             2773 c expects j1.6 of a
             2775 a>c gone j1.6
             2775 a j1 waits
             2776 c stops j1.6
             6775 a>c offer j1.7
             6776 c>a bid j1.7 start 0 end 1100
             6777 a>c bind j1.7
             6777 a dispatches j1.7 to c
             6777 a j1 bound to c
             6778 c expects j1.7 of a
             6780 a>c gone j1.7
             6780 a j1 waits
             6781 c stops j1.7
            10780 a>c offer j1.8
            10781 c>a bid j1.8 start 0 end 1100
            10782 a>c bind j1.8
            10782 a dispatches j1.8 to c
            10782 a j1 bound to c
            10783 c expects j1.8 of a
            10785 a>c gone j1.8
            10785 a j1 waits
            10786 c stops j1.8
            12500 busy: ["a"]
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
                0 a loads m
             4000 a j1 waits
             4000 a dispatches j1.1 to a
             4000 a j1 bound to a
             4000 a runs j1.1
             4000 a j1 running on a
             5100 a j1 completed on a
             6000 all idle
        "#]],
    );
}
