//! Schemas: of our own types as they are written and as they are read, and of the dialects by name.

use schemars::JsonSchema;
use schemars::generate::{SchemaGenerator, SchemaSettings};
use serde_json::{Map, Value, json};

/// The dialects' formats, as far as programs rely on them here.
const DIALECTS: &str = include_str!("dialects.json");

/// Collects what the operations refer to.
pub(super) struct Schemas {
    told: SchemaGenerator,
    asked: SchemaGenerator,
}

fn settings() -> SchemaSettings {
    SchemaSettings::draft2020_12().with(|settings| {
        settings.definitions_path = "/components/schemas".into();
        settings.meta_schema = None;
    })
}

impl Schemas {
    pub(super) fn new() -> Self {
        Self {
            told: settings().for_serialize().into_generator(),
            asked: settings().for_deserialize().into_generator(),
        }
    }

    /// All that was referred to, and all of the dialects.
    ///
    /// # Panics
    /// When a type is read otherwise than it is written: it would need two names.
    pub(super) fn into_components(mut self) -> Map<String, Value> {
        let mut all = self.told.take_definitions(true);
        for (name, schema) in self.asked.take_definitions(true) {
            let before = all.insert(name.clone(), schema.clone());
            let same = before.is_none_or(|before| before == schema);
            assert!(same, "{name} is read as it is written");
        }
        let dialects: Map<String, Value> =
            serde_json::from_str(DIALECTS).expect("it is part of the program, and tested");
        all.extend(dialects);
        all.sort_keys();
        all
    }
}

/// The schema of what an operation answers.
pub(super) fn told<T: JsonSchema>(schemas: &mut Schemas) -> Value {
    schemas.told.subschema_for::<T>().to_value()
}

/// The schema of what an operation reads.
pub(super) fn asked<T: JsonSchema>(schemas: &mut Schemas) -> Value {
    schemas.asked.subschema_for::<T>().to_value()
}

/// A schema of the dialects.
pub(super) fn named(name: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{name}") })
}

/// One of several.
pub(super) fn any_of(names: &[&str]) -> Value {
    json!({ "anyOf": names.iter().map(|name| named(name)).collect::<Vec<_>>() })
}
