//! One file from a hub onto the disk: goes on where it was, tries again where it helps, and gives the
//! file away only when its hash is right.

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use pumasi_models::store::{Complete, Sha256};
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;
use tokio_util::sync::CancellationToken;

use crate::client::Hub;
use crate::error::{FileFault, HubError};
use crate::fetch::{Asked, Body};
use crate::limits::PIECES_WAITING;
use crate::part::Part;
use crate::repo::{Commit, FilePath, RepoId};
use crate::retry::Retry;

/// A file that is wanted: pinned by commit and hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Of which repository.
    pub repo: RepoId,
    /// At which commit.
    pub commit: Commit,
    /// Which file.
    pub path: FilePath,
    /// Its length in bytes.
    pub bytes: u64,
    /// Its SHA-256.
    pub sha256: Sha256,
}

/// What happens to a download, told as it happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// So many bytes are there.
    At(u64),
    /// All bytes are there and are being compared.
    Checking,
    /// It failed for now, and is tried again after the wait.
    Waiting(std::time::Duration),
}

/// Is told what happens.
pub type Report = Arc<dyn Fn(Progress) + Send + Sync>;

/// Downloads into `part`, which is kept where it fails, but for a file whose hash is wrong.
///
/// # Errors
/// [`HubError`]; [`HubError::Stopped`] once `stop` is cancelled.
pub async fn download(
    hub: &Hub,
    wanted: &Wanted,
    part: &Path,
    retry: Retry,
    report: Report,
    stop: CancellationToken,
) -> Result<Complete, HubError> {
    let (path, whole, stopping) = (part.to_owned(), wanted.bytes, stop.clone());
    let part = spawn_blocking(move || Part::open(&path, whole, &stopping));
    let mut part = part.await.map_err(|_| HubError::Stopped)??;
    report(Progress::At(part.length()));
    let mut state = State { failed: 0, restarts: 0, validator: None };
    while !part.is_whole() {
        let before = part.length();
        let (back, outcome) = attempt(hub, wanted, part, &mut state, &report, &stop).await;
        part = back.ok_or(HubError::Stopped)?;
        let Err(error) = outcome else { continue };
        if part.length() > before {
            state.failed = 0;
        }
        recover(&error, &mut part, &mut state, retry)?;
        let asked = if let HubError::Unavailable { after } = error { after } else { None };
        let wait = retry.wait(state.failed, asked);
        report(Progress::Waiting(wait));
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = stop.cancelled() => return Err(HubError::Stopped),
        }
    }
    report(Progress::Checking);
    let sha256 = wanted.sha256;
    spawn_blocking(move || part.finish(&sha256)).await.map_err(|_| HubError::Stopped)?
}

struct State {
    /// Tries since the last byte came.
    failed: u32,
    /// Times that everything was thrown away because of odd ranges.
    restarts: u32,
    validator: Option<String>,
}

/// Whether to try again; what is there is thrown away where the server's ranges cannot be trusted.
fn recover(
    error: &HubError,
    part: &mut Part,
    state: &mut State,
    retry: Retry,
) -> Result<(), HubError> {
    state.failed += 1;
    if *error == HubError::File(FileFault::Length) && part.length() > 0 && state.restarts == 0 {
        state.restarts += 1;
        state.validator = None;
        return part.restart();
    }
    if error.is_passing() && state.failed < retry.tries { Ok(()) } else { Err(error.clone()) }
}

/// One connection's worth. Gives the part back, unless the task that wrote it is gone.
async fn attempt(
    hub: &Hub,
    wanted: &Wanted,
    part: Part,
    state: &mut State,
    report: &Report,
    stop: &CancellationToken,
) -> (Option<Part>, Result<(), HubError>) {
    let asked = Asked {
        repo: &wanted.repo,
        commit: &wanted.commit,
        path: &wanted.path,
        bytes: wanted.bytes,
        sha256: Some(&wanted.sha256),
    };
    let at = part.length();
    let opened = tokio::select! {
        opened = hub.open(&asked, at, None, state.validator.as_deref()) => opened,
        () = stop.cancelled() => Err(HubError::Stopped),
    };
    let body = match opened {
        Ok(body) => body,
        Err(error) => return (Some(part), Err(error)),
    };
    // A strong validator that changed although the range was given: not the same file.
    let is_other = state.validator.is_some() && body.validator != state.validator;
    if is_other && body.start > 0 {
        return (Some(part), Err(FileFault::Length.into()));
    }
    state.validator.clone_from(&body.validator);
    copy(body, part, report, stop).await
}

/// From the connection to the disk, with a few pieces in between.
async fn copy(
    mut body: Body,
    part: Part,
    report: &Report,
    stop: &CancellationToken,
) -> (Option<Part>, Result<(), HubError>) {
    let (pieces, waiting) = mpsc::channel::<Bytes>(PIECES_WAITING);
    let (start, told) = (body.start, Arc::clone(report));
    let writing = spawn_blocking(move || write(part, start, waiting, &told));
    let received = loop {
        let next = tokio::select! {
            next = body.next() => next,
            () = stop.cancelled() => Err(HubError::Stopped),
        };
        match next {
            Ok(Some(piece)) => {
                if pieces.send(piece).await.is_err() {
                    break Ok(());
                }
            }
            Ok(None) => break Ok(()),
            Err(error) => break Err(error),
        }
    };
    drop(pieces);
    match writing.await {
        Ok((part, Err(error))) => (Some(part), Err(error)),
        Ok((part, Ok(()))) => {
            let is_short = received.is_ok() && !part.is_whole();
            let outcome = if is_short { Err(crate::LineFault::Broken.into()) } else { received };
            (Some(part), outcome)
        }
        Err(_) => (None, Err(HubError::Stopped)),
    }
}

fn write(
    mut part: Part,
    start: u64,
    mut pieces: mpsc::Receiver<Bytes>,
    report: &Report,
) -> (Part, Result<(), HubError>) {
    if start != part.length()
        && let Err(error) = part.restart()
    {
        return (part, Err(error));
    }
    while let Some(piece) = pieces.blocking_recv() {
        if let Err(error) = part.push(&piece) {
            return (part, Err(error));
        }
        report(Progress::At(part.length()));
    }
    (part, Ok(()))
}
