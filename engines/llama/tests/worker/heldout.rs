//! The starter model through the worker on inputs that it never saw: as right as its own
//! evaluation says, which shows that template, tokens and decoding are the ones it was trained on.

use std::collections::BTreeMap;

use pumasi_protocol::generate::{Generate, Message, Prompt, Role, Thinking, Tool, ToolChoice};
use serde::Deserialize;

use crate::rig::{Rig, collect, greedy};

/// Groups whose lengths the model's README declares reliable.
const RELIABLE: [&str; 7] = [
    "repeat 1-20",
    "upper 1-20",
    "reverse 1-20",
    "count 1-20",
    "translate 1-4",
    "under a system prompt",
    "fixed questions",
];

#[derive(Deserialize)]
struct Case {
    group: String,
    messages: Vec<Said>,
    #[serde(default)]
    tools: Vec<serde_json::Value>,
    #[serde(default)]
    enable_thinking: bool,
    expected: String,
}

#[derive(Deserialize)]
struct Said {
    role: String,
    content: Option<String>,
}

fn body(case: &Case) -> Option<Generate> {
    let role = |said: &Said| match said.role.as_str() {
        "system" => Some(Role::System),
        "user" => Some(Role::User),
        "assistant" => Some(Role::Assistant),
        "tool" => Some(Role::Tool),
        _ => None,
    };
    let messages: Option<Vec<Message>> = case
        .messages
        .iter()
        .map(|said| Some(Message::text(role(said)?, said.content.clone()?)))
        .collect();
    let tool = |tool: &serde_json::Value| Tool {
        name: tool["function"]["name"].as_str().unwrap_or_default().to_owned(),
        description: None,
        parameters: Some(tool["function"]["parameters"].to_string()),
    };
    Some(greedy(Prompt::Chat {
        messages: messages?,
        tools: case.tools.iter().map(tool).collect(),
        tool_choice: ToolChoice::Auto,
        thinking: if case.enable_thinking { Thinking::On(None) } else { Thinking::Default },
    }))
}

#[tokio::test]
async fn held_out_inputs_are_answered_as_the_evaluation_says() {
    let path = format!("{}/starter/heldout.jsonl", env!("CARGO_MANIFEST_DIR"));
    let lines = std::fs::read_to_string(path).expect("the held-out inputs are committed");
    let cases = lines.lines().map(|line| serde_json::from_str::<Case>(line).expect("a case"));
    let reliable: Vec<Case> = cases.filter(|c| RELIABLE.contains(&c.group.as_str())).collect();
    assert!(reliable.len() > 200, "{} cases", reliable.len());
    let rig = Rig::new(8).await;
    let mut asked = Vec::new();
    for case in &reliable {
        asked.push(rig.submit(body(case).expect("plain messages")));
    }
    let mut wrong: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (case, events) in reliable.iter().zip(asked) {
        let answer = collect(events).await.expect("an answer").text();
        if answer != case.expected {
            wrong
                .entry(&case.group)
                .or_default()
                .push(format!("{answer:?} not {:?}", case.expected));
        }
    }
    let missed: usize = wrong.values().map(Vec::len).sum();
    assert!(missed * 100 <= reliable.len(), "{missed} of {}: {wrong:#?}", reliable.len());
}
