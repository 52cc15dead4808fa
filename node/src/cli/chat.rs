//! `chat` and `run`: one answer, or a conversation on a terminal.

use std::io::{self, IsTerminal};

use pumasi_web::api::{Capability, List, Model, ModelState};
use rustyline::error::ReadlineError;
use serde_json::{Map, Value};

use super::answer::{self, Answer, Message, Piece};
use super::arguments::{AskArguments, ChatArguments, RunArguments};
use super::client::Client;
use super::failure::{Failure, Kind};
use super::output::{Output, Style};
use super::text::{escape, escape_answer};
use super::{input, limits};

pub(super) async fn run(
    find: impl FnOnce() -> Result<Client, Failure>,
    arguments: RunArguments,
    output: &Output,
) -> Result<(), Failure> {
    let model = input::model(&arguments.model)?;
    let prompt = input::prompt(arguments.prompt)?;
    once(&find()?, model.as_str(), prompt, &arguments.ask, output).await
}

pub(super) async fn chat(
    find: impl FnOnce() -> Result<Client, Failure>,
    arguments: ChatArguments,
    output: &Output,
) -> Result<(), Failure> {
    let given = arguments.model.as_deref().map(input::model).transpose()?;
    let converses = arguments.prompt.is_none() && io::stdin().is_terminal() && output.is_terminal();
    let given = given.map(String::from);
    if !converses {
        let prompt = input::prompt(arguments.prompt)?;
        let client = find()?;
        let model = choose(&client, given).await?;
        return once(&client, &model, prompt, &arguments.ask, output).await;
    }
    let client = find()?;
    let model = choose(&client, given).await?;
    let settings = answer::settings(&client, &arguments.ask).await?;
    let mut conversation = Conversation::new(&client, output, model, settings);
    conversation.system = arguments.ask.system;
    conversation.begin().await
}

/// The model that was named, else the best of the mesh that can chat: loaded before held, real ones
/// before the starter.
pub(super) async fn choose(client: &Client, given: Option<String>) -> Result<String, Failure> {
    if let Some(name) = given {
        return Ok(name);
    }
    let models: List<Model> = client.get(&["api", "v1", "models"]).await?;
    let is_loaded = |state| match state {
        ModelState::Loaded { .. } => true,
        ModelState::Held | ModelState::Loading { .. } | ModelState::Unusable => false,
    };
    let chats = |model: &&Model| model.capabilities.contains(&Capability::Generate);
    let rank = |model: &&Model| {
        (!model.starter, model.places.iter().any(|place| is_loaded(place.state)), model.size_bytes)
    };
    let best = models.data.iter().filter(chats).max_by_key(rank);
    best.map(|model| model.name.clone()).ok_or_else(|| {
        let sentence =
            "no computer of the mesh holds a model that can chat: `pumasi models` lists them";
        Failure::new(Kind::NotFound, "no_model", sentence)
    })
}

async fn once(
    client: &Client,
    model: &str,
    prompt: String,
    ask: &AskArguments,
    output: &Output,
) -> Result<(), Failure> {
    let settings = answer::settings(client, ask).await?;
    let system = ask.system.clone().map(Message::system);
    let messages: Vec<Message> = system.into_iter().chain([Message::user(prompt)]).collect();
    let mut printer = Printer::new(output);
    let asked = answer::ask(client, model, &messages, &settings, |piece| printer.piece(piece));
    let answer = asked.await?;
    if answer.stopped {
        return Err(Failure::interrupted());
    }
    if output.is_json() {
        return output.object(&answer);
    }
    printer.end()?;
    if output.is_lively() {
        output.note(&output.style(Style::Dim, &answer.origin()));
    }
    Ok(())
}

/// Writes pieces as they come, thinking dimmed and only for people.
struct Printer<'a> {
    output: &'a Output,
    thinking: bool,
    at_line_start: bool,
}

impl<'a> Printer<'a> {
    fn new(output: &'a Output) -> Self {
        Self { output, thinking: false, at_line_start: true }
    }

    fn piece(&mut self, piece: Piece<'_>) -> Result<(), Failure> {
        if self.output.is_json() {
            return Ok(());
        }
        match piece {
            Piece::Thinking(_) if !self.output.is_terminal() || self.output.is_quiet() => Ok(()),
            Piece::Thinking(text) => {
                self.thinking = true;
                self.write(&self.output.style(Style::Dim, &escape_answer(text)), text)
            }
            Piece::Text(text) => {
                if std::mem::take(&mut self.thinking) && !self.at_line_start {
                    self.write("\n", "\n")?;
                }
                let shown = if self.output.is_terminal() { &escape_answer(text) } else { text };
                self.write(shown, text)
            }
        }
    }

