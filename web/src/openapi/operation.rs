//! One operation: a method at a path, who may use it, what it reads and answers.

use serde_json::{Map, Value, json};

use super::schemas::{Schemas, named, told};
use crate::api::{ErrorBody, KeyScope};

/// What opens an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Opens {
    /// Nothing is needed, apart from a key where other computers ask.
    Nothing,
    /// Nothing for programs of this computer; else a key with the scope `inference`.
    Programs,
    /// The install's token, or a key with this scope.
    Scope(KeyScope),
    /// The install's token only.
    Install,
}

impl Opens {
    pub(super) fn security(self) -> Value {
        let keys =
            [json!({ "bearer": [] }), json!({ "xApiKey": [] }), json!({ "xGoogApiKey": [] })];
        match self {
            Self::Nothing => json!([]),
            Self::Programs => [json!({})].into_iter().chain(keys).collect(),
            Self::Scope(_) | Self::Install => keys.into_iter().collect(),
        }
    }

    pub(super) fn scope(self) -> Option<&'static str> {
        match self {
            Self::Nothing => None,
            Self::Programs => Some(KeyScope::Inference.word()),
            Self::Scope(scope) => Some(scope.word()),
            Self::Install => Some("never"),
        }
    }
}

const JSON: &str = "application/json";

/// Makes a schema, and says what it refers to.
pub(super) type SchemaOf = Box<dyn Fn(&mut Schemas) -> Value>;

/// A request's body.
pub(super) struct Asked {
    pub(super) schema: SchemaOf,
    pub(super) required: bool,
    pub(super) media: &'static str,
}

/// One form in which an operation answers.
pub(super) struct Told {
    media: &'static str,
    schema: Option<SchemaOf>,
}

/// A parameter that is not part of the path.
pub(super) struct Parameter {
    name: &'static str,
    place: &'static str,
    about: &'static str,
    schema: Value,
}

/// A method at a path.
pub(super) struct Operation {
    pub(super) method: &'static str,
    /// As the router writes it.
    pub(super) path: &'static str,
    pub(super) id: &'static str,
    pub(super) tag: &'static str,
    pub(super) summary: &'static str,
    pub(super) opens: Opens,
    pub(super) asked: Option<Asked>,
    parameters: Vec<Parameter>,
    status: u16,
    told: Vec<Told>,
}

impl Operation {
    pub(super) fn new(
        method: &'static str,
        path: &'static str,
        id: &'static str,
        summary: &'static str,
    ) -> Self {
        Self {
            method,
            path,
            id,
            tag: "",
            summary,
            opens: Opens::Nothing,
            asked: None,
            parameters: Vec::new(),
            status: 200,
            told: Vec::new(),
        }
    }

    /// As one of a group, which opens like its others.
    pub(super) fn within(self, tag: &'static str, opens: Opens) -> Self {
        Self { tag, opens, ..self }
    }

    /// Reads a body.
    pub(super) fn reads(mut self, schema: impl Fn(&mut Schemas) -> Value + 'static) -> Self {
        self.asked = Some(Asked { schema: Box::new(schema), required: true, media: JSON });
        self
    }

    /// Reads a body that is a file.
    pub(super) fn reads_file(mut self) -> Self {
        let schema = |_: &mut Schemas| json!({ "type": "string", "format": "binary" });
        let (schema, media): (SchemaOf, _) = (Box::new(schema), "application/octet-stream");
        self.asked = Some(Asked { schema, required: true, media });
        self
    }

    /// Reads a body that may be missing.
    pub(super) fn may_read(mut self, schema: impl Fn(&mut Schemas) -> Value + 'static) -> Self {
        self.asked = Some(Asked { schema: Box::new(schema), required: false, media: JSON });
        self
    }

    /// Answers with JSON.
    pub(super) fn tells(self, schema: impl Fn(&mut Schemas) -> Value + 'static) -> Self {
        self.form("application/json", Some(Box::new(schema)))
    }

    /// Answers in pieces; each event's data is of this schema.
    pub(super) fn streams(
        self,
        media: &'static str,
        schema: impl Fn(&mut Schemas) -> Value + 'static,
    ) -> Self {
        self.form(media, Some(Box::new(schema)))
    }

    /// Answers with text.
    pub(super) fn tells_text(self, media: &'static str) -> Self {
        self.form(media, None)
    }

    fn form(mut self, media: &'static str, schema: Option<SchemaOf>) -> Self {
        self.told.push(Told { media, schema });
        self
    }

    /// With this status where all goes well.
    pub(super) fn status(self, status: u16) -> Self {
        Self { status, ..self }
    }

    pub(super) fn query(self, name: &'static str, kind: &'static str, about: &'static str) -> Self {
        self.parameter(Parameter { name, place: "query", about, schema: json!({ "type": kind }) })
    }

    pub(super) fn header(self, name: &'static str, about: &'static str) -> Self {
        let schema = json!({ "type": "string" });
        self.parameter(Parameter { name, place: "header", about, schema })
    }

    fn parameter(mut self, parameter: Parameter) -> Self {
        self.parameters.push(parameter);
        self
    }

    /// Those of the path, and the others.
    pub(super) fn parameters(&self) -> Vec<Value> {
        let within =
            self.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
        let of_path = within.map(|name| {
            json!({ "name": name.trim_start_matches('*'), "in": "path", "required": true,
                "schema": { "type": "string" } })
        });
        let others = self.parameters.iter().map(|parameter| {
            json!({ "name": parameter.name, "in": parameter.place, "required": false,
                "description": parameter.about, "schema": parameter.schema })
        });
        of_path.chain(others).collect()
    }

    pub(super) fn responses(&self, schemas: &mut Schemas) -> Value {
        let mut content = Map::new();
        for told in &self.told {
            let schema = match &told.schema {
                Some(schema) => schema(schemas),
                None => json!({ "type": "string" }),
            };
            content.insert(told.media.to_owned(), json!({ "schema": schema }));
        }
        let mut good = json!({ "description": "All went well." });
        if !content.is_empty() {
            good["content"] = content.into();
        }
        let error = self.errors(schemas);
        json!({
            self.status.to_string(): good,
            "default": {
                "description": "What went wrong, with a code and what to do next.",
                "content": { "application/json": { "schema": error } },
            },
        })
    }

    /// What the guard refuses before a route is known has our own form for everybody.
    fn errors(&self, schemas: &mut Schemas) -> Value {
        let ours = told::<ErrorBody>(schemas);
        let theirs: &[&str] = match self.tag {
            "Anthropic" => &["AnthropicError"],
            "Gemini" => &["GeminiError"],
            "Ollama" => &["OllamaError"],
            "Models" => &["AnthropicError", "GeminiError"],
            _ => return ours,
        };
        let all: Vec<Value> = theirs.iter().map(|name| named(name)).chain([ours]).collect();
        json!({ "anyOf": all })
    }
}
