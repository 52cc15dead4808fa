//! A member that floods a node, as a program for the benchmark of it:
//! `hostile IDENTITY MESH CONTROL DATA RATE SECONDS`. With the key of a member it sends so many messages
//! a second of several kinds, and dials again as often as it is thrown out. What it did goes to
//! standard output as JSON.

use std::io::Write;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use libp2p::identity::Keypair;
use pumasi_tests::peer::{self, gossip};
use quinn::{Connection, SendStream};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, sleep};

/// How often each kind sends a batch.
const TICK: Duration = Duration::from_millis(10);
/// How long it waits before it dials again.
const AGAIN: Duration = Duration::from_millis(20);
/// A sign of life of version 1, with its length before it.
const BEAT: [u8; 7] = [5, 0, 0x01, 0x01, 0xfb, 0x2c, 0x01];
/// A request that is answered by "taken": a scheduler's hint.
const IDLE: [u8; 6] = [2, 0, 0, 0, 0, 7];
/// Kinds that are sent side by side.
const KINDS: u64 = 5;

struct Attack {
    key: Keypair,
    topic: String,
    control: SocketAddr,
    data: SocketAddr,
    /// Messages of one kind in one batch.
    batch: u64,
    sent: AtomicU64,
    dialled: AtomicU64,
    admitted: AtomicU64,
    began: Instant,
    first_refusal_ms: AtomicU64,
}

impl Attack {
    fn count(&self, sent: bool) -> bool {
        self.sent.fetch_add(u64::from(sent), Ordering::Relaxed);
        sent
    }

    /// Sends batches on a stream until it breaks.
    async fn pour(&self, mut out: SendStream, piece: impl Fn(u64) -> Vec<u8>) {
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let mut n = u64::try_from(self.began.elapsed().as_micros()).unwrap_or_default();
        loop {
            ticks.tick().await;
            for _ in 0..self.batch {
                n += 1;
                if !self.count(out.write_all(&piece(n)).await.is_ok()) {
                    return;
                }
            }
        }
    }

    async fn gossip(&self, connection: &Connection) {
        let Ok((out, _input)) = peer::open(connection, "/meshsub/1.2.0").await else { return };
        let message = |n| gossip::message(&self.key, n, &self.topic, &n.to_le_bytes());
        self.pour(out, message).await;
    }

    async fn control_gossip(&self, connection: &Connection) {
        let Ok((out, _input)) = peer::open(connection, "/meshsub/1.2.0").await else { return };
        self.pour(out, |n| gossip::graft([format!("{n}").as_str()].into_iter())).await;
    }

    async fn states(&self, connection: &Connection) {
        let Ok((out, _input)) = peer::open(connection, "/pumasi/state/1").await else { return };
        self.pour(out, |_| BEAT.to_vec()).await;
    }

    /// One request after the other, each on a stream of its own.
    async fn requests(&self, connection: &Connection) {
        self.on_streams(
            connection,
            &[peer::line("/multistream/1.0.0"), peer::line("/pumasi/control/1"), IDLE.to_vec()]
                .concat(),
        )
        .await;
    }

