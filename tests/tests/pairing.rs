//! Coming into a mesh by six digits, with real nodes: shown at one, typed at the other.

use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::time::{Duration, Instant};

use pumasi_tests::command::{pumasi, until};
use pumasi_tests::nodes::{Node, Reply};
use serde_json::{Value, json};

/// Longer than anything here takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a node's screen says once a person looks at it.
fn look(node: &Node, again: bool) -> Value {
    node.post("/api/v1/pairing", &json!({ "again": again })).body["own"].clone()
}

fn digits(node: &Node) -> String {
    let own = look(node, false);
    assert_eq!(own["state"], "open", "{own}");
    own["digits"].as_str().expect("six digits").to_owned()
}

fn wrong(right: &str) -> &'static str {
    if right == "000000" { "000001" } else { "000000" }
}

/// The address of a node's join door.
fn door(node: &Node) -> String {
    let told = std::fs::read(node.folder().join("node.json")).expect("it says where it listens");
    let told: Value = serde_json::from_slice(&told).expect("JSON");
    told["join"][0].as_str().expect("a join door").to_owned()
}

fn approve(admin: &Node, newcomer: &Node, digits: &str) -> Reply {
    let body = json!({ "digits": digits, "address": door(newcomer) });
    admin.request("POST", "/api/v1/pairing/approve", Some(&body))
}

/// Status and code of a refusal.
fn refusal(reply: &Reply) -> (u16, &str) {
    (reply.status, reply.body["error"]["code"].as_str().unwrap_or_default())
}

fn founder(name: &str) -> Node {
    let node = Node::start(name);
    let begun = node.pumasi(&["found", "office", "--json"]).json();
    assert_eq!(begun["mesh"]["name"], "office");
    node
}

#[test]
fn six_digits_let_a_newcomer_in_and_each_sees_the_other() {
    let (admin, newcomer) = (founder("front"), Node::start("window"));
    let before = Instant::now();
    let shown = digits(&newcomer);
    let approved = approve(&admin, &newcomer, &shown);
    assert_eq!(approved.status, 200, "{approved:?}");
    assert_eq!(approved.body["node"]["name"], "window");
    let sees = |node: &Node| {
        let nodes = node.get("/api/v1/nodes");
        let here = |n: &&Value| n["presence"] == "here" || n["presence"] == "online";
        (nodes["data"].as_array()?.iter().filter(here).count() == 2).then_some(())
    };
    for node in [&admin, &newcomer] {
        until("both are members on both screens", PATIENCE, || sees(node));
    }
    note(&format!("from digits shown to members on both screens: {:?}", before.elapsed()));
    admin.meet(2);
    newcomer.meet(2);
    assert_eq!(newcomer.get("/api/v1/status")["mesh"]["name"], "office");
    assert_eq!(newcomer.get("/api/v1/pairing")["own"], Value::Null);
    assert_eq!(look(&newcomer, true), Value::Null, "it shows nothing any more");
    let reply = admin.chat("upper: let in", &json!({ "pumasi": { "only": [newcomer.id()] } }));
    assert_eq!(reply.body["choices"][0]["message"]["content"], "LET IN");
}

#[expect(clippy::print_stderr, reason = "a figure, shown where somebody looks for it")]
fn note(text: &str) {
    eprintln!("{text}");
}

#[test]
fn cat_p19_wrong_digits_are_spent_and_a_source_of_them_waits() {
    let (admin, newcomer) = (founder("front"), Node::start("window"));
    let first = digits(&newcomer);
    let refused = approve(&admin, &newcomer, wrong(&first));
    assert_eq!(refusal(&refused), (403, "wrong_digits"));
    let second = digits(&newcomer);
    assert_ne!(first, second);
    assert_eq!(look(&newcomer, false)["wrong"], 1);
    assert_eq!(refusal(&approve(&admin, &newcomer, &first)), (403, "wrong_digits"));
    assert_eq!(refusal(&approve(&admin, &newcomer, wrong(&digits(&newcomer)))).0, 403);
    // Three wrong ones from one address: it waits, even with the right ones.
    let third = digits(&newcomer);
    assert_eq!(refusal(&approve(&admin, &newcomer, &third)), (429, "too_many_wrong_digits"));
    assert_eq!(newcomer.get("/api/v1/status")["mesh"], Value::Null);
    assert_eq!(admin.get("/api/v1/status")["members"], 1);
}

