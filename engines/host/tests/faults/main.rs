//! What workers do wrong, and what becomes of their requests (rows E01, E02, E04, E05, E06, E07, C11).

use std::time::Duration;

use pumasi_engine_host::{
    EndReason, Engine, EngineState, Events, ExitKind, WorkerEngine, WorkerSpec,
};
use pumasi_protocol::generate::{Generate, Prompt};
use pumasi_protocol::stream::AttemptEvent;
use pumasi_protocol::worker::{CacheType, Drafting, FlashAttention, LoadModel, LoadedModel};
use pumasi_protocol::{BlobId, EngineKind, Fault, Finish, Refusal, Work};

const WORKER: &str = env!("CARGO_BIN_EXE_faulty-worker");

fn spec(mode: &str) -> WorkerSpec {
    let mut spec = WorkerSpec::new(WORKER, EngineKind::Llama);
    spec.arguments = vec![mode.to_owned()];
    spec.silence_deadline = Duration::from_millis(400);
    spec.backoff_first = Duration::from_millis(10);
    spec
}

fn order() -> LoadModel {
    LoadModel {
        path: "model.gguf".into(),
        hash: BlobId([7; 32]),
        context: 8,
        slots: 1,
        gpu_layers: None,
        threads: 1,
        cache: CacheType::F16,
        flash: FlashAttention::Auto,
        drafting: Drafting::Paying,
        embeddings: false,
    }
}

fn work() -> Work {
    Work::Generate(Box::new(Generate::new(Prompt::Text("x".into()))))
}

async fn ready(mode: &str) -> WorkerEngine {
    let engine = WorkerEngine::new(spec(mode));
    engine.load(order()).await.expect("it loads");
    engine
}

fn submit(engine: &WorkerEngine) -> Events {
    engine.submit(work()).expect("a ready engine takes work").events
}

/// The last event of a request.
async fn last(mut events: Events) -> AttemptEvent {
    loop {
        let event = events.recv().await.expect("a last event");
        if event.is_last() {
            assert_eq!(events.recv().await, None);
            return event;
        }
    }
}

async fn fault(engine: &WorkerEngine) -> Fault {
    let event = last(submit(engine)).await;
    let AttemptEvent::Failed(fault) = event else { panic!("{event:?} instead of a fault") };
    fault
}

/// How the last process ended, once that is known.
async fn exit(engine: &WorkerEngine) -> (ExitKind, EndReason) {
    let mut state = engine.state();
    state.wait_for(|state| *state == EngineState::Stopped).await.expect("the engine lives");
    let exit = engine.diagnostics().last_exit.expect("it ended");
    (exit.kind, exit.reason)
}

const KILLED: ExitKind = ExitKind::Signal(9);

#[tokio::test]
async fn cat_e01_ends_are_told_apart_and_end_only_their_requests() {
    let cases = [
        ("exit", ExitKind::Clean),
        ("segv", ExitKind::Signal(11)),
        ("abort", ExitKind::Signal(6)),
        ("half-exit", ExitKind::Code(1)),
    ];
    for (mode, kind) in cases {
        let engine = ready(mode).await;
        assert_eq!(fault(&engine).await, Fault::EngineCrash, "{mode}");
        assert_eq!(exit(&engine).await, (kind, EndReason::ByItself), "{mode}");
        assert_eq!(
            engine.submit(work()).err(),
            Some(Fault::Refused(Refusal::ModelAbsent)),
            "what is gone takes nothing"
        );
    }
}

#[tokio::test]
async fn cat_e01_tokens_before_the_end_are_kept() {
    let engine = ready("exit").await;
    let mut events = submit(&engine);
    let mut seen = Vec::new();
    while let Some(event) = events.recv().await {
        seen.push(event);
    }
    assert!(matches!(
        seen.as_slice(),
        [
            AttemptEvent::Started { .. },
            AttemptEvent::Tokens { index: 0, .. },
            AttemptEvent::Failed(Fault::EngineCrash)
        ]
    ));
}

#[tokio::test]
async fn cat_e01_an_end_after_the_last_token_fails_nothing() {
    let engine = ready("exit-after-last").await;
    assert!(matches!(last(submit(&engine)).await, AttemptEvent::Finished { .. }));
    assert_eq!(exit(&engine).await, (ExitKind::Clean, EndReason::ByItself));
}

