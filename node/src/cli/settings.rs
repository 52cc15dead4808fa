//! `pumasi config`: the settings, where each was said, and the file they are kept in.

use serde_json::json;

use super::arguments::{ConfigAction, ConfigShowArguments, Global};
use super::failure::{Failure, Kind};
use super::output::Output;
use super::table::{Align, Table};
use super::text::escape;
use crate::config::keys::{self, ChangeError, Origin};

pub(super) fn config(
    action: Option<ConfigAction>,
    global: &Global,
    output: &Output,
) -> Result<(), Failure> {
    let places = global.places();
    let written = match action.unwrap_or(ConfigAction::Show(ConfigShowArguments::default())) {
        ConfigAction::Show(arguments) => return show(&arguments, global, output),
        ConfigAction::Check => {
            keys::checked(&places)?;
            let path = keys::path(&places)?;
            if output.is_json() {
                return output.object(&json!({ "usable": true, "file": path }));
            }
            return output.line("a node can start with these settings");
        }
        ConfigAction::Path => {
            let path = keys::path(&places)?;
            if output.is_json() {
                return output.object(&json!({ "file": path }));
            }
            return output.line(&escape(&path.to_string_lossy()));
        }
        ConfigAction::Set(arguments) => keys::set(&places, &arguments.key, &arguments.values)?,
        ConfigAction::Unset(arguments) => keys::unset(&places, &arguments.key)?,
    };
    if output.is_json() {
        return output.object(&json!({ "file": written }));
    }
    output.note(&format!(
        "written to {}; a node that runs takes it up at its next start",
        escape(&written.to_string_lossy())
    ));
    Ok(())
}

fn show(arguments: &ConfigShowArguments, global: &Global, output: &Output) -> Result<(), Failure> {
    let mut settings = keys::list(&global.places())?;
    settings.retain(|setting| !arguments.said || setting.origin != Origin::Default);
    if output.is_json() {
        let file = keys::path(&global.places())?;
        return output.object(&json!({ "file": file, "settings": settings }));
    }
    let mut table =
        Table::new([("setting", Align::Left), ("is", Align::Left), ("said in", Align::Left)]);
    for setting in &settings {
        let origin = match setting.origin {
            Origin::Default => "default",
            Origin::File => "file",
            Origin::Variable => &setting.variable,
        };
        table.row([&setting.key, &setting.value, origin]);
    }
    table.print(output)
}

impl From<ChangeError> for Failure {
    fn from(error: ChangeError) -> Self {
        let (kind, word) = match error {
            ChangeError::Config(error) => return error.into(),
            ChangeError::Variable(_) => (Kind::Config, "config"),
            ChangeError::UnknownKey(_) | ChangeError::Value { .. } => (Kind::Usage, "usage"),
            ChangeError::Unwritable { .. } => (Kind::Io, "unwritable"),
        };
        Self::new(kind, word, error.to_string())
    }
}
