//! Makes requests ready for a slot on threads of their own, so that a long template or a deep
//! schema never holds up the slots that decode: renders, tokenises, compiles.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::Instant;

use pumasi_protocol::engine::{OutputSyntax, Tempo, ToolSyntax};
use pumasi_protocol::generate::{
    Embed, EmbedInput, Generate, Message, OutputFormat, Part, Prompt, Role, Thinking as Think,
    Tool, ToolChoice,
};
use pumasi_protocol::worker::{Drafts, RequestId};
use pumasi_protocol::{Fault, Finish, Refusal};

use crate::generation::{Clock, Generation};
use crate::grammar::{Grammar, Shape, ToolUse, parse_schema};
use crate::inbox::Input;
use crate::limits::{EMBED_TOKENS, WAITING_REQUESTS};
use crate::model::Model;
use crate::prompt;
use crate::sampler::Sampler;
use crate::stop::StopMatcher;
use crate::template::Chat;
use crate::thinking::Thinking;

/// Threads that prepare: two, so that one slow schema does not hold up everybody.
const THREADS: usize = 2;

/// A request as it arrived.
#[derive(Debug)]
pub(crate) enum Job {
    Generate(Box<Generate>),
    Embed(Embed),
}

/// A request that is ready, or why it is not.
#[derive(Debug)]
pub(crate) struct Ready {
    pub(crate) request: RequestId,
    pub(crate) outcome: Result<Prepared, Fault>,
}

/// What became of a request.
#[derive(Debug)]
pub(crate) enum Prepared {
    /// Ready for a slot. An earlier attempt may have delivered all of it: then it ends at once.
    Generation(Box<Generation>, Option<Finish>),
    /// Ids of each text, and how many dimensions to keep.
    Embedding { inputs: Vec<Vec<u32>>, dimensions: Option<u32>, arrived: Instant },
}

struct Order {
    request: RequestId,
    arrived: Instant,
    job: Job,
}

/// The preparing threads of one model.
#[derive(Debug)]
pub(crate) struct Preparer {
    orders: SyncSender<Order>,
}

impl Preparer {
    /// Starts the threads; they end when the preparer is dropped.
    pub(crate) fn start(
        model: &Arc<Model>,
        context: u32,
        results: &SyncSender<Input>,
    ) -> std::io::Result<Self> {
        let (orders, receiver) = mpsc::sync_channel(WAITING_REQUESTS);
        let receiver = Arc::new(Mutex::new(receiver));
        for _ in 0..THREADS {
            let (model, receiver) = (Arc::clone(model), Arc::clone(&receiver));
            let results = results.clone();
            std::thread::Builder::new()
                .name("prepare".into())
                .spawn(move || serve(&model, context, &receiver, &results))?;
        }
        Ok(Self { orders })
    }

    /// Hands in a request; a full queue refuses.
    pub(crate) fn submit(&self, request: RequestId, job: Job) -> Result<(), Fault> {
        let order = Order { request, arrived: Instant::now(), job };
        self.orders.try_send(order).map_err(|error| match error {
            TrySendError::Full(_) => Fault::Refused(Refusal::QueueFull),
            TrySendError::Disconnected(_) => Fault::EngineCrash,
        })
    }
}

fn serve(
    model: &Model,
    context: u32,
    orders: &Mutex<Receiver<Order>>,
    results: &SyncSender<Input>,
) {
    loop {
        let next = orders.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(Order { request, arrived, job }) = next else { return };
        // A request that makes some library panic must not take this thread along.
        let prepare = AssertUnwindSafe(|| prepare(model, context, request, arrived, job));
        let outcome = catch_unwind(prepare).unwrap_or(Err(Fault::BadRequest));
        let ready = Box::new(Ready { request, outcome });
        if results.send(Input::Prepared(ready)).is_err() {
            return;
        }
    }
}

fn prepare(
    model: &Model,
    context: u32,
    request: RequestId,
    arrived: Instant,
    job: Job,
) -> Result<Prepared, Fault> {
    match job {
        Job::Generate(body) => generation(model, context, request, arrived, *body)
            .map(|(generation, finish)| Prepared::Generation(Box::new(generation), finish)),
        Job::Embed(body) => embedding(model, body, arrived),
    }
}

fn embedding(model: &Model, body: Embed, arrived: Instant) -> Result<Prepared, Fault> {
    let ids = |input: EmbedInput| match input {
        EmbedInput::Text(text) => prompt::embed_ids(&model.llama, &text),
        EmbedInput::Tokens(tokens) => tokens,
    };
    let inputs: Vec<Vec<u32>> = body.inputs.into_iter().map(ids).collect();
    let known = inputs.iter().flatten().all(|id| model.vocabulary.contains(*id));
    if inputs.is_empty() || inputs.iter().any(Vec::is_empty) || !known {
        return Err(Fault::BadRequest);
    }
    let longest = inputs.iter().map(Vec::len).max().unwrap_or(0);
    let needed = u32::try_from(longest).unwrap_or(u32::MAX);
    let available = EMBED_TOKENS.min(model.llama.n_ctx_train());
    if needed > available {
        return Err(Fault::Context { needed, available });
    }
    Ok(Prepared::Embedding { inputs, dimensions: body.dimensions, arrived })
}

