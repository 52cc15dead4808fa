//! All operations, as the router has them. A test asks the router for each path and method, and fails
//! where one is missing here, or where something else opens it.

mod dialects;
mod ours;

use serde_json::{Value, json};

use super::operation::{Opens, Operation};

/// Groups of operations, and what they are.
const TAGS: [(&str, &str); 13] = [
    ("About", "What this program is."),
    ("Models", "The models of the mesh, in the form that the asker's headers speak."),
    ("OpenAI", "OpenAI's endpoints (https://platform.openai.com/docs/api-reference)."),
    ("Anthropic", "Anthropic's endpoints (https://docs.anthropic.com/en/api)."),
    ("Gemini", "Gemini's endpoints (https://ai.google.dev/api)."),
    ("Ollama", "Ollama's endpoints (https://github.com/ollama/ollama/blob/main/docs/api.md)."),
    ("Jobs", "Lasting jobs, and what was done."),
    ("View", "This computer, the mesh, and what changes."),
    ("Placing", "Loading and unloading models."),
    ("Operating", "Pausing, draining and resuming this computer; what could be wrong."),
    ("Admission", "Coming into the mesh, and leaving it."),
    ("Conversations", "What was asked on the pages of this computer, and what was answered."),
    ("Settings", "Providers, routing and API keys."),
];

pub(super) fn tags() -> Value {
    TAGS.iter().map(|(name, about)| json!({ "name": name, "description": about })).collect()
}

pub(super) fn all() -> Vec<Operation> {
    let mut all = about();
    all.extend(dialects::all());
    all.extend(ours::all());
    all
}

fn about() -> Vec<Operation> {
    let health = get("/healthz", "health", "That this process answers")
        .tells(|_| json!({ "$ref": "#/components/schemas/Health" }));
    let document =
        get("/api/openapi.json", "openapi", "This document").tells(|_| json!({ "type": "object" }));
    let tools =
        post("/mcp", "mcp", "Tools for agents: the Model Context Protocol, Streamable HTTP")
            .reads(|_| json!({ "type": "object" }))
            .tells(|_| json!({ "type": "object" }))
            .streams("text/event-stream", |_| json!({ "type": "object" }));
    let page = get("/llms.txt", "llms", "What this node is, in plain words for agents")
        .tells_text("text/plain");
    grouped("About", Opens::Nothing, vec![health, document, tools, page])
}

fn grouped(tag: &'static str, opens: Opens, operations: Vec<Operation>) -> Vec<Operation> {
    operations.into_iter().map(|operation| operation.within(tag, opens)).collect()
}

fn get(path: &'static str, id: &'static str, summary: &'static str) -> Operation {
    Operation::new("get", path, id, summary)
}

fn post(path: &'static str, id: &'static str, summary: &'static str) -> Operation {
    Operation::new("post", path, id, summary)
}

fn put(path: &'static str, id: &'static str, summary: &'static str) -> Operation {
    Operation::new("put", path, id, summary)
}

fn patch(path: &'static str, id: &'static str, summary: &'static str) -> Operation {
    Operation::new("patch", path, id, summary)
}

fn delete(path: &'static str, id: &'static str, summary: &'static str) -> Operation {
    Operation::new("delete", path, id, summary)
}
