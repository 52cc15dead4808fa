//! The install itself: settings changed from the command line, the node as a service, manual pages.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use pumasi_tests::command::{Ended, pumasi, run, run_with};
use serde_json::Value;
use tempfile::TempDir;

fn folder() -> TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

fn setting(shown: &Ended, key: &str) -> Value {
    let all = shown.json()["settings"].as_array().expect("a list").clone();
    all.into_iter().find(|setting| setting["key"] == key).expect("the setting is listed")
}

#[test]
fn settings_are_shown_with_their_origin_and_changed_in_the_file() {
    let folder = folder();
    let done = run_with(folder.path(), &["config", "set", "slots", "2"]);
    assert_eq!(done.code, Some(0), "{done:?}");
    let shown = run_with(folder.path(), &["config", "--json"]);
    assert_eq!(setting(&shown, "slots")["value"], "2", "{shown:?}");
    assert_eq!(setting(&shown, "slots")["origin"], "file");
    assert_eq!(setting(&shown, "keep_alive_s")["origin"], "default");

    let shown = run(pumasi(folder.path()).args(["config", "--json"]).env("PUMASI_SLOTS", "3"));
    assert_eq!(setting(&shown, "slots")["value"], "3", "{shown:?}");
    assert_eq!(setting(&shown, "slots")["origin"], "variable");

    let said = run_with(folder.path(), &["config", "show", "--said"]);
    assert!(said.stdout.contains("slots") && !said.stdout.contains("keep_alive_s"), "{said:?}");
    let done = run_with(folder.path(), &["config", "unset", "slots"]);
    assert_eq!(done.code, Some(0), "{done:?}");
    let shown = run_with(folder.path(), &["config", "--json"]);
    assert_eq!(setting(&shown, "slots")["origin"], "default");
}

#[test]
fn cat_s02_settings_that_no_node_could_start_with_are_not_written() {
    let folder = folder();
    for (arguments, code) in [
        (&["config", "set", "slots", "none"][..], 2),
        (&["config", "set", "http", "0.0.0.0:7862"], 2),
        (&["config", "set", "slot", "3"], 2),
        (&["config", "set", "slots"], 2),
        (&["config", "unset", "nothing"], 2),
    ] {
        let refused = run_with(folder.path(), arguments);
        assert_eq!(refused.code, Some(code), "{arguments:?}: {refused:?}");
        assert!(!folder.path().join("config.toml").exists(), "{arguments:?}");
    }
    std::fs::write(folder.path().join("config.toml"), "slots = 2\nnow = [").expect("written");
    for arguments in [&["config"][..], &["config", "check"], &["config", "set", "slots", "3"]] {
        let refused = run_with(folder.path(), arguments);
        assert_eq!(refused.code, Some(78), "{arguments:?}: {refused:?}");
        assert!(refused.stderr.contains("line 2"), "{arguments:?}: {refused:?}");
    }
    let text = std::fs::read_to_string(folder.path().join("config.toml")).expect("it is there");
    assert_eq!(text, "slots = 2\nnow = [");
}

/// A folder with a `systemctl` that notes what it is asked, and says that all is well.
fn noting_systemctl() -> TempDir {
    let folder = folder();
    let program = folder.path().join("systemctl");
    let script = "#!/bin/sh\necho \"$@\" >> \"$(dirname \"$0\")/asked\"\n\
                  case \"$2\" in is-enabled) echo enabled;; is-active) echo active;; esac\n";
    std::fs::write(&program, script).expect("written");
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).expect("set");
    folder
}

fn service(systemctl: &Path, home: &Path, arguments: &[&str]) -> Ended {
    let path = format!("{}:/usr/bin:/bin", systemctl.display());
    let mut command: Command = pumasi(&home.join("data"));
    run(command.args(arguments).env("HOME", home).env("PATH", path))
}

fn asked(systemctl: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(systemctl.join("asked")).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

#[cfg(target_os = "linux")]
#[test]
fn the_service_is_written_started_and_removed_again() {
    let (home, systemctl) = (folder(), noting_systemctl());
    let unit = home.path().join(".config/systemd/user/pumasi.service");
    let dry = service(systemctl.path(), home.path(), &["service", "install", "--dry-run"]);
    assert_eq!(dry.code, Some(0), "{dry:?}");
    assert!(dry.stdout.contains("ExecStart="), "{dry:?}");
    assert!(!unit.exists() && asked(systemctl.path()).is_empty(), "{dry:?}");

    let done = service(systemctl.path(), home.path(), &["service", "install"]);
    assert_eq!(done.code, Some(0), "{done:?}");
    let text = std::fs::read_to_string(&unit).expect("the unit is there");
    let data = format!("\"up\" \"--data-dir\" \"{}\"", home.path().join("data").display());
    assert!(text.contains(&data), "{text}");
    let enabled = "--user enable --now pumasi.service".to_owned();
    assert!(asked(systemctl.path()).contains(&enabled), "{:?}", asked(systemctl.path()));

    let status = service(systemctl.path(), home.path(), &["service", "status", "--json"]);
    assert_eq!(status.json()["running"], true, "{status:?}");
    let gone = service(systemctl.path(), home.path(), &["service", "remove"]);
    assert_eq!(gone.code, Some(0), "{gone:?}");
    assert!(!unit.exists(), "{gone:?}");
}

#[cfg(target_os = "linux")]
#[test]
fn without_a_service_manager_it_is_said_what_to_do_instead() {
    let (home, nothing) = (folder(), folder());
    let mut command = pumasi(&home.path().join("data"));
    let command = command.args(["service", "install"]);
    let refused = run(command.env("HOME", home.path()).env("PATH", nothing.path()));
    assert_eq!(refused.code, Some(69), "{refused:?}");
    assert!(refused.stderr.contains("pumasi up"), "{refused:?}");
}

#[test]
fn a_service_with_settings_that_do_not_work_is_not_installed() {
    let (home, systemctl) = (folder(), noting_systemctl());
    std::fs::create_dir(home.path().join("data")).expect("made");
    std::fs::write(home.path().join("data/config.toml"), "slots = 0\n").expect("written");
    let refused = service(systemctl.path(), home.path(), &["service", "install"]);
    assert_eq!(refused.code, Some(78), "{refused:?}");
    assert_eq!(asked(systemctl.path()), Vec::<String>::new());
}

#[test]
fn every_command_has_a_manual_page() {
    let folder = folder();
    let pages = folder.path().join("man");
    let done = run(pumasi(folder.path()).arg("man").arg(&pages));
    assert_eq!(done.code, Some(0), "{done:?}");
    let help = run_with(folder.path(), &["--help"]).stdout;
    let commands = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let commands = commands.take_while(|line| !line.is_empty());
    let names: Vec<&str> = commands
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    assert!(names.len() > 30, "{names:?}");
    for name in names.into_iter().filter(|name| *name != "help") {
        let page = std::fs::read_to_string(pages.join(format!("pumasi-{name}.1"))).expect(name);
        assert!(page.contains(".SH SYNOPSIS"), "{name}");
    }
}
