//! `mcp`: this computer's node as tools for an agent, on standard input and output.

use pumasi_mcp::{Api, Asked, Problem, Told};

use super::arguments::Global;
use super::client::Client;
use super::failure::{Failure, Kind};

pub(super) async fn mcp(global: &Global) -> Result<(), Failure> {
    pumasi_mcp::stdio(Node { global: global.clone() }).await.map_err(|error| {
        let sentence = format!("this program and the agent do not understand each other: {error}");
        Failure::new(Kind::Data, "mcp", sentence)
    })
}

/// The node is looked for at each call, so that it may be started and stopped meanwhile.
struct Node {
    global: Global,
}

impl Api for Node {
    async fn ask(&self, asked: Asked) -> Result<Told, Problem> {
        let told = async { Client::find(&self.global)?.tool(asked).await };
        told.await
            .map_err(|failure: Failure| Problem { code: failure.word, message: failure.sentence })
    }
}
