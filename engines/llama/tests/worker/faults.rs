//! What the worker refuses, and how it goes on after that.

use pumasi_engine_host::{Engine, EngineState, WorkerEngine};
use pumasi_protocol::generate::{Message, OutputFormat, Part, Prompt, Role};
use pumasi_protocol::worker::LoadModel;
use pumasi_protocol::{Fault, Finish};

use crate::rig::{Rig, chat, greedy, order, question, spec};

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
    assert_eq!(engine.diagnostics().starts, 1, "the same process all along");
}

#[tokio::test]
async fn a_cancelled_request_ends_and_frees_its_slot() {
    let rig = Rig::new(1).await;
    let mut endless = question("repeat: x");
    endless.ignore_eos = true;
    let submitted = rig.engine.submit(pumasi_protocol::Work::Generate(Box::new(endless.clone())));
    let submitted = submitted.expect("a ready engine takes work");
    rig.engine.cancel(submitted.request);
    let answer = crate::rig::collect(submitted.events).await;
    // In preparation there is no generation that could finish yet.
    assert!(
        matches!(&answer, Err(Fault::Cancelled))
            || answer.as_ref().is_ok_and(|a| a.finish == Some(Finish::Cancelled)),
        "{answer:?}"
    );
    // The only slot is free again: once by a cancel, once because nobody listens any more.
    drop(rig.submit(endless));
    assert_eq!(rig.ask(question("repeat: free")).await.text(), "free");
}

#[tokio::test]
async fn unloading_ends_what_runs_and_loading_again_works() {
    let rig = Rig::new(1).await;
    let mut endless = question("repeat: x");
    endless.ignore_eos = true;
    let events = rig.submit(endless);
    rig.engine.unload().await;
    assert_eq!(crate::rig::collect(events).await, Err(Fault::Cancelled));
    assert_eq!(*rig.engine.state().borrow(), EngineState::Stopped);
    rig.engine.load(order(1)).await.expect("it loads again");
    assert_eq!(rig.ask(question("repeat: again")).await.text(), "again");
    assert_eq!(rig.engine.diagnostics().starts, 2);
}
