//! The node's settings: one flat table of keys, each of them a flag, a `PUMASI_…` variable and a line
//! of `config.toml` (flag over variable over file over default), checked once into a [`Config`].

mod copying;
mod engine;
mod error;
mod file;
mod hub;
pub mod keys;
mod lending;
mod observing;
mod peer;
mod places;
mod public;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::num::NonZeroU16;
use std::path::PathBuf;

use pumasi_hub::{CdnHost, Endpoint};
use pumasi_protocol::name::NodeName;
use serde::Deserialize;

pub use error::ConfigError;
use places::{check_ports, host_name, worker_folder};

pub use crate::lending::{Schedule, ScheduleError, Size, SizeError};
use crate::store::Keep;
pub use copying::CopyConfig;
pub use engine::{EngineConfig, ModelPlan};
pub use hub::HubSettings;
pub use lending::{LendingConfig, Percent, YieldPolicy};
pub use observing::{LogFormat, ObservingConfig};

pub use peer::{PeerAddress, PeerAddressError};
pub use public::{HostName, HostNameError, PublicConfig};

/// HTTP: P-U-M-A on a phone's keys.
pub const HTTP_PORT: u16 = 7862;
/// Control plane (UDP and TCP).
pub const MESH_PORT: u16 = 7863;
/// Data plane (UDP).
pub const DATA_PORT: u16 = 7864;
/// Join door (UDP).
pub const JOIN_PORT: u16 = 7865;
/// Slots of a loaded model (measured: batching gains little beyond 4 to 8 on a processor).
pub const SLOTS: u16 = 4;
/// Tokens a slot holds when the model allows more and nobody asked for more (guess: what a chat needs).
pub const CONTEXT_CAP: u32 = 8_192;
/// More layers than any published model has: "all of them".
pub const ALL_LAYERS: u32 = 999;
/// How long an idle model stays loaded, in seconds (guess: what Ollama users are used to).
pub const KEEP_ALIVE_S: u32 = 300;
/// Days that an ended job is kept (guess: longer than anybody is on holiday).
pub const KEEP_JOBS_DAYS: u32 = 30;
/// Ended jobs that are kept (as many as a list shows).
pub const KEEP_JOBS: u32 = 1_000;
/// How many of a hundred jobs for which somebody waits may be begun a second time, elsewhere, because
/// their first word is late (Dean and Barroso: a few percent suffice).
pub const HEDGE_PERCENT: u8 = 2;
/// Log filter: what a user would notice.
pub const LOG: &str = "info";

