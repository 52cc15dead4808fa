//! Models: all on one page, and one.

use serde_json::{Value, json};

use crate::model::ModelCard;
use crate::reply::to_json;

fn model(card: &ModelCard) -> Value {
    let mut methods = Vec::new();
    if card.generates {
        methods.extend(["generateContent", "streamGenerateContent", "countTokens"]);
    }
    if card.embeds {
        methods.extend(["embedContent", "batchEmbedContents"]);
    }
    json!({
        "name": format!("models/{}", card.name), "displayName": card.name, "version": "1",
        "inputTokenLimit": card.context_tokens, "outputTokenLimit": card.context_tokens,
        "supportedGenerationMethods": methods, "thinking": card.thinking,
    })
}

/// All models of the mesh.
#[must_use]
pub fn model_list(cards: &[ModelCard]) -> String {
    let models: Vec<Value> = cards.iter().map(model).collect();
    to_json(&json!({ "models": models }))
}

/// One model.
#[must_use]
pub fn model_object(card: &ModelCard) -> String {
    to_json(&model(card))
}
