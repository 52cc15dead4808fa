//! Renders a chat with the model's own Jinja template. The template is a stranger's program: its
//! source, steps, time and output are bounded (row M07), and a broken one is replaced by ChatML.

mod dates;
mod environment;
mod values;

use std::sync::Arc;

use minijinja::Environment;
use pumasi_protocol::engine::{OutputSyntax, ToolSyntax};
use pumasi_protocol::generate::{Message, Part, Role, Thinking, Tool};

use crate::bounded::Bounded;
use crate::control_text::ControlTexts;
use crate::limits::{TEMPLATE_BYTES, TEMPLATE_OUTPUT_BYTES, TEMPLATE_TIME};

/// Why there is no rendered prompt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TemplateError {
    /// It is not valid, uses what does not exist, or refuses these messages.
    #[error("the chat template failed")]
    Failed,
    /// Its source is too long.
    #[error("the chat template is too long")]
    TooLong,
    /// It took too many steps, too much time, or wrote too much.
    #[error("the chat template exceeded its limits")]
    Exceeded,
}

/// What plain ChatML looks like; used when a model has no usable template of its own.
const CHATML: &str = "{% for message in messages %}<|im_start|>{{ message.role }}\n\
    {{ message.content }}<|im_end|>\n{% endfor %}\
    {% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}";

/// What is rendered.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Chat<'a> {
    pub(crate) messages: &'a [Message],
    pub(crate) tools: &'a [Tool],
    pub(crate) thinking: Thinking,
}

/// A rendered chat.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Rendered {
    /// The prompt, with marks where people spelled control tokens.
    pub(crate) text: String,
    /// How to read the answer.
    pub(crate) syntax: OutputSyntax,
}

/// A model's template.
#[derive(Debug)]
pub(crate) struct ChatTemplate {
    environment: Arc<Environment<'static>>,
    bounded: Bounded,
    bos: String,
    eos: String,
    /// How the model writes tool calls, if its template renders tools.
    tools: ToolSyntax,
    thinking: bool,
    fallback: bool,
}

/// How a template's text says that the model writes tool calls.
fn tool_syntax(source: &str) -> ToolSyntax {
    // Mistral's later form, `[TOOL_CALLS]name[ARGS]{…}`, is another one.
    if source.contains("[TOOL_CALLS]") && !source.contains("[ARGS]") {
        return ToolSyntax::Mistral;
    }
    if source.contains("<tool_call>") {
        return ToolSyntax::Hermes;
    }
    let llama3 = source.contains("<|start_header_id|>") && source.contains("\"parameters\"");
    if llama3 { ToolSyntax::BareJson } else { ToolSyntax::None }
}

impl ChatTemplate {
    /// Takes the model's template, or ChatML if there is none or it cannot render a greeting.
    pub(crate) fn new(source: Option<&str>, bos: &str, eos: &str) -> Self {
        let own = source.and_then(|source| match Self::build(source, bos, eos) {
            Ok(template) => Some(template),
            Err(error) => {
                tracing::warn!(%error, "the model's chat template is replaced by ChatML");
                None
            }
        });
        own.unwrap_or_else(|| {
            let plain = Self::build(CHATML, bos, eos).expect("ChatML is a valid template");
            Self { fallback: true, ..plain }
        })
    }

    fn build(source: &str, bos: &str, eos: &str) -> Result<Self, TemplateError> {
        if source.len() > TEMPLATE_BYTES {
            return Err(TemplateError::TooLong);
        }
        let environment = Arc::new(environment::environment(source)?);
        let thinking =
            ["<think>", "</think>", "enable_thinking"].iter().any(|t| source.contains(t));
        let mut template = Self {
            environment,
            bounded: Bounded::default(),
            bos: bos.to_owned(),
            eos: eos.to_owned(),
            tools: tool_syntax(source),
            thinking,
            fallback: false,
        };
        template.probe()?;
        Ok(template)
    }

    /// Renders a greeting, and one with a tool to see whether tools reach the prompt.
    fn probe(&mut self) -> Result<(), TemplateError> {
        let messages = [Message::text(Role::User, "hello")];
        let chat = |tools| Chat { messages: &messages, tools, thinking: Thinking::Default };
        let controls = ControlTexts::default();
        self.render(chat(&[]), &controls)?;
        let name = "pumasi_probe_tool".to_owned();
        let parameters = Some(r#"{"type":"object","properties":{}}"#.to_owned());
        let tools = [Tool { name: name.clone(), description: Some(name.clone()), parameters }];
        let shown = self.render(chat(&tools), &controls).is_ok_and(|r| r.text.contains(&name));
        if !shown {
            self.tools = ToolSyntax::None;
        }
        Ok(())
    }

    /// How the model writes tool calls; `None`: it cannot.
    pub(crate) fn tools(&self) -> ToolSyntax {
        self.tools
    }

    /// Whether the model knows thinking blocks.
    pub(crate) fn knows_thinking(&self) -> bool {
        self.thinking
    }

    /// Whether this is ChatML instead of the model's own template.
    pub(crate) fn is_fallback(&self) -> bool {
        self.fallback
    }

    /// Renders a chat up to where the answer begins.
    pub(crate) fn render(
        &self,
        chat: Chat<'_>,
        controls: &ControlTexts,
    ) -> Result<Rendered, TemplateError> {
        let text = match self.run(chat, controls) {
            Err(TemplateError::Failed) => match merge_system(chat.messages) {
                // Some templates refuse a system message: then the first user message begins with it.
                Some(messages) => self.run(Chat { messages: &messages, ..chat }, controls)?,
                None => return Err(TemplateError::Failed),
            },
            other => other?,
        };
        Ok(self.finish(text, chat))
    }

    fn run(&self, chat: Chat<'_>, controls: &ControlTexts) -> Result<String, TemplateError> {
        let context = values::context(chat, controls, &self.bos, &self.eos);
        let output_bytes = TEMPLATE_OUTPUT_BYTES + values::text_bytes(chat);
        let environment = Arc::clone(&self.environment);
        let render = move || environment::render(&environment, context, output_bytes);
        self.bounded.run(TEMPLATE_TIME, render).unwrap_or(Err(TemplateError::Exceeded))
    }

    fn finish(&self, mut text: String, chat: Chat<'_>) -> Rendered {
        let mut thinking_open = self.thinking && text.trim_end().ends_with("<think>");
        if thinking_open && chat.thinking == Thinking::Off {
            // The template opens the block unasked; an empty one is how such models skip it.
            text.push_str("\n</think>\n\n");
            thinking_open = false;
        }
        let tools = if chat.tools.is_empty() { ToolSyntax::None } else { self.tools };
        let syntax = OutputSyntax { tools, thinking: self.thinking, thinking_open };
        Rendered { text, syntax }
    }
}

/// The messages without their leading system message, which the first user message takes up.
fn merge_system(messages: &[Message]) -> Option<Vec<Message>> {
    let (system, rest) = messages.split_first().filter(|(m, _)| m.role == Role::System)?;
    let mut rest = rest.to_vec();
    let user = rest.iter_mut().find(|message| message.role == Role::User)?;
    user.content.insert(0, Part::Text(format!("{}\n\n", system.joined_text())));
    Some(rest)
}

#[cfg(test)]
mod tests;
