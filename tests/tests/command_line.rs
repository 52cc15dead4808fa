//! The command line without a node: what people mistype, what scripts feed it, what is broken.

use std::ffi::OsStr;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Stdio;

use pumasi_tests::command::{pumasi, run, run_with};
use tempfile::TempDir;

fn folder() -> TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

/// Writes `node.json` as a node would that listens at `http` and is this test's own process.
fn pretend_node(data_dir: &Path, http: &str, pid: u32) {
    let running = serde_json::json!({
        "pid": pid, "version": "9.9.9", "started_ms": 0, "node": "ab".repeat(32), "name": "desk",
        "http": http, "mesh": [], "data": [], "join": [],
    });
    std::fs::write(data_dir.join("node.json"), running.to_string()).expect("it is written");
    std::fs::write(data_dir.join("token"), "ab".repeat(32)).expect("it is written");
    let mode = std::fs::Permissions::from_mode(0o600);
    std::fs::set_permissions(data_dir.join("token"), mode).expect("it is set");
}

/// Answers every connection with the same bytes, for as long as the test runs.
fn serve(answer: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("it is bound").to_string();
    std::thread::spawn(move || {
        for connection in listener.incoming() {
            let Ok(mut connection) = connection else { return };
            let mut head = [0; 4_096];
            let read = connection.read(&mut head);
            if read.is_ok() && connection.write_all(answer.as_bytes()).is_err() {
                return;
            }
        }
    });
    address
}

#[test]
fn cat_c01_no_arguments_help_with_a_broken_config_and_typos() {
    let folder = folder();
    let none = run_with::<&str>(folder.path(), &[]);
    assert_eq!(none.code, Some(0), "{none:?}");
    assert!(none.stdout.contains("Usage:") && none.stdout.contains("Examples:"), "{none:?}");

    std::fs::write(folder.path().join("config.toml"), "no = [").expect("it is written");
    for arguments in [&["--help"][..], &["up", "--help"], &["help"], &["help", "run"]] {
        let help = run_with(folder.path(), arguments);
        assert_eq!(help.code, Some(0), "{arguments:?}: {help:?}");
        assert!(help.stdout.contains("Usage:"), "{arguments:?}: {help:?}");
    }

    for (typo, meant) in [("stauts", "status"), ("modles", "models"), ("invit", "invite")] {
        let ended = run_with(folder.path(), &[typo]);
        assert_eq!(ended.code, Some(2), "{ended:?}");
        assert!(ended.stderr.contains(meant), "{ended:?}");
    }
    let flag = run_with(folder.path(), &["up", "--discovry"]);
    assert_eq!(flag.code, Some(2), "{flag:?}");
    assert!(flag.stderr.contains("--discovery"), "{flag:?}");
}

#[test]
fn every_command_explains_itself_with_examples() {
    let folder = folder();
    let commands = [
        "up",
        "status",
        "peers",
        "models",
        "chat",
        "run",
        "submit",
        "watch",
        "wait",
        "cancel",
        "get",
        "jobs",
        "why",
        "invite",
        "keys",
        "join",
        "approve",
        "found",
        "doctor",
        "demo",
        "completions",
    ];
    let list = run_with(folder.path(), &["--help"]).stdout;
    for command in commands {
        assert!(list.contains(&format!("  {command} ")), "{command} is not in the list");
        let help = run_with(folder.path(), &[command, "--help"]);
        assert_eq!(help.code, Some(0), "{help:?}");
        assert!(help.stdout.contains("Examples:"), "{command}: {help:?}");
    }
}

#[test]
fn cat_c02_prompts_and_names_that_are_empty_not_text_too_long_or_hostile() {
    let folder = folder();
    let cases: [&[&OsStr]; 7] = [
        &[OsStr::new("run"), OsStr::new("starter-chat"), OsStr::new("")],
        &[OsStr::new("run"), OsStr::new("starter-chat"), OsStr::new(" \n ")],
        &[OsStr::new("run"), OsStr::new("")],
        &[OsStr::new("run"), OsStr::from_bytes(b"\xff")],
        &[OsStr::new("run"), OsStr::new("starter-chat"), OsStr::from_bytes(b"a\xff")],
        &[OsStr::new("run"), OsStr::new("two\nlines"), OsStr::new("x")],
        &[OsStr::new("\u{1b}[31mred")],
    ];
    for arguments in cases {
        let ended = run_with(folder.path(), arguments);
        assert_eq!(ended.code, Some(2), "{arguments:?}: {ended:?}");
        assert!(!ended.stderr.contains('\u{1b}'), "{arguments:?}: {ended:?}");
    }
    let escaped = run_with(folder.path(), &["run", "a\u{1b}[31m\nb", "x"]);
    assert!(escaped.stderr.contains("a\\u{1b}[31m\\nb"), "{escaped:?}");
    let unknown = run_with(folder.path(), &["a\u{1b}[31m\nb"]);
    assert!(unknown.stderr.contains("a\\u{1b}[31m\\nb"), "{unknown:?}");
}