#[tokio::test]
async fn cat_e01_an_end_at_start_or_load_is_said_with_its_last_words() {
    let error = WorkerEngine::start(spec("exit-at-once")).await.err();
    assert_eq!(error, Some(Fault::EngineStart));
    let engine = WorkerEngine::new(spec("exit-with-words"));
    assert_eq!(engine.load(order()).await, Err(Fault::EngineStart));
    let exit_seen = engine.diagnostics().last_exit.expect("it ended");
    assert_eq!(exit_seen.kind, ExitKind::Code(127));
    let sentence = "the engine ended by itself (exit status 127): \
        libcuda.so.1: cannot open shared object file";
    assert_eq!(exit_seen.to_string(), sentence);
    let engine = WorkerEngine::start(spec("load-exit")).await.expect("it says hello");
    assert_eq!(engine.load(order()).await, Err(Fault::EngineCrash));
    assert_eq!(exit(&engine).await, (ExitKind::Code(3), EndReason::ByItself));
    let absent = WorkerSpec::new("/nonexistent/worker", EngineKind::Llama);
    assert_eq!(WorkerEngine::start(absent).await.err(), Some(Fault::EngineStart));
}

#[tokio::test]
async fn cat_e01_the_next_load_starts_it_again_after_a_wait() {
    let engine = ready("exit").await;
    for starts in 1..=3 {
        assert_eq!(engine.diagnostics().starts, starts);
        assert_eq!(fault(&engine).await, Fault::EngineCrash);
        exit(&engine).await;
        assert_eq!(engine.diagnostics().failures_in_a_row, starts);
        engine.load(order()).await.expect("it loads again");
    }
    let engine = ready("").await;
    assert!(matches!(last(submit(&engine)).await, AttemptEvent::Finished { .. }));
    assert_eq!(engine.diagnostics().failures_in_a_row, 0);
}

