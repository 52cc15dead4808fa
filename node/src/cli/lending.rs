//! `pause`, `resume`, `drain`: whether this computer works for others, and how it says so.

use std::time::Duration;

use pumasi_web::api::{Hold, Lend, LendRequest, Lending, Yield};

use super::arguments::{DrainArguments, PauseArguments};
use super::client::Client;
use super::failure::Failure;
use super::output::Output;
use super::text::{bytes, escape, span};

/// How often a drain looks whether it is done.
const LOOK_EVERY: Duration = Duration::from_millis(250);

pub(super) async fn pause(
    find: impl FnOnce() -> Result<Client, Failure>,
    arguments: &PauseArguments,
    output: &Output,
) -> Result<(), Failure> {
    let seconds = arguments.span.map(|span| u32::try_from(span.0.as_secs()));
    let for_s = seconds.transpose().map_err(|_| Failure::usage("--for is too long"))?;
    if for_s == Some(0) {
        return Err(Failure::usage("--for needs a second at least"));
    }
    let lending = tell(&find()?, Lend::Paused, for_s).await?;
    say(&lending, output)
}

pub(super) async fn resume(client: &Client, output: &Output) -> Result<(), Failure> {
    say(&tell(client, Lend::Accepting, None).await?, output)
}

pub(super) async fn drain(
    client: &Client,
    arguments: &DrainArguments,
    output: &Output,
) -> Result<(), Failure> {
    let mut lending = tell(client, Lend::Draining, None).await?;
    if arguments.wait {
        if !lending.empty {
            output.note(&running(&lending));
        }
        while !lending.empty {
            tokio::time::sleep(LOOK_EVERY).await;
            lending = client.get(&["api", "v1", "lending"]).await?;
        }
    }
    say(&lending, output)
}

async fn tell(client: &Client, lend: Lend, for_s: Option<u32>) -> Result<Lending, Failure> {
    client.post(&["api", "v1", "lending"], &LendRequest { lend, for_s }).await
}

fn say(lending: &Lending, output: &Output) -> Result<(), Failure> {
    if output.is_json() { output.object(lending) } else { output.line(&sentence(lending)) }
}

fn running(lending: &Lending) -> String {
    match lending.here {
        0 => "nothing runs here; own jobs run elsewhere".to_owned(),
        1 => "1 job still runs here".to_owned(),
        n => format!("{n} jobs still run here"),
    }
}

/// Whether this computer works for others, why not, and what follows.
pub(super) fn sentence(lending: &Lending) -> String {
    let mut text = match lending.lend {
        Lend::Draining if lending.empty => "no: drained, nothing runs here".to_owned(),
        Lend::Draining => format!("no: draining, {}", running(lending)),
        Lend::Paused => match lending.until_ms {
            Some(until) => format!("no: paused for {}", span(super::mesh::until(until))),
            None => "no: paused until `pumasi resume`".to_owned(),
        },
        Lend::Accepting => match lending.holds.first() {
            None => "yes".to_owned(),
            Some(Hold::Schedule) => "no: not at this time".to_owned(),
            Some(Hold::Battery) => "no: it runs on battery".to_owned(),
            Some(Hold::InUse | Hold::Told) => "no: it is in use".to_owned(),
        },
    };
    let schedule = lending.schedule.as_ref().map(|s| format!("lent {}", escape(s)));
    let cap = lending.memory_cap_bytes.map(|cap| format!("at most {} of memory", bytes(cap)));
    let policy = match lending.yields {
        Yield::Pause => "pauses for its person",
        Yield::Slow => "slows down for its person",
        Yield::None => "does not yield to its person",
    };
    let foreign = (lending.foreign > 0).then(|| match lending.yielding {
        0 => format!("{} jobs of others here", lending.foreign),
        n => format!("{} jobs of others here, {n} yielding", lending.foreign),
    });
    let in_use = (lending.in_use).then(|| "in use now".to_owned());
    for part in [schedule, cap, Some(policy.to_owned()), in_use, foreign].into_iter().flatten() {
        text.push_str("; ");
        text.push_str(&part);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_state_says_what_it_means() {
        let free = Lending { empty: true, ..Lending::default() };
        assert_eq!(sentence(&free), "yes; slows down for its person");
        let busy = Lending {
            holds: vec![Hold::InUse],
            yields: Yield::Pause,
            in_use: true,
            foreign: 2,
            yielding: 2,
            ..Lending::default()
        };
        assert_eq!(
            sentence(&busy),
            "no: it is in use; pauses for its person; in use now; 2 jobs of others here, 2 yielding"
        );
        let draining = Lending { lend: Lend::Draining, here: 1, ..Lending::default() };
        assert!(sentence(&draining).starts_with("no: draining, 1 job still runs here"));
        let drained = Lending { empty: true, here: 0, ..draining };
        assert!(sentence(&drained).starts_with("no: drained, nothing runs here"));
    }
}
