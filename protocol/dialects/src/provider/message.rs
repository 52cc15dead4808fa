//! What the bodies for all providers share: JSON that travels as it was written, pictures in base64, and
//! the list of what was dropped.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pumasi_protocol::Generate;
use serde_json::Value;
use serde_json::value::RawValue;

use super::Unsayable;
use crate::fields::picture;

/// JSON text as it is.
pub(super) fn raw(text: &str) -> Result<Box<RawValue>, Unsayable> {
    RawValue::from_string(text.to_owned()).map_err(|_| Unsayable::Json)
}

/// A picture's media type and its bytes in base64.
pub(super) fn encoded(bytes: &[u8]) -> Result<(&'static str, String), Unsayable> {
    let kind = media_type(bytes).ok_or(Unsayable::Picture)?;
    Ok((kind, STANDARD.encode(bytes)))
}

/// What a picture is, by its first bytes: PNG, JPEG or WebP.
#[must_use]
pub fn media_type(bytes: &[u8]) -> Option<&'static str> {
    picture::media_type(bytes)
}

/// The shortest decimal number that is this one.
pub(super) fn decimal(value: f32) -> Value {
    value.to_string().parse::<f64>().map_or(Value::Null, Value::from)
}

/// Collects what has no words.
#[derive(Debug, Default)]
pub(super) struct Dropped(pub(super) Vec<&'static str>);

impl Dropped {
    pub(super) fn when(&mut self, dropped: bool, name: &'static str) {
        if dropped && !self.0.contains(&name) {
            self.0.push(name);
        }
    }

    /// What only OpenAI's API and its relatives have.
    pub(super) fn openais_own(&mut self, generate: &Generate) {
        let sampling = &generate.sampling;
        self.when(!sampling.logit_bias.is_empty(), "logit_bias");
        self.extensions(generate);
    }

    /// What no provider's own API has.
    pub(super) fn extensions(&mut self, generate: &Generate) {
        self.when(generate.sampling.min_p.is_some(), "min_p");
        self.when(generate.sampling.repeat_penalty.is_some(), "repeat_penalty");
        self.when(generate.ignore_eos, "ignore_eos");
    }
}
