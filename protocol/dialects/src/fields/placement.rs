//! The field `pumasi`: where a request may run and whether somebody waits. Ours, so always strict. And
//! what it wants of the places that answer, which is [`crate::preferences`]' business.

use pumasi_protocol::{Constraints, KeepAlive, NodeId, Priority, Trust, limits as protocol_limits};

use super::keep_alive;
use crate::invalid::{Invalid, Reason};
use crate::json::{Ignored, Object, Value};
use crate::preferences::{self, Preferences};

/// Where a request may go.
#[derive(Debug, Default)]
pub(crate) struct Placement {
    pub(crate) constraints: Constraints,
    pub(crate) priority: Option<Priority>,
    pub(crate) preferences: Option<Box<Preferences>>,
    pub(crate) keep_alive: Option<KeepAlive>,
}

pub(crate) fn parse(body: &mut Object<'_>) -> Result<Placement, Invalid> {
    let preferences = preferences::parse(body)?;
    let keep_alive = keep_alive::parse(body)?;
    let Some(value) = body.take("pumasi") else {
        return Ok(Placement { preferences, keep_alive, ..Placement::default() });
    };
    let mut object = value.object()?;
    let constraints = Constraints {
        only: object.optional("only", nodes)?.unwrap_or_default(),
        not: object.optional("not", nodes)?.unwrap_or_default(),
        local_only: object.flag("local_only")?,
        trust: object.optional("trust", trust)?.unwrap_or_default(),
    };
    let priority = object.optional("priority", priority)?;
    object.finish(&mut Ignored::new(true))?;
    Ok(Placement { constraints, priority, preferences, keep_alive })
}

fn nodes(value: &Value<'_>) -> Result<Vec<NodeId>, Invalid> {
    let node = |id: &Value<'_>| id.string()?.parse().map_err(|_| id.fail(Reason::NodeId));
    value.array(protocol_limits::CONSTRAINT_NODES)?.iter().map(node).collect()
}

fn trust(value: &Value<'_>) -> Result<Trust, Invalid> {
    match value.string()?.as_str() {
        "mine" => Ok(Trust::Mine),
        "mesh" => Ok(Trust::Mesh),
        _ => Err(value.fail(Reason::UnknownValue { allowed: "mine, mesh" })),
    }
}

fn priority(value: &Value<'_>) -> Result<Priority, Invalid> {
    match value.string()?.as_str() {
        "interactive" => Ok(Priority::Interactive),
        "batch" => Ok(Priority::Batch),
        _ => Err(value.fail(Reason::UnknownValue { allowed: "interactive, batch" })),
    }
}
