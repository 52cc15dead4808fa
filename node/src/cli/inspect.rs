//! `inspect`: what a model is, part by part, and what loading it takes. A model of the mesh is asked
//! of the node; a file is read by this program itself, so that none needs to run.

mod ranged;
mod sheet;

use std::path::Path;

use pumasi_models::catalog::ModelFault;
use pumasi_web::api::{self, Inspection};

use super::arguments::{Cache, Global, InspectArguments, RecommendArguments, Tongue};
use super::client::Client;
use super::failure::{Failure, Kind};
use super::output::Output;
use super::text::escape;
use super::{input, lookup};
use crate::config::EngineConfig;
use crate::inspecting::{self, View, planned, view};

pub(super) async fn inspect(
    arguments: InspectArguments,
    global: &Global,
    output: &Output,
) -> Result<(), Failure> {
    let inspection = match Target::of(&arguments.what) {
        Target::File(path) => file(path, &arguments)?,
        Target::Model(name) => model(name, &arguments, global).await?,
        Target::Address(url) => address(url, &arguments).await?,
    };
    if output.is_json() {
        return output.object(&inspection);
    }
    sheet::print(&inspection, &arguments, output)
}

/// What was named.
enum Target<'a> {
    Model(&'a str),
    File(&'a Path),
    Address(&'a str),
}

impl<'a> Target<'a> {
    /// A file is what ends in `.gguf`, or looks like a path that is there.
    fn of(what: &'a str) -> Self {
        if what.starts_with("http://") || what.starts_with("https://") {
            return Self::Address(what);
        }
        let path = Path::new(what);
        let ends = path.extension().is_some_and(|end| end.eq_ignore_ascii_case("gguf"));
        let begins = what.starts_with(['/', '.', '~']);
        if ends || begins { Self::File(path) } else { Self::Model(what) }
    }
}

fn query(arguments: &InspectArguments) -> api::InspectQuery {
    api::InspectQuery {
        node: None,
        context: arguments.context,
        slots: arguments.slots,
        cache: arguments.cache.map(|cache| match cache {
            Cache::F16 => api::CacheFormat::F16,
            Cache::Q8_0 => api::CacheFormat::Q8_0,
            Cache::Q4_0 => api::CacheFormat::Q4_0,
        }),
        flash: None,
        gpu_layers: arguments.gpu_layers,
        language: Some(language(arguments.language)),
    }
}

fn language(wanted: Option<Tongue>) -> api::Language {
    let korean = || {
        let variables = ["LC_ALL", "LC_MESSAGES", "LANG"];
        let first =
            variables.iter().find_map(|name| std::env::var(name).ok().filter(|v| !v.is_empty()));
        first.is_some_and(|value| value.starts_with("ko"))
    };
    match wanted {
        Some(Tongue::Ko) => api::Language::Ko,
        Some(Tongue::En) => api::Language::En,
        None if korean() => api::Language::Ko,
        None => api::Language::En,
    }
}

async fn model(
    name: &str,
    arguments: &InspectArguments,
    global: &Global,
) -> Result<Inspection, Failure> {
    let name = input::model(name)?;
    let client = Client::find(global)?;
    let node = lookup::nodes(&client, arguments.node.as_slice()).await?.pop();
    let asked = query(arguments);
    let mut pairs: Vec<(&str, String)> = Vec::new();
    pairs.extend(node.map(|node| ("node", node)));
    pairs.extend(asked.context.map(|context| ("context", context.to_string())));
    pairs.extend(asked.slots.map(|slots| ("slots", slots.to_string())));
    pairs.extend(asked.gpu_layers.map(|layers| ("gpu_layers", layers.to_string())));
    let word = |value: serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    pairs.extend(asked.cache.map(|cache| ("cache", word(serde_json::json!(cache)))));
    pairs.extend(asked.language.map(|language| ("language", word(serde_json::json!(language)))));
    client.get_with(&["api", "v1", "models", name.as_str(), "inspect"], &pairs).await
}

/// The header of a file elsewhere, by its address; nothing of the weights is fetched.
async fn address(url: &str, arguments: &InspectArguments) -> Result<Inspection, Failure> {
    let inspection = ranged::read(url).await?;
    let name = url.rsplit('/').next().unwrap_or(url).to_owned();
    Ok(seen(&inspection, name, arguments))
}

/// As without a computer: what loading takes, but not whether it fits.
fn seen(
    inspection: &pumasi_models::inspect::Inspection,
    model: String,
    arguments: &InspectArguments,
) -> Inspection {
    let query = query(arguments);
    let plan = planned(&query, &EngineConfig::default(), inspection);
    let language = query.language.unwrap_or_default();
    view(inspection, View { model, node: None, plan, nodes: &[], pace: None, language })
}

fn file(path: &Path, arguments: &InspectArguments) -> Result<Inspection, Failure> {
    let inspection = inspecting::read(path).map_err(|fault| refused(path, &fault))?;
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    Ok(seen(&inspection, name, arguments))
}

fn refused(path: &Path, fault: &ModelFault) -> Failure {
    let kind = match fault.code() {
        "model_not_found" => Kind::NotFound,
        "model_unreadable" => Kind::Io,
        _ => Kind::Data,
    };
    let path = escape(&path.to_string_lossy());
    if kind == Kind::NotFound {
        let sentence = format!("there is no file {path}: name a GGUF file, or a model of the mesh");
        return Failure::new(kind, fault.code(), sentence);
    }
    Failure::new(kind, fault.code(), format!("{path}: {}", escape(&fault.to_string())))
}

pub(super) async fn recommend(
    client: &Client,
    arguments: &RecommendArguments,
    output: &Output,
) -> Result<(), Failure> {
    let language = serde_json::json!(language(arguments.language));
    let pair = ("language", language.as_str().unwrap_or_default().to_owned());
    let told: api::Recommendations =
        client.get_with(&["api", "v1", "recommendations"], &[pair]).await?;
    if output.is_json() {
        return output.object(&told);
    }
    sheet::recommended(&told, output)
}
