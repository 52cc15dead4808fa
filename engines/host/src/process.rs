//! One worker process: its start, its three pipes, its end. Knows frames, but not what they mean.

use std::io;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use pumasi_protocol::frame::{self, FrameError, PREFIX};
use pumasi_protocol::limits::FRAME_BYTES;
use pumasi_protocol::worker::{Command, Event, READABLE_ARGUMENT};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::diagnostics::ExitKind;
use crate::limits;
use crate::spec::WorkerSpec;
use crate::stderr_ring::StderrRing;
use crate::{launch, left_over};

/// How long a killed process may take to be gone before it counts as stuck (a guess; freeing the
/// memory of a large model takes a second or two).
const KILL_WAIT: Duration = Duration::from_secs(5);

/// How long the rest of stderr may take after the end; a stranger may hold that pipe open.
const LAST_WORDS_WAIT: Duration = Duration::from_millis(500);

/// What came out of a worker.
#[derive(Debug)]
pub(crate) enum Incoming {
    Event(Box<Event>),
    Garbage(FrameError),
    /// Its standard output is closed.
    End,
}

/// Why a command cannot be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WriteError {
    /// It is larger than a frame.
    TooLong,
    /// The worker does not read.
    Full,
}

pub(crate) type SharedRing = Arc<Mutex<StderrRing>>;

/// A running worker.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    pid: u32,
    outgoing: Option<mpsc::Sender<Vec<u8>>>,
    pub(crate) incoming: mpsc::Receiver<Incoming>,
    stderr: JoinHandle<()>,
    record: Option<PathBuf>,
}

/// How often a thread looks before it sleeps at a barrier of libgomp, some 0.1 ms. A model of 1B
/// weights on two idle cores decodes 28 tokens per second with it, 20 when threads sleep at once;
/// without a bound, threads that spin for one that is not scheduled cost up to nine tenths of the
/// rate on a busy machine.
const SPINS: &str = "10000";

fn command(spec: &WorkerSpec, file: Option<&str>) -> tokio::process::Command {
    let mut command = tokio::process::Command::new(&spec.program);
    command.args(&spec.arguments).env_clear();
    command.args(file.into_iter().flat_map(|file| [READABLE_ARGUMENT, file]));
    command.env("OMP_WAIT_POLICY", "passive").env("GOMP_SPINCOUNT", SPINS);
    // Windows' own libraries do not load without it.
    #[cfg(windows)]
    command.envs(std::env::var_os("SystemRoot").map(|root| ("SystemRoot", root)));
    command.envs(&spec.environment);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.kill_on_drop(true);
    #[cfg(unix)]
    command.process_group(0);
    command
}

impl Process {
    /// Starts a worker, for one file if it is to load one; what it writes to stderr goes to `ring`.
    pub(crate) async fn start(
        spec: &WorkerSpec,
        file: Option<&str>,
        ring: SharedRing,
    ) -> io::Result<Self> {
        let mut child = launch::spawn(command(spec, file)).await?;
        let gone = || io::Error::other("the process was gone before it was seen");
        let pid = child.id().ok_or_else(gone)?;
        limit_resources(pid, spec.address_space)?;
        if let Some(path) = &spec.record
            && let Err(error) = left_over::record(path, pid)
        {
            tracing::warn!(%error, "a started engine could not be written down");
        }
        let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
        let (outgoing, frames) = mpsc::channel(limits::OUTGOING_FRAMES);
        let (events, incoming) = mpsc::channel(limits::INCOMING_FRAMES);
        tokio::spawn(write_frames(stdin.ok_or_else(gone)?, frames));
        tokio::spawn(read_events(stdout.ok_or_else(gone)?, events));
        let stderr = tokio::spawn(read_stderr(child.stderr.take().ok_or_else(gone)?, ring));
        let record = spec.record.clone();
        Ok(Self { child, pid, outgoing: Some(outgoing), incoming, stderr, record })
    }

    pub(crate) fn pid(&self) -> u32 {
        self.pid
    }

    /// Queues a command; never waits.
    pub(crate) fn send(&self, command: &Command) -> Result<(), WriteError> {
        let frame = frame::encode(command, FRAME_BYTES).map_err(|_| WriteError::TooLong)?;
        let outgoing = self.outgoing.as_ref().ok_or(WriteError::Full)?;
        outgoing.try_send(frame).map_err(|_| WriteError::Full)
    }

