//! `POST /v1/completions`: raw text or token ids, continued.

use pumasi_protocol::{Generate, JobKind, Prompt, limits as protocol_limits};

use super::sampling;
use crate::fields::{self, placement, placement::Placement};
use crate::invalid::{Invalid, Reason};
use crate::json::{self, Ignored, Kind, Object, Value};
use crate::limits;
use crate::preferences;
use crate::request::{Form, GenerateRequest, Options};

/// Parses a body.
///
/// # Errors
/// The first thing that is wrong with it.
pub fn parse(bytes: &[u8], options: Options) -> Result<GenerateRequest, Invalid> {
    let mut body = json::body(bytes)?;
    let mut ignored = Ignored::new(options.strict);
    body.refuse("suffix", "suffix")?;
    let model = preferences::model(&mut body)?;
    let prompt = body.require("prompt")?;
    let prompts = prompts(&prompt)?;
    let template = template(&mut body)?;
    let n = sampling::count(&mut body)?;
    best_of(&mut body, n)?;
    if prompts.len() * n > limits::ANSWERS {
        return Err(prompt.fail(Reason::TooMany { max: limits::ANSWERS / n }));
    }
    let answers = prompts
        .into_iter()
        .flat_map(|prompt| fields::sampling::copies(&Generate { prompt, ..template.clone() }, n));
    let answers = answers.collect();
    let Placement { constraints, priority, preferences, keep_alive } = placement::parse(&mut body)?;
    let request = GenerateRequest {
        kind: JobKind::Completion,
        model,
        answers,
        copies: n,
        stream: body.flag("stream")?,
        parallel_tool_calls: true,
        form: Form::Completion {
            include_usage: body
                .optional("stream_options", sampling::include_usage)?
                .unwrap_or(false),
            echo: body.flag("echo")?,
        },
        constraints,
        priority,
        preferences,
        keep_alive,
        ignored: Vec::new(),
    };
    body.optional("user", |v| v.label(limits::LABEL_CHARS))?;
    body.finish(&mut ignored)?;
    Ok(GenerateRequest { ignored: ignored.into_names(), ..request })
}

fn template(body: &mut Object<'_>) -> Result<Generate, Invalid> {
    let mut generate = Generate::new(Prompt::Text(String::new()));
    generate.sampling = sampling::parse(body)?;
    generate.max_tokens = sampling::max_tokens(body)?;
    generate.stop = body.optional("stop", sampling::stop)?.unwrap_or_default();
    generate.logprobs = body.optional("logprobs", fields::sampling::alternatives)?;
    generate.ignore_eos = body.flag("ignore_eos")?;
    Ok(generate)
}

/// Drawing more answers than are given back is not served.
fn best_of(body: &mut Object<'_>, n: usize) -> Result<(), Invalid> {
    let Some(value) = body.take("best_of") else { return Ok(()) };
    let best_of = value.integer(1, limits::CHOICES)?;
    if usize::try_from(best_of) == Ok(n) {
        return Ok(());
    }
    Err(value.fail(Reason::Unsupported { what: "best_of other than n" }))
}

fn prompts(value: &Value<'_>) -> Result<Vec<Prompt>, Invalid> {
    if value.kind() == Kind::String {
        return Ok(vec![Prompt::Text(value.string()?)]);
    }
    let entries = value.array(protocol_limits::CONTEXT_TOKENS as usize)?;
    match entries.first().map(Value::kind) {
        None => Err(value.fail(Reason::Empty)),
        Some(Kind::Number) => Ok(vec![Prompt::Tokens(tokens(&entries)?)]),
        Some(_) if entries.len() > limits::ANSWERS => {
            Err(value.fail(Reason::TooMany { max: limits::ANSWERS }))
        }
        Some(_) => entries.iter().map(one).collect(),
    }
}

fn one(value: &Value<'_>) -> Result<Prompt, Invalid> {
    if value.kind() == Kind::String {
        return Ok(Prompt::Text(value.string()?));
    }
    let entries = value.array(protocol_limits::CONTEXT_TOKENS as usize)?;
    if entries.is_empty() {
        return Err(value.fail(Reason::Empty));
    }
    Ok(Prompt::Tokens(tokens(&entries)?))
}

pub(super) fn tokens(entries: &[Value<'_>]) -> Result<Vec<u32>, Invalid> {
    let token = |value: &Value<'_>| {
        let id = value.integer(0, i64::from(i32::MAX))?;
        Ok(u32::try_from(id).expect("the range is that of a positive i32"))
    };
    entries.iter().map(token).collect()
}
