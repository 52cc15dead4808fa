//! The mesh as the HTTP face sees it: every question goes to the node's loop and waits for its answer.

mod clinic;
mod conversations;
mod examine;
mod record;
mod uploads;

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use pumasi_dialects::Counts;
use pumasi_protocol::custody::Blob;
use pumasi_protocol::{BlobId, JobId, KeepAlive, ModelName, ModelSettings, NodeId};
use pumasi_web::api;
use pumasi_web::keys::{KeyError, KeyRow};
use pumasi_web::mesh::{
    AdmissionError, AuditError, AuditFilter, Caller, ConversationError, ConversationFilter,
    JobFilter, JobLookupError, Kept, LendError, Mesh, ModelError, ProviderError, Relay, Relayed,
    RemoveError, Repeat, Run, RunError, Running, UsageError,
};
use pumasi_web::meters::{Minute, Spent, UsageKey};
use tokio::sync::{broadcast, mpsc, oneshot};

use crate::audit::Notes;
use crate::benchmarks;
use crate::config::Config;
use crate::core::event::{Ask, Event};
use crate::net::NetHandle;
use crate::pace;
use crate::router::Router;
use crate::runtime;
use crate::stock::Stock;
use crate::store::{Store, StoreError};
use crate::usage::UsageBook;
pub(crate) use uploads::Uploads;

/// Asks the loop.
pub(crate) struct Gateway {
    pub(crate) events: mpsc::Sender<Event>,
    pub(crate) changes: broadcast::Sender<api::Event>,
    pub(crate) net: NetHandle,
    pub(crate) store: Store,
    pub(crate) notes: Notes,
    pub(crate) config: Config,
    pub(crate) running: runtime::Running,
    pub(crate) router: Arc<Router>,
    pub(crate) usage: UsageBook,
    pub(crate) stock: Stock,
    pub(crate) uploads: Uploads,
    /// One examination at a time: each sends packets.
    pub(crate) examining: tokio::sync::Mutex<()>,
    /// One measurement at a time.
    pub(crate) measuring: Arc<tokio::sync::Mutex<pace::Known>>,
    /// What it says while the node is stopping and nobody answers.
    pub(crate) stopping: api::Status,
}

impl Gateway {
    /// Puts a question to the loop; `None` when the node is stopping.
    async fn ask<T>(&self, question: impl FnOnce(oneshot::Sender<T>) -> Ask) -> Option<T> {
        let (reply, answer) = oneshot::channel();
        self.events.send(Event::Ask(question(reply))).await.ok()?;
        answer.await.ok()
    }

    fn me(&self) -> api::NodeRef {
        api::NodeRef::new(self.net.me(), self.config.name.as_str())
    }
}

#[async_trait]
impl Mesh for Gateway {
    async fn status(&self) -> api::Status {
        self.ask(Ask::Status).await.unwrap_or_else(|| self.stopping.clone())
    }

    async fn nodes(&self) -> Vec<api::Node> {
        self.ask(Ask::Nodes).await.unwrap_or_default()
    }

    async fn models(&self) -> Vec<api::Model> {
        let mut models = self.ask(Ask::Models).await.unwrap_or_default();
        models.extend(self.router.models(&self.me()));
        models
    }

    async fn jobs(&self, caller: &Caller, filter: JobFilter) -> Vec<api::Job> {
        let mesh = self.ask(|reply| Ask::Jobs(caller.clone(), filter, reply)).await;
        let mut jobs = mesh.unwrap_or_default();
        let routed = self.router.jobs(&self.me(), caller, filter.limit);
        jobs.extend(routed.into_iter().filter(|job| !(filter.live && job.state.is_terminal())));
        jobs.sort_by_key(|job| std::cmp::Reverse(job.accepted_ms));
        jobs.truncate(filter.limit);
        jobs
    }

