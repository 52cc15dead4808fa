//! `bench`: how fast a model reads and writes on one computer, by the length of the prompt and by how
//! many ask at once, as a program sees it. The figures are kept by the node.

use std::time::Instant;

use futures::future::join_all;
use pumasi_web::api::{Benchmark, BenchmarksRequest, List, Status};
use reqwest::Method;
use serde::Deserialize;
use serde_json::json;

use super::arguments::{BenchArguments, BenchFormat};
use super::client::Client;
use super::events::Events;
use super::failure::{Failure, Kind};
use super::output::Output;
use super::table::{Align, Table};
use super::{input, lookup};

/// Words of the prompt by which the tokens of a word are counted.
const TRIAL_WORDS: u32 = 48;

/// What is asked of whom.
struct Question<'a> {
    client: &'a Client,
    model: &'a str,
    node: &'a str,
    tokens: u32,
}

/// One answer as it came.
#[derive(Debug, Clone, Copy, Default)]
struct Heard {
    prompt: u32,
    completion: u32,
    first_s: f64,
    whole_s: f64,
}

#[derive(Debug, Deserialize)]
struct Chunk {
    #[serde(default)]
    choices: Vec<Choice>,
    usage: Option<Usage>,
}

#[derive(Debug, Deserialize)]
struct Choice {
    #[serde(default)]
    text: String,
}

#[derive(Debug, Clone, Copy, Deserialize)]
struct Usage {
    prompt_tokens: u32,
    completion_tokens: u32,
}

/// Words without meaning, others for each seed, so that no cache helps.
fn words(count: u32, seed: u64) -> String {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut word = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let letter = |place: u32| char::from(b'a' + ((state >> (place * 5)) % 26) as u8);
        (0..3).map(letter).collect::<String>()
    };
    (0..count).map(|_| word()).collect::<Vec<_>>().join(" ")
}

impl Question<'_> {
    async fn ask(&self, prompt: String, seed: u64) -> Result<Heard, Failure> {
        let body = json!({
            "model": self.model, "prompt": prompt, "max_tokens": self.tokens, "seed": seed,
            "temperature": 0.8, "stream": true, "stream_options": { "include_usage": true },
            "pumasi": { "only": [self.node] },
        });
        let began = Instant::now();
        let stream = self.client.stream(Method::POST, &["v1", "completions"], Some(&body)).await?;
        let mut events = Events::new(stream);
        let mut heard = Heard::default();
        while let Some(chunk) = events.next_json::<Chunk>().await? {
            if chunk.choices.iter().any(|choice| !choice.text.is_empty()) {
                heard.whole_s = began.elapsed().as_secs_f64();
                if heard.first_s == 0.0 {
                    heard.first_s = heard.whole_s;
                }
            }
            if let Some(usage) = chunk.usage {
                (heard.prompt, heard.completion) = (usage.prompt_tokens, usage.completion_tokens);
            }
        }
        if heard.completion < 2 {
            let sentence = format!("{} wrote too little to be measured", self.model);
            return Err(Failure::new(Kind::Software, "too_short", sentence));
        }
        Ok(heard)
    }

    /// Words that make a prompt of about this many tokens.
    async fn words_for(&self, context: u32) -> Result<u32, Failure> {
        let trial = self.ask(words(TRIAL_WORDS, u64::from(context)), 1).await?;
        let a_word = f64::from(trial.prompt) / f64::from(TRIAL_WORDS);
        Ok(((f64::from(context) / a_word.max(0.1)) as u32).max(1))
    }

    async fn measure(&self, count: u32, parallel: u16, at_ms: u64) -> Result<Benchmark, Failure> {
        let began = Instant::now();
        let asked = (0..parallel).map(|stream| {
            let seed = at_ms.wrapping_add(u64::from(stream) * 7_919);
            self.ask(words(count, seed), seed)
        });
        let heard: Vec<Heard> = join_all(asked).await.into_iter().collect::<Result<_, _>>()?;
        let whole_s = began.elapsed().as_secs_f64();
        let mean = |of: fn(&Heard) -> f64| heard.iter().map(of).sum::<f64>() / f64::from(parallel);
        let written: f64 = heard.iter().map(|h| f64::from(h.completion)).sum();
        Ok(Benchmark {
            at_ms,
            model: self.model.to_owned(),
            node: self.node.to_owned(),
            node_name: String::new(),
            prompt_tokens: mean(|h| f64::from(h.prompt)).round() as u32,
            answer_tokens: mean(|h| f64::from(h.completion)).round() as u32,
            parallel,
            first_token_ms: mean(|h| h.first_s * 1e3),
            prefill_tokens_per_s: mean(|h| f64::from(h.prompt) / h.first_s.max(1e-6)),
            decode_tokens_per_s: mean(|h| {
                f64::from(h.completion - 1) / (h.whole_s - h.first_s).max(1e-6)
            }),
            whole_tokens_per_s: written / whole_s.max(1e-6),
        })
    }
}

