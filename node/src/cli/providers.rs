//! `providers` and `route`: model services elsewhere, and when they are asked.

use std::collections::BTreeMap;

use pumasi_web::api::{
    Provider, ProviderKey, ProviderModel, ProviderRequest, ProviderState, Providers, Routing,
    RoutingChange, RoutingPolicy,
};
use reqwest::Method;

use super::arguments::{
    PolicyArgument, ProviderArguments, ProvidersAction, RouteArguments, Switch,
};
use super::client::Client;
use super::failure::Failure;
use super::input;
use super::outage;
use super::output::Output;
use super::sharing;
use super::table::{Align, Table};
use super::text::escape;

const PROVIDERS: [&str; 3] = ["api", "v1", "providers"];

pub(super) async fn providers(
    find: impl FnOnce() -> Result<Client, Failure>,
    action: Option<ProvidersAction>,
    output: &Output,
) -> Result<(), Failure> {
    match action {
        None => list(&find()?, false, output).await,
        Some(ProvidersAction::List { models }) => list(&find()?, models, output).await,
        Some(ProvidersAction::Kinds) => kinds(&find()?, output).await,
        Some(ProvidersAction::Add(arguments)) => add(find, arguments, output).await,
        Some(ProvidersAction::Check { provider }) => check(&find()?, &provider, output).await,
        Some(ProvidersAction::Share(arguments)) => {
            sharing::share(&find()?, arguments, output).await
        }
        Some(ProvidersAction::Remove { provider }) => remove(&find()?, &provider, output).await,
    }
}

async fn list(client: &Client, models: bool, output: &Output) -> Result<(), Failure> {
    let all: Providers = client.get(&PROVIDERS).await?;
    if output.is_json() {
        return output.object(&all);
    }
    if all.providers.is_empty() && all.elsewhere.is_empty() {
        return output.line("no provider yet: see `pumasi providers kinds` and `… providers add`");
    }
    if models {
        let own = all.providers.iter().flat_map(|one| &one.models);
        return show_models(own.chain(all.elsewhere.iter().flat_map(|one| &one.models)), output);
    }
    let mut table = Table::new([
        ("ID", Align::Left),
        ("KIND", Align::Left),
        ("WHERE", Align::Left),
        ("KEY", Align::Left),
        ("SHARED", Align::Left),
        ("MODELS", Align::Right),
        ("REQUESTS", Align::Right),
        ("FAILED", Align::Right),
        ("STATE", Align::Left),
    ]);
    for one in &all.providers {
        table.row([
            one.id.clone(),
            one.name.clone(),
            place(one),
            if one.has_key { "kept" } else { "-" }.to_owned(),
            sharing::word(&one.sharing),
            one.models.len().to_string(),
            one.models.iter().map(|model| model.requests).sum::<u64>().to_string(),
            one.models.iter().map(|model| model.failed).sum::<u64>().to_string(),
            standing(one),
        ]);
    }
    if !all.providers.is_empty() {
        table.print(output)?;
    }
    sharing::show_elsewhere(&all.elsewhere, output)
}

fn place(one: &Provider) -> String {
    match (one.found, one.outside) {
        (true, _) => "this computer, found by itself".to_owned(),
        (false, true) if one.keeps_nothing => "outside the office, keeps nothing".to_owned(),
        (false, true) => "outside the office".to_owned(),
        (false, false) => one.base.clone().unwrap_or_else(|| "this computer".to_owned()),
    }
}

/// The worst of its models.
fn standing(one: &Provider) -> String {
    let resting = one.models.iter().filter(|model| model.state != ProviderState::Ready).count();
    match resting {
        0 => "ready".to_owned(),
        all if all == one.models.len() => "resting".to_owned(),
        some => format!("{some} models rest"),
    }
}

