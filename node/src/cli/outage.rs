//! `route --report`: what would fail if every provider outside the office were down. The interface says
//! the same of a rehearsal (`web/ui/src/lib/providers/routing.ts`).

use std::collections::BTreeSet;

use pumasi_web::api::{List, Model, Providers};
use serde::Serialize;

use super::client::Client;
use super::failure::Failure;
use super::output::Output;
use super::text::escape;

/// Names that are shown in a line each; the rest is counted.
const SHOWN: usize = 40;

/// What would be asked in vain, and who stands in.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Report {
    /// Providers outside the office, by id.
    outside: Vec<String>,
    /// The model of the mesh that answers instead, if one is set and there.
    stands_in: Option<String>,
    /// Models, and names that stand for models, with nobody in the office behind them.
    fails: Vec<String>,
}

/// Tells it.
pub(super) async fn report(
    client: &Client,
    all: &Providers,
    output: &Output,
) -> Result<(), Failure> {
    let models: List<Model> = client.get(&["api", "v1", "models"]).await?;
    let mesh = models.data.into_iter().filter(|model| model.provider.is_none());
    let report = Report::of(all, &mesh.map(|model| model.name).collect());
    if output.is_json() {
        return output.object(&report);
    }
    if report.outside.is_empty() {
        return output.line("no provider is outside the office: nothing would fail");
    }
    let names = report.outside.join(", ");
    output.line(&format!("if these were down: {}", escape(&names)))?;
    match (&report.stands_in, report.fails.is_empty()) {
        (_, true) => return output.line("nothing would fail"),
        (Some(name), false) => {
            return output
                .line(&format!("{} of the mesh would answer for all of them", escape(name)));
        }
        (None, false) => {
            output.line("these would fail, because no model of the mesh stands in:")?
        }
    }
    for name in report.fails.iter().take(SHOWN) {
        output.line(&format!("  {}", escape(name)))?;
    }
    if report.fails.len() > SHOWN {
        output.line(&format!("  and {} more", report.fails.len() - SHOWN))?;
    }
    output.note("`pumasi route --stand-in MODEL` names one; `--rehearsal on` tries it");
    Ok(())
}

/// A provider here or elsewhere, as far as this matters.
struct Asked<'a> {
    id: &'a str,
    outside: bool,
    models: Vec<&'a str>,
}

impl Report {
    fn of(all: &Providers, mesh: &BTreeSet<String>) -> Self {
        let own = all.providers.iter().map(|one| (&one.id, one.outside, &one.models));
        let far = all.elsewhere.iter().map(|one| (&one.id, one.outside, &one.models));
        let asked: Vec<Asked<'_>> = own
            .chain(far)
            .map(|(id, outside, models)| {
                let models = models.iter().map(|model| model.name.as_str()).collect();
                Asked { id, outside, models }
            })
            .collect();
        let outside: Vec<&Asked<'_>> = asked.iter().filter(|one| one.outside).collect();
        let stands_in = all.routing.stand_in.iter().find(|name| mesh.contains(*name)).cloned();
        let aliases = all.routing.aliases.iter().filter(|(_, chain)| {
            !outside.is_empty() && !chain.iter().any(|name| is_inside(&asked, name, mesh))
        });
        // Also one that lists nothing can be asked for a model by its name.
        let models = outside.iter().flat_map(|one| match one.models.is_empty() {
            true => vec![format!("{}/…", one.id)],
            false => one.models.iter().map(ToString::to_string).collect(),
        });
        Self {
            outside: outside.iter().map(|one| one.id.to_owned()).collect(),
            stands_in,
            fails: aliases.map(|(name, _)| name.clone()).chain(models).collect(),
        }
    }
}

/// Whether somebody in the office has it.
fn is_inside(asked: &[Asked<'_>], name: &str, mesh: &BTreeSet<String>) -> bool {
    let id = name.split_once('/').map(|(id, _)| id);
    let is_addressed = |one: &&Asked<'_>| {
        id.is_some_and(|id| one.id == id || one.id.split_once('.').is_some_and(|(s, _)| s == id))
    };
    let mut addressed = asked.iter().filter(is_addressed).peekable();
    if addressed.peek().is_some() {
        return addressed.any(|one| !one.outside);
    }
    let lists = |one: &Asked<'_>| {
        let whole = format!("{}/{name}", one.id);
        !one.outside && one.models.contains(&whole.as_str())
    };
    mesh.contains(name) || asked.iter().any(lists)
}

#[cfg(test)]
mod tests {
    use pumasi_web::api::{Provider, ProviderModel, ProviderState, Sharing};

    use super::*;

    fn provider(id: &str, outside: bool, models: &[&str]) -> Provider {
        let model = |name: &&str| ProviderModel {
            name: format!("{id}/{name}"),
            context_tokens: None,
            state: ProviderState::Ready,
            retry_s: None,
            requests: 0,
            failed: 0,
            first_byte_ms: None,
            tokens_per_s: None,
            last_fault: None,
            price_in: None,
            price_out: None,
        };
        Provider {
            id: id.to_owned(),
            kind: id.to_owned(),
            name: id.to_owned(),
            base: None,
            has_key: true,
            outside,
            found: false,
            keeps_nothing: false,
            only: Vec::new(),
            models: models.iter().map(model).collect(),
            sharing: Sharing::default(),
        }
    }

    fn report(change: impl FnOnce(&mut Providers)) -> Report {
        let providers = vec![
            provider("openai", true, &["gpt", "both"]),
            provider("azure", true, &[]),
            provider("lab", false, &["both"]),
        ];
        let mut all = Providers { providers, ..Providers::default() };
        change(&mut all);
        Report::of(&all, &BTreeSet::from(["starter".to_owned()]))
    }

    #[test]
    fn what_has_nobody_in_the_office_behind_it_would_fail() {
        let told = report(|all| {
            let chain = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
            all.routing.aliases.insert("fast".to_owned(), chain(&["openai/gpt", "starter"]));
            all.routing.aliases.insert("best".to_owned(), chain(&["openai/gpt"]));
            all.routing.aliases.insert("near".to_owned(), chain(&["both"]));
        });
        assert_eq!(told.outside, ["openai", "azure"]);
        assert_eq!(told.fails, ["best", "openai/gpt", "openai/both", "azure/…"]);
        assert_eq!(told.stands_in, None);
        let told =
            report(|all| all.routing.stand_in = vec!["gone".to_owned(), "starter".to_owned()]);
        assert_eq!(told.stands_in.as_deref(), Some("starter"));
        let told = report(|all| all.providers.retain(|one| !one.outside));
        assert_eq!((told.outside.len(), told.fails.len()), (0, 0));
    }
}
