//! Where a request may go, in OpenRouter's words: the field `provider`, and `models`. Places are those of
//! this computer: ids of its providers, their kinds, and [`MESH`].

use pumasi_protocol::ModelName;
use serde_json::{Map, Value as Json, json};

use crate::fields;
use crate::invalid::{Invalid, Reason};
use crate::json::{Ignored, Kind, Object, Value};
use crate::limits;

/// The mesh, as a place among providers.
pub const MESH: &str = "mesh";

/// Millionths of a US dollar in one.
const MICRO: f64 = 1_000_000.0;

/// What a request wants of the places that may answer it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preferences {
    /// Models in order: the next is asked where the one before fails. Empty: only the one asked for.
    pub models: Vec<ModelName>,
    /// Places that are tried first, in this order.
    pub order: Vec<String>,
    /// No places but these; empty: any.
    pub only: Vec<String>,
    /// Not these places.
    pub ignore: Vec<String>,
    /// What the best place is.
    pub sort: Option<Sort>,
    /// The most that a place may take.
    pub max_price: MaxPrice,
    /// No place that may keep what it is sent, or learn from it.
    pub deny_collection: bool,
    /// Whether another place may answer where the first fails.
    pub allow_fallbacks: bool,
}

impl Default for Preferences {
    fn default() -> Self {
        Self {
            models: Vec::new(),
            order: Vec::new(),
            only: Vec::new(),
            ignore: Vec::new(),
            sort: None,
            max_price: MaxPrice::default(),
            deny_collection: false,
            allow_fallbacks: true,
        }
    }
}

/// How places are ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sort {
    /// By what.
    pub by: SortBy,
    /// Places of all models together, not model by model.
    pub across_models: bool,
}

/// What the best place has the best of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SortBy {
    /// The lowest price.
    Price,
    /// The most tokens a second.
    Throughput,
    /// The shortest wait for the first byte.
    Latency,
}

/// The highest price, in millionths of a US dollar for a million tokens.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MaxPrice {
    /// Of the prompt.
    pub prompt: Option<u64>,
    /// Of the answer.
    pub completion: Option<u64>,
}

impl MaxPrice {
    /// Whether there is any bound.
    #[must_use]
    pub fn is_set(self) -> bool {
        self.prompt.is_some() || self.completion.is_some()
    }
}

impl Preferences {
    /// Whether the mesh may answer.
    #[must_use]
    pub fn allows_mesh(&self) -> bool {
        let names = |places: &[String]| places.iter().any(|place| place == MESH);
        let is_bound = !self.allow_fallbacks && !self.order.is_empty();
        (self.only.is_empty() || names(&self.only))
            && !names(&self.ignore)
            && (!is_bound || names(&self.order))
    }

    /// The words that are meant for OpenRouter as well, as its field `provider` has them. Names of places
    /// stay here. None: nothing is said.
    #[must_use]
    pub fn for_openrouter(&self) -> Option<Json> {
        let mut words = Map::new();
        if let Some(sort) = self.sort {
            words.insert("sort".to_owned(), sort.by.word().into());
        }
        if self.max_price.is_set() {
            let dollars = |price: Option<u64>| price.map(|price| price as f64 / MICRO);
            let bounds = [
                ("prompt", dollars(self.max_price.prompt)),
                ("completion", dollars(self.max_price.completion)),
            ];
            let bounds = bounds.into_iter().filter_map(|(name, price)| Some((name, price?)));
            let bounds: Map<String, Json> =
                bounds.map(|(name, price)| (name.to_owned(), json!(price))).collect();
            words.insert("max_price".to_owned(), bounds.into());
        }
        if self.deny_collection {
            words.insert("data_collection".to_owned(), "deny".into());
        }
        if !self.allow_fallbacks {
            words.insert("allow_fallbacks".to_owned(), false.into());
        }
        (!words.is_empty()).then(|| words.into())
    }
}

impl SortBy {
    fn word(self) -> &'static str {
        match self {
            Self::Price => "price",
            Self::Throughput => "throughput",
            Self::Latency => "latency",
        }
    }
}

/// Reads `provider` and `models`; none where the body has neither.
pub(crate) fn parse(body: &mut Object<'_>) -> Result<Option<Box<Preferences>>, Invalid> {
    let models = body.optional("models", models)?;
    let provider = body.take("provider");
    if models.is_none() && provider.is_none() {
        return Ok(None);
    }
    let mut wanted = match provider {
        Some(value) => provider_words(value.object()?)?,
        None => Preferences::default(),
    };
    wanted.models = models.unwrap_or_default();
    Ok(Some(Box::new(wanted)))
}

/// The model asked for: `model`, or the first of `models`.
pub(crate) fn model(body: &mut Object<'_>) -> Result<ModelName, Invalid> {
    if let Some(models) = body.peek("models").filter(|_| !body.has("model")) {
        let first = self::models(&models)?.into_iter().next();
        return first.ok_or_else(|| models.fail(Reason::Empty));
    }
    fields::model_name(&body.require("model")?)
}

