//! Members that are none any more, or that cannot be reached.

use expect_test::expect;

use super::check;

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

#[test]
fn cat_p06_who_was_expelled_is_refused_whatever_it_offers() {
    check(
        "
        node a
        node b
        model a m loaded
        model b m loaded
        start
        submit b j1 m max=1
        run 3000
        expel b
        say b a offer j1 epoch=9
        say b a bind j1 epoch=9
        run 10
        idle
        ",
        expect![[r#"
            0     b j1 waits
            0     b dispatches j1.1 to b
            0     b j1 bound to b
            0     b runs j1.1
            0     b j1 running on b
            110   b j1 completed on b
            3000  b is expelled
            3000  b>a offer j1.9
            3000  a>b refuse j1.9 NotMember
            3000  b>a bind j1.9
            3010  all idle
        "#]],
    );
}