#[test]
fn cat_p19_a_stranger_and_who_is_no_admin_let_nobody_in() {
    let (admin, newcomer) = (founder("front"), Node::start("window"));
    let member = Node::start("member");
    member.join(&admin.invite(1));
    let closed = approve(&admin, &newcomer, "123456");
    assert_eq!(refusal(&closed), (409, "door_closed"), "nobody looks at it");
    let shown = digits(&newcomer);
    assert_eq!(refusal(&approve(&member, &newcomer, &shown)), (403, "not_allowed"));
    let stranger = Node::start("stranger");
    assert_eq!(refusal(&approve(&stranger, &newcomer, &shown)), (409, "no_mesh"));
    // A mesh of its own does not help without the digits, and none of it cost them anything.
    assert_eq!(stranger.pumasi(&["found"]).code, Some(0));
    assert_eq!(digits(&newcomer), shown);
    let member_door = json!({ "digits": shown, "address": door(&member) });
    let taken = stranger.request("POST", "/api/v1/pairing/approve", Some(&member_door));
    assert_eq!(refusal(&taken), (409, "newcomer_has_mesh"));
    assert_eq!(approve(&admin, &newcomer, &shown).status, 200);
    let mesh = |node: &Node| node.get("/api/v1/status")["mesh"].clone();
    assert_eq!(mesh(&newcomer), mesh(&admin));
}

#[test]
fn the_command_line_shows_digits_waits_and_lets_in() {
    let (admin, newcomer) = (founder("front"), Node::start("window"));
    let mut joining = pumasi(newcomer.folder())
        .arg("join")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut lines = BufReader::new(joining.stdout.take().expect("its output")).lines();
    let mut shown = || {
        let line = lines.next().expect("digits are shown").expect("text");
        line.chars().filter(char::is_ascii_digit).take(6).collect::<String>()
    };
    let first = shown();
    let at = door(&newcomer);
    let typed = |digits: &str| admin.pumasi(&["approve", digits, "--address", &at]);
    let refused = typed(wrong(&first));
    assert_eq!(refused.code, Some(77), "{refused:?}");
    assert!(refused.stderr.contains("type those that it shows now"), "{refused:?}");
    let second = shown();
    assert_ne!(first, second);
    let spaced = format!("{} {}", &second[..3], &second[3..]);
    let approved = typed(&spaced);
    assert_eq!(approved.code, Some(0), "{approved:?}");
    assert!(approved.stderr.contains("window") && approved.stderr.contains("member"));
    let ended = joining.wait_with_output().expect("it ends");
    let said = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert!(ended.status.success() && said.contains("joined the mesh office"), "{said}");
    // What cannot be: no digits, none that asks, nowhere.
    let nonsense = admin.pumasi(&["approve", "12345"]);
    assert_eq!(nonsense.code, Some(2), "{nonsense:?}");
    let nobody = admin.pumasi(&["approve", "123456"]);
    assert_eq!(nobody.code, Some(66), "{nobody:?}");
    let listed = admin.pumasi(&["approve", "--json"]).json();
    assert_eq!((&listed["may_approve"], &listed["asking"]), (&json!(true), &json!([])));
    let again = newcomer.pumasi(&["join"]);
    assert!(again.code.is_some_and(|code| code != 0), "{again:?}");
    assert!(again.stderr.contains("already"), "{again:?}");
}
