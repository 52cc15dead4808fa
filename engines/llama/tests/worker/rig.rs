//! A loaded worker and short ways to ask it.

use std::path::PathBuf;

use pumasi_engine_host::{Engine, Events, WorkerEngine, WorkerSpec};
use pumasi_protocol::engine::OutputSyntax;
use pumasi_protocol::generate::{Generate, Message, Prompt, Role, Thinking, ToolChoice};
use pumasi_protocol::stream::AttemptEvent;
use pumasi_protocol::worker::{CacheType, Drafting, FlashAttention, LoadModel, LoadedModel};
use pumasi_protocol::{BlobId, EngineKind, Fault, Finish, Token, Usage, Work};

pub(crate) fn starter() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("starter/starter-chat.gguf")
}

pub(crate) fn spec() -> WorkerSpec {
    WorkerSpec::new(env!("CARGO_BIN_EXE_pumasi-llama"), EngineKind::Llama)
}

pub(crate) fn order(slots: u16) -> LoadModel {
    LoadModel {
        path: starter().to_string_lossy().into_owned(),
        hash: BlobId([7; 32]),
        context: 0,
        slots,
        gpu_layers: None,
        threads: 1,
        cache: CacheType::F16,
        flash: FlashAttention::Auto,
        drafting: Drafting::Paying,
        embeddings: true,
    }
}

pub(crate) struct Rig {
    pub(crate) engine: WorkerEngine,
    pub(crate) model: LoadedModel,
}

/// A whole answer.
#[derive(Debug, Default, Clone, PartialEq)]
pub(crate) struct Answer {
    pub(crate) prompt: Vec<u32>,
    pub(crate) cached: u32,
    pub(crate) syntax: OutputSyntax,
    pub(crate) tokens: Vec<Token>,
    pub(crate) finish: Option<Finish>,
    pub(crate) usage: Usage,
}

impl Answer {
    pub(crate) fn text(&self) -> String {
        let bytes: Vec<u8> = self.tokens.iter().flat_map(|token| token.bytes.clone()).collect();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    pub(crate) fn ids(&self) -> Vec<u32> {
        self.tokens.iter().map(|token| token.id).collect()
    }
}

pub(crate) async fn collect(mut events: Events) -> Result<Answer, Fault> {
    let mut answer = Answer::default();
    while let Some(event) = events.recv().await {
        match event {
            AttemptEvent::Alive { .. } => {}
            AttemptEvent::Started { prompt, cached, syntax } => {
                (answer.prompt, answer.cached, answer.syntax) = (prompt, cached, syntax);
            }
            AttemptEvent::Tokens { mut tokens, .. } => answer.tokens.append(&mut tokens),
            AttemptEvent::Finished { finish, usage, .. } => {
                (answer.finish, answer.usage) = (Some(finish), usage);
            }
            AttemptEvent::Embedded { .. } | AttemptEvent::Part { .. } => {
                panic!("no embeddings were asked for")
            }
            AttemptEvent::Failed(fault) => return Err(fault),
        }
    }
    Ok(answer)
}

impl Rig {
    pub(crate) async fn load(order: LoadModel) -> Self {
        let engine = WorkerEngine::new(spec());
        let model = engine.load(order).await.expect("the starter model loads");
        Self { engine, model }
    }

    pub(crate) async fn new(slots: u16) -> Self {
        Self::load(order(slots)).await
    }

    pub(crate) fn submit(&self, body: Generate) -> Events {
        let submitted = self.engine.submit(Work::Generate(Box::new(body)));
        submitted.expect("a ready engine takes work").events
    }

    pub(crate) async fn ask(&self, body: Generate) -> Answer {
        collect(self.submit(body)).await.expect("an answer")
    }

    pub(crate) async fn fails(&self, body: Generate) -> Fault {
        collect(self.submit(body)).await.expect_err("no answer")
    }
}

/// A greedy question.
pub(crate) fn question(text: &str) -> Generate {
    greedy(chat(vec![Message::text(Role::User, text)]))
}

pub(crate) fn chat(messages: Vec<Message>) -> Prompt {
    Prompt::Chat {
        messages,
        tools: Vec::new(),
        tool_choice: ToolChoice::Auto,
        thinking: Thinking::Default,
    }
}

pub(crate) fn greedy(prompt: Prompt) -> Generate {
    let mut body = Generate::new(prompt);
    body.sampling.temperature = Some(0.0);
    body
}
