//! Invitations with real nodes: as text, as a file and as a QR code; listed, withdrawn, used up.

use std::path::Path;

use pumasi_tests::nodes::Node;
use serde_json::{Value, json};

fn invitations(node: &Node) -> Vec<Value> {
    let listed = node.pumasi(&["invitations", "--json"]).json();
    listed["data"].as_array().expect("a list").clone()
}

fn text(path: &Path) -> &str {
    path.to_str().expect("text")
}

#[test]
fn an_invitation_is_a_file_that_only_its_owner_reads_and_that_lets_in() {
    let (admin, newcomer) = (Node::start("front"), Node::start("window"));
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("for the window.txt");
    let made = admin.pumasi(&["invite", "--file", text(&file)]);
    assert_eq!((made.code, made.stdout.as_str()), (Some(0), ""), "the secret is not printed, too");
    assert!(made.stderr.contains("for the window.txt"), "{made:?}");
    let kept = std::fs::read_to_string(&file).expect("it is there");
    assert!(kept.starts_with("pumasi-") && kept.ends_with('\n') && kept.lines().count() == 1);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(&file).expect("it is there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    // What is there is not written over, and no invitation is made for it.
    let again = admin.pumasi(&["invite", "--file", text(&file)]);
    assert_eq!(again.code, Some(74), "{again:?}");
    assert_eq!(std::fs::read_to_string(&file).expect("it is there"), kept);
    let nowhere = folder.path().join("no/such/folder");
    assert_eq!(admin.pumasi(&["invite", "--file", text(&nowhere)]).code, Some(74));
    assert_eq!(invitations(&admin).len(), 1);

    let missing = newcomer.pumasi(&["join", text(&nowhere)]);
    assert!(missing.code.is_some_and(|code| code != 0), "{missing:?}");
    let other = folder.path().join("other.txt");
    std::fs::write(&other, "milk, bread").expect("written");
    let wrong = newcomer.pumasi(&["join", text(&other)]);
    assert!(wrong.stderr.contains("neither an invitation nor"), "{wrong:?}");
    let joined = newcomer.pumasi(&["join", text(&file), "--json"]).json();
    assert_eq!(joined["members"], 2);
    assert_eq!(invitations(&admin), Vec::<Value>::new(), "used up");
}

#[test]
fn an_invitation_is_shown_as_a_qr_code_too() {
    let admin = Node::start("front");
    let made = admin.pumasi(&["invite", "--qr"]);
    assert_eq!(made.code, Some(0), "{made:?}");
    let mut lines = made.stdout.lines();
    let token = lines.next().expect("the token");
    assert!(token.starts_with("pumasi-"), "{token}");
    let code: Vec<&str> = lines.collect();
    let width = code[0].chars().count();
    assert!(width > 40 && code.iter().all(|line| line.chars().count() == width), "{code:?}");
    assert!(code.iter().all(|line| line.chars().all(|c| " ▀▄█".contains(c))), "{code:?}");
    assert_eq!(code.len(), width.div_ceil(2));
    let reply = admin.post("/api/v1/invitations", &json!({}));
    let qr = &reply.body["qr"];
    assert_eq!(qr["size"].as_u64().map(|size| size + 4), Some(width as u64), "the same size");
    assert!(qr["path"].as_str().is_some_and(|path| path.starts_with("M0 0h1v1h-1z")), "{qr}");
}

#[test]
fn open_invitations_are_listed_and_withdrawn_and_let_nobody_in_then() {
    let (admin, newcomer) = (Node::start("front"), Node::start("window"));
    let empty = admin.pumasi(&["invitations"]);
    assert_eq!((empty.code, empty.stdout.as_str()), (Some(0), ""), "{empty:?}");
    let invite = |more: &[&str]| {
        let made = admin.pumasi(&[&["invite", "--json"], more].concat()).json();
        let id = made["invitation"]["id"].as_str().expect("an id").to_owned();
        (made["token"].as_str().expect("a token").to_owned(), id)
    };
    let (token, id) = invite(&["--count", "3", "--expires", "8h", "--person", "lee"]);
    let (second, _) = invite(&[]);
    let listed = invitations(&admin);
    let one = listed.iter().find(|one| one["id"] == id.as_str()).expect("it is listed");
    assert_eq!((&one["uses"], &one["used"], &one["person"]), (&json!(3), &json!(0), &json!("lee")));
    let table = admin.pumasi(&["invitations"]).stdout;
    assert!(table.contains(&id) && table.contains("0 of 3") && table.contains("lee"), "{table}");
    assert!(!table.contains(&token), "no secret is shown again");

    let unknown = admin.pumasi(&["invitations", "withdraw", "zz"]);
    assert_eq!(unknown.code, Some(66), "{unknown:?}");
    let withdrawn = admin.pumasi(&["invitations", "withdraw", &id[..6]]);
    assert_eq!(withdrawn.code, Some(0), "{withdrawn:?}");
    let gone = admin.request("DELETE", &format!("/api/v1/invitations/{id}"), None);
    assert_eq!((gone.status, &gone.body["error"]["code"]), (404, &json!("invitation_not_found")));
    let refused = newcomer.pumasi(&["join", &token]);
    assert!(refused.stderr.contains("no longer valid"), "{refused:?}");
    assert_eq!(admin.get("/api/v1/status")["members"], 1);
    assert_eq!(newcomer.pumasi(&["join", &second]).code, Some(0));
    // Who is no admin invites nobody.
    assert_eq!(newcomer.pumasi(&["invite"]).code, Some(77));
}

#[test]
fn terms_that_make_no_sense_are_refused_with_a_sentence() {
    let admin = Node::start("front");
    for terms in [json!({ "uses": 0 }), json!({ "uses": 129 }), json!({ "valid_s": 0 })] {
        let refused = admin.request("POST", "/api/v1/invitations", Some(&terms));
        let code = &refused.body["error"]["code"];
        assert_eq!((refused.status, code), (400, &json!("invalid_terms")), "{terms}");
    }
    assert_eq!(admin.pumasi(&["invite", "--count", "129"]).code, Some(2));
}
