//! What the settings must refuse, and which of their sources wins.

use std::path::Path;

use clap::Parser;

use super::*;

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    settings: Settings,
}

fn flags(line: &[&str]) -> Settings {
    let line = ["up"].iter().chain(line);
    Line::try_parse_from(line).expect("the flags parse").settings
}

fn places(folder: &Path) -> Places {
    Places { config: None, data_dir: Some(folder.to_owned()) }
}

fn folder_with(text: &[u8]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    std::fs::write(folder.path().join("config.toml"), text).expect("the file is written");
    folder
}

#[test]
fn flags_win_over_the_file_and_the_file_over_defaults() {
    let folder = folder_with(b"name = 'desk'\nslots = 8\npeers = ['desk-2.local', '[::1]:9']\n");
    let config = load(flags(&["--slots", "2"]), &places(folder.path())).expect("it is valid");
    assert_eq!(config.name.as_str(), "desk");
    assert_eq!(config.engine.slots.get(), 2);
    assert_eq!(config.mesh_port, MESH_PORT);
    let peers: Vec<String> = config.peers.iter().map(ToString::to_string).collect();
    assert_eq!(peers, ["desk-2.local:7863", "[::1]:9"]);
}

#[test]
fn cat_s02_a_corrupt_file_or_an_unknown_key_is_one_sentence_with_its_line() {
    let cases: [(&[u8], &str); 5] = [
        (b"name = 'a'\nslotz = 3\n", "line 2: unknown field `slotz`"),
        (b"name = \n", "line 1:"),
        (b"\n\nslots = 0\n", "line 3:"),
        (b"http = 'anywhere'\n", "line 1:"),
        (b"name = 'a'\n\xff\xfe\n", "line 2: not UTF-8 text"),
    ];
    for (text, expected) in cases {
        let folder = folder_with(text);
        let error = load(Settings::default(), &places(folder.path())).expect_err("it is broken");
        let sentence = error.to_string();
        assert!(sentence.contains(expected), "{sentence}");
        assert!(!sentence.contains('\n'), "{sentence}");
    }
}

#[test]
fn a_missing_file_is_fine_unless_it_was_asked_for() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut places = places(folder.path());
    assert!(load(Settings::default(), &places).is_ok());
    places.config = Some(folder.path().join("absent.toml"));
    let error = load(Settings::default(), &places);
    assert!(matches!(error, Err(ConfigError::Unreadable { .. })), "{error:?}");
}

#[test]
fn cat_s01_http_beyond_loopback_is_refused_with_both_ways_out() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for address in ["0.0.0.0:0", "[::]:7862", "192.168.0.1:80", "[::ffff:10.0.0.1]:80"] {
        let error = load(flags(&["--http", address]), &places(folder.path()));
        let sentence = error.expect_err("it is open").to_string();
        assert!(sentence.contains("127.0.0.1:7862") && sentence.contains("TLS"), "{sentence}");
    }
    for address in ["127.0.0.1:0", "127.9.9.9:80", "[::1]:7862", "[::ffff:127.0.0.1]:80"] {
        assert!(load(flags(&["--http", address]), &places(folder.path())).is_ok(), "{address}");
    }
}

#[test]
fn ports_that_collide_are_refused_and_zero_never_collides() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let ports = |mesh, data| flags(&["--mesh-port", mesh, "--data-port", data]);
    let same = load(ports("7000", "7000"), &places(folder.path()));
    assert!(matches!(same, Err(ConfigError::SamePort(7000))));
    assert!(load(ports("0", "0"), &places(folder.path())).is_ok());
    let with_http = load(ports("7862", "1"), &places(folder.path()));
    assert!(matches!(with_http, Err(ConfigError::SamePort(7862))));
    assert!(load(ports("1", "7862"), &places(folder.path())).is_ok(), "UDP beside TCP");
}

#[test]
fn every_key_of_the_file_is_a_flag_and_a_variable() {
    let command = <Settings as clap::Args>::augment_args(clap::Command::new("up"));
    for argument in command.get_arguments() {
        let key = argument.get_id().as_str();
        let variable = argument.get_env().map(|name| name.to_string_lossy().into_owned());
        assert_eq!(variable, Some(format!("PUMASI_{}", key.to_uppercase())));
        let folder = folder_with(format!("{key} = {{}}\n").as_bytes());
        let error = load(Settings::default(), &places(folder.path())).expect_err("a table");
        assert!(!error.to_string().contains("unknown field"), "{key} is no key: {error}");
    }
}

#[test]
fn a_context_is_the_models_own_up_to_the_cap_or_what_was_asked() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let engine = |line: &[&str]| load(flags(line), &places(folder.path())).map(|c| c.engine);
    let default = engine(&[]).expect("it is valid");
    assert_eq!((default.context_for(1_024), default.context_for(131_072)), (1_024, CONTEXT_CAP));
    let asked = engine(&["--context", "32768"]).expect("it is valid");
    assert_eq!((asked.context_for(1_024), asked.context_for(131_072)), (1_024, 32_768));
}

#[test]
fn peer_addresses_are_names_or_ips_with_or_without_port() {
    for (text, expected) in [
        ("desk.local", "desk.local:7863"),
        ("10.0.0.7", "10.0.0.7:7863"),
        ("10.0.0.7:9", "10.0.0.7:9"),
        ("::1", "[::1]:7863"),
        ("[fe80::1]:5", "[fe80::1]:5"),
    ] {
        let parsed = text.parse::<PeerAddress>().map(|address| address.to_string());
        assert_eq!(parsed, Ok(expected.to_owned()));
    }
    for text in ["", ":7863", "-rf", "a b", "http://x", "a:b", "a:70000", "a:0", "../x"] {
        assert_eq!(text.parse::<PeerAddress>(), Err(PeerAddressError), "{text}");
    }
}
