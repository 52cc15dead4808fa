//! `pumasi-document`: a worker process that reads one document. Its bytes come in over stdin and what
//! was found goes out over stdout; it opens no file. It knows no node, no mesh and no network.

mod pulse;
mod work;

use std::io::{self, Read, Write};
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};

use pumasi_protocol::document::DocumentWork;
use pumasi_protocol::frame::{self, PREFIX};
use pumasi_protocol::limits::FRAME_BYTES;
use pumasi_protocol::worker::{Command, Event, LoadModel, LoadedModel, RequestId, WORKER_PROTOCOL};
use pumasi_protocol::{Capabilities, EngineKind, Fault};
use tracing_subscriber::EnvFilter;

use pulse::Pulse;

/// `EX_SOFTWARE` and `EX_OSERR` of sysexits.h.
const BROKEN: u8 = 70;
const SYSTEM_FAILED: u8 = 71;

/// Where events go; each is written whole.
#[derive(Debug, Clone, Default)]
struct Outbox(Arc<Mutex<()>>);

impl Outbox {
    fn send(&self, event: &Event) {
        let Ok(frame) = frame::encode(event, FRAME_BYTES) else { return };
        let _turn = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut out = io::stdout().lock();
        if out.write_all(&frame).and_then(|()| out.flush()).is_err() {
            // The node is gone.
            std::process::exit(i32::from(SYSTEM_FAILED));
        }
    }
}

fn main() -> ExitCode {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("error"));
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_ansi(false);
    subscriber.with_writer(io::stderr).init();
    #[cfg(target_os = "linux")]
    if let Err(error) =
        rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))
    {
        tracing::warn!(%error, "no signal will come when the node ends");
    }
    // Before any other thread, and any byte of a document.
    let confinement = pumasi_sandbox::enter(&pumasi_sandbox::Grants::default());
    let outbox = Outbox::default();
    let Ok(pulse) = Pulse::start(outbox.clone()) else { return ExitCode::from(SYSTEM_FAILED) };
    outbox.send(&Event::Hello {
        protocol: WORKER_PROTOCOL,
        engine: EngineKind::Document,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        devices: Vec::new(),
        confinement,
    });
    match serve(&outbox, &pulse) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(%error, "stdin holds no command");
            ExitCode::from(BROKEN)
        }
    }
}

/// A document whose bytes are coming.
struct Coming {
    request: RequestId,
    work: DocumentWork,
    bytes: Vec<u8>,
}

/// Takes commands until the end of stdin, which ends the process whatever it is doing.
fn serve(outbox: &Outbox, pulse: &Pulse) -> io::Result<()> {
    let mut coming: Option<Coming> = None;
    let (mut stdin, mut body) = (io::stdin().lock(), Vec::new());
    loop {
        match read_command(&mut stdin, &mut body)? {
            Command::Shutdown => return Ok(()),
            Command::Load(model) => outbox.send(&Event::Loaded(loaded(&model))),
            Command::Document { request, body } if coming.is_none() => {
                pulse.at(request, 0);
                coming = Some(Coming { request, work: *body, bytes: Vec::new() });
            }
            Command::Input { request, bytes } => match &mut coming {
                Some(coming) if coming.request == request => coming.bytes.extend(bytes),
                Some(_) | None => return Err(io::Error::other("bytes of no document")),
            },
            Command::Document { request, .. }
            | Command::Generate { request, .. }
            | Command::Embed { request, .. } => {
                outbox.send(&Event::Failed { request, fault: Fault::BadRequest });
            }
            // One process, one document: who does not want it ends the process.
            Command::Cancel(_) => return Ok(()),
            Command::Tempo { .. } | Command::CancelLoad => {}
        }
        let whole = |c: &Coming| c.bytes.len() as u64 >= c.work.file.bytes;
        if let Some(whole) = coming.take_if(|coming| whole(coming)) {
            work::start(whole.request, whole.work, whole.bytes, outbox.clone(), pulse.clone())?;
        }
    }
}

/// There is no model: what a load tells is that the process is ready.
fn loaded(model: &LoadModel) -> LoadedModel {
    LoadedModel {
        hash: model.hash,
        context: 0,
        slots: 1,
        vocabulary: 0,
        embedding_dimensions: 0,
        capabilities: Capabilities::default(),
        weights_bytes: 0,
        cache_bytes: 0,
        load_us: 0,
    }
}

fn read_command(source: &mut impl Read, body: &mut Vec<u8>) -> io::Result<Command> {
    let mut prefix = [0; PREFIX];
    source.read_exact(&mut prefix)?;
    let length = frame::body_length(prefix, FRAME_BYTES).map_err(io::Error::other)?;
    body.clear();
    // Grows with what arrives, so that a stated length alone takes no memory.
    if source.by_ref().take(length as u64).read_to_end(body)? < length {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    frame::decode_body(body).map_err(io::Error::other)
}
