//! `why`: each placing of a job as a table of candidates, with the prediction term by term.

use pumasi_web::api::{Candidate, CandidateOutcome, Passage, Round, Why};

use super::client::Client;
use super::failure::Failure;
use super::lookup::{self, short_job};
use super::output::{Output, Style};
use super::table::{Align, Table};
use super::text::{escape, milliseconds};

/// Terms smaller than this show as zero, and need no explanation.
const SHOWN_MS: f64 = 0.05;

pub(super) async fn why(client: &Client, job: &str, output: &Output) -> Result<(), Failure> {
    let id = lookup::job(client, job).await?;
    let why: Why = client.get(&["api", "v1", "jobs", &id, "why"]).await?;
    if output.is_json() {
        return output.object(&why);
    }
    output.line(&format!("{} {}", short_job(&why.job), escape(&why.summary)))?;
    for round in &why.rounds {
        output.line("")?;
        for line in lines(round, output) {
            output.line(&line)?;
        }
    }
    Ok(())
}

fn lines(round: &Round, output: &Output) -> Vec<String> {
    let after = milliseconds(round.after_ms as f64);
    let title = format!("placing {}, {after} after it came in", round.epoch);
    let mut lines = vec![output.style(Style::Dim, &title)];
    lines.extend(table(round).lines(output));
    lines.extend(round.passage.as_ref().map(passage));
    lines.extend(round.candidates.iter().flat_map(notes));
    lines
}

/// What came of a placing, in one line.
fn passage(passage: &Passage) -> String {
    let mut line = format!("  it ran on {}", escape(&passage.node.name));
    if passage.alone {
        line.push_str(", with an engine to itself");
    }
    if let Some(gap) = passage.gap_ms {
        line.push_str(&format!(", going on after {}", milliseconds(gap)));
    }
    if let Some(tokens) = passage.tokens {
        line.push_str(&format!("; {tokens} tokens had come when it ended"));
    }
    if let Some(fault) = &passage.fault {
        line.push_str(&format!(": {}", escape(&fault.message)));
    }
    line
}

/// The terms in the order in which they first occur: the order of the score.
fn term_names(round: &Round) -> Vec<&str> {
    let mut names: Vec<&str> = Vec::new();
    for term in round.candidates.iter().flat_map(|candidate| &candidate.terms) {
        if !names.contains(&term.name.as_str()) {
            names.push(&term.name);
        }
    }
    names
}

fn table(round: &Round) -> Table {
    let terms = term_names(round);
    let shown: Vec<String> = terms.iter().map(|name| escape(name).to_uppercase()).collect();
    let first = [("COMPUTER", Align::Left), ("OUTCOME", Align::Left), ("PREDICTED", Align::Right)];
    let terms_head = shown.iter().map(|name| (name.as_str(), Align::Right));
    let mut table =
        Table::new(first.into_iter().chain(terms_head).chain([("ITS BID", Align::Right)]));
    let time = |ms: Option<f64>| ms.map_or("-".to_owned(), milliseconds);
    for candidate in &round.candidates {
        let term = |name: &&str| {
            let found = candidate.terms.iter().find(|term| term.name == **name);
            time(found.map(|term| term.ms))
        };
        let mut cells = vec![
            candidate.node.name.clone(),
            outcome(candidate).to_owned(),
            time(candidate.predicted_ms),
        ];
        cells.extend(terms.iter().map(term));
        cells.push(time(candidate.bid_ms));
        table.row(cells);
    }
    table
}

fn outcome(candidate: &Candidate) -> &'static str {
    match candidate.outcome {
        CandidateOutcome::Chosen => "chosen",
        CandidateOutcome::Outbid => "outbid",
        CandidateOutcome::NotAsked => "not asked",
        CandidateOutcome::Silent => "silent",
        CandidateOutcome::Excluded { .. } => "excluded",
        CandidateOutcome::Refused { .. } => "refused",
        CandidateOutcome::Failed { .. } => "failed",
    }
}

/// What does not fit a cell: reasons, and what terms were computed from.
fn notes(candidate: &Candidate) -> Vec<String> {
    let name = escape(&candidate.node.name);
    let reason = match &candidate.outcome {
        CandidateOutcome::Excluded { reason }
        | CandidateOutcome::Refused { reason }
        | CandidateOutcome::Failed { reason } => {
            Some(format!("  {name} {}: {}", outcome(candidate), escape(reason)))
        }
        CandidateOutcome::Chosen
        | CandidateOutcome::Outbid
        | CandidateOutcome::NotAsked
        | CandidateOutcome::Silent => None,
    };
    let counts = candidate.terms.iter().filter(|term| term.ms.abs() >= SHOWN_MS);
    let noted = counts.filter_map(|term| Some((&term.name, term.note.as_ref()?)));
    let noted = noted.map(|(term, note)| format!("  {name}, {}: {}", escape(term), escape(note)));
    reason.into_iter().chain(noted).collect()
}
