//! The result of a lasting job as the reply that its endpoint would have given; and strict reading of
//! our own request bodies.

use pumasi_dialects::openai;
use pumasi_dialects::{Answer, Head, Invalid, json_object};
use pumasi_protocol::stream::AttemptEvent;
use pumasi_protocol::{Fault, Generate, JobId, JobKind, Work};
use serde::de::DeserializeOwned;

use super::documents;
use crate::error::ApiError;
use crate::gather::{Lane, Step, assembly};
use crate::mesh::{Kept, RunEvent};

/// Reads a body of `/api/v1`: one object, no field twice, none unknown.
pub(super) fn strict<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Invalid> {
    json_object(bytes)
}

/// Writes the reply.
pub(super) fn reply(job: JobId, kept: &Kept) -> Result<String, ApiError> {
    match &kept.run.work {
        Work::Generate(generate) => generated(job, kept, generate),
        Work::Embed(_) => embedded(kept),
        Work::Documents(documents) => documents::result(documents, kept),
        // A piece of another job, which no person handed in.
        Work::Document(_) => Err(ApiError::Fault(Fault::BadRequest)),
    }
}

fn embedded(kept: &Kept) -> Result<String, ApiError> {
    let vectors = kept.events.iter().find_map(|event| match event {
        AttemptEvent::Embedded { embedded, .. } => Some(embedded),
        AttemptEvent::Alive { .. }
        | AttemptEvent::Started { .. }
        | AttemptEvent::Tokens { .. }
        | AttemptEvent::Finished { .. }
        | AttemptEvent::Part { .. }
        | AttemptEvent::Failed(_) => None,
    });
    let vectors = vectors.ok_or(ApiError::Fault(Fault::PeerProtocol))?;
    Ok(openai::embeddings(kept.run.model.as_str(), vectors, false, None))
}

fn generated(job: JobId, kept: &Kept, generate: &Generate) -> Result<String, ApiError> {
    let mut lane = Lane::new(job, assembly(job, generate, true));
    let mut answer = Answer::default();
    let placed = kept.placed.iter().cloned().map(RunEvent::Placed);
    let events = kept.events.iter().cloned().map(RunEvent::Attempt);
    for event in placed.chain(events) {
        match lane.take(0, event) {
            Step::Progress | Step::Moved(_) => {}
            Step::Deltas(_, deltas) => deltas.into_iter().for_each(|delta| answer.push(delta)),
            Step::Ended(_, deltas, ending) => {
                deltas.into_iter().for_each(|delta| answer.push(delta));
                answer.end(ending);
                break;
            }
            Step::Failed(error) => return Err(error),
        }
    }
    let chat = kept.run.kind == JobKind::Chat;
    let id = format!("{}-{}", if chat { "chatcmpl" } else { "cmpl" }, job.0.simple());
    let head = Head { id, created: kept.ended_ms / 1_000, model: kept.run.model.to_string() };
    let (counts, logprobs) = (lane.counts(), generate.logprobs.is_some());
    let (answers, provenance) = ([answer], [lane.provenance()]);
    Ok(if chat {
        openai::chat_reply(&head, &answers, counts, logprobs, &provenance)
    } else {
        openai::completion_reply(&head, &answers, &[], counts, logprobs, &provenance)
    })
}
