//! Models that are loaded, evicted, and cannot be.

use expect_test::expect;

use super::check;

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
