//! Models of providers, of this node and of others, as the list of models shows them.

use std::collections::BTreeMap;

use pumasi_protocol::ModelName;
use pumasi_web::api;

use super::Router;
use super::place::Place;
use super::policy::Policy;
use super::show::{ALIAS, SHOWN_MODELS};

impl Router {
    /// `id/model`, once for all computers that have it, and each alias.
    pub(crate) fn models(&self, me: &api::NodeRef) -> Vec<api::Model> {
        if !self.is_needed() {
            return Vec::new();
        }
        let known = self.known();
        let outside = known.routing.rehearsal || known.routing.policy == Policy::NeverCloud;
        let open = known.places.iter().filter(|place| !(outside && place.is_outside()));
        let mut models: Vec<api::Model> = Vec::new();
        let mut found = BTreeMap::new();
        for (place, mut model) in open.flat_map(|place| models_of(place).map(move |m| (place, m))) {
            let far = place.far().map(|far| api::NodeRef::new(far.node, &far.name));
            let at = far.unwrap_or_else(|| me.clone());
            match found.get(&model.name) {
                Some(index) => {
                    let known: &mut api::Model = &mut models[*index];
                    known.at.push(at);
                    known.context_tokens = known.context_tokens.max(model.context_tokens);
                }
                None => {
                    model.at.push(at);
                    found.insert(model.name.clone(), models.len());
                    models.push(model);
                }
            }
        }
        let aliases = known.routing.aliases.keys();
        models.extend(aliases.map(|name| bare_model(name.to_string(), ALIAS, None, (true, false))));
        models
    }
}

/// Under the id that the provider has where it is.
fn models_of(place: &Place) -> impl Iterator<Item = api::Model> {
    let (models, id) = (place.models(), place.short().to_owned());
    let named = move |at: usize| {
        let info = models.get(at)?;
        let name: ModelName = format!("{id}/{}", info.name).parse().ok()?;
        let can = (info.chats != Some(false), info.embeds == Some(true));
        Some(bare_model(name.to_string(), &id, info.context, can))
    };
    (0..place.models().len()).filter_map(named).take(SHOWN_MODELS)
}

fn bare_model(
    name: String,
    provider: &str,
    context: Option<u32>,
    (chats, embeds): (bool, bool),
) -> api::Model {
    let can = [(chats, api::Capability::Generate), (embeds, api::Capability::Embed)];
    api::Model {
        name,
        engine: api::EngineKind::Cloud,
        size_bytes: 0,
        context_tokens: context.unwrap_or(0),
        capabilities: can.into_iter().filter_map(|(is, can)| is.then_some(can)).collect(),
        starter: false,
        created_s: 0,
        provider: Some(provider.to_owned()),
        at: Vec::new(),
        places: Vec::new(),
        best: None,
    }
}
