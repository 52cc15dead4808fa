//! Two nodes in two network namespaces joined by a bridge: each finds the other by DNS-SD alone. Where
//! namespaces may not be made, it says so and holds nothing.

use std::time::Duration;

use pumasi_tests::command::until;
use pumasi_tests::office::Office;
use serde_json::{Value, json};

#[test]
fn a_newcomer_that_dns_sd_finds_is_let_in_by_its_digits_alone() {
    let Some(office) = Office::of(2) else { return };
    let [first, second] = [1, 2].map(|desk| office.start(desk));
    first.pumasi(&["found"]);
    let asking = || first.pumasi(&["approve"])["asking"].as_array().expect("a list").clone();
    let shown = second.pumasi(&["join"])["asking"]["digits"].clone();
    let shown = shown.as_str().expect("six digits");
    let patience = Duration::from_secs(60);
    let newcomer = until("the newcomer is listed", patience, || asking().first().cloned());
    assert_eq!(newcomer["node"]["name"], "desk-2");
    let approved = first.pumasi(&["approve", shown]);
    assert_eq!(approved["node"]["id"], second.node.id());
    for desk in [&first, &second] {
        until("both are reached", patience, || desk.reaches(2));
    }
    assert_eq!(asking(), Vec::<Value>::new(), "a member asks no more");
}

#[test]
fn members_in_two_namespaces_find_each_other_by_dns_sd() {
    let Some(office) = Office::of(2) else { return };
    let desks = [1, 2].map(|desk| office.start(desk));
    let [first, second] = &desks;
    let token = first.pumasi(&["invite"])["token"].as_str().expect("a token").to_owned();
    second.pumasi(&["join", &token]);
    let patience = Duration::from_secs(60);
    for desk in &desks {
        until("both are reached", patience, || desk.reaches(2));
    }
    let answer = first.pumasi(&["run", "starter-chat", "upper: bridge", "--only", "desk-2"]);
    assert_eq!((&answer["content"], &answer["node"]), (&json!("BRIDGE"), &json!("desk-2")));

    // Both restart on other ports: what they remembered of each other is worth nothing, and only
    // multicast can bring them together again.
    let folders = desks.map(|desk| desk.node.stop().1);
    let [first, second] = folders;
    let again = |desk, folder| office.seat(desk, office.setup(desk).on(folder));
    let (first, second) = (again(1, first), again(2, second));
    for desk in [&first, &second] {
        until("both are found by multicast", patience, || desk.reaches(2));
    }
}

#[test]
fn who_is_let_in_while_a_member_is_away_is_taken_by_it_without_the_one_who_let_it_in() {
    let Some(office) = Office::of(3) else { return };
    let patience = Duration::from_secs(60);
    let [first, second, third] = [1, 2, 3].map(|desk| office.start(desk));
    let invite = || first.pumasi(&["invite"])["token"].as_str().expect("a token").to_owned();
    second.pumasi(&["join", &invite()]);
    until("both are reached", patience, || first.reaches(2));
    let token = invite();
    second.freeze();
    third.pumasi(&["join", &token]);
    drop(first.node.kill());
    second.wake();
    for desk in [&second, &third] {
        until("each reaches the other", patience, || desk.reaches(2));
    }
    assert!(second.node.log().contains("a member showed its chain"), "nobody else told it");
    // Who was frozen can be silent once more while old connections end.
    let ask = ["run", "starter-chat", "upper: chain", "--only", "desk-2", "--json"];
    let answer = until("it is answered", patience, || {
        let ended = third.run(&ask);
        (ended.code == Some(0)).then(|| ended.json())
    });
    assert_eq!((&answer["content"], &answer["node"]), (&json!("CHAIN"), &json!("desk-2")));
}
