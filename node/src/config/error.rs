//! What is wrong with the settings, each as one sentence with the next step.

use std::net::SocketAddr;
use std::path::PathBuf;

use pumasi_protocol::name::NameError;

/// Why there is no usable configuration. Each ends the program with code 78.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// No home directory, and none was given.
    #[error("there is no home directory to keep data in: say where with --data-dir DIR")]
    NoHome,
    /// The file that was asked for, or that exists, cannot be read.
    #[error("the configuration file {} cannot be read ({error}): correct its permissions or move it away", .path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        error: std::io::Error,
    },
    /// Not TOML, or not the expected type, or an unknown key.
    #[error("the configuration file {} cannot be used (line {line}: {reason}): correct that line or move the file away", .path.display())]
    Malformed {
        /// Which file.
        path: PathBuf,
        /// Where, from 1.
        line: usize,
        /// What the parser said, on one line.
        reason: String,
    },
    /// HTTP on an address that others can reach, without keys and TLS.
    #[error(
        "HTTP on {0} could be reached by the whole network without keys and encryption, so the node \
         does not start: either listen on this computer only (--http 127.0.0.1:7862) and reach it \
         through an SSH tunnel, or serve others beside it, by API keys and TLS (`pumasi keys create`, \
         then --http-public {0})"
    )]
    OpenHttp(SocketAddr),
    /// A certificate or a name for a listener that there is not.
    #[error(
        "--http-cert, --http-key and --http-name are about --http-public IP:PORT: give that, too"
    )]
    NoPublic,
    /// One of two files.
    #[error("--http-cert and --http-key go together: give both, or neither for the node's own")]
    HalfCertificate,
    /// `HF_ENDPOINT` is no address.
    #[error("the variable HF_ENDPOINT: {0}")]
    Hub(pumasi_hub::EndpointFault),
    /// Two planes on one port.
    #[error("two of the ports are both {0}: give each its own, or 0 for a free one")]
    SamePort(u16),
    /// The host name is no name.
    #[error("this computer's host name cannot be its name in the mesh ({0}): give one with --name")]
    HostName(NameError),
    /// Where this program lies cannot be told.
    #[error(
        "the folder of this program cannot be found: say where the workers are with --worker-dir"
    )]
    NoProgramFolder,
}
