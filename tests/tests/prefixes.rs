//! A conversation whose turns enter at different computers: the prompt is read once.

use std::time::Duration;

use pumasi_tests::command::until;
use pumasi_tests::nodes::{Node, STARTER, mesh};
use serde_json::{Value, json};

/// Share of the second turn's prompt that may be computed anew, in percent: the new question and what
/// the template puts around it are 3 to 4 % of this short conversation (30 of 850 tokens).
const ANEW_PERCENT: u64 = 5;
const PATIENCE: Duration = Duration::from_secs(90);

fn ask(node: &Node, messages: &[Value]) -> (String, Value) {
    let body = json!({ "model": STARTER, "temperature": 0, "max_tokens": 8, "messages": messages });
    let reply = node.post("/v1/chat/completions", &body);
    let ran_on = reply.header("x-pumasi-node-id").expect("who answered").to_owned();
    (ran_on, reply.body)
}

fn said(role: &str, content: &str) -> Value {
    json!({ "role": role, "content": content })
}

/// A conversation of its own, about as long as the starter's context allows (1,024 tokens).
fn conversation(number: u64) -> Vec<Value> {
    let clerk = "you are a careful clerk in a small office with many machines and ".repeat(12);
    vec![said("system", &format!("{number}: {clerk}")), said("user", "repeat: one")]
}

/// Asks the first turn at one computer and the second at the other; the second's counts, if it was
/// answered where the first was.
fn turns(nodes: &[Node], number: u64) -> Option<(u64, u64)> {
    let [near, far] = nodes else { panic!("two nodes") };
    let first = conversation(number);
    let (ran_on, body) = ask(near, &first);
    let prompt = body["usage"]["prompt_tokens"].as_u64().expect("a count");
    assert!(prompt > 700, "{prompt}");
    let answer = body["choices"][0]["message"]["content"].as_str().expect("an answer").to_owned();
    // What a computer holds is told to the others within moments, not at once.
    std::thread::sleep(Duration::from_millis(250 * number));
    let mut second = first;
    second.extend([said("assistant", &answer), said("user", "repeat: two")]);
    let other = if ran_on == near.id() { far } else { near };
    let (again_on, body) = ask(other, &second);
    let usage = &body["usage"];
    let count = |of: &Value| of.as_u64().expect("a count");
    let cached = count(&usage["prompt_tokens_details"]["cached_tokens"]);
    (again_on == ran_on).then(|| (count(&usage["prompt_tokens"]), cached))
}

#[test]
fn the_second_turn_goes_where_the_first_was_read_whichever_computer_it_enters_at() {
    let nodes = mesh(2);
    let mut number = 0;
    let (whole, cached) = until("a turn goes where its beginning lies", PATIENCE, || {
        number += 1;
        turns(&nodes, number)
    });
    let anew = whole - cached;
    assert!(anew * 100 <= whole * ANEW_PERCENT, "{anew} of {whole} tokens were read again");
}
