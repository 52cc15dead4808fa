//! Whatever arrives, in whatever order: nothing panics, and the executor's books stay true.

use std::collections::BTreeMap;

use proptest::prelude::*;
use pumasi_protocol::advert::Queue;
use pumasi_protocol::ids::{BlobId, Epoch, PersonId};
use pumasi_protocol::{
    Admission, AttemptId, Bid, Capabilities, Constraints, Control, EngineKind, Fault, JobId,
    JobKind, ModelAdvert, ModelName, ModelState, Need, NodeAdvert, NodeId, Offer, Priority, Rate,
    Refusal, Timings, Usage,
};
use pumasi_scheduler::{
    Action, Config, Input, Link, LoadedFacts, MemberFacts, Outcome, Residence, Scheduler, Stage,
    Time,
};

const ME: u8 = 1;
const BUDGET: u64 = 10;

fn node(n: u8) -> NodeId {
    NodeId([n; 32])
}

fn model(n: u8) -> ModelName {
    format!("m{n}").parse().expect("a model name")
}

/// An attempt of a job, or of its hedge, whose epochs begin higher.
fn attempt(job: u8, epoch: u8, is_hedge: bool) -> AttemptId {
    let (job, epoch) = (JobId::from_parts(u64::from(job), [0; 10]), u32::from(epoch));
    match is_hedge {
        true => AttemptId { job: job.twin(), epoch: Epoch(257 + epoch) },
        false => AttemptId { job, epoch: Epoch(epoch) },
    }
}

fn need(n: u8) -> Need {
    Need {
        kind: JobKind::Chat,
        model: model(n % 4),
        file: None,
        capabilities: Capabilities::default(),
        person: PersonId([n % 3; 16]),
        priority: if n.is_multiple_of(2) { Priority::Batch } else { Priority::Interactive },
        constraints: Constraints::default(),
        prompt_tokens: u32::from(n),
        max_tokens: Some(10),
        prefix: vec![1, 2],
    }
}

fn advert(of: u8, sequence: u64, models: u8, admission: u8) -> NodeAdvert {
    let admissions =
        [Admission::Accepting, Admission::OwnerBusy, Admission::Paused, Admission::Draining];
    let one = |n: u8| ModelAdvert {
        name: model(n),
        file: BlobId([n; 32]),
        size: 1,
        engine: EngineKind::Llama,
        capabilities: Capabilities::default(),
        context: 1_000,
        state: ModelState::Held,
        memory: u64::from(n) * 2 + 2,
        prefill: Rate(100_000),
        decode: Rate(10_000),
        load_ms: 500,
        usual_tokens: 20,
    };
    NodeAdvert {
        node: node(of),
        incarnation: 1,
        sequence,
        name: "n".parse().expect("a node name"),
        version: String::new(),
        platform: String::new(),
        devices: Vec::new(),
        memory_total: BUDGET,
        memory_free: BUDGET,
        engines: vec![EngineKind::Llama],
        models: (0..models).map(one).collect(),
        queue: Queue::default(),
        admission: admissions[usize::from(admission % 4)],
        data: Vec::new(),
        prefixes: vec![2],
    }
}

fn control(kind: u8, attempt: AttemptId, n: u8) -> Control {
    let bid = Bid {
        start_ms: u32::from(n % 3) * 100,
        load_ms: 0,
        cached_tokens: 0,
        finish_ms: u32::from(n) * 10,
        valid_ms: 1_000,
    };
    match kind % 7 {
        0 | 1 => {
            Control::Offer(Box::new(Offer { attempt, need: need(n), alone: n.is_multiple_of(3) }))
        }
        2 => Control::Bid { attempt, bid },
        3 => Control::Refuse { attempt, refusal: Refusal::QueueFull },
        4 => Control::Claim { attempt },
        5 => Control::Bind { attempt },
        _ => Control::Gone { attempt },
    }
}

