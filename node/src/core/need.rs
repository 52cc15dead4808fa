//! From what was asked to what placing it needs to know, without the text.

use std::borrow::Cow;

use pumasi_protocol::generate::{EmbedInput, Thinking, ToolChoice};
use pumasi_protocol::{
    Capabilities, Generate, Message, ModelState, Need, NodeId, Part, PersonId, Prompt, Work,
};
use pumasi_scheduler::{Link, sketch};
use pumasi_web::mesh::{Caller, Run, RunError};

use super::Core;

/// Bytes of text per token where no tokenizer is at hand (measured on English and code with common
/// vocabularies: 3.5 to 4.5).
const BYTES_PER_TOKEN: usize = 4;
/// Bytes of a document that count as a token: its engine counts in the same way.
const BYTES_PER_DOCUMENT_TOKEN: u64 = 1_024;
/// Tokens that a chat template adds to each message (ChatML: 4 to 6).
const TOKENS_PER_MESSAGE: usize = 5;

impl Core {
    /// What can be said before placing: a model that nobody holds, a node that nobody knows.
    pub(super) fn check_run(&self, run: &Run) -> Result<(), RunError> {
        let is_member =
            |node: &NodeId| self.roster.as_ref().is_some_and(|roster| roster.contains(node));
        let known = |node: &NodeId| *node == self.me || is_member(node);
        let named = run.constraints.only.iter().chain(&run.constraints.not);
        if let Some(stranger) = named.copied().find(|node| !known(node)) {
            return Err(RunError::UnknownNode(stranger));
        }
        let nodes = self.scheduler.view().nodes();
        let own = self.advert_of_here();
        // As the list of models has it: who cannot be reached holds nothing for now.
        let others = nodes.values().filter(|node| matches!(node.link, Link::Up { .. }));
        let others = others.filter_map(|node| node.advert);
        let adverts = own.iter().chain(others);
        let mut held = adverts.flat_map(|a| &a.models).filter(|m| m.name == run.model).peekable();
        if held.peek().is_none() {
            return Err(RunError::ModelNotFound(run.model.clone()));
        }
        let wanted = capabilities(&run.work);
        let can = |have: Capabilities| {
            (have.generate || !wanted.generate) && (have.embed || !wanted.embed)
        };
        let usable = |m: &&pumasi_protocol::ModelAdvert| m.state != ModelState::Unusable;
        if held.filter(usable).any(|m| can(m.capabilities)) {
            Ok(())
        } else {
            Err(RunError::Capability(run.model.clone()))
        }
    }

    /// The need of a run, and the name of the person it is for.
    pub(super) fn need(&self, run: &Run) -> (Need, Option<String>) {
        let (person, name) = self.person(&run.caller);
        let chunks = canonical(&run.work);
        let bytes: usize = chunks.iter().map(|chunk| chunk.len()).sum();
        let max_tokens = match &run.work {
            Work::Generate(generate) => generate.max_tokens,
            Work::Embed(_) | Work::Document(_) | Work::Documents(_) => None,
        };
        let need = Need {
            kind: run.kind,
            model: run.model.clone(),
            file: None,
            capabilities: capabilities(&run.work),
            person,
            priority: run.priority,
            constraints: run.constraints.clone(),
            prompt_tokens: prompt_tokens(&run.work, bytes),
            max_tokens,
            prefix: sketch(&self.sketch_key(), &run.model, chunks.iter().map(AsRef::as_ref)),
        };
        (need, name)
    }

    /// Members share this key; a stranger does not know the mesh's whole id.
    fn sketch_key(&self) -> [u8; 32] {
        let secret = self.roster.as_ref().map_or(self.me.0, |roster| roster.mesh.0);
        blake3::derive_key("pumasi prefix sketch 1", &secret)
    }

    /// Whose job it is: the key's person, or the one this computer belongs to.
    pub(super) fn person(&self, caller: &Caller) -> (PersonId, Option<String>) {
        let mine = || {
            let member = self.roster.as_ref().and_then(|roster| roster.members.get(&self.me));
            let person = member.and_then(|m| m.person.as_ref()).or(self.config.person.as_ref());
            person.map(ToString::to_string)
        };
        let name = match caller {
            Caller::Loopback | Caller::Install => mine(),
            Caller::Key { person, .. } => Some(person.clone()),
        };
        let mesh = self.roster.as_ref().map_or(pumasi_protocol::MeshId(self.me.0), |r| r.mesh);
        // A shared computer's own jobs are one person of their own in the queues.
        let id = name.clone().unwrap_or_else(|| self.me.to_string());
        (PersonId::derive(&mesh, &id), name)
    }
}