/// Everything that can be set, as it was given: each field is a flag, a variable and a key of the file.
#[derive(Debug, Clone, Default, PartialEq, Eq, clap::Args, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// This computer's name in the mesh [default: its host name]
    #[arg(long, env = "PUMASI_NAME", value_name = "NAME")]
    pub name: Option<NodeName>,
    /// The person this computer belongs to [default: nobody, a shared computer]
    #[arg(long, env = "PUMASI_PERSON", value_name = "NAME")]
    pub person: Option<NodeName>,
    /// Where the interface and the API listen; loopback only; port 0 picks a free one
    /// [default: 127.0.0.1:7862]
    #[arg(long, env = "PUMASI_HTTP", value_name = "IP:PORT")]
    pub http: Option<SocketAddr>,
    /// Where programs of other computers reach the API, over TLS and with API keys only; port 0 picks
    /// a free one [default: nowhere]
    #[arg(long, env = "PUMASI_HTTP_PUBLIC", value_name = "IP:PORT")]
    pub http_public: Option<SocketAddr>,
    /// A certificate for --http-public, as PEM [default: the node's own, which signs itself]
    #[arg(long, env = "PUMASI_HTTP_CERT", value_name = "FILE")]
    pub http_cert: Option<PathBuf>,
    /// The key of --http-cert, as PEM
    #[arg(long, env = "PUMASI_HTTP_KEY", value_name = "FILE")]
    pub http_key: Option<PathBuf>,
    /// A further name by which --http-public is reached; may be repeated [default: the host name, and
    /// that with .local]
    #[arg(
        long = "http-name",
        env = "PUMASI_HTTP_NAMES",
        value_name = "NAME",
        value_delimiter = ','
    )]
    pub http_names: Option<Vec<HostName>>,
    /// The IP address at which other members reach this computer [default: 0.0.0.0, all]
    #[arg(long, env = "PUMASI_LISTEN", value_name = "IP")]
    pub listen: Option<IpAddr>,
    /// Port of the control plane, UDP and TCP; 0 picks one [default: 7863]
    #[arg(long, env = "PUMASI_MESH_PORT", value_name = "PORT")]
    pub mesh_port: Option<u16>,
    /// Port of the data plane, UDP; 0 picks one [default: 7864]
    #[arg(long, env = "PUMASI_DATA_PORT", value_name = "PORT")]
    pub data_port: Option<u16>,
    /// Port of the join door, UDP; 0 picks one [default: 7865]
    #[arg(long, env = "PUMASI_JOIN_PORT", value_name = "PORT")]
    pub join_port: Option<u16>,
    /// A member's control address, where discovery does not reach; may be repeated
    #[arg(long = "peer", env = "PUMASI_PEERS", value_name = "HOST[:PORT]", value_delimiter = ',')]
    pub peers: Option<Vec<PeerAddress>>,
    /// Look for other computers by DNS-SD (multicast) and be found by it [default: true]
    #[arg(long, env = "PUMASI_DISCOVERY", value_name = "BOOL", num_args = 0..=1,
          default_missing_value = "true")]
    pub discovery: Option<bool>,
    /// A further folder with GGUF files; may be repeated
    #[arg(
        long = "model-dir",
        env = "PUMASI_MODEL_DIRS",
        value_name = "DIR",
        value_delimiter = ','
    )]
    pub model_dirs: Option<Vec<PathBuf>>,
    /// Address of the hub that models are downloaded from, or of a mirror of it
    /// [default: HF_ENDPOINT, else that of huggingface.co]
    #[arg(long, env = "PUMASI_HUB", value_name = "URL")]
    pub hub: Option<Endpoint>,
    /// A host that the hub's files may come from, besides the hub and huggingface.co's own; may be
    /// repeated
    #[arg(
        long = "hub-cdn",
        env = "PUMASI_HUB_CDN",
        value_name = "HOST[:PORT]",
        value_delimiter = ','
    )]
    pub hub_cdn: Option<Vec<CdnHost>>,
    /// Space that stored models may take together, as in 200GB [default: what the disk has]
    #[arg(long, env = "PUMASI_MODEL_SPACE", value_name = "SIZE")]
    pub model_space: Option<Size>,
    /// Where the engines' worker programs lie [default: beside this program]
    #[arg(long, env = "PUMASI_WORKER_DIR", value_name = "DIR")]
    pub worker_dir: Option<PathBuf>,
    /// Threads an engine computes with [default: the number of physical cores]
    #[arg(long, env = "PUMASI_THREADS", value_name = "COUNT")]
    pub threads: Option<NonZeroU16>,
    /// Answers that a loaded model writes at the same time [default: 4]
    #[arg(long, env = "PUMASI_SLOTS", value_name = "COUNT")]
    pub slots: Option<NonZeroU16>,
    /// Tokens that a slot holds; 0: as many as the model, at most 8192 [default: 0]
    #[arg(long, env = "PUMASI_CONTEXT", value_name = "TOKENS")]
    pub context: Option<u32>,
    /// Layers to place on GPUs; 0: none [default: all]
    #[arg(long, env = "PUMASI_GPU_LAYERS", value_name = "COUNT")]
    pub gpu_layers: Option<u32>,
    /// Seconds an idle model stays loaded; 0: for ever [default: 300]
    #[arg(long, env = "PUMASI_KEEP_ALIVE_S", value_name = "SECONDS")]
    pub keep_alive_s: Option<u32>,
    /// What work for others does while this computer is in use: `pause`, `slow` or `none`
    /// [default: slow]
    #[arg(id = "yield", long = "yield", env = "PUMASI_YIELD", value_name = "POLICY")]
    #[serde(rename = "yield")]
    pub yields: Option<YieldPolicy>,
    /// Percentage of the processor or a card that other programs must take for this computer to
    /// count as in use; 0: only its own person's jobs count [default: 50]
    #[arg(long, env = "PUMASI_BUSY_PERCENT", value_name = "PERCENT")]
    pub busy_percent: Option<Percent>,
    /// When others may use this computer, as in 'mon-fri 18:00-08:00, sat-sun' [default: always]
    #[arg(long, env = "PUMASI_LEND", value_name = "SCHEDULE")]
    pub lend: Option<Schedule>,
    /// Whether others may use this computer while it runs on battery [default: false]
    #[arg(long, env = "PUMASI_LEND_ON_BATTERY", value_name = "BOOL", num_args = 0..=1,
          default_missing_value = "true")]
    pub lend_on_battery: Option<bool>,
    /// Memory that models may take together while they run for others, as in 8GB [default: no cap]
    #[arg(long, env = "PUMASI_LEND_MEMORY", value_name = "SIZE")]
    pub lend_memory: Option<Size>,
    /// Days that an ended job and its result are kept; 0: for ever [default: 30]
    #[arg(long, env = "PUMASI_KEEP_JOBS_DAYS", value_name = "DAYS")]
    pub keep_jobs_days: Option<u32>,
    /// Ended jobs that are kept with their results [default: 1000]
    #[arg(long, env = "PUMASI_KEEP_JOBS", value_name = "COUNT")]
    pub keep_jobs: Option<u32>,
    /// Percentage of extra work that second tries at answers which are late may cost; 0: no second
    /// tries [default: 2]
    #[arg(long, env = "PUMASI_HEDGE_PERCENT", value_name = "PERCENT")]
    pub hedge_percent: Option<Percent>,
    /// Whether models are copied from and to other members [default: true]
    #[arg(long, env = "PUMASI_COPIES", value_name = "BOOL", num_args = 0..=1,
          default_missing_value = "true")]
    pub copies: Option<bool>,
    /// Megabits a second at which models go to other members, all together; 0: as fast as it goes
    /// [default: 0]
    #[arg(long, env = "PUMASI_COPY_MBIT", value_name = "MBIT")]
    pub copy_mbit: Option<u32>,
    /// Write what this computer's scheduler is told into this file, for `simulate recording`; it holds
    /// no prompts and no answers [default: nothing is written]
    #[arg(long, env = "PUMASI_RECORD", value_name = "FILE")]
    pub record: Option<PathBuf>,
    /// Days that it is kept what was used by whom; 0: for ever [default: 396, thirteen months]
    #[arg(long, env = "PUMASI_KEEP_USAGE_DAYS", value_name = "DAYS")]
    pub keep_usage_days: Option<u32>,
    /// How the log is written: `text`, or `json` with a line for each request that has ended
    /// [default: text]
    #[arg(long, env = "PUMASI_LOG_FORMAT", value_name = "FORMAT")]
    pub log_format: Option<LogFormat>,
    /// Whether the lines of `--log-format json` name the models [default: false]
    #[arg(long, env = "PUMASI_LOG_MODELS", value_name = "BOOL", num_args = 0..=1,
          default_missing_value = "true")]
    pub log_models: Option<bool>,
    /// What is logged, as in `info,pumasi_node=debug` [default: info]
    #[arg(long, env = "PUMASI_LOG", value_name = "FILTER")]
    pub log: Option<String>,
    /// The data directory; given to every command, so not a flag of its own here.
    #[arg(skip)]
    pub data_dir: Option<PathBuf>,
}

