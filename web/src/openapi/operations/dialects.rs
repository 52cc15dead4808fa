//! The endpoints of the dialects: what is in them is their vendors', so schemas go by name.

use super::{get, grouped, post};
use crate::openapi::operation::{Opens, Operation};
use crate::openapi::schemas::{any_of, named};

const EVENTS: &str = "text/event-stream";
const LINES: &str = "application/x-ndjson";

pub(super) fn all() -> Vec<Operation> {
    let groups = [
        ("Models", models()),
        ("OpenAI", openai()),
        ("Anthropic", anthropic()),
        ("Gemini", gemini()),
        ("Ollama", ollama()),
    ];
    let within = |(tag, operations)| grouped(tag, Opens::Programs, operations);
    groups.into_iter().flat_map(within).collect()
}

fn models() -> Vec<Operation> {
    let lists = ["ModelList", "AnthropicModelList", "GeminiModelList"];
    let one = ["ModelObject", "AnthropicModel", "GeminiModel"];
    vec![
        get("/v1/models", "listModels", "Models, as OpenAI lists them, or Anthropic, or Gemini")
            .header("anthropic-version", "With it, the list is Anthropic's.")
            .header("x-goog-api-client", "With it, the list is Gemini's.")
            .tells(move |_| any_of(&lists)),
        get(
            "/v1/models/{*model}",
            "showModel",
            "A model, as OpenAI shows it, or Anthropic, or Gemini",
        )
        .header("anthropic-version", "With it, the model is shown as Anthropic does.")
        .header("x-goog-api-client", "With it, the model is shown as Gemini does.")
        .tells(move |_| any_of(&one)),
    ]
}

fn openai() -> Vec<Operation> {
    vec![
        post("/v1/chat/completions", "chat", "A chat's next message, whole or streamed")
            .reads(|_| named("ChatRequest"))
            .tells(|_| named("ChatReply"))
            .streams(EVENTS, |_| named("ChatChunk")),
        post("/v1/completions", "complete", "The continuation of a text, whole or streamed")
            .reads(|_| named("CompletionRequest"))
            .tells(|_| named("CompletionReply"))
            .streams(EVENTS, |_| named("CompletionReply")),
        post("/v1/embeddings", "embed", "Texts as vectors")
            .reads(|_| named("EmbeddingsRequest"))
            .tells(|_| named("EmbeddingsReply")),
        post("/v1/responses", "respond", "A response, whole or streamed; nothing is stored")
            .reads(|_| named("ResponsesRequest"))
            .tells(|_| named("Response"))
            .streams(EVENTS, |_| named("ResponseEvent")),
        post("/v1/responses/input_tokens", "countResponse", "How many tokens an input has")
            .reads(|_| named("ResponsesRequest"))
            .tells(|_| named("InputTokens")),
    ]
}

fn anthropic() -> Vec<Operation> {
    vec![
        post("/v1/messages", "message", "A conversation's next message, whole or streamed")
            .reads(|_| named("MessagesRequest"))
            .tells(|_| named("Message"))
            .streams(EVENTS, |_| named("MessageEvent")),
        post("/v1/messages/count_tokens", "countMessage", "How many tokens a prompt has")
            .reads(|_| named("CountRequest"))
            .tells(|_| named("InputTokens")),
    ]
}

/// The method stands behind the model's name.
fn gemini() -> Vec<Operation> {
    let asked = [
        "GeminiContentRequest",
        "GeminiCountRequest",
        "GeminiEmbedRequest",
        "GeminiBatchEmbedRequest",
    ];
    let told =
        ["GeminiReply", "GeminiStream", "GeminiCount", "GeminiEmbedding", "GeminiEmbeddings"];
    let call = |path, id| {
        let about = "`MODEL:generateContent`, `:streamGenerateContent`, `:countTokens`, \
                     `:embedContent` or `:batchEmbedContents`";
        post(path, id, about)
            .query("alt", "string", "`sse`: a stream comes as events, not as one array.")
            .reads(move |_| any_of(&asked))
            .tells(move |_| any_of(&told))
            .streams(EVENTS, |_| named("GeminiReply"))
    };
    vec![
        call("/v1/models/{*model}", "callGemini"),
        get("/v1beta/models", "listGeminiModels", "Models, as Gemini lists them")
            .tells(|_| named("GeminiModelList")),
        get("/v1beta/models/{*call}", "showGeminiModel", "A model, as Gemini shows it")
            .tells(|_| named("GeminiModel")),
        call("/v1beta/models/{*call}", "callGeminiBeta"),
    ]
}

fn ollama() -> Vec<Operation> {
    vec![
        post("/api/chat", "ollamaChat", "A chat's next message; streamed unless `stream` is false")
            .reads(|_| named("OllamaChatRequest"))
            .tells(|_| named("OllamaChatReply"))
            .streams(LINES, |_| named("OllamaChatReply")),
        post("/api/generate", "ollamaGenerate", "An answer; streamed unless `stream` is false")
            .reads(|_| named("OllamaGenerateRequest"))
            .tells(|_| named("OllamaGenerateReply"))
            .streams(LINES, |_| named("OllamaGenerateReply")),
        post("/api/embed", "ollamaEmbed", "Texts as vectors")
            .reads(|_| named("OllamaEmbedRequest"))
            .tells(|_| named("OllamaEmbedReply")),
        post("/api/embeddings", "ollamaEmbedOne", "A text as a vector")
            .reads(|_| named("OllamaEmbeddingsRequest"))
            .tells(|_| named("OllamaEmbeddingsReply")),
        get("/api/tags", "ollamaTags", "Models").tells(|_| named("OllamaModels")),
        get("/api/ps", "ollamaRunning", "Models that are loaded").tells(|_| named("OllamaModels")),
        post("/api/show", "ollamaShow", "A model")
            .reads(|_| named("OllamaShowRequest"))
            .tells(|_| named("OllamaModel")),
        get("/api/version", "ollamaVersion", "The version of this program")
            .tells(|_| named("OllamaVersion")),
    ]
}
