//! Who waits behind whom: persons, priorities, the desk, a node that drains.

use expect_test::expect;

use super::check;

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
