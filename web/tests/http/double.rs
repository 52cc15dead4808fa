//! A mesh that does what the test says. Scripts stand for models: the model's name picks one.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use pumasi_dialects::Counts;
use pumasi_protocol::custody::Blob;
use pumasi_protocol::engine::{OutputSyntax, Token};
use pumasi_protocol::pairing::PairingRefusal;
use pumasi_protocol::stream::AttemptEvent;
use pumasi_protocol::{
    BlobId, Embedded, Epoch, Fault, Finish, JobId, KeepAlive, ModelName, ModelSettings, NodeId,
    Timings, Usage,
};
use pumasi_web::api;
use pumasi_web::keys::{KeyError, KeyRow};
use pumasi_web::mesh::{
    AdmissionError, AuditError, AuditFilter, Caller, ConversationError, ConversationFilter,
    JobFilter, JobLookupError, Kept, LendError, Mesh, ModelError, Placed, ProviderError, Relay,
    Relayed, RemoveError, Repeat, Run, RunError, RunEvent, Running, Stock, Turn, UsageError,
};
use pumasi_web::meters::{Minute, Spent, UsageKey};
use tokio::sync::{Notify, broadcast, mpsc};

/// What a model does.
#[derive(Clone)]
pub(crate) enum Script {
    /// These events, then the channel closes.
    Events(Vec<RunEvent>),
    /// Tokens for as long as somebody listens.
    Endless,
    /// Placed, and then nothing.
    Silent,
    /// Not taken.
    Refused(RunError),
}

#[derive(Default)]
pub(crate) struct Double {
    pub(crate) scripts: Mutex<BTreeMap<String, Script>>,
    /// Everything that was run or submitted.
    pub(crate) runs: Mutex<Vec<Run>>,
    /// Calls that changed something, in words.
    pub(crate) changes: Mutex<Vec<String>>,
    pub(crate) kept: Mutex<Option<Kept>>,
    /// Tokens that an endless script has sent.
    pub(crate) sent: AtomicU64,
    /// A job's listener went away.
    pub(crate) cancelled: Notify,
    /// An endless script has been waiting for its listener for a while.
    pub(crate) paused: Notify,
    pub(crate) events: Mutex<Option<broadcast::Sender<api::Event>>>,
    pub(crate) panics: bool,
    pub(crate) full_disk: AtomicBool,
    pub(crate) kept_keys: Mutex<Vec<KeyRow>>,
    pub(crate) used: Mutex<Vec<(UsageKey, Spent)>>,
    pub(crate) conversations: Mutex<BTreeMap<String, api::Conversation>>,
}

fn line(id: &str) -> api::ConversationLine {
    api::ConversationLine {
        id: id.to_owned(),
        title: "a title".to_owned(),
        model: "words".to_owned(),
        created_ms: 1,
        updated_ms: 2,
        revision: 1,
        messages: 1,
        bytes: 10,
        found: None,
    }
}

pub(crate) const NODE: NodeId = NodeId([0xab; 32]);

pub(crate) fn job_id(n: u64) -> JobId {
    JobId::from_parts(n, [7; 10])
}

pub(crate) fn placed(epoch: u32) -> RunEvent {
    RunEvent::Placed(Placed {
        node: NODE,
        name: "창가 desk".parse().expect("a name"),
        why: "idle, and the model is loaded".to_owned(),
        epoch: Epoch(epoch),
        after: (epoch > 0).then_some(Fault::Silent.code()),
        model: None,
    })
}

pub(crate) fn started(syntax: OutputSyntax) -> RunEvent {
    RunEvent::Attempt(AttemptEvent::Started { prompt: vec![1, 2, 3], cached: 1, syntax })
}

pub(crate) fn tokens(index: u32, text: &str) -> RunEvent {
    let token = Token { id: 1, bytes: text.as_bytes().to_vec(), logprob: None, top: Vec::new() };
    RunEvent::Attempt(AttemptEvent::Tokens { index, tokens: vec![token] })
}

