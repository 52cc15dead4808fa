//! The audit log with real nodes: it tells who did what, across restarts, to those who may know; and no
//! text that anybody asked or was answered is in it, in any form, nor in what the node logs.

use std::path::Path;

use pumasi_tests::nodes::{Node, Setup};
use serde_json::{Value, json};

/// A word that nobody else says; the starter model repeats it.
const CANARY: &str = "kumquat-zeppelin-7f3a9c";

/// It logs all that our own code has to say.
fn start(name: &str, person: &str) -> Node {
    let talkative = "--log=info,pumasi_node=trace,pumasi_web=trace,pumasi_engine_host=trace";
    Setup::new(name).with(format!("--person={person}")).with(talkative).start()
}

/// Kim's computer, an admin's, and Lee's in one mesh.
fn office() -> (Node, Node) {
    let (front, window) = (start("front", "kim"), start("window", "lee"));
    window.join(&front.invite(1));
    front.meet(2);
    window.meet(2);
    (front, window)
}

/// The log as `pumasi audit --json` gives it, the oldest first.
fn audit(node: &Node, more: &[&str]) -> Vec<Value> {
    let ended = node.pumasi(&[&["audit", "--json"], more].concat());
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let mut entries = ended.json()["data"].as_array().expect("a list").clone();
    entries.reverse();
    entries
}

fn acts(entries: &[Value]) -> Vec<&str> {
    entries.iter().map(|entry| entry["act"].as_str().expect("a word")).collect()
}

fn of_act<'a>(entries: &'a [Value], act: &str) -> Vec<&'a Value> {
    entries.iter().filter(|entry| entry["act"] == act).collect()
}

/// Every form in which the log leaves a node.
fn forms(node: &Node) -> Vec<String> {
    let printed =
        [&["audit"][..], &["audit", "--json"], &["audit", "--csv"], &["audit", "--jsonl"]];
    printed.iter().map(|arguments| node.pumasi(arguments).stdout).collect()
}

fn holds(haystack: &[u8], needle: &str) -> bool {
    haystack.windows(needle.len()).any(|window| window.eq_ignore_ascii_case(needle.as_bytes()))
}

/// The ledger's own files.
fn ledger(folder: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    for entry in std::fs::read_dir(folder.join("store")).expect("a ledger") {
        bytes.extend(std::fs::read(entry.expect("an entry").path()).unwrap_or_default());
    }
    assert!(holds(&bytes, "starter-chat"), "the log is looked for where it lies");
    bytes
}

#[test]
fn nothing_that_was_asked_or_answered_is_in_it() {
    let (front, window) = office();
    let made = front.pumasi(&["keys", "create", "bot", "--person", "lee", "--json"]).json();
    let secret = made["secret"].as_str().expect("a secret").to_owned();
    let repeat = format!("repeat: {CANARY}");
    let only = |node: &Node| json!({ "pumasi": { "only": [node.id()] } });
    for node in [&front, &window] {
        let reply = front.chat(&repeat, &only(node));
        assert_eq!(reply.body["choices"][0]["message"]["content"], CANARY, "{reply:?}");
    }
    // It stands in whatever a request can hold.
    let everywhere = json!({
        "messages": [
            { "role": "system", "content": CANARY },
            { "role": "user", "name": "kumquat", "content": repeat },
        ],
        "stop": [CANARY], "user": CANARY, "metadata": { CANARY: CANARY },
    });
    let reply = front.chat("", &everywhere);
    assert_eq!(reply.status, 200, "{reply:?}");
    let tool = json!({ "type": "function", "function": { "name": CANARY, "description": CANARY } });
    let with_tool = json!({
        "model": "starter-chat", "tools": [tool],
        "messages": [{ "role": "user", "content": repeat }],
    });
    let status = front.request("POST", "/v1/chat/completions", Some(&with_tool)).status;
    assert!(status == 200 || status == 400, "{status}");
    let completion = json!({ "model": "starter-chat", "prompt": repeat, "max_tokens": 20 });
    assert_eq!(front.post("/v1/completions", &completion).status, 200);
    // What fails is told by a word of the closed list.
    let wrong = json!({ "model": CANARY, "messages": [{ "role": "user", "content": CANARY }] });
    assert_eq!(front.request("POST", "/v1/chat/completions", Some(&wrong)).status, 404);
    let submitted = front.pumasi(&["submit", "starter-chat", &repeat, "--wait", "--json"]);
    assert!(submitted.stdout.contains(CANARY), "{submitted:?}");
    assert_eq!(front.pumasi(&["pause", "--for", "2h"]).code, Some(0));

    let entries = audit(&front, &[]);
    assert!(of_act(&entries, "asked").len() >= 5, "{entries:?}");
    assert_eq!(of_act(&audit(&window, &[]), "ran").len(), 0, "Kim's jobs are not Lee's to see");
    for node in [&front, &window] {
        for form in forms(node) {
            assert!(!holds(form.as_bytes(), "kumquat"), "{form}");
            assert!(!holds(form.as_bytes(), &secret), "{form}");
        }
    }
    for node in [front, window] {
        let log = node.log();
        assert!(log.contains("TRACE") && !log.contains("kumquat"), "what it logs: {log}");
        let (code, folder) = node.stop();
        assert_eq!(code, Some(0));
        let bytes = ledger(folder.path());
        assert!(!holds(&bytes, "kumquat") && !holds(&bytes, &secret), "the ledger itself");
    }
}

