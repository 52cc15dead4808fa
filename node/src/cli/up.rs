//! `pumasi up`: runs the node in this process until it is told to stop.

use std::path::{Path, PathBuf};

use super::arguments::{Global, UpArguments};
use super::client::Client;
use super::failure::{Failure, Kind};
use super::output::{Output, Style};
use super::text::escape;
use super::{browser, invitation, logging, mesh};
use crate::runtime::{Running, Token};
use crate::{config, daemon};

pub(super) fn run(arguments: UpArguments, global: &Global, output: &Output) -> Result<(), Failure> {
    let config = config::load(arguments.settings, &global.places())?;
    logging::start(&config.log, config.observing.log_format)?;
    warn_of_root(output);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|error| {
        Failure::new(Kind::Software, "threads", format!("no threads can be started: {error}"))
    })?;
    let data_dir = config.data_dir.clone();
    let ready = |running: &Running| {
        announce(running, output);
        if arguments.open {
            browser::open(&running.url());
        }
        tokio::spawn(use_invitation(data_dir, running.clone()));
    };
    runtime.block_on(daemon::run(config, ready))?;
    Ok(())
}

#[cfg(unix)]
fn warn_of_root(output: &Output) {
    if rustix::process::geteuid().is_root() {
        output.warn(
            "warning: this node runs as root, which it does not need: \
             a flaw in it or in an engine would be one in the whole computer",
        );
    }
}

/// Elsewhere the installer decides.
#[cfg(not(unix))]
fn warn_of_root(_output: &Output) {}

fn announce(running: &Running, output: &Output) {
    // A node whose terminal went away goes on.
    if output.is_json() {
        let _ = output.object(running);
        return;
    }
    let url = running.url();
    let _ = output.line(&format!(
        "{} is up at {}",
        escape(&running.name),
        output.style(Style::Bold, &url)
    ));
    if running.public.is_some() {
        output.note(&format!("for others: {}", mesh::others(running.public.as_ref())));
    }
    let body = r#"{"model":"starter-chat","messages":[{"role":"user","content":"upper: hello"}]}"#;
    output.note(&format!(
        "try it:  curl -s {url}/v1/chat/completions -H 'content-type: application/json' -d '{body}'\n\
         or:      pumasi chat      (Ctrl-C here stops the node)"
    ));
}

/// Redeems the invitation that `pumasi join` kept before the first start.
async fn use_invitation(data_dir: PathBuf, running: Running) {
    match redeem(&data_dir, &running).await {
        Ok(None) => {}
        Ok(Some(welcome)) => tracing::info!("{welcome}"),
        Err(failure) => tracing::warn!("the kept invitation was not used: {}", failure.sentence),
    }
}

async fn redeem(data_dir: &Path, running: &Running) -> Result<Option<String>, Failure> {
    let Some(token) = invitation::kept(data_dir)? else { return Ok(None) };
    let client = Client::of(running, Token::load(data_dir)?)?;
    let joined = mesh::redeem(&client, token).await;
    match &joined {
        Ok(_) => invitation::forget(data_dir),
        Err(failure) => match failure.kind {
            // Worth another try at the next start.
            Kind::Unavailable | Kind::Temporary | Kind::Software | Kind::Io | Kind::Interrupted => {
            }
            Kind::Usage
            | Kind::Data
            | Kind::NotFound
            | Kind::NotAllowed
            | Kind::Config
            | Kind::Closed => invitation::forget(data_dir),
        },
    }
    joined.map(|joined| Some(mesh::welcome(&joined)))
}
