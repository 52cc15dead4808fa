//! A model service as clouds run them, on loopback: it answers in the formats of OpenAI, Anthropic and
//! Gemini, says what it was asked, and misbehaves where the model's name tells it to (see
//! [`Behaviour`]). It runs on a thread of its own, so that any test can hold one.

mod anthropic;
mod asked;
mod behaviour;
mod gemini;
mod openai;
mod server;

use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::SeqCst};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;
use tokio::runtime::Runtime;
use tokio::task::AbortHandle;

pub use behaviour::Behaviour;

/// The languages that it answers in. It knows all of them; this one says what its base address is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Speech {
    /// OpenAI's chat completions.
    OpenAi,
    /// Anthropic's messages.
    Anthropic,
    /// Gemini's content.
    Gemini,
}

/// One request as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// Its method.
    pub method: String,
    /// Its path with the query.
    pub path: String,
    /// Its headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// Its body.
    pub body: Vec<u8>,
}

impl Seen {
    /// The first header of this name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(header, _)| header == name).map(|(_, value)| value.as_str())
    }

    /// The body as JSON; null where it is none.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

/// What the server's tasks share.
#[derive(Debug, Default)]
struct Shared {
    seen: Mutex<Vec<Seen>>,
    /// Times that a model was asked for, for those that load first.
    asked: Mutex<BTreeMap<String, u32>>,
    /// Where a redirect points.
    elsewhere: Mutex<String>,
    /// Milliseconds that everything takes longer: the first byte, and each piece after it.
    slower_ms: AtomicU64,
    /// Requests whose caller left before the answer began.
    left: AtomicUsize,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The server while it is plugged in.
#[derive(Debug)]
struct Plugged {
    accepting: AbortHandle,
    /// Closed once every task, and so every socket, is gone.
    gone: Receiver<()>,
}

/// A model service on loopback, gone when dropped.
#[derive(Debug)]
pub struct FakeProvider {
    /// The base address of its language: OpenAI's with the version, the others' without.
    pub base: String,
    at: SocketAddr,
    shared: Arc<Shared>,
    runtime: Option<Runtime>,
    plugged: Option<Plugged>,
}

impl FakeProvider {
    /// Starts one on a free port.
    ///
    /// # Panics
    /// Loopback does not work.
    #[must_use]
    pub fn start(speech: Speech) -> Self {
        Self::start_at(speech, SocketAddr::from(([127, 0, 0, 1], 0)))
    }

    /// Starts one at this address.
    ///
    /// # Panics
    /// It is taken.
    #[must_use]
    pub fn start_at(speech: Speech, at: SocketAddr) -> Self {
        let listener = TcpListener::bind(at).expect("the address is free");
        let at = listener.local_addr().expect("a bound socket has an address");
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        let runtime = builder.worker_threads(1).enable_all().build().expect("a thread more");
        let version = if speech == Speech::OpenAi { "/v1" } else { "" };
        let base = format!("http://{at}{version}");
        let mut provider =
            Self { base, at, shared: Arc::default(), runtime: Some(runtime), plugged: None };
        provider.serve(listener);
        provider
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.at
    }

    /// Everything that it was asked, in order.
    #[must_use]
    pub fn seen(&self) -> Vec<Seen> {
        locked(&self.shared.seen).clone()
    }

    /// Makes it slower, whatever the model's name says.
    pub fn slow_down(&self, ms: u64) {
        self.shared.slower_ms.store(ms, SeqCst);
    }

    /// How many callers left before their answer began.
    #[must_use]
    pub fn left(&self) -> usize {
        self.shared.left.load(SeqCst)
    }

    /// Where the model `redirect` sends callers.
    pub fn point_redirects_at(&self, address: &str) {
        address.clone_into(&mut locked(&self.shared.elsewhere));
    }

    /// Pulls the plug: connections end in the middle, new ones are refused.
    pub fn unplug(&mut self) {
        if let Some(Plugged { accepting, gone }) = self.plugged.take() {
            accepting.abort();
            // Nothing is ever sent: this ends when the last task is gone.
            let _ = gone.recv();
        }
    }

    /// Puts it back, at the same address.
    ///
    /// # Panics
    /// Somebody else took the address.
    pub fn plug(&mut self) {
        if self.plugged.is_none() {
            let listener = TcpListener::bind(self.at).expect("the address is still free");
            self.serve(listener);
        }
    }

    fn serve(&mut self, listener: TcpListener) {
        let Some(runtime) = &self.runtime else { return };
        let (alive, gone): (Sender<()>, Receiver<()>) = channel();
        let accepting = runtime.spawn(server::accept(alive, listener, Arc::clone(&self.shared)));
        self.plugged = Some(Plugged { accepting: accepting.abort_handle(), gone });
    }
}

impl Drop for FakeProvider {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // Also from async code, where waiting is not allowed.
            runtime.shutdown_background();
        }
    }
}
