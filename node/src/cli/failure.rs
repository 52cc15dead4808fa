//! Why a command did not do what was asked: a word for programs, a sentence for people, an exit code
//! from `sysexits.h`.

use crate::config::ConfigError;
use crate::daemon::DaemonError;
use crate::runtime::{RuntimeError, TokenError};

/// The kinds of failure, each with its exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The command line makes no sense (2, as clap has it).
    Usage,
    /// What was given or received cannot be used (`EX_DATAERR`).
    Data,
    /// The thing asked for does not exist (`EX_NOINPUT`).
    NotFound,
    /// No node answers (`EX_UNAVAILABLE`).
    Unavailable,
    /// The job ended without a result, or this program is wrong (`EX_SOFTWARE`).
    Software,
    /// Reading or writing failed (`EX_IOERR`).
    Io,
    /// It may work later (`EX_TEMPFAIL`).
    Temporary,
    /// Not allowed (`EX_NOPERM`).
    NotAllowed,
    /// The configuration, data directory or token cannot be used (`EX_CONFIG`).
    Config,
    /// Ctrl-C (128 + SIGINT).
    Interrupted,
    /// Nobody reads what we write: `| head -1` has what it wanted.
    Closed,
}

/// A failure with its sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) kind: Kind,
    /// The stable word, as in `{"error":{"code":…}}`.
    pub(crate) word: String,
    /// What happened, and what to do next.
    pub(crate) sentence: String,
}

impl Failure {
    pub(crate) fn new(kind: Kind, word: &str, sentence: impl Into<String>) -> Self {
        Self { kind, word: word.to_owned(), sentence: sentence.into() }
    }

    pub(crate) fn usage(sentence: impl Into<String>) -> Self {
        Self::new(Kind::Usage, "usage", sentence)
    }

    pub(crate) fn interrupted() -> Self {
        Self::new(Kind::Interrupted, "interrupted", "interrupted")
    }

    /// The exit code.
    pub(crate) fn code(&self) -> u8 {
        match self.kind {
            Kind::Closed => 0,
            Kind::Usage => 2,
            Kind::Data => 65,
            Kind::NotFound => 66,
            Kind::Unavailable => 69,
            Kind::Software => 70,
            Kind::Io => 74,
            Kind::Temporary => 75,
            Kind::NotAllowed => 77,
            Kind::Config => 78,
            Kind::Interrupted => 130,
        }
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        let word = match error {
            ConfigError::OpenHttp(_) => "unsafe_bind",
            ConfigError::NoHome
            | ConfigError::Unreadable { .. }
            | ConfigError::Malformed { .. }
            | ConfigError::SamePort(_)
            | ConfigError::NoPublic
            | ConfigError::HalfCertificate
            | ConfigError::HostName(_)
            | ConfigError::Hub(_)
            | ConfigError::NoProgramFolder => "config",
        };
        Self::new(Kind::Config, word, error.to_string())
    }
}

impl From<RuntimeError> for Failure {
    fn from(error: RuntimeError) -> Self {
        Self::new(Kind::Config, "data_dir", error.to_string())
    }
}

impl From<TokenError> for Failure {
    fn from(error: TokenError) -> Self {
        Self::new(Kind::Config, "token", error.to_string())
    }
}

impl From<DaemonError> for Failure {
    fn from(error: DaemonError) -> Self {
        let kind = match error.exit_code() {
            65 => Kind::Data,
            69 => Kind::Unavailable,
            74 => Kind::Io,
            75 => Kind::Temporary,
            78 => Kind::Config,
            _ => Kind::Software,
        };
        Self::new(kind, "node", error.to_string())
    }
}
