//! What it takes to install and remove the service on each system, as steps that can be shown.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::unit;

/// Of systemd's user unit, and of the task on Windows.
const UNIT: &str = "pumasi.service";
const TASK: &str = "Pumasi";
/// Of the launch agent.
pub(super) const LABEL: &str = "org.pumasi.node";

/// What starts programs on this computer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum System {
    Systemd,
    Launchd,
    Tasks,
}

/// What shall run, and for whom.
#[derive(Debug, Clone)]
pub(super) struct Install {
    pub(super) home: PathBuf,
    pub(super) program: PathBuf,
    pub(super) data_dir: Option<PathBuf>,
    pub(super) config: Option<PathBuf>,
    pub(super) at_boot: bool,
    /// The person's number on Unix.
    pub(super) user: u32,
}

impl Install {
    /// The arguments of the program.
    pub(super) fn arguments(&self) -> Vec<String> {
        let option = |name: &str, path: &Option<PathBuf>| {
            let path = path.as_ref().map(|path| path.to_string_lossy().into_owned());
            path.map(|path| [name.to_owned(), path]).into_iter().flatten()
        };
        let places = option("--data-dir", &self.data_dir).chain(option("--config", &self.config));
        std::iter::once("up".to_owned()).chain(places).collect()
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Step {
    Write { path: PathBuf, text: String },
    Delete { path: PathBuf },
    Run(Vec<String>),
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Write { path, text } => write!(f, "write {}:\n{text}", path.display()),
            Self::Delete { path } => write!(f, "delete {}", path.display()),
            Self::Run(command) => write!(f, "run {}", command.join(" ")),
        }
    }
}

impl System {
    pub(super) fn here() -> Self {
        if cfg!(target_os = "macos") {
            Self::Launchd
        } else if cfg!(windows) {
            Self::Tasks
        } else {
            Self::Systemd
        }
    }

    fn file(self, home: &Path) -> PathBuf {
        match self {
            Self::Systemd => home.join(".config/systemd/user").join(UNIT),
            Self::Launchd => home.join("Library/LaunchAgents").join(format!("{LABEL}.plist")),
            Self::Tasks => home.join("AppData/Local/pumasi/service.xml"),
        }
    }

    pub(super) fn installation(self, install: &Install) -> Vec<Step> {
        let path = self.file(&install.home);
        let shown = path.to_string_lossy().into_owned();
        match self {
            Self::Systemd => {
                let mut steps = vec![
                    Step::Write { path, text: unit::systemd(install) },
                    systemctl(&["daemon-reload"]),
                    systemctl(&["enable", "--now", UNIT]),
                    // It may have run before, with another program or other places.
                    systemctl(&["restart", UNIT]),
                ];
                if install.at_boot {
                    steps.push(Step::Run(words(&["loginctl", "enable-linger"])));
                }
                steps
            }
            Self::Launchd => vec![
                Step::Write { path, text: unit::launch_agent(install) },
                Step::Run(words(&["launchctl", "bootstrap", &domain(install.user), &shown])),
            ],
            Self::Tasks => vec![
                Step::Write { path, text: unit::task(install) },
                Step::Run(words(&["schtasks", "/Create", "/F", "/TN", TASK, "/XML", &shown])),
                Step::Run(words(&["schtasks", "/Run", "/TN", TASK])),
            ],
        }
    }

    /// Stopped before its file goes.
    pub(super) fn removal(self, home: &Path) -> Vec<Step> {
        let path = self.file(home);
        let shown = path.to_string_lossy().into_owned();
        match self {
            Self::Systemd => vec![
                systemctl(&["disable", "--now", UNIT]),
                Step::Delete { path },
                systemctl(&["daemon-reload"]),
            ],
            Self::Launchd => {
                vec![Step::Run(words(&["launchctl", "unload", &shown])), Step::Delete { path }]
            }
            Self::Tasks => vec![
                Step::Run(words(&["schtasks", "/End", "/TN", TASK])),
                Step::Run(words(&["schtasks", "/Delete", "/F", "/TN", TASK])),
                Step::Delete { path },
            ],
        }
    }

    pub(super) fn start(self) -> Vec<String> {
        match self {
            Self::Systemd => words(&["systemctl", "--user", "start", UNIT]),
            Self::Launchd => words(&["launchctl", "start", LABEL]),
            Self::Tasks => words(&["schtasks", "/Run", "/TN", TASK]),
        }
    }

    pub(super) fn is_known(self) -> Vec<String> {
        match self {
            Self::Systemd => {
                words(&["systemctl", "--user", "show", "--property=LoadState", "--value", UNIT])
            }
            Self::Launchd | Self::Tasks => self.is_installed(),
        }
    }

