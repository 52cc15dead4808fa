//! What each system wants to read of a service.

use std::path::{Path, PathBuf};

use super::plan::{Install, LABEL};

/// Of the systemd user unit; packages ship the same with their own program.
const SYSTEMD: &str = include_str!("pumasi.service.in");

/// A systemd user unit (systemd.service(5)).
pub(super) fn systemd(install: &Install) -> String {
    let command = std::iter::once(install.program.to_string_lossy().into_owned());
    let words: Vec<String> = command.chain(install.arguments()).map(|word| quoted(&word)).collect();
    SYSTEMD.replace("@COMMAND@", &words.join(" "))
}

/// As systemd reads a word (systemd.service(5), "Command lines"): in quotes, no specifier, no variable.
fn quoted(word: &str) -> String {
    let escaped = word.replace('\\', "\\\\").replace('"', "\\\"");
    format!("\"{}\"", escaped.replace('%', "%%").replace('$', "$$"))
}

/// A launch agent (launchd.plist(5)).
pub(super) fn launch_agent(install: &Install) -> String {
    let command = std::iter::once(install.program.to_string_lossy().into_owned());
    let words: String = command
        .chain(install.arguments())
        .map(|word| format!("\n    <string>{}</string>", xml(&word)))
        .collect();
    let log = xml(&log_file(&install.home).to_string_lossy());
    format!(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
<dict>
  <key>Label</key><string>{LABEL}</string>
  <key>ProgramArguments</key>
  <array>{words}
  </array>
  <key>RunAtLoad</key><true/>
  <key>KeepAlive</key><dict><key>SuccessfulExit</key><false/></dict>
  <key>ProcessType</key><string>Background</string>
  <key>StandardErrorPath</key><string>{log}</string>
</dict>
</plist>
"#
    )
}

/// A task of the Windows scheduler, at logon, started again after a failure.
pub(super) fn task(install: &Install) -> String {
    let program = xml(&install.program.to_string_lossy());
    let arguments: Vec<String> =
        install.arguments().iter().map(|word| format!("\"{word}\"")).collect();
    let arguments = xml(&arguments.join(" "));
    format!(
        r#"<?xml version="1.0"?>
<Task version="1.2" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">
  <Triggers><LogonTrigger/></Triggers>
  <Settings>
    <MultipleInstancesPolicy>IgnoreNew</MultipleInstancesPolicy>
    <DisallowStartIfOnBatteries>false</DisallowStartIfOnBatteries>
    <StopIfGoingOnBatteries>false</StopIfGoingOnBatteries>
    <ExecutionTimeLimit>PT0S</ExecutionTimeLimit>
    <RestartOnFailure><Interval>PT1M</Interval><Count>10</Count></RestartOnFailure>
  </Settings>
  <Actions><Exec><Command>{program}</Command><Arguments>{arguments}</Arguments></Exec></Actions>
</Task>
"#
    )
}

/// Where a launch agent's node logs to.
pub(super) fn log_file(home: &Path) -> PathBuf {
    home.join("Library/Logs/pumasi.log")
}

fn xml(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    text.replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn install() -> Install {
        Install {
            home: "/home/kim".into(),
            program: "/opt/pu masi/pumasi".into(),
            data_dir: Some("/data/100%/$x\"&<y>".into()),
            config: None,
            at_boot: false,
            user: 1000,
        }
    }

    #[test]
    fn words_stay_words_in_each_file() {
        let unit = systemd(&install());
        let command =
            r#"ExecStart="/opt/pu masi/pumasi" "up" "--data-dir" "/data/100%%/$$x\"&<y>""#;
        assert!(unit.lines().any(|line| line == command), "{unit}");
        assert!(!unit.contains('@'), "{unit}");
        let agent = launch_agent(&install());
        assert!(agent.contains("<string>/data/100%/$x&quot;&amp;&lt;y&gt;</string>"), "{agent}");
        let task = task(&install());
        assert!(task.contains("<Command>/opt/pu masi/pumasi</Command>"), "{task}");
        assert!(task.contains("&amp;&lt;y&gt;"), "{task}");
    }
}
