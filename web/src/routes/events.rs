//! Live views as server-sent events: everything at once and then what changes, or one job to its end.

use std::convert::Infallible;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::response::Response;
use bytes::Bytes;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

use super::jobs::job_id;
use super::streaming::{HEARTBEAT, event_stream};
use crate::api::{Event, Job, KeyScope, Snapshot};
use crate::app::App;
use crate::error::ApiError;
use crate::keys::Holder;
use crate::limits;
use crate::mesh::{Caller, JobFilter};

pub(super) async fn all(
    State(app): State<Arc<App>>,
    request: Request,
) -> Result<Response, ApiError> {
    let caller = super::caller(&request)?;
    // Subscribed before it is looked, so that no change falls between.
    let changes = app.mesh.subscribe();
    let holder = request.extensions().get::<Arc<Holder>>();
    let jobs = holder.is_none_or(|holder| holder.terms().scopes.contains(&KeyScope::Jobs));
    let feed = Feed { app, caller, jobs, changes, fresh: true };
    Ok(respond(futures::stream::unfold(feed, |mut feed| async {
        let text = feed.next().await?;
        Some((text, feed))
    })))
}

fn respond(events: impl futures::Stream<Item = String> + Send + 'static) -> Response {
    use futures::StreamExt;
    let bytes = events.map(|text| Ok::<_, Infallible>(Bytes::from(text)));
    let mut response = Response::new(Body::from_stream(bytes));
    event_stream(response.headers_mut());
    response
}

struct Feed {
    app: Arc<App>,
    caller: Caller,
    /// Whether it may see its jobs.
    jobs: bool,
    changes: broadcast::Receiver<Event>,
    /// A snapshot is due: at the beginning, and after a gap.
    fresh: bool,
}

impl Feed {
    async fn next(&mut self) -> Option<String> {
        if std::mem::take(&mut self.fresh) {
            let snapshot = Box::new(self.snapshot().await);
            return Some(write(&Event::Snapshot { snapshot }));
        }
        let patience = self.app.patience.heartbeat;
        match tokio::time::timeout(patience, self.changes.recv()).await {
            Err(_) => Some(HEARTBEAT.to_owned()),
            Ok(Ok(Event::Job { .. })) if !self.jobs => Some(String::new()),
            Ok(Ok(event)) if !is_for(&self.caller, &event) => Some(String::new()),
            Ok(Ok(event)) => Some(write(&event)),
            Ok(Err(RecvError::Lagged(_))) => {
                self.fresh = true;
                Some(HEARTBEAT.to_owned())
            }
            Ok(Err(RecvError::Closed)) => None,
        }
    }

    async fn snapshot(&self) -> Snapshot {
        let mesh = &self.app.mesh;
        let filter = JobFilter { live: false, limit: limits::JOBS_DEFAULT };
        Snapshot {
            status: mesh.status().await,
            nodes: mesh.nodes().await,
            models: mesh.models().await,
            jobs: match self.jobs {
                true => mesh.jobs(&self.caller, filter).await,
                false => Vec::new(),
            },
        }
    }
}

/// Whether a change may be told to this caller: jobs only to who may see them.
fn is_for(caller: &Caller, event: &Event) -> bool {
    match (caller, event) {
        (Caller::Key { person, .. }, Event::Job { job }) => job.person.as_ref() == Some(person),
        (Caller::Key { .. }, Event::Key { .. })
        | (Caller::Loopback, Event::Job { .. } | Event::Key { .. }) => false,
        (Caller::Install, Event::Job { .. })
        | (Caller::Install, Event::Key { .. })
        | (
            _,
            Event::Snapshot { .. }
            | Event::Status { .. }
            | Event::Node { .. }
            | Event::NodeGone { .. }
            | Event::Model { .. }
            | Event::ModelGone { .. }
            | Event::Providers
            | Event::Pull { .. }
            | Event::PullGone { .. },
        ) => true,
    }
}

fn write(event: &Event) -> String {
    let name = match event {
        Event::Snapshot { .. } => "snapshot",
        Event::Status { .. } => "status",
        Event::Node { .. } => "node",
        Event::NodeGone { .. } => "node_gone",
        Event::Model { .. } => "model",
        Event::ModelGone { .. } => "model_gone",
        Event::Pull { .. } => "pull",
        Event::PullGone { .. } => "pull_gone",
        Event::Job { .. } => "job",
        Event::Key { .. } => "key",
        Event::Providers => "providers",
    };
    let data = serde_json::to_string(event).expect("plain data with text keys has a JSON form");
    format!("event: {name}\ndata: {data}\n\n")
}

pub(super) async fn of_job(
    State(app): State<Arc<App>>,
    Path(job): Path<String>,
    request: Request,
) -> Result<Response, ApiError> {
    let caller = super::caller(&request)?;
    let id = job_id(&job)?;
    let changes = app.mesh.subscribe();
    let first = app.mesh.job(&caller, id).await?;
    let feed = JobFeed { app, caller, changes, next: Some(first), over: false, id: job };
    Ok(respond(futures::stream::unfold(feed, |mut feed| async {
        let text = feed.next().await?;
        Some((text, feed))
    })))
}

struct JobFeed {
    app: Arc<App>,
    caller: Caller,
    changes: broadcast::Receiver<Event>,
    next: Option<Job>,
    over: bool,
    id: String,
}

impl JobFeed {
    async fn next(&mut self) -> Option<String> {
        if self.over {
            return None;
        }
        if let Some(job) = self.next.take() {
            self.over = job.state.is_terminal();
            return Some(write(&Event::Job { job: Box::new(job) }));
        }
        let patience = self.app.patience.heartbeat;
        match tokio::time::timeout(patience, self.change()).await {
            Err(_) => Some(HEARTBEAT.to_owned()),
            Ok(job) => {
                self.next = Some(job?);
                Some(String::new())
            }
        }
    }

    /// The job's next state; none when the node is stopping or has forgotten the job.
    async fn change(&mut self) -> Option<Job> {
        loop {
            match self.changes.recv().await {
                Ok(Event::Job { job }) if job.id == self.id => return Some(*job),
                Ok(_) => {}
                Err(RecvError::Lagged(_)) => {
                    let id = self.id.parse().ok()?;
                    return self.app.mesh.job(&self.caller, id).await.ok();
                }
                Err(RecvError::Closed) => return None,
            }
        }
    }
}
