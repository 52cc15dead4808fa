//! Settings of this node's models, as people and other members change them, and how long each stays.

use pumasi_protocol::message::{Request, Response};
use pumasi_protocol::{
    AttemptId, KeepAlive, ModelAdvert, ModelName, ModelSettings, ModelState, NodeAdvert, NodeId,
    Refusal,
};
use pumasi_scheduler::{Input, Residence};
use pumasi_web::mesh::ModelError;
use tokio::sync::oneshot;

use super::Core;
use super::event::Event;
use crate::models::LocalModel;

/// Name of the row with a model's settings.
fn row(model: &ModelName) -> String {
    format!("model settings {model}")
}

/// What came of a question about a model's settings.
pub(crate) type Told = Result<ModelSettings, ModelError>;

impl Core {
    /// Takes over the models that were found, with what is kept of each.
    pub(super) fn plan_models(&mut self, models: Vec<LocalModel>) {
        for model in &models {
            match self.store.setting(&row(&model.name)) {
                Ok(None) => {}
                Ok(Some(text)) => match serde_json::from_str(&text) {
                    Ok(settings) => drop(self.tuned.insert(model.name.clone(), settings)),
                    Err(error) => {
                        tracing::warn!(model = %model.name, %error, "its settings are unreadable")
                    }
                },
                Err(error) => {
                    tracing::warn!(model = %model.name, %error, "its settings are unreadable")
                }
            }
        }
        self.models = models.into_iter().map(|model| (model.name.clone(), model)).collect();
        let names: Vec<ModelName> = self.models.keys().cloned().collect();
        names.iter().for_each(|name| self.plan(name));
    }

    /// Plans a model anew by its settings.
    fn plan(&mut self, name: &ModelName) {
        let settings = self.tuned.get(name).cloned().unwrap_or_default();
        let plan = self.config.engine.for_model(&settings);
        if let Some(local) = self.models.get_mut(name) {
            local.set_plan(plan);
        }
        self.fleet.set_plan(name, &plan);
    }

    /// Tells the scheduler which models are pinned, and has them loaded.
    pub(super) fn pin_models(&mut self) {
        let pinned = self.models.values().filter(|model| model.plan.pinned && model.model.is_ok());
        for model in pinned.map(|model| model.name.clone()).collect::<Vec<_>>() {
            self.tell(Input::Pin { model: model.clone(), pinned: true });
            self.tell(Input::Preload { model });
        }
    }

    pub(super) fn settings_of(
        &self,
        model: ModelName,
        node: Option<NodeId>,
        reply: oneshot::Sender<Told>,
    ) {
        match node.filter(|node| *node != self.me) {
            None => drop(reply.send(self.settings_here(&model))),
            Some(node) => self.ask_settings(node, Request::Settings(model), None, reply),
        }
    }

    pub(super) fn settings_here(&self, model: &ModelName) -> Told {
        let known = self.models.contains_key(model).then(|| self.tuned.get(model).cloned());
        known.map(Option::unwrap_or_default).ok_or(ModelError::NotFound)
    }

    pub(super) fn set_or_ask(
        &mut self,
        model: ModelName,
        settings: ModelSettings,
        node: Option<NodeId>,
        reply: oneshot::Sender<Told>,
    ) {
        match node.filter(|node| *node != self.me) {
            None => self.set_here(model, settings, reply),
            Some(node) => {
                let request = Request::Set(model, Box::new(settings.clone()));
                self.ask_settings(node, request, Some(settings), reply);
            }
        }
    }

    /// Keeps a model's settings, and then follows them.
    pub(super) fn set_here(
        &mut self,
        model: ModelName,
        settings: ModelSettings,
        reply: oneshot::Sender<Told>,
    ) {
        if !self.models.contains_key(&model) {
            return drop(reply.send(Err(ModelError::NotFound)));
        }
        if let Err(fault) = settings.check() {
            return drop(reply.send(Err(ModelError::Settings(fault))));
        }
        let text = serde_json::to_string(&settings).expect("settings are plain numbers and words");
        let text = (settings != ModelSettings::default()).then_some(text);
        let (store, events) = (self.store.clone(), self.events.clone());
        tokio::spawn(async move {
            let kept = match store.set_setting(&row(&model), text).await {
                Ok(()) => Ok(settings.clone()),
                Err(error) => {
                    tracing::error!(%model, %error, "a model's settings could not be kept");
                    Err(ModelError::NotKept)
                }
            };
            if kept.is_ok() {
                // At the node's end nobody listens any more.
                let _ = events.send(Event::Tuned(model, Box::new(settings))).await;
            }
            drop(reply.send(kept));
        });
    }

