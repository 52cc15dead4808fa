//! Prints how long ranking takes, for candidate sets of several sizes: the median and the shortest of
//! many batches, so that other programs on the machine add little. Asserts nothing: the numbers
//! depend on the machine.

#![allow(clippy::disallowed_methods, reason = "a benchmark measures time")]

use std::hint::black_box;
use std::io::Write as _;
use std::time::Instant;

use pumasi_protocol::advert::Queue;
use pumasi_protocol::ids::{BlobId, PersonId};
use pumasi_protocol::{
    Admission, Capabilities, Constraints, EngineKind, JobKind, ModelAdvert, ModelState, Need,
    NodeAdvert, NodeId, Priority, Rate,
};
use pumasi_scheduler::{Candidate, Config, Measured, MemberFacts, Policy, rank};

/// Candidates that are ranked between two looks at the clock.
const BATCH: usize = 10_000;

fn node_id(number: usize) -> NodeId {
    let mut id = [0; 32];
    id[..8].copy_from_slice(&(number as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes());
    NodeId(id)
}

fn advert(number: usize) -> NodeAdvert {
    let speed = u32::try_from(number % 25 + 1).expect("small");
    let model = ModelAdvert {
        name: "m".parse().expect("a model name"),
        file: BlobId([1; 32]),
        size: 1 << 30,
        engine: EngineKind::Llama,
        capabilities: Capabilities { generate: true, ..Capabilities::default() },
        context: 4_096,
        state: if number.is_multiple_of(3) {
            ModelState::Held
        } else {
            ModelState::Loaded { slots: 4, busy: u16::try_from(number % 5).expect("small") }
        },
        memory: 1 << 30,
        prefill: Rate(speed * 200_000),
        decode: Rate(speed * 10_000),
        load_ms: 2_000,
        usual_tokens: 120,
    };
    NodeAdvert {
        node: node_id(number),
        incarnation: 1,
        sequence: 1,
        name: "node".parse().expect("a node name"),
        version: String::new(),
        platform: String::new(),
        devices: Vec::new(),
        memory_total: 16 << 30,
        memory_free: 8 << 30,
        engines: vec![EngineKind::Llama],
        models: vec![model],
        queue: Queue { interactive: 1, batch: 2, work_ms: 500 },
        admission: Admission::Accepting,
        data: Vec::new(),
        prefixes: Vec::new(),
    }
}

fn candidate(advert: &NodeAdvert) -> Candidate<'_> {
    Candidate {
        node: advert.node,
        advert,
        model: advert.models.first(),
        member: Some(MemberFacts { person: None, may_run: true, may_submit: true }),
        age_ms: 0,
        rtt_us: Some(500),
        busy: 1,
        cached_tokens: 0,
        offered_ms: 0,
        penalty_ms: 0,
        measured: Measured::default(),
        refused: None,
        idle: false,
    }
}

fn main() {
    let need = Need {
        kind: JobKind::Chat,
        model: "m".parse().expect("a model name"),
        file: None,
        capabilities: Capabilities { generate: true, ..Capabilities::default() },
        person: PersonId([1; 16]),
        priority: Priority::Interactive,
        constraints: Constraints::default(),
        prompt_tokens: 300,
        max_tokens: Some(200),
        prefix: Vec::new(),
    };
    let config = Config::default();
    let policy = Policy { config: &config, owner: node_id(0), may_submit: true };
    let mut out = std::io::stdout().lock();
    let batches = std::env::args().skip(1).find_map(|arg| arg.parse().ok()).unwrap_or(200);
    for count in [3, 32, 200, 1_000] {
        let adverts: Vec<NodeAdvert> = (1..=count).map(advert).collect();
        let candidates: Vec<Candidate<'_>> = adverts.iter().map(candidate).collect();
        let rounds = BATCH / count;
        let batch = |batch: usize| {
            let begin = Instant::now();
            for tie in batch * rounds..(batch + 1) * rounds {
                black_box(rank(black_box(&need), black_box(&candidates), &policy, tie as u64));
            }
            begin.elapsed().as_nanos() as f64 / rounds as f64 / 1_000.0
        };
        let mut each: Vec<f64> = (0..batches).map(batch).collect();
        each.sort_unstable_by(f64::total_cmp);
        let (median, least) = (each[each.len() / 2], each[0]);
        let line = format!("rank of {count:>5} candidates: {median:>8.2} µs, at least {least:.2}");
        writeln!(out, "{line}").expect("standard output takes a line");
    }
}