/// The chat of a request, if it is one.
struct ChatRequest<'a> {
    messages: &'a [Message],
    tools: &'a [Tool],
    choice: &'a ToolChoice,
    thinking: Think,
    /// Text with which the answer begins already.
    begun: Option<String>,
}

fn chat_request(prompt: &Prompt) -> Option<ChatRequest<'_>> {
    match prompt {
        Prompt::Chat { messages, tools, tool_choice, thinking } => {
            let tools = if *tool_choice == ToolChoice::None { &[] } else { tools.as_slice() };
            let (messages, begun) = begun(messages);
            // Whoever has begun to answer has thought.
            let thinking = if begun.is_some() { Think::Off } else { *thinking };
            Some(ChatRequest { messages, tools, choice: tool_choice, thinking, begun })
        }
        Prompt::Text(_) | Prompt::Tokens(_) => None,
    }
}

/// A last message of the model's own is the beginning of its answer; one with calls is not.
fn begun(messages: &[Message]) -> (&[Message], Option<String>) {
    match messages.split_last() {
        Some((last, before))
            if last.role == Role::Assistant && last.tool_calls.is_empty() && !before.is_empty() =>
        {
            (before, Some(last.joined_text()))
        }
        Some(_) | None => (messages, None),
    }
}

/// What to continue: ids, how to read the answer, strings that end it besides the request's own.
struct Rendered {
    ids: Vec<u32>,
    /// How many of these are the beginning of the answer.
    begun: usize,
    syntax: OutputSyntax,
    stop: Option<String>,
}

/// A model under ChatML that does not know its end of turn as a token would never stop.
const CHATML_END: &str = "<|im_end|>";

fn render(model: &Model, request: &ChatRequest<'_>) -> Result<Rendered, Fault> {
    let images = |m: &Message| m.content.iter().any(|part| matches!(part, Part::Image(_)));
    if request.messages.iter().any(images) {
        return Err(Fault::Capability);
    }
    if !request.tools.is_empty() && model.template.tools() == ToolSyntax::None {
        return Err(Fault::Capability);
    }
    let ChatRequest { messages, tools, thinking, ref begun, .. } = *request;
    let chat = Chat { messages, tools, thinking };
    let controls = model.vocabulary.control_texts();
    let rendered = model.template.render(chat, controls).map_err(|_| Fault::Template)?;
    let mut ids = prompt::chat_ids(&model.llama, &model.vocabulary, &rendered.text);
    let answer =
        begun.as_deref().map_or_else(Vec::new, |text| prompt::answer_ids(&model.llama, text));
    let begun = answer.len();
    ids.extend(answer);
    let own_end = model.vocabulary.control(CHATML_END).is_some();
    let stop = (model.template.is_fallback() && !own_end).then(|| CHATML_END.to_owned());
    Ok(Rendered { ids, begun, syntax: rendered.syntax, stop })
}

fn rendered(model: &Model, body: &Generate) -> Result<Rendered, Fault> {
    let plain = |ids| Rendered { ids, begun: 0, syntax: OutputSyntax::default(), stop: None };
    let mut rendered = match (&body.prompt, chat_request(&body.prompt)) {
        (_, Some(chat)) => render(model, &chat)?,
        (Prompt::Text(text), None) => {
            plain(prompt::text_ids(&model.llama, &model.vocabulary, text))
        }
        (Prompt::Tokens(ids), None) => plain(ids.clone()),
        (Prompt::Chat { .. }, None) => return Err(Fault::BadRequest),
    };
    // A continuation keeps the first attempt's ids: templates may hold dates.
    if let Some(resume) = &body.resume {
        rendered.ids.clone_from(&resume.prompt);
    }
    let delivered = body.resume.iter().flat_map(|resume| &resume.delivered);
    let known = rendered.ids.iter().chain(delivered).all(|id| model.vocabulary.contains(*id));
    if rendered.ids.is_empty() || !known {
        return Err(Fault::BadRequest);
    }
    Ok(rendered)
}

