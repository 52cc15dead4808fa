//! `compare`: the same prompt to several models, one after the other, side by side.

use std::time::Instant;

use serde_json::{Value, json};

use super::answer::{self, Message};
use super::arguments::CompareArguments;
use super::client::Client;
use super::failure::Failure;
use super::input;
use super::output::{Output, Style};
use super::text::{escape, escape_answer};

pub(super) async fn compare(
    find: impl FnOnce() -> Result<Client, Failure>,
    mut arguments: CompareArguments,
    output: &Output,
) -> Result<(), Failure> {
    // The last word is the prompt, unless the prompt comes by standard input.
    let prompt = if arguments.stdin { None } else { arguments.words.pop() };
    if arguments.words.len() < 2 {
        return Err(Failure::usage("name two models or more, and then the prompt"));
    }
    let models =
        arguments.words.iter().map(|name| input::model(name)).collect::<Result<Vec<_>, _>>()?;
    let prompt = input::prompt(prompt)?;
    let client = find()?;
    let settings = answer::settings(&client, &arguments.ask).await?;
    let system = arguments.ask.system.clone().map(Message::system);
    let messages: Vec<Message> = system.into_iter().chain([Message::user(prompt)]).collect();
    let mut told: Vec<Value> = Vec::new();
    for model in models {
        let began = Instant::now();
        // One model's failure must not hide what the others say.
        let asked = answer::ask(&client, model.as_str(), &messages, &settings, |_| Ok(())).await;
        let seconds = began.elapsed().as_secs_f64();
        match asked {
            Ok(answer) if answer.stopped => return Err(Failure::interrupted()),
            Ok(answer) => {
                if !output.is_json() {
                    let head = format!("{} ({seconds:.1} s)", escape(&answer.origin()));
                    output.line(&output.style(Style::Dim, &head))?;
                    output.line(&escape_answer(answer.content.trim_end()))?;
                    output.line("")?;
                }
                told.push(json!({ "model": model, "seconds": seconds, "answer": answer }));
            }
            Err(failure) => {
                output.warn(&format!("{model}: {}", failure.sentence));
                told.push(json!({ "model": model, "error": failure.word }));
            }
        }
    }
    if output.is_json() { output.object(&json!({ "data": told })) } else { Ok(()) }
}