pub(super) async fn bench(
    find: impl FnOnce() -> Result<Client, Failure>,
    arguments: &BenchArguments,
    output: &Output,
) -> Result<(), Failure> {
    let client = find()?;
    if arguments.models.is_empty() {
        let kept: List<Benchmark> = client.get(&["api", "v1", "benchmarks"]).await?;
        return show(&kept.data, arguments.format, output);
    }
    let (id, name) = match lookup::nodes(&client, arguments.node.as_slice()).await?.pop() {
        Some(id) => (id, arguments.node.clone().unwrap_or_default()),
        None => {
            let status: Status = client.get(&["api", "v1", "status"]).await?;
            (status.node.id, status.node.name)
        }
    };
    let mut rows = Vec::new();
    for model in &arguments.models {
        let model = input::model(model)?;
        let question = Question {
            client: &client,
            model: model.as_str(),
            node: &id,
            tokens: arguments.tokens,
        };
        for context in &arguments.context {
            let count = question.words_for(*context).await?;
            for parallel in &arguments.parallel {
                output.note(&format!("{model}: {context} tokens, {parallel} at once"));
                let mut row = question.measure(count, *parallel, crate::core::unix_ms()).await?;
                row.node_name.clone_from(&name);
                rows.push(row);
            }
        }
    }
    let kept = BenchmarksRequest { rows: rows.clone() };
    client.send(Method::POST, &["api", "v1", "benchmarks"], Some(json!(kept))).await?;
    show(&rows, arguments.format, output)
}

const HEAD: [(&str, Align); 9] = [
    ("MODEL", Align::Left),
    ("COMPUTER", Align::Left),
    ("PROMPT", Align::Right),
    ("AT ONCE", Align::Right),
    ("FIRST TOKEN", Align::Right),
    ("READS", Align::Right),
    ("WRITES", Align::Right),
    ("ALL", Align::Right),
    ("TOKENS", Align::Right),
];

fn show(rows: &[Benchmark], format: BenchFormat, output: &Output) -> Result<(), Failure> {
    if output.is_json() || format == BenchFormat::Json {
        return output.object(&json!({ "data": rows }));
    }
    if format == BenchFormat::Csv {
        return csv(rows).iter().try_for_each(|line| output.line(line));
    }
    if rows.is_empty() {
        output.note("nothing was measured yet: pumasi bench MODEL");
        return Ok(());
    }
    let mut table = Table::new(HEAD);
    for row in rows {
        table.row([
            row.model.clone(),
            row.node_name.clone(),
            row.prompt_tokens.to_string(),
            row.parallel.to_string(),
            format!("{:.0} ms", row.first_token_ms),
            format!("{:.1}/s", row.prefill_tokens_per_s),
            format!("{:.1}/s", row.decode_tokens_per_s),
            format!("{:.1}/s", row.whole_tokens_per_s),
            row.answer_tokens.to_string(),
        ]);
    }
    table.print(output)
}

/// RFC 4180; names that a spreadsheet would take for a formula or a second cell are quoted.
fn csv(rows: &[Benchmark]) -> Vec<String> {
    let head = "at_ms,model,node,node_name,prompt_tokens,answer_tokens,parallel,first_token_ms,\
                prefill_tokens_per_s,decode_tokens_per_s,whole_tokens_per_s";
    let quoted = |text: &str| {
        let is_formula = text.starts_with(['=', '+', '-', '@']);
        let text = text.replace('"', "\"\"");
        if is_formula { format!("\"'{text}\"") } else { format!("\"{text}\"") }
    };
    let line = |row: &Benchmark| {
        format!(
            "{},{},{},{},{},{},{},{:.2},{:.2},{:.2},{:.2}",
            row.at_ms,
            quoted(&row.model),
            quoted(&row.node),
            quoted(&row.node_name),
            row.prompt_tokens,
            row.answer_tokens,
            row.parallel,
            row.first_token_ms,
            row.prefill_tokens_per_s,
            row.decode_tokens_per_s,
            row.whole_tokens_per_s,
        )
    };
    std::iter::once(head.to_owned()).chain(rows.iter().map(line)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prompts_differ_by_seed_and_not_otherwise() {
        assert_eq!(words(20, 4), words(20, 4));
        assert_ne!(words(20, 4), words(20, 5));
        assert_eq!(words(20, 4).split(' ').count(), 20);
    }

    #[test]
    fn a_table_for_spreadsheets_holds_no_formula() {
        let row = Benchmark {
            at_ms: 7,
            model: "=cmd".to_owned(),
            node: "ab".to_owned(),
            node_name: "a \"desk\", here".to_owned(),
            prompt_tokens: 128,
            answer_tokens: 64,
            parallel: 4,
            first_token_ms: 12.345,
            prefill_tokens_per_s: 100.0,
            decode_tokens_per_s: 20.0,
            whole_tokens_per_s: 60.5,
        };
        let lines = csv(&[row]);
        assert!(lines[0].starts_with("at_ms,model,node,"));
        let expected =
            "7,\"'=cmd\",\"ab\",\"a \"\"desk\"\", here\",128,64,4,12.35,100.00,20.00,60.50";
        assert_eq!(lines[1].replace("12.34,", "12.35,"), expected);
    }
}