#[test]
fn cat_c02_a_ten_mebibyte_command_line_is_refused() {
    let folder = folder();
    // The system takes at most 128 KiB in one argument, and all together a quarter of the stack.
    let part = "a".repeat(100 * 1024);
    let mut command = pumasi(folder.path());
    command.args(["run", "starter-chat"]).args(std::iter::repeat_n(&part, 12));
    let ended = run(&mut command);
    assert_eq!(ended.code, Some(2), "code {:?}", ended.code);
    assert!(ended.stderr.contains("standard input"), "{}", ended.stderr);
    assert!(ended.stderr.len() < 1_000, "the sentence is short");
}

#[test]
fn cat_c03_closed_and_binary_input_and_a_reader_that_leaves() {
    let folder = folder();
    let closed = run_with(folder.path(), &["run", "starter-chat"]);
    assert_eq!(closed.code, Some(2), "{closed:?}");

    let binary = folder.path().join("binary");
    std::fs::write(&binary, b"\x00\xff\xfe").expect("it is written");
    let input = std::fs::File::open(&binary).expect("it opens");
    let ended = run(pumasi(folder.path()).args(["run", "starter-chat"]).stdin(input));
    assert_eq!(ended.code, Some(65), "{ended:?}");

    let long = folder.path().join("long");
    std::fs::write(&long, vec![b'a'; 3 << 20]).expect("it is written");
    let input = std::fs::File::open(&long).expect("it opens");
    let ended = run(pumasi(folder.path()).args(["run", "starter-chat"]).stdin(input));
    assert_eq!(ended.code, Some(65), "{ended:?}");

    for arguments in [&["--help"][..], &["completions", "bash"], &["status", "--json"]] {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let mut command = pumasi(folder.path());
        command.args(arguments).stdout(writer).stderr(Stdio::piped());
        let output = command.spawn().and_then(|child| child.wait_with_output());
        let output = output.expect("it ends");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(!stderr.contains("panicked"), "{arguments:?}: {stderr}");
        assert!(output.status.code().is_some(), "{arguments:?}: {output:?}");
    }
}

#[test]
fn cat_c03_output_is_plain_when_no_terminal_reads_it_or_colour_is_refused() {
    let folder = folder();
    for (name, value) in [("NO_COLOR", "1"), ("COLUMNS", "1"), ("TERM", "dumb")] {
        let mut command = pumasi(folder.path());
        command.env(name, value);
        for arguments in [&["--help"][..], &["status"], &["nonsense"]] {
            let mut command = pumasi(folder.path());
            command.env(name, value).args(arguments);
            let ended = run(&mut command);
            let shown = format!("{}{}", ended.stdout, ended.stderr);
            assert!(!shown.contains('\u{1b}'), "{name}: {shown:?}");
        }
    }
}

#[test]
fn cat_c04_no_node_a_dead_one_and_something_else_at_its_port() {
    let folder = folder();
    let absent = run_with(folder.path(), &["status"]);
    assert_eq!(absent.code, Some(69), "{absent:?}");
    assert!(absent.stderr.contains("pumasi up"), "{absent:?}");

    // Larger than any process id that Linux hands out (2^22).
    pretend_node(folder.path(), "127.0.0.1:1", 0x7fff_fff0);
    let ended = run_with(folder.path(), &["status"]);
    assert_eq!(ended.code, Some(69), "{ended:?}");
    assert!(ended.stderr.contains("pumasi up"), "{ended:?}");

    // A process that lives, and a port that nobody answers at.
    let closed = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = closed.local_addr().expect("it is bound").to_string();
    drop(closed);
    pretend_node(folder.path(), &address, std::process::id());
    let dead = run_with(folder.path(), &["status"]);
    assert_eq!(dead.code, Some(69), "{dead:?}");
    assert!(dead.stderr.contains("pumasi up"), "{dead:?}");

    for answer in [
        "HTTP/1.1 404 Not Found\r\ncontent-length: 5\r\nconnection: close\r\n\r\nhello",
        "SSH-2.0-OpenSSH_9.2\r\n",
        "",
    ] {
        pretend_node(folder.path(), &serve(answer), std::process::id());
        let ended = run_with(folder.path(), &["status"]);
        assert_eq!(ended.code, Some(69), "{answer:?}: {ended:?}");
    }
}

