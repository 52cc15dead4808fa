//! `models`: what the mesh holds, and loading and unloading it with the progress in sight.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use pumasi_web::api::{
    Capability, List, Model, ModelPlace as Place, ModelState, PlaceRequest, Status,
};
use reqwest::Method;
use serde_json::json;

use super::arguments::{ModelAction, ModelPlace};
use super::client::Client;
use super::failure::{Failure, Kind};
use super::output::Output;
use super::table::{Align, Table};
use super::text::{bytes, escape};
use super::{copies, input, lookup, model_settings, stored};

/// Between two looks at a model that is loading.
const LOOK: Duration = Duration::from_millis(100);
/// How long an accepted load may take to begin.
const BEGIN: Duration = Duration::from_secs(10);

pub(super) async fn models(
    find: impl FnOnce() -> Result<Client, Failure>,
    action: Option<ModelAction>,
    output: &Output,
) -> Result<(), Failure> {
    match action {
        None | Some(ModelAction::List) => list_models(&find()?, output).await,
        Some(ModelAction::Load(place)) => place_model(find, &place, "load", output).await,
        Some(ModelAction::Copy(place)) => copies::copy(find, &place, output).await,
        Some(ModelAction::Set(set)) => model_settings::set(&find()?, &set, output).await,
        Some(ModelAction::Unload(place)) => place_model(find, &place, "unload", output).await,
        Some(ModelAction::Import(arguments)) => stored::import(find, &arguments, output).await,
        Some(ModelAction::Verify { model }) => stored::verify(&find()?, model, output).await,
        Some(ModelAction::Remove { model }) => stored::remove(&find()?, &model, output).await,
        Some(ModelAction::Pin { model }) => stored::pin(&find()?, &model, true, output).await,
        Some(ModelAction::Unpin { model }) => stored::pin(&find()?, &model, false, output).await,
        Some(ModelAction::Gc(arguments)) => stored::sweep(&find()?, &arguments, output).await,
        Some(ModelAction::Disk) => stored::disk(&find()?, output).await,
    }
}

async fn list_models(client: &Client, output: &Output) -> Result<(), Failure> {
    let models: List<Model> = client.get(&["api", "v1", "models"]).await?;
    if output.is_json() {
        return output.object(&models);
    }
    if models.data.is_empty() {
        output.note("no computer of the mesh holds a model: see `pumasi search` and `pumasi pull`");
        return Ok(());
    }
    let mut table = Table::new([
        ("MODEL", Align::Left),
        ("SIZE", Align::Right),
        ("CONTEXT", Align::Right),
        ("CAN", Align::Left),
        ("WHERE", Align::Left),
    ]);
    for model in &models.data {
        let can: Vec<&str> = model.capabilities.iter().map(|c| capability(*c)).collect();
        let held = model.places.iter();
        let held = held.map(|place| format!("{} ({})", place.node.name, state(place.state)));
        let provider = model.provider.as_deref().unwrap_or_default();
        let asked = model.at.iter().map(|node| format!("{provider} through {}", node.name));
        let places: Vec<String> = held.chain(asked).collect();
        table.row([
            model.name.as_str(),
            &bytes(model.size_bytes),
            &model.context_tokens.to_string(),
            &can.join(" "),
            &places.join(", "),
        ]);
    }
    table.print(output)
}

fn capability(capability: Capability) -> &'static str {
    match capability {
        Capability::Generate => "chat",
        Capability::Embed => "embed",
        Capability::Tools => "tools",
        Capability::Thinking => "think",
        Capability::Vision => "see",
        Capability::Image => "draw",
    }
}

fn state(state: ModelState) -> String {
    match state {
        ModelState::Held => "on disk".to_owned(),
        ModelState::Loading { permille } => format!("loading {} %", permille / 10),
        ModelState::Loaded { slots, busy } => format!("loaded, {busy}/{slots} busy"),
        ModelState::Unusable => "unusable".to_owned(),
    }
}

async fn place_model(
    find: impl FnOnce() -> Result<Client, Failure>,
    place: &ModelPlace,
    verb: &str,
    output: &Output,
) -> Result<(), Failure> {
    let model = input::model(&place.model)?;
    let client = find()?;
    let node = lookup::nodes(&client, place.node.as_slice()).await?.pop();
    let body = PlaceRequest { node: node.clone() };
    let path = ["api", "v1", "models", model.as_str(), verb];
    client.send(Method::POST, &path, Some(json!(body))).await?;
    if verb == "load" {
        loaded(&client, model.as_str(), node.as_deref(), output).await?;
    }
    if output.is_json() {
        return output.object(&json!({ "model": model, "node": node, "action": verb }));
    }
    let place = place.node.as_deref().map_or("this computer".to_owned(), escape);
    output.note(&format!("{model} is {verb}ed on {place}"));
    Ok(())
}

/// Waits until the model is loaded on the node (none: this one).
async fn loaded(
    client: &Client,
    model: &str,
    node: Option<&str>,
    output: &Output,
) -> Result<(), Failure> {
    let bar = bar(output);
    let asked = Instant::now();
    let mut began = false;
    loop {
        let held = find_place(client, model, node).await?;
        match held.map(|place| place.state) {
            Some(ModelState::Loaded { .. }) => break,
            Some(ModelState::Loading { permille }) => {
                began = true;
                bar.set_position(permille.into());
            }
            Some(ModelState::Held) if !began && asked.elapsed() < BEGIN => {}
            Some(ModelState::Held | ModelState::Unusable) | None => {
                bar.finish_and_clear();
                let sentence = format!("{model} could not be loaded: `pumasi doctor` says more");
                return Err(Failure::new(Kind::Software, "load_failed", sentence));
            }
        }
        tokio::time::sleep(LOOK).await;
    }
    bar.finish_and_clear();
    Ok(())
}

fn bar(output: &Output) -> ProgressBar {
    if !output.is_lively() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("loading {wide_bar} {percent} %");
    ProgressBar::new(1_000).with_style(style.expect("the template is valid"))
}

async fn find_place(
    client: &Client,
    model: &str,
    node: Option<&str>,
) -> Result<Option<Place>, Failure> {
    let own;
    let node = if let Some(node) = node {
        node
    } else {
        let status: Status = client.get(&["api", "v1", "status"]).await?;
        own = status.node.id;
        &own
    };
    let models: List<Model> = client.get(&["api", "v1", "models"]).await?;
    let known = models.data.into_iter().find(|known| known.name == model);
    let places = known.into_iter().flat_map(|known| known.places);
    Ok(places.into_iter().find(|place| place.node.id == node))
}