    async fn job(&self, caller: &Caller, job: JobId) -> Result<api::Job, JobLookupError> {
        if let Ok(routed) = self.router.job(&self.me(), caller, job) {
            return Ok(routed);
        }
        let answer = self.ask(|reply| Ask::Job(caller.clone(), job, reply)).await;
        answer.unwrap_or(Err(JobLookupError::Unreachable))
    }

    async fn why(&self, caller: &Caller, job: JobId) -> Result<api::Why, JobLookupError> {
        if let Ok(why) = self.router.explain(caller, job) {
            return Ok(why);
        }
        let answer = self.ask(|reply| Ask::Why(caller.clone(), job, reply)).await;
        answer.unwrap_or(Err(JobLookupError::Unreachable))
    }

    async fn cancel(&self, caller: &Caller, job: JobId) -> Result<(), JobLookupError> {
        let answer = self.ask(|reply| Ask::Cancel(caller.clone(), job, reply)).await;
        answer.unwrap_or(Err(JobLookupError::Unreachable))
    }

    async fn adopt(&self, caller: &Caller, job: JobId) -> Result<(), JobLookupError> {
        let answer = self.ask(|reply| Ask::Adopt(caller.clone(), job, reply)).await;
        answer.unwrap_or(Err(JobLookupError::Unreachable))
    }

    async fn submit(&self, run: Run, repeat: Option<Repeat>) -> Result<api::Job, RunError> {
        let answer = self.ask(|reply| Ask::Submit(Box::new(run), repeat, reply)).await;
        answer.unwrap_or(Err(RunError::Stopping))
    }

    async fn keep_document(&self, bytes: Bytes) -> Result<Blob, RunError> {
        self.uploads.keep(&self.store, bytes).await
    }

    async fn document(&self, id: BlobId) -> Option<Blob> {
        let store = self.store.clone();
        let found = tokio::task::spawn_blocking(move || store.open_file(id).ok().flatten()).await;
        found.ok().flatten().map(|(_, bytes)| Blob { id, bytes })
    }

    async fn forget(&self, caller: &Caller, job: JobId) -> Result<(), JobLookupError> {
        let answer = self.ask(|reply| Ask::Forget(caller.clone(), job, reply)).await;
        answer.unwrap_or(Err(JobLookupError::Unreachable))
    }

    async fn result(&self, caller: &Caller, job: JobId) -> Result<Kept, JobLookupError> {
        let answer = self.ask(|reply| Ask::Result(caller.clone(), job, reply)).await;
        answer.unwrap_or(Err(JobLookupError::Unreachable))
    }

    async fn run(&self, run: Run) -> Result<Running, RunError> {
        if let Some(routed) = self.router.run(&run) {
            return routed;
        }
        let answer = self.ask(|reply| Ask::Run(Box::new(run), reply)).await;
        answer.unwrap_or(Err(RunError::Stopping))
    }

    fn has_providers(&self) -> bool {
        self.router.is_needed()
    }

    async fn relay(&self, relay: &Relay) -> Result<Relayed, RunError> {
        self.router.relay(relay).await
    }

    fn account(&self, job: JobId, counts: Counts) {
        self.router.account(job, counts);
    }

    async fn providers(&self) -> api::Providers {
        self.router.providers().await
    }

    async fn set_provider(
        &self,
        request: api::ProviderRequest,
    ) -> Result<api::Provider, ProviderError> {
        self.router.set_provider(request).await
    }

    async fn remove_provider(&self, id: &str) -> Result<(), ProviderError> {
        self.router.remove_provider(id).await
    }

    async fn check_provider(&self, id: &str) -> Result<api::Provider, ProviderError> {
        self.router.check_provider(id).await
    }

    async fn share_provider(
        &self,
        id: &str,
        request: api::ShareRequest,
    ) -> Result<api::Provider, ProviderError> {
        self.router.share_provider(id, request).await
    }

    async fn set_routing(&self, change: api::RoutingChange) -> Result<api::Routing, ProviderError> {
        self.router.set_routing(change).await
    }

