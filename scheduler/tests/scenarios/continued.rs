//! Answers that have begun go on with the same file, or end.

use expect_test::expect;

use super::check;

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
fn an_answer_does_not_wait_for_who_belongs_no_more() {
    check(
        "
        node a
        node b
        model b m loaded
        start
        submit a j1 m
        run 50
        begun a j1 patience=2000
        expel b
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
            50    b is expelled
            50    a cancels j1.1 at b
            50    a j1 waits
            50    a j1 failed: not_continued
            1104  b>a idle
            6050  all idle
        "#]],
    );
}
