//! Lasting jobs: submitted, listed, explained, cancelled, and their results.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, RawQuery, Request, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode, header};
use pumasi_dialects::openai;
use pumasi_dialects::{GenerateRequest, Invalid, Options, Preferences, Reason};
use pumasi_protocol::{JobId, JobKind, Priority, Work};

use super::{inference, kept, payer, thinking};
use crate::api::{self, List, Submission, Why};
use crate::app::{App, random};
use crate::body::{self, Ceiling};
use crate::error::ApiError;
use crate::keys::charge_at_end;
use crate::limits;
use crate::mesh::{Abroad, Caller, JobFilter, JobLookupError, Repeat, Run};

/// An id that is none is as unknown as one that is.
pub(super) fn job_id(text: &str) -> Result<JobId, ApiError> {
    text.parse().map_err(|_| ApiError::Job(JobLookupError::NotFound))
}

pub(super) async fn list(
    State(app): State<Arc<App>>,
    RawQuery(query): RawQuery,
    request: Request,
) -> Result<Json<List<api::Job>>, ApiError> {
    let caller = super::caller(&request)?;
    let filter = filter(query.as_deref().unwrap_or(""))?;
    Ok(Json(List { data: app.mesh.jobs(&caller, filter).await }))
}

fn filter(query: &str) -> Result<JobFilter, ApiError> {
    let mut filter = JobFilter { live: false, limit: limits::JOBS_DEFAULT };
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        match pair.split_once('=').unwrap_or((pair, "")) {
            ("live", "true") => filter.live = true,
            ("live", "false") => filter.live = false,
            ("live", _) => return Err(ApiError::Query { name: "live" }),
            ("limit", text) => {
                let limit: usize = text.parse().map_err(|_| ApiError::Query { name: "limit" })?;
                filter.limit = limit.clamp(1, limits::JOBS_LISTED);
            }
            // Programs add what caches and trackers want.
            (_, _) => {}
        }
    }
    Ok(filter)
}

pub(super) async fn one(
    State(app): State<Arc<App>>,
    Path(job): Path<String>,
    request: Request,
) -> Result<Json<api::Job>, ApiError> {
    let caller = super::caller(&request)?;
    Ok(Json(app.mesh.job(&caller, job_id(&job)?).await?))
}

pub(super) async fn why(
    State(app): State<Arc<App>>,
    Path(job): Path<String>,
    request: Request,
) -> Result<Json<Why>, ApiError> {
    let caller = super::caller(&request)?;
    Ok(Json(app.mesh.why(&caller, job_id(&job)?).await?))
}

pub(super) async fn cancel(
    State(app): State<Arc<App>>,
    Path(job): Path<String>,
    request: Request,
) -> Result<Json<api::Job>, ApiError> {
    let caller = super::caller(&request)?;
    let job = job_id(&job)?;
    body::json_or_nothing(&app, request).await?;
    app.mesh.cancel(&caller, job).await?;
    Ok(Json(app.mesh.job(&caller, job).await?))
}

pub(super) async fn adopt(
    State(app): State<Arc<App>>,
    Path(job): Path<String>,
    request: Request,
) -> Result<Json<api::Job>, ApiError> {
    let caller = super::caller(&request)?;
    let job = job_id(&job)?;
    body::json_or_nothing(&app, request).await?;
    app.mesh.adopt(&caller, job).await?;
    Ok(Json(app.mesh.job(&caller, job).await?))
}

pub(super) async fn result(
    State(app): State<Arc<App>>,
    Path(job): Path<String>,
    request: Request,
) -> Result<Response, ApiError> {
    let caller = super::caller(&request)?;
    let job = job_id(&job)?;
    let kept = app.mesh.result(&caller, job).await?;
    Ok(inference::json_response(kept::reply(job, &kept)?))
}

