//! A worker that a hostile file took over: it tries what its first argument says on what the second
//! names, and says how it went in its hello. The third says whether it is confined before.

use std::io::{self, Read, Write};

use pumasi_protocol::EngineKind;
use pumasi_protocol::frame;
use pumasi_protocol::limits::FRAME_BYTES;
use pumasi_protocol::worker::{Confinement, Event, WORKER_PROTOCOL};

#[cfg(target_os = "linux")]
mod linux;

#[cfg(not(target_os = "linux"))]
mod linux {
    pub(crate) fn attempt(_attack: &str, _target: &str) -> std::io::Result<String> {
        Err(std::io::ErrorKind::Unsupported.into())
    }

    pub(crate) fn expose() {}
}

fn confine(how: &str) -> Confinement {
    if how == "free" {
        linux::expose();
        return Confinement::default();
    }
    let mut grants = pumasi_sandbox::Grants::from_arguments(std::env::args_os());
    grants.graphics = how == "graphics";
    pumasi_sandbox::enter(&grants)
}

/// On a thread of its own, as engines compute: what holds the first must hold each.
fn attempt(attack: String, target: String) -> String {
    let attempt = std::thread::spawn(move || linux::attempt(&attack, &target));
    match attempt.join().expect("it does not panic") {
        Ok(said) => said,
        Err(error) => format!("refused: {error}"),
    }
}

fn main() -> io::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let mut next = || arguments.next().unwrap_or_default();
    let (attack, target, how) = (next(), next(), next());
    let confinement = confine(&how);
    let version = attempt(attack, target);
    let (protocol, engine, devices) = (WORKER_PROTOCOL, EngineKind::Llama, Vec::new());
    let hello = Event::Hello { protocol, engine, version, devices, confinement };
    let frame = frame::encode(&hello, FRAME_BYTES).expect("a small event");
    let mut output = io::stdout().lock();
    output.write_all(&frame).and_then(|()| output.flush())?;
    // Until the test is over.
    io::stdin().lock().read_to_end(&mut Vec::new()).map(drop)
}
