//! Traces a person can read: jobs and nodes by number, records in one line.

use pumasi_protocol::custody::{CustodyMessage, End, Record, Version};
use pumasi_protocol::{JobId, NodeId};
use pumasi_scheduler::{CustodyAction, CustodyInput};

pub(crate) fn node(id: NodeId) -> String {
    char::from(b'a' + id.0[0] - 1).to_string()
}

pub(crate) fn job(id: JobId) -> String {
    let bytes = id.0.as_bytes();
    format!("j{}", u16::from(bytes[4]) << 8 | u16::from(bytes[5]))
}

pub(crate) fn nodes(ids: &[NodeId]) -> String {
    ids.iter().map(|id| node(*id)).collect()
}

pub(crate) fn version(v: Version) -> String {
    format!("{}{}.{}", v.term.0, node(v.owner), v.sequence)
}

pub(crate) fn end(end: &End) -> String {
    match end {
        End::Completed { node: by, .. } => format!("completed by {}", node(*by)),
        End::Failed(fault) => format!("failed {fault:?}"),
        End::Cancelled => "cancelled".to_owned(),
        End::Superseded(by) => format!("superseded by {}", job(*by)),
    }
}

pub(crate) fn record(r: &Record) -> String {
    let mut words = format!("{} {} {}", job(r.job), version(r.version), nodes(&r.holders));
    if !r.leaving.is_empty() {
        words += &format!(" was {}", nodes(&r.leaving));
    }
    if !r.accepted {
        words += " draft";
    }
    if r.adoptions > 0 {
        words += &format!(" adopted {}", r.adoptions);
    }
    if let Some(ended) = &r.ended {
        words += &format!(" {}", end(&ended.end));
    }
    if r.settled {
        words += " for good";
    }
    words
}

pub(crate) fn message(m: &CustodyMessage) -> String {
    match m {
        CustodyMessage::Keep(r) => format!("keep {}", record(r)),
        CustodyMessage::Kept { job: j, version: v } => format!("kept {} {}", job(*j), version(*v)),
        CustodyMessage::Declined { job: j, decline } => format!("declines {} {decline:?}", job(*j)),
        CustodyMessage::Newer(r) => format!("newer {}", record(r)),
        CustodyMessage::Drop { job: j, after } => {
            format!("drop {} after {:?}", job(*j), after.map(version))
        }
        CustodyMessage::Stand { term, record: r } => {
            format!("stands {} with {}", term.0, record(r))
        }
        CustodyMessage::Vote { job: j, term, newer, .. } => {
            let newer =
                newer.as_ref().map_or_else(String::new, |r| format!(" newer {}", record(r)));
            format!("votes {} {}{newer}", job(*j), term.0)
        }
        CustodyMessage::Cancel { job: j, .. } => format!("cancel {}", job(*j)),
        CustodyMessage::Roll { lines, answer } => {
            let lines: Vec<String> = lines
                .iter()
                .map(|line| format!("{} {}", job(line.job), version(line.rank.version)))
                .collect();
            format!("roll{} {}", if *answer { " answer" } else { "" }, lines.join(", "))
        }
        CustodyMessage::Want { jobs } => {
            format!("wants {}", jobs.iter().map(|j| job(*j)).collect::<Vec<_>>().join(" "))
        }
        CustodyMessage::Keys(lines) => {
            format!("keys {}", lines.iter().map(|l| job(l.job)).collect::<Vec<_>>().join(" "))
        }
        CustodyMessage::FindKey(line) => format!("finds key of {}", job(line.job)),
        CustodyMessage::FoundKey { asked, found, pending } => {
            let word = if *pending { " pending" } else { "" };
            format!("key of {} has {:?}{word}", job(asked.job), found.map(job))
        }
    }
}

pub(crate) fn input(i: &CustodyInput) -> String {
    match i {
        CustodyInput::Accept(draft) => format!("accept {}", job(draft.job)),
        CustodyInput::Persisted { job: j, .. } => format!("persisted {}", job(*j)),
        CustodyInput::PersistFailed { job: j, .. } => format!("persist failed {}", job(*j)),
        CustodyInput::Fetched { .. } => "fetched".to_owned(),
        CustodyInput::FetchFailed { .. } => "fetch failed".to_owned(),
        CustodyInput::Message { from, message: m } => format!("{} {}", node(*from), message(m)),
        CustodyInput::Restarted { node: n } => format!("{} has begun anew", node(*n)),
        CustodyInput::Peer { node: n, link } => {
            let up = matches!(link, pumasi_scheduler::Link::Up { .. });
            format!("{} is {}", node(*n), if up { "up" } else { "down" })
        }
        CustodyInput::Roster { .. } => "roster".to_owned(),
        CustodyInput::Ended { job: j, term, ended } => {
            format!("work on {} in {} {}", job(*j), term.0, end(&ended.end))
        }
        CustodyInput::Cancel { job: j, .. } => format!("cancel {}", job(*j)),
        CustodyInput::Adopt { job: j } => format!("adopt {}", job(*j)),
        CustodyInput::Forget { job: j } => format!("forget {}", job(*j)),
        CustodyInput::Retain { since_ms } => format!("retain {since_ms}"),
    }
}

pub(crate) fn action(a: &CustodyAction) -> String {
    match a {
        CustodyAction::Send { to, message: m } => format!("to {}: {}", node(*to), message(m)),
        CustodyAction::Persist { holding, .. } => {
            let promise = holding.promise;
            let unsure = if holding.unsure { " unsure" } else { "" };
            let to = node(promise.candidate);
            format!("persist {} word {}{to}{unsure}", record(&holding.record), promise.term.0)
        }
        CustodyAction::Erase { job: j } => format!("erase {}", job(*j)),
        CustodyAction::Fetch { job: j, from, .. } => format!("fetch {} {}", job(*j), nodes(from)),
        CustodyAction::Acknowledge { job: j, holders } => {
            format!("ACKNOWLEDGE {} at {}", job(*j), nodes(holders))
        }
        CustodyAction::Refuse { job: j, refusal } => format!("REFUSE {} {refusal:?}", job(*j)),
        CustodyAction::Same { job: j, existing } => format!("SAME {} {}", job(*j), job(*existing)),
        CustodyAction::Place { job: j, term, .. } => format!("PLACE {} in {}", job(*j), term.0),
        CustodyAction::Withdraw { job: j } => format!("WITHDRAW {}", job(*j)),
        CustodyAction::Show { job: j, ended } => format!("SHOW {} {}", job(*j), end(&ended.end)),
        CustodyAction::Superseded { job: j, by } => {
            format!("SUPERSEDED {} by {}", job(*j), job(*by))
        }
        CustodyAction::Overridden { job: j, was, by } => {
            format!("OVERRIDDEN {} {} by {}", job(*j), end(&was.end), node(*by))
        }
        CustodyAction::Adopted { job: j } => format!("ADOPTED {}", job(*j)),
        CustodyAction::NotAdopted { job: j, refusal } => {
            format!("NOT ADOPTED {} {refusal:?}", job(*j))
        }
        CustodyAction::Misbehaved { node: n } => format!("MISBEHAVED {}", node(*n)),
    }
}
