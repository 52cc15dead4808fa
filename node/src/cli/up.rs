//! `pumasi up`: runs the node in this process until it is told to stop.

use super::arguments::{Global, UpArguments};
use super::failure::{Failure, Kind};
use super::output::Output;
use crate::runtime::Running;
use crate::{config, daemon};

pub(super) fn run(
    arguments: UpArguments,
    global: &Global,
    output: &mut Output,
) -> Result<(), Failure> {
    let config = config::load(arguments.settings, &global.places())?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|error| {
        Failure::new(Kind::Software, "threads", format!("no threads can be started: {error}"))
    })?;
    let output = &*output;
    let ready = |running: &Running| announce(running, output);
    runtime.block_on(daemon::run(config, ready))?;
    Ok(())
}

fn announce(running: &Running, output: &Output) {
    if output.is_json() {
        let _ = output.object(running);
    } else {
        let _ = output.line(&format!("{} is up at {}", running.name, running.url()));
    }
}
