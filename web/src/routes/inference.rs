//! Inference in every dialect: parsed by the dialect, run by the mesh, written by the dialect. A reply's
//! head waits until an engine has begun, so that it can name the node and so that what fails before the
//! first token has a proper status.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use http::{HeaderValue, header};
use pumasi_dialects::provider::Heard;
use pumasi_dialects::{
    Answer, Counts, EmbedRequest, GenerateRequest, Head, Invalid, Options, Provenance, responses,
};
use pumasi_protocol::stream::AttemptEvent;
use pumasi_protocol::{Fault, JobId, JobKind, Priority, Timings, Work};

use super::relay::{self, Handed, Whole};
use super::{caller, headers, payer, streaming, thinking};
use crate::app::{App, random, unix_s};
use crate::body::{self, Ceiling};
use crate::error::ApiError;
use crate::gather::{Gathering, Lane, Step, assembly};
use crate::keys::Holder;
use crate::mesh::{Abroad, Caller, Endpoint, Placed, Provided, Run, RunEvent, Turn};
use crate::meters::{Charge, Tally};
use crate::server::RequestId;

type Shared = State<Arc<App>>;
type Answered = Result<Response, ApiError>;

pub(super) async fn responses(State(app): Shared, request: Request) -> Answered {
    generate(&app, request, responses::parse).await
}

/// Who asks, who pays, and under which id.
#[derive(Clone)]
pub(super) struct Asked {
    pub(super) caller: Caller,
    pub(super) payer: Option<Arc<Holder>>,
    pub(super) request_id: String,
    pub(super) tally: Arc<Tally>,
}

impl Asked {
    pub(super) fn new(request: &Request) -> Result<Self, ApiError> {
        let id = request.extensions().get::<RequestId>();
        Ok(Self {
            caller: caller(request)?,
            payer: payer(request)?,
            request_id: id.map(|id| id.0.clone()).unwrap_or_default(),
            tally: request.extensions().get().cloned().ok_or(ApiError::Internal)?,
        })
    }

    /// What the answer costs.
    pub(super) fn charge(&self) -> Charge {
        Charge::new(self.payer.clone(), Arc::clone(&self.tally))
    }
}

/// Reads a body with a dialect's parser, and answers it in its form.
pub(super) async fn generate(
    app: &Arc<App>,
    request: Request,
    parse: impl FnOnce(&[u8], Options) -> Result<GenerateRequest, Invalid> + Send + 'static,
) -> Answered {
    let asked = Asked::new(&request)?;
    generate_for(app, asked, request, Ceiling::Pictures, None, parse).await
}

/// The same for who was let in already; or hands it on as it is, where it came to an `endpoint` that
/// providers have, too, and one of them has its turn.
pub(super) async fn generate_for(
    app: &Arc<App>,
    asked: Asked,
    request: Request,
    ceiling: Ceiling,
    endpoint: Option<Endpoint>,
    parse: impl FnOnce(&[u8], Options) -> Result<GenerateRequest, Invalid> + Send + 'static,
) -> Answered {
    asked.tally.infers(&asked.caller);
    let spoken = endpoint.map(|endpoint| relay::Spoken::new(endpoint, &request));
    let bytes = body::json(app, request, ceiling).await?;
    let options = Options { strict: app.strict };
    let parse = move |bytes: &[u8]| parse(bytes, options);
    match spoken {
        None => {
            let run = async {
                answer(app, asked, body::parse(bytes, parse).await?, Turn::default()).await
            };
            Box::pin(run).await
        }
        Some(spoken) => match relay::hand_on(app, &asked, spoken, &bytes, parse).await? {
            Handed::Answer(response) => Ok(response),
            // In a box, so that what is handed on carries none of it.
            Handed::Back(parse, turn) => {
                Box::pin(
                    async move { answer(app, asked, body::parse(bytes, parse).await?, turn).await },
                )
                .await
            }
        },
    }
}

