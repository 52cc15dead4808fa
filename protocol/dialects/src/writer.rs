//! Replies in the form that the request wants: whole, or written piece by piece by one state machine
//! for each dialect.

use pumasi_protocol::{Embedded, Prompt};

use crate::assemble::{Delta, Ending};
use crate::failure::{Dialect, Failure};
use crate::reply::{Answer, Counts, Head, Provenance};
use crate::request::{EmbedForm, Form, GenerateRequest};
use crate::{anthropic, gemini, ollama, openai, responses};

impl Form {
    /// The dialect that it belongs to.
    #[must_use]
    pub fn dialect(&self) -> Dialect {
        match self {
            Self::Chat { .. } | Self::Completion { .. } | Self::Responses(_) => Dialect::OpenAi,
            Self::Messages { .. } => Dialect::Anthropic,
            Self::Content { .. } => Dialect::Gemini,
            Self::OllamaChat | Self::OllamaGenerate => Dialect::Ollama,
        }
    }

    /// What the ids of its replies begin with.
    #[must_use]
    pub fn id_prefix(&self) -> &'static str {
        match self {
            Self::Chat { .. } => "chatcmpl-",
            Self::Completion { .. } => "cmpl-",
            Self::Responses(_) => "resp_",
            Self::Messages { .. } => "msg_",
            Self::Content { .. } | Self::OllamaChat | Self::OllamaGenerate => "",
        }
    }
}

/// The prompts that are to be repeated before the answers. Token ids cannot be: only the node that runs
/// the model has its vocabulary.
fn echoes(request: &GenerateRequest) -> Vec<String> {
    let Form::Completion { echo: true, .. } = request.form else { return Vec::new() };
    let text = |prompt: &Prompt| match prompt {
        Prompt::Text(text) => text.clone(),
        Prompt::Tokens(_) | Prompt::Chat { .. } => String::new(),
    };
    request.answers.iter().map(|generate| text(&generate.prompt)).collect()
}

/// A whole reply, as JSON text. `provenance` has one entry per answer.
#[must_use]
pub fn whole(
    request: &GenerateRequest,
    head: &Head,
    answers: &[Answer],
    counts: Counts,
    provenance: &[Provenance],
) -> String {
    let logprobs = request.wants_logprobs();
    let none = Answer::default();
    let first = answers.first().unwrap_or(&none);
    match &request.form {
        Form::Chat { .. } => openai::chat_reply(head, answers, counts, logprobs, provenance),
        Form::Completion { .. } => {
            let echoes = echoes(request);
            openai::completion_reply(head, answers, &echoes, counts, logprobs, provenance)
        }
        Form::Responses(echo) => responses::response_reply(head, echo, first, counts, provenance),
        Form::Messages { hide_thinking } => {
            anthropic::message_reply(head, first, counts, *hide_thinking, provenance)
        }
        Form::Content { thoughts, .. } => {
            gemini::content_reply(head, answers, counts, *thoughts, logprobs, provenance)
        }
        Form::OllamaChat => ollama::chat_reply(head, first, counts, logprobs, provenance.first()),
        Form::OllamaGenerate => {
            ollama::generate_reply(head, first, counts, logprobs, provenance.first())
        }
    }
}

/// How many tokens a request's prompt has, as its dialect says it.
#[must_use]
pub fn counted(form: &Form, tokens: u64) -> String {
    match form {
        Form::Content { .. } => gemini::count_reply(tokens),
        Form::Responses(_) => responses::count_reply(tokens),
        Form::Messages { .. }
        | Form::Chat { .. }
        | Form::Completion { .. }
        | Form::OllamaChat
        | Form::OllamaGenerate => anthropic::count_reply(tokens),
    }
}

/// Embeddings, as JSON text.
#[must_use]
pub fn embedded(
    form: EmbedForm,
    model: &str,
    vectors: &[Embedded],
    provenance: Option<&Provenance>,
) -> String {
    match form {
        EmbedForm::OpenAi { base64 } => openai::embeddings(model, vectors, base64, provenance),
        EmbedForm::Gemini { batch } => gemini::embeddings(vectors, batch),
        EmbedForm::Ollama => ollama::embeddings(model, vectors, false),
        EmbedForm::OllamaOne => ollama::embeddings(model, vectors, true),
    }
}

/// Writes one streamed reply.
#[derive(Debug)]
pub struct Writer {
    stream: Stream,
    echoes: Vec<String>,
    answers: usize,
}

#[derive(Debug)]
enum Stream {
    OpenAi(openai::Stream),
    Responses(Box<responses::Stream>),
    Anthropic(anthropic::Stream),
    Gemini(gemini::Stream),
    Ollama(ollama::Stream),
}

