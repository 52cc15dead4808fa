//! Engines that die under their jobs, and jobs that kill engines.

use expect_test::expect;

use super::check;

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
