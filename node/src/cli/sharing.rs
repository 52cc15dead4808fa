//! `providers share`: who else in the mesh may ask a provider through this computer.

use pumasi_web::api::{Provider, ProviderElsewhere, ShareRequest, ShareWith, Sharing};

use super::arguments::ShareArguments;
use super::client::Client;
use super::failure::Failure;
use super::output::Output;
use super::table::{Align, Table};
use super::text::escape;

/// Says so, or shows what holds where nothing is said.
pub(super) async fn share(
    client: &Client,
    arguments: ShareArguments,
    output: &Output,
) -> Result<(), Failure> {
    let (with, people) = wanted(&arguments.with)?;
    let request = ShareRequest {
        with,
        people,
        requests_per_minute: arguments.requests_a_minute,
        tokens_per_day: arguments.tokens_a_day,
    };
    let path = ["api", "v1", "providers", &arguments.provider, "share"];
    let one: Provider = client.post(&path, &request).await?;
    if output.is_json() {
        return output.object(&one);
    }
    output.line(&told(&one))?;
    if one.sharing.lent.is_empty() {
        return Ok(());
    }
    show_lent(&one.sharing, output)
}

/// `everyone`, `nobody`, or names of people.
fn wanted(with: &[String]) -> Result<(Option<ShareWith>, Option<Vec<String>>), Failure> {
    match with {
        [] => Ok((None, None)),
        [one] if one == "everyone" => Ok((Some(ShareWith::Everyone), None)),
        [one] if one == "nobody" => Ok((Some(ShareWith::Nobody), None)),
        names if names.iter().any(|name| name == "everyone" || name == "nobody") => {
            Err(Failure::usage("--with takes everyone, nobody, or names of people, not both"))
        }
        names => Ok((Some(ShareWith::People), Some(names.to_vec()))),
    }
}

fn told(one: &Provider) -> String {
    let Sharing { with, people, requests_per_minute, tokens_per_day, .. } = &one.sharing;
    let id = escape(&one.id);
    let whom = match with {
        ShareWith::Nobody => return format!("{id} is for this computer alone"),
        ShareWith::Everyone => "every member of the mesh".to_owned(),
        ShareWith::People => format!("the computers of {}", escape(&people.join(", "))),
    };
    let limit = |number: u64, what: &str| (number > 0).then(|| format!("{number} {what}"));
    let limits = [
        limit((*requests_per_minute).into(), "requests a minute"),
        limit(*tokens_per_day, "tokens a day"),
    ];
    let limits: Vec<String> = limits.into_iter().flatten().collect();
    match limits.is_empty() {
        true => format!("{id} is shared with {whom}, without a limit"),
        false => format!("{id} is shared with {whom}: {} for all together", limits.join(", ")),
    }
}

fn show_lent(sharing: &Sharing, output: &Output) -> Result<(), Failure> {
    let mut table = Table::new([
        ("USED TODAY BY", Align::Left),
        ("COMPUTER", Align::Left),
        ("REQUESTS", Align::Right),
        ("TOKENS", Align::Right),
        ("$", Align::Right),
    ]);
    for row in &sharing.lent {
        table.row([
            row.person.clone().unwrap_or_else(|| "-".to_owned()),
            row.node.name.clone(),
            row.requests.to_string(),
            row.tokens.to_string(),
            row.cost_usd.map_or_else(|| "?".to_owned(), |cost| format!("{cost:.4}")),
        ]);
    }
    table.print(output)
}

/// One word for the list of providers.
pub(super) fn word(sharing: &Sharing) -> String {
    match sharing.with {
        ShareWith::Nobody => "-".to_owned(),
        ShareWith::Everyone => "everyone".to_owned(),
        ShareWith::People => sharing.people.join(", "),
    }
}

/// Providers of other computers.
pub(super) fn show_elsewhere(all: &[ProviderElsewhere], output: &Output) -> Result<(), Failure> {
    if all.is_empty() {
        return Ok(());
    }
    let mut table = Table::new([
        ("THROUGH", Align::Left),
        ("ID", Align::Left),
        ("KIND", Align::Left),
        ("WHERE", Align::Left),
        ("MODELS", Align::Right),
        ("STATE", Align::Left),
    ]);
    for one in all {
        let place = if one.outside { "outside the office" } else { "in the office" };
        table.row([
            one.node.name.clone(),
            one.id.clone(),
            one.name.clone(),
            place.to_owned(),
            one.models.len().to_string(),
            if one.spent { "used up for today" } else { "ready" }.to_owned(),
        ]);
    }
    output.line("")?;
    table.print(output)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whom_it_is_shared_with_is_one_word_or_names() {
        let texts = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
        let read = |names: &[&str]| wanted(&texts(names)).ok();
        assert_eq!(read(&[]), Some((None, None)));
        assert_eq!(read(&["everyone"]), Some((Some(ShareWith::Everyone), None)));
        assert_eq!(read(&["nobody"]), Some((Some(ShareWith::Nobody), None)));
        let people = Some((Some(ShareWith::People), Some(texts(&["kim", "lee"]))));
        assert_eq!(read(&["kim", "lee"]), people);
        assert_eq!(read(&["everyone", "kim"]), None);
    }
}