impl Settings {
    /// These settings, and where they say nothing, those of `below`.
    #[must_use]
    pub fn or(self, below: Self) -> Self {
        Self {
            name: self.name.or(below.name),
            person: self.person.or(below.person),
            http: self.http.or(below.http),
            http_public: self.http_public.or(below.http_public),
            http_cert: self.http_cert.or(below.http_cert),
            http_key: self.http_key.or(below.http_key),
            http_names: self.http_names.or(below.http_names),
            listen: self.listen.or(below.listen),
            mesh_port: self.mesh_port.or(below.mesh_port),
            data_port: self.data_port.or(below.data_port),
            join_port: self.join_port.or(below.join_port),
            peers: self.peers.or(below.peers),
            discovery: self.discovery.or(below.discovery),
            model_dirs: self.model_dirs.or(below.model_dirs),
            hub: self.hub.or(below.hub),
            hub_cdn: self.hub_cdn.or(below.hub_cdn),
            model_space: self.model_space.or(below.model_space),
            worker_dir: self.worker_dir.or(below.worker_dir),
            threads: self.threads.or(below.threads),
            slots: self.slots.or(below.slots),
            context: self.context.or(below.context),
            gpu_layers: self.gpu_layers.or(below.gpu_layers),
            keep_alive_s: self.keep_alive_s.or(below.keep_alive_s),
            yields: self.yields.or(below.yields),
            busy_percent: self.busy_percent.or(below.busy_percent),
            lend: self.lend.or(below.lend),
            lend_on_battery: self.lend_on_battery.or(below.lend_on_battery),
            lend_memory: self.lend_memory.or(below.lend_memory),
            keep_jobs_days: self.keep_jobs_days.or(below.keep_jobs_days),
            keep_jobs: self.keep_jobs.or(below.keep_jobs),
            hedge_percent: self.hedge_percent.or(below.hedge_percent),
            copies: self.copies.or(below.copies),
            copy_mbit: self.copy_mbit.or(below.copy_mbit),
            record: self.record.or(below.record),
            keep_usage_days: self.keep_usage_days.or(below.keep_usage_days),
            log_format: self.log_format.or(below.log_format),
            log_models: self.log_models.or(below.log_models),
            log: self.log.or(below.log),
            data_dir: self.data_dir.or(below.data_dir),
        }
    }
}

/// Where settings and data lie, as every command takes it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Places {
    /// `--config`.
    pub config: Option<PathBuf>,
    /// `--data-dir`.
    pub data_dir: Option<PathBuf>,
}

