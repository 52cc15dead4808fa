//! What models a provider has, as each dialect lists them. Bounded, and names are checked: they end up
//! in paths, on pages and in adverts.

use std::collections::BTreeSet;

use pumasi_dialects::provider::ProviderFault;
use pumasi_protocol::limits::{CONTEXT_TOKENS, MODEL_NAME_BYTES};
use serde_json::Value;

use crate::call::CallError;
use crate::kind::{Kind, Listing};
use crate::limits;
use crate::price::Price;

/// One model of a provider.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelInfo {
    /// Its name, as the provider calls it.
    pub name: String,
    /// Tokens of its context, where the provider tells.
    pub context: Option<u32>,
    /// Whether it answers chats; none where nobody tells.
    pub chats: Option<bool>,
    /// Whether it makes embeddings.
    pub embeds: Option<bool>,
    /// What it costs, where the list says so (OpenRouter's does); else see [`crate::price()`].
    pub price: Option<Price>,
}

/// Words in names of models that make embeddings.
const EMBEDS: [&str; 3] = ["embed", "bge-", "e5-"];
/// Words in names of models that neither chat nor make embeddings.
const OTHERS: [&str; 9] = [
    "whisper",
    "tts",
    "dall-e",
    "moderation",
    "rerank",
    "transcribe",
    "gpt-image",
    "imagen",
    "sora",
];

impl ModelInfo {
    /// A model of which only the name is known.
    #[must_use]
    pub fn named(name: &str) -> Self {
        let lower = name.to_ascii_lowercase();
        let has = |words: &[&str]| words.iter().any(|word| lower.contains(word));
        let (embeds, other) = (has(&EMBEDS), has(&OTHERS));
        Self {
            name: name.to_owned(),
            context: None,
            chats: (embeds || other).then_some(false),
            embeds: if embeds { Some(true) } else { other.then_some(false) },
            price: None,
        }
    }
}

/// Whether a provider's model may have this name: no spaces, nothing that leads out of a path.
#[must_use]
pub fn is_name(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:/@+~".contains(&byte);
    let begins =
        name.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric() || byte == b'@');
    let winds = name.contains("..") || name.contains("//") || name.ends_with('/');
    begins && !winds && name.len() <= MODEL_NAME_BYTES && name.bytes().all(plain)
}

/// The path of the first page; none where the kind lists nothing.
pub(crate) fn first(kind: &Kind) -> Option<String> {
    match kind.quirks.models {
        Listing::OpenAi => Some("/models".to_owned()),
        Listing::Anthropic => Some("/v1/models?limit=1000".to_owned()),
        Listing::Gemini => Some("/v1beta/models?pageSize=1000".to_owned()),
        Listing::Given => None,
    }
}

/// Takes a page's models; the path of the next page, if there is one.
pub(crate) fn read(
    kind: &Kind,
    page: &[u8],
    found: &mut Vec<ModelInfo>,
) -> Result<Option<String>, CallError> {
    let garbled = CallError::Provider(ProviderFault::Garbled);
    let page: Value = serde_json::from_slice(page).map_err(|_| garbled)?;
    let rows = match kind.quirks.models {
        // Together's list stands alone.
        Listing::OpenAi | Listing::Anthropic | Listing::Given => page["data"].as_array(),
        Listing::Gemini => page["models"].as_array(),
    };
    let rows = rows.or_else(|| page.as_array()).ok_or(garbled)?;
    if found.len() + rows.len() > limits::MODELS {
        return Err(CallError::TooLarge);
    }
    found.extend(rows.iter().filter_map(|row| model(kind, row)));
    Ok(match kind.quirks.models {
        Listing::OpenAi | Listing::Given => None,
        Listing::Anthropic => {
            let last = page["last_id"].as_str().filter(|id| is_name(id));
            let more = page["has_more"].as_bool().unwrap_or(false);
            last.filter(|_| more).map(|id| format!("/v1/models?limit=1000&after_id={id}"))
        }
        Listing::Gemini => {
            let plain = |token: &&str| {
                let good = |byte: u8| byte.is_ascii_alphanumeric() || b"-_=.~".contains(&byte);
                !token.is_empty() && token.len() <= 512 && token.bytes().all(good)
            };
            let token = page["nextPageToken"].as_str().filter(plain);
            token.map(|token| format!("/v1beta/models?pageSize=1000&pageToken={token}"))
        }
    })
}

