//! A model hub on loopback that speaks the Hugging Face Hub's API: search with pages, repositories with
//! files, sizes and hashes, `resolve` with redirects to a second address (its CDN), ranges, gates. It
//! says what it was asked, and misbehaves where it is told to (see [`Fault`]). It runs on a thread of
//! its own, so that any test can hold one.

mod api;
mod faults;
mod serve;

use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sha2::{Digest, Sha256};
use tokio::runtime::Runtime;

pub use crate::provider::Seen;
pub use faults::{Fault, On};

/// A file of a repository.
#[derive(Debug, Clone)]
pub struct File {
    /// Its content.
    pub content: Arc<Vec<u8>>,
    /// SHA-256 of it, in hexadecimal digits.
    pub sha256: String,
    /// It is kept in LFS, as everything but small text is.
    pub lfs: bool,
}

/// A repository.
#[derive(Debug, Clone, Default)]
pub struct Repo {
    /// Its commit.
    pub commit: String,
    /// Commits that were there before, and are still answered.
    pub earlier: Vec<String>,
    /// Its files by path, as they are listed (whatever the path).
    pub files: BTreeMap<String, File>,
    /// `auto` or `manual`; none: open.
    pub gated: Option<&'static str>,
    /// Tokens whose holders accepted the terms.
    pub accepted: Vec<String>,
    /// Downloads, by which a search orders.
    pub downloads: u64,
}

#[derive(Debug, Default)]
struct Shared {
    repos: Mutex<BTreeMap<String, Repo>>,
    faults: Mutex<Vec<(Fault, usize)>>,
    seen: Mutex<Vec<Seen>>,
    /// The CDN's address.
    cdn: Mutex<String>,
    /// Bytes of files that were sent.
    sent: AtomicU64,
    /// Bytes a second of one file; 0: as fast as it goes.
    pace: AtomicU64,
    /// Bytes of a file are being sent on so many connections.
    sending: AtomicUsize,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A hub on loopback, gone when dropped.
#[derive(Debug)]
pub struct FakeHub {
    /// Its address, as a setting names it.
    pub base: String,
    /// `host:port` of its CDN.
    pub cdn: String,
    shared: Arc<Shared>,
    runtime: Option<Runtime>,
}

impl FakeHub {
    /// Starts one on free ports.
    ///
    /// # Panics
    /// Loopback does not work.
    #[must_use]
    pub fn start() -> Self {
        let bind = || {
            let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0)));
            let listener = listener.expect("loopback works");
            let at = listener.local_addr().expect("a bound socket has an address");
            (listener, at.to_string())
        };
        let ((hub, base), (files, cdn)) = (bind(), bind());
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        let runtime = builder.worker_threads(1).enable_all().build().expect("a thread more");
        let shared = Arc::new(Shared::default());
        *locked(&shared.cdn) = format!("http://{cdn}");
        runtime.spawn(serve::accept(hub, Arc::clone(&shared), serve::Face::Hub));
        runtime.spawn(serve::accept(files, Arc::clone(&shared), serve::Face::Cdn));
        Self { base: format!("http://{base}"), cdn, shared, runtime: Some(runtime) }
    }

    /// Adds a file to a repository, and a commit. Returns the SHA-256.
    pub fn put(&self, repo: &str, path: &str, content: &[u8]) -> String {
        let sha256 = hex(&Sha256::digest(content));
        let lfs = !matches!(path.rsplit('.').next(), Some("md" | "json" | "txt"));
        let file = File { content: Arc::new(content.to_vec()), sha256: sha256.clone(), lfs };
        self.change(repo, |repo| {
            let before = std::mem::take(&mut repo.commit);
            repo.commit = hex(&Sha256::digest(format!("{before}{path}{sha256}")))[..40].to_owned();
            repo.earlier.push(before);
            repo.files.insert(path.to_owned(), file);
        });
        sha256
    }

    /// Changes a repository, which is made if need be.
    pub fn change(&self, repo: &str, change: impl FnOnce(&mut Repo)) {
        change(locked(&self.shared.repos).entry(repo.to_owned()).or_default());
    }

    /// Takes a repository away.
    pub fn remove(&self, repo: &str) {
        locked(&self.shared.repos).remove(repo);
    }

    /// Its commit.
    #[must_use]
    pub fn commit(&self, repo: &str) -> String {
        locked(&self.shared.repos).get(repo).map(|repo| repo.commit.clone()).unwrap_or_default()
    }

    /// Misbehaves so, as many times as there is something to do it with.
    pub fn misbehave(&self, fault: Fault, times: usize) {
        locked(&self.shared.faults).push((fault, times));
    }

    /// Behaves again.
    pub fn behave(&self) {
        locked(&self.shared.faults).clear();
    }

    /// Sends files at so many bytes a second; 0: as fast as it goes.
    pub fn pace(&self, bytes_per_s: u64) {
        self.shared.pace.store(bytes_per_s, SeqCst);
    }

    /// Everything that it was asked, in order; paths at the CDN begin with `/blob/`.
    #[must_use]
    pub fn seen(&self) -> Vec<Seen> {
        locked(&self.shared.seen).clone()
    }

    /// Bytes of files that it sent.
    #[must_use]
    pub fn sent(&self) -> u64 {
        self.shared.sent.load(SeqCst)
    }

    /// Connections on which a file is being sent.
    #[must_use]
    pub fn sending(&self) -> usize {
        self.shared.sending.load(SeqCst)
    }
}

impl Drop for FakeHub {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // Also from async code, where waiting is not allowed.
            runtime.shutdown_background();
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}