pub(crate) fn finished(finish: Finish, completion: u32) -> RunEvent {
    let usage = Usage { prompt: 3, cached: 1, completion };
    let timings = Timings { queued_us: 10, prefill_us: 1_000, decode_us: 2_500 };
    RunEvent::Attempt(AttemptEvent::Finished { finish, usage, timings })
}

/// An answer of one word a token.
pub(crate) fn answer(words: &[&str]) -> Script {
    let mut events = vec![placed(0), started(OutputSyntax::default())];
    events.extend((0..).zip(words).map(|(i, word)| tokens(i, word)));
    events.push(finished(Finish::Stop, u32::try_from(words.len()).expect("few words")));
    Script::Events(events)
}

pub(crate) fn embedding() -> Script {
    let embedded = Embedded { vector: vec![0.6, -0.8], tokens: 2 };
    let timings = Timings::default();
    let event = AttemptEvent::Embedded { embedded: vec![embedded], timings };
    Script::Events(vec![placed(0), RunEvent::Attempt(event)])
}

pub(crate) fn failing(fault: Fault) -> Script {
    Script::Events(vec![placed(0), RunEvent::Failed(fault)])
}

impl Double {
    pub(crate) fn new(scripts: &[(&str, Script)]) -> Self {
        let scripts = scripts.iter().map(|(name, script)| ((*name).to_owned(), script.clone()));
        let (events, _) = broadcast::channel(8);
        Self {
            scripts: Mutex::new(scripts.collect()),
            events: Mutex::new(Some(events)),
            ..Self::default()
        }
    }

    pub(crate) fn publish(&self, event: api::Event) {
        let events = self.events.lock().expect("no test panics with it");
        events.as_ref().expect("not stopped").send(event).expect("somebody listens");
    }

    pub(crate) fn publish_if_heard(&self, event: api::Event) {
        let events = self.events.lock().expect("no test panics with it");
        // Whoever has heard enough may have stopped listening.
        let _ = events.as_ref().expect("not stopped").send(event);
    }

    pub(crate) fn changes(&self) -> Vec<String> {
        self.changes.lock().expect("no test panics with it").clone()
    }

    pub(crate) fn note(&self, change: String) {
        self.changes.lock().expect("no test panics with it").push(change);
    }

    async fn play(self: Arc<Self>, script: Script, out: mpsc::Sender<RunEvent>) {
        let endless = matches!(script, Script::Endless);
        let silent = matches!(script, Script::Silent);
        let events = match script {
            Script::Events(events) => events,
            Script::Silent => vec![placed(0)],
            Script::Endless => vec![placed(0), started(OutputSyntax::default())],
            Script::Refused(_) => Vec::new(),
        };
        for event in events {
            if out.send(event).await.is_err() {
                self.cancelled.notify_one();
                return;
            }
        }
        if silent {
            out.closed().await;
            self.cancelled.notify_one();
        }
        let mut index = 0;
        if !endless {
            return;
        }
        loop {
            match tokio::time::timeout(PAUSE, out.reserve()).await {
                Err(_) => {
                    self.paused.notify_one();
                    out.closed().await;
                }
                Ok(Ok(permit)) => {
                    permit.send(tokens(index, &"x".repeat(TOKEN_BYTES)));
                    index += 1;
                    self.sent.fetch_add(1, Ordering::Relaxed);
                }
                Ok(Err(_)) => {
                    self.cancelled.notify_one();
                    return;
                }
            }
        }
    }
}

/// Bytes of an endless script's token.
pub(crate) const TOKEN_BYTES: usize = 1_024;
/// After which an endless script says that nobody takes its tokens.
const PAUSE: Duration = Duration::from_millis(400);

/// The mesh that the server gets: scripts run as tasks of their own.
pub(crate) struct Handle(pub(crate) Arc<Double>);

fn reference() -> api::NodeRef {
    api::NodeRef::new(NODE, "창가 desk")
}