/// What the answer must look like, if the request says so.
fn shape(model: &Model, body: &Generate) -> Result<Option<Shape>, Fault> {
    let json = match &body.format {
        OutputFormat::Text => None,
        OutputFormat::JsonObject => Some(serde_json::json!({ "type": "object" })),
        OutputFormat::JsonSchema(text) => Some(parse_schema(text).map_err(|_| Fault::Grammar)?),
        OutputFormat::Lark(text) => return Ok(Some(Shape::Lark(text.clone()))),
    };
    let chat = chat_request(&body.prompt).filter(|chat| !chat.tools.is_empty());
    let Some(ChatRequest { tools, choice, .. }) = chat else {
        return Ok(json.map(Shape::Json));
    };
    let named = |name: &str| tools.iter().filter(|tool| tool.name == name).collect();
    let (may_call, or_json): (Vec<&Tool>, _) = match (choice, json) {
        (ToolChoice::Auto, None) | (ToolChoice::None, _) => return Ok(None),
        (ToolChoice::Auto, Some(schema)) => (tools.iter().collect(), Some(schema)),
        (ToolChoice::Required, _) => (tools.iter().collect(), None),
        (ToolChoice::Named(name), _) => (named(name), None),
    };
    if may_call.is_empty() {
        return Err(Fault::BadRequest);
    }
    let uses: Result<Vec<ToolUse>, _> = may_call.into_iter().map(ToolUse::of).collect();
    let tools = uses.map_err(|_| Fault::Grammar)?;
    Ok(Some(Shape::Tools { syntax: model.template.tools(), tools, or_json }))
}

/// `begun`: what the answer begins with; it must be of that shape, too.
fn grammar(model: &Model, body: &Generate, begun: &[u32]) -> Result<Option<Grammar>, Fault> {
    let Some(shape) = shape(model, body)? else { return Ok(None) };
    let compiled = model.grammars.compile(&shape, &model.vocabulary);
    let mut grammar = compiled.map_err(|_| Fault::Grammar)?;
    for id in begun {
        grammar.accept(*id).map_err(|_| Fault::BadRequest)?;
    }
    Ok(Some(grammar))
}

fn sampler(model: &Model, body: &Generate) -> Sampler {
    let banned = if body.ignore_eos { model.vocabulary.answer_ends() } else { Vec::new() };
    Sampler::new(&body.sampling, model.defaults, &banned)
}

/// The thinking block, and the ids that open it where a grammar would otherwise forbid it.
fn thinking(
    model: &Model,
    body: &Generate,
    syntax: OutputSyntax,
    constrained: bool,
) -> (Thinking, VecDeque<u32>) {
    let asked = chat_request(&body.prompt).map_or(Think::Default, |chat| chat.thinking);
    let budget = match asked {
        Think::On(budget) => budget,
        Think::Default | Think::Off | Think::Auto => None,
    };
    let mut thinking = Thinking::begin(syntax, constrained, budget);
    let mut forced = VecDeque::new();
    let opens = constrained && syntax.thinking && !syntax.thinking_open;
    if opens && matches!(asked, Think::On(_)) {
        thinking.expect_open();
        forced.extend(prompt::tag_ids(&model.llama, "<think>"));
    }
    (thinking, forced)
}

fn generation(
    model: &Model,
    context: u32,
    request: RequestId,
    arrived: Instant,
    body: Generate,
) -> Result<(Generation, Option<Finish>), Fault> {
    if !model.generates() {
        return Err(Fault::Capability);
    }
    if !body.is_within_limits() {
        return Err(Fault::BadRequest);
    }
    let Rendered { ids, begun, syntax, stop } = rendered(model, &body)?;
    let left = (context as usize).saturating_sub(ids.len());
    if left == 0 {
        let needed = u32::try_from(ids.len() + 1).unwrap_or(u32::MAX);
        return Err(Fault::Context { needed, available: context });
    }
    let grammar = grammar(model, &body, &ids[ids.len().saturating_sub(begun)..])?;
    let (thinking, forced) = thinking(model, &body, syntax, grammar.is_some());
    let mut sampler = sampler(model, &body);
    sampler.see_prompt(&ids);
    let stops: Vec<String> = body.stop.iter().cloned().chain(stop).collect();
    let close_thinking =
        if syntax.thinking { prompt::tag_ids(&model.llama, "</think>") } else { Vec::new() };
    let mut generation = Generation {
        request,
        prompt_len: ids.len(),
        ids,
        delivered: 0,
        syntax,
        max_tokens: body.max_tokens.map_or(left, |max| left.min(max as usize)),
        logprobs: body.logprobs,
        sampler,
        grammar,
        stop: StopMatcher::new(&stops),
        thinking,
        forced,
        close_thinking,
        cached: 0,
        clock: Clock::new(arrived),
        tempo: Tempo::Full,
        drafts: Drafts::default(),
    };
    let delivered = body.resume.map(|resume| resume.delivered).unwrap_or_default();
    let mut finish = generation.replay(&delivered, &model.vocabulary)?;
    if generation.max_tokens == 0 {
        finish = Some(Finish::Length);
    }
    Ok((generation, finish))
}
