//! Ollama's `pull`, `delete` and `copy`: a pull tells how it goes in lines of JSON, as Ollama's own
//! server does, and goes on when its listener leaves.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use bytes::Bytes;
use futures::stream;
use http::{HeaderValue, StatusCode, header};
use serde_json::{Value, json};
use tokio::sync::broadcast::error::RecvError;

use super::kept;
use crate::api::{Event, OllamaCopy, OllamaDelete, OllamaPull, Pull, PullRequest, PullState};
use crate::app::App;
use crate::body::{self, Ceiling};
use crate::error::ApiError;

type Shared = State<Arc<App>>;

pub(super) async fn pull(State(app): Shared, request: Request) -> Result<Response, ApiError> {
    let bytes = body::json(&app, request, Ceiling::Small).await?;
    let asked: OllamaPull = kept::strict(&bytes)?;
    let model = either(asked.model, asked.name);
    // Before the pull begins, so that no change of it is missed.
    let changes = app.mesh.subscribe();
    let pull = app.mesh.stock().pull(PullRequest { model, name: None, update: true }).await?;
    let watch = Watch { app, changes, pull, told_manifest: false, over: false };
    if asked.stream == Some(false) {
        return last(watch).await;
    }
    let lines = stream::unfold(watch, |mut watch| async move {
        let line = watch.next().await?;
        Some((Ok::<_, std::convert::Infallible>(line), watch))
    });
    let mut response = Response::new(Body::from_stream(lines));
    let kind = HeaderValue::from_static("application/x-ndjson");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    Ok(response)
}

/// Waits for the end and tells only that.
async fn last(mut watch: Watch) -> Result<Response, ApiError> {
    let mut line = Bytes::new();
    while let Some(next) = watch.next().await {
        line = next;
    }
    let mut response = Response::new(Body::from(line));
    if !matches!(watch.pull.progress, PullState::Done) {
        *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
    }
    let kind = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    Ok(response)
}

/// A pull that somebody watches.
struct Watch {
    app: Arc<App>,
    changes: tokio::sync::broadcast::Receiver<Event>,
    pull: Pull,
    told_manifest: bool,
    over: bool,
}

impl Watch {
    /// The next line; none after the last.
    async fn next(&mut self) -> Option<Bytes> {
        if self.over {
            return None;
        }
        if !self.told_manifest {
            self.told_manifest = true;
            return Some(written(&json!({ "status": "pulling manifest" })));
        }
        let line = self.line();
        if matches!(
            self.pull.progress,
            PullState::Done | PullState::Failed { .. } | PullState::Paused
        ) {
            self.over = true;
        } else {
            self.changed().await;
        }
        Some(written(&line))
    }

    /// Waits until the pull changed; one that is gone was given up.
    async fn changed(&mut self) {
        loop {
            match self.changes.recv().await {
                Ok(Event::Pull { pull }) if pull.id == self.pull.id => {
                    self.pull = *pull;
                    return;
                }
                Ok(Event::PullGone { id }) if id == self.pull.id => {
                    self.pull.progress = PullState::Paused;
                    return;
                }
                Ok(_) => {}
                Err(RecvError::Lagged(_)) => {
                    let pulls = self.app.mesh.stock().pulls();
                    if let Some(pull) = pulls.into_iter().find(|pull| pull.id == self.pull.id) {
                        self.pull = pull;
                        return;
                    }
                }
                Err(RecvError::Closed) => {
                    self.pull.progress = PullState::Paused;
                    return;
                }
            }
        }
    }

    fn line(&self) -> Value {
        let pull = &self.pull;
        let short = pull.sha256.get(..12).unwrap_or(&pull.sha256);
        match &pull.progress {
            PullState::Queued | PullState::Downloading | PullState::Waiting { .. } => json!({
                "status": format!("pulling {short}"),
                "digest": format!("sha256:{}", pull.sha256),
                "total": pull.total_bytes,
                "completed": pull.done_bytes,
            }),
            PullState::Checking => json!({ "status": "verifying sha256 digest" }),
            PullState::Done => json!({ "status": "success" }),
            PullState::Paused => json!({ "error": "the download was paused or given up" }),
            PullState::Failed { message, .. } => json!({ "error": message }),
        }
    }
}

fn written(line: &Value) -> Bytes {
    Bytes::from(format!("{line}\n"))
}

fn either(model: String, name: String) -> String {
    if model.is_empty() { name } else { model }
}

pub(super) async fn remove(State(app): Shared, request: Request) -> Result<StatusCode, ApiError> {
    let bytes = body::json(&app, request, Ceiling::Small).await?;
    let asked: OllamaDelete = kept::strict(&bytes)?;
    app.mesh.stock().remove(&either(asked.model, asked.name)).await?;
    Ok(StatusCode::OK)
}

pub(super) async fn copy(State(app): Shared, request: Request) -> Result<StatusCode, ApiError> {
    let bytes = body::json(&app, request, Ceiling::Small).await?;
    let asked: OllamaCopy = kept::strict(&bytes)?;
    app.mesh.stock().copy(&asked.source, &asked.destination).await?;
    Ok(StatusCode::OK)
}
