//! One question to a model: a chat of the mesh like any other, placed and retried by itself.

use pumasi_dialects::assemble::Settings;
use pumasi_dialects::{Assembler, Delta};
use pumasi_protocol::generate::{OutputFormat, Thinking, ToolChoice};
use pumasi_protocol::stream::AttemptEvent;
use pumasi_protocol::{
    Fault, Finish, Generate, JobId, JobKind, Message, Prompt, Role, Usage, Work,
};
use pumasi_web::mesh::{RunEvent, Running};

use super::limits::TRIES;
use super::{Pieces, refused};

/// A question.
#[derive(Debug, Clone)]
pub(super) struct Question {
    /// What to do, which no document can change: it goes before the text, in a turn of its own.
    pub(super) instructions: String,
    /// The text, marked as what it is.
    pub(super) text: String,
    pub(super) format: OutputFormat,
    pub(super) max_tokens: u32,
}

impl Question {
    fn work(&self) -> Work {
        let messages = vec![
            Message::text(Role::System, self.instructions.clone()),
            Message::text(Role::User, self.text.clone()),
        ];
        // No tools: nothing that a document says can call one.
        let prompt = Prompt::Chat {
            messages,
            tools: Vec::new(),
            tool_choice: ToolChoice::None,
            thinking: Thinking::Off,
        };
        let mut generate = Generate::new(prompt);
        generate.max_tokens = Some(self.max_tokens);
        generate.format = self.format.clone();
        generate.sampling.temperature = Some(0.0);
        generate.sampling.seed = Some(0);
        Work::Generate(Box::new(generate))
    }
}

/// An answer, whole.
#[derive(Debug, Default)]
pub(super) struct Answer {
    pub(super) text: String,
    pub(super) usage: Usage,
}

impl Pieces {
    /// Asks, and asks again where a computer was at fault.
    pub(super) async fn answer(&self, question: &Question) -> Result<Answer, Fault> {
        let mut last = Fault::Cancelled;
        for _ in 0..TRIES {
            let turn = self.turns.acquire().await;
            let started =
                self.start(question.work(), JobKind::Chat, self.terms.model.clone()).await;
            let answered = match started {
                Ok(running) => read(running).await,
                Err(fault) => Err(fault),
            };
            drop(turn);
            match answered {
                Ok(answer) => return Ok(answer),
                Err(fault) if fault.is_retryable() => last = fault,
                Err(fault) => return Err(fault),
            }
        }
        Err(last)
    }
}

fn assembler(job: JobId) -> Assembler {
    let (stop, tools) = (Vec::new(), Vec::new());
    Assembler::new(Settings { stop, logprobs: false, tools, parallel_tool_calls: false, job })
}

async fn read(mut running: Running) -> Result<Answer, Fault> {
    let mut assembler = assembler(running.job);
    let mut answer = Answer::default();
    let add = |answer: &mut Answer, deltas: Vec<Delta>| {
        for delta in deltas {
            match delta {
                Delta::Content { text, .. } => answer.text.push_str(&text),
                Delta::Reasoning(_) | Delta::ToolCall { .. } | Delta::Arguments { .. } => {}
            }
        }
    };
    while let Some(event) = running.events.recv().await {
        match event {
            RunEvent::Attempt(AttemptEvent::Started { syntax, .. }) => assembler.start(syntax),
            RunEvent::Attempt(AttemptEvent::Tokens { tokens, .. }) => {
                add(&mut answer, assembler.push(&tokens));
            }
            RunEvent::Attempt(AttemptEvent::Finished { finish, usage, .. }) => {
                let (deltas, _) = assembler.finish(finish);
                add(&mut answer, deltas);
                answer.usage = usage;
                return match finish {
                    Finish::Cancelled => Err(Fault::Cancelled),
                    Finish::Stop | Finish::Length | Finish::StopString | Finish::Grammar => {
                        Ok(answer)
                    }
                };
            }
            RunEvent::Failed(fault) => return Err(fault),
            RunEvent::Refused(error) => return Err(refused(&error)),
            RunEvent::Attempt(_)
            | RunEvent::Placed(_)
            | RunEvent::Provided(_)
            | RunEvent::Heard(_) => {}
        }
    }
    Err(Fault::Cancelled)
}
