//! A late first token: the second try, and that only one of both ever counts.

use expect_test::{Expect, expect};

use super::check;

/// Two nodes that are alike, and a third that hands in a job.
const OFFICE: &str = "
    config hedge_permille=20
    node a
    node b
    node c
    model b m loaded
    model c m loaded
    start
    submit a j1 m
";

/// What happens from there on.
fn check_late(more: &str, expected: Expect) {
    check(&format!("{OFFICE}{more}"), expected);
}

#[test]
fn a_late_first_token_is_hedged_and_the_first_to_write_goes_on() {
    check_late(
        "
        run 700
        begun a j1h patience=1000
        run 5000
        why a j1
        idle
        ",
        expect![[r#"
            0     a j1 waits
            0     a>b offer j1.1
            0     a>c offer j1.1
            1     b>a bid j1.1 start 0 end 1100
            1     c>a bid j1.1 start 0 end 1100
            2     a>c gone j1.1
            2     a>b bind j1.1
            2     a dispatches j1.1 to b
            2     a j1 bound to b
            3     b expects j1.1 of a
            4     b runs j1.1
            5     a j1 running on b
            502   a hedges j1
            502   a>c offer j1h.258
            503   c>a bid j1h.258 start 0 end 1100
            504   a>c bind j1h.258
            504   a dispatches j1h.258 to c
            505   c expects j1h.258 of a
            506   c runs j1h.258
            700   a cancels j1.1 at b
            700   a>b gone j1.1
            700   a j1 running on c
            701   b stops j1.1
            701   b>a idle
            1606  c>a idle
            1607  a j1 completed on c
            5700    b: wait 0 load 0 prefill 100 cached 0 decode 1000 network 4 penalty 0 = 1104; bid 1100
            5700    c: wait 0 load 0 prefill 100 cached 0 decode 1000 network 4 penalty 0 = 1104; bid 1100
            5700    a: ModelAbsent; not asked
            5700    epoch 1 on b: BestBid
            5700    epoch 258 on c: Hedge
            5700  all idle
        "#]],
    );
}

#[test]
fn the_first_try_may_still_win() {
    check_late(
        "
        run 700
        begun a j1 patience=1000
        run 5000
        why a j1
        idle
        ",
        expect![[r#"
            0     a j1 waits
            0     a>b offer j1.1
            0     a>c offer j1.1
            1     b>a bid j1.1 start 0 end 1100
            1     c>a bid j1.1 start 0 end 1100
            2     a>c gone j1.1
            2     a>b bind j1.1
            2     a dispatches j1.1 to b
            2     a j1 bound to b
            3     b expects j1.1 of a
            4     b runs j1.1
            5     a j1 running on b
            502   a hedges j1
            502   a>c offer j1h.258
            503   c>a bid j1h.258 start 0 end 1100
            504   a>c bind j1h.258
            504   a dispatches j1h.258 to c
            505   c expects j1h.258 of a
            506   c runs j1h.258
            700   a cancels j1h.258 at c
            700   a>c gone j1h.258
            701   c stops j1h.258
            701   c>a idle
            1104  b>a idle
            1105  a j1 completed on b
            5700    b: wait 0 load 0 prefill 100 cached 0 decode 1000 network 4 penalty 0 = 1104; bid 1100
            5700    c: wait 0 load 0 prefill 100 cached 0 decode 1000 network 4 penalty 0 = 1104; bid 1100
            5700    a: ModelAbsent; not asked
            5700    epoch 258 on c: Hedge
            5700    epoch 1 on b: BestBid
            5700  all idle
        "#]],
    );
}

#[test]
fn work_without_tokens_counts_from_whichever_ends_first() {
    check_late(
        "
        run 5000
        idle
        ",
        expect![[r#"
            0     a j1 waits
            0     a>b offer j1.1
            0     a>c offer j1.1
            1     b>a bid j1.1 start 0 end 1100
            1     c>a bid j1.1 start 0 end 1100
            2     a>c gone j1.1
            2     a>b bind j1.1
            2     a dispatches j1.1 to b
            2     a j1 bound to b
            3     b expects j1.1 of a
            4     b runs j1.1
            5     a j1 running on b
            502   a hedges j1
            502   a>c offer j1h.258
            503   c>a bid j1h.258 start 0 end 1100
            504   a>c bind j1h.258
            504   a dispatches j1h.258 to c
            505   c expects j1h.258 of a
            506   c runs j1h.258
            1104  b>a idle
            1105  a cancels j1h.258 at c
            1105  a>c gone j1h.258
            1105  a j1 completed on b
            1106  c stops j1h.258
            1106  c>a idle
            5000  all idle
        "#]],
    );
}

#[test]
fn a_prompt_first_token_is_not_hedged() {
    check_late(
        "
        run 300
        begun a j1 patience=1000
        run 5000
        idle
        ",
        expect![[r#"
            0     a j1 waits
            0     a>b offer j1.1
            0     a>c offer j1.1
            1     b>a bid j1.1 start 0 end 1100
            1     c>a bid j1.1 start 0 end 1100
            2     a>c gone j1.1
            2     a>b bind j1.1
            2     a dispatches j1.1 to b
            2     a j1 bound to b
            3     b expects j1.1 of a
            4     b runs j1.1
            5     a j1 running on b
            1104  b>a idle
            1105  a j1 completed on b
            5300  all idle
        "#]],
    );
}

#[test]
fn nobody_else_means_no_hedge() {
    check(
        "
        config hedge_permille=20
        node a
        node b
        model b m loaded
        start
        submit a j1 m
        run 5000
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
            502   a hedges j1
            1104  b>a idle
            1105  a j1 completed on b
            5000  all idle
        "#]],
    );
}

#[test]
fn the_budget_bounds_hedges() {
    check_late(
        "
        submit a j2 m
        run 5000
        idle
        ",
        expect![[r#"
            0     a j1 waits
            0     a>b offer j1.1
            0     a>c offer j1.1
            0     a j2 waits
            0     a>c offer j2.1
            0     a>b offer j2.1
            1     b>a bid j1.1 start 0 end 1100
            1     c>a bid j1.1 start 0 end 1100
            1     c>a bid j2.1 start 1100 end 2200
            1     b>a bid j2.1 start 1100 end 2200
            2     a>c gone j1.1
            2     a>b bind j1.1
            2     a dispatches j1.1 to b
            2     a j1 bound to b
            3     c>a claim j2.1
            3     b expects j1.1 of a
            4     b runs j1.1
            4     a>b gone j2.1
            4     a>c bind j2.1
            4     a dispatches j2.1 to c
            4     a j2 bound to c
            5     a j1 running on b
            5     c expects j2.1 of a
            6     c runs j2.1
            7     a j2 running on c
            502   a hedges j1
            502   a>c offer j1h.258
            503   c>a bid j1h.258 start 602 end 1702
            1104  b>a idle
            1105  a>c gone j1h.258
            1105  a j1 completed on b
            1106  c>a claim j1h.258
            1106  c>a idle
            1107  a j2 completed on c
            1107  a>c gone j1h.258
            5000  all idle
        "#]],
    );
}

#[test]
fn a_hedge_that_fails_leaves_its_job_as_it_was() {
    check_late(
        "
        run 700
        crash b j1h
        crash c j1h
        run 5000
        why a j1
        idle
        ",
        expect![[r#"
            0     a j1 waits
            0     a>b offer j1.1
            0     a>c offer j1.1
            1     b>a bid j1.1 start 0 end 1100
            1     c>a bid j1.1 start 0 end 1100
            2     a>c gone j1.1
            2     a>b bind j1.1
            2     a dispatches j1.1 to b
            2     a j1 bound to b
            3     b expects j1.1 of a
            4     b runs j1.1
            5     a j1 running on b
            502   a hedges j1
            502   a>c offer j1h.258
            503   c>a bid j1h.258 start 0 end 1100
            504   a>c bind j1h.258
            504   a dispatches j1h.258 to c
            505   c expects j1h.258 of a
            506   c runs j1h.258
            700   c>a idle
            701   a>c gone j1h.258
            1104  b>a idle
            1105  a j1 completed on b
            5700    b: wait 0 load 0 prefill 100 cached 0 decode 1000 network 4 penalty 0 = 1104; bid 1100
            5700    c: wait 0 load 0 prefill 100 cached 0 decode 1000 network 4 penalty 0 = 1104; bid 1100
            5700    a: ModelAbsent; not asked
            5700    epoch 258 on c: Hedge
            5700    epoch 1 on b: BestBid
            5700  all idle
        "#]],
    );
}

#[test]
fn never_two_tries_at_what_kills_engines() {
    check_late(
        "
        run 700
        crash b j1
        crash c j1
        run 5000
        why a j1
        idle
        ",
        expect![[r#"
            0     a j1 waits
            0     a>b offer j1.1
            0     a>c offer j1.1
            1     b>a bid j1.1 start 0 end 1100
            1     c>a bid j1.1 start 0 end 1100
            2     a>c gone j1.1
            2     a>b bind j1.1
            2     a dispatches j1.1 to b
            2     a j1 bound to b
            3     b expects j1.1 of a
            4     b runs j1.1
            5     a j1 running on b
            502   a hedges j1
            502   a>c offer j1h.258
            503   c>a bid j1h.258 start 0 end 1100
            504   a>c bind j1h.258
            504   a dispatches j1h.258 to c
            505   c expects j1h.258 of a
            506   c runs j1h.258
            700   b>a idle
            701   a>b gone j1.1
            701   a cancels j1h.258 at c
            701   a>c gone j1h.258
            701   a j1 waits
            701   a>c offer j1.2 alone
            702   c stops j1h.258
            702   c>a idle
            702   c>a bid j1.2 start 0 end 1100
            703   a>c bind j1.2
            703   a dispatches j1.2 to c
            703   a j1 bound to c
            704   c expects j1.2 of a
            705   c runs j1.2
            706   a j1 running on c
            1805  c>a idle
            1806  a j1 completed on c
            5700    c: wait 0 load 0 prefill 100 cached 0 decode 1000 network 4 penalty 0 = 1104; bid 1100
            5700    a: ModelAbsent; not asked
            5700    epoch 1 on b: BestBid
            5700    epoch 258 on c: Hedge
            5700    epoch 2 on c: BestBid, alone
            5700  all idle
        "#]],
    );
}

#[test]
fn a_cancel_ends_both() {
    check_late(
        "
        run 700
        cancel a j1
        run 100
        submit a j2 m
        run 5000
        idle
        ",
        expect![[r#"
            0     a j1 waits
            0     a>b offer j1.1
            0     a>c offer j1.1
            1     b>a bid j1.1 start 0 end 1100
            1     c>a bid j1.1 start 0 end 1100
            2     a>c gone j1.1
            2     a>b bind j1.1
            2     a dispatches j1.1 to b
            2     a j1 bound to b
            3     b expects j1.1 of a
            4     b runs j1.1
            5     a j1 running on b
            502   a hedges j1
            502   a>c offer j1h.258
            503   c>a bid j1h.258 start 0 end 1100
            504   a>c bind j1h.258
            504   a dispatches j1h.258 to c
            505   c expects j1h.258 of a
            506   c runs j1h.258
            700   a cancels j1.1 at b
            700   a>b gone j1.1
            700   a cancels j1h.258 at c
            700   a>c gone j1h.258
            700   a j1 cancelled
            701   b stops j1.1
            701   b>a idle
            701   c stops j1h.258
            701   c>a idle
            800   a j2 waits
            800   a>b offer j2.1
            800   a>c offer j2.1
            801   b>a bid j2.1 start 0 end 1100
            801   c>a bid j2.1 start 0 end 1100
            802   a>c gone j2.1
            802   a>b bind j2.1
            802   a dispatches j2.1 to b
            802   a j2 bound to b
            803   b expects j2.1 of a
            804   b runs j2.1
            805   a j2 running on b
            1904  b>a idle
            1905  a j2 completed on b
            5800  all idle
        "#]],
    );
}

#[test]
fn a_cancel_after_the_second_try_took_over_ends_it() {
    check_late(
        "
        run 700
        begun a j1h patience=1000
        run 100
        cancel a j1
        run 5000
        idle
        ",
        expect![[r#"
            0     a j1 waits
            0     a>b offer j1.1
            0     a>c offer j1.1
            1     b>a bid j1.1 start 0 end 1100
            1     c>a bid j1.1 start 0 end 1100
            2     a>c gone j1.1
            2     a>b bind j1.1
            2     a dispatches j1.1 to b
            2     a j1 bound to b
            3     b expects j1.1 of a
            4     b runs j1.1
            5     a j1 running on b
            502   a hedges j1
            502   a>c offer j1h.258
            503   c>a bid j1h.258 start 0 end 1100
            504   a>c bind j1h.258
            504   a dispatches j1h.258 to c
            505   c expects j1h.258 of a
            506   c runs j1h.258
            700   a cancels j1.1 at b
            700   a>b gone j1.1
            700   a j1 running on c
            701   b stops j1.1
            701   b>a idle
            800   a cancels j1h.258 at c
            800   a>c gone j1h.258
            800   a j1 cancelled
            801   c stops j1h.258
            801   c>a idle
            5800  all idle
        "#]],
    );
}

#[test]
fn a_second_try_that_took_over_survives_its_node() {
    check_late(
        "
        run 700
        begun a j1h patience=1000
        run 100
        crash b j1h
        crash c j1h
        run 5000
        why a j1
        idle
        ",
        expect![[r#"
            0     a j1 waits
            0     a>b offer j1.1
            0     a>c offer j1.1
            1     b>a bid j1.1 start 0 end 1100
            1     c>a bid j1.1 start 0 end 1100
            2     a>c gone j1.1
            2     a>b bind j1.1
            2     a dispatches j1.1 to b
            2     a j1 bound to b
            3     b expects j1.1 of a
            4     b runs j1.1
            5     a j1 running on b
            502   a hedges j1
            502   a>c offer j1h.258
            503   c>a bid j1h.258 start 0 end 1100
            504   a>c bind j1h.258
            504   a dispatches j1h.258 to c
            505   c expects j1h.258 of a
            506   c runs j1h.258
            700   a cancels j1.1 at b
            700   a>b gone j1.1
            700   a j1 running on c
            701   b stops j1.1
            701   b>a idle
            800   c>a idle
            801   a>c gone j1h.258
            801   a j1 waits
            1301  a>c offer j1h.259 alone
            1302  c>a bid j1h.259 start 0 end 1100
            1303  a>c bind j1h.259
            1303  a dispatches j1h.259 to c
            1303  a j1 bound to c
            1304  c expects j1h.259 of a
            1305  c runs j1h.259
            1306  a j1 running on c
            2405  c>a idle
            2406  a j1 completed on c
            5800    b: wait 0 load 0 prefill 100 cached 0 decode 1000 network 4 penalty 0 = 1104; bid 1100
            5800    c: wait 0 load 0 prefill 100 cached 0 decode 1000 network 4 penalty 0 = 1104; bid 1100
            5800    a: ModelAbsent; not asked
            5800    epoch 1 on b: BestBid
            5800    epoch 258 on c: Hedge
            5800    epoch 259 on c: BestBid, alone
            5800  all idle
        "#]],
    );
}