pub(crate) fn job(id: JobId, state: api::JobState) -> api::Job {
    api::Job {
        provider: None,
        id: id.to_string(),
        kind: api::JobKind::Chat,
        model: "words".to_owned(),
        person: None,
        owner: reference(),
        owner_reachable: true,
        state,
        node: Some(reference()),
        priority: api::Priority::Batch,
        durable: true,
        attempts: 1,
        progress: None,
        usage: None,
        timings: None,
        error: None,
        why: None,
        accepted_ms: 5,
        ended_ms: None,
    }
}

fn model() -> api::Model {
    let place = api::ModelPlace {
        node: reference(),
        state: api::ModelState::Loaded { slots: 4, busy: 1 },
        file: "00".repeat(32),
        prefill_tokens_per_s: 100.0,
        decode_tokens_per_s: 10.0,
        wait_ms: Some(0),
        expires_ms: None,
        drafted_tokens: None,
        accepted_tokens: None,
    };
    api::Model {
        provider: None,
        at: Vec::new(),
        name: "org/words".to_owned(),
        engine: api::EngineKind::Llama,
        size_bytes: 1,
        context_tokens: 512,
        capabilities: vec![api::Capability::Generate],
        starter: true,
        created_s: 1_700_000_000,
        places: vec![place],
        best: None,
    }
}

#[async_trait]
impl Mesh for Handle {
    async fn status(&self) -> api::Status {
        assert!(!self.0.panics, "as the test wants it");
        api::Status {
            version: "0".to_owned(),
            node: reference(),
            mesh: None,
            person: None,
            roles: Vec::new(),
            admission: api::Admission::Accepting,
            lending: api::Lending::default(),
            started_ms: 0,
            members: 1,
            reachable: 1,
            jobs_running: 0,
            jobs_waiting: 0,
            endpoint: None,
            notices: Vec::new(),
        }
    }

    async fn nodes(&self) -> Vec<api::Node> {
        Vec::new()
    }

    async fn models(&self) -> Vec<api::Model> {
        vec![model()]
    }

    async fn jobs(&self, _: &Caller, filter: JobFilter) -> Vec<api::Job> {
        let jobs =
            vec![job(job_id(1), api::JobState::Completed), job(job_id(2), api::JobState::Running)];
        let live = |job: &api::Job| !filter.live || !job.state.is_terminal();
        jobs.into_iter().filter(live).take(filter.limit).collect()
    }

    async fn job(&self, _: &Caller, id: JobId) -> Result<api::Job, JobLookupError> {
        match id {
            id if id == job_id(1) => Ok(job(id, api::JobState::Completed)),
            id if id == job_id(2) => Ok(job(id, api::JobState::Running)),
            _ => Err(JobLookupError::NotFound),
        }
    }

    async fn why(&self, caller: &Caller, id: JobId) -> Result<api::Why, JobLookupError> {
        let job = self.job(caller, id).await?;
        Ok(api::Why { job: job.id, summary: "idle".to_owned(), rounds: Vec::new() })
    }

    async fn cancel(&self, caller: &Caller, id: JobId) -> Result<(), JobLookupError> {
        let job = self.job(caller, id).await?;
        if job.state.is_terminal() {
            return Err(JobLookupError::Over);
        }
        self.0.note(format!("cancel {}", job.id));
        Ok(())
    }

    async fn adopt(&self, caller: &Caller, id: JobId) -> Result<(), JobLookupError> {
        let job = self.job(caller, id).await?;
        let is_over = job.state.is_terminal();
        Err(if is_over { JobLookupError::Over } else { JobLookupError::NotLost })
    }

    async fn forget(&self, caller: &Caller, id: JobId) -> Result<(), JobLookupError> {
        let job = self.job(caller, id).await?;
        if !job.state.is_terminal() {
            return Err(JobLookupError::NotOver);
        }
        self.0.note(format!("forget {}", job.id));
        Ok(())
    }

    async fn submit(&self, run: Run, repeat: Option<Repeat>) -> Result<api::Job, RunError> {
        let key = repeat.map(|repeat| format!(" as {}", repeat.key)).unwrap_or_default();
        self.0.note(format!("submit {}{key}", run.model));
        self.0.runs.lock().expect("no test panics with it").push(run);
        Ok(job(job_id(2), api::JobState::Waiting))
    }