    /// The settings are on the disk: what is loaded otherwise goes once it is idle, and comes back
    /// as it is to be.
    pub(super) fn on_tuned(&mut self, model: &ModelName, settings: ModelSettings) {
        let pinned = settings.pinned.unwrap_or(false);
        let before = self.tuned.insert(model.clone(), settings.clone()).unwrap_or_default();
        self.plan(model);
        self.tell_local();
        self.tell(Input::Pin { model: model.clone(), pinned });
        let loaded = matches!(self.residence(model), Some(Residence::Loaded | Residence::Loading));
        if loaded && before.loads_unlike(&settings) {
            self.tell(Input::Release { model: model.clone() });
        } else if pinned {
            self.tell(Input::Preload { model: model.clone() });
        }
    }

    fn ask_settings(
        &self,
        node: NodeId,
        request: Request,
        set: Option<ModelSettings>,
        reply: oneshot::Sender<Told>,
    ) {
        if self.roster.as_ref().is_none_or(|roster| !roster.contains(&node)) {
            return drop(reply.send(Err(ModelError::UnknownNode)));
        }
        let net = self.net.clone();
        tokio::spawn(async move {
            let answer = match (net.request(node, request).await, set) {
                (Ok(Response::Settings(settings)), None) => Ok(*settings),
                (Ok(Response::Done), Some(settings)) => Ok(settings),
                (Ok(Response::NotFound), _) => Err(ModelError::NotFound),
                (Ok(Response::Refused(Refusal::Stale)), _) => Err(ModelError::NotKept),
                (Ok(Response::Refused(_)), _) => Err(ModelError::NotAllowed),
                (Ok(_) | Err(_), _) => Err(ModelError::Unreachable),
            };
            drop(reply.send(answer));
        });
    }

    /// Answers a member that sets a model of this node.
    pub(super) fn take_settings(
        &mut self,
        model: ModelName,
        settings: ModelSettings,
        reply: oneshot::Sender<Response>,
    ) {
        let (told, kept) = oneshot::channel();
        self.set_here(model, settings, told);
        tokio::spawn(async move {
            let response = match kept.await {
                Ok(Ok(_)) => Response::Done,
                Ok(Err(ModelError::NotFound)) => Response::NotFound,
                Ok(Err(ModelError::NotKept)) | Err(_) => Response::Refused(Refusal::Stale),
                Ok(Err(_)) => Response::Refused(Refusal::Unsupported),
            };
            drop(reply.send(response));
        });
    }

    /// A program says how long a model is to stay, wherever it is loaded.
    pub(super) fn keep_everywhere(&mut self, model: &ModelName, keep: KeepAlive) {
        let is_loaded = |advert: &NodeAdvert| {
            let loaded = |held: &ModelAdvert| matches!(held.state, ModelState::Loaded { .. });
            advert.models.iter().any(|held| held.name == *model && loaded(held))
        };
        let nodes = self.scheduler.view().nodes();
        let others = nodes.iter().filter(|(_, known)| known.advert.is_some_and(is_loaded));
        let others: Vec<NodeId> =
            others.map(|(node, _)| *node).filter(|node| *node != self.me).collect();
        for node in others {
            self.keep_at(node, model.clone(), keep);
        }
        if self.fleet.expires_ms(model).is_some() {
            self.fleet.keep(model, keep);
        }
    }

    /// A request may say how long its model is to stay; whoever runs it is told.
    pub(super) fn keep_as_asked(
        &mut self,
        attempt: AttemptId,
        executor: NodeId,
        model: &ModelName,
    ) {
        let keep = self.owned.of_try(attempt.job).and_then(|job| job.run.keep_alive);
        if let Some(keep) = keep {
            self.keep_at(executor, model.clone(), keep);
        }
    }

    fn keep_at(&mut self, executor: NodeId, model: ModelName, keep: KeepAlive) {
        if executor == self.me {
            return self.fleet.keep(&model, keep);
        }
        let net = self.net.clone();
        // Who does not hear of it keeps the model as it does by itself.
        tokio::spawn(async move { net.request(executor, Request::Keep(model, keep)).await });
    }
}
