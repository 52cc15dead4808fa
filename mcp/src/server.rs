//! The server side of the protocol: what it says of itself, its tools, and how a call is watched.

use std::sync::Arc;
use std::time::Instant;

use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, Implementation,
    ListToolsResult, PaginatedRequestParams, ProgressNotificationParam, ServerCapabilities,
    ServerConfig, Tool as Described,
};
use rmcp::service::RequestContext;
use rmcp::{ErrorData, RoleServer, ServerHandler};

use crate::api::{Api, Problem};
use crate::calls::{Outcome, call};
use crate::{limits, tools};

const INSTRUCTIONS: &str = "Asks the models of this office's computers, and of its providers. Begin with \
    list_models; ask_model waits for an answer, submit_job hands in work that goes on without you.";

/// The tools over a way to the API.
pub(crate) struct Tools<A> {
    pub(crate) api: Arc<A>,
}

impl<A: Api> ServerHandler for Tools<A> {
    fn get_info(&self) -> ServerConfig {
        let about = Implementation::new("pumasi", env!("CARGO_PKG_VERSION")).with_title("Pumasi");
        let config = ServerConfig::new(ServerCapabilities::builder().enable_tools().build());
        config.with_server_info(about).with_instructions(INSTRUCTIONS)
    }

    fn get_tool(&self, name: &str) -> Option<Described> {
        tools::named(name).map(|(_, described)| described.clone())
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        Ok(ListToolsResult::with_all_items(tools::described()))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let Some((tool, _)) = tools::named(&request.name) else {
            let message = "there is no tool of this name: tools/list tells those that there are";
            return Err(ErrorData::invalid_params(message, None));
        };
        let work = call(tool, request.arguments.unwrap_or_default(), &*self.api);
        Ok(told(watched(work, &context).await).into())
    }
}

/// Lets a call go when it is cancelled, and tells a client that wants to know that it goes on.
async fn watched(
    work: impl Future<Output = Result<Outcome, Problem>>,
    context: &RequestContext<RoleServer>,
) -> Result<Outcome, Problem> {
    let token = context.meta.get_progress_token();
    let began = Instant::now();
    let mut ticks = tokio::time::interval(limits::PROGRESS);
    ticks.reset();
    tokio::pin!(work);
    loop {
        tokio::select! {
            biased;
            () = context.ct.cancelled() => {
                return Err(Problem::new("cancelled", "the call was cancelled"));
            }
            outcome = &mut work => return outcome,
            _ = ticks.tick() => if let Some(token) = &token {
                let seconds = began.elapsed().as_secs_f64();
                let note = ProgressNotificationParam::new(token.clone(), seconds);
                // Whoever does not hear it waits all the same.
                let _ = context.peer.notify_progress(note.with_message("under way")).await;
            },
        }
    }
}

/// What went wrong is for the agent to read, so it is a result, too.
fn told(outcome: Result<Outcome, Problem>) -> CallToolResult {
    match outcome {
        Ok(Outcome { text, value }) => {
            let mut result = CallToolResult::success(vec![ContentBlock::text(text)]);
            result.structured_content = Some(value);
            result
        }
        Err(Problem { code, message }) => {
            CallToolResult::error(vec![ContentBlock::text(format!("{code}: {message}"))])
        }
    }
}
