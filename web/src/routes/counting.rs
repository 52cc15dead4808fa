//! How many tokens a prompt has. The model's own template and vocabulary say it: the request starts like
//! any other and is cancelled when its prompt is rendered, before a token is computed.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::Response;
use pumasi_dialects::provider::{Heard, ProviderFault};
use pumasi_dialects::{GenerateRequest, Invalid, Options, anthropic, counted, responses};
use pumasi_protocol::stream::AttemptEvent;
use pumasi_protocol::{Fault, Priority, Work};

use super::headers;
use super::inference::{Asked, json_response};
use crate::app::App;
use crate::body::{self, Ceiling};
use crate::error::ApiError;
use crate::mesh::{Abroad, Run, RunEvent};

pub(super) async fn messages(
    State(app): State<Arc<App>>,
    request: Request,
) -> Result<Response, ApiError> {
    count(&app, request, anthropic::parse_count).await
}

pub(super) async fn responses(
    State(app): State<Arc<App>>,
    request: Request,
) -> Result<Response, ApiError> {
    count(&app, request, responses::parse_count).await
}

/// Reads a body with a dialect's parser, and answers with the count of its prompt. It costs no tokens.
pub(super) async fn count(
    app: &App,
    request: Request,
    parse: impl FnOnce(&[u8], Options) -> Result<GenerateRequest, Invalid> + Send + 'static,
) -> Result<Response, ApiError> {
    let asked = Asked::new(&request)?;
    let bytes = body::json(app, request, Ceiling::Pictures).await?;
    let options = Options { strict: app.strict };
    let mut parsed = body::parse(bytes, move |bytes| parse(bytes, options)).await?;
    let mut generate = parsed.answers.swap_remove(0);
    generate.max_tokens = Some(1);
    let run = Run {
        caller: asked.caller,
        kind: parsed.kind,
        model: parsed.model,
        work: Work::Generate(Box::new(generate)),
        constraints: parsed.constraints,
        priority: parsed.priority.unwrap_or(Priority::Interactive),
        keep_alive: parsed.keep_alive,
        abroad: Abroad { preferences: parsed.preferences, ..Abroad::default() },
    };
    let running = app.mesh.run(run).await?;
    let tokens = rendered(running.events).await?;
    let mut response = json_response(counted(&parsed.form, tokens));
    headers::of_ignored(response.headers_mut(), &parsed.ignored);
    Ok(response)
}

/// The length of the rendered prompt. Nobody hears the rest, so the job ends there.
async fn rendered(mut events: tokio::sync::mpsc::Receiver<RunEvent>) -> Result<u64, ApiError> {
    loop {
        match events.recv().await {
            Some(RunEvent::Attempt(AttemptEvent::Started { prompt, .. })) => {
                return Ok(u64::try_from(prompt.len()).unwrap_or(u64::MAX));
            }
            Some(
                RunEvent::Placed(_)
                | RunEvent::Provided(_)
                | RunEvent::Attempt(AttemptEvent::Alive { .. }),
            ) => {}
            // Some providers say it before the answer, the others with it.
            Some(RunEvent::Heard(Heard::Counts(counts))) => return Ok(counts.prompt),
            Some(RunEvent::Heard(Heard::Delta(_))) => {}
            Some(RunEvent::Heard(Heard::Ended(_))) => {
                return Err(ApiError::Provider(ProviderFault::Garbled));
            }
            Some(RunEvent::Heard(Heard::Failed(fault))) => return Err(ApiError::Provider(fault)),
            Some(RunEvent::Refused(error)) => return Err(ApiError::Run(error)),
            Some(RunEvent::Failed(fault) | RunEvent::Attempt(AttemptEvent::Failed(fault))) => {
                return Err(ApiError::Fault(fault));
            }
            Some(RunEvent::Attempt(
                AttemptEvent::Tokens { .. }
                | AttemptEvent::Finished { .. }
                | AttemptEvent::Part { .. }
                | AttemptEvent::Embedded { .. },
            )) => return Err(ApiError::Fault(Fault::PeerProtocol)),
            None => return Err(ApiError::Fault(Fault::Connection)),
        }
    }
}
