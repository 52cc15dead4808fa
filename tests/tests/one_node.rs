//! One real node and the command line: from the first question to the last, and what must not happen
//! twice on one computer.

use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;
use std::time::Duration;

use pumasi_tests::command::{clean, pumasi, run, until};
use pumasi_tests::nodes::{Node, STARTER, Setup};
use serde_json::{Value, json};

#[test]
fn questions_are_answered_from_arguments_and_from_standard_input() {
    let node = Node::start("desk");
    let asked = node.pumasi(&["run", STARTER, "upper: hello"]);
    assert_eq!((asked.code, asked.stdout.as_str()), (Some(0), "HELLO\n"), "{asked:?}");

    let file = node.folder().join("prompt");
    std::fs::write(&file, "repeat: a b").expect("it is written");
    let input = std::fs::File::open(&file).expect("it opens");
    let piped = run(pumasi(node.folder()).args(["chat", "--model", STARTER]).stdin(input));
    assert_eq!((piped.code, piped.stdout.as_str()), (Some(0), "a b\n"), "{piped:?}");

    let whole = node.pumasi(&["run", "--json", STARTER, "count: four"]).json();
    assert_eq!((&whole["content"], &whole["node"]), (&json!("4"), &json!("desk")));
    assert_eq!(whole["finish_reason"], "stop");
    assert!(whole["why"].as_str().is_some_and(|why| !why.is_empty()), "{whole}");
    assert!(whole["usage"]["completion_tokens"].as_u64() > Some(0), "{whole}");
}

#[test]
fn without_a_model_the_best_one_answers_and_an_unknown_one_is_not_found() {
    let node = Node::start("desk");
    let best = node.pumasi(&["chat", "upper: best"]);
    assert_eq!((best.code, best.stdout.as_str()), (Some(0), "BEST\n"), "{best:?}");
    let unknown = node.pumasi(&["run", "no-such-model", "hello"]);
    assert_eq!(unknown.code, Some(66), "{unknown:?}");
    assert!(unknown.stderr.contains("pumasi models"), "{unknown:?}");
    let nobody = node.pumasi(&["run", STARTER, "hello", "--only", "no-such-desk"]);
    assert_eq!(nobody.code, Some(66), "{nobody:?}");
    assert!(nobody.stderr.contains("pumasi peers"), "{nobody:?}");
}

#[test]
fn a_job_is_handed_in_watched_waited_for_explained_and_fetched() {
    let node = Node::start("desk");
    let submitted = node.pumasi(&["submit", "-q", STARTER, "upper: lasting"]);
    assert_eq!(submitted.code, Some(0), "{submitted:?}");
    let id = submitted.stdout.trim().to_owned();
    let short = &id[id.len() - 8..];

    assert_eq!(node.pumasi(&["wait", short, "--timeout", "60s"]).code, Some(0));
    let watched = node.pumasi(&["watch", &id]);
    assert_eq!(watched.code, Some(0), "{watched:?}");
    assert!(watched.stderr.contains("completed on desk"), "{watched:?}");
    let result = node.pumasi(&["get", short]);
    assert_eq!((result.code, result.stdout.as_str()), (Some(0), "LASTING\n"), "{result:?}");
    let jobs = node.pumasi(&["jobs"]);
    assert!(jobs.stdout.contains(short) && jobs.stdout.contains("completed"), "{jobs:?}");
    let why = node.pumasi(&["why", short]);
    assert!(why.stdout.contains("COMPUTER") && why.stdout.contains("chosen"), "{why:?}");

    let waited = node.pumasi(&["submit", "--wait", STARTER, "reverse: abc"]);
    assert_eq!((waited.code, waited.stdout.as_str()), (Some(0), "cba\n"), "{waited:?}");
    let over = node.pumasi(&["cancel", short]);
    assert_eq!(over.code, Some(65), "{over:?}");
    let unknown = node.pumasi(&["get", "0123abcd"]);
    assert_eq!(unknown.code, Some(66), "{unknown:?}");
}

#[test]
fn models_are_loaded_and_unloaded() {
    let node = Node::start("desk");
    let state = |node: &Node| {
        let models = node.get("/api/v1/models");
        models["data"][0]["places"][0]["state"]["state"].as_str().map(ToOwned::to_owned)
    };
    assert_eq!(node.pumasi(&["models", "load", STARTER]).code, Some(0));
    let patience = Duration::from_secs(60);
    until("the model is loaded", patience, || state(&node).filter(|s| s == "loaded"));
    assert!(node.pumasi(&["models"]).stdout.contains("loaded"));
    assert_eq!(node.pumasi(&["models", "unload", STARTER, "--node", "desk"]).code, Some(0));
    until("the model is unloaded", patience, || state(&node).filter(|s| s == "held"));
    assert_eq!(node.pumasi(&["models", "load", "absent"]).code, Some(66));
}