    async fn keep_document(&self, bytes: Bytes) -> Result<Blob, RunError> {
        self.0.note(format!("keep {} bytes", bytes.len()));
        Ok(Blob { id: BlobId(*blake3::hash(&bytes).as_bytes()), bytes: bytes.len() as u64 })
    }

    async fn document(&self, id: BlobId) -> Option<Blob> {
        (id == BlobId([7; 32])).then_some(Blob { id, bytes: 3 })
    }

    async fn result(&self, caller: &Caller, id: JobId) -> Result<Kept, JobLookupError> {
        let job = self.job(caller, id).await?;
        if !job.state.is_terminal() {
            return Err(JobLookupError::NotOver);
        }
        self.0.kept.lock().expect("no test panics with it").clone().ok_or(JobLookupError::NotKept)
    }

    fn has_providers(&self) -> bool {
        false
    }

    async fn relay(&self, _: &Relay) -> Result<Relayed, RunError> {
        Ok(Relayed::Not(Turn::default()))
    }

    fn account(&self, _: JobId, _: Counts) {}

    async fn providers(&self) -> api::Providers {
        api::Providers::default()
    }

    async fn set_provider(
        &self,
        request: api::ProviderRequest,
    ) -> Result<api::Provider, ProviderError> {
        self.0.note(format!("set provider {}", request.kind));
        Err(ProviderError::NotFound)
    }

    async fn remove_provider(&self, id: &str) -> Result<(), ProviderError> {
        self.0.note(format!("remove provider {id}"));
        Ok(())
    }

    async fn check_provider(&self, _: &str) -> Result<api::Provider, ProviderError> {
        Err(ProviderError::NotFound)
    }

    async fn share_provider(
        &self,
        id: &str,
        request: api::ShareRequest,
    ) -> Result<api::Provider, ProviderError> {
        self.0.note(format!("share {id} with {:?}", request.with));
        Err(ProviderError::NotFound)
    }

    async fn set_routing(&self, change: api::RoutingChange) -> Result<api::Routing, ProviderError> {
        self.0.note(format!("route {:?}", change.policy));
        Ok(api::Routing::default())
    }

    async fn run(&self, run: Run) -> Result<Running, RunError> {
        let script = {
            let scripts = self.0.scripts.lock().expect("no test panics with it");
            scripts.get(run.model.as_str()).cloned()
        };
        let script = script.ok_or_else(|| RunError::ModelNotFound(run.model.clone()))?;
        if let Script::Refused(error) = script {
            return Err(error);
        }
        let mut runs = self.0.runs.lock().expect("no test panics with it");
        runs.push(run);
        let job = job_id(100 + runs.len() as u64);
        let (out, events) = mpsc::channel(16);
        tokio::spawn(Arc::clone(&self.0).play(script, out));
        Ok(Running { job, events })
    }

    async fn load(&self, model: &ModelName, node: Option<NodeId>) -> Result<(), ModelError> {
        self.0.note(format!("load {model} {}", node.map_or("here".to_owned(), |n| n.short())));
        Ok(())
    }

    async fn inspect(
        &self,
        model: &ModelName,
        query: api::InspectQuery,
    ) -> Result<api::Inspection, ModelError> {
        self.0.note(format!("inspect {model} {query:?}"));
        Err(ModelError::NotFound)
    }

    async fn recommend(&self, language: api::Language) -> api::Recommendations {
        self.0.note(format!("recommend {language:?}"));
        api::Recommendations::default()
    }

    async fn copy(&self, model: &ModelName, node: Option<NodeId>) -> Result<(), ModelError> {
        self.0.note(format!("copy {model} {}", node.map_or("here".to_owned(), |n| n.short())));
        Ok(())
    }

    async fn copies(&self) -> Vec<api::Copy> {
        let source = api::CopySource {
            node: reference(),
            stage: api::CopyStage::Sending,
            bytes: 1,
            bytes_per_s: 1,
            tcp: true,
        };
        let copy = api::Copy {
            model: "org/words".to_owned(),
            file: "00".repeat(32),
            size_bytes: Some(2),
            held_bytes: 1,
            bytes_per_s: 1,
            state: api::CopyState::Running,
            sources: vec![source],
        };
        vec![copy]
    }

