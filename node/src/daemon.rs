//! Runs a node until it is told to stop: opens the store, starts network, engines and HTTP face around
//! the loop, and ends them in the reverse order.

mod error;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use pumasi_protocol::NodeId;
use pumasi_scheduler::Scheduler;
use pumasi_web::meters::Meters;
use pumasi_web::{Secret, Settings, api};
use tokio::net::TcpListener;
use tokio::sync::{broadcast, mpsc};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::audit::{self, Notes};
use crate::config::Config;
use crate::copies::{Lent, Pace};
use crate::core::event::Event;
use crate::core::{self, Clock, Core, Parts, unix_ms};
use crate::fleet::Fleet;
use crate::gateway::Gateway;
use crate::https::keep_renewed;
use crate::net::{Identity, Listening, NetConfig, NetHandle};
use crate::public::Public;
use crate::recorder::Recorder;
use crate::router::{self, Around, MeshDoor, Noting, Router};
use crate::runtime::{self, Running, Token};
use crate::stock::{Rescan, Stock};
use crate::store::{Act, AuditRecord, Keep, Store};
use crate::usage::{self, UsageBook};
use crate::{keys, starter};

pub use error::DaemonError;

/// Folder of the data directory for this install's own models.
const MODELS: &str = "models";
/// Folder of the data directory where running workers are written down.
const WORKERS: &str = "workers";

/// How often the ledger is looked after (guess: far more often than it needs).
const KEEP_LEDGER_EVERY: Duration = Duration::from_mins(10);

/// How long a start waits for the addresses of the mesh's ports.
const LISTEN_WAIT: Duration = Duration::from_millis(300);

/// Runs the node until SIGINT or SIGTERM; `ready` is called once it listens.
///
/// # Errors
/// When it cannot start.
pub async fn run(config: Config, ready: impl FnOnce(&Running)) -> Result<(), DaemonError> {
    runtime::create_data_dir(&config.data_dir).map_err(DaemonError::DataDir)?;
    let store = Store::open(&config.data_dir, unix_ms())?;
    let token = Token::load_or_create(&config.data_dir)?;
    let keys = keys::restore(&store)?;
    let public = Public::prepare(&config, &keys)?;
    let own_models = config.data_dir.join(MODELS);
    runtime::make_private_dir(&own_models).map_err(DaemonError::DataDir)?;
    starter::unpack(&own_models).map_err(DaemonError::Starter)?;
    let shelf = pumasi_models::store::Store::open(&own_models).map_err(DaemonError::ModelStore)?;
    let shelf = Arc::new(shelf.with_quota(config.hub.space));
    let (listener, http) = bind(config.http).await?;
    let mut public_listener = None;
    if let Some(public) = &public {
        public_listener = Some(bind(public.address).await?);
    }
    let endpoint = public.as_ref().zip(public_listener.as_ref());
    let endpoint = endpoint.map(|(public, (_, address))| public.endpoint(*address));

    let identity = Identity::from_seed(store.identity_seed());
    let net_config = net_config(&config, store.incarnation());
    let (net, net_events) = NetHandle::start(net_config, identity, store.clone()).await?;
    // The system gives the addresses within milliseconds; without them the node still serves.
    let listening = tokio::time::timeout(LISTEN_WAIT, net.listens()).await.unwrap_or_default();
    let running = running(&config, net.me(), listening, http, endpoint.clone());
    let (notes, noted) = audit::notes();
    let started = Act::Started { version: running.version.clone() };
    notes.note(AuditRecord { at_ms: unix_ms(), act: started });
    let meters = Arc::new(Meters::new(config.person.as_ref().map(ToString::to_string)));
    let parts = (notes.clone(), endpoint, Arc::clone(&meters));
    let ledger = (store.clone(), Arc::clone(&shelf));
    let node = assemble(config.clone(), ledger, net.clone(), parts).await?;
    let stock = stock(&config, shelf, own_models, &node);
    let door = MeshDoor::new(node.events.clone());
    let noting = Noting::new(net.me(), config.person.clone(), notes.clone());
    let around = Around {
        net: net.clone(),
        store: store.clone(),
        changes: node.changes.clone(),
        name: config.name.clone(),
    };
    let router = Router::of(config.data_dir.clone(), door, noting, around).await?;
    let usage = (store.clone(), Arc::clone(&meters), Arc::clone(&router));
    let usage = UsageBook::new(usage.0, usage.1, usage.2, config.observing.keep_usage_days);
    let request_log = config.observing.request_log();
    let gateway = Arc::new(Gateway {
        router: Arc::clone(&router),
        usage: usage.clone(),
        uploads: crate::gateway::Uploads::default(),
        events: node.events.clone(),
        changes: node.changes.clone(),
        net,
        store: store.clone(),
        notes,
        config: config.clone(),
        stock,
        examining: tokio::sync::Mutex::new(()),
        measuring: Arc::default(),
        stopping: stopping(&running),
        running: running.clone(),
    });
    let closing = CancellationToken::new();
    let settings = Settings {
        keys: Arc::clone(&keys),
        meters,
        request_log,
        ..Settings::loopback(Secret::new(token.as_str()))
    };
    let mut faces = JoinSet::new();
    if let Some((public, (listener, _))) = public.zip(public_listener) {
        if let Some((files, tls)) = public.renewable() {
            faces.spawn(keep_renewed(files, tls, node.events.clone(), closing.clone()));
        }
        let settings = public.settings(settings.clone());
        faces.spawn(serve_http(listener, Arc::clone(&gateway), settings, closing.clone()));
    }
    faces.spawn(usage::keep(usage.clone(), Arc::clone(&gateway) as _, closing.clone()));
    faces.spawn(serve_http(listener, gateway, settings, closing.clone()));
    faces.spawn(keys::keep_used(store.clone(), keys, closing.clone()));
    faces.spawn(audit::keep(store, noted, closing.clone()));
    faces.spawn(router::tend(router, http.port(), closing.clone()));
    let _published = runtime::publish(&config.data_dir, &running)?;
    ready(&running);

    let stop = node.events.clone();
    tokio::spawn(async move {
        wait_for_signal().await;
        // The loop may have ended by itself.
        let _ = stop.send(Event::Stop).await;
    });
    node.core.run(node.receiver, net_events).await;
    closing.cancel();
    // Their own patience with slow clients is bounded.
    while faces.join_next().await.is_some() {}
    // What ended with them was used, too.
    usage.write(None).await;
    Ok(())
}

