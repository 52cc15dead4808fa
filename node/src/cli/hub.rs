//! `search` and `hub`: what the hub has, and who asks it.

use pumasi_web::api::{HubCard, HubPage, HubRepo, HubTokenRequest, HubVariant};
use reqwest::Method;
use serde_json::json;

use super::arguments::{HubAction, SearchArguments, SearchSort};
use super::client::Client;
use super::failure::Failure;
use super::input;
use super::output::Output;
use super::table::{Align, Table};
use super::text::{bytes, escape};

pub(super) async fn search(
    client: &Client,
    arguments: &SearchArguments,
    output: &Output,
) -> Result<(), Failure> {
    let name = ("name", arguments.text.clone());
    if arguments.card {
        let card: HubCard = client.get_with(&["api", "v1", "hub", "card"], &[name]).await?;
        return if output.is_json() { output.object(&card) } else { lines(&card.text, output) };
    }
    if arguments.text.contains('/') {
        let repo: HubRepo = client.get_with(&["api", "v1", "hub", "repo"], &[name]).await?;
        return show_repo(&repo, output);
    }
    let sort = match arguments.sort {
        SearchSort::Downloads => "downloads",
        SearchSort::Likes => "likes",
        SearchSort::Recent => "recent",
        SearchSort::Trending => "trending",
    };
    let mut query = vec![
        ("q", arguments.text.clone()),
        ("sort", sort.to_owned()),
        ("limit", arguments.limit.to_string()),
    ];
    query.extend(arguments.author.clone().map(|author| ("author", author)));
    let page: HubPage = client.get_with(&["api", "v1", "hub", "search"], &query).await?;
    show_page(&page, output)
}

/// What others wrote, with nothing in it that a terminal would act on.
fn lines(text: &str, output: &Output) -> Result<(), Failure> {
    text.lines().try_for_each(|line| output.line(&escape(line)))
}

fn show_page(page: &HubPage, output: &Output) -> Result<(), Failure> {
    if output.is_json() {
        return output.object(page);
    }
    if page.data.is_empty() {
        output.note("the hub has no GGUF model of that name: try fewer words");
        return Ok(());
    }
    let mut table = Table::new([
        ("MODEL", Align::Left),
        ("PARAMETERS", Align::Right),
        ("DOWNLOADS", Align::Right),
        ("LIKES", Align::Right),
        ("LICENCE", Align::Left),
        ("GATED", Align::Left),
    ]);
    for found in &page.data {
        table.row([
            escape(&found.repo),
            found.parameters.map_or_else(|| "-".to_owned(), count),
            count(found.downloads),
            count(found.likes),
            found.licence.as_deref().map_or_else(|| "-".to_owned(), escape),
            if found.gated { "yes" } else { "-" }.to_owned(),
        ]);
    }
    table.print(output)?;
    output.note("list the files of one with `pumasi search OWNER/NAME`");
    Ok(())
}

/// 7,615,616,512 as `7.6B`.
fn count(number: u64) -> String {
    let (unit, word) = match number {
        1_000_000_000.. => (1_000_000_000, "B"),
        1_000_000.. => (1_000_000, "M"),
        10_000.. => (1_000, "k"),
        _ => return number.to_string(),
    };
    format!("{}.{}{word}", number / unit, number % unit * 10 / unit)
}

fn show_repo(repo: &HubRepo, output: &Output) -> Result<(), Failure> {
    if output.is_json() {
        return output.object(repo);
    }
    let licence = repo.licence.as_deref().unwrap_or("not said");
    output.line(&format!("{}  licence: {}", escape(&repo.page), escape(licence)))?;
    let mut table = Table::new([
        ("MODEL", Align::Left),
        ("SIZE", Align::Right),
        ("FITS", Align::Left),
        ("HERE", Align::Left),
    ]);
    for variant in &repo.variants {
        table.row([
            escape(&variant.model),
            bytes(variant.size_bytes),
            fits(variant).to_owned(),
            variant.held.as_deref().map_or_else(|| "-".to_owned(), escape),
        ]);
    }
    table.print(output)?;
    if repo.variants.is_empty() {
        output.note("there is no GGUF file: look for a repository whose name ends in -GGUF");
    }
    if repo.gated {
        output
            .note("its owners ask for their terms to be accepted: do so on that page, then log in");
    }
    Ok(())
}

fn fits(variant: &HubVariant) -> &'static str {
    match variant {
        HubVariant { verifiable: false, .. } => "no: no hash",
        HubVariant { projector: true, .. } => "no model by itself",
        HubVariant { disk_fits: false, .. } => "no: disk",
        HubVariant { fits: false, .. } => "no: memory",
        HubVariant { files, .. } if files.len() > 1 => "no: split",
        HubVariant { .. } => "yes",
    }
}

pub(super) async fn hub(
    find: impl FnOnce() -> Result<Client, Failure>,
    action: &HubAction,
    output: &Output,
) -> Result<(), Failure> {
    let token = match action {
        HubAction::Login => Some(input::from_stdin()?.trim().to_owned()),
        HubAction::Logout => None,
    };
    let has_token = token.is_some();
    let body = json!(HubTokenRequest { token });
    find()?.send(Method::POST, &["api", "v1", "hub", "token"], Some(body)).await?;
    if output.is_json() {
        return output.object(&json!({ "token": has_token }));
    }
    output.note(if has_token { "the token is kept" } else { "the token is forgotten" });
    Ok(())
}