#[test]
fn cat_c03_a_reader_that_leaves_and_no_terminal() {
    let node = Node::start("desk");
    for arguments in
        [&["status"][..], &["peers"], &["models"], &["jobs"], &["run", STARTER, "help"]]
    {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let mut command = pumasi(node.folder());
        command.args(arguments).stdout(writer).stderr(Stdio::piped());
        let child = command.spawn().expect("it starts");
        let output = child.wait_with_output().expect("it ends");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {stderr}");
        assert!(!stderr.contains("panicked"), "{arguments:?}: {stderr}");
        let plain = node.pumasi(arguments);
        assert!(!plain.stdout.contains('\u{1b}') && !plain.stderr.contains('\u{1b}'), "{plain:?}");
    }
}

#[test]
fn cat_c06_a_second_node_on_one_folder_is_refused_with_the_pid_of_the_first() {
    let node = Node::start("desk");
    let second = run(pumasi(node.folder()).args([
        "up",
        "--http=127.0.0.1:0",
        "--listen=127.0.0.1",
        "--mesh-port=0",
        "--data-port=0",
        "--join-port=0",
        "--discovery=false",
    ]));
    assert!(second.code.is_some_and(|code| code != 0), "{second:?}");
    assert!(second.stderr.contains(&node.pid().to_string()), "{second:?}");
    assert_eq!(node.pumasi(&["status"]).code, Some(0), "the first goes on");
}

#[test]
fn cat_c06_a_second_node_on_one_port_names_the_port() {
    let node = Node::start("desk");
    let other = tempfile::tempdir().expect("a temporary folder");
    let http = format!("--http={}", node.http());
    let second = run(pumasi(other.path()).args([
        "up",
        &http,
        "--listen=127.0.0.1",
        "--mesh-port=0",
        "--data-port=0",
        "--join-port=0",
        "--discovery=false",
    ]));
    assert!(second.code.is_some_and(|code| code != 0), "{second:?}");
    assert!(second.stderr.contains(&node.http().port().to_string()), "{second:?}");
    assert_eq!(node.pumasi(&["status"]).code, Some(0), "the first goes on");
}

#[test]
fn cat_c10_every_command_prints_one_json_object() {
    let node = Node::start("desk");
    let job = node.pumasi(&["submit", "--json", STARTER, "upper: json"]).json();
    let id = job["id"].as_str().expect("a job has an id").to_owned();
    let commands: [&[&str]; 16] = [
        &["wait", &id],
        &["status"],
        &["peers"],
        &["models"],
        &["models", "load", STARTER],
        &["chat", "hello"],
        &["run", STARTER, "upper: x"],
        &["submit", "--wait", STARTER, "upper: x"],
        &["watch", &id],
        &["get", &id],
        &["jobs"],
        &["why", &id],
        &["invite"],
        &["doctor"],
        &["models", "unload", STARTER],
        &["completions", "fish"],
    ];
    for command in commands {
        let arguments: Vec<&str> = command.iter().copied().chain(["--json"]).collect();
        let ended = node.pumasi(&arguments);
        assert_eq!(ended.code, Some(0), "{arguments:?}: {ended:?}");
        assert!(ended.json()["error"].is_null(), "{arguments:?}: {ended:?}");
    }
    let failing: [&[&str]; 6] = [
        &["run", "no-such-model", "x"],
        &["cancel", &id],
        &["get", "0123abcd"],
        &["models", "load", "absent"],
        &["join", "pumasi-nonsense"],
        &["why", "not a job"],
    ];
    for command in failing {
        let arguments: Vec<&str> = command.iter().copied().chain(["--json"]).collect();
        let ended = node.pumasi(&arguments);
        assert!(ended.code.is_some_and(|code| code != 0), "{arguments:?}: {ended:?}");
        let error = &ended.json()["error"];
        assert!(error["code"].is_string() && error["message"].is_string(), "{ended:?}");
    }
}

