//! What the dialects have in common: names, tools, pictures, thinking, times, and where a request may run.

pub(crate) mod calls;
pub(crate) mod keep_alive;
pub(crate) mod picture;
pub(crate) mod placement;
pub(crate) mod sampling;
pub(crate) mod thinking;
pub(crate) mod time;
pub(crate) mod tool;

use pumasi_protocol::ModelName;

use crate::invalid::{Invalid, Reason};
use crate::json::Value;

pub(crate) fn model_name(value: &Value<'_>) -> Result<ModelName, Invalid> {
    ModelName::try_from(value.string()?).map_err(|e| value.fail(Reason::ModelName(e)))
}
