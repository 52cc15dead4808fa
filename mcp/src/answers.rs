//! What the tools tell: what is read of the API's answers, and the text of it for the agent.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::limits;

/// A list of the API.
#[derive(Debug, Deserialize)]
pub(crate) struct List<T> {
    pub(crate) data: Vec<T>,
}

/// A model, as the API lists it.
#[derive(Debug, Deserialize)]
pub(crate) struct ListedModel {
    id: String,
    pumasi: Extension,
}

#[derive(Debug, Deserialize)]
struct Extension {
    context_tokens: u32,
    capabilities: Vec<String>,
    nodes: Vec<String>,
}

/// A model that can be asked.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Model {
    /// What `ask_model` takes as its name.
    name: String,
    /// Tokens that prompt and answer may have together.
    context_tokens: u32,
    /// What it can do: `generate`, `embed`, `tools`, `thinking`, `vision`, `image`.
    can: Vec<String>,
    /// The computers that hold it; empty: it is at a provider.
    computers: Vec<String>,
}

/// Models that can be asked.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Models {
    models: Vec<Model>,
    /// How many more there are.
    left_out: usize,
}

impl From<List<ListedModel>> for Models {
    fn from(list: List<ListedModel>) -> Self {
        let model = |listed: ListedModel| Model {
            name: listed.id,
            context_tokens: listed.pumasi.context_tokens,
            can: listed.pumasi.capabilities,
            computers: listed.pumasi.nodes,
        };
        let (listed, left_out) = bounded(list.data);
        Self { models: listed.into_iter().map(model).collect(), left_out }
    }
}

impl Models {
    pub(crate) fn text(&self) -> String {
        let line = |model: &Model| {
            let place = match model.computers.is_empty() {
                true => "at a provider".to_owned(),
                false => format!("on {}", model.computers.join(", ")),
            };
            let (name, tokens, can) = (&model.name, model.context_tokens, model.can.join(", "));
            format!("{name}: {can}; {tokens} tokens; {place}")
        };
        lines("No model is there yet.", self.models.iter().map(line), self.left_out)
    }
}

/// A computer of the mesh.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Computer {
    /// 64 hexadecimal digits.
    id: String,
    name: String,
    /// The person it belongs to; none: a shared computer.
    person: Option<String>,
    /// `here`, `online`, `suspect` or `offline`.
    presence: String,
    /// Whether it works for others: `accepting`, `owner_busy`, `paused` or `draining`.
    admission: String,
    /// Its models.
    models: Vec<Held>,
    /// What waits there.
    queue: Queue,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
struct Held {
    name: String,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
struct Queue {
    /// Predicted time until all of it is done.
    work_ms: u64,
}

/// The computers of the mesh.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Computers {
    computers: Vec<Computer>,
    /// How many more there are.
    left_out: usize,
}

impl From<List<Computer>> for Computers {
    fn from(list: List<Computer>) -> Self {
        let (mut computers, left_out) = bounded(list.data);
        computers.iter_mut().for_each(|computer| computer.models.truncate(limits::LISTED));
        Self { computers, left_out }
    }
}

impl Computers {
    pub(crate) fn text(&self) -> String {
        let line = |computer: &Computer| {
            let models: Vec<&str> = computer.models.iter().map(|held| held.name.as_str()).collect();
            let Computer { name, presence, admission, queue, .. } = computer;
            let (busy_ms, models) = (queue.work_ms, models.join(", "));
            format!("{name}: {presence}, {admission}, {busy_ms} ms of work wait; holds {models}")
        };
        lines("No computer is known.", self.computers.iter().map(line), self.left_out)
    }
}

/// A job.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Job {
    /// Its id.
    id: String,
    /// `chat`, `completion`, `embedding`, `image` or `document`.
    kind: String,
    model: String,
    /// `waiting`, `bound`, `running`, `completed`, `failed` or `cancelled`.
    state: String,
    /// Where it runs or ran.
    node: Option<Named>,
    /// The provider that it went to.
    #[serde(default)]
    provider: Option<String>,
    /// Whether its result is kept.
    durable: bool,
    /// How often it was begun.
    attempts: u32,
    /// Why it failed.
    error: Option<Failed>,
    /// Why it is where it is.
    why: Option<String>,
    /// When it was accepted, Unix time in milliseconds.
    accepted_ms: u64,
    /// When it ended.
    ended_ms: Option<u64>,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
struct Named {
    name: String,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
struct Failed {
    code: String,
    message: String,
}

impl Job {
    pub(crate) fn text(&self) -> String {
        let Self { id, kind, model, state, .. } = self;
        let place = self.node.as_ref().map(|node| &node.name).or(self.provider.as_ref());
        let place = place.map_or(String::new(), |place| format!(" on {place}"));
        let error =
            self.error.as_ref().map_or(String::new(), |error| format!(": {}", error.message));
        let why = self.why.as_ref().map_or(String::new(), |why| format!(" ({why})"));
        format!("{id}: {kind} with {model}, {state}{place}{error}{why}")
    }
}

/// Jobs, newest first.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Jobs {
    jobs: Vec<Job>,
}

impl From<List<Job>> for Jobs {
    fn from(list: List<Job>) -> Self {
        Self { jobs: bounded(list.data).0 }
    }
}

