//! What of the settings is about this computer: its name, its ports, where its programs lie.

use std::path::{Path, PathBuf};

use pumasi_protocol::name::NodeName;

use super::{Config, ConfigError};
use crate::fleet::LLAMA_WORKER;

pub(super) fn check_ports(config: &Config) -> Result<(), ConfigError> {
    // The control plane holds both protocols, HTTP is TCP, the other two are UDP.
    let public = config.public.as_ref().map_or(0, |public| public.address.port());
    let tcp = [config.http.port(), config.mesh_port, public];
    let udp = [config.mesh_port, config.data_port, config.join_port];
    let twice = |ports: &[u16]| {
        let taken = |(i, port): (usize, &u16)| *port != 0 && ports[..i].contains(port);
        ports.iter().enumerate().find(|pair| taken(*pair)).map(|(_, port)| *port)
    };
    twice(&tcp).or_else(|| twice(&udp)).map_or(Ok(()), |port| Err(ConfigError::SamePort(port)))
}

pub(super) fn host_name() -> Result<NodeName, ConfigError> {
    let name = gethostname::gethostname().to_string_lossy().into_owned();
    NodeName::try_from(name).map_err(ConfigError::HostName)
}

/// Beside this program, else where packages put what is no command of its own: `../lib/pumasi`.
pub(super) fn worker_folder() -> Result<PathBuf, ConfigError> {
    let program = std::env::current_exe().map_err(|_| ConfigError::NoProgramFolder)?;
    let beside = program.parent().ok_or(ConfigError::NoProgramFolder)?;
    let packaged = beside.parent().map(|above| above.join("lib/pumasi"));
    let has_workers = |folder: &Path| folder.join(LLAMA_WORKER).is_file();
    let packaged = packaged.filter(|folder| !has_workers(beside) && has_workers(folder));
    Ok(packaged.unwrap_or_else(|| beside.to_owned()))
}
