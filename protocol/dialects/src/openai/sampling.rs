//! Numbers that steer drawing and ending: ranges as the API reference states them.

use pumasi_protocol::{Sampling, limits as protocol_limits};

use crate::fields::sampling;
use crate::invalid::{Invalid, Reason};
use crate::json::{Kind, Object, Value};
use crate::limits;

pub(super) fn parse(body: &mut Object<'_>) -> Result<Sampling, Invalid> {
    Ok(Sampling {
        temperature: body.optional("temperature", |v| v.number(0.0, 2.0))?,
        top_k: body.optional("top_k", sampling::top_k)?,
        top_p: body.optional("top_p", |v| v.number(0.0, 1.0))?,
        min_p: body.optional("min_p", |v| v.number(0.0, 1.0))?,
        repeat_penalty: body.optional("repetition_penalty", |v| v.number(0.01, 10.0))?,
        frequency_penalty: body.optional("frequency_penalty", |v| v.number(-2.0, 2.0))?,
        presence_penalty: body.optional("presence_penalty", |v| v.number(-2.0, 2.0))?,
        logit_bias: body.optional("logit_bias", logit_bias)?.unwrap_or_default(),
        seed: body.optional("seed", sampling::seed)?,
    })
}

fn logit_bias(value: &Value<'_>) -> Result<Vec<(u32, f32)>, Invalid> {
    let object = value.object()?;
    let max = protocol_limits::LOGIT_BIAS_ENTRIES;
    if object.len() > max {
        return Err(value.fail(Reason::TooMany { max }));
    }
    let entry = |(key, bias): (String, Value<'_>)| {
        let id = key
            .parse::<u32>()
            .map_err(|_| bias.fail(Reason::Type { expected: "token ids as keys" }))?;
        Ok((id, bias.number(-100.0, 100.0)?))
    };
    object.rest().map(entry).collect()
}

/// `max_completion_tokens`, or the older `max_tokens`.
pub(super) fn max_tokens(body: &mut Object<'_>) -> Result<Option<u32>, Invalid> {
    let newer = body.optional("max_completion_tokens", sampling::max_tokens)?;
    let older = body.optional("max_tokens", sampling::max_tokens)?;
    Ok(newer.or(older))
}

pub(super) fn stop(value: &Value<'_>) -> Result<Vec<String>, Invalid> {
    if value.kind() == Kind::String {
        return Ok(vec![sampling::stop_string(value)?]);
    }
    sampling::stops(value)
}

pub(super) fn count(body: &mut Object<'_>) -> Result<usize, Invalid> {
    let n = body.optional("n", |v| v.integer(1, limits::CHOICES))?.unwrap_or(1);
    Ok(usize::try_from(n).expect("between one and eight"))
}

pub(super) fn include_usage(value: &Value<'_>) -> Result<bool, Invalid> {
    let mut options = value.object()?;
    options.flag("include_usage")
}
