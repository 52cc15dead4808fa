//! `doctor`: what can be seen from outside, then what the node says of itself.

use pumasi_web::api::{Check, CheckOutcome, Doctor, List, Node, Status};

use super::arguments::Global;
use super::client::Client;
use super::failure::{Failure, Kind};
use super::output::{Output, Style};
use super::text::escape;
use crate::config::{self, Settings};
use crate::doctor::{self, good, trouble, warning};
use crate::runtime::{self, Running};

pub(super) async fn doctor(global: &Global, output: &Output) -> Result<(), Failure> {
    let config = config::load(Settings::default(), &global.places())?;
    let running = runtime::read(&config.data_dir)?;
    let mut checks = node(global, running.as_ref()).await;
    checks.extend(doctor::local(&config, running.as_ref()).await);
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

async fn node(global: &Global, running: Option<&Running>) -> Vec<Check> {
    if running.is_none() && global.url.is_none() {
        let advice = "Start it with `pumasi up`.";
        return vec![warning("node", "no node runs on this data directory", advice)];
    }
    match ask(global).await {
        Ok(checks) => checks,
        Err(failure) => {
            vec![trouble("node", failure.sentence, "Start the node again, and look at its log.")]
        }
    }
}

async fn ask(global: &Global) -> Result<Vec<Check>, Failure> {
    let client = Client::find(global)?;
    let status: Status = client.get(&["api", "v1", "status"]).await?;
    let found: Doctor = client.get(&["api", "v1", "doctor"]).await?;
    let nodes: List<Node> = client.get(&["api", "v1", "nodes"]).await?;
    let mut checks = vec![good("node", format!("the node answers at {}", client.url()))];
    checks.extend(versions(&status.version, &nodes.data));
    checks.extend(found.checks);
    Ok(checks)
}

/// This program, the node, and the members it can reach should be of one version.
fn versions(node: &str, nodes: &[Node]) -> Vec<Check> {
    let ours = env!("CARGO_PKG_VERSION");
    let advice = "Update the older one and start it again.";
    let mut checks = Vec::new();
    if node != ours {
        let message = format!("the node is of version {node}, this program of {ours}");
        checks.push(warning("version", message, advice));
    }
    for other in nodes.iter().filter(|other| !other.version.is_empty() && other.version != node) {
        let message =
            format!("{} is of version {}, this node of {node}", other.name, other.version);
        checks.push(warning("version", message, advice));
    }
    if checks.is_empty() {
        checks.push(good("version", format!("all are of version {ours}")));
    }
    checks
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
    }
    Ok(())
}
