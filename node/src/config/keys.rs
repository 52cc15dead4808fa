//! Each setting by its key: what it is, where that was said, and changing it in the file. The keys,
//! their variables and their defaults are read from the definition of [`Settings`], never listed twice.

use std::fs;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use clap::parser::ValueSource;
use clap::{Args, Command, FromArgMatches};
use serde::Serialize;
use toml_edit::{Array, DocumentMut, Item, Value};

use super::{Config, ConfigError, Places, Settings, file, resolve};

/// Where a setting was said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// Nowhere: what the program does by itself.
    Default,
    /// In `config.toml`.
    File,
    /// In the environment.
    Variable,
}

/// A setting as `config show` lists it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Setting {
    /// Its key in `config.toml`.
    pub key: String,
    /// What it is, as it was written; for a default, what the help says of it.
    pub value: String,
    /// Where that was said.
    pub origin: Origin,
    /// The environment variable that sets it.
    pub variable: String,
    /// One sentence of what it is for.
    pub about: String,
}

/// Why a setting was not changed.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    /// The file, or what it would become, cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A variable cannot be used; in clap's words.
    #[error("{0}")]
    Variable(String),
    /// There is no such setting.
    #[error("there is no setting {0}: `pumasi config show` lists all")]
    UnknownKey(String),
    /// The value is none for this setting; in the parser's words.
    #[error("{key} cannot be that ({reason}): `pumasi up --help` says what it takes")]
    Value {
        /// Which setting.
        key: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Writing failed; the file is as it was.
    #[error("{} cannot be written ({error}): correct its permissions", .path.display())]
    Unwritable {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        error: std::io::Error,
    },
}

/// The file that settings are read from and written to.
///
/// # Errors
/// When there is no home directory and no place was given.
pub fn path(places: &Places) -> Result<PathBuf, ConfigError> {
    file::path(places).ok_or(ConfigError::NoHome)
}

/// All settings, in the order of the help.
///
/// # Errors
/// When the file or a variable cannot be used.
pub fn list(places: &Places) -> Result<Vec<Setting>, ChangeError> {
    checked(places)?;
    let table = document(&path(places)?)?;
    let command = command();
    let matches = variables(&command)?;
    let setting = |argument: &clap::Arg| {
        let key = argument.get_id().as_str();
        let help = argument.get_help().map(ToString::to_string).unwrap_or_default();
        let (about, default) = help.rsplit_once(" [default: ").unwrap_or((&help, ""));
        let from_variable = matches.value_source(key) == Some(ValueSource::EnvVariable);
        let (value, origin) = match (from_variable, table.get(key)) {
            (true, _) => {
                let raw = matches.get_raw(key).into_iter().flatten();
                let words: Vec<_> = raw.map(|word| word.to_string_lossy()).collect();
                (words.join(","), Origin::Variable)
            }
            (false, Some(item)) => (plain(item), Origin::File),
            (false, None) => (default.trim_end_matches(']').to_owned(), Origin::Default),
        };
        let variable = argument.get_env().map(|name| name.to_string_lossy().into_owned());
        let (key, about) = (key.to_owned(), about.to_owned());
        Setting { key, value, origin, variable: variable.unwrap_or_default(), about }
    };
    Ok(command.get_arguments().filter(|argument| !argument.is_hide_set()).map(setting).collect())
}

/// What a node would run with now.
///
/// # Errors
/// When the file, a variable, or what both say together cannot be used.
pub fn checked(places: &Places) -> Result<Config, ChangeError> {
    let variables = Settings::from_arg_matches(&variables(&command())?)
        .map_err(|error| ChangeError::Variable(one_line(&error)))?;
    Ok(super::load(variables, places)?)
}

/// Writes a setting into the file, which keeps its comments and order; several values make a list.
/// Nothing is written unless a node could run with all that the file says then.
///
/// # Errors
/// When there is no such setting, it cannot be that, or the file cannot be written.
pub fn set(places: &Places, key: &str, values: &[String]) -> Result<PathBuf, ChangeError> {
    change(places, key, |document| {
        let takes_lists = command()
            .get_arguments()
            .any(|argument| argument.get_id() == key && argument.get_value_delimiter().is_some());
        let literal = |value: &String| value.parse::<Value>().ok();
        let text = |value: &String| Value::from(value.as_str());
        let wanted = |one: &dyn Fn(&String) -> Value| match values {
            [value] if !takes_lists => one(value),
            values => Value::Array(values.iter().map(one).collect::<Array>()),
        };
        // `8` may be a number or, for a name, a text: what the setting takes decides.
        let read = wanted(&|value| literal(value).unwrap_or_else(|| text(value)));
        let before = document.get(key).and_then(Item::as_value).map(|value| value.decor().clone());
        let put = |document: &mut DocumentMut, mut value: Value| {
            if let Some(decor) = &before {
                *value.decor_mut() = decor.clone();
            }
            document[key] = Item::Value(value);
        };
        put(document, read);
        if parsed(document).is_err() {
            put(document, wanted(&text));
        }
    })
}

/// Takes a setting out of the file, so that its default holds again.
///
/// # Errors
/// When there is no such setting, the rest cannot be used, or the file cannot be written.
pub fn unset(places: &Places, key: &str) -> Result<PathBuf, ChangeError> {
    change(places, key, |document| {
        document.remove(key);
    })
}

