//! What the worker refuses, and how it goes on after that.

use pumasi_engine_host::{Engine, EngineState, Events, Submitted, WorkerEngine};
use pumasi_protocol::generate::{Generate, Message, OutputFormat, Part, Prompt, Role};
use pumasi_protocol::stream::AttemptEvent;
use pumasi_protocol::worker::LoadModel;
use pumasi_protocol::{Fault, Finish, Phase, Refusal, Tempo, Work};

use crate::rig::{Rig, chat, collect, greedy, order, question, spec};

#[tokio::test]
async fn requests_that_cannot_be_run_fail_alone() {
    let rig = Rig::new(2).await;
    let mut image = Message::text(Role::User, "what is this?");
    image.content.push(Part::Image(vec![1, 2, 3]));
    let too_long = Prompt::Tokens(vec![65; rig.model.context as usize]);
    let mut grammar = question("repeat: x");
    grammar.format = OutputFormat::Lark("start: missing".into());
    let mut range = question("repeat: x");
    range.sampling.temperature = Some(f32::NAN);
    let context = rig.model.context;
    let cases = [
        (greedy(chat(vec![image])), Fault::Capability),
        (greedy(too_long), Fault::Context { needed: context + 1, available: context }),
        (greedy(Prompt::Tokens(vec![u32::MAX])), Fault::BadRequest),
        (greedy(Prompt::Tokens(Vec::new())), Fault::BadRequest),
        (grammar, Fault::Grammar),
        (range, Fault::BadRequest),
    ];
    for (body, fault) in cases {
        assert_eq!(rig.fails(body).await, fault);
    }
    assert_eq!(rig.ask(question("repeat: still here")).await.text(), "still here");
}

#[tokio::test]
async fn a_file_that_is_no_model_is_refused_and_the_next_load_works() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let damaged = folder.path().join("damaged.gguf");
    let whole = std::fs::read(crate::rig::starter()).expect("the starter model");
    std::fs::write(&damaged, &whole[..whole.len() / 2]).expect("writable");
    let engine = WorkerEngine::start(spec()).await.expect("the worker starts");
    let load = |path: &std::path::Path| LoadModel {
        path: path.to_string_lossy().into_owned(),
        ..order(1)
    };
    let absent = engine.load(load(&folder.path().join("absent.gguf"))).await;
    assert_eq!(absent, Err(Fault::ModelDamaged));
    assert_eq!(engine.load(load(&damaged)).await, Err(Fault::ModelDamaged));
    assert_eq!(engine.load(LoadModel { slots: 0, ..order(1) }).await, Err(Fault::BadRequest));
    assert_eq!(*engine.state().borrow(), EngineState::Idle);
    let loaded = engine.load(order(3)).await.expect("the starter model loads");
    assert_eq!((loaded.slots, loaded.hash), (3, order(3).hash));
    assert_eq!(engine.load(order(1)).await, Err(Fault::BadRequest), "one model a process");
    let diagnostics = engine.diagnostics();
    assert_eq!(diagnostics.starts, 5, "one that has read a file reads no other");
    assert_eq!(diagnostics.failures_in_a_row, 0);
}

#[tokio::test]
async fn a_cancelled_request_ends_and_frees_its_slot() {
    let rig = Rig::new(1).await;
    let submitted = rig.engine.submit(Work::Generate(Box::new(endless())));
    let submitted = submitted.expect("a ready engine takes work");
    rig.engine.cancel(submitted.request);
    let answer = collect(submitted.events).await;
    // In preparation there is no generation that could finish yet.
    assert!(
        matches!(&answer, Err(Fault::Cancelled))
            || answer.as_ref().is_ok_and(|a| a.finish == Some(Finish::Cancelled)),
        "{answer:?}"
    );
    // The only slot is free again: once by a cancel, once because nobody listens any more.
    drop(rig.submit(endless()));
    assert_eq!(rig.ask(question("repeat: free")).await.text(), "free");
}

