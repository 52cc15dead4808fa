//! One download from beginning to end: a task that fetches file after file, checks them, names them,
//! and has the catalog looked at again.

use std::sync::Arc;
use std::time::Duration;

use pumasi_hub::HubError;
use pumasi_hub::download::{Progress, Report, Wanted, download};
use pumasi_models::store::{Origin, StoreError};
use pumasi_web::api::{Event, PullState};
use tokio::task::spawn_blocking;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::Stock;

/// How often listeners are told how far it is.
const TELL_EVERY: Duration = Duration::from_millis(250);

/// How often, and how many times, the end of a task is looked for that was told to stop.
const STOP_LOOK: Duration = Duration::from_millis(10);
const STOP_LOOKS: u32 = 500;

/// Why a download ended without a model.
#[derive(Debug, thiserror::Error)]
enum PullError {
    #[error("{0}")]
    Hub(#[from] HubError),
    #[error("{0}")]
    Store(#[from] StoreError),
}

impl PullError {
    fn code(&self) -> &'static str {
        match self {
            Self::Hub(error) => error.code(),
            Self::Store(error) => error.code(),
        }
    }
}

impl Stock {
    /// Begins the task of a download that has none.
    pub(super) fn start(&self, id: &str) {
        let stop = CancellationToken::new();
        {
            let mut pulls = self.pulls();
            let Some(pull) = pulls.find_mut(id).filter(|pull| pull.stop.is_none()) else { return };
            pull.stop = Some(stop.clone());
            pull.state = PullState::Queued;
        }
        let (stock, id) = (self.clone(), id.to_owned());
        stock.tell(&id);
        tokio::spawn(async move {
            let outcome = stock.run(&id, &stop).await;
            stock.end(&id, outcome);
        });
    }

    /// Begins a task again, once the one before has ended.
    pub(super) async fn start_again(&self, id: &str) {
        // A task that was told to stop ends within a piece.
        for _ in 0..STOP_LOOKS {
            let is_stopping = self.pulls().find(id).is_some_and(|pull| {
                pull.stop.as_ref().is_some_and(CancellationToken::is_cancelled)
            });
            if !is_stopping {
                break;
            }
            tokio::time::sleep(STOP_LOOK).await;
        }
        self.start(id);
    }

    async fn run(&self, id: &str, stop: &CancellationToken) -> Result<(), PullError> {
        let place = tokio::select! {
            place = self.inner.places.acquire() => place,
            () = stop.cancelled() => return Err(HubError::Stopped.into()),
        };
        let _place = place.map_err(|_| HubError::Stopped)?;
        let Some(record) = self.pulls().find(id).map(|pull| pull.record.clone()) else {
            return Err(HubError::Stopped.into());
        };
        let wanted = record.wanted().ok_or(HubError::Answer)?;
        for (index, file) in wanted.iter().enumerate() {
            self.fetch(id, index, file, stop).await?;
        }
        let files: Vec<_> = wanted.iter().map(|file| file.sha256).collect();
        let origin = Origin {
            hub: record.hub.clone(),
            repo: wanted[0].repo.to_string(),
            commit: wanted[0].commit.as_str().to_owned(),
            file: wanted[0].path.as_str().to_owned(),
        };
        let store = Arc::clone(self.store());
        let naming = spawn_blocking(move || match record.replaces {
            true => store.rename_blobs(&record.name, &files, Some(origin)),
            false => store.name_blobs(&record.name, &files, Some(origin)),
        });
        naming.await.map_err(|_| HubError::Stopped)??;
        Ok(())
    }

    /// Fetches one file, unless it is there.
    async fn fetch(
        &self,
        id: &str,
        index: usize,
        file: &Wanted,
        stop: &CancellationToken,
    ) -> Result<(), PullError> {
        if self
            .store()
            .blob_of(&file.sha256)
            .is_some_and(|blob| self.store().recheck(&blob).is_ok())
        {
            self.note(id, |pull| pull.done[index] = file.bytes);
            return Ok(());
        }
        let part = self.store().partial(&file.sha256);
        let there = std::fs::metadata(&part).map_or(0, |part| part.len());
        self.store().check_room(file.bytes.saturating_sub(there))?;
        self.note(id, |pull| pull.state = PullState::Downloading);
        self.tell(id);
        let telling = self.keep_telling(id);
        let (hub, retry) = (self.hub(), self.inner.retry);
        let report = self.report(id, index);
        let fetched = download(&hub, file, &part, retry, report, stop.clone()).await;
        telling.abort();
        let complete = fetched?;
        let store = Arc::clone(self.store());
        let adding = spawn_blocking(move || store.add_blob(&complete));
        adding.await.map_err(|_| HubError::Stopped)??;
        Ok(())
    }

    /// What the download says of itself, noted.
    fn report(&self, id: &str, index: usize) -> Report {
        let (stock, id) = (self.clone(), id.to_owned());
        let begun = std::sync::atomic::AtomicBool::new(false);
        Arc::new(move |progress| {
            let is_first = !begun.swap(true, std::sync::atomic::Ordering::Relaxed);
            stock.note(&id, |pull| match progress {
                Progress::At(bytes) => {
                    // What was there before did not come.
                    if !is_first {
                        pull.came += bytes.saturating_sub(pull.done[index]);
                    }
                    pull.done[index] = bytes;
                    pull.state = PullState::Downloading;
                }
                Progress::Checking => pull.state = PullState::Checking,
                Progress::Waiting(wait) => {
                    pull.state = PullState::Waiting { retry_s: wait.as_secs().max(1) };
                }
            });
            if !matches!(progress, Progress::At(_)) {
                stock.tell(&id);
            }
        })
    }

    fn keep_telling(&self, id: &str) -> tokio::task::JoinHandle<()> {
        let (stock, id) = (self.clone(), id.to_owned());
        tokio::spawn(async move {
            let mut due = tokio::time::interval(TELL_EVERY);
            let mut before = Instant::now();
            loop {
                due.tick().await;
                let since = before.elapsed();
                before = Instant::now();
                stock.note(&id, |pull| {
                    let done = pull.done();
                    pull.speed.look(done, since);
                });
                stock.tell(&id);
            }
        })
    }

    fn note(&self, id: &str, change: impl FnOnce(&mut super::pulls::Running)) {
        if let Some(pull) = self.pulls().find_mut(id) {
            change(pull);
        }
    }

    pub(super) fn tell(&self, id: &str) {
        let view = self.pulls().find(id).map(super::pulls::Running::view);
        if let Some(pull) = view {
            self.say(Event::Pull { pull: Box::new(pull) });
        }
    }

    /// The task is over: the model is there, a person paused it, or it failed.
    fn end(&self, id: &str, outcome: Result<(), PullError>) {
        let is_done = outcome.is_ok();
        {
            let mut pulls = self.pulls();
            let Some(pull) = pulls.find_mut(id) else { return };
            pull.stop = None;
            pull.done = pull.on_disk(self.store());
            pull.state = match outcome {
                Ok(()) => PullState::Done,
                Err(PullError::Hub(HubError::Stopped)) => PullState::Paused,
                Err(error) => {
                    tracing::warn!(id, code = error.code(), "a download failed");
                    PullState::Failed { code: error.code().to_owned(), message: error.to_string() }
                }
            };
            if is_done {
                pull.record.remove(&self.store().partials());
            }
        }
        if is_done {
            self.inner.rescan.soon();
        }
        self.tell(id);
    }
}
