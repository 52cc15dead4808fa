//! What a model's file is: read here, or asked of a member that holds it.

use pumasi_models::inspect::Inspection;
use pumasi_protocol::message::{Request, Response};
use pumasi_protocol::{ModelName, NodeId, limits};
use pumasi_scheduler::Link;
use pumasi_web::mesh::ModelError;
use tokio::sync::oneshot;

use super::Core;

/// An inspection, and whose file it is of.
pub(crate) type Inspected = Result<(NodeId, Box<Inspection>), ModelError>;

impl Core {
    /// Reads or asks; `node`: that one's file and no other.
    pub(super) fn inspect(
        &self,
        model: ModelName,
        node: Option<NodeId>,
        reply: oneshot::Sender<Inspected>,
    ) {
        let me = self.me;
        if node.is_none_or(|node| node == me)
            && let Some(local) = self.models.get(&model)
        {
            let path = local.path.clone();
            tokio::task::spawn_blocking(move || {
                let read = crate::inspecting::read(&path);
                let told = read.map(|model| (me, Box::new(model))).map_err(|fault| {
                    tracing::info!(%fault, "a model that was to be inspected cannot be read");
                    ModelError::Damaged
                });
                // Whoever does not wait for the answer any more does not need it.
                drop(reply.send(told));
            });
            return;
        }
        match self.holder(&model, node) {
            Ok(holder) => self.ask_inspection(holder, model, reply),
            Err(error) => drop(reply.send(Err(error))),
        }
    }

    /// A member that holds the model and can be reached.
    fn holder(&self, model: &ModelName, node: Option<NodeId>) -> Result<NodeId, ModelError> {
        let views = self.scheduler.view().nodes();
        if let Some(node) = node {
            let known = self.roster.as_ref().is_some_and(|roster| roster.contains(&node));
            if node == self.me {
                return Err(ModelError::NotFound);
            }
            return if known { Ok(node) } else { Err(ModelError::UnknownNode) };
        }
        let holds = |advert: &pumasi_protocol::NodeAdvert| {
            advert.models.iter().any(|held| held.name == *model)
        };
        let mut held = false;
        for (id, view) in &views {
            if *id == self.me || !view.advert.is_some_and(holds) {
                continue;
            }
            held = true;
            if matches!(view.link, Link::Up { .. }) {
                return Ok(*id);
            }
        }
        Err(if held { ModelError::Unreachable } else { ModelError::NotFound })
    }

    fn ask_inspection(&self, node: NodeId, model: ModelName, reply: oneshot::Sender<Inspected>) {
        let net = self.net.clone();
        tokio::spawn(async move {
            let told = match net.request(node, Request::Inspect(model)).await {
                Ok(Response::Inspection(bytes)) => {
                    let heard = Inspection::hear(&bytes);
                    heard.map(|model| (node, Box::new(model))).ok_or(ModelError::Damaged)
                }
                Ok(Response::NotFound) => Err(ModelError::NotFound),
                Ok(Response::Refused(_)) => Err(ModelError::Damaged),
                Ok(_) | Err(_) => Err(ModelError::Unreachable),
            };
            drop(reply.send(told));
        });
    }

    /// Answers a member that asks about a file of this node.
    pub(super) fn tell_inspection(&self, model: &ModelName, reply: oneshot::Sender<Response>) {
        let Some(local) = self.models.get(model) else {
            return drop(reply.send(Response::NotFound));
        };
        let path = local.path.clone();
        tokio::task::spawn_blocking(move || {
            let told = crate::inspecting::read(&path).ok().and_then(|model| model.tell());
            let told = told.filter(|bytes| bytes.len() <= limits::INSPECTION_BYTES);
            let refused = Response::Refused(pumasi_protocol::Refusal::ModelAbsent);
            drop(reply.send(told.map_or(refused, Response::Inspection)));
        });
    }
}
