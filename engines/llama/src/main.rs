//! `pumasi-llama`: llama.cpp as a worker process. One process runs one model; frames come in over
//! stdin and go out over stdout. It knows no node, no mesh and no network.

mod bounded;
mod cache;
mod check;
mod control_text;
mod drafts;
mod embed;
mod generation;
mod grammar;
mod inbox;
mod library;
mod limits;
mod load;
mod machine;
mod measure;
mod model;
mod outbox;
mod pace;
mod pipes;
mod prepare;
mod prompt;
mod pulse;
mod sampler;
mod server;
mod slots;
mod stop;
mod template;
mod thinking;
mod vocabulary;

use std::process::ExitCode;
use std::time::Instant;

use llama_cpp_2::llama_backend::LlamaBackend;
use llama_cpp_2::{LogOptions, send_logs_to_tracing};
use pumasi_models::inspect::Inspection;
use pumasi_protocol::worker::{Command, Confinement, Event, LoadModel, WORKER_PROTOCOL};
use pumasi_protocol::{EngineKind, Fault};
use pumasi_sandbox::Grants;
use tracing_subscriber::EnvFilter;

use inbox::{Inbox, Input};
use outbox::Outbox;
use prepare::Preparer;
use pulse::Pulse;
use server::{End, Server, Wires};

/// `EX_OSERR` and `EX_SOFTWARE` of sysexits.h.
const SYSTEM_FAILED: u8 = 71;
const LIBRARY_FAILED: u8 = 70;

/// The library warns at every load that the shared context is longer than the model's own, which
/// is intended here; its errors say why a load failed.
const LOG_FILTER: &str = "warn,llama-cpp-2=error";

fn log_to_stderr() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(LOG_FILTER));
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_ansi(false);
    subscriber.with_writer(std::io::stderr).init();
    send_logs_to_tracing(LogOptions::default());
}

fn main() -> ExitCode {
    if std::env::args_os().any(|argument| argument == measure::ARGUMENT) {
        confine();
        return if measure::print() { ExitCode::SUCCESS } else { ExitCode::from(LIBRARY_FAILED) };
    }
    let frames = match pipes::claim_stdout() {
        Ok(frames) => frames,
        Err(_) => return ExitCode::from(SYSTEM_FAILED),
    };
    log_to_stderr();
    pipes::end_with_parent();
    let confinement = confine();
    let started = Outbox::start(frames).and_then(|(outbox, writer)| {
        let (pulse, inbox) = (Pulse::start(outbox.clone())?, Inbox::start(std::io::stdin())?);
        Ok((Wires { inbox, outbox, pulse }, writer))
    });
    let (wires, writer) = match started {
        Ok(started) => started,
        Err(error) => {
            tracing::error!(%error, "the worker's threads cannot be started");
            return ExitCode::from(SYSTEM_FAILED);
        }
    };
    let end = work(&wires, confinement);
    wires.outbox.close();
    if writer.join().is_err() {
        return ExitCode::from(LIBRARY_FAILED);
    }
    match end {
        End::Asked => ExitCode::SUCCESS,
        End::Broken => ExitCode::from(LIBRARY_FAILED),
    }
}

/// Before any other thread, any frame and any byte of a model.
fn confine() -> Confinement {
    let mut grants = Grants::from_arguments(std::env::args_os());
    grants.graphics = cfg!(any(feature = "cuda", feature = "vulkan", feature = "rocm"));
    pumasi_sandbox::enter(&grants)
}

/// Says hello, then loads and serves until the end.
fn work(wires: &Wires, confinement: Confinement) -> End {
    let backend = match LlamaBackend::init() {
        Ok(backend) => backend,
        Err(error) => {
            tracing::error!(%error, "the library cannot be initialised");
            return End::Broken;
        }
    };
    let hello = Event::Hello {
        protocol: WORKER_PROTOCOL,
        engine: EngineKind::Llama,
        version: library::version(),
        devices: machine::devices(),
        confinement,
    };
    send(wires, &hello);
    loop {
        match wires.inbox.inputs.recv() {
            Ok(Input::Command(Command::Load(order))) => {
                if let Some(end) = load_and_serve(&backend, &order, wires) {
                    return end;
                }
            }
            Ok(Input::Command(
                Command::Generate { request, .. }
                | Command::Embed { request, .. }
                | Command::Document { request, .. },
            )) => send(wires, &Event::Failed { request, fault: Fault::BadRequest }),
            Ok(Input::Command(
                Command::Cancel(_)
                | Command::CancelLoad
                | Command::Input { .. }
                | Command::Tempo { .. },
            ))
            | Ok(Input::Prepared(_)) => {}
            Ok(Input::Command(Command::Shutdown) | Input::Closed) | Err(_) => return End::Asked,
        }
        if wires.inbox.interrupt.is_closing() {
            return End::Asked;
        }
    }
}

fn send(wires: &Wires, event: &Event) {
    // These events are small.
    let _ = wires.outbox.send(event);
}

/// `None` if the load failed, so that another one may be asked for.
fn load_and_serve(backend: &LlamaBackend, order: &LoadModel, wires: &Wires) -> Option<End> {
    wires.inbox.interrupt.begin_load();
    wires.pulse.loading(0);
    let mut failed = Fault::ModelUnsupported;
    match load::inspect(backend, order) {
        Ok(inspection) => {
            let offloads = backend.supports_gpu_offload();
            let choices = load::layer_choices(order.gpu_layers, offloads, inspection.block_count);
            for layers in choices {
                match load_with(backend, order, layers, inspection.clone(), wires) {
                    Ok(end) => return Some(end),
                    Err(fault) => failed = fault,
                }
                if failed == Fault::Cancelled {
                    break;
                }
            }
        }
        Err(fault) => failed = fault,
    }
    wires.pulse.load_ended();
    send(wires, &Event::LoadFailed(failed));
    None
}

/// Serves until the end, unless the model cannot be loaded in this way.
fn load_with(
    backend: &LlamaBackend,
    order: &LoadModel,
    layers: Option<u32>,
    inspection: Inspection,
    wires: &Wires,
) -> Result<End, Fault> {
    let began = Instant::now();
    let model = load::model(backend, order, layers, inspection, wires)?;
    let (contexts, loaded) = load::contexts(backend, &model, order, began)?;
    if wires.inbox.interrupt.ends_load() {
        return Err(Fault::Cancelled);
    }
    let preparer = Preparer::start(&model, loaded.context, &wires.inbox.sender);
    let preparer = preparer.map_err(|error| {
        tracing::error!(%error, "the preparing threads cannot be started");
        Fault::EngineStart
    })?;
    wires.pulse.load_ended();
    send(wires, &Event::Loaded(loaded));
    Ok(Server::new(&model, contexts, wires, preparer, order).run())
}
