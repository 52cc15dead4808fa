//! `doctor`: what the running node finds, or, without one, what can be seen from outside.

use std::time::{SystemTime, UNIX_EPOCH};

use pumasi_web::api::{Check, CheckOutcome, Doctor, Status};

use super::arguments::{DoctorArguments, Global};
use super::client::Client;
use super::failure::{Failure, Kind};
use super::output::{Output, Style};
use super::text::escape;
use crate::config::{self, Settings};
use crate::doctor::{self, good, trouble, warning};
use crate::runtime;

pub(super) async fn doctor(
    arguments: &DoctorArguments,
    global: &Global,
    output: &Output,
) -> Result<(), Failure> {
    let checks = match &arguments.peer {
        Some(peer) => of_peer(global, peer).await?,
        None => of_everything(global).await?,
    };
    let found = Doctor { checks };
    if output.is_json() {
        output.object(&found)?;
    } else {
        print(&found, output)?;
    }
    let troubles = found.checks.iter().filter(|check| check.outcome == CheckOutcome::Trouble);
    match troubles.count() {
        0 => Ok(()),
        count => {
            let sentence = format!("{count} things do not work: the advice above says what to do");
            Err(Failure::new(Kind::Unavailable, "trouble", sentence))
        }
    }
}

/// What keeps this one away; only a running node can try.
async fn of_peer(global: &Global, peer: &str) -> Result<Vec<Check>, Failure> {
    let query = [("peer", peer.to_owned())];
    let asked = Client::find(global)?.get_with(&["api", "v1", "doctor"], &query).await;
    let found: Doctor = asked.map_err(|failure: Failure| {
        if failure.word != "invalid_query" {
            return failure;
        }
        let sentence = format!(
            "'{}' is no computer of the mesh and no address that can be looked up: `pumasi peers` \
             lists the computers, and an address is like 10.0.0.7 or desk.local:7863",
            escape(peer)
        );
        Failure::new(Kind::NotFound, "unknown_node", sentence)
    })?;
    Ok(found.checks)
}

async fn of_everything(global: &Global) -> Result<Vec<Check>, Failure> {
    let config = config::load(Settings::default(), &global.places())?;
    let running = runtime::read(&config.data_dir)?;
    if running.is_some() || global.url.is_some() {
        match ask(global).await {
            Ok(checks) => return Ok(checks),
            Err(failure) => {
                let advice = "Start the node again, and look at its log.";
                let mut checks = vec![trouble("node", failure.sentence, advice)];
                checks.extend(doctor::local(&config, running.as_ref()).await);
                return Ok(checks);
            }
        }
    }
    let advice = "Start it with `pumasi up`.";
    let mut checks = vec![warning("node", "no node runs on this data directory", advice)];
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let now_ms = u64::try_from(now.as_millis()).unwrap_or(u64::MAX);
    checks.extend(doctor::offline(&config, now_ms).await);
    checks.extend(doctor::local(&config, None).await);
    Ok(checks)
}

async fn ask(global: &Global) -> Result<Vec<Check>, Failure> {
    let client = Client::find(global)?;
    let status: Status = client.get(&["api", "v1", "status"]).await?;
    let found: Doctor = client.get(&["api", "v1", "doctor"]).await?;
    let mut checks = vec![good("node", format!("the node answers at {}", client.url()))];
    let ours = env!("CARGO_PKG_VERSION");
    if status.version != ours {
        let message = format!("the node is of version {}, this program of {ours}", status.version);
        checks.push(warning("program", message, "Update the older one and start it again."));
    }
    checks.extend(found.checks);
    Ok(checks)
}

fn print(found: &Doctor, output: &Output) -> Result<(), Failure> {
    for check in &found.checks {
        let (mark, style) = match check.outcome {
            CheckOutcome::Good => ("ok", Style::Dim),
            CheckOutcome::Skipped => ("skipped", Style::Dim),
            CheckOutcome::Warning => ("warning", Style::Bold),
            CheckOutcome::Trouble => ("trouble", Style::Red),
        };
        if output.is_quiet() && matches!(check.outcome, CheckOutcome::Good | CheckOutcome::Skipped)
        {
            continue;
        }
        let mark = output.style(style, &format!("{mark:<8}"));
        output.line(&format!("{mark} {}", escape(&check.message)))?;
        if let Some(advice) = &check.advice {
            output.line(&format!("         {}", escape(advice)))?;
        }
        for detail in &check.details {
            let detail = output.style(Style::Dim, &escape(detail));
            output.line(&format!("         · {detail}"))?;
        }
    }
    Ok(())
}
