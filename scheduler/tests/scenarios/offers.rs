//! Offers, bids, claims and withdrawals, in order and not.

use expect_test::expect;

use super::check;

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
