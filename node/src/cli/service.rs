//! `pumasi service`: the node as a service of the system that starts it, and what that system says.

mod plan;
mod unit;

use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::json;

use super::arguments::{Global, ServiceAction, ServiceInstallArguments, ServiceLogsArguments};
use super::failure::{Failure, Kind};
use super::output::Output;
use super::text::escape;
use plan::{Install, Step, System};

pub(super) fn service(
    action: &ServiceAction,
    global: &Global,
    output: &Output,
) -> Result<(), Failure> {
    let system = System::here();
    match action {
        ServiceAction::Install(arguments) => install(system, arguments, global, output),
        ServiceAction::Remove => {
            carry_out(&system.removal(&home()?))?;
            done("the node is no service any more; its data stays where it is", output)
        }
        ServiceAction::Status => status(system, output),
        ServiceAction::Logs(arguments) => logs(system, arguments),
    }
}

/// Starts the service, if there is one: a package brings it, without starting it at each login.
pub(super) fn start() -> Result<bool, Failure> {
    let system = System::here();
    if !asked(&system.is_known()).is_some_and(|text| system.says_it_is_known(&text)) {
        return Ok(false);
    }
    carry_out(&[Step::Run(system.start())])?;
    Ok(true)
}

fn install(
    system: System,
    arguments: &ServiceInstallArguments,
    global: &Global,
    output: &Output,
) -> Result<(), Failure> {
    let absolute = |path: &Option<PathBuf>| path.as_ref().map(std::path::absolute).transpose();
    let unusable =
        |error| Failure::new(Kind::Io, "path", format!("a path cannot be used ({error})"));
    let install = Install {
        home: home()?,
        program: std::env::current_exe().map_err(unusable)?,
        data_dir: absolute(&global.data_dir).map_err(unusable)?,
        config: absolute(&global.config).map_err(unusable)?,
        at_boot: arguments.at_boot,
        user: user(),
    };
    let steps = system.installation(&install);
    if arguments.dry_run {
        if output.is_json() {
            return output.object(&json!({ "steps": steps }));
        }
        return steps.iter().try_for_each(|step| output.line(&step.to_string()));
    }
    // A file that no node can start with would be told only in the log.
    crate::config::keys::checked(&global.places())?;
    carry_out(&steps)?;
    done("the node runs, and will whenever you log in: `pumasi service status`", output)
}

fn done(sentence: &str, output: &Output) -> Result<(), Failure> {
    if output.is_json() {
        return output.object(&json!({ "done": true }));
    }
    output.line(sentence)
}

fn status(system: System, output: &Output) -> Result<(), Failure> {
    let installed = is_installed(&system);
    let runs = installed && asked(&system.runs()).is_some_and(|text| system.says_it_runs(&text));
    if output.is_json() {
        return output.object(&json!({ "installed": installed, "running": runs }));
    }
    output.line(match (installed, runs) {
        (false, _) => "not installed as a service: `pumasi service install` does that",
        (true, false) => "installed, but not running: `pumasi service logs` may say why",
        (true, true) => "installed, and running",
    })
}

fn logs(system: System, arguments: &ServiceLogsArguments) -> Result<(), Failure> {
    let command = system.logs(&home()?, arguments.lines, arguments.follow);
    run(&command, Stdio::inherit())
}

fn is_installed(system: &System) -> bool {
    asked(&system.is_installed()).is_some_and(|text| system.says_it_is_installed(&text))
}

fn carry_out(steps: &[Step]) -> Result<(), Failure> {
    let io = |path: &PathBuf, error: std::io::Error| {
        let path = escape(&path.to_string_lossy());
        Failure::new(Kind::Io, "unwritable", format!("{path} cannot be written ({error})"))
    };
    for step in steps {
        match step {
            Step::Write { path, text } => {
                let folder = path.parent().map_or(Ok(()), std::fs::create_dir_all);
                folder
                    .and_then(|()| std::fs::write(path, text))
                    .map_err(|error| io(path, error))?;
            }
            Step::Delete { path } => match std::fs::remove_file(path) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(io(path, error));
                }
                Err(_) | Ok(()) => {}
            },
            Step::Run(command) => run(command, Stdio::null())?,
        }
    }
    Ok(())
}

/// Runs a command of the system, whose complaints the person sees as they are.
fn run(command: &[String], stdout: Stdio) -> Result<(), Failure> {
    let [program, arguments @ ..] = command else { return Ok(()) };
    let status = Command::new(program).args(arguments).stdin(Stdio::null()).stdout(stdout).status();
    let failed = |how: String| {
        let sentence = format!(
            "`{}` {how}: without it, start the node with `pumasi up`",
            escape(&command.join(" "))
        );
        Failure::new(Kind::Unavailable, "no_service_manager", sentence)
    };
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(failed(format!("failed ({status})"))),
        Err(error) => Err(failed(format!("cannot be run ({error})"))),
    }
}

/// What a command of the system says; none if it cannot be run.
fn asked(command: &[String]) -> Option<String> {
    let [program, arguments @ ..] = command else { return None };
    let output = Command::new(program).args(arguments).stdin(Stdio::null()).output().ok()?;
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn home() -> Result<PathBuf, Failure> {
    let base = directories::BaseDirs::new().map(|base| base.home_dir().to_owned());
    base.ok_or_else(|| crate::config::ConfigError::NoHome.into())
}

#[cfg(unix)]
fn user() -> u32 {
    rustix::process::getuid().as_raw()
}

/// Launch agents alone ask for it.
#[cfg(not(unix))]
fn user() -> u32 {
    0
}
