//! What an engine's process went through, for people: starts, ends and their kinds, last words.

use std::fmt;

use pumasi_protocol::Device;
use pumasi_protocol::worker::{Confinement, Drafts};

/// How a process ended, as the system reports it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExitKind {
    /// Exit status 0.
    Clean,
    /// Another exit status.
    Code(i32),
    /// A signal; also the one we sent.
    Signal(i32),
    /// It did not end although it was killed: stuck in the kernel or in a driver.
    Stuck,
}

/// Why a process ended, as this crate saw it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndReason {
    /// By itself.
    ByItself,
    /// It was asked to.
    Asked,
    /// No first frame in time.
    NoStart,
    /// Its first frame was another one, of another version, or of another engine.
    WrongHello,
    /// No frame in time while it had work.
    Silent,
    /// It wrote what is not a frame, or frames that contradict each other.
    Garbage,
    /// It reported another model than the one that it was to load.
    WrongModel,
}

/// The end of one process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exit {
    /// How.
    pub kind: ExitKind,
    /// Why.
    pub reason: EndReason,
    /// The last line on its stderr, cut and cleaned of control characters.
    pub last_line: String,
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let why = match self.reason {
            EndReason::ByItself => "ended by itself",
            EndReason::Asked => "was asked to end",
            EndReason::NoStart => "did not get ready in time and was ended",
            EndReason::WrongHello => "is another program or version and was ended",
            EndReason::Silent => "stopped answering and was ended",
            EndReason::Garbage => "wrote what cannot be read and was ended",
            EndReason::WrongModel => "loaded another file than it was told and was ended",
        };
        match self.kind {
            ExitKind::Clean => write!(f, "the engine {why} (exit status 0)"),
            ExitKind::Code(code) => write!(f, "the engine {why} (exit status {code})"),
            ExitKind::Signal(signal) => write!(f, "the engine {why} (signal {signal})"),
            ExitKind::Stuck => write!(f, "the engine {why}, but its process cannot be ended"),
        }?;
        if self.last_line.is_empty() { Ok(()) } else { write!(f, ": {}", self.last_line) }
    }
}

/// What an engine found at its start.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// The devices that it can compute on.
    pub devices: Vec<Device>,
    /// What the system holds it to.
    pub confinement: Confinement,
}

/// What an engine went through.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Diagnostics {
    /// The running process, if any.
    pub pid: Option<u32>,
    /// The engine library's version, as it reported it.
    pub version: String,
    /// What the system holds the process to, as it reported it.
    pub confinement: Confinement,
    /// Tokens that the running process, or the last one, drafted in requests that have ended.
    pub drafts: Drafts,
    /// Processes started.
    pub starts: u32,
    /// Failures since the last success.
    pub failures_in_a_row: u32,
    /// The last end of a process.
    pub last_exit: Option<Exit>,
    /// Bytes that the current or last process wrote to stderr (the last MiB is kept).
    pub stderr_bytes: u64,
    /// The last 16 KiB of them.
    pub stderr: String,
}