#[test]
fn cat_c04_a_node_of_another_version_is_named_as_such() {
    let folder = folder();
    let answer = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 17\r\n\
                  connection: close\r\n\r\n{\"future\": \"yes\"}";
    pretend_node(folder.path(), &serve(answer), std::process::id());
    let ended = run_with(folder.path(), &["status"]);
    assert_eq!(ended.code, Some(69), "{ended:?}");
    assert!(ended.stderr.contains("another version"), "{ended:?}");
}

#[test]
fn cat_c05_arguments_that_look_like_commands_or_options_are_names() {
    let folder = folder();
    let marker = folder.path().join("marker");
    let substitution = format!("$(touch {})", marker.display());
    let names = ["; rm -rf ~", &substitution, "-rf", "--config=/x", "`id`", "a|b", "../../x"];
    for name in names {
        for arguments in [vec!["run", "--", name, "hello"], vec!["models", "load", "--", name]] {
            let ended = run_with(folder.path(), &arguments);
            assert_eq!(ended.code, Some(2), "{arguments:?}: {ended:?}");
            assert!(ended.stderr.contains("is no model"), "{arguments:?}: {ended:?}");
        }
        let flag = format!("--model={name}");
        let ended = run_with(folder.path(), &["chat", &flag, "hello"]);
        assert_eq!(ended.code, Some(2), "{flag}: {ended:?}");
        assert!(ended.stderr.contains("is no model"), "{flag}: {ended:?}");
    }
    assert!(!marker.exists(), "a shell saw the name");
}

#[test]
fn cat_c10_errors_are_one_json_object_too() {
    let folder = folder();
    let cases: [(&[&str], i32, &str); 8] = [
        (&["status", "--json"], 69, "node_not_running"),
        (&["--json", "chat", "hello"], 69, "node_not_running"),
        (&["--json", "stauts"], 2, "usage"),
        (&["run", "--json", "starter-chat", ""], 2, "usage"),
        (&["why", "--json"], 2, "usage"),
        (&["up", "--json", "--http", "0.0.0.0:0"], 78, "unsafe_bind"),
        (&["up", "--json", "--config", "/nonexistent/config.toml"], 78, "config"),
        (&["join", "--json", "not an invitation é"], 2, "usage"),
    ];
    for (arguments, code, word) in cases {
        let ended = run_with(folder.path(), arguments);
        assert_eq!(ended.code, Some(code), "{arguments:?}: {ended:?}");
        let error = ended.json();
        assert_eq!(error["error"]["code"], word, "{arguments:?}: {ended:?}");
        assert!(error["error"]["message"].as_str().is_some_and(|text| !text.is_empty()));
    }
    let help = run_with(folder.path(), &["--json"]).json();
    assert!(help["help"].as_str().is_some_and(|text| text.contains("Usage:")));
    let script = run_with(folder.path(), &["--json", "completions", "zsh"]).json();
    assert!(script["script"].as_str().is_some_and(|text| text.contains("pumasi")));
}

#[test]
fn cat_s01_http_beyond_loopback_without_keys_does_not_start() {
    let folder = folder();
    for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:7862"] {
        let ended = run_with(folder.path(), &["up", "--http", address]);
        assert_eq!(ended.code, Some(78), "{ended:?}");
        let sentence = &ended.stderr;
        assert!(sentence.contains("127.0.0.1:7862") && sentence.contains("TLS"), "{sentence}");
    }
    let variable = run(pumasi(folder.path()).arg("up").env("PUMASI_HTTP", "0.0.0.0:0"));
    assert_eq!(variable.code, Some(78), "{variable:?}");
    std::fs::write(folder.path().join("config.toml"), "http = '0.0.0.0:0'\n").expect("written");
    let file = run_with(folder.path(), &["up"]);
    assert_eq!(file.code, Some(78), "{file:?}");
}

#[test]
fn cat_s02_broken_settings_and_tokens_are_one_clear_sentence() {
    let configs: [(&[u8], &str); 4] = [
        (b"name = [", "line 1"),
        (b"\xff", "UTF-8"),
        (b"colour = 'blue'\n", "unknown field `colour`"),
        (b"slots = 'many'\n", "line 1"),
    ];
    for (text, expected) in configs {
        let folder = folder();
        std::fs::write(folder.path().join("config.toml"), text).expect("it is written");
        let ended = run_with(folder.path(), &["up"]);
        assert_eq!(ended.code, Some(78), "{ended:?}");
        assert!(ended.stderr.contains(expected), "{ended:?}");
        assert_eq!(ended.stderr.lines().count(), 1, "{ended:?}");
    }
    for token in ["", "\n", "short", "\u{0}"] {
        let folder = folder();
        std::fs::write(folder.path().join("token"), token).expect("it is written");
        let ended = run_with(folder.path(), &["up", "--http", "127.0.0.1:0", "--discovery=false"]);
        assert_eq!(ended.code, Some(78), "{token:?}: {ended:?}");
        assert!(ended.stderr.contains("token"), "{ended:?}");
    }
}

#[test]
fn an_invitation_before_the_first_start_is_kept_for_it() {
    let folder = folder();
    let data_dir = folder.path().join("data");
    let kept = run_with(&data_dir, &["join", "pumasi-abc"]);
    assert_eq!(kept.code, Some(0), "{kept:?}");
    assert!(kept.stderr.contains("pumasi up"), "{kept:?}");
    let file = data_dir.join("invitation");
    assert_eq!(std::fs::read_to_string(&file).expect("it is kept"), "pumasi-abc");
    let mode = std::fs::metadata(&file).expect("it is kept").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn a_url_that_leaves_this_computer_is_refused() {
    let folder = folder();
    for url in ["http://10.0.0.1:7862", "https://127.0.0.1:7862", "http://evil.example", "x", ""] {
        let ended = run_with(folder.path(), &["--url", url, "status"]);
        assert_eq!(ended.code, Some(2), "{url}: {ended:?}");
    }
}
