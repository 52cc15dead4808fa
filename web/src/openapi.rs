//! The document of the HTTP API, as OpenAPI 3.1: what stands in it about `/api/v1` comes from the types
//! that are read and written; the formats of the dialects are their vendors' and are described in short.

mod operation;
mod operations;
mod schemas;

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

pub use crate::routes::paths;
use operation::Operation;
use schemas::Schemas;

const DESCRIPTION: &str = "One node of a Pumasi mesh: computers of one office that lend each other their \
    GPUs. The endpoints of OpenAI, Anthropic, Gemini and Ollama serve every model of the mesh. Programs \
    of this computer need no key for them; `/api/v1` wants the install's token or an API key with the \
    scope that `x-pumasi-scope` names, and `never` means that no key opens it. From other computers \
    everything wants a key. Names of models may hold slashes.";

/// The document.
#[must_use]
pub fn document() -> Value {
    let mut schemas = Schemas::new();
    let mut paths: BTreeMap<String, Map<String, Value>> = BTreeMap::new();
    for operation in operations::all() {
        let at = paths.entry(written(operation.path)).or_default();
        at.insert(operation.method.to_owned(), operation.write(&mut schemas));
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Pumasi",
            "version": env!("CARGO_PKG_VERSION"),
            "description": DESCRIPTION,
            "license": { "name": "Apache-2.0 OR MIT", "identifier": "Apache-2.0 OR MIT" },
        },
        "servers": [{ "url": "/" }],
        "tags": operations::tags(),
        "paths": paths,
        "components": { "schemas": schemas.into_components(), "securitySchemes": keys() },
    })
}

/// A path of the router as OpenAPI writes it: a wildcard is a parameter like any other.
#[must_use]
pub fn written(path: &str) -> String {
    path.replace("{*", "{")
}

fn keys() -> Value {
    let header = |name| json!({ "type": "apiKey", "in": "header", "name": name });
    json!({
        "bearer": { "type": "http", "scheme": "bearer" },
        "xApiKey": header("x-api-key"),
        "xGoogApiKey": header("x-goog-api-key"),
    })
}

impl Operation {
    fn write(&self, schemas: &mut Schemas) -> Value {
        let mut written = json!({
            "operationId": self.id,
            "tags": [self.tag],
            "summary": self.summary,
            "security": self.opens.security(),
            "responses": self.responses(schemas),
        });
        let parameters = self.parameters();
        if !parameters.is_empty() {
            written["parameters"] = parameters.into();
        }
        if let Some(asked) = &self.asked {
            let schema = (asked.schema)(schemas);
            written["requestBody"] = json!({
                "required": asked.required,
                "content": { asked.media: { "schema": schema } },
            });
        }
        if let Some(scope) = self.opens.scope() {
            written["x-pumasi-scope"] = scope.into();
        }
        written
    }
}