    async fn load(&self, model: &ModelName, node: Option<NodeId>) -> Result<(), ModelError> {
        let answer = self.ask(|reply| Ask::Load(model.clone(), node, reply)).await;
        answer.unwrap_or(Err(ModelError::Unreachable))
    }

    async fn copy(&self, model: &ModelName, node: Option<NodeId>) -> Result<(), ModelError> {
        let answer = self.ask(|reply| Ask::Copy(model.clone(), node, reply)).await;
        answer.unwrap_or(Err(ModelError::Unreachable))
    }

    async fn copies(&self) -> Vec<api::Copy> {
        self.ask(Ask::Copies).await.unwrap_or_default()
    }

    async fn stop_copy(&self, model: &ModelName) -> Result<(), ModelError> {
        let answer = self.ask(|reply| Ask::StopCopy(model.clone(), reply)).await;
        answer.unwrap_or(Err(ModelError::Unreachable))
    }

    async fn unload(&self, model: &ModelName, node: Option<NodeId>) -> Result<(), ModelError> {
        let answer = self.ask(|reply| Ask::Unload(model.clone(), node, reply)).await;
        answer.unwrap_or(Err(ModelError::Unreachable))
    }

    async fn inspect(
        &self,
        model: &ModelName,
        query: api::InspectQuery,
    ) -> Result<api::Inspection, ModelError> {
        examine::inspect(self, model, query).await
    }

    async fn recommend(&self, language: api::Language) -> api::Recommendations {
        examine::recommend(self, language).await
    }

    async fn settings(
        &self,
        model: &ModelName,
        node: Option<NodeId>,
    ) -> Result<ModelSettings, ModelError> {
        let answer = self.ask(|reply| Ask::Settings(model.clone(), node, reply)).await;
        answer.unwrap_or(Err(ModelError::Unreachable))
    }

    async fn set(
        &self,
        model: &ModelName,
        settings: ModelSettings,
        node: Option<NodeId>,
    ) -> Result<ModelSettings, ModelError> {
        let ask = |reply| Ask::Set(model.clone(), settings, node, reply);
        self.ask(ask).await.unwrap_or(Err(ModelError::Unreachable))
    }

    async fn benchmarks(&self) -> Result<Vec<api::Benchmark>, ModelError> {
        benchmarks::list(&self.store)
    }

    async fn keep_benchmarks(&self, rows: Vec<api::Benchmark>) -> Result<(), ModelError> {
        benchmarks::keep(&self.store, rows).await
    }

    async fn keep(&self, model: &ModelName, keep: KeepAlive) {
        // At the node's end there is nothing to keep.
        let _ = self.ask(|reply| Ask::Keep(model.clone(), keep, reply)).await;
    }

    fn stock(&self) -> &dyn pumasi_web::mesh::Stock {
        &self.stock
    }

    async fn invitations(&self) -> Vec<api::Invitation> {
        self.ask(Ask::Invitations).await.unwrap_or_default()
    }

    async fn invite(
        &self,
        request: api::InviteRequest,
    ) -> Result<api::InvitationToken, AdmissionError> {
        let answer = self.ask(|reply| Ask::Invite(request, reply)).await;
        answer.unwrap_or(Err(AdmissionError::Unreachable))
    }

    async fn withdraw(&self, id: &str) -> Result<(), AdmissionError> {
        let answer = self.ask(|reply| Ask::Withdraw(id.to_owned(), reply)).await;
        answer.unwrap_or(Err(AdmissionError::Unreachable))
    }

    async fn join(&self, token: &str) -> Result<api::Joined, AdmissionError> {
        let answer = self.ask(|reply| Ask::Join(token.to_owned(), reply)).await;
        answer.unwrap_or(Err(AdmissionError::Unreachable))
    }