/// One row; none where its name cannot be used.
fn model(kind: &Kind, row: &Value) -> Option<ModelInfo> {
    let gemini = kind.quirks.models == Listing::Gemini;
    let name =
        if gemini { row["name"].as_str()?.strip_prefix("models/")? } else { row["id"].as_str()? };
    if !is_name(name) {
        return None;
    }
    let mut model = ModelInfo::named(name);
    let told = [
        "context_length",
        "context_window",
        "max_model_len",
        "max_context_length",
        "inputTokenLimit",
    ];
    let context = told.iter().find_map(|field| row[*field].as_u64());
    let context = context.or_else(|| row["meta"]["n_ctx_train"].as_u64());
    model.context =
        context.and_then(|n| u32::try_from(n).ok()).filter(|n| (1..=CONTEXT_TOKENS).contains(n));
    if let Some(methods) = row["supportedGenerationMethods"].as_array() {
        let can = |name: &str| methods.iter().any(|method| method.as_str() == Some(name));
        model.chats = Some(can("generateContent"));
        model.embeds = Some(can("embedContent"));
    }
    match row["type"].as_str() {
        Some("chat" | "llm" | "vlm") => model.chats = Some(true),
        Some("embedding" | "embeddings") => (model.chats, model.embeds) = (Some(false), Some(true)),
        Some(_) | None => {}
    }
    model.price = listed_price(&row["pricing"]);
    Some(model)
}

/// OpenRouter's prices: dollars for one token, as text. Where it is below zero it depends on the request.
fn listed_price(pricing: &Value) -> Option<Price> {
    let dollars = |name: &str| {
        let token = pricing[name].as_str()?.parse::<f64>().ok()?;
        let million = token * 1_000_000.0;
        (0.0..1_000_000.0).contains(&million).then_some(million)
    };
    let (input, output) = (dollars("prompt")?, dollars("completion")?);
    Some(Price { input, output, cached: dollars("input_cache_read") })
}