#[test]
fn it_tells_who_did_what_and_outlives_a_restart() {
    let (front, window) = office();
    let made = front.pumasi(&["keys", "create", "=1+1", "--person", "lee", "--json"]).json();
    let (secret, id) = (made["secret"].as_str().expect("a secret"), made["key"]["id"].clone());
    let asked = json!({
        "model": "starter-chat", "pumasi": { "only": [window.id()] },
        "messages": [{ "role": "user", "content": "upper: hello" }],
    });
    let client = reqwest_with(&front, secret, &asked);
    assert_eq!(client, 200);
    assert_eq!(front.pumasi(&["keys", "revoke", "=1+1"]).code, Some(0));
    assert_eq!(front.pumasi(&["pause"]).code, Some(0));
    let invited = front.pumasi(&["invite", "--json"]).json()["invitation"]["id"].clone();
    let withdrawn = invited.as_str().expect("an id");
    assert_eq!(front.pumasi(&["invitations", "withdraw", withdrawn]).code, Some(0));
    assert_eq!(front.pumasi(&["remove", "window"]).code, Some(0));

    let entries = audit(&front, &[]);
    let expected = [
        "started",
        "founded",
        "admitted",
        "key_made",
        "asked",
        "key_revoked",
        "lending_set",
        "withdrawn",
        "removed",
    ];
    let found = acts(&entries);
    for act in expected {
        assert_eq!(of_act(&entries, act).len(), 1, "{act}: {found:?}");
    }
    assert_eq!(of_act(&entries, "invited").len(), 2);
    assert_eq!(of_act(&entries, "withdrawn")[0]["about"]["id"], withdrawn);
    let admitted = of_act(&entries, "admitted")[0];
    assert_eq!(
        (&admitted["person"], &admitted["about"]["name"]),
        (&json!("kim"), &json!("window"))
    );
    assert_eq!(of_act(&entries, "removed")[0]["about"]["name"], "window");
    let asked = of_act(&entries, "asked")[0];
    assert_eq!((&asked["person"], &asked["key"]), (&json!("lee"), &id));
    let job = &asked["job"];
    assert_eq!((&job["model"], &job["ran_on"]["name"]), (&json!("starter-chat"), &json!("window")));
    assert_eq!((&job["kind"], &job["outcome"]), (&json!("chat"), &json!("completed")));
    assert_eq!((&job["owner"]["name"], &job["asked_bytes"]), (&json!("front"), &json!(12)));
    assert!(job["prompt_tokens"].as_u64() > Some(0) && job["completion_tokens"].as_u64() > Some(0));
    // Where it ran, it is known, too, by whom it was asked.
    let ran = audit(&window, &[]);
    let ran = of_act(&ran, "ran");
    assert_eq!((ran.len(), &ran[0]["person"]), (1, &json!("lee")), "{ran:?}");
    assert_eq!(
        (&ran[0]["job"]["id"], &ran[0]["job"]["owner"]["name"]),
        (&job["id"], &json!("front"))
    );

    let (_, folder) = front.stop();
    let front = Setup::new("front").with("--person=kim").on(folder).start();
    let again = audit(&front, &[]);
    assert_eq!(again.len(), entries.len() + 1, "one more start");
    assert_eq!(of_act(&again, "asked"), of_act(&entries, "asked"));

    // A choice of it, and files for other programs.
    assert_eq!(acts(&audit(&front, &["--person", "lee", "--limit", "1"])), ["removed"]);
    assert_eq!(audit(&front, &["--since", "1s", "--person", "nobody"]), Vec::<Value>::new());
    let csv = front.pumasi(&["audit", "--csv"]).stdout;
    assert_eq!(csv.matches("\r\n").count(), again.len() + 1);
    assert!(csv.contains("\"'=1+1\"") && !csv.contains(",=1+1"), "{csv}");
    let lines = front.pumasi(&["audit", "--jsonl"]).stdout;
    let first: Value = serde_json::from_str(lines.lines().next().expect("a line")).expect("JSON");
    assert_eq!((lines.lines().count(), &first["act"]), (again.len(), &json!("started")));
    let table = front.pumasi(&["audit"]).stdout;
    assert!(table.contains("let in window") && table.contains("removed window"), "{table}");
    assert_eq!(front.pumasi(&["audit", "--csv", "--json"]).code, Some(2));
}

/// The status of a chat that is asked with a key.
fn reqwest_with(node: &Node, secret: &str, body: &Value) -> u16 {
    let request = |secret: String, url: String, body: Value| async move {
        let client = reqwest::Client::builder().no_proxy().build().expect("a client");
        let sent = client.post(url).bearer_auth(secret).json(&body).send().await;
        sent.expect("an answer").status().as_u16()
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let url = node.url("/v1/chat/completions");
    runtime.expect("a runtime").block_on(request(secret.to_owned(), url, body.clone()))
}