fn models(value: &Value<'_>) -> Result<Vec<ModelName>, Invalid> {
    let names = value.array(limits::FALLBACK_MODELS)?;
    if names.is_empty() {
        return Err(value.fail(Reason::Empty));
    }
    names.iter().map(fields::model_name).collect()
}

fn provider_words(mut object: Object<'_>) -> Result<Preferences, Invalid> {
    let wanted = Preferences {
        models: Vec::new(),
        order: object.optional("order", places)?.unwrap_or_default(),
        only: object.optional("only", some_places)?.unwrap_or_default(),
        ignore: object.optional("ignore", places)?.unwrap_or_default(),
        sort: object.optional("sort", sort)?,
        max_price: object.optional("max_price", max_price)?.unwrap_or_default(),
        deny_collection: object.optional("data_collection", denies)?.unwrap_or(false),
        allow_fallbacks: object.optional("allow_fallbacks", Value::bool)?.unwrap_or(true),
    };
    refuse_unserved(&mut object)?;
    object.finish(&mut Ignored::new(true))?;
    Ok(wanted)
}

/// OpenRouter's other words: what is not held to must not seem to be.
fn refuse_unserved(object: &mut Object<'_>) -> Result<(), Invalid> {
    for name in ["require_parameters", "zdr", "enforce_distillable_text"] {
        let unserved = |value: &Value<'_>| match value.bool()? {
            true => Err(value.fail(Reason::Unsupported { what: "this of OpenRouter's words" })),
            false => Ok(()),
        };
        object.optional(name, unserved)?;
    }
    object.refuse("quantizations", "a choice of quantizations")?;
    object.refuse("preferred_min_throughput", "a least speed (use sort)")?;
    object.refuse("preferred_max_latency", "a longest wait (use sort)")
}

fn places(value: &Value<'_>) -> Result<Vec<String>, Invalid> {
    let names = value.array(limits::NAMED_PLACES)?;
    names.iter().map(|name| name.label(limits::PLACE_CHARS)).collect()
}

fn some_places(value: &Value<'_>) -> Result<Vec<String>, Invalid> {
    let places = places(value)?;
    if places.is_empty() { Err(value.fail(Reason::Empty)) } else { Ok(places) }
}

/// A word, or an object that also says whether models are sorted together.
fn sort(value: &Value<'_>) -> Result<Sort, Invalid> {
    if value.kind() != Kind::Object {
        return Ok(Sort { by: sort_by(value)?, across_models: false });
    }
    let mut object = value.object()?;
    let by = sort_by(&object.require("by")?)?;
    let across_models = object.optional("partition", |value| match value.string()?.as_str() {
        "model" => Ok(false),
        "none" => Ok(true),
        _ => Err(value.fail(Reason::UnknownValue { allowed: "model, none" })),
    })?;
    object.finish(&mut Ignored::new(true))?;
    Ok(Sort { by, across_models: across_models.unwrap_or(false) })
}

fn sort_by(value: &Value<'_>) -> Result<SortBy, Invalid> {
    match value.string()?.as_str() {
        "price" => Ok(SortBy::Price),
        "throughput" => Ok(SortBy::Throughput),
        "latency" => Ok(SortBy::Latency),
        _ => Err(value.fail(Reason::UnknownValue { allowed: "price, throughput, latency" })),
    }
}

/// US dollars for a million tokens.
fn max_price(value: &Value<'_>) -> Result<MaxPrice, Invalid> {
    let mut object = value.object()?;
    let (prompt, completion) =
        (object.optional("prompt", micro_dollars)?, object.optional("completion", micro_dollars)?);
    object.refuse("request", "a price for each request")?;
    object.refuse("image", "a price for each picture")?;
    object.finish(&mut Ignored::new(true))?;
    Ok(MaxPrice { prompt, completion })
}

fn micro_dollars(value: &Value<'_>) -> Result<u64, Invalid> {
    let dollars = value.decimal(0.0, limits::MAX_PRICE)?;
    // Not below zero, and at most a million million.
    Ok((dollars * MICRO).round() as u64)
}

