//! Ranking against a naive reference: every candidate once, the refused last, by predicted end.

use proptest::prelude::*;
use pumasi_protocol::advert::Queue;
use pumasi_protocol::ids::{BlobId, PersonId};
use pumasi_protocol::{
    Admission, Capabilities, Constraints, EngineKind, JobKind, ModelAdvert, ModelState, Need,
    NodeAdvert, NodeId, Priority, Rate, Refusal,
};
use pumasi_scheduler::{Candidate, Config, Measured, MemberFacts, Policy, Ranked, rank};

#[derive(Debug, Clone)]
struct Sketch {
    number: u8,
    state: u8,
    slots: u16,
    busy: u16,
    prefill: u32,
    decode: u32,
    load_ms: u32,
    work_ms: u64,
    waiting: u32,
    rtt_us: Option<u32>,
    penalty_ms: u32,
    refused: bool,
}

fn sketch() -> impl Strategy<Value = Sketch> {
    let state = (any::<u8>(), 0_u8..3, 1_u16..8, 0_u16..8, 0_u32..5_000_000, 0_u32..500_000);
    let load = (0_u32..60_000, 0_u64..100_000, 0_u32..3, any::<Option<u16>>(), 0_u32..20_000);
    (state, load, prop::bool::weighted(0.2)).prop_map(|(s, l, refused)| Sketch {
        number: s.0,
        state: s.1,
        slots: s.2,
        busy: s.3.min(s.2),
        prefill: s.4,
        decode: s.5,
        load_ms: l.0,
        work_ms: l.1,
        waiting: l.2,
        rtt_us: l.3.map(u32::from),
        penalty_ms: l.4,
        refused,
    })
}

fn advert(of: &Sketch) -> NodeAdvert {
    let model = ModelAdvert {
        name: "m".parse().expect("a model name"),
        file: BlobId([1; 32]),
        size: 1 << 30,
        engine: EngineKind::Llama,
        capabilities: Capabilities::default(),
        context: 4_096,
        state: match of.state {
            0 => ModelState::Held,
            1 => ModelState::Loading(500),
            _ => ModelState::Loaded { slots: of.slots, busy: of.busy },
        },
        memory: 1,
        prefill: Rate(of.prefill),
        decode: Rate(of.decode),
        load_ms: of.load_ms,
        usual_tokens: 50,
    };
    NodeAdvert {
        node: NodeId([of.number; 32]),
        incarnation: 1,
        sequence: 1,
        name: "n".parse().expect("a node name"),
        version: String::new(),
        platform: String::new(),
        devices: Vec::new(),
        memory_total: 1,
        memory_free: 1,
        engines: vec![EngineKind::Llama],
        models: vec![model],
        queue: Queue { interactive: of.waiting, batch: 0, work_ms: of.work_ms },
        admission: Admission::Accepting,
        data: Vec::new(),
        prefixes: Vec::new(),
    }
}

fn candidate<'a>(of: &Sketch, advert: &'a NodeAdvert) -> Candidate<'a> {
    Candidate {
        node: advert.node,
        advert,
        model: advert.models.first(),
        member: Some(MemberFacts { person: None, may_run: true, may_submit: true }),
        age_ms: 0,
        rtt_us: of.rtt_us,
        busy: of.busy,
        cached_tokens: 40,
        offered_ms: 7,
        penalty_ms: of.penalty_ms,
        measured: Measured::default(),
        refused: of.refused.then_some(Refusal::QueueFull),
        idle: false,
    }
}

/// The predicted end in exact arithmetic, written as the sentence in the design says it.
fn naive_ms(of: &Sketch, prompt: f64, answer: f64, config: &Config) -> f64 {
    let rate = |given: u32, assumed: u32| {
        if given > 0 { f64::from(given) / 1e3 } else { f64::from(assumed) }
    };
    let (prefill, decode) =
        (rate(of.prefill, config.assumed_prefill), rate(of.decode, config.assumed_decode));
    let loaded = of.state == 2;
    let full = loaded && of.busy >= of.slots;
    let wait = if full || of.waiting > 0 { of.work_ms as f64 } else { 0.0 };
    let whole_load = if of.load_ms > 0 {
        f64::from(of.load_ms)
    } else {
        (1_u64 << 30) as f64 / f64::from(config.assumed_load)
    };
    let load = [whole_load, whole_load / 2.0, 0.0][usize::from(of.state)];
    let others = f64::from(of.busy) - if full { 1.0 } else { 0.0 };
    let slowdown = 1.0 + others * f64::from(config.contention_permille) / 1e3;
    let read = prompt - if loaded { 40.0 } else { 0.0 };
    let network = of.rtt_us.map_or(0.0, |rtt| (f64::from(rtt) * 2.0 / 1e3).max(1.0));
    let service = (read / prefill + answer / decode) * 1e3 * slowdown;
    wait + 7.0 + load + service + network + f64::from(of.penalty_ms)
}

fn numbers(ranked: &[Ranked]) -> Vec<u8> {
    ranked.iter().map(|r| r.node.0[0]).collect()
}

proptest! {
    #[test]
    fn rank_agrees_with_a_naive_reference(
        mut sketches in prop::collection::vec(sketch(), 0..40),
        prompt in 50_u32..2_000,
        max_tokens in prop::option::of(1_u32..2_000),
        tie in any::<u64>(),
    ) {
        sketches.sort_by_key(|s| s.number);
        sketches.dedup_by_key(|s| s.number);
        let need = Need {
            kind: JobKind::Chat,
            model: "m".parse().expect("a model name"),
            file: None,
            capabilities: Capabilities::default(),
            person: PersonId([1; 16]),
            priority: Priority::Batch,
            constraints: Constraints::default(),
            prompt_tokens: prompt,
            max_tokens,
            prefix: Vec::new(),
        };
        let config = Config::default();
        let policy = Policy { config: &config, owner: NodeId([255; 32]), may_submit: true };
        let adverts: Vec<_> = sketches.iter().map(advert).collect();
        let candidates: Vec<_> =
            sketches.iter().zip(&adverts).map(|(s, a)| candidate(s, a)).collect();
        let ranked = rank(&need, &candidates, &policy, tie);

        let mut listed = numbers(&ranked);
        listed.sort_unstable();
        prop_assert_eq!(listed, sketches.iter().map(|s| s.number).collect::<Vec<_>>());
        prop_assert!(ranked.is_sorted_by_key(|r| r.score().is_none()));

        let answer = f64::from(max_tokens.unwrap_or(u32::MAX).min(50));
        for one in &ranked {
            let sketch = sketches.iter().find(|s| s.number == one.node.0[0]).expect("listed");
            prop_assert_eq!(one.score().is_none(), sketch.refused);
            if let Some(score) = one.score() {
                let exact = naive_ms(sketch, f64::from(prompt), answer, &config);
                let error = f64::from(score.total_ms()) - exact;
                prop_assert!(error.abs() <= 6.0, "{} is not {exact}", score.total_ms());
            }
        }
        let totals: Vec<_> = ranked.iter().filter_map(Ranked::score).map(|s| s.total_ms()).collect();
        prop_assert!(totals.is_sorted());

        let mut shuffled = candidates.clone();
        shuffled.reverse();
        prop_assert_eq!(numbers(&rank(&need, &shuffled, &policy, tie)), numbers(&ranked));
    }
}