#[tokio::test]
async fn cat_e02_silence_under_work_is_ended_by_killing() {
    for mode in ["hang", "stopped", "half"] {
        let engine = ready(mode).await;
        assert_eq!(fault(&engine).await, Fault::EngineSilent, "{mode}");
        assert_eq!(exit(&engine).await, (KILLED, EndReason::Silent), "{mode}");
    }
    let engine = WorkerEngine::start(spec("load-hang")).await.expect("it says hello");
    assert_eq!(engine.load(order()).await, Err(Fault::EngineSilent));
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn cat_e02_the_whole_process_group_is_killed() {
    let engine = ready("grandchild").await;
    let child = engine.diagnostics().version;
    let stat = format!("/proc/{child}/stat");
    assert!(std::path::Path::new(&stat).exists());
    engine.shutdown().await;
    // A killed process is gone, or waits as a zombie for whoever inherited it.
    let ended = || match std::fs::read_to_string(&stat) {
        Ok(stat) => stat.rsplit_once(')').is_some_and(|(_, rest)| rest.starts_with(" Z")),
        Err(_) => true,
    };
    while !ended() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn cat_e04_what_is_no_frame_ends_the_worker() {
    for mode in ["garbage", "huge", "jump", "stranger"] {
        let engine = ready(mode).await;
        assert_eq!(fault(&engine).await, Fault::EngineGarbage, "{mode}");
        assert_eq!(exit(&engine).await, (KILLED, EndReason::Garbage), "{mode}");
    }
}

#[tokio::test]
async fn cat_e04_a_gibibyte_of_stderr_blocks_nothing_and_keeps_a_mebibyte() {
    let mut patient = spec("flood");
    patient.silence_deadline = Duration::from_secs(120);
    let engine = WorkerEngine::start(patient).await.expect("it says hello");
    engine.load(order()).await.expect("it loads");
    assert!(matches!(last(submit(&engine)).await, AttemptEvent::Finished { .. }));
    engine.shutdown().await;
    let diagnostics = engine.diagnostics();
    assert!(diagnostics.stderr_bytes >= 1 << 30);
    assert!(diagnostics.stderr.len() <= 16 * 1024);
    assert_eq!(diagnostics.last_exit.map(|exit| exit.last_line).as_deref(), Some("the last line"));
}

#[tokio::test]
async fn cat_e05_each_process_is_given_the_one_file_that_it_loads() {
    let engine = WorkerEngine::start(spec("arguments")).await.expect("it says hello");
    assert_eq!(engine.diagnostics().version, "", "no file, if it is to load none");
    engine.load(order()).await.expect("it loads");
    assert_eq!(engine.diagnostics().version, "--readable model.gguf");
    assert_eq!(engine.diagnostics().starts, 2);
    let engine = WorkerEngine::new(spec("load-fails"));
    for starts in 1..=2 {
        assert_eq!(engine.load(order()).await, Err(Fault::ModelDamaged));
        assert_eq!(engine.diagnostics().starts, starts, "one that read a bad file reads no other");
    }
    assert_eq!(engine.diagnostics().failures_in_a_row, 0);
}

#[tokio::test]
async fn cat_e06_a_worker_that_is_never_ready_or_another_program_is_refused() {
    let mut never = spec("never-ready");
    never.start_deadline = Duration::from_millis(200);
    let engine = WorkerEngine::new(never);
    assert_eq!(engine.load(order()).await, Err(Fault::EngineStart));
    assert_eq!(exit(&engine).await, (KILLED, EndReason::NoStart));
    for (mode, reason) in [
        ("version", EndReason::WrongHello),
        ("kind", EndReason::WrongHello),
        ("text", EndReason::Garbage),
    ] {
        let engine = WorkerEngine::new(spec(mode));
        assert!(engine.load(order()).await.is_err());
        assert_eq!(exit(&engine).await, (KILLED, reason), "{mode}");
    }
}

#[tokio::test]
async fn cat_e06_another_model_than_ordered_is_refused() {
    let engine = WorkerEngine::start(spec("wrong-hash")).await.expect("it says hello");
    assert_eq!(engine.load(order()).await, Err(Fault::EngineGarbage));
    assert_eq!(exit(&engine).await, (KILLED, EndReason::WrongModel));
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn cat_e07_a_left_over_worker_is_ended_at_the_next_start() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (first, second) = (folder.path().join("first"), folder.path().join("second"));
    let recorded = |path: &std::path::Path| {
        let mut spec = spec("");
        spec.record = Some(path.to_owned());
        spec
    };
    let left_over = WorkerEngine::start(recorded(&first)).await.expect("it says hello");
    // As a node finds it that was killed before it could clean up.
    std::fs::copy(&first, &second).expect("it was written down");
    let engine = WorkerEngine::start(recorded(&second)).await.expect("it says hello");
    assert_eq!(exit(&left_over).await, (KILLED, EndReason::ByItself));
    assert!(!first.exists(), "an ended worker is forgotten");
    engine.shutdown().await;
    assert!(!second.exists());
}

#[tokio::test]
async fn cat_e07_a_worker_that_does_not_end_when_asked_is_killed() {
    let mut impatient = spec("stubborn");
    impatient.exit_grace = Duration::from_millis(100);
    let engine = WorkerEngine::start(impatient).await.expect("it says hello");
    engine.shutdown().await;
    assert_eq!(exit(&engine).await, (KILLED, EndReason::Asked));
}

#[tokio::test]
async fn cat_c11_engines_get_a_cleared_environment() {
    assert!(std::env::vars_os().count() > 3, "there is something to clear");
    let mut with_one = spec("environment");
    with_one.environment.insert("PUMASI_TEST".into(), "1".into());
    let engine = WorkerEngine::start(with_one).await.expect("it says hello");
    let mut names: Vec<String> =
        engine.diagnostics().version.split_whitespace().map(str::to_owned).collect();
    names.sort_unstable();
    let system = if cfg!(windows) { vec!["SystemRoot"] } else { Vec::new() };
    let expected: Vec<&str> =
        ["GOMP_SPINCOUNT", "OMP_WAIT_POLICY", "PUMASI_TEST"].into_iter().chain(system).collect();
    assert_eq!(names, expected);
}

#[tokio::test]
async fn a_request_ends_by_cancel_and_when_nobody_listens() {
    let engine = ready("until-cancelled").await;
    let submitted = engine.submit(work()).expect("a ready engine takes work");
    engine.cancel(submitted.request);
    let cancelled = AttemptEvent::Finished {
        finish: Finish::Cancelled,
        usage: Default::default(),
        timings: Default::default(),
    };
    assert_eq!(last(submitted.events).await, cancelled);
    // A dropped receiver cancels; were it not so, silence would end the worker.
    drop(submit(&engine));
    let other = engine.submit(work()).expect("a ready engine takes work");
    engine.cancel(other.request);
    assert_eq!(last(other.events).await, cancelled);
    assert_eq!(engine.diagnostics().last_exit, None);
}

#[tokio::test]
async fn a_load_ends_by_cancel_and_when_nobody_waits() {
    let mut patient = spec("load-slow");
    patient.silence_deadline = Duration::from_secs(60);
    let engine = WorkerEngine::start(patient).await.expect("it says hello");
    let mut state = engine.state();
    let (result, _) = tokio::join!(engine.load(order()), async {
        state.wait_for(|state| *state == EngineState::Loading(250)).await.expect("it loads");
        engine.cancel_load();
    });
    assert_eq!(result, Err(Fault::Cancelled));
    let abandoned = async {
        tokio::select! {
            _ = engine.load(order()) => panic!("it never loads"),
            seen = state.wait_for(|state| *state == EngineState::Loading(250)) => drop(seen),
        }
    };
    abandoned.await;
    let mut state = engine.state();
    state.wait_for(|state| *state == EngineState::Idle).await.expect("the engine lives");
    assert_eq!(engine.diagnostics().last_exit.map(|exit| exit.reason), Some(EndReason::Asked));
}

#[tokio::test]
async fn a_refused_model_leaves_the_worker_idle() {
    let engine = WorkerEngine::start(spec("load-fails")).await.expect("it says hello");
    assert_eq!(engine.load(order()).await, Err::<LoadedModel, _>(Fault::ModelDamaged));
    assert_eq!(*engine.state().borrow(), EngineState::Idle);
    assert_eq!(engine.diagnostics().failures_in_a_row, 0);
}
