//! A fake model service as a program, for trying things by hand: `fake-provider [openai|anthropic|gemini]
//! [PORT]`. It prints its base address and runs until its standard input ends.

use std::io::{Read, Write};
use std::process::ExitCode;

use pumasi_tests::provider::{FakeProvider, Speech};

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let speech = match arguments.next().as_deref() {
        None | Some("openai") => Speech::OpenAi,
        Some("anthropic") => Speech::Anthropic,
        Some("gemini") => Speech::Gemini,
        Some(_) => {
            let usage = "usage: fake-provider [openai|anthropic|gemini] [PORT]";
            let _ = writeln!(std::io::stderr(), "{usage}");
            return ExitCode::from(2);
        }
    };
    let port = arguments.next().and_then(|port| port.parse().ok()).unwrap_or(0);
    let provider = FakeProvider::start_at(speech, ([127, 0, 0, 1], port).into());
    let _ = writeln!(std::io::stdout(), "{}", provider.base);
    let _ = std::io::stdin().read_to_end(&mut Vec::new());
    ExitCode::SUCCESS
}
