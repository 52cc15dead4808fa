//! How often an answer that goes on in another worker ends as the undisturbed one does: reading a
//! prompt and writing it round differently, so that a near tie may fall otherwise behind the seam.

#![expect(clippy::print_stdout, reason = "the report is what this program is for")]

use std::path::PathBuf;

use pumasi_engine_host::{Engine, WorkerEngine, WorkerSpec};
use pumasi_protocol::generate::{Generate, Prompt, Resume};
use pumasi_protocol::stream::AttemptEvent;
use pumasi_protocol::worker::{CacheType, Drafting, FlashAttention, LoadModel};
use pumasi_protocol::{BlobId, EngineKind, Fault, Work};

/// Answers of each kind.
const ANSWERS: u32 = 12;
/// Tokens of each.
const TOKENS: u32 = 64;
/// Places in each at which it goes on elsewhere.
const CUTS: u32 = 8;
/// Letters of a prompt.
const PROMPT: u32 = 40;

/// How tokens are drawn.
#[derive(Clone, Copy)]
enum Kind {
    Greedy,
    Seeded,
}

/// What came of the continuations of one kind.
#[derive(Default)]
struct Tally {
    continued: u32,
    equal: u32,
    /// After how many tokens behind the seam the others went another way.
    ways: Vec<usize>,
    /// A token was repeated or left out at the seam.
    broken: u32,
}

async fn worker(path: &str) -> Result<WorkerEngine, Fault> {
    let program = std::env::current_exe().ok();
    let release = program.as_deref().and_then(|p| p.parent()?.parent().map(PathBuf::from));
    let worker = release.unwrap_or_default().join("pumasi-llama");
    let engine = WorkerEngine::new(WorkerSpec::new(worker, EngineKind::Llama));
    let order = LoadModel {
        path: path.to_owned(),
        hash: BlobId([1; 32]),
        context: 512,
        slots: 1,
        gpu_layers: None,
        threads: 2,
        cache: CacheType::F16,
        flash: FlashAttention::Auto,
        drafting: Drafting::Paying,
        embeddings: false,
    };
    engine.load(order).await?;
    Ok(engine)
}

/// The answer's prompt and its own tokens, checked for their indices by the host.
async fn ask(engine: &WorkerEngine, body: Generate) -> Result<(Vec<u32>, Vec<u32>), Fault> {
    let mut events = engine.submit(Work::Generate(Box::new(body)))?.events;
    let (mut prompt, mut ids) = (Vec::new(), Vec::new());
    while let Some(event) = events.recv().await {
        match event {
            AttemptEvent::Started { prompt: read, .. } => prompt = read,
            AttemptEvent::Tokens { tokens, .. } => ids.extend(tokens.iter().map(|t| t.id)),
            AttemptEvent::Failed(fault) => return Err(fault),
            AttemptEvent::Alive { .. }
            | AttemptEvent::Finished { .. }
            | AttemptEvent::Part { .. }
            | AttemptEvent::Embedded { .. } => {}
        }
    }
    Ok((prompt, ids))
}

fn question(kind: Kind, number: u32) -> Generate {
    let letters =
        (0..PROMPT).map(|i| (b'a' + ((number * 7 + i * i + i * number) % 26) as u8) as char);
    let mut body = Generate::new(Prompt::Text(letters.collect()));
    (body.max_tokens, body.ignore_eos) = (Some(TOKENS), true);
    match kind {
        Kind::Greedy => body.sampling.temperature = Some(0.0),
        Kind::Seeded => {
            body.sampling.temperature = Some(0.8);
            body.sampling.seed = Some(u64::from(number));
        }
    }
    body
}

impl Tally {
    async fn of(kind: Kind, first: &WorkerEngine, second: &WorkerEngine) -> Result<Self, Fault> {
        let mut tally = Self::default();
        for number in 0..ANSWERS {
            let body = question(kind, number);
            let (prompt, whole) = ask(first, body.clone()).await?;
            for cut in (0..CUTS).map(|at| (TOKENS * at / CUTS) as usize) {
                // Empties the cache of the second: nothing of the answer was ever there.
                let mut other = Generate::new(Prompt::Tokens(vec![0, 1]));
                other.max_tokens = Some(1);
                ask(second, other).await?;
                let mut rest = body.clone();
                let delivered = whole[..cut].to_vec();
                rest.resume = Some(Resume { prompt: prompt.clone(), delivered });
                let (_, ids) = ask(second, rest).await?;
                tally.add(&whole[cut..], &ids);
            }
        }
        Ok(tally)
    }

    fn add(&mut self, undisturbed: &[u32], continued: &[u32]) {
        self.continued += 1;
        self.broken += u32::from(undisturbed.len() != continued.len());
        match undisturbed.iter().zip(continued).position(|(a, b)| a != b) {
            None => self.equal += u32::from(undisturbed.len() == continued.len()),
            Some(at) => self.ways.push(at),
        }
    }

    fn row(mut self, name: &str) -> String {
        self.ways.sort_unstable();
        let median = self.ways.get(self.ways.len() / 2);
        let median = median.map_or("-".to_owned(), |at| format!("{at} tokens"));
        let rate = f64::from(self.equal) * 100.0 / f64::from(self.continued.max(1));
        format!(
            "| {name} | {} | {} | {rate:.0} % | {median} | {} |",
            self.continued, self.equal, self.broken
        )
    }
}

#[tokio::main]
async fn main() -> Result<(), Fault> {
    for path in std::env::args().skip(1) {
        let (first, second) = (worker(&path).await?, worker(&path).await?);
        let name = PathBuf::from(&path);
        let name = name.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        println!(
            "| {name} | continuations | equal | rate | others differ after | too long or short |"
        );
        println!("| --- | --- | --- | --- | --- | --- |");
        for (kind, word) in [(Kind::Greedy, "greedy"), (Kind::Seeded, "seeded, temperature 0.8")] {
            println!("{}", Tally::of(kind, &first, &second).await?.row(word));
        }
        first.shutdown().await;
        second.shutdown().await;
    }
    Ok(())
}