/// Of what was found, what the person wants; where nothing is listed, what is known.
pub(crate) fn wanted(kind: &Kind, only: &[String], found: Vec<ModelInfo>) -> Vec<ModelInfo> {
    if kind.quirks.models == Listing::Given {
        let names = if only.is_empty() { &kind.quirks.known } else { only };
        return names.iter().map(|name| ModelInfo::named(name)).collect();
    }
    let mut seen = BTreeSet::new();
    let is_wanted = |model: &ModelInfo| only.is_empty() || only.contains(&model.name);
    found.into_iter().filter(|m| is_wanted(m) && seen.insert(m.name.clone())).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::kind::kind;

    fn page(id: &str, page: &Value) -> Result<(Vec<ModelInfo>, Option<String>), CallError> {
        let mut found = Vec::new();
        let kind = kind(id).expect("a kind");
        let next = read(kind, page.to_string().as_bytes(), &mut found)?;
        Ok((found, next))
    }

    #[test]
    fn a_name_leads_nowhere_else() {
        for good in ["gpt-4o", "org/model:free", "accounts/a/models/b", "@cf/meta/x", "m~1", "a"] {
            assert!(is_name(good), "{good}");
        }
        let long = "m".repeat(193);
        for bad in
            ["", "/a", "a/", "../a", "a/../b", "a//b", "a b", "a?b", "a#b", "a%2e", "é", &long]
        {
            assert!(!is_name(bad), "{bad}");
        }
    }

    #[test]
    fn rows_are_read_as_each_service_writes_them() {
        let rows = json!({ "data": [
            { "id": "a", "context_length": 1_000, "architecture": {} },
            { "id": "b", "max_model_len": -5 },
            { "id": "c", "meta": { "n_ctx_train": 4_096 } },
            { "id": "d", "type": "embedding", "context_length": 1e300 },
            { "id": "text-embedding-3-small" },
            { "id": "whisper-1" },
            { "id": "../../etc/passwd" },
            { "id": 7 },
            "odd",
        ] });
        let (found, next) = page("openai-compatible", &rows).expect("a list");
        let short: Vec<_> =
            found.iter().map(|m| (m.name.as_str(), m.context, m.chats, m.embeds)).collect();
        let expected = [
            ("a", Some(1_000), None, None),
            ("b", None, None, None),
            ("c", Some(4_096), None, None),
            ("d", None, Some(false), Some(true)),
            ("text-embedding-3-small", None, Some(false), Some(true)),
            ("whisper-1", None, Some(false), Some(false)),
        ];
        assert_eq!((short.as_slice(), next), (&expected[..], None));
        let alone = json!([{ "id": "meta/x", "type": "chat", "context_length": 8_192 }]);
        let (found, _) = page("together", &alone).expect("a list");
        assert_eq!((found[0].chats, found[0].context), (Some(true), Some(8_192)));
    }

    #[test]
    fn prices_are_read_where_the_list_has_them() {
        let rows = json!({ "data": [
            { "id": "a", "pricing": { "prompt": "0.0000025", "completion": "0.00001",
                "input_cache_read": "0.00000125", "request": "0" } },
            { "id": "free", "pricing": { "prompt": "0", "completion": "0" } },
            { "id": "auto", "pricing": { "prompt": "-1", "completion": "-1" } },
            { "id": "odd", "pricing": { "prompt": "nan", "completion": "inf" } },
            { "id": "half", "pricing": { "prompt": "0.1" } },
            { "id": "none" },
        ] });
        let (found, _) = page("openrouter", &rows).expect("a list");
        let prices: Vec<Option<Price>> = found.iter().map(|model| model.price).collect();
        let paid = prices[0].expect("a price");
        let near = |price: f64, dollars: f64| (price - dollars).abs() < 1e-9;
        assert!(near(paid.input, 2.5) && near(paid.output, 10.0));
        assert!(near(paid.cached.expect("a price"), 1.25));
        let free = Price { input: 0.0, output: 0.0, cached: None };
        assert_eq!(prices[1..], [Some(free), None, None, None, None]);
    }

    #[test]
    fn further_pages_are_asked_for_by_a_mark_that_is_checked() {
        let anthropic = json!({ "data": [], "has_more": true, "last_id": "claude-x" });
        let (_, next) = page("anthropic", &anthropic).expect("a page");
        assert_eq!(next.as_deref(), Some("/v1/models?limit=1000&after_id=claude-x"));
        let last = json!({ "data": [], "has_more": false, "last_id": "claude-x" });
        assert_eq!(page("anthropic", &last).map(|(_, next)| next), Ok(None));
        let odd = json!({ "data": [], "has_more": true, "last_id": "x&key=1 HTTP/1.1" });
        assert_eq!(page("anthropic", &odd).map(|(_, next)| next), Ok(None));
        let gemini = json!({ "models": [], "nextPageToken": "Ab-_=" });
        let (_, next) = page("gemini", &gemini).expect("a page");
        assert_eq!(next.as_deref(), Some("/v1beta/models?pageSize=1000&pageToken=Ab-_="));
        let odd = json!({ "models": [], "nextPageToken": "a b" });
        assert_eq!(page("gemini", &odd).map(|(_, next)| next), Ok(None));
    }

    #[test]
    fn what_is_no_list_or_has_no_end_is_refused() {
        let garbled = CallError::Provider(ProviderFault::Garbled);
        for odd in [json!({}), json!(7), json!({ "data": {} }), json!({ "models": [] })] {
            assert_eq!(page("openai", &odd), Err(garbled), "{odd}");
        }
        let many: Vec<Value> = (0..2_001).map(|n| json!({ "id": format!("m{n}") })).collect();
        assert_eq!(page("openai", &json!({ "data": many })), Err(CallError::TooLarge));
    }
}
