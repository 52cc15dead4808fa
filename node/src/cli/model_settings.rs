//! `models set`: a model's settings on one computer, as `key=value`.

use pumasi_dialects::keep_alive_seconds;
use pumasi_protocol::KeepAlive;
use pumasi_web::api::{CacheFormat, ModelSettings, SettingsRequest, Switch};
use serde_json::{Value, json};

use super::arguments::{ModelSet, SettingArgument};
use super::client::Client;
use super::failure::Failure;
use super::output::Output;
use super::text::escape;
use super::{input, lookup};

/// Reads one `key=value`; an empty value leaves the setting to the computer.
pub(super) fn parse(text: &str) -> Result<SettingArgument, String> {
    const KNOWN: &str = "context, slots, threads, gpu_layers, cache, flash, drafts, ttl, pinned";
    let Some((key, value)) = text.split_once('=') else {
        return Err(format!("write KEY=VALUE; the keys are {KNOWN}"));
    };
    let mut trial = ModelSettings::default();
    apply(&mut trial, key, value).map_err(|wanted| match wanted {
        Some(wanted) => format!("{key} wants {wanted}"),
        None => format!("there is no setting {key}; there are {KNOWN}"),
    })?;
    Ok(SettingArgument { key: key.to_owned(), value: value.to_owned() })
}

/// The error says what the key wants; `None`: there is no such key.
fn apply(settings: &mut ModelSettings, key: &str, value: &str) -> Result<(), Option<&'static str>> {
    fn read<T>(
        value: &str,
        wanted: &'static str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, Option<&'static str>> {
        if value.is_empty() {
            return Ok(None);
        }
        parse(value).map(Some).ok_or(Some(wanted))
    }
    const SWITCH: &str = "auto, on or off";
    match key {
        "context" => {
            settings.context_tokens = read(value, "a number of tokens", |v| v.parse().ok())?;
        }
        "slots" => settings.slots = read(value, "a number from 1 to 64", |v| v.parse().ok())?,
        "threads" => settings.threads = read(value, "a number from 1 to 1024", |v| v.parse().ok())?,
        "gpu_layers" => settings.gpu_layers = read(value, "a number of layers, or all", layers)?,
        "cache" => settings.cache = read(value, "f16, q8_0 or q4_0", cache)?,
        "flash" => settings.flash = read(value, SWITCH, switch)?,
        "drafts" => settings.drafts = read(value, SWITCH, switch)?,
        "ttl" => settings.ttl_s = read(value, "a time as in 10m or 1h30m, or forever", ttl)?,
        "pinned" => settings.pinned = read(value, "yes or no", yes_or_no)?,
        _ => return Err(None),
    }
    Ok(())
}

fn layers(text: &str) -> Option<u32> {
    if text == "all" { Some(crate::config::ALL_LAYERS) } else { text.parse().ok() }
}

fn cache(text: &str) -> Option<CacheFormat> {
    match text {
        "f16" => Some(CacheFormat::F16),
        "q8_0" => Some(CacheFormat::Q8_0),
        "q4_0" => Some(CacheFormat::Q4_0),
        _ => None,
    }
}

fn switch(text: &str) -> Option<Switch> {
    match text {
        "auto" => Some(Switch::Auto),
        "on" => Some(Switch::On),
        "off" => Some(Switch::Off),
        _ => None,
    }
}

fn ttl(text: &str) -> Option<i64> {
    if text == "forever" {
        return Some(-1);
    }
    match keep_alive_seconds(text)? {
        KeepAlive::Forever => Some(-1),
        KeepAlive::Seconds(seconds) => Some(seconds.into()),
    }
}

fn yes_or_no(text: &str) -> Option<bool> {
    match text {
        "yes" | "true" | "on" => Some(true),
        "no" | "false" | "off" => Some(false),
        _ => None,
    }
}

pub(super) async fn set(client: &Client, set: &ModelSet, output: &Output) -> Result<(), Failure> {
    let model = input::model(&set.place.model)?;
    let node = lookup::nodes(client, set.place.node.as_slice()).await?.pop();
    let path = ["api", "v1", "models", model.as_str(), "settings"];
    let query: Vec<(&str, String)> = node.iter().map(|node| ("node", node.clone())).collect();
    let mut settings: ModelSettings = client.get_with(&path, &query).await?;
    if !set.settings.is_empty() {
        for SettingArgument { key, value } in &set.settings {
            apply(&mut settings, key, value).expect("clap has tried it");
        }
        let body = SettingsRequest { node, settings };
        settings = client.post(&path, &body).await?;
    }
    if output.is_json() {
        return output.object(&settings);
    }
    show(&settings, set.place.node.as_deref(), model.as_str(), output);
    Ok(())
}

fn show(settings: &ModelSettings, node: Option<&str>, model: &str, output: &Output) {
    let place = node.map_or("this computer".to_owned(), escape);
    let Value::Object(fields) = json!(settings) else { return };
    let said: Vec<String> = fields
        .iter()
        .filter(|(_, value)| !value.is_null())
        .map(|(key, value)| format!("{key}={}", value.to_string().trim_matches('"')))
        .collect();
    if said.is_empty() {
        output.note(&format!("{model} on {place}: every setting is left to the computer"));
    } else {
        output.note(&format!("{model} on {place}: {}", said.join(" ")));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn applied(words: &[&str]) -> ModelSettings {
        let mut settings = ModelSettings::default();
        for word in words {
            let argument = parse(word).expect("a setting");
            apply(&mut settings, &argument.key, &argument.value).expect("a setting");
        }
        settings
    }

    #[test]
    fn every_setting_has_a_word() {
        let all = applied(&[
            "context=8192",
            "slots=4",
            "threads=2",
            "gpu_layers=all",
            "cache=q8_0",
            "flash=on",
            "drafts=off",
            "ttl=1h30m",
            "pinned=yes",
        ]);
        let expected = ModelSettings {
            context_tokens: Some(8_192),
            slots: Some(4),
            threads: Some(2),
            gpu_layers: Some(999),
            cache: Some(CacheFormat::Q8_0),
            flash: Some(Switch::On),
            drafts: Some(Switch::Off),
            ttl_s: Some(5_400),
            pinned: Some(true),
        };
        assert_eq!(all, expected);
        assert_eq!(applied(&["slots=4", "slots=", "ttl=forever"]).ttl_s, Some(-1));
        assert_eq!(applied(&["slots=4", "slots="]).slots, None);
    }

    #[test]
    fn what_is_wrong_is_told_with_what_is_wanted() {
        let told = |text| parse(text).expect_err("it is wrong");
        assert_eq!(told("slots=many"), "slots wants a number from 1 to 64");
        assert_eq!(told("cache=q5"), "cache wants f16, q8_0 or q4_0");
        assert!(told("slot=4").starts_with("there is no setting slot; there are context, slots"));
        assert!(told("pinned").starts_with("write KEY=VALUE"));
    }
}