/// Any input, from four small numbers.
fn input(kind: u8, a: u8, b: u8, c: u8) -> Input {
    let (attempt, from) = (attempt(a % 8, b % 4, kind >= 128), node(c % 4));
    let usage = Usage { prompt: 20, cached: 0, completion: 9 };
    let timings = Timings { queued_us: 0, prefill_us: 1_000, decode_us: 9_000 };
    let facts = LoadedFacts {
        slots: u16::from(b % 3),
        context: 1_000,
        memory: u64::from(a % 4) * 2 + 2,
        prefill: Rate(0),
        decode: Rate(0),
        load_ms: 500,
    };
    let facts_of =
        |n: u8| MemberFacts { person: Some(PersonId([n; 16])), may_run: n != 3, may_submit: true };
    match kind % 24 {
        0 | 1 => Input::Submit { job: attempt.job, need: Box::new(need(b)), floor: Epoch(0) },
        2 => Input::Cancel { job: attempt.job },
        3..=10 => Input::Message { from, control: control(kind, attempt, a) },
        11 => Input::SendFailed { to: from, attempt },
        12 => Input::Advert(Box::new(advert(c % 4, u64::from(a), b % 5, a))),
        13 => Input::Left { node: from },
        14 => Input::Peer { node: from, link: Link::Up { rtt_us: u32::from(a) } },
        15 => Input::Peer { node: from, link: Link::Down },
        16 => {
            let members: BTreeMap<_, _> =
                (1..4).filter(|n| a % 8 != *n).map(|n| (node(n), facts_of(n))).collect();
            Input::Roster { members }
        }
        17 => Input::Local {
            advert: Box::new(advert(ME, u64::from(a), 3 + b % 2, c % 16)),
            model_memory: BUDGET,
        },
        18 if c.is_multiple_of(3) => {
            Input::Pin { model: model(a % 4), pinned: b.is_multiple_of(2) }
        }
        18 => Input::Preload { model: model(a % 4) },
        19 => Input::Release { model: model(a % 4) },
        20 => Input::StreamOpened { from, attempt },
        21 if c.is_multiple_of(2) => Input::AttemptStarted { attempt },
        21 => Input::AnswerBegun {
            attempt,
            file: (!c.is_multiple_of(3)).then_some(BlobId([b % 4; 32])),
            patience_ms: u32::from(b) * 100,
        },
        22 => Input::AttemptEnded {
            attempt,
            outcome: match b % 3 {
                0 => Outcome::Completed { usage, timings },
                1 => Outcome::Failed(Fault::EngineCrash),
                _ => Outcome::Cancelled,
            },
        },
        _ => match c % 5 {
            0 => Input::ModelLoading { model: model(a % 4) },
            1 => Input::ModelLoaded { model: model(a % 4), facts },
            2 => Input::ModelUnloaded { model: model(a % 4) },
            3 => Input::LoadFailed { model: model(a % 4), fault: Fault::EngineStart },
            _ => Input::ExecutorDone { attempt, usage, timings, fault: None },
        },
    }
}

/// Each slot that is taken belongs to a reservation, and what is promised fits the budget.
fn check_books(scheduler: &Scheduler) {
    let view = scheduler.view().executor();
    for m in &view.models {
        let holders = view.reservations.iter().filter(|r| r.model == m.name);
        let holders = holders.filter(|r| r.stage != Stage::Waiting).count();
        assert_eq!(usize::from(m.busy), holders, "{}", m.name);
        let here = view.reservations.iter().filter(|r| r.model == m.name && r.alone);
        let alone = here.filter(|r| r.stage != Stage::Waiting).count();
        assert!(alone == 0 || holders == 1, "{}: {alone} alone among {holders}", m.name);
    }
    let required = view.models.iter().filter(|m| m.busy > 0 || m.residence == Residence::Loading);
    let required: u64 = required.map(|m| m.memory).sum();
    assert!(required <= BUDGET || view.model_memory < BUDGET, "{required} bytes are promised");
}

fn prepared() -> Scheduler {
    let config = Config { hedge_permille: 1_000, ..Config::default() };
    let mut scheduler = Scheduler::new(node(ME), config, 7, Time::START);
    for (kind, b) in [(16, 0), (17, 0), (14, 0)] {
        for c in 2..4 {
            scheduler.handle(Time::START, input(kind, 0, b, c));
        }
    }
    for of in 2..4 {
        scheduler.handle(Time::START, Input::Advert(Box::new(advert(of, 1, 4, 0))));
    }
    scheduler
}

/// Memory is only as the scheduler asked: unasked loads are the node's own doing.
fn is_unasked_load(input: &Input) -> bool {
    matches!(input, Input::ModelLoading { .. })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn no_input_breaks_the_books(
        steps in prop::collection::vec((any::<[u8; 4]>(), 0_u64..3_000_000), 1..200),
    ) {
        let mut scheduler = prepared();
        let mut now = Time::START;
        let mut ended: BTreeMap<JobId, u32> = BTreeMap::new();
        for ([kind, a, b, c], pause) in steps {
            now = Time(now.0 + pause);
            scheduler.handle_timeout(now);
            let input = input(kind, a, b, c);
            if !is_unasked_load(&input) {
                scheduler.handle(now, input);
            }
            while let Some(action) = scheduler.poll_action() {
                match action {
                    Action::JobState { job, state } => {
                        let over = ended.entry(job).or_default();
                        prop_assert_eq!(*over, 0, "{:?} after its end", state);
                        *over += u32::from(state.is_terminal());
                    }
                    Action::Send { to, .. } => prop_assert_ne!(to, node(ME)),
                    Action::Dispatch { .. }
                    | Action::Hedge { .. }
                    | Action::CancelAttempt { .. }
                    | Action::Expect { .. }
                    | Action::Run { .. }
                    | Action::SetTempo { .. }
                    | Action::Stop { .. }
                    | Action::Load { .. }
                    | Action::Unload { .. } => {}
                }
            }
            check_books(&scheduler);
            let overdue = scheduler.next_timeout().is_some_and(|(at, _)| at < now);
            prop_assert!(!overdue, "a deadline was passed over");
        }
    }
}
