//! Cancelled jobs, nodes that die, and words of bindings that do not stand any more.

use expect_test::expect;

use super::check;

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
