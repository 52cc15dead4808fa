//! `/api/v1`.

use std::collections::BTreeMap;

use super::{delete, get, grouped, patch, post, put};
use crate::api::{self, KeyScope, List};
use crate::openapi::operation::{Opens, Operation};
use crate::openapi::schemas::{any_of, asked, told};

const EVENTS: &str = "text/event-stream";

pub(super) fn all() -> Vec<Operation> {
    [
        grouped("Jobs", Opens::Scope(KeyScope::Jobs), jobs()),
        grouped("View", Opens::Scope(KeyScope::View), view()),
        grouped("Placing", Opens::Scope(KeyScope::Models), placing()),
        grouped("Models", Opens::Scope(KeyScope::Models), stocking()),
        grouped("Models", Opens::Install, store()),
        grouped("Operating", Opens::Scope(KeyScope::Operate), operating()),
        grouped("Admission", Opens::Install, admission()),
        grouped("Conversations", Opens::Install, conversations()),
        grouped("Settings", Opens::Install, settings()),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn jobs() -> Vec<Operation> {
    let results = ["ChatReply", "CompletionReply", "EmbeddingsReply"];
    vec![
        get("/api/v1/jobs", "listJobs", "Jobs that the asker may see, newest first")
            .query("live", "boolean", "Only those that are not over.")
            .query(
                "limit",
                "integer",
                "How many at most; 100 where nothing is said, 1,000 at most.",
            )
            .tells(told::<List<api::Job>>),
        post("/api/v1/jobs", "submitJob", "Hands in a job that goes on when the asker leaves")
            .header("Idempotency-Key", "The same request with the same key is the same job.")
            .reads(asked::<api::Submission>)
            .status(201)
            .tells(told::<api::Job>),
        get("/api/v1/jobs/{job}", "showJob", "A job").tells(told::<api::Job>),
        delete("/api/v1/jobs/{job}", "forgetJob", "Forgets a job that is over, with its result")
            .status(204),
        get("/api/v1/jobs/{job}/why", "explainJob", "Why a job is where it is")
            .tells(told::<api::Why>),
        post("/api/v1/jobs/{job}/cancel", "cancelJob", "Cancels a job").tells(told::<api::Job>),
        post("/api/v1/jobs/{job}/adopt", "adoptJob", "Takes over a job whose computer is lost")
            .tells(told::<api::Job>),
        get(
            "/api/v1/jobs/{job}/result",
            "jobResult",
            "The reply that the endpoint would have given",
        )
        .tells(move |schemas| {
            let mut any = any_of(&results);
            let documents = told::<api::DocumentsResult>(schemas);
            if let Some(kinds) = any["anyOf"].as_array_mut() {
                kinds.push(documents);
            }
            any
        }),
        get("/api/v1/jobs/{job}/events", "watchJob", "The job at each change, until it is over")
            .streams(EVENTS, told::<api::Event>),
        post("/api/v1/documents", "storeDocument", "Hands a file over, as the body is")
            .reads_file()
            .status(201)
            .tells(told::<api::StoredDocument>),
        post(
            "/api/v1/documents/{task}",
            "submitDocuments",
            "Hands in a job about files: extract, render, pictures, summarise, ask, translate, fields",
        )
        .header("Idempotency-Key", "The same request with the same key is the same job.")
        .reads(asked::<api::DocumentsRequest>)
        .status(201)
        .tells(told::<api::Job>),
        get("/api/v1/audit", "audit", "Who did what, where and when; never in words")
            .query("since_ms", "integer", "Only what was done since, Unix time in milliseconds.")
            .query("person", "string", "Only what this person did.")
            .query("limit", "integer", "How many at most; 200 as JSON where nothing is said.")
            .query("format", "string", "`json`, `jsonl` or `csv`; JSON where nothing is said.")
            .tells(told::<List<api::AuditEntry>>)
            .streams("application/jsonl", told::<api::AuditEntry>)
            .tells_text("text/csv"),
        get("/api/v1/usage", "usage", "What was used, by whom, of what, and what it cost")
            .query("from", "string", "The first day of UTC, as in `2026-03-01`; a month back.")
            .query("to", "string", "The last day; today where nothing is said.")
            .query("by", "string", "Some of `day`, `person`, `key`, `model`, `place`, with commas.")
            .query("format", "string", "`json` or `csv`; JSON where nothing is said.")
            .tells(told::<api::Usage>)
            .tells_text("text/csv"),
    ]
}

fn view() -> Vec<Operation> {
    vec![
        get("/api/v1/status", "status", "This node and its mesh").tells(told::<api::Status>),
        get("/api/v1/nodes", "listNodes", "All computers of the mesh, this one first")
            .tells(told::<List<api::Node>>),
        get("/api/v1/models", "listMeshModels", "All models of the mesh and of providers")
            .tells(told::<List<api::Model>>),
        inspecting(),
        get(
            "/api/v1/recommendations",
            "recommendModels",
            "Which well-known models suit this computer and the mesh, and why",
        )
        .query("language", "string", "Of the reasons: `en` or `ko`.")
        .tells(told::<api::Recommendations>),
        get("/api/v1/copies", "listCopies", "Models on their way to this computer, and from where")
            .tells(told::<List<api::Copy>>),
        get(
            "/api/v1/providers",
            "listProviders",
            "Providers, their kinds, and how requests are routed",
        )
        .tells(told::<api::Providers>),
        get("/api/v1/events", "watch", "Everything at once, and then what changes")
            .streams(EVENTS, told::<api::Event>),
        get("/api/v1/history", "history", "How it went over time")
            .query("from_ms", "integer", "From when, Unix time in milliseconds; six hours back.")
            .query("to_ms", "integer", "To when; now where nothing is said.")
            .query("step", "string", "`minute` or `hour`.")
            .tells(told::<api::History>),
        get("/metrics", "metrics", "Figures in Prometheus's text format").tells_text("text/plain"),
    ]
}

fn inspecting() -> Operation {
    get(
        "/api/v1/models/{model}/inspect",
        "inspectModel",
        "What a model is, part by part, and what loading it would take",
    )
    .query("node", "string", "Whose file, by id; any, where nothing is said.")
    .query("context", "integer", "Tokens of each slot; as it would be loaded.")
    .query("slots", "integer", "Requests at once; as it would be loaded.")
    .query("cache", "string", "Format of the KV cache: `f16`, `q8_0` or `q4_0`.")
    .query("flash", "boolean", "Whether attention is computed in one piece; it is.")
    .query("gpu_layers", "integer", "Blocks on graphics cards; all.")
    .query("language", "string", "Of the explanations: `en` or `ko`.")
    .tells(told::<api::Inspection>)
}

fn placing() -> Vec<Operation> {
    vec![
        post("/api/v1/models/{model}/load", "loadModel", "Loads a model on a computer")
            .may_read(asked::<api::PlaceRequest>)
            .status(202),
        post(
            "/api/v1/models/{model}/copy",
            "copyModel",
            "Copies a model of the mesh to a computer",
        )
        .may_read(asked::<api::PlaceRequest>)
        .status(202),
        delete("/api/v1/models/{model}/copy", "stopCopy", "Stops a copy; what came is kept")
            .status(204),
        post("/api/v1/models/{model}/unload", "unloadModel", "Unloads a model on a computer")
            .may_read(asked::<api::PlaceRequest>)
            .status(202),
        get("/api/v1/benchmarks", "benchmarks", "What was measured of models, the oldest first")
            .tells(told::<List<api::Benchmark>>),
        post("/api/v1/benchmarks", "keepBenchmarks", "Keeps what was measured of models")
            .reads(asked::<api::BenchmarksRequest>)
            .status(204),
        get("/api/v1/models/{model}/settings", "modelSettings", "How a model is set on a computer")
            .query("node", "string", "On which computer, by id; this one where nothing is said.")
            .tells(told::<api::ModelSettings>),
        post("/api/v1/models/{model}/settings", "setModel", "Sets a model on a computer")
            .reads(asked::<api::SettingsRequest>)
            .tells(told::<api::ModelSettings>),
    ]
}

/// Downloads, and what of the store an API key may change.
fn stocking() -> Vec<Operation> {
    vec![
        get("/api/v1/hub/search", "searchHub", "Looks for models at the hub")
            .query("q", "string", "Words of the name.")
            .query("author", "string", "Only of this owner.")
            .query("sort", "string", "`downloads`, `likes`, `recent` or `trending`.")
            .query("limit", "integer", "How many on a page; 20 where nothing is said, 100 at most.")
            .query("cursor", "string", "Where to go on, as the page before said.")
            .tells(told::<api::HubPage>),
        get("/api/v1/hub/repo", "showHubRepo", "What of a repository can be downloaded")
            .query("name", "string", "`owner/name`, or `owner/name@revision`.")
            .tells(told::<api::HubRepo>),
        get("/api/v1/hub/card", "showHubCard", "A repository's card, as its authors wrote it")
            .query("name", "string", "`owner/name`, or `owner/name@revision`.")
            .tells(told::<api::HubCard>),
        get("/api/v1/pulls", "listPulls", "Downloads, the last first")
            .tells(told::<List<api::Pull>>),
        post("/api/v1/pulls", "pull", "Begins a download, or tells the one that is under way")
            .reads(asked::<api::PullRequest>)
            .status(202)
            .tells(told::<api::Pull>),
        delete("/api/v1/pulls/{pull}", "giveUpPull", "Gives a download up, and what came of it")
            .status(204),
        post("/api/v1/pulls/{pull}/pause", "pausePull", "Pauses a download")
            .tells(told::<api::Pull>),
        post("/api/v1/pulls/{pull}/resume", "resumePull", "Goes on with a download")
            .tells(told::<api::Pull>),
        get("/api/v1/store", "showStore", "Models on this computer's disk, and room for more")
            .tells(told::<api::Stock>),
        patch("/api/v1/store/models/{model}", "changeStored", "Pins a model, or does so no more")
            .reads(asked::<api::StoredChange>)
            .status(204),
        delete("/api/v1/store/models/{model}", "removeStored", "Removes a model from the disk")
            .status(204),
        post("/api/pull", "ollamaPull", "Downloads a model; streamed unless `stream` is false")
            .reads(asked::<api::OllamaPull>)
            .tells(|_| serde_json::json!({ "type": "object" }))
            .streams("application/x-ndjson", |_| serde_json::json!({ "type": "object" })),
        delete("/api/delete", "ollamaDelete", "Removes a model from the disk")
            .reads(asked::<api::OllamaDelete>),
        post("/api/copy", "ollamaCopy", "Lets a second name mean a model")
            .reads(asked::<api::OllamaCopy>),
    ]
}

fn store() -> Vec<Operation> {
    vec![
        post("/api/v1/hub/token", "setHubToken", "Keeps the hub's token, or forgets it")
            .reads(asked::<api::HubTokenRequest>)
            .status(204),
        post("/api/v1/store/import", "import", "Takes model files of this computer in")
            .reads(asked::<api::ImportRequest>)
            .tells(told::<List<api::Imported>>),
        post("/api/v1/store/verify", "verify", "Reads models again and compares their hashes")
            .may_read(asked::<api::VerifyRequest>)
            .tells(told::<List<api::Verified>>),
        post("/api/v1/store/sweep", "sweep", "Removes what no model needs any more")
            .may_read(asked::<api::SweepRequest>)
            .tells(told::<api::Swept>),
    ]
}

fn operating() -> Vec<Operation> {
    vec![
        get("/api/v1/lending", "lending", "Whether this computer works for others")
            .tells(told::<api::Lending>),
        post(
            "/api/v1/lending",
            "lend",
            "Tells this computer to work for others, to pause or to drain",
        )
        .reads(asked::<api::LendRequest>)
        .tells(told::<api::Lending>),
        get("/api/v1/doctor", "doctor", "What could be wrong, and what to do")
            .query("peer", "string", "Only what keeps this computer away; for the install only.")
            .tells(told::<api::Doctor>),
        get("/api/v1/errors", "errors", "How often each error was answered since the start")
            .tells(told::<BTreeMap<String, u64>>),
    ]
}

fn admission() -> Vec<Operation> {
    vec![
        get("/api/v1/invitations", "listInvitations", "Open invitations")
            .tells(told::<List<api::Invitation>>),
        post("/api/v1/invitations", "invite", "Makes an invitation; its token is told this once")
            .may_read(asked::<api::InviteRequest>)
            .status(201)
            .tells(told::<api::InvitationToken>),
        delete("/api/v1/invitations/{invitation}", "withdrawInvitation", "Withdraws an invitation")
            .status(204),
        post("/api/v1/nodes/{node}/remove", "removeNode", "Removes a computer for good")
            .may_read(asked::<api::RemoveRequest>)
            .tells(told::<api::Removed>),
        post("/api/v1/join", "join", "Joins the mesh of an invitation")
            .reads(asked::<api::JoinRequest>)
            .tells(told::<api::Joined>),
        get("/api/v1/pairing", "pairing", "How this computer stands at the door of a mesh")
            .tells(told::<api::Pairing>),
        post("/api/v1/pairing", "askIn", "A person looks at the digits by which it can be let in")
            .may_read(asked::<api::AskInRequest>)
            .tells(told::<api::Pairing>),
        post("/api/v1/pairing/approve", "approve", "Lets in the computer that shows these digits")
            .reads(asked::<api::ApproveRequest>)
            .tells(told::<api::Approved>),
        post("/api/v1/mesh", "found", "Starts a mesh with this computer as its first")
            .may_read(asked::<api::FoundRequest>)
            .status(201)
            .tells(told::<api::Joined>),
    ]
}

fn conversations() -> Vec<Operation> {
    vec![
        get("/api/v1/conversations", "listConversations", "Conversations, changed last first")
            .query("search", "string", "Only those that hold this, in title or messages.")
            .query("limit", "integer", "How many at most; 200 where nothing is said.")
            .tells(told::<List<api::ConversationLine>>),
        post("/api/v1/conversations", "importConversation", "Takes a conversation from a file")
            .reads(asked::<api::Conversation>)
            .status(201)
            .tells(told::<api::ConversationLine>),
        get("/api/v1/conversations/{conversation}", "showConversation", "A whole conversation")
            .query("format", "string", "`json`, or as a file: `file` or `markdown`.")
            .tells(told::<api::Conversation>)
            .tells_text("text/markdown"),
        put(
            "/api/v1/conversations/{conversation}",
            "changeConversation",
            "Begins a conversation, or adds to it",
        )
        .reads(asked::<api::ConversationChange>)
        .tells(told::<api::ConversationLine>),
        delete(
            "/api/v1/conversations/{conversation}",
            "forgetConversation",
            "Deletes a conversation with its messages",
        )
        .status(204),
    ]
}

fn settings() -> Vec<Operation> {
    vec![
        post("/api/v1/providers", "setProvider", "Sets a provider up, or changes it")
            .reads(asked::<api::ProviderRequest>)
            .tells(told::<api::Provider>),
        delete("/api/v1/providers/{provider}", "removeProvider", "Removes a provider, and its key")
            .status(204),
        post("/api/v1/providers/{provider}/check", "checkProvider", "Asks a provider what it has")
            .tells(told::<api::Provider>),
        post(
            "/api/v1/providers/{provider}/share",
            "shareProvider",
            "Says who else in the mesh may ask a provider through this computer",
        )
        .reads(asked::<api::ShareRequest>)
        .tells(told::<api::Provider>),
        patch("/api/v1/routing", "changeRouting", "Changes how requests are routed")
            .reads(asked::<api::RoutingChange>)
            .tells(told::<api::Routing>),
        get("/api/v1/keys", "listKeys", "API keys without their secrets")
            .tells(told::<List<api::Key>>),
        post("/api/v1/keys", "createKey", "Makes an API key; its secret is told this once")
            .reads(asked::<api::KeyRequest>)
            .status(201)
            .tells(told::<api::NewKey>),
        patch("/api/v1/keys/{key}", "changeKey", "Changes what is named of an API key")
            .reads(asked::<api::KeyChange>)
            .tells(told::<api::Key>),
        delete("/api/v1/keys/{key}", "revokeKey", "Revokes an API key, at once and for ever")
            .tells(told::<api::Key>),
    ]
}