async fn answer(app: &Arc<App>, asked: Asked, parsed: GenerateRequest, turn: Turn) -> Answered {
    let mut gathering = start(app, &asked, &parsed, turn).await?;
    gathering.begin(app.patience.reply_head).await?;
    let head = reply_head(&parsed, gathering.lanes()[0].job());
    let mut response = if parsed.stream {
        streaming::respond(app, gathering, head, &parsed, asked.request_id)
    } else {
        whole(app, gathering, &head, &parsed).await?
    };
    headers::of_ignored(response.headers_mut(), &parsed.ignored);
    Ok(response)
}

/// One job per answer. If one is not taken, those before it are dropped, which cancels them.
pub(super) async fn start(
    app: &App,
    asked: &Asked,
    parsed: &GenerateRequest,
    turn: Turn,
) -> Result<Gathering, ApiError> {
    asked.tally.model(parsed.model.as_str());
    let (mut running, mut budgets) = (Vec::with_capacity(parsed.answers.len()), Vec::new());
    for generate in &parsed.answers {
        let mut generate = generate.clone();
        generate.sampling.seed.get_or_insert_with(|| u64::from_le_bytes(random()));
        budgets.push(thinking::settle(app, &parsed.model, &mut generate).await);
        let run = Run {
            caller: asked.caller.clone(),
            kind: parsed.kind,
            model: parsed.model.clone(),
            work: Work::Generate(Box::new(generate.clone())),
            constraints: parsed.constraints.clone(),
            priority: parsed.priority.unwrap_or(Priority::Interactive),
            keep_alive: parsed.keep_alive,
            abroad: Abroad {
                parallel_tool_calls: parsed.parallel_tool_calls,
                stream: parsed.stream,
                preferences: parsed.preferences.clone(),
                turn: turn.clone(),
            },
        };
        let job = app.mesh.run(run).await?;
        let settings = assembly(job.job, &generate, parsed.parallel_tool_calls);
        running.push((job, settings));
    }
    Ok(Gathering::new(running, parsed.copies, asked.charge()).with_thinking(budgets))
}

pub(super) fn reply_head(parsed: &GenerateRequest, job: JobId) -> Head {
    let id = format!("{}{}", parsed.form.id_prefix(), job.0.simple());
    Head { id, created: unix_s(), model: parsed.model.to_string() }
}

async fn whole(
    app: &App,
    mut gathering: Gathering,
    head: &Head,
    parsed: &GenerateRequest,
) -> Answered {
    let mut answers = vec![Answer::default(); parsed.answers.len()];
    while let Some(step) = gathering.next().await {
        match step {
            Step::Progress | Step::Moved(_) => {}
            Step::Deltas(index, deltas) => {
                deltas.into_iter().for_each(|delta| answers[index].push(delta));
            }
            Step::Ended(index, deltas, ending) => {
                deltas.into_iter().for_each(|delta| answers[index].push(delta));
                answers[index].end(ending);
            }
            Step::Failed(error) => return Err(error),
        }
    }
    let provenance: Vec<Provenance> = gathering.lanes().iter().map(Lane::provenance).collect();
    let counts = gathering.counts();
    let text = pumasi_dialects::whole(parsed, head, &answers, counts, &provenance);
    let mut response = json_response(text);
    headers::of_lanes(response.headers_mut(), gathering.lanes());
    gathering.wind_down(app.patience.wind_down);
    Ok(response)
}

