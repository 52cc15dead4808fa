//! The relay of faults as a program, so that it can be run inside a network namespace:
//! `relay FIRST SECOND SEED`, weather on standard input, `ready` on standard output.

use std::io::{BufRead, Write};
use std::net::Ipv4Addr;
use std::process::ExitCode;

use pumasi_tests::relay::{Ends, Sky, obey, start};

fn ends(arguments: &[String]) -> Option<(Ends, u64)> {
    let [first, second, seed] = arguments else { return None };
    let (first, second): (Ipv4Addr, Ipv4Addr) = (first.parse().ok()?, second.parse().ok()?);
    Some((Ends { first, second }, seed.parse().ok()?))
}

fn run() -> Result<(), String> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (ends, seed) = ends(&arguments).ok_or("usage: relay FIRST SECOND SEED")?;
    let sky = Sky::default();
    start(ends, &sky, seed).map_err(|error| format!("cannot relay: {error}"))?;
    let mut output = std::io::stdout().lock();
    writeln!(output, "ready").and_then(|()| output.flush()).map_err(|error| error.to_string())?;
    obey(&sky, std::io::stdin().lock().lines().map_while(Result::ok))
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            // Whoever started it reads its standard error.
            let _ = writeln!(std::io::stderr(), "{reason}");
            ExitCode::FAILURE
        }
    }
}