    async fn on_streams(&self, connection: &Connection, said: &[u8]) {
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            ticks.tick().await;
            for _ in 0..self.batch {
                let Ok((mut out, mut input)) = connection.open_bi().await else { return };
                self.count(out.write_all(said).await.is_ok());
                let _ = out.finish();
                tokio::spawn(async move { input.read_to_end(4_096).await.map(drop) });
            }
        }
    }

    /// On one plane, for ever: dials, attacks, dials again.
    async fn on_control(self: Arc<Self>) {
        loop {
            if let Some(connection) = self.dial(self.control, peer::CONTROL).await {
                peer::ignore(&connection);
                tokio::select! {
                    _ = connection.closed() => {}
                    () = async {
                        tokio::join!(
                            self.gossip(&connection),
                            self.control_gossip(&connection),
                            self.states(&connection),
                            self.requests(&connection),
                        );
                    } => {}
                }
                self.note_refusal();
            }
            sleep(AGAIN).await;
        }
    }

    async fn on_data(self: Arc<Self>) {
        loop {
            if let Some(connection) = self.dial(self.data, peer::DATA).await {
                self.on_streams(&connection, &[0; 8]).await;
            }
            sleep(AGAIN).await;
        }
    }

    async fn dial(&self, at: SocketAddr, plane: &[u8]) -> Option<Connection> {
        self.dialled.fetch_add(1, Ordering::Relaxed);
        let endpoint = peer::socket([127, 0, 0, 1].into());
        let connection = peer::dial(&endpoint, &self.key, at, plane).await.ok()?;
        // The verdict of the other side follows the handshake.
        let refused = tokio::time::timeout(Duration::from_millis(50), connection.closed()).await;
        self.admitted.fetch_add(u64::from(refused.is_err()), Ordering::Relaxed);
        refused.is_err().then_some(connection)
    }

    fn note_refusal(&self) {
        let ms = u64::try_from(self.began.elapsed().as_millis()).unwrap_or_default().max(1);
        let first = &self.first_refusal_ms;
        let _ = first.compare_exchange(0, ms, Ordering::Relaxed, Ordering::Relaxed);
    }
}

fn attack(arguments: &[String]) -> Result<(Attack, Duration), String> {
    let [identity, mesh, control, data, rate, seconds] = arguments else {
        return Err("usage: hostile IDENTITY MESH CONTROL DATA RATE SECONDS".to_owned());
    };
    let text = |error: &dyn std::fmt::Display| error.to_string();
    let seed = std::fs::read(identity).map_err(|error| text(&error))?;
    let seed = seed.try_into().map_err(|_| "an identity is 32 bytes".to_owned())?;
    let name = blake3::derive_key("pumasi gossip topic 1", &digits(mesh)?);
    let topic = name[..16].iter().map(|byte| format!("{byte:02x}")).collect();
    let rate: u64 = rate.parse().map_err(|error| text(&error))?;
    let attack = Attack {
        key: peer::key(seed),
        topic,
        control: control.parse().map_err(|error| text(&error))?,
        data: data.parse().map_err(|error| text(&error))?,
        batch: (rate / KINDS / 100).max(1),
        sent: AtomicU64::new(0),
        dialled: AtomicU64::new(0),
        admitted: AtomicU64::new(0),
        began: Instant::now(),
        first_refusal_ms: AtomicU64::new(0),
    };
    let seconds = seconds.parse().map_err(|error| text(&error))?;
    Ok((attack, Duration::from_secs(seconds)))
}

/// The bytes of hexadecimal digits.
fn digits(hex: &str) -> Result<Vec<u8>, String> {
    let pair = |at: usize| hex.get(at..at + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok());
    let bytes: Option<Vec<u8>> = (0..hex.len()).step_by(2).map(pair).collect();
    bytes.ok_or_else(|| "a mesh id is hexadecimal digits".to_owned())
}

async fn run(attack: Attack, lasts: Duration) {
    let attack = Arc::new(attack);
    let mut tasks = JoinSet::new();
    tasks.spawn(attack.clone().on_control());
    tasks.spawn(attack.clone().on_data());
    sleep(lasts).await;
    tasks.shutdown().await;
    let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    let mut output = std::io::stdout().lock();
    let _ = writeln!(
        output,
        r#"{{"sent":{},"dialled":{},"admitted":{},"first_refusal_ms":{}}}"#,
        of(&attack.sent),
        of(&attack.dialled),
        of(&attack.admitted),
        of(&attack.first_refusal_ms)
    );
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    match (attack(&arguments), runtime) {
        (Ok((attack, lasts)), Ok(runtime)) => {
            runtime.block_on(run(attack, lasts));
            ExitCode::SUCCESS
        }
        (Err(reason), _) => {
            // Whoever started it reads its standard error.
            let _ = writeln!(std::io::stderr(), "{reason}");
            ExitCode::FAILURE
        }
        (Ok(_), Err(error)) => {
            let _ = writeln!(std::io::stderr(), "no runtime: {error}");
            ExitCode::FAILURE
        }
    }
}