impl Writer {
    /// For the answer to this request.
    #[must_use]
    pub fn new(request: &GenerateRequest, head: Head) -> Self {
        let (answers, logprobs) = (request.answers.len(), request.wants_logprobs());
        let stream = match &request.form {
            Form::Chat { include_usage } => {
                Stream::OpenAi(openai::Stream::chat(head, answers, *include_usage, logprobs))
            }
            Form::Completion { include_usage, .. } => {
                Stream::OpenAi(openai::Stream::completion(head, answers, *include_usage, logprobs))
            }
            Form::Responses(echo) => {
                let stream = responses::Stream::new(head, echo.as_ref().clone());
                Stream::Responses(Box::new(stream))
            }
            Form::Messages { hide_thinking } => {
                Stream::Anthropic(anthropic::Stream::new(head, *hide_thinking))
            }
            Form::Content { thoughts, events } => {
                let stream = gemini::Stream::new(head, answers, *thoughts, *events, logprobs);
                Stream::Gemini(stream)
            }
            Form::OllamaChat => Stream::Ollama(ollama::Stream::new(head, true, logprobs)),
            Form::OllamaGenerate => Stream::Ollama(ollama::Stream::new(head, false, logprobs)),
        };
        Self { stream, echoes: echoes(request), answers }
    }

    /// The media type of the stream.
    #[must_use]
    pub fn content_type(&self) -> &'static str {
        match &self.stream {
            Stream::Ollama(_) => "application/x-ndjson",
            Stream::Gemini(stream) if !stream.is_events() => "application/json",
            Stream::OpenAi(_) | Stream::Responses(_) | Stream::Anthropic(_) | Stream::Gemini(_) => {
                "text/event-stream"
            }
        }
    }

    /// What comes before everything else. `counts`: of the prompt, as far as they are known.
    #[must_use]
    pub fn begin(&mut self, counts: Counts) -> String {
        match &mut self.stream {
            Stream::OpenAi(stream) => {
                let echo = |index: usize| self.echoes.get(index).map_or("", String::as_str);
                (0..self.answers).map(|index| stream.begin(index, echo(index))).collect()
            }
            Stream::Responses(stream) => stream.begin(),
            Stream::Anthropic(stream) => stream.begin(counts),
            Stream::Gemini(stream) => stream.begin(counts),
            Stream::Ollama(_) => String::new(),
        }
    }

    /// A piece of an answer.
    #[must_use]
    pub fn piece(&mut self, index: usize, delta: &Delta) -> String {
        match &mut self.stream {
            Stream::OpenAi(stream) => stream.piece(index, delta),
            Stream::Responses(stream) => stream.piece(delta),
            Stream::Anthropic(stream) => stream.piece(delta),
            Stream::Gemini(stream) => stream.piece(index, delta),
            Stream::Ollama(stream) => stream.piece(delta),
        }
    }

    /// The end of an answer. `counts`: of all answers so far.
    #[must_use]
    pub fn end(
        &mut self,
        index: usize,
        ending: &Ending,
        counts: Counts,
        provenance: &Provenance,
    ) -> String {
        match &mut self.stream {
            Stream::OpenAi(stream) => stream.end(index, ending, provenance),
            Stream::Responses(stream) => stream.end(ending, counts, provenance),
            Stream::Anthropic(stream) => stream.end(ending, counts, provenance),
            Stream::Gemini(stream) => stream.end(index, ending, counts, provenance),
            Stream::Ollama(stream) => stream.end(ending, counts, provenance),
        }
    }

    /// What comes after all answers.
    #[must_use]
    pub fn close(&mut self, counts: Counts) -> String {
        match &self.stream {
            Stream::OpenAi(stream) => stream.usage(counts) + openai::DONE,
            Stream::Responses(_) | Stream::Ollama(_) => String::new(),
            Stream::Anthropic(stream) => stream.close(),
            Stream::Gemini(stream) => stream.close(),
        }
    }

    /// What keeps a quiet stream alive, and every client takes for nothing.
    #[must_use]
    pub fn heartbeat(&self) -> String {
        match &self.stream {
            Stream::OpenAi(_) | Stream::Responses(_) => ": waiting\n\n".to_owned(),
            Stream::Anthropic(stream) => stream.heartbeat(),
            Stream::Gemini(stream) => stream.heartbeat(),
            Stream::Ollama(stream) => stream.heartbeat(),
        }
    }

    /// A remark that programs do not see, where the dialect has room for one.
    #[must_use]
    pub fn remark(&self, text: &str) -> String {
        match &self.stream {
            Stream::OpenAi(_) | Stream::Responses(_) | Stream::Anthropic(_) => {
                format!(": {text}\n\n")
            }
            Stream::Gemini(_) | Stream::Ollama(_) => String::new(),
        }
    }

    /// The last thing in a stream that breaks off.
    #[must_use]
    pub fn failure(&mut self, failure: &Failure) -> String {
        match &mut self.stream {
            Stream::OpenAi(_) => openai::error_event(&failure.body(Dialect::OpenAi)) + openai::DONE,
            Stream::Responses(stream) => stream.failure(failure),
            Stream::Anthropic(stream) => stream.failure(failure),
            Stream::Gemini(stream) => stream.failure(failure),
            Stream::Ollama(stream) => stream.failure(failure),
        }
    }
}
