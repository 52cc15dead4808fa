//! Drafts: what they change (how many steps an answer takes) and what they must not (the answer).

use pumasi_engine_host::Engine;
use pumasi_protocol::generate::{Generate, OutputFormat, Prompt};
use pumasi_protocol::worker::{Drafting, Drafts};

use crate::rig::{Answer, Rig, collect, greedy, order, question};

const QUOTE: &str =
    "repeat: banana\nbanana\nrepeat: banana\nbanana\nrepeat: banana\nbanana\nrepeat: ";

async fn rig(drafting: Drafting, slots: u16) -> Rig {
    let mut order = order(slots);
    order.drafting = drafting;
    Rig::load(order).await
}

fn drawn(text: &str, temperature: f32, seed: u64) -> Generate {
    let mut body = Generate::new(Prompt::Text(text.to_owned()));
    body.sampling.temperature = Some(temperature);
    body.sampling.seed = Some(seed);
    body.max_tokens = Some(96);
    body.ignore_eos = true;
    body
}

/// Greedy and drawn, plain and bound, with penalties and stop strings.
fn requests() -> Vec<Generate> {
    let mut bodies: Vec<Generate> = Vec::new();
    for seed in 0..6 {
        bodies.push(drawn(QUOTE, 0.0, seed));
        bodies.push(drawn(QUOTE, 0.7, seed));
        bodies.push(drawn("aaaa bbbb aaaa bbbb aaaa", 1.2, seed));
    }
    let mut penalised = drawn(QUOTE, 0.4, 3);
    penalised.sampling.frequency_penalty = Some(0.5);
    let mut stopped = drawn(QUOTE, 0.0, 3);
    stopped.stop = vec!["nan".to_owned()];
    let mut counted = drawn(QUOTE, 0.0, 3);
    counted.max_tokens = Some(7);
    let mut scored = drawn(QUOTE, 0.0, 3);
    scored.logprobs = Some(2);
    let mut bound = drawn("say banana banana banana: ", 0.0, 3);
    bound.format = OutputFormat::Lark("start: \"banana banana banana and banana\"".to_owned());
    bodies.extend([penalised, stopped, counted, scored, bound, question("repeat: banana")]);
    bodies
}

async fn answers(rig: &Rig) -> Vec<Answer> {
    let mut answers = Vec::new();
    for body in requests() {
        answers.push(rig.ask(body).await);
    }
    answers
}

fn drafts(rig: &Rig) -> Drafts {
    rig.engine.diagnostics().drafts
}

/// How many of two answers' tokens differ in id, and the first place.
fn assert_alike(one: &Answer, other: &Answer, which: usize) {
    assert_eq!(one.ids(), other.ids(), "request {which}: {} ÷ {}", one.text(), other.text());
    assert_eq!(one.finish, other.finish, "request {which}");
    assert_eq!(one.usage.completion, other.usage.completion, "request {which}");
    for (a, b) in one.tokens.iter().zip(&other.tokens) {
        let apart = a.logprob.unwrap_or(0.0) - b.logprob.unwrap_or(0.0);
        // Batches of other sizes are added up in another order.
        assert!(apart.abs() < 0.05, "request {which}: {apart}");
    }
}

#[tokio::test]
async fn an_answer_is_the_same_with_and_without_drafts() {
    let (without, with) = (rig(Drafting::Off, 1).await, rig(Drafting::Always, 1).await);
    let (plain, drafted) = (answers(&without).await, answers(&with).await);
    for (which, (plain, drafted)) in plain.iter().zip(&drafted).enumerate() {
        assert_alike(plain, drafted, which);
    }
    assert_eq!(drafts(&without), Drafts::default());
    let Drafts { proposed, accepted } = drafts(&with);
    assert!(accepted > 100 && proposed > accepted, "{accepted} of {proposed}");
}

#[tokio::test]
async fn slots_that_draft_beside_each_other_answer_as_they_do_alone() {
    let (without, with) = (rig(Drafting::Off, 1).await, rig(Drafting::Always, 6).await);
    let plain = answers(&without).await;
    let together: Vec<_> = requests().into_iter().map(|body| with.submit(body)).collect();
    for (which, (events, plain)) in together.into_iter().zip(&plain).enumerate() {
        assert_alike(plain, &collect(events).await.expect("an answer"), which);
    }
    assert!(drafts(&with).accepted > 100);
}

#[tokio::test]
async fn what_a_rejected_draft_left_is_not_seen_by_the_next_request() {
    let with = rig(Drafting::Always, 1).await;
    let without = rig(Drafting::Off, 1).await;
    for seed in 0..8 {
        // The second turn goes on with the cache of the first.
        let first = with.ask(drawn(QUOTE, 1.4, seed)).await;
        let next = |answer: &Answer| {
            let mut ids = answer.prompt.clone();
            ids.extend(answer.ids());
            let mut body = greedy(Prompt::Tokens(ids));
            body.max_tokens = Some(24);
            body.ignore_eos = true;
            body
        };
        let again = with.ask(next(&first)).await;
        assert!(again.cached as usize >= first.prompt.len() + first.tokens.len() - 1);
        assert_alike(&without.ask(next(&first)).await, &again, usize::try_from(seed).expect("few"));
    }
    assert!(drafts(&with).proposed > drafts(&with).accepted);
}

#[tokio::test]
async fn a_resumed_answer_drafts_from_what_was_delivered() {
    let with = rig(Drafting::Always, 2).await;
    let whole = with.ask(drawn(QUOTE, 0.0, 1)).await;
    for cut in [1, 5, 40, 95] {
        let mut body = drawn(QUOTE, 0.0, 1);
        body.resume = Some(pumasi_protocol::generate::Resume {
            prompt: whole.prompt.clone(),
            delivered: whole.ids()[..cut].to_vec(),
        });
        let rest = with.ask(body).await;
        assert_eq!(rest.ids(), whole.ids()[cut..], "cut at {cut}");
    }
}