fn change(
    places: &Places,
    key: &str,
    edit: impl FnOnce(&mut DocumentMut),
) -> Result<PathBuf, ChangeError> {
    let is_key = |argument: &clap::Arg| argument.get_id() == key;
    if !command().get_arguments().any(is_key) {
        return Err(ChangeError::UnknownKey(key.to_owned()));
    }
    let path = path(places)?;
    let mut document = document(&path)?;
    edit(&mut document);
    let unusable = |reason: String| ChangeError::Value { key: key.to_owned(), reason };
    let settings = parsed(&document).map_err(|error| unusable(error.message().to_owned()))?;
    let data_dir = super::data_dir_of(places, &settings)?;
    resolve(settings, data_dir).map_err(|error| unusable(error.to_string()))?;
    let written = write(&path, &document.to_string());
    written.map_err(|error| ChangeError::Unwritable { path: path.clone(), error })?;
    Ok(path)
}

fn parsed(document: &DocumentMut) -> Result<Settings, toml::de::Error> {
    toml::from_str(&document.to_string())
}

/// The file's text, which is checked first; an absent one is empty.
fn document(path: &Path) -> Result<DocumentMut, ChangeError> {
    let text = match fs::read(path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(DocumentMut::new()),
        Err(error) => return Err(ConfigError::Unreadable { path: path.to_owned(), error }.into()),
    };
    file::parse(path, text.clone())?;
    let text = String::from_utf8_lossy(&text);
    text.parse().map_err(|error: toml_edit::TomlError| {
        let reason = error.message().to_owned();
        ConfigError::Malformed { path: path.to_owned(), line: 1, reason }.into()
    })
}

/// At once or not at all: a torn file would keep the node from starting.
fn write(path: &Path, text: &str) -> std::io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(text.as_bytes())?;
    if let Ok(before) = fs::metadata(path) {
        file.as_file().set_permissions(before.permissions())?;
    }
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}

/// A value as it was written, without the comment beside it.
fn plain(item: &Item) -> String {
    let mut value = item.clone();
    if let Some(value) = value.as_value_mut() {
        value.decor_mut().clear();
    }
    value.to_string().trim().to_owned()
}

fn command() -> Command {
    Settings::augment_args(Command::new("settings").no_binary_name(true).disable_help_flag(true))
}

fn variables(command: &Command) -> Result<clap::ArgMatches, ChangeError> {
    let none = std::iter::empty::<&str>();
    command
        .clone()
        .try_get_matches_from(none)
        .map_err(|error| ChangeError::Variable(one_line(&error)))
}

fn one_line(error: &clap::Error) -> String {
    let text = error.to_string();
    let first = text.lines().next().unwrap_or_default();
    first.strip_prefix("error: ").unwrap_or(first).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places() -> (tempfile::TempDir, Places) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let data_dir = Some(folder.path().to_owned());
        (folder, Places { config: None, data_dir })
    }

    fn value(places: &Places, key: &str) -> (String, Origin) {
        let all = list(places).expect("a good file");
        let one = all.into_iter().find(|setting| setting.key == key).expect("a setting");
        (one.value, one.origin)
    }

    #[test]
    fn every_key_of_the_file_is_listed_with_what_the_help_says() {
        let (_folder, places) = places();
        let all = list(&places).expect("no file is a good file");
        for setting in &all {
            assert!(setting.variable.starts_with("PUMASI_"), "{setting:?}");
            assert!(
                !setting.about.is_empty() && !setting.about.contains("[default"),
                "{setting:?}"
            );
        }
        assert_eq!(value(&places, "slots"), ("4".to_owned(), Origin::Default));
        assert_eq!(value(&places, "yield"), ("slow".to_owned(), Origin::Default));
        // What the file may say is what the table lists: an unknown key names all that are known.
        let refused = toml::from_str::<Settings>("nonsense = 1").expect_err("unknown");
        for setting in all {
            assert!(refused.message().contains(&format!("`{}`", setting.key)), "{setting:?}");
        }
    }

    #[test]
    fn what_is_set_is_written_beside_what_was_there() {
        let (folder, places) = places();
        let path = folder.path().join("config.toml");
        fs::write(&path, "# ours\nslots = 2 # few\n\n[later]\n").expect("written");
        assert!(matches!(set(&places, "slots", &["3".into()]), Err(ChangeError::Config(_))));
        fs::write(&path, "# ours\nslots = 2 # few\n").expect("written");
        set(&places, "slots", &["3".into()]).expect("good");
        set(&places, "name", &["8".into()]).expect("a text, though it looks like a number");
        set(&places, "peers", &["10.0.0.7".into()]).expect("a list of one");
        set(&places, "model_dirs", &["/a".into(), "/b".into()]).expect("a list");
        set(&places, "discovery", &["false".into()]).expect("a word of its own");
        let text = fs::read_to_string(&path).expect("it is there");
        assert!(text.starts_with("# ours\nslots = 3 # few\nname = \"8\"\n"), "{text}");
        assert_eq!(value(&places, "slots"), ("3".to_owned(), Origin::File));
        assert_eq!(value(&places, "model_dirs").0, r#"["/a", "/b"]"#);
        unset(&places, "slots").expect("good");
        assert_eq!(value(&places, "slots").1, Origin::Default);
    }

    #[test]
    fn what_no_node_could_run_with_is_not_written() {
        let (folder, places) = places();
        set(&places, "mesh_port", &["7000".into()]).expect("good");
        let path = folder.path().join("config.toml");
        let before = fs::read_to_string(&path).expect("it is there");
        for (key, value) in [
            ("slots", "0"),
            ("slots", "many"),
            ("http", "0.0.0.0:7862"),
            ("data_port", "7865"),
            ("lend", "whenever"),
        ] {
            let refused = set(&places, key, &[value.into()]);
            assert!(matches!(refused, Err(ChangeError::Value { .. })), "{key}: {refused:?}");
        }
        assert!(matches!(unset(&places, "slot"), Err(ChangeError::UnknownKey(_))));
        assert_eq!(fs::read_to_string(&path).expect("it is there"), before);
    }
}