    async fn pairing(&self) -> api::Pairing {
        let silent = api::Pairing { own: None, may_approve: false, asking: Vec::new() };
        self.ask(Ask::Pairing).await.unwrap_or(silent)
    }

    async fn ask_in(&self, again: bool) -> Result<api::Pairing, AdmissionError> {
        let answer = self.ask(|reply| Ask::LookIn(again, reply)).await;
        answer.unwrap_or(Err(AdmissionError::Unreachable))
    }

    async fn approve(&self, request: api::ApproveRequest) -> Result<api::Approved, AdmissionError> {
        let answer = self.ask(|reply| Ask::Approve(request, reply)).await;
        answer.unwrap_or(Err(AdmissionError::Unreachable))
    }

    async fn found(&self, request: api::FoundRequest) -> Result<api::Joined, AdmissionError> {
        let answer = self.ask(|reply| Ask::FoundMesh(request, reply)).await;
        answer.unwrap_or(Err(AdmissionError::Unreachable))
    }

    async fn remove(
        &self,
        node: NodeId,
        request: api::RemoveRequest,
    ) -> Result<api::Removed, RemoveError> {
        let answer = self.ask(|reply| Ask::Remove(node, request, reply)).await;
        answer.unwrap_or(Err(RemoveError::Stopping))
    }

    async fn lend(&self, request: api::LendRequest) -> Result<api::Lending, LendError> {
        let answer = self.ask(|reply| Ask::Lend(request, reply)).await;
        answer.unwrap_or(Err(LendError::Stopping))
    }

    async fn keep_key(&self, row: KeyRow) -> Result<(), KeyError> {
        let noted = record::noted(&row);
        self.store.put_key(row.terms, row.instead_of, noted).await.map_err(|error| {
            tracing::warn!(%error, "an API key could not be written down");
            KeyError::Store
        })?;
        // Without listeners there is nobody to tell.
        let _ = self.changes.send(api::Event::Key { key: Box::new(row.shown) });
        Ok(())
    }

    async fn audit(
        &self,
        caller: &Caller,
        filter: AuditFilter,
    ) -> Result<Vec<api::AuditEntry>, AuditError> {
        record::audit(self, caller, filter).await
    }

    async fn conversations(
        &self,
        filter: ConversationFilter,
    ) -> Result<Vec<api::ConversationLine>, ConversationError> {
        conversations::list(&self.store, filter).await
    }

    async fn conversation(&self, id: &str) -> Result<api::Conversation, ConversationError> {
        conversations::one(&self.store, id).await
    }

    async fn has_conversation(&self, id: &str) -> Result<bool, ConversationError> {
        self.store.has_conversation(id).map_err(|error| conversations::unkept(error.into()))
    }

    async fn change_conversation(
        &self,
        id: &str,
        change: api::ConversationChange,
        now_ms: u64,
    ) -> Result<api::ConversationLine, ConversationError> {
        conversations::change(&self.store, id, change, now_ms).await
    }

    async fn forget_conversation(&self, id: &str) -> Result<(), ConversationError> {
        self.store.forget_conversation(id).await.map_err(conversations::unkept)
    }

    async fn usage(&self, from: u32, to: u32) -> Result<Vec<(UsageKey, Spent)>, UsageError> {
        self.usage.usage(from, to).await.map_err(unreadable)
    }

    async fn history(&self, from_min: u64, to_min: u64) -> Result<Vec<Minute>, UsageError> {
        self.usage.minutes(from_min, to_min).await.map_err(unreadable)
    }

    fn subscribe(&self) -> broadcast::Receiver<api::Event> {
        self.changes.subscribe()
    }

    async fn doctor(&self, peer: Option<&str>) -> Option<api::Doctor> {
        let _one_at_a_time = self.examining.lock().await;
        Some(api::Doctor { checks: clinic::look(self, peer).await? })
    }
}

fn unreadable(error: StoreError) -> UsageError {
    tracing::warn!(%error, "what is kept of usage cannot be read");
    UsageError::Store
}