    async fn stop_copy(&self, model: &ModelName) -> Result<(), ModelError> {
        self.0.note(format!("stop copy {model}"));
        Err(ModelError::NotFound)
    }

    async fn unload(&self, model: &ModelName, _: Option<NodeId>) -> Result<(), ModelError> {
        self.0.note(format!("unload {model}"));
        Err(ModelError::InUse)
    }

    async fn settings(
        &self,
        model: &ModelName,
        _: Option<NodeId>,
    ) -> Result<ModelSettings, ModelError> {
        self.0.note(format!("settings {model}"));
        Ok(ModelSettings { slots: Some(3), ..ModelSettings::default() })
    }

    async fn set(
        &self,
        model: &ModelName,
        settings: ModelSettings,
        node: Option<NodeId>,
    ) -> Result<ModelSettings, ModelError> {
        let node = node.map_or("here".to_owned(), |n| n.short());
        self.0.note(format!("set {model} {node} {settings:?}"));
        settings.check().map_err(ModelError::Settings)?;
        Ok(settings)
    }

    async fn benchmarks(&self) -> Result<Vec<api::Benchmark>, ModelError> {
        Ok(Vec::new())
    }

    async fn keep_benchmarks(&self, rows: Vec<api::Benchmark>) -> Result<(), ModelError> {
        self.0.note(format!("benchmarks {}", rows.len()));
        Ok(())
    }

    async fn keep(&self, model: &ModelName, keep: KeepAlive) {
        self.0.note(format!("keep {model} {keep:?}"));
    }

    fn stock(&self) -> &dyn Stock {
        self
    }

    async fn invitations(&self) -> Vec<api::Invitation> {
        Vec::new()
    }

    async fn invite(
        &self,
        request: api::InviteRequest,
    ) -> Result<api::InvitationToken, AdmissionError> {
        self.0.note(format!("invite {:?}", request.person));
        let invitation = api::Invitation {
            id: "1".to_owned(),
            person: request.person,
            role: api::MeshRole::Member,
            uses: 1,
            used: 0,
            expires_ms: 9,
        };
        let qr = api::Qr { size: 1, path: "M0 0h1v1h-1z".to_owned() };
        Ok(api::InvitationToken { token: "t".to_owned(), qr, invitation })
    }

    async fn withdraw(&self, id: &str) -> Result<(), AdmissionError> {
        self.0.note(format!("withdraw {id}"));
        if id == "1" { Ok(()) } else { Err(AdmissionError::NoInvitation) }
    }

    async fn join(&self, token: &str) -> Result<api::Joined, AdmissionError> {
        self.0.note(format!("join {token}"));
        Err(AdmissionError::BadToken)
    }

    async fn pairing(&self) -> api::Pairing {
        let own = api::Doorstep::Open { digits: "048291".to_owned(), left_s: 170, wrong: 0 };
        api::Pairing { own: Some(own), may_approve: false, asking: Vec::new() }
    }

    async fn ask_in(&self, again: bool) -> Result<api::Pairing, AdmissionError> {
        self.0.note(format!("ask in {again}"));
        Ok(self.pairing().await)
    }

    async fn approve(&self, request: api::ApproveRequest) -> Result<api::Approved, AdmissionError> {
        self.0.note(format!("approve {} {:?}", request.digits, request.node));
        Err(AdmissionError::Pairing(PairingRefusal::Wrong))
    }

    async fn found(&self, request: api::FoundRequest) -> Result<api::Joined, AdmissionError> {
        self.0.note(format!("found {:?}", request.name));
        Err(AdmissionError::AlreadyMember)
    }

    async fn remove(
        &self,
        node: NodeId,
        request: api::RemoveRequest,
    ) -> Result<api::Removed, RemoveError> {
        self.0.note(format!("remove {} {}", node.short(), request.confirmed));
        Err(if request.confirmed { RemoveError::Own } else { RemoveError::Unconfirmed })
    }