fn denies(value: &Value<'_>) -> Result<bool, Invalid> {
    match value.string()?.as_str() {
        "allow" => Ok(false),
        "deny" => Ok(true),
        _ => Err(value.fail(Reason::UnknownValue { allowed: "allow, deny" })),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json;

    fn read(text: &str) -> Result<Option<Box<Preferences>>, String> {
        let mut body = json::body(text.as_bytes()).map_err(|error| error.to_string())?;
        parse(&mut body).map_err(|error| error.to_string())
    }

    fn wanted(provider: &str) -> Preferences {
        let read = read(&format!(r#"{{"provider":{provider}}}"#)).expect("it is read");
        *read.expect("something is wanted")
    }

    fn refused(provider: &str) -> String {
        read(&format!(r#"{{"provider":{provider}}}"#)).expect_err("it is refused")
    }

    #[test]
    fn each_word_is_read() {
        assert_eq!(read(r#"{"model":"m"}"#), Ok(None));
        assert_eq!(wanted("{}"), Preferences::default());
        let all = wanted(
            r#"{"order":["openai","mesh"],"only":["mesh","openai","lab"],"ignore":["groq"],
                "sort":{"by":"latency","partition":"none"},"max_price":{"prompt":0.15,"completion":2},
                "data_collection":"deny","allow_fallbacks":false,"require_parameters":false}"#,
        );
        let texts = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
        let expected = Preferences {
            models: Vec::new(),
            order: texts(&["openai", "mesh"]),
            only: texts(&["mesh", "openai", "lab"]),
            ignore: texts(&["groq"]),
            sort: Some(Sort { by: SortBy::Latency, across_models: true }),
            max_price: MaxPrice { prompt: Some(150_000), completion: Some(2_000_000) },
            deny_collection: true,
            allow_fallbacks: false,
        };
        assert_eq!(all, expected);
        let sort = wanted(r#"{"sort":"price"}"#).sort;
        assert_eq!(sort, Some(Sort { by: SortBy::Price, across_models: false }));
        let by = wanted(r#"{"sort":{"by":"throughput"}}"#).sort;
        assert_eq!(by, Some(Sort { by: SortBy::Throughput, across_models: false }));
        let models = read(r#"{"models":["a","b/c"]}"#).expect("read").expect("wanted").models;
        assert_eq!(models.iter().map(ToString::to_string).collect::<Vec<_>>(), ["a", "b/c"]);
    }

    #[test]
    fn what_is_wrong_is_named_with_what_is_allowed() {
        for (provider, told) in [
            (r#"{"sort":"speed"}"#, "provider.sort: must be one of: price, throughput, latency"),
            (
                r#"{"sort":{"by":"x"}}"#,
                "provider.sort.by: must be one of: price, throughput, latency",
            ),
            (
                r#"{"sort":{"by":"price","partition":"x"}}"#,
                "provider.sort.partition: must be one of: model, none",
            ),
            (
                r#"{"data_collection":"no"}"#,
                "provider.data_collection: must be one of: allow, deny",
            ),
            (r#"{"allow_fallbacks":"no"}"#, "provider.allow_fallbacks: expected true or false"),
            (r#"{"order":"openai"}"#, "provider.order: expected an array"),
            (r#"{"order":[1]}"#, "provider.order[0]: expected a string"),
            (r#"{"only":[]}"#, "provider.only: must not be empty"),
            (
                r#"{"max_price":{"prompt":-1}}"#,
                "provider.max_price.prompt: must be a number from 0 to 1000000",
            ),
            (r#"{"max_price":{"prompt":"1"}}"#, "provider.max_price.prompt: expected a number"),
            (
                r#"{"max_price":{"request":1}}"#,
                "provider.max_price.request: a price for each request is not supported here",
            ),
            (r#"{"zdr":true}"#, "provider.zdr: this of OpenRouter's words is not supported here"),
            (
                r#"{"quantizations":["int4"]}"#,
                "provider.quantizations: a choice of quantizations is not supported here",
            ),
            (r#"{"onyl":["mesh"]}"#, "provider.onyl: this field is not known"),
            (r#""openai""#, "provider: expected an object"),
        ] {
            assert_eq!(refused(provider), told);
        }
        let told = |body: &str| read(body).expect_err("it is refused");
        assert_eq!(told(r#"{"models":[]}"#), "models: must not be empty");
        assert_eq!(told(r#"{"models":"a"}"#), "models: expected an array");
        assert!(told(r#"{"models":["a","b","c","d","e","f","g","h","i"]}"#).contains("8 entries"));
    }

    #[test]
    fn the_mesh_is_a_place_like_others() {
        let allows = |provider: &str| wanted(provider).allows_mesh();
        assert!(allows("{}") && allows(r#"{"order":["lab"]}"#));
        assert!(allows(r#"{"only":["mesh"],"order":["mesh"],"allow_fallbacks":false}"#));
        assert!(!allows(r#"{"only":["lab"]}"#) && !allows(r#"{"ignore":["mesh"]}"#));
        assert!(!allows(r#"{"order":["lab"],"allow_fallbacks":false}"#));
    }

    #[test]
    fn openrouter_is_told_what_it_can_hold_to_and_no_names_of_ours() {
        assert_eq!(wanted(r#"{"order":["mesh"],"only":["lab"]}"#).for_openrouter(), None);
        let words = wanted(
            r#"{"order":["mesh"],"sort":"price","max_price":{"completion":0.6},
                "data_collection":"deny","allow_fallbacks":false}"#,
        );
        let expected = json!({
            "sort": "price", "max_price": { "completion": 0.6 },
            "data_collection": "deny", "allow_fallbacks": false,
        });
        assert_eq!(words.for_openrouter(), Some(expected));
    }
}