#[test]
fn cat_c12_root_is_warned_once_and_goes_on() {
    let node = Node::start("desk");
    let is_root = rustix::process::geteuid().is_root();
    let warnings = node.log().matches("runs as root").count();
    assert_eq!(warnings, usize::from(is_root), "{}", node.log());
    assert_eq!(node.pumasi(&["status"]).code, Some(0));
}

#[test]
fn cat_s02_a_token_that_others_can_read_is_closed_at_start() {
    let node = Node::start("desk");
    let (_, folder) = node.stop();
    let token = folder.path().join("token");
    let everybody = std::fs::Permissions::from_mode(0o644);
    std::fs::set_permissions(&token, everybody).expect("it is set");
    let node = Setup::new("desk").on(folder).start();
    let mode = std::fs::metadata(node.folder().join("token")).expect("it exists").permissions();
    assert_eq!(mode.mode() & 0o777, 0o600);
}

#[test]
fn a_node_stops_cleanly_when_asked_and_starts_again_after_a_kill() {
    let node = Node::start("desk");
    let id = node.id().to_owned();
    let (code, folder) = node.stop();
    assert_eq!(code, Some(0));
    assert!(!folder.path().join("node.json").exists(), "a stopped node is not running");

    let node = Setup::new("desk").on(folder).start();
    assert_eq!(node.id(), id, "it is the same node");
    let folder = node.kill();
    let gone = run(pumasi(folder.path()).arg("status"));
    assert_eq!(gone.code, Some(69), "{gone:?}");
    let node = Setup::new("desk").on(folder).start();
    assert_eq!(node.id(), id, "it is the same node");
    let asked = node.pumasi(&["run", STARTER, "upper: again"]);
    assert_eq!(asked.stdout, "AGAIN\n", "{asked:?}");
}

#[test]
fn an_interrupted_question_ends_with_its_own_code() {
    let node = Node::start("desk");
    let mut command = std::process::Command::new(pumasi_tests::command::program());
    clean(&mut command);
    command.env("PUMASI_DATA_DIR", node.folder());
    let long: String = "a ".repeat(120);
    command.args(["submit", "--wait", STARTER, &format!("repeat: {long}")]);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("it starts");
    let before = node.get("/api/v1/jobs")["data"].as_array().map_or(0, Vec::len);
    until("the job is handed in", Duration::from_secs(30), || {
        let jobs = node.get("/api/v1/jobs");
        let ended = child.try_wait().expect("its state can be read").is_some();
        (ended || jobs["data"].as_array().map(Vec::len) > Some(before)).then_some(())
    });
    pumasi_tests::command::interrupt(child.id());
    let status = child.wait().expect("it ends");
    // It may have been answered before the signal came.
    assert!(matches!(status.code(), Some(0 | 130) | None), "{status:?}");
    assert_eq!(node.pumasi(&["status"]).code, Some(0), "the node goes on");
}

#[test]
fn the_demo_shows_three_nodes_at_work_and_leaves_nothing_behind() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut command = pumasi(folder.path());
    command.args(["demo", "--json", "--jobs", "12"]).env("TMPDIR", folder.path());
    let ended = run(&mut command);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let report = ended.json();
    let rows = report["jobs"].as_array().expect("the jobs");
    assert_eq!(rows.len(), 12);
    for row in rows {
        assert_eq!(row["state"], "completed", "{row}");
        let texts = [&row["node"], &row["why"], &row["answer"]];
        assert!(texts.iter().all(|text| text.as_str().is_some_and(|t| !t.is_empty())), "{row}");
    }
    let counts = report["nodes"].as_array().expect("the nodes").iter();
    let counts: Vec<u64> = counts.filter_map(|node| node["jobs"].as_u64()).collect();
    assert_eq!((counts.len(), counts.iter().sum::<u64>()), (3, 12), "{report}");
    let left: Vec<_> = std::fs::read_dir(folder.path()).expect("it exists").flatten().collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn replies_name_the_node_and_the_reason_in_headers() {
    let node = Node::start("desk");
    let reply = node.chat("upper: header", &Value::Null);
    assert_eq!(reply.body["choices"][0]["message"]["content"], "HEADER");
    assert_eq!(reply.header("x-pumasi-node"), Some("desk"));
    assert_eq!(reply.header("x-pumasi-node-id"), Some(node.id()));
    for name in ["x-pumasi-why", "x-pumasi-job", "x-request-id"] {
        assert!(reply.header(name).is_some_and(|value| !value.is_empty()), "{name}: {reply:?}");
    }
}
