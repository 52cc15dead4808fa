//! Makes records for the tests of custody's parts.

use pumasi_protocol::custody::{Record, Term, Version};
use pumasi_protocol::{
    Capabilities, Constraints, JobId, JobKind, Need, NodeId, PersonId, Priority,
};

pub(super) fn need() -> Need {
    Need {
        kind: JobKind::Document,
        model: "m".parse().expect("a model's name"),
        file: None,
        capabilities: Capabilities::default(),
        person: PersonId([7; 16]),
        priority: Priority::Batch,
        constraints: Constraints::default(),
        prompt_tokens: 10,
        max_tokens: None,
        prefix: Vec::new(),
    }
}

/// A record whose owner is the first of its holders.
pub(super) fn record(holders: &[NodeId], leaving: &[NodeId]) -> Record {
    Record {
        job: JobId::from_parts(1, [1; 10]),
        version: Version { term: Term::FIRST, owner: holders[0], sequence: 0 },
        need: need(),
        key: None,
        inputs: Vec::new(),
        accepted_ms: 0,
        holders: holders.to_vec(),
        leaving: leaving.to_vec(),
        accepted: true,
        adoptions: 0,
        ended: None,
        settled: false,
        superseded_by: None,
    }
}