fn capabilities(work: &Work) -> Capabilities {
    match work {
        Work::Generate(generate) => {
            Capabilities { generate: true, vision: has_image(generate), ..Capabilities::default() }
        }
        Work::Embed(_) => Capabilities { embed: true, ..Capabilities::default() },
        Work::Document(_) => Capabilities::default(),
        Work::Documents(job) => {
            Capabilities { generate: job.task.needs_model(), ..Capabilities::default() }
        }
    }
}

fn has_image(generate: &Generate) -> bool {
    let Prompt::Chat { messages, .. } = &generate.prompt else { return false };
    let is_image = |part: &Part| matches!(part, Part::Image(_));
    messages.iter().any(|message| message.content.iter().any(is_image))
}

fn prompt_tokens(work: &Work, bytes: usize) -> u32 {
    let tokens = match work {
        Work::Generate(generate) => match &generate.prompt {
            Prompt::Tokens(tokens) => tokens.len(),
            Prompt::Text(_) => bytes.div_ceil(BYTES_PER_TOKEN),
            Prompt::Chat { messages, .. } => {
                bytes.div_ceil(BYTES_PER_TOKEN) + messages.len() * TOKENS_PER_MESSAGE
            }
        },
        Work::Embed(_) => bytes.div_ceil(BYTES_PER_TOKEN),
        Work::Document(_) | Work::Documents(_) => {
            let files = work.files().iter().map(|file| file.bytes).sum::<u64>();
            usize::try_from(files.div_ceil(BYTES_PER_DOCUMENT_TOKEN)).unwrap_or(usize::MAX)
        }
    };
    u32::try_from(tokens).unwrap_or(u32::MAX).min(pumasi_protocol::limits::CONTEXT_TOKENS)
}

/// The prompt's bytes in the order in which templates render them: tools, then message by message.
fn canonical(work: &Work) -> Vec<Cow<'_, [u8]>> {
    match work {
        Work::Generate(generate) => prompt_bytes(&generate.prompt),
        Work::Embed(embed) => embed.inputs.iter().map(input_bytes).collect(),
        // A file is read anew each time.
        Work::Document(_) | Work::Documents(_) => Vec::new(),
    }
}

fn input_bytes(input: &EmbedInput) -> Cow<'_, [u8]> {
    match input {
        EmbedInput::Text(text) => Cow::Borrowed(text.as_bytes()),
        EmbedInput::Tokens(tokens) => Cow::Owned(token_bytes(tokens)),
    }
}

fn token_bytes(tokens: &[u32]) -> Vec<u8> {
    tokens.iter().flat_map(|token| token.to_le_bytes()).collect()
}

fn prompt_bytes(prompt: &Prompt) -> Vec<Cow<'_, [u8]>> {
    match prompt {
        Prompt::Text(text) => vec![Cow::Borrowed(text.as_bytes())],
        Prompt::Tokens(tokens) => vec![Cow::Owned(token_bytes(tokens))],
        Prompt::Chat { messages, tools, tool_choice, thinking } => {
            let mode: &[u8] = match thinking {
                Thinking::Default => b"d",
                Thinking::Off => b"o",
                Thinking::On(_) | Thinking::Auto => b"t",
            };
            let mut chunks = vec![Cow::Borrowed(mode)];
            // What may not be called is not rendered.
            for tool in tools.iter().filter(|_| *tool_choice != ToolChoice::None) {
                chunks.push(Cow::Borrowed(tool.name.as_bytes()));
                chunks.extend(tool.parameters.as_ref().map(|p| Cow::Borrowed(p.as_bytes())));
            }
            for message in messages {
                push_message(&mut chunks, message);
            }
            chunks
        }
    }
}

fn push_message<'a>(chunks: &mut Vec<Cow<'a, [u8]>>, message: &'a Message) {
    let role: &[u8] = match message.role {
        pumasi_protocol::Role::System => b"\0s",
        pumasi_protocol::Role::User => b"\0u",
        pumasi_protocol::Role::Assistant => b"\0a",
        pumasi_protocol::Role::Tool => b"\0t",
    };
    chunks.push(Cow::Borrowed(role));
    for part in &message.content {
        chunks.push(match part {
            Part::Text(text) => Cow::Borrowed(text.as_bytes()),
            Part::Image(bytes) => Cow::Owned(blake3::hash(bytes).as_bytes().to_vec()),
        });
    }
    chunks.extend(message.tool_calls.iter().map(|call| Cow::Borrowed(call.arguments.as_bytes())));
}