    async fn lend(&self, request: api::LendRequest) -> Result<api::Lending, LendError> {
        self.0.note(format!("lend {:?} {:?}", request.lend, request.for_s));
        Ok(api::Lending { lend: request.lend, ..api::Lending::default() })
    }

    async fn keep_key(&self, row: KeyRow) -> Result<(), KeyError> {
        if self.0.full_disk.load(Ordering::Relaxed) {
            return Err(KeyError::Store);
        }
        self.0.note(format!("keep key {} {:?}", row.terms.name, row.shown.state));
        self.0.kept_keys.lock().expect("no test panics with it").push(row);
        Ok(())
    }

    async fn audit(
        &self,
        caller: &Caller,
        filter: AuditFilter,
    ) -> Result<Vec<api::AuditEntry>, AuditError> {
        self.0.note(format!("audit {filter:?}"));
        let person = match caller {
            Caller::Key { person, .. } => Some(person.clone()),
            Caller::Install | Caller::Loopback => None,
        };
        Ok(vec![api::AuditEntry {
            at_ms: 0,
            act: api::AuditAct::Started,
            person,
            node: reference(),
            key: None,
            about: Some(api::AuditSubject { name: "=1+1".to_owned(), ..Default::default() }),
            job: None,
            stands: true,
        }])
    }

    async fn conversations(
        &self,
        filter: ConversationFilter,
    ) -> Result<Vec<api::ConversationLine>, ConversationError> {
        self.0.note(format!("conversations {:?} {}", filter.search, filter.limit));
        Ok(vec![line("known")])
    }

    async fn conversation(&self, id: &str) -> Result<api::Conversation, ConversationError> {
        let kept = self.0.conversations.lock().expect("no test panics with it");
        kept.get(id).cloned().ok_or(ConversationError::NotFound)
    }

    async fn has_conversation(&self, id: &str) -> Result<bool, ConversationError> {
        Ok(self.0.conversations.lock().expect("no test panics with it").contains_key(id))
    }

    async fn change_conversation(
        &self,
        id: &str,
        change: api::ConversationChange,
        now_ms: u64,
    ) -> Result<api::ConversationLine, ConversationError> {
        if self.0.full_disk.load(Ordering::Relaxed) {
            return Err(ConversationError::DiskFull);
        }
        self.0.note(format!("conversation {} messages", change.messages.len()));
        let conversation = api::Conversation {
            id: id.to_owned(),
            title: change.title.unwrap_or_default(),
            created_ms: now_ms,
            updated_ms: now_ms,
            revision: 1,
            settings: change.settings.unwrap_or_default(),
            messages: change.messages,
        };
        let mut kept = self.0.conversations.lock().expect("no test panics with it");
        kept.insert(id.to_owned(), conversation);
        Ok(line(id))
    }

    async fn forget_conversation(&self, id: &str) -> Result<(), ConversationError> {
        let mut kept = self.0.conversations.lock().expect("no test panics with it");
        kept.remove(id).map(drop).ok_or(ConversationError::NotFound)
    }

    async fn usage(&self, from: u32, to: u32) -> Result<Vec<(UsageKey, Spent)>, UsageError> {
        let used = self.0.used.lock().expect("no test panics with it").clone();
        Ok(used.into_iter().filter(|(key, _)| (from..=to).contains(&key.day)).collect())
    }

    async fn history(&self, from_min: u64, to_min: u64) -> Result<Vec<Minute>, UsageError> {
        let minute = Minute { at_min: to_min, requests: 3, ..Minute::default() };
        let first = Minute { at_min: from_min, ..minute.clone() };
        Ok(vec![first, minute])
    }

    fn subscribe(&self) -> broadcast::Receiver<api::Event> {
        let events = self.0.events.lock().expect("no test panics with it");
        events.as_ref().expect("not stopped").subscribe()
    }

    async fn doctor(&self, peer: Option<&str>) -> Option<api::Doctor> {
        (peer != Some("nobody")).then(|| api::Doctor { checks: Vec::new() })
    }
}
