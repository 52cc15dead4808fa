//! A worker that misbehaves as its argument says. Only for the tests of this package.

use std::io::{Read, Write};
use std::time::Duration;

use pumasi_protocol::engine::{Capabilities, EngineKind, Finish, Phase, Timings, Token, Usage};
use pumasi_protocol::frame::{self, PREFIX};
use pumasi_protocol::limits::FRAME_BYTES;
use pumasi_protocol::worker::{
    Command, Confinement, Drafts, Event, LoadedModel, RequestId, WORKER_PROTOCOL,
};
use pumasi_protocol::{BlobId, Fault};

fn write(bytes: &[u8]) {
    let mut out = std::io::stdout().lock();
    // A closed pipe means that the test is over.
    if out.write_all(bytes).and_then(|()| out.flush()).is_err() {
        std::process::exit(0);
    }
}

fn say(text: &str) {
    std::io::stderr().write_all(text.as_bytes()).expect("stderr is read");
}

fn frame(event: &Event) -> Vec<u8> {
    frame::encode(event, FRAME_BYTES).expect("small events")
}

fn send(event: &Event) {
    write(&frame(event));
}

fn forever() -> ! {
    loop {
        std::thread::park();
    }
}

/// Until it has an effect: the runtime's own handler takes the first SIGSEGV.
#[cfg(unix)]
fn raise_until_dead(signal: rustix::process::Signal) -> ! {
    loop {
        raise(signal);
    }
}

#[cfg(unix)]
fn raise(signal: rustix::process::Signal) {
    rustix::process::kill_process(rustix::process::getpid(), signal).expect("own process");
}

fn hello(mode: &str) {
    let names = || std::env::vars_os().map(|(name, _)| name.to_string_lossy().into_owned());
    let version = match mode {
        "arguments" => std::env::args().skip(2).collect::<Vec<_>>().join(" "),
        "environment" => names().collect::<Vec<_>>().join(" "),
        "grandchild" => {
            let program = std::env::current_exe().expect("its own path");
            let child = std::process::Command::new(program).arg("never-ready").spawn();
            child.expect("a child").id().to_string()
        }
        _ => "1".to_owned(),
    };
    let protocol = if mode == "version" { WORKER_PROTOCOL + 1 } else { WORKER_PROTOCOL };
    let engine = if mode == "kind" { EngineKind::Image } else { EngineKind::Llama };
    let (devices, confinement) = (Vec::new(), Confinement::default());
    send(&Event::Hello { protocol, engine, version, devices, confinement });
}

fn next_command() -> Option<Command> {
    let mut input = std::io::stdin().lock();
    let mut prefix = [0; PREFIX];
    input.read_exact(&mut prefix).ok()?;
    let mut body = vec![0; frame::body_length(prefix, FRAME_BYTES).ok()?];
    input.read_exact(&mut body).ok()?;
    frame::decode_body(&body).ok()
}

fn loaded(hash: BlobId) -> Event {
    Event::Loaded(LoadedModel {
        hash,
        context: 8,
        slots: 1,
        vocabulary: 8,
        embedding_dimensions: 8,
        capabilities: Capabilities::default(),
        weights_bytes: 1,
        cache_bytes: 1,
        load_us: 1,
    })
}

fn on_load(mode: &str, hash: BlobId) {
    match mode {
        "wrong-hash" => send(&loaded(BlobId([0xff; 32]))),
        "load-exit" => std::process::exit(3),
        "load-hang" => forever(),
        "load-slow" => send(&Event::Alive { phase: Phase::Load, step: 250, request: None }),
        "load-fails" => send(&Event::LoadFailed(Fault::ModelDamaged)),
        _ => send(&loaded(hash)),
    }
}

fn tokens(request: RequestId, index: u32) -> Event {
    let token = Token { id: 1, bytes: b"a".to_vec(), logprob: None, top: Vec::new() };
    Event::Tokens { request, index, tokens: vec![token] }
}

fn finished(request: RequestId, finish: Finish) -> Event {
    let (usage, timings) = (Usage::default(), Timings::default());
    Event::Finished { request, finish, usage, timings, drafts: Drafts::default() }
}

fn on_generate(mode: &str, request: RequestId) {
    let syntax = Default::default();
    send(&Event::Started { request, prompt: vec![1], cached: 0, syntax });
    send(&tokens(request, 0));
    match mode {
        "exit" => std::process::exit(0),
        "abort" => std::process::abort(),
        #[cfg(unix)]
        "segv" => raise_until_dead(rustix::process::Signal::SEGV),
        #[cfg(unix)]
        "stopped" => raise(rustix::process::Signal::STOP),
        "hang" => forever(),
        "until-cancelled" => {}
        "garbage" => write(&[4, 0, 0, 0, 0xff, 0xff, 0xff, 0xff]),
        "huge" => write(&[0xff, 0xff, 0xff, 0xff, 1]),
        "half" => {
            let whole = frame(&tokens(request, 1));
            write(&whole[..whole.len() / 2]);
            forever();
        }
        "half-exit" => {
            let whole = frame(&tokens(request, 1));
            write(&whole[..whole.len() / 2]);
            std::process::exit(1);
        }
        "jump" => send(&tokens(request, 7)),
        "stranger" => send(&tokens(RequestId(999), 0)),
        "flood" => {
            let chunk = [b'x'; 1 << 16];
            for _ in 0..1 << 14 {
                std::io::stderr().write_all(&chunk).expect("stderr is read");
            }
            say("\nthe last line\n");
            send(&finished(request, Finish::Stop));
        }
        "exit-after-last" => {
            send(&finished(request, Finish::Stop));
            std::process::exit(0);
        }
        _ => send(&finished(request, Finish::Stop)),
    }
}

fn main() {
    let mode = std::env::args().nth(1).unwrap_or_default();
    match mode.as_str() {
        "exit-at-once" => return,
        "exit-with-words" => {
            say("libcuda.so.1: cannot open shared object file\n");
            std::process::exit(127);
        }
        "never-ready" => forever(),
        "text" => write(b"Usage: worker [OPTIONS]\n"),
        mode => hello(mode),
    }
    while let Some(command) = next_command() {
        match command {
            Command::Load(model) => on_load(&mode, model.hash),
            Command::CancelLoad => send(&Event::LoadFailed(Fault::Cancelled)),
            Command::Generate { request, .. }
            | Command::Embed { request, .. }
            | Command::Document { request, .. } => {
                on_generate(&mode, request);
            }
            Command::Cancel(request) => send(&finished(request, Finish::Cancelled)),
            Command::Tempo { .. } | Command::Input { .. } => {}
            Command::Shutdown => break,
        }
    }
    if mode == "stubborn" {
        std::thread::sleep(Duration::from_secs(3_600));
    }
}
