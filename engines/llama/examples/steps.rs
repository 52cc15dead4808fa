//! What a step costs beside the library's own work, and what drafts gain: on text that repeats its
//! prompt, where they are meant to help, and on text that does not, where they must not hurt.
//! The same worker binary each time, drafts on and off in turns, so that other load hits both alike.

#![expect(clippy::print_stdout, reason = "the report is what this program is for")]

use std::path::PathBuf;
use std::time::Instant;

use pumasi_engine_host::{Engine, WorkerEngine, WorkerSpec};
use pumasi_protocol::generate::{Generate, OutputFormat, Prompt};
use pumasi_protocol::stream::AttemptEvent;
use pumasi_protocol::worker::{CacheType, Drafting, FlashAttention, LoadModel};
use pumasi_protocol::{BlobId, EngineKind, Fault, Work};

/// Letters that are to be quoted, and of other prompts.
const LETTERS: usize = 320;
/// Tokens of an answer that quotes nothing.
const TOKENS: u32 = 96;
/// Answers at once, where several are.
const TOGETHER: usize = 4;

/// What is asked.
#[derive(Clone, Copy)]
enum Task {
    /// The prompt's text once more, with a word in the middle changed. The models that this is
    /// measured with cannot do that by themselves, so a grammar makes them.
    Edit,
    /// Whatever comes, at random.
    Other,
}

struct Letters(u64);

impl Letters {
    /// One of the letters that no word of a synthetic vocabulary holds together.
    fn text(&mut self, count: usize) -> String {
        let letter = |_| {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            char::from(b'a' + u8::try_from((self.0 >> 33) % 26).expect("a letter"))
        };
        (0..count).map(letter).collect()
    }
}

fn body(task: Task, letters: &mut Letters) -> Generate {
    let text = letters.text(LETTERS);
    let mut body = Generate::new(Prompt::Text(text.clone()));
    body.sampling.seed = Some(letters.0);
    match task {
        Task::Edit => {
            let (before, after) = text.split_at(LETTERS / 2);
            let edited = format!("{before}{}{}", letters.text(6), &after[6..]);
            body.format = OutputFormat::Lark(format!("start: \"{edited}\""));
            body.sampling.temperature = Some(0.0);
        }
        Task::Other => {
            body.sampling.temperature = Some(1.0);
            body.max_tokens = Some(TOKENS);
            body.ignore_eos = true;
        }
    }
    body
}

async fn worker(path: &str, drafting: Drafting) -> Result<WorkerEngine, Fault> {
    let program = std::env::current_exe().ok();
    let release = program.as_deref().and_then(|p| p.parent()?.parent().map(PathBuf::from));
    let worker = release.unwrap_or_default().join("pumasi-llama");
    let mut spec = WorkerSpec::new(worker, EngineKind::Llama);
    spec.environment.insert("RUST_LOG".to_owned(), "pumasi_llama=info".to_owned());
    let engine = WorkerEngine::new(spec);
    let order = LoadModel {
        path: path.to_owned(),
        hash: BlobId([1; 32]),
        context: 1_024,
        slots: 4,
        gpu_layers: None,
        threads: 0,
        cache: CacheType::F16,
        flash: FlashAttention::Auto,
        drafting,
        embeddings: false,
    };
    engine.load(order).await?;
    Ok(engine)
}

/// Tokens, and seconds from the first of them to the last.
async fn answer(engine: &WorkerEngine, body: Generate) -> Result<(usize, f64), Fault> {
    let mut events = engine.submit(Work::Generate(Box::new(body)))?.events;
    let (mut tokens, mut first, mut last) = (0, None, None);
    while let Some(event) = events.recv().await {
        match event {
            AttemptEvent::Tokens { tokens: more, .. } => {
                tokens += more.len();
                last = Some(Instant::now());
                first = first.or(last);
            }
            AttemptEvent::Failed(fault) => return Err(fault),
            AttemptEvent::Started { .. }
            | AttemptEvent::Alive { .. }
            | AttemptEvent::Finished { .. }
            | AttemptEvent::Part { .. }
            | AttemptEvent::Embedded { .. } => {}
        }
    }
    let seconds = first.zip(last).map_or(0.0, |(first, last)| (last - first).as_secs_f64());
    Ok((tokens, seconds))
}

/// Tokens per second of answers at once.
async fn rate(
    engine: &WorkerEngine,
    task: Task,
    at_once: usize,
    letters: &mut Letters,
) -> Result<f64, Fault> {
    let bodies: Vec<Generate> = (0..at_once).map(|_| body(task, letters)).collect();
    let answers = bodies.into_iter().map(|body| answer(engine, body));
    let mut rate = 0.0;
    for told in futures_in_turn(answers.collect()).await {
        let (tokens, seconds) = told?;
        rate += tokens as f64 / seconds.max(1e-9);
    }
    Ok(rate)
}

/// Waits for all of them at once.
async fn futures_in_turn<F: Future>(futures: Vec<F>) -> Vec<F::Output> {
    let mut pinned: Vec<_> = futures.into_iter().map(|future| (Box::pin(future), None)).collect();
    std::future::poll_fn(|context| {
        for (future, output) in &mut pinned {
            if output.is_none()
                && let std::task::Poll::Ready(told) = future.as_mut().poll(context)
            {
                *output = Some(told);
            }
        }
        if pinned.iter().all(|(_, output)| output.is_some()) {
            std::task::Poll::Ready(())
        } else {
            std::task::Poll::Pending
        }
    })
    .await;
    pinned.into_iter().filter_map(|(_, output)| output).collect()
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

async fn measure(path: &str, rounds: usize) -> Result<(), Fault> {
    let (without, with) =
        (worker(path, Drafting::Off).await?, worker(path, Drafting::Paying).await?);
    println!("{path}");
    for (name, task, at_once) in [
        ("edit, 1 answer", Task::Edit, 1),
        ("edit, 4 answers", Task::Edit, TOGETHER),
        ("other text, 1 answer", Task::Other, 1),
        ("other text, 4 answers", Task::Other, TOGETHER),
    ] {
        let mut letters = Letters(7);
        rate(&with, task, at_once, &mut letters).await?;
        rate(&without, task, at_once, &mut letters).await?;
        let (mut off, mut on, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
        for round in 0..rounds {
            let seed = 100 + u64::try_from(round).unwrap_or(0);
            let first = rate(&without, task, at_once, &mut Letters(seed)).await?;
            let second = rate(&with, task, at_once, &mut Letters(seed)).await?;
            off.push(first);
            on.push(second);
            ratios.push(second / first);
        }
        let drafts = with.diagnostics().drafts;
        println!(
            "{name:22} {:7.1} tok/s without, {:7.1} with drafts: x {:.2}   {} of {} drafted so far",
            median(off),
            median(on),
            median(ratios),
            drafts.accepted,
            drafts.proposed,
        );
    }
    without.unload().await;
    with.unload().await;
    for (name, engine) in [("without", without), ("with", with)] {
        let told = engine.diagnostics().stderr;
        let line = told.lines().rfind(|line| line.contains("between_permille"));
        println!("steps {name} drafts: {}", line.unwrap_or("were not told"));
    }
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let rounds = arguments.next().and_then(|rounds| rounds.parse().ok()).unwrap_or(5);
    for path in arguments {
        if let Err(fault) = measure(&path, rounds).await {
            println!("{path}: {fault}");
        }
    }
}