pub(super) async fn submit(
    State(app): State<Arc<App>>,
    request: Request,
) -> Result<Response, ApiError> {
    let caller = super::caller(&request)?;
    let payer = payer(&request)?;
    let key = idempotency_key(request.headers())?;
    let bytes = body::json(&app, request, Ceiling::Pictures).await?;
    let repeat = key.map(|key| Repeat { key, body: *blake3::hash(&bytes).as_bytes() });
    let strict = app.strict;
    let run = body::parse(bytes, move |b| run(b, caller, Options { strict })).await?;
    let mut run = run.ok_or(ApiError::JobKind)?;
    if let Work::Generate(generate) = &mut run.work {
        thinking::settle(&app, &run.model, generate).await;
    }
    // Subscribed before it is handed in, so that its end cannot fall between.
    let changes = payer.as_ref().map(|_| app.mesh.subscribe());
    let job = app.mesh.submit(run, repeat).await?;
    if let (Some(payer), Some(changes)) = (payer, changes)
        && !job.state.is_terminal()
    {
        charge_at_end(&app.keys, &app.mesh, changes, &job, payer);
    }
    let location = format!("/api/v1/jobs/{}", job.id);
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], Json(job)).into_response())
}

/// The asker's own word for this request, if there is one.
pub(super) fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, ApiError> {
    let mut given = headers.get_all("idempotency-key").iter();
    let (Some(key), None) = (given.next(), given.next()) else {
        return match headers.contains_key("idempotency-key") {
            true => Err(ApiError::IdempotencyKey),
            false => Ok(None),
        };
    };
    let key = key.to_str().map_err(|_| ApiError::IdempotencyKey)?;
    let is_key = (1..=limits::IDEMPOTENCY_KEY_BYTES).contains(&key.len());
    let visible = key.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ');
    if is_key && visible { Ok(Some(key.to_owned())) } else { Err(ApiError::IdempotencyKey) }
}

pub(super) async fn forget(
    State(app): State<Arc<App>>,
    Path(job): Path<String>,
    request: Request,
) -> Result<StatusCode, ApiError> {
    let caller = super::caller(&request)?;
    app.mesh.forget(&caller, job_id(&job)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The run that a submission asks for; none for a kind that cannot be submitted.
fn run(bytes: &[u8], caller: Caller, options: Options) -> Result<Option<Run>, Invalid> {
    let submission: Submission = kept::strict(bytes)?;
    let body = submission.request.get().as_bytes();
    let parsed = match submission.kind {
        api::JobKind::Chat => openai::parse_chat(body, options),
        api::JobKind::Completion => openai::parse_completion(body, options),
        api::JobKind::Embedding => {
            let parsed = openai::parse_embeddings(body, options).map_err(inside)?;
            on_the_mesh(parsed.preferences.as_deref())?;
            return Ok(Some(Run {
                caller,
                kind: JobKind::Embedding,
                model: parsed.model,
                work: Work::Embed(parsed.embed),
                constraints: parsed.constraints,
                priority: parsed.priority.unwrap_or(Priority::Batch),
                keep_alive: parsed.keep_alive,
                abroad: Abroad::default(),
            }));
        }
        api::JobKind::Image | api::JobKind::Document => return Ok(None),
    };
    single(parsed.map_err(inside)?, caller).map(Some)
}

/// A lasting job gives one answer.
fn single(parsed: GenerateRequest, caller: Caller) -> Result<Run, Invalid> {
    on_the_mesh(parsed.preferences.as_deref())?;
    let mut answers = parsed.answers;
    let (Some(mut generate), true) = (answers.pop(), answers.is_empty()) else {
        let what = "more than one answer in a job";
        return Err(Invalid::at("request.n", Reason::Unsupported { what }));
    };
    generate.sampling.seed.get_or_insert_with(|| u64::from_le_bytes(random()));
    Ok(Run {
        caller,
        kind: parsed.kind,
        model: parsed.model,
        work: Work::Generate(Box::new(generate)),
        constraints: parsed.constraints,
        priority: parsed.priority.unwrap_or(Priority::Batch),
        keep_alive: parsed.keep_alive,
        abroad: Abroad::default(),
    })
}

/// Lasting jobs run on the mesh only, so what wants another place cannot be had.
fn on_the_mesh(preferences: Option<&Preferences>) -> Result<(), Invalid> {
    match preferences {
        Some(wanted) if !wanted.models.is_empty() => {
            let what = "a list of models in a lasting job";
            Err(Invalid::at("request.models", Reason::Unsupported { what }))
        }
        Some(wanted) if !wanted.allows_mesh() => {
            let what = "a lasting job anywhere but on the mesh";
            Err(Invalid::at("request.provider", Reason::Unsupported { what }))
        }
        Some(_) | None => Ok(()),
    }
}

fn inside(invalid: Invalid) -> Invalid {
    let param = invalid.param.map_or("request".to_owned(), |param| format!("request.{param}"));
    Invalid { param: Some(param), reason: invalid.reason }
}
