//! `keys`: API keys for programs, on this computer and on others.

use std::time::Duration;

use pumasi_web::api::{Key, KeyChange, KeyRequest, KeyScope, KeyState, List, NewKey, Status};
use reqwest::Method;

use super::arguments::{KeyArguments, KeyChangeArguments, KeysAction, Scope};
use super::client::Client;
use super::failure::{Failure, Kind};
use super::input;
use super::mesh::until;
use super::output::Output;
use super::table::{Align, Table};
use super::text::{Span, escape, span};

const KEYS: [&str; 3] = ["api", "v1", "keys"];

pub(super) async fn keys(
    find: impl FnOnce() -> Result<Client, Failure>,
    action: Option<KeysAction>,
    output: &Output,
) -> Result<(), Failure> {
    match action {
        None | Some(KeysAction::List) => list(&find()?, output).await,
        Some(KeysAction::Create(arguments)) => create(find, arguments, output).await,
        Some(KeysAction::Change(arguments)) => change(find, arguments, output).await,
        Some(KeysAction::Revoke { key }) => revoke(&find()?, &key, output).await,
    }
}

async fn list(client: &Client, output: &Output) -> Result<(), Failure> {
    let keys: List<Key> = client.get(&KEYS).await?;
    if output.is_json() {
        return output.object(&keys);
    }
    let mut table = Table::new([
        ("ID", Align::Left),
        ("NAME", Align::Left),
        ("PERSON", Align::Left),
        ("OPENS", Align::Left),
        ("STATE", Align::Left),
        ("ENDS IN", Align::Right),
        ("LIMITS", Align::Left),
        ("REQUESTS", Align::Right),
        ("TOKENS", Align::Right),
        ("LAST USED", Align::Right),
    ]);
    for key in &keys.data {
        table.row([
            key.id.clone(),
            key.name.clone(),
            key.person.clone(),
            scopes(key),
            state(key).to_owned(),
            key.expires_ms.map_or("-".to_owned(), |end| span(until(end))),
            limits(key),
            key.requests.to_string(),
            key.tokens.to_string(),
            key.last_used_ms.map_or("never".to_owned(), |at| format!("{} ago", span(since(at)))),
        ]);
    }
    table.print(output)
}

fn since(unix_ms: u64) -> Duration {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.unwrap_or_default().saturating_sub(Duration::from_millis(unix_ms))
}

fn scopes(key: &Key) -> String {
    key.scopes.iter().map(|scope| scope.word()).collect::<Vec<_>>().join(",")
}

fn state(key: &Key) -> &'static str {
    match key.state {
        KeyState::Active => "active",
        KeyState::Expired => "expired",
        KeyState::Revoked => "revoked",
    }
}

fn limits(key: &Key) -> String {
    let parts = [
        key.requests_per_min.map(|count| format!("{count}/min")),
        key.tokens_per_min.map(|count| format!("{count} tokens/min")),
        key.tokens_per_day.map(|count| format!("{count} tokens/day")),
        key.tokens_in_all.map(|count| format!("{count} tokens")),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    if parts.is_empty() { "-".to_owned() } else { parts.join(", ") }
}

async fn create(
    find: impl FnOnce() -> Result<Client, Failure>,
    arguments: KeyArguments,
    output: &Output,
) -> Result<(), Failure> {
    let person = arguments.person.as_deref().map(input::name).transpose()?;
    let request = KeyRequest {
        name: input::name(&arguments.name)?.into(),
        person: person.map(String::from),
        scopes: some(&arguments.scopes),
        valid_s: arguments.expires.map(seconds).transpose()?,
        requests_per_min: arguments.rpm,
        tokens_per_min: arguments.tpm,
        tokens_per_day: arguments.tokens_per_day,
        tokens_in_all: arguments.tokens,
    };
    let client = find()?;
    let made: NewKey = client.post(&KEYS, &request).await?;
    if output.is_json() {
        return output.object(&made);
    }
    output.note(&format!(
        "The key {} opens {} for {}. This is its secret; it is shown this once:",
        made.key.id,
        scopes(&made.key),
        escape(&made.key.person)
    ));
    output.line(&escape(&made.secret))?;
    let status: Status = client.get(&["api", "v1", "status"]).await?;
    if status.endpoint.is_none() {
        output.note(
            "Programs of other computers are not served yet: start the node with \
             --http-public 0.0.0.0:7866 for that.",
        );
    }
    Ok(())
}

fn some(scopes: &[Scope]) -> Option<Vec<KeyScope>> {
    let scopes: Vec<KeyScope> = scopes.iter().copied().map(key_scope).collect();
    (!scopes.is_empty()).then_some(scopes)
}

fn key_scope(scope: Scope) -> KeyScope {
    match scope {
        Scope::Inference => KeyScope::Inference,
        Scope::Jobs => KeyScope::Jobs,
        Scope::View => KeyScope::View,
        Scope::Models => KeyScope::Models,
        Scope::Operate => KeyScope::Operate,
    }
}

fn seconds(span: Span) -> Result<u32, Failure> {
    u32::try_from(span.0.as_secs()).map_err(|_| Failure::usage("--expires is too long"))
}

async fn change(
    find: impl FnOnce() -> Result<Client, Failure>,
    arguments: KeyChangeArguments,
    output: &Output,
) -> Result<(), Failure> {
    let name = arguments.name.as_deref().map(input::name).transpose()?;
    let request = KeyChange {
        name: name.map(String::from),
        scopes: some(&arguments.scopes),
        valid_s: arguments.expires.map(seconds).transpose()?,
        requests_per_min: arguments.rpm,
        tokens_per_min: arguments.tpm,
        tokens_per_day: arguments.tokens_per_day,
        tokens_in_all: arguments.tokens,
    };
    if request == KeyChange::default() {
        return Err(Failure::usage("say what to change: --scope, --expires, --rpm, --tpm …"));
    }
    let client = find()?;
    let id = look_up(&client, &arguments.key).await?;
    let key: Key = client.patch(&["api", "v1", "keys", &id], &request).await?;
    told(&key, "was changed", output)
}

async fn revoke(client: &Client, key: &str, output: &Output) -> Result<(), Failure> {
    let id = look_up(client, key).await?;
    let key: Key = client.answer_to(Method::DELETE, &["api", "v1", "keys", &id]).await?;
    told(&key, "opens nothing any more", output)
}

fn told(key: &Key, what: &str, output: &Output) -> Result<(), Failure> {
    if output.is_json() {
        return output.object(key);
    }
    output.note(&format!("the key {} ({}) {what}", escape(&key.name), escape(&key.id)));
    Ok(())
}

/// The id of the one key that this is the id, a beginning of the id, or the name of.
async fn look_up(client: &Client, text: &str) -> Result<String, Failure> {
    let keys: List<Key> = client.get(&KEYS).await?;
    let named = |key: &&Key| key.name == text && key.state != KeyState::Revoked;
    let begun = |key: &&Key| !text.is_empty() && key.id.starts_with(text);
    let mut found: Vec<&Key> = keys.data.iter().filter(begun).collect();
    if found.is_empty() {
        found = keys.data.iter().filter(named).collect();
    }
    match found.as_slice() {
        [key] => Ok(key.id.clone()),
        [] => {
            let sentence = format!(
                "there is no API key {}: `pumasi keys list` lists what there is",
                escape(text)
            );
            Err(Failure::new(Kind::NotFound, "key_not_found", sentence))
        }
        several => {
            let sentence = format!(
                "{} API keys are meant by {}: say which by its id",
                several.len(),
                escape(text)
            );
            Err(Failure::new(Kind::Data, "ambiguous", sentence))
        }
    }
}