    fn write(&mut self, shown: &str, text: &str) -> Result<(), Failure> {
        if !text.is_empty() {
            self.at_line_start = text.ends_with('\n');
        }
        self.output.text(shown)
    }

    fn end(&mut self) -> Result<(), Failure> {
        if self.at_line_start || self.output.is_json() {
            return Ok(());
        }
        self.write("\n", "\n")
    }
}

const HELP: &str = "\
/model NAME   talk to another model
/new          forget what was said
/why          why the last answer came from where it did
/help         this
/exit         leave (Ctrl-D does too; Ctrl-C stops an answer)";

struct Conversation<'a> {
    client: &'a Client,
    output: &'a Output,
    model: String,
    settings: Map<String, Value>,
    system: Option<String>,
    turns: Vec<Message>,
    last: Option<Answer>,
}

/// What a typed line means.
enum Line {
    Say(String),
    Handled,
    Leave,
}

impl<'a> Conversation<'a> {
    fn new(
        client: &'a Client,
        output: &'a Output,
        model: String,
        settings: Map<String, Value>,
    ) -> Self {
        Self { client, output, model, settings, system: None, turns: Vec::new(), last: None }
    }

    async fn begin(&mut self) -> Result<(), Failure> {
        self.output.note(&format!("talking to {}; /help lists what else can be done", self.model));
        let mut editor = Some(open_editor()?);
        loop {
            // Reading blocks, and the connection must live on meanwhile.
            let mut reading = editor.take().ok_or_else(Failure::interrupted)?;
            let read = tokio::task::spawn_blocking(move || {
                let line = reading.readline("> ");
                (reading, line)
            });
            let (back, line) = read.await.map_err(|_| Failure::interrupted())?;
            let reading = editor.insert(back);
            let line = match line {
                Ok(line) => line,
                Err(ReadlineError::Interrupted) => continue,
                Err(ReadlineError::Eof) => return Ok(()),
                Err(error) => return Err(unreadable(&error)),
            };
            // A line that cannot be recalled is no reason to stop.
            let _ = reading.add_history_entry(line.as_str());
            match self.read(&line)? {
                Line::Leave => return Ok(()),
                Line::Handled => {}
                Line::Say(text) => self.say(text).await?,
            }
        }
    }

    fn read(&mut self, line: &str) -> Result<Line, Failure> {
        let line = line.trim();
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        match word {
            "" => {}
            "/exit" | "/quit" => return Ok(Line::Leave),
            "/help" => self.output.line(HELP)?,
            "/new" => {
                self.turns.clear();
                self.output.note("forgotten");
            }
            "/why" => {
                let said = self.last.as_ref().map(Answer::origin);
                self.output.note(&said.unwrap_or_else(|| "nothing was answered yet".to_owned()));
            }
            "/model" => match input::model(rest.trim()) {
                Ok(model) => self.model = model.into(),
                Err(failure) => self.output.note(&failure.sentence),
            },
            _ if word.starts_with('/') => {
                self.output.note(&format!("{} is no command: /help lists them", escape(word)));
            }
            _ => return Ok(Line::Say(line.to_owned())),
        }
        Ok(Line::Handled)
    }

    async fn say(&mut self, text: String) -> Result<(), Failure> {
        self.turns.push(Message::user(text));
        let oldest = self.turns.len().saturating_sub(limits::CHAT_TURNS);
        self.turns.drain(..oldest);
        let system = self.system.clone().map(Message::system);
        let messages: Vec<Message> = system.into_iter().chain(self.turns.clone()).collect();
        let mut printer = Printer::new(self.output);
        let asked = answer::ask(self.client, &self.model, &messages, &self.settings, |piece| {
            printer.piece(piece)
        });
        match asked.await {
            Ok(answer) => {
                printer.end()?;
                let ending = if answer.stopped { "stopped".to_owned() } else { answer.origin() };
                self.output.note(&self.output.style(Style::Dim, &ending));
                self.turns.push(Message::assistant(answer.content.clone()));
                self.last = Some(answer);
            }
            Err(failure) if failure.kind == Kind::Closed => return Err(failure),
            Err(failure) => {
                printer.end()?;
                self.turns.pop();
                self.output.failure(&failure);
            }
        }
        Ok(())
    }
}

fn open_editor() -> Result<rustyline::DefaultEditor, Failure> {
    rustyline::DefaultEditor::new().map_err(|error| unreadable(&error))
}

fn unreadable(error: &ReadlineError) -> Failure {
    Failure::new(Kind::Io, "io", format!("the terminal cannot be read: {error}"))
}