    pub(super) fn says_it_is_known(self, text: &str) -> bool {
        match self {
            Self::Systemd => text.trim() == "loaded",
            Self::Launchd | Self::Tasks => self.says_it_is_installed(text),
        }
    }

    pub(super) fn is_installed(self) -> Vec<String> {
        match self {
            Self::Systemd => words(&["systemctl", "--user", "is-enabled", UNIT]),
            Self::Launchd => words(&["launchctl", "list"]),
            Self::Tasks => words(&["schtasks", "/Query", "/TN", TASK]),
        }
    }

    pub(super) fn says_it_is_installed(self, text: &str) -> bool {
        match self {
            Self::Systemd => text.trim() == "enabled",
            Self::Launchd => text.contains(LABEL),
            Self::Tasks => text.contains(TASK),
        }
    }

    pub(super) fn runs(self) -> Vec<String> {
        match self {
            Self::Systemd => words(&["systemctl", "--user", "is-active", UNIT]),
            Self::Launchd => words(&["launchctl", "list"]),
            Self::Tasks => words(&["schtasks", "/Query", "/TN", TASK]),
        }
    }

    pub(super) fn says_it_runs(self, text: &str) -> bool {
        match self {
            Self::Systemd => text.trim() == "active",
            // Process, last status, label: a dash where no process is.
            Self::Launchd => {
                text.lines().any(|line| line.ends_with(LABEL) && !line.starts_with('-'))
            }
            Self::Tasks => text.contains("Running"),
        }
    }

    pub(super) fn logs(self, home: &Path, lines: u32, follow: bool) -> Vec<String> {
        let count = lines.to_string();
        let mut command = match self {
            Self::Systemd => {
                words(&["journalctl", "--user", "--unit", UNIT, "--no-pager", "--lines", &count])
            }
            Self::Launchd | Self::Tasks => {
                let file = unit::log_file(home).to_string_lossy().into_owned();
                words(&["tail", "-n", &count, &file])
            }
        };
        if follow {
            command.push("-f".to_owned());
        }
        command
    }
}

fn systemctl(words_: &[&str]) -> Step {
    Step::Run(words(&[&["systemctl", "--user"], words_].concat()))
}

fn domain(user: u32) -> String {
    format!("gui/{user}")
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|&word| word.to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn install(data_dir: Option<&str>, at_boot: bool) -> Install {
        Install {
            home: "/home/kim".into(),
            program: "/opt/pu masi/bin/pumasi".into(),
            data_dir: data_dir.map(Into::into),
            config: None,
            at_boot,
            user: 1000,
        }
    }

    fn shown(steps: &[Step]) -> Vec<String> {
        let first = |step: &Step| step.to_string().lines().next().unwrap_or_default().to_owned();
        steps.iter().map(first).collect()
    }

    #[test]
    fn systemd_starts_it_now_and_at_each_login() {
        let steps = System::Systemd.installation(&install(Some("/data"), true));
        assert_eq!(
            shown(&steps),
            [
                "write /home/kim/.config/systemd/user/pumasi.service:",
                "run systemctl --user daemon-reload",
                "run systemctl --user enable --now pumasi.service",
                "run systemctl --user restart pumasi.service",
                "run loginctl enable-linger",
            ]
        );
        let without = System::Systemd.installation(&install(None, false));
        assert_eq!(without.len(), steps.len() - 1, "nothing is asked of administrators unasked");
    }

    #[test]
    fn what_was_installed_is_stopped_before_it_is_removed() {
        for (system, last_stop) in [
            (System::Systemd, "disable --now"),
            (System::Launchd, "unload"),
            (System::Tasks, "/End"),
        ] {
            let steps = shown(&system.removal(Path::new("/home/kim")));
            let stop = steps.iter().position(|step| step.contains(last_stop));
            let delete = steps.iter().position(|step| step.starts_with("delete"));
            assert!(stop.is_some() && stop < delete, "{steps:?}");
            let written = system.installation(&install(None, false));
            let Some(Step::Write { path, .. }) = written.first() else { panic!("{written:?}") };
            assert!(steps.contains(&format!("delete {}", path.display())), "{steps:?}");
        }
    }

    #[test]
    fn what_the_systems_say_is_understood() {
        let agents = "PID\tStatus\tLabel\n412\t0\torg.pumasi.node\n-\t0\tcom.apple.other\n";
        assert!(System::Launchd.says_it_runs(agents));
        assert!(!System::Launchd.says_it_runs("-\t0\torg.pumasi.node\n"));
        assert!(System::Systemd.says_it_is_installed("enabled\n"));
        assert!(!System::Systemd.says_it_is_installed("disabled\n"));
        assert!(!System::Systemd.says_it_runs("inactive\n"));
    }
}
