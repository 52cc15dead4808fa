//! Why a node does not run, and with which exit code it says so.

use std::net::SocketAddr;
use std::path::PathBuf;

use crate::https::CertificateError;
use crate::net::NetError;
use crate::router::BookError;
use crate::runtime::{RuntimeError, TokenError};
use crate::store::StoreError;

/// Why a node did not start or did not go on.
#[derive(Debug, thiserror::Error)]
pub enum DaemonError {
    /// The data directory cannot be created.
    #[error("the data directory cannot be created ({0}): say where with --data-dir")]
    DataDir(std::io::Error),
    /// The API token cannot be used.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// The store cannot be opened.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The models' store cannot be opened.
    #[error(transparent)]
    ModelStore(pumasi_models::store::StoreError),
    /// The network cannot be started.
    #[error(transparent)]
    Net(#[from] NetError),
    /// The built-in model cannot be unpacked.
    #[error("the built-in model cannot be written ({0}): is the disk full?")]
    Starter(std::io::Error),
    /// HTTP cannot listen.
    #[error(
        "HTTP cannot listen on {address} ({error}): choose another with --http or --http-public, or port 0"
    )]
    Http {
        /// Where.
        address: SocketAddr,
        /// What the system said.
        error: std::io::Error,
    },
    /// Other computers are to be served, and none could come in.
    #[error(
        "other computers are to be served on {0}, but there is no API key yet, so the node does not \
         start: either start it without --http-public, make a key with `pumasi keys create NAME` and \
         start it again, or leave --http-public out and reach this computer through an SSH tunnel"
    )]
    NoKeys(SocketAddr),
    /// The certificate for other computers cannot be used.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// The recording cannot be begun.
    #[error("the recording {} cannot be begun ({error}): choose another file with --record", .path.display())]
    Record {
        /// Where.
        path: PathBuf,
        /// What the system said.
        error: std::io::Error,
    },
    /// The list of providers cannot be read.
    #[error(transparent)]
    Providers(#[from] BookError),
    /// The model store cannot be opened.
    #[error(transparent)]
    Models(#[from] pumasi_models::store::StoreError),
    /// The running node could not be written down.
    #[error(transparent)]
    Runtime(#[from] RuntimeError),
}

impl DaemonError {
    /// The exit code, as in `sysexits.h`.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Token(_) | Self::NoKeys(_) | Self::Certificate(_) => 78,
            Self::ModelStore(pumasi_models::store::StoreError::InUse)
            | Self::Store(StoreError::InUse { .. })
            | Self::Http { .. }
            | Self::Net(_) => 69,
            Self::Store(
                StoreError::Damaged { .. } | StoreError::Missing { .. } | StoreError::Newer { .. },
            ) => 65,
            Self::Providers(BookError::Damaged) => 65,
            Self::Models(error) => match error.code() {
                "store_exposed" => 78,
                "store_in_use" => 69,
                "store_later" | "store_damaged" => 65,
                _ => 74,
            },
            Self::DataDir(_)
            | Self::Providers(_)
            | Self::Starter(_)
            | Self::Record { .. }
            | Self::Runtime(_)
            | Self::ModelStore(_)
            | Self::Store(_) => 74,
        }
    }
}