#[tokio::test]
async fn a_paused_request_keeps_its_slot_gives_signs_of_life_and_goes_on_where_it_was() {
    let rig = Rig::new(2).await;
    let long = Generate { max_tokens: Some(100), ..endless() };
    let whole = rig.ask(long.clone()).await.tokens;
    for slow in [Tempo::Full, Tempo::Slow] {
        let submitted = rig.engine.submit(Work::Generate(Box::new(long.clone())));
        let Submitted { request, mut events } = submitted.expect("a ready engine takes work");
        rig.engine.set_tempo(request, Tempo::Paused);
        let mut tokens = Vec::new();
        loop {
            match events.recv().await.expect("it has not ended") {
                AttemptEvent::Alive { phase: Phase::Paused, .. } => break,
                AttemptEvent::Tokens { tokens: mut more, .. } => tokens.append(&mut more),
                AttemptEvent::Alive { .. } | AttemptEvent::Started { .. } => {}
                last @ (AttemptEvent::Finished { .. }
                | AttemptEvent::Part { .. }
                | AttemptEvent::Embedded { .. }
                | AttemptEvent::Failed(_)) => panic!("it ended before it paused: {last:?}"),
            }
        }
        assert_eq!(rig.ask(question("repeat: meanwhile")).await.text(), "meanwhile");
        rig.engine.set_tempo(request, slow);
        tokens.extend(collect(events).await.expect("an answer").tokens);
        assert_eq!(tokens, whole, "{slow:?}");
    }
}

fn endless() -> Generate {
    let mut body = question("repeat: x");
    body.ignore_eos = true;
    body
}

#[tokio::test]
async fn a_cancel_in_the_middle_of_an_answer_ends_it_there() {
    let rig = Rig::new(2).await;
    let work = Work::Generate(Box::new(endless()));
    let Submitted { request, mut events } = rig.engine.submit(work).expect("it takes work");
    let beside = rig.submit(question("repeat: beside"));
    let tokens = loop {
        match events.recv().await.expect("an event") {
            AttemptEvent::Tokens { tokens, .. } => break tokens.len(),
            AttemptEvent::Alive { .. } | AttemptEvent::Started { .. } => {}
            last @ (AttemptEvent::Finished { .. }
            | AttemptEvent::Part { .. }
            | AttemptEvent::Embedded { .. }
            | AttemptEvent::Failed(_)) => panic!("{last:?}"),
        }
    };
    rig.engine.cancel(request);
    let rest = collect(events).await.expect("it finishes");
    assert_eq!(rest.finish, Some(Finish::Cancelled));
    assert_eq!(rest.usage.completion as usize, tokens + rest.tokens.len());
    assert!(rest.usage.completion + rest.usage.prompt < rig.model.context);
    assert_eq!(collect(beside).await.expect("an answer").text(), "beside");
}

#[tokio::test]
async fn who_waits_for_a_slot_hears_signs_of_life() {
    let rig = Rig::new(1).await;
    let before: Vec<Events> = (0..24).map(|_| rig.submit(endless())).collect();
    let mut last = rig.submit(question("repeat: patient"));
    let first = last.recv().await.expect("an event");
    assert_eq!(first, AttemptEvent::Alive { phase: Phase::Queued, step: 0 });
    drop(before);
    assert_eq!(collect(last).await.expect("an answer").text(), "patient");
}

#[tokio::test]
async fn a_full_worker_refuses_and_answers_the_rest() {
    let rig = Rig::new(4).await;
    let mut answered = 0;
    let asked: Vec<Events> = (0..800).map(|_| rig.submit(question("repeat: x"))).collect();
    for events in asked {
        match collect(events).await {
            Ok(answer) => answered += usize::from(answer.text() == "x"),
            Err(fault) => assert_eq!(fault, Fault::Refused(Refusal::QueueFull)),
        }
    }
    assert!((512..=800).contains(&answered), "{answered}");
    assert_eq!(rig.ask(question("repeat: later")).await.text(), "later");
}

#[tokio::test]
async fn unloading_ends_what_runs_and_loading_again_works() {
    let rig = Rig::new(1).await;
    let events = rig.submit(endless());
    rig.engine.unload().await;
    assert_eq!(collect(events).await, Err(Fault::Cancelled));
    assert_eq!(*rig.engine.state().borrow(), EngineState::Stopped);
    rig.engine.load(order(1)).await.expect("it loads again");
    assert_eq!(rig.ask(question("repeat: again")).await.text(), "again");
    assert_eq!(rig.engine.diagnostics().starts, 2);
}