fn show_models<'a>(
    models: impl Iterator<Item = &'a ProviderModel>,
    output: &Output,
) -> Result<(), Failure> {
    let mut table = Table::new([
        ("MODEL", Align::Left),
        ("CONTEXT", Align::Right),
        ("STATE", Align::Left),
        ("FIRST BYTE", Align::Right),
        ("TOKENS/S", Align::Right),
        ("$ IN / OUT", Align::Right),
        ("LAST FAULT", Align::Left),
    ]);
    let dash = || "-".to_owned();
    for model in models {
        let price = model.price_in.zip(model.price_out);
        table.row([
            model.name.clone(),
            model.context_tokens.map_or_else(dash, |tokens| tokens.to_string()),
            state(model),
            model.first_byte_ms.map_or_else(dash, |ms| format!("{ms:.0} ms")),
            model.tokens_per_s.map_or_else(dash, |rate| format!("{rate:.0}")),
            price.map_or_else(dash, |(input, out)| format!("{input} / {out}")),
            model.last_fault.clone().unwrap_or_else(dash),
        ]);
    }
    table.print(output)
}

fn state(model: &ProviderModel) -> String {
    let word = match model.state {
        ProviderState::Ready => "ready",
        ProviderState::Resting => "rests",
        ProviderState::Trying => "is tried again",
        ProviderState::HeldBack => "asked us to wait",
    };
    model.retry_s.map_or_else(|| word.to_owned(), |s| format!("{word}, {s} s more"))
}

async fn kinds(client: &Client, output: &Output) -> Result<(), Failure> {
    let all: Providers = client.get(&PROVIDERS).await?;
    if output.is_json() {
        return output.object(&all.kinds);
    }
    let mut table = Table::new([
        ("KIND", Align::Left),
        ("NAME", Align::Left),
        ("ADDRESS", Align::Left),
        ("KEY", Align::Left),
        ("MAKE A KEY AT", Align::Left),
    ]);
    for kind in all.kinds {
        let key = match kind.key {
            ProviderKey::Required => "needed",
            ProviderKey::Optional => "if it wants one",
            ProviderKey::None => "none",
        };
        table.row([
            kind.id,
            kind.name,
            kind.base.unwrap_or_else(|| "give it with --base".to_owned()),
            key.to_owned(),
            kind.keys_at.unwrap_or_else(|| "-".to_owned()),
        ]);
    }
    table.print(output)
}

async fn add(
    find: impl FnOnce() -> Result<Client, Failure>,
    arguments: ProviderArguments,
    output: &Output,
) -> Result<(), Failure> {
    let client = find()?;
    let key = match arguments.no_key {
        true => None,
        false => {
            output.note("the provider's key, and then Ctrl-D:");
            Some(input::from_stdin()?.trim().to_owned()).filter(|key| !key.is_empty())
        }
    };
    let request = ProviderRequest {
        kind: arguments.kind,
        id: arguments.id,
        base: arguments.base,
        key,
        models: arguments.models,
        keeps_nothing: arguments.keeps_nothing.map(is_on),
    };
    let one: Provider = client.post(&PROVIDERS, &request).await?;
    if output.is_json() {
        return output.object(&one);
    }
    output.line(&match one.models.first() {
        Some(first) => format!(
            "{} is set up with {} models; ask for one as in `pumasi chat --model {}`",
            one.id,
            one.models.len(),
            first.name
        ),
        None => format!(
            "{} is set up, but has listed no model: `pumasi providers check {}` says why",
            one.id, one.id
        ),
    })
}

async fn check(client: &Client, id: &str, output: &Output) -> Result<(), Failure> {
    let path = ["api", "v1", "providers", id, "check"];
    let one: Provider = client.answer_to(Method::POST, &path).await?;
    if output.is_json() { output.object(&one) } else { show_models(one.models.iter(), output) }
}

async fn remove(client: &Client, id: &str, output: &Output) -> Result<(), Failure> {
    client.send(Method::DELETE, &["api", "v1", "providers", id], None).await?;
    if output.is_json() {
        return output.object(&serde_json::json!({ "removed": id }));
    }
    output.line(&format!("{} is removed, and its key with it", escape(id)))
}