impl Jobs {
    pub(crate) fn text(&self) -> String {
        lines("There are no such jobs.", self.jobs.iter().map(Job::text), 0)
    }
}

/// A reply of `/v1/chat/completions` or `/v1/completions`.
#[derive(Debug, Deserialize)]
pub(crate) struct Reply {
    model: String,
    choices: Vec<Choice>,
    usage: Option<Usage>,
    #[serde(default)]
    pumasi: Vec<Provenance>,
}

#[derive(Debug, Deserialize)]
struct Choice {
    message: Option<Message>,
    text: Option<String>,
    finish_reason: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Message {
    content: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Usage {
    prompt_tokens: u64,
    completion_tokens: u64,
}

#[derive(Debug, Deserialize)]
struct Provenance {
    job: String,
    node_name: Option<String>,
}

/// A model's answer.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Answer {
    answer: String,
    model: String,
    /// The answer ends before its end: at the ceiling of tokens, or at the bound of this tool.
    cut_off: bool,
    /// The computer that answered.
    computer: Option<String>,
    /// The provider that answered in its stead.
    provider: Option<String>,
    /// The job's id.
    job: Option<String>,
    prompt_tokens: Option<u64>,
    completion_tokens: Option<u64>,
}

impl Answer {
    /// From the reply of a mesh's computer or of a provider.
    pub(crate) fn of(reply: Reply, provider: Option<String>) -> Option<Self> {
        let choice = reply.choices.into_iter().next()?;
        let text = choice.message.and_then(|message| message.content).or(choice.text);
        let (answer, too_long) = cut(text.unwrap_or_default());
        let from = reply.pumasi.into_iter().next();
        let (job, computer) = from.map_or((None, None), |from| (Some(from.job), from.node_name));
        Some(Self {
            answer,
            model: reply.model,
            cut_off: too_long || choice.finish_reason.as_deref() == Some("length"),
            computer,
            provider,
            job,
            prompt_tokens: reply.usage.as_ref().map(|usage| usage.prompt_tokens),
            completion_tokens: reply.usage.as_ref().map(|usage| usage.completion_tokens),
        })
    }

    pub(crate) fn text(&self) -> String {
        match self.cut_off {
            true => format!("{}\n[cut off: ask for more with a larger max_tokens]", self.answer),
            false => self.answer.clone(),
        }
    }
}

/// A reply of `/v1/embeddings`.
#[derive(Debug, Deserialize)]
pub(crate) struct Embedded {
    model: String,
    data: Vec<Entry>,
}

#[derive(Debug, Deserialize)]
struct Entry {
    embedding: Vec<f32>,
}

/// Vectors of length one, in the order of the texts.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Vectors {
    model: String,
    vectors: Vec<Vec<f32>>,
}

impl From<Embedded> for Vectors {
    fn from(embedded: Embedded) -> Self {
        let vectors = embedded.data.into_iter().map(|entry| entry.embedding).collect();
        Self { model: embedded.model, vectors }
    }
}

impl Vectors {
    pub(crate) fn text(&self) -> String {
        let size = self.vectors.first().map_or(0, Vec::len);
        format!("{} vectors of {size} numbers, in the structured content", self.vectors.len())
    }
}

fn bounded<T>(mut entries: Vec<T>) -> (Vec<T>, usize) {
    let left_out = entries.len().saturating_sub(limits::LISTED);
    entries.truncate(limits::LISTED);
    (entries, left_out)
}

/// The text up to the bound, and whether there was more.
pub(crate) fn cut(mut text: String) -> (String, bool) {
    if text.len() <= limits::TEXT_BYTES {
        return (text, false);
    }
    text.truncate(text.floor_char_boundary(limits::TEXT_BYTES));
    (text, true)
}

fn lines(none: &str, lines: impl Iterator<Item = String>, left_out: usize) -> String {
    let mut lines: Vec<String> = lines.collect();
    if lines.is_empty() {
        return none.to_owned();
    }
    if left_out > 0 {
        lines.push(format!("and {left_out} more"));
    }
    cut(lines.join("\n")).0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_cut_between_characters_and_says_so() {
        let (text, more) = cut("가".repeat(limits::TEXT_BYTES));
        assert!(more && text.len() <= limits::TEXT_BYTES && text.ends_with('가'));
        assert_eq!(cut("short".to_owned()), ("short".to_owned(), false));
    }

    #[test]
    fn a_long_list_is_bounded_and_says_how_many_are_left_out() {
        let (listed, left_out) = bounded((0..limits::LISTED + 7).collect());
        assert_eq!((listed.len(), left_out), (limits::LISTED, 7));
        let text = lines("none", listed.iter().map(ToString::to_string), left_out);
        assert!(text.ends_with("\nand 7 more"), "{text}");
    }

    #[test]
    fn an_answer_that_ran_into_its_ceiling_is_told_to_be_cut_off() {
        let reply = r#"{"model":"m","choices":[{"index":0,"message":{"role":"assistant",
            "content":"a"},"finish_reason":"length"}],"usage":null}"#;
        let reply: Reply = serde_json::from_str(reply).expect("a reply");
        let answer = Answer::of(reply, Some("lab".to_owned())).expect("one choice");
        assert!(answer.cut_off && answer.text().starts_with("a\n[cut off"));
        assert_eq!((answer.computer, answer.provider), (None, Some("lab".to_owned())));
    }
}
