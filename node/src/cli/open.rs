//! `pumasi open`: the interface of the node that runs, or of the service that is started for it.

use std::time::{Duration, Instant};

use super::arguments::{Global, OpenArguments};
use super::client::Client;
use super::failure::{Failure, Kind};
use super::output::Output;
use super::{browser, service};

/// How long a node that was just started may take until it answers.
const START: Duration = Duration::from_secs(20);

pub(super) async fn open(
    arguments: &OpenArguments,
    global: &Global,
    output: &Output,
) -> Result<(), Failure> {
    let client = match Client::find(global) {
        Err(failure) if failure.kind == Kind::Unavailable && service::start()? => {
            output.note("starting the node");
            started(global, failure).await?
        }
        found => found?,
    };
    let url = client.url();
    let shown = !arguments.print && browser::open(url);
    if output.is_json() {
        return output.object(&serde_json::json!({ "url": url, "opened": shown }));
    }
    output.line(url)
}

/// Waits for the node that was started.
async fn started(global: &Global, absent: Failure) -> Result<Client, Failure> {
    let until = Instant::now() + START;
    while Instant::now() < until {
        if let Ok(client) = Client::find(global) {
            return Ok(client);
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Err(Failure {
        sentence: "the service was started, but its node does not answer: \
        `pumasi service logs` says why"
            .to_owned(),
        ..absent
    })
}