pub(super) async fn route(
    find: impl FnOnce() -> Result<Client, Failure>,
    arguments: RouteArguments,
    output: &Output,
) -> Result<(), Failure> {
    let named: Result<Vec<(String, Vec<String>)>, Failure> =
        arguments.aliases.iter().map(|text| alias(text)).collect();
    let named = named?;
    let client = find()?;
    let all: Providers = client.get(&PROVIDERS).await?;
    if arguments.report {
        return outage::report(&client, &all, output).await;
    }
    let stand_in = arguments.stand_in;
    let change = RoutingChange {
        policy: arguments.policy.map(policy_of),
        full_after_ms: arguments.full_after_ms,
        aliases: (!named.is_empty()).then(|| with(all.routing.aliases.clone(), named)),
        stand_in: (!stand_in.is_empty())
            .then(|| stand_in.into_iter().filter(|name| !name.is_empty()).collect()),
        find_local: arguments.find_local.map(is_on),
        rehearsal: arguments.rehearsal.map(is_on),
        retries: arguments.retries,
        retry_percent: arguments.retry_percent,
        retry_burst: arguments.retry_burst,
        wait_ms: arguments.wait_ms,
        hedge_after_ms: arguments.hedge_after_ms,
        hedge_paid: arguments.hedge_paid.map(is_on),
    };
    let routing: Routing = match change == RoutingChange::default() {
        true => all.routing,
        false => client.patch(&["api", "v1", "routing"], &change).await?,
    };
    if output.is_json() { output.object(&routing) } else { show_routing(&routing, output) }
}

fn is_on(switch: Switch) -> bool {
    switch == Switch::On
}

fn policy_of(policy: PolicyArgument) -> RoutingPolicy {
    match policy {
        PolicyArgument::MeshFirst => RoutingPolicy::MeshFirst,
        PolicyArgument::CloudFirst => RoutingPolicy::CloudFirst,
        PolicyArgument::CloudWhenFull => RoutingPolicy::CloudWhenFull,
        PolicyArgument::NeverCloud => RoutingPolicy::NeverCloud,
    }
}

/// `fast=groq/llama,starter-chat`; nothing behind the sign removes the name.
fn alias(text: &str) -> Result<(String, Vec<String>), Failure> {
    let usage =
        || Failure::usage("--alias takes NAME=MODEL,MODEL, as in fast=groq/llama,starter-chat");
    let (name, chain) = text.split_once('=').ok_or_else(usage)?;
    let chain = chain.split(',').filter(|model| !model.is_empty());
    Ok((name.to_owned(), chain.map(str::to_owned).collect()))
}

fn with(
    mut aliases: BTreeMap<String, Vec<String>>,
    named: Vec<(String, Vec<String>)>,
) -> BTreeMap<String, Vec<String>> {
    for (name, chain) in named {
        match chain.is_empty() {
            true => aliases.remove(&name),
            false => aliases.insert(name, chain),
        };
    }
    aliases
}

fn show_routing(routing: &Routing, output: &Output) -> Result<(), Failure> {
    let policy = match routing.policy {
        RoutingPolicy::MeshFirst => "the mesh first, a provider where that fails",
        RoutingPolicy::CloudFirst => "a provider first, the mesh where that fails",
        RoutingPolicy::CloudWhenFull => "the mesh, and a provider while the mesh is full",
        RoutingPolicy::NeverCloud => "nothing leaves the office",
    };
    output.line(&format!("a model that both have: {policy}"))?;
    if routing.rehearsal {
        output.line("rehearsal: providers outside the office count as down")?;
    }
    let stand_in = match routing.stand_in.is_empty() {
        true => "nobody".to_owned(),
        false => routing.stand_in.join(", "),
    };
    output.line(&format!("stands in where a provider fails: {stand_in}"))?;
    for (name, chain) in &routing.aliases {
        output.line(&format!("{name}: {}", chain.join(", then ")))?;
    }
    output.line(&tries(routing))?;
    let both = if routing.hedge_paid { "any two" } else { "two that are in the office" };
    match routing.hedge_after_ms {
        0 => output.line("a provider that is late: nobody else is asked")?,
        ms => output
            .line(&format!("a provider that is {ms} ms late: a second one is asked, {both}"))?,
    }
    let local = if routing.find_local { "found by themselves" } else { "not looked for" };
    output.line(&format!("model servers of this computer: {local}"))
}

fn tries(routing: &Routing) -> String {
    if routing.retries == 0 {
        return "providers that fail: not asked again for the same request".to_owned();
    }
    format!(
        "providers that fail: asked again up to {} times within {} ms, for {} % of the requests \
         and {} a minute",
        routing.retries, routing.wait_ms, routing.retry_percent, routing.retry_burst
    )
}