async fn bind(address: SocketAddr) -> Result<(TcpListener, SocketAddr), DaemonError> {
    let failed = |error| DaemonError::Http { address, error };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let bound = listener.local_addr().map_err(failed)?;
    Ok((listener, bound))
}

async fn serve_http(
    listener: TcpListener,
    gateway: Arc<Gateway>,
    settings: Settings,
    closing: CancellationToken,
) {
    let closed = async move { closing.cancelled().await };
    if let Err(error) = pumasi_web::serve(listener, gateway, settings, closed).await {
        tracing::error!(%error, "the HTTP face ended");
    }
}

/// A node whose loop has not begun.
struct Assembled {
    core: Core,
    events: mpsc::Sender<Event>,
    receiver: mpsc::Receiver<Event>,
    changes: broadcast::Sender<api::Event>,
}

async fn assemble(
    config: Config,
    (store, shelf): (Store, Arc<pumasi_models::store::Store>),
    net: NetHandle,
    (notes, endpoint, meters): (Notes, Option<api::Endpoint>, Arc<Meters>),
) -> Result<Assembled, DaemonError> {
    let (events, receiver) = mpsc::channel(core::EVENTS);
    let (changes, _) = broadcast::channel(core::CHANGES);
    let workers = config.data_dir.join(WORKERS);
    runtime::create_data_dir(&workers).map_err(DaemonError::DataDir)?;
    end_left_over_workers(&workers);
    let clock = Clock::start();
    let seed = store.incarnation();
    let settings = pumasi_scheduler::Config {
        hedge_permille: u32::from(config.hedge_percent) * 10,
        yields: config.lending.yields,
        lend_memory: config.lending.memory,
        ..pumasi_scheduler::Config::default()
    };
    let begin = pumasi_scheduler::Time::START;
    let recorder = match &config.record {
        Some(path) => {
            let begun = Recorder::begin(path, net.me(), &settings, seed, begin);
            Some(begun.map_err(|error| DaemonError::Record { path: path.clone(), error })?)
        }
        None => None,
    };
    let scheduler = Scheduler::new(net.me(), settings, seed, begin);
    let fleet = Fleet::new(&config.worker_dir, workers, Arc::clone(&shelf), events.clone());
    let rows = core::custody::restore(&store)?;
    let is_older_copy = store.is_older_copy();
    if is_older_copy {
        tracing::warn!("the ledger is an older copy: the others are asked what became of its jobs");
    }
    let keeping = core::custody::Keeping::restore(net.me(), seed, clock, rows, is_older_copy);
    look_at_hardware(config.worker_dir.clone(), events.clone());
    keep_ledger(store.clone(), config.keep, events.clone());
    let incarnation = store.incarnation();
    let told = store.setting(crate::lending::SETTING)?;
    let parts = Parts {
        config,
        clock,
        scheduler,
        recorder,
        net,
        fleet,
        store,
        model_store: shelf,
        told,
        endpoint,
        keeping,
        notes,
        meters,
        incarnation,
        changes: changes.clone(),
        events: events.clone(),
    };
    Ok(Assembled { core: Core::new(parts), events, receiver, changes })
}