    /// Closes its standard input, which ends a healthy worker, then kills what is left; without
    /// grace, kills at once.
    pub(crate) async fn end(&mut self, grace: Duration) -> ExitKind {
        if grace.is_zero() {
            kill_group(self.pid);
        }
        self.outgoing = None;
        // A worker that still writes must not be held up by a full pipe of ours.
        self.incoming.close();
        let asked = tokio::time::timeout(grace, self.child.wait()).await;
        let ended = match asked {
            Ok(status) => status.ok(),
            Err(_) => {
                kill_group(self.pid);
                let killed = tokio::time::timeout(KILL_WAIT, self.child.wait()).await;
                killed.ok().and_then(Result::ok)
            }
        };
        // Children of its own, in its process group, end with it.
        kill_group(self.pid);
        // Its last words are in the pipe still.
        let _ = tokio::time::timeout(LAST_WORDS_WAIT, &mut self.stderr).await;
        if let Some(path) = &self.record {
            left_over::forget(path);
        }
        ended.map_or(ExitKind::Stuck, exit_kind)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.child.id().is_some() {
            kill_group(self.pid);
        }
    }
}

fn exit_kind(status: ExitStatus) -> ExitKind {
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
        return ExitKind::Signal(signal);
    }
    match status.code() {
        Some(0) => ExitKind::Clean,
        Some(code) => ExitKind::Code(code),
        None => ExitKind::Stuck,
    }
}

/// Kills a worker and every process that it started.
pub(crate) fn kill_group(pid: u32) {
    #[cfg(unix)]
    if let Some(pid) = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw) {
        // An error means that nothing of the group is left.
        let _ = rustix::process::kill_process_group(pid, rustix::process::Signal::KILL);
    }
    #[cfg(not(unix))]
    let _ = pid;
}

/// No core dumps, which would write prompts to the disk; and a bound of memory, if there is one.
#[cfg(target_os = "linux")]
fn limit_resources(pid: u32, address_space: Option<u64>) -> io::Result<()> {
    use rustix::process::{Pid, Resource, Rlimit, prlimit};
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
    let limit = |resource, bytes| {
        let limit = Rlimit { current: Some(bytes), maximum: Some(bytes) };
        prlimit(pid, resource, limit).map(drop).map_err(io::Error::from)
    };
    limit(Resource::Core, 0)?;
    address_space.map_or(Ok(()), |bytes| limit(Resource::As, bytes))
}

#[cfg(not(target_os = "linux"))]
fn limit_resources(_pid: u32, _address_space: Option<u64>) -> io::Result<()> {
    Ok(())
}

async fn write_frames(mut stdin: ChildStdin, mut frames: mpsc::Receiver<Vec<u8>>) {
    while let Some(frame) = frames.recv().await {
        if stdin.write_all(&frame).await.is_err() {
            return;
        }
    }
}

async fn read_stderr(mut stderr: ChildStderr, ring: SharedRing) {
    let mut chunk = vec![0; 16 * 1024];
    while let Ok(length @ 1..) = stderr.read(&mut chunk).await {
        ring.lock().unwrap_or_else(PoisonError::into_inner).push(&chunk[..length]);
    }
}

async fn read_events(stdout: ChildStdout, events: mpsc::Sender<Incoming>) {
    let mut stdout = BufReader::with_capacity(64 * 1024, stdout);
    let mut body = Vec::new();
    loop {
        let incoming = read_event(&mut stdout, &mut body).await;
        let last = !matches!(incoming, Incoming::Event(_));
        if events.send(incoming).await.is_err() || last {
            break;
        }
    }
    // Nobody reads frames any more, but a blocked writer must not outlive its pipe.
    let _ = tokio::io::copy(&mut stdout, &mut tokio::io::sink()).await;
}

async fn read_event<R: AsyncRead + Unpin>(stdout: &mut R, body: &mut Vec<u8>) -> Incoming {
    let mut prefix = [0; PREFIX];
    if stdout.read_exact(&mut prefix).await.is_err() {
        return Incoming::End;
    }
    let length = match frame::body_length(prefix, FRAME_BYTES) {
        Ok(length) => length,
        Err(error) => return Incoming::Garbage(error),
    };
    body.clear();
    // Grows with what arrives, so that a stated length alone takes no memory.
    let arrived = stdout.take(length as u64).read_to_end(body).await;
    if !arrived.is_ok_and(|arrived| arrived == length) {
        return Incoming::End;
    }
    match frame::decode_body(body) {
        Ok(event) => Incoming::Event(Box::new(event)),
        Err(error) => Incoming::Garbage(error),
    }
}