pub(super) fn json_response(text: String) -> Response {
    let mut response = Response::new(Body::from(text));
    let kind = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

/// Reads a body with a dialect's parser, and answers it with embeddings in its form.
pub(super) async fn embed(
    app: &Arc<App>,
    request: Request,
    parse: impl FnOnce(&[u8], Options) -> Result<EmbedRequest, Invalid> + Send + 'static,
) -> Answered {
    let asked = Asked::new(&request)?;
    embed_for(app, asked, request, None, parse).await
}

/// The same for who was let in already; or hands it on.
pub(super) async fn embed_for(
    app: &Arc<App>,
    asked: Asked,
    request: Request,
    endpoint: Option<Endpoint>,
    parse: impl FnOnce(&[u8], Options) -> Result<EmbedRequest, Invalid> + Send + 'static,
) -> Answered {
    asked.tally.infers(&asked.caller);
    let spoken = endpoint.map(|endpoint| relay::Spoken::new(endpoint, &request));
    let bytes = body::json(app, request, Ceiling::Text).await?;
    let mut turn = Turn::default();
    if let Some(spoken) = spoken {
        match relay::hand_on_whole(app, &asked, &spoken, &bytes).await? {
            Whole::Answer(response) => return Ok(response),
            Whole::Back(back) => turn = back,
        }
    }
    let options = Options { strict: app.strict };
    let parsed = body::parse(bytes, move |bytes| parse(bytes, options)).await?;
    asked.tally.model(parsed.model.as_str());
    let run = Run {
        caller: asked.caller.clone(),
        kind: JobKind::Embedding,
        model: parsed.model.clone(),
        work: Work::Embed(parsed.embed),
        constraints: parsed.constraints,
        priority: parsed.priority.unwrap_or(Priority::Interactive),
        keep_alive: parsed.keep_alive,
        abroad: Abroad { preferences: parsed.preferences, turn, ..Abroad::default() },
    };
    let mut running = app.mesh.run(run).await?;
    let (mut placed, mut attempts) = (None, 0);
    let mut provided: Option<Provided> = None;
    let mut charge = asked.charge();
    loop {
        match running.events.recv().await {
            Some(RunEvent::Placed(place)) => {
                charge.at_node(&place);
                placed = Some(place);
                attempts += 1;
            }
            Some(RunEvent::Attempt(AttemptEvent::Embedded { embedded, timings })) => {
                let prompt = embedded.iter().map(|one| u64::from(one.tokens)).sum();
                charge.set(Counts { prompt, ..Counts::default() });
                charge.computed(timings);
                charge.done();
                let mut provenance = provenance(running.job, placed.as_ref(), attempts, timings);
                provenance.provider = provided.as_ref().map(|provided| provided.id.clone());
                let (form, model) = (parsed.form, parsed.model.as_str());
                let text = pumasi_dialects::embedded(form, model, &embedded, Some(&provenance));
                let mut response = json_response(text);
                headers::insert(response.headers_mut(), "x-pumasi-job", &provenance.job);
                if let Some(placed) = &placed {
                    headers::of_place(response.headers_mut(), placed);
                }
                if let Some(provided) = &provided {
                    headers::of_provider(response.headers_mut(), provided);
                }
                headers::of_ignored(response.headers_mut(), &parsed.ignored);
                return Ok(response);
            }
            Some(RunEvent::Attempt(AttemptEvent::Alive { .. } | AttemptEvent::Started { .. })) => {}
            Some(RunEvent::Provided(provider)) => {
                charge.at_provider(&provider);
                provided = Some(provider);
                attempts += 1;
            }
            Some(RunEvent::Refused(error)) => return Err(ApiError::Run(error)),
            Some(RunEvent::Heard(Heard::Failed(fault))) => return Err(ApiError::Provider(fault)),
            Some(
                RunEvent::Heard(_)
                | RunEvent::Attempt(
                    AttemptEvent::Tokens { .. }
                    | AttemptEvent::Part { .. }
                    | AttemptEvent::Finished { .. },
                ),
            ) => return Err(ApiError::Fault(Fault::PeerProtocol)),
            Some(RunEvent::Failed(fault) | RunEvent::Attempt(AttemptEvent::Failed(fault))) => {
                return Err(ApiError::Fault(fault));
            }
            None => return Err(ApiError::Fault(Fault::Connection)),
        }
    }
}

fn provenance(job: JobId, placed: Option<&Placed>, attempts: u32, timings: Timings) -> Provenance {
    Provenance {
        job: job.to_string(),
        node: placed.map(|placed| placed.node.to_string()),
        node_name: placed.map(|placed| placed.name.to_string()),
        provider: None,
        thinking_budget: None,
        attempts,
        timings: Some(timings.into()),
        seams: Vec::new(),
    }
}