/// Copies the ledger once a day, and lets go of what need not be kept any more.
fn keep_ledger(store: Store, keep: Keep, events: mpsc::Sender<Event>) {
    tokio::spawn(async move {
        let mut due = tokio::time::interval(KEEP_LEDGER_EVERY);
        loop {
            tokio::select! {
                _ = due.tick() => {}
                () = events.closed() => return,
            }
            let copying = store.clone();
            let copied = tokio::task::spawn_blocking(move || copying.copy_daily(unix_ms())).await;
            if let Ok(Err(error)) = copied {
                tracing::warn!(%error, "the daily copy of the ledger could not be written");
            }
            match store.sweep(keep, unix_ms()).await {
                Ok(jobs) if jobs.is_empty() => {}
                // At the node's end nobody listens any more.
                Ok(jobs) => drop(events.send(Event::Forgotten(jobs)).await),
                Err(error) => tracing::warn!(%error, "old jobs could not be forgotten"),
            }
        }
    });
}

fn net_config(config: &Config, incarnation: u64) -> NetConfig {
    NetConfig {
        listen: config.listen,
        control_port: config.mesh_port,
        data_port: config.data_port,
        join_port: config.join_port,
        peers: config.peers.clone(),
        discovery: config.discovery,
        person: config.person.clone(),
        lent: Lent { pace: Arc::new(Pace::new(config.copies.bytes_per_s)), ..Lent::default() },
        ..NetConfig::new(config.name.clone(), incarnation)
    }
}

fn running(
    config: &Config,
    me: NodeId,
    listening: Listening,
    http: SocketAddr,
    public: Option<api::Endpoint>,
) -> Running {
    let Listening { control, data, join } = listening;
    Running {
        pid: std::process::id(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        started_ms: unix_ms(),
        node: me.to_string(),
        name: config.name.to_string(),
        http,
        public,
        mesh: control,
        data,
        join,
    }
}

fn stopping(running: &Running) -> api::Status {
    api::Status {
        version: running.version.clone(),
        node: api::NodeRef { id: running.node.clone(), name: running.name.clone() },
        mesh: None,
        person: None,
        roles: Vec::new(),
        admission: api::Admission::Draining,
        lending: api::Lending::default(),
        started_ms: running.started_ms,
        members: 0,
        reachable: 0,
        jobs_running: 0,
        jobs_waiting: 0,
        endpoint: running.public.clone().map(Box::new),
        notices: Vec::new(),
    }
}

/// Ends workers that a node of this data directory left behind when it was killed.
fn end_left_over_workers(records: &Path) {
    let Ok(entries) = std::fs::read_dir(records) else { return };
    for entry in entries.flatten() {
        pumasi_engine_host::end_left_over(&entry.path());
    }
}

/// Asks the worker which devices it sees; it takes a moment, and jobs can wait for it.
fn look_at_hardware(worker_dir: PathBuf, events: mpsc::Sender<Event>) {
    tokio::spawn(async move {
        match Fleet::probe(&worker_dir).await {
            // At the node's end nobody listens any more.
            Ok(found) => drop(events.send(Event::Devices(found.devices)).await),
            Err(fault) => {
                tracing::error!(%fault, "the engine cannot be started: this computer only submits");
                // As above.
                drop(events.send(Event::Devices(Vec::new())).await);
            }
        }
    });
}

/// The model store, the hub and downloads; and looking at models, now and when others came.
fn stock(
    config: &Config,
    shelf: Arc<pumasi_models::store::Store>,
    own: PathBuf,
    node: &Assembled,
) -> Stock {
    let folders: Vec<PathBuf> = std::iter::once(own).chain(config.model_dirs.clone()).collect();
    let rescan = Rescan::default();
    rescan.clone().run(Arc::clone(&shelf), folders, config.engine, node.events.clone());
    let (hub, changes) = (config.hub.clone(), node.changes.clone());
    let stock = Stock::open(config.data_dir.clone(), shelf, hub, changes, rescan);
    stock.begin();
    stock
}

#[cfg(unix)]
async fn wait_for_signal() {
    use tokio::signal::unix::{SignalKind, signal};
    let terminate = signal(SignalKind::terminate());
    let Ok(mut terminate) = terminate else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
}

#[cfg(not(unix))]
async fn wait_for_signal() {
    // Without a handler there is no clean stop, but the store survives any.
    let _ = tokio::signal::ctrl_c().await;
}