/// What a node runs with: complete and checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Where everything of this install is kept.
    pub data_dir: PathBuf,
    /// This computer's name.
    pub name: NodeName,
    /// The person it belongs to; none: a shared computer.
    pub person: Option<NodeName>,
    /// Where HTTP listens; loopback; port 0 picks one.
    pub http: SocketAddr,
    /// Where programs of other computers are served; none: nowhere.
    pub public: Option<PublicConfig>,
    /// Where control plane, data plane and join door listen.
    pub listen: IpAddr,
    /// Port of the control plane (UDP and TCP); 0 picks one.
    pub mesh_port: u16,
    /// Port of the data plane (UDP); 0 picks one.
    pub data_port: u16,
    /// Port of the join door (UDP); 0 picks one.
    pub join_port: u16,
    /// Control addresses of members.
    pub peers: Vec<PeerAddress>,
    /// Whether to find and be found by DNS-SD.
    pub discovery: bool,
    /// Further folders with models.
    pub model_dirs: Vec<PathBuf>,
    /// The hub, and the space for what comes from there.
    pub hub: HubSettings,
    /// Where worker programs lie.
    pub worker_dir: PathBuf,
    /// How engines run.
    pub engine: EngineConfig,
    /// When and how this computer works for others.
    pub lending: LendingConfig,
    /// What is kept of jobs that are over.
    pub keep: Keep,
    /// Extra work for second tries, in percent; 0: no second tries.
    pub hedge_percent: u8,
    /// Copies of models.
    pub copies: CopyConfig,
    /// Where the scheduler's inputs are recorded; none: nowhere.
    pub record: Option<PathBuf>,
    /// What is told of what this node does.
    pub observing: ObservingConfig,
    /// The log filter.
    pub log: String,
}

/// The settings of `flags` (with the variables already in them) over those of the file, checked.
///
/// # Errors
/// When the file is broken or the result is not safe to run.
pub fn load(flags: Settings, places: &Places) -> Result<Config, ConfigError> {
    let file = file::read(places)?;
    let data_dir = data_dir_of(places, &file)?;
    resolve(flags.or(file), data_dir)
}

/// The data directory that commands other than `up` look into.
///
/// # Errors
/// When the file is broken or there is no home directory.
pub fn data_dir(places: &Places) -> Result<PathBuf, ConfigError> {
    if let Some(dir) = &places.data_dir {
        return Ok(dir.clone());
    }
    data_dir_of(places, &file::read(places)?)
}

fn data_dir_of(places: &Places, file: &Settings) -> Result<PathBuf, ConfigError> {
    let given = places.data_dir.clone().or_else(|| file.data_dir.clone());
    given.or_else(|| Some(file::folders()?.data_local_dir().to_owned())).ok_or(ConfigError::NoHome)
}

fn resolve(settings: Settings, data_dir: PathBuf) -> Result<Config, ConfigError> {
    let http = settings.http.unwrap_or(SocketAddr::from((Ipv4Addr::LOCALHOST, HTTP_PORT)));
    if !http.ip().to_canonical().is_loopback() {
        return Err(ConfigError::OpenHttp(http));
    }
    let public = PublicConfig::of(&settings)?;
    let (engine, hub) = (EngineConfig::of(&settings), HubSettings::of(&settings)?);
    let (lending, observing) = (LendingConfig::of(&settings), ObservingConfig::of(&settings));
    let config = Config {
        data_dir,
        name: settings.name.map_or_else(host_name, Ok)?,
        person: settings.person,
        http,
        public,
        listen: settings.listen.unwrap_or(Ipv4Addr::UNSPECIFIED.into()),
        mesh_port: settings.mesh_port.unwrap_or(MESH_PORT),
        data_port: settings.data_port.unwrap_or(DATA_PORT),
        join_port: settings.join_port.unwrap_or(JOIN_PORT),
        peers: settings.peers.unwrap_or_default(),
        discovery: settings.discovery.unwrap_or(true),
        model_dirs: settings.model_dirs.unwrap_or_default(),
        worker_dir: settings.worker_dir.map_or_else(worker_folder, Ok)?,
        hub,
        engine,
        lending,
        keep: Keep {
            days: settings.keep_jobs_days.unwrap_or(KEEP_JOBS_DAYS),
            jobs: settings.keep_jobs.unwrap_or(KEEP_JOBS),
        },
        copies: CopyConfig::of(settings.copies, settings.copy_mbit),
        hedge_percent: settings.hedge_percent.map_or(HEDGE_PERCENT, |percent| percent.0),
        record: settings.record,
        observing,
        log: settings.log.unwrap_or_else(|| LOG.to_owned()),
    };
    check_ports(&config)?;
    Ok(config)
}

#[cfg(test)]
mod tests;
