//! What OpenAI's chunks say. A whole reply is one chunk whose message is its only delta.

use serde_json::Value;

use crate::assemble::{Delta, Ending, TokenLogprob};
use crate::provider::calls::Calls;
use crate::provider::{Heard, ProviderFault};
use crate::reply::Counts;

/// One answer while it is heard.
#[derive(Debug, Default)]
pub(in crate::provider) struct Hearing {
    calls: Calls,
    ending: Option<Ending>,
    /// The last word was said.
    over: bool,
}

impl Hearing {
    pub(in crate::provider) fn chunk(
        &mut self,
        chunk: &Value,
        heard: &mut Vec<Heard>,
    ) -> Result<(), ProviderFault> {
        if !chunk.is_object() {
            return Err(ProviderFault::Garbled);
        }
        let choices = chunk["choices"].as_array().map_or(&[][..], Vec::as_slice);
        // One answer is asked for; what else there is belongs to nobody.
        let mine = |choice: &&Value| choice["index"].as_u64().unwrap_or(0) == 0;
        let choice = choices.iter().find(mine);
        if let Some(choice) = choice {
            self.choice(choice, heard)?;
        }
        // Groq has its counts in a place of its own, Moonshot in the choice.
        let places = [&chunk["usage"], &chunk["x_groq"]["usage"]];
        let places = places.into_iter().chain(choice.map(|choice| &choice["usage"]));
        let usage = places.into_iter().find(|usage| usage.is_object());
        heard.extend(usage.map(|usage| Heard::Counts(counts(usage))));
        Ok(())
    }

    fn choice(&mut self, choice: &Value, heard: &mut Vec<Heard>) -> Result<(), ProviderFault> {
        let delta = if choice["delta"].is_object() { &choice["delta"] } else { &choice["message"] };
        let thought =
            ["reasoning_content", "reasoning"].iter().find_map(|name| delta[*name].as_str());
        if let Some(text) = thought.filter(|text| !text.is_empty()) {
            heard.push(Heard::Delta(Delta::Reasoning(text.to_owned())));
        }
        // Continuations of raw text have it beside, not in, a message.
        let content = if delta["content"].is_null() { &choice["text"] } else { &delta["content"] };
        say(content, logprobs(&choice["logprobs"]["content"]), heard);
        content.as_array().into_iter().flatten().for_each(|part| say_part(part, heard));
        let calls = delta["tool_calls"].as_array().map_or(&[][..], Vec::as_slice);
        for (place, call) in (0..).zip(calls) {
            let key = call["index"].as_u64().unwrap_or(place);
            let function = &call["function"];
            let arguments = function["arguments"].as_str().unwrap_or("");
            let (id, name) = (call["id"].as_str(), function["name"].as_str());
            self.calls.take(key, id, name, arguments, heard)?;
        }
        match choice["finish_reason"].as_str() {
            None => {}
            // The second is Mistral's.
            Some("length" | "model_length") => self.ending = Some(Ending::Length),
            Some("content_filter") => return Err(ProviderFault::Filtered),
            // OpenRouter's and Mistral's, and DeepSeek's.
            Some("error" | "insufficient_system_resource") => {
                return Err(ProviderFault::Unavailable);
            }
            Some(_) => self.ending = Some(Ending::Stop),
        }
        Ok(())
    }

    /// The last event, or the end of the connection.
    pub(in crate::provider) fn end(&mut self, heard: &mut Vec<Heard>) {
        if std::mem::replace(&mut self.over, true) {
            return;
        }
        self.calls.finish(heard);
        heard.push(match self.ending.take() {
            None => Heard::Failed(ProviderFault::CutOff),
            Some(Ending::Stop) if !self.calls.is_empty() => Heard::Ended(Ending::ToolCalls),
            Some(ending) => Heard::Ended(ending),
        });
    }
}

fn say(content: &Value, logprobs: Vec<TokenLogprob>, heard: &mut Vec<Heard>) {
    if let Some(text) = content.as_str().filter(|text| !text.is_empty()) {
        heard.push(Heard::Delta(Delta::Content { text: text.to_owned(), logprobs }));
    }
}

/// Mistral's models that think write content in parts: texts, and thoughts made of texts.
fn say_part(part: &Value, heard: &mut Vec<Heard>) {
    match part["type"].as_str() {
        Some("text") => say(&part["text"], Vec::new(), heard),
        Some("thinking") => {
            let texts = part["thinking"].as_array().map_or(&[][..], Vec::as_slice);
            let texts = texts.iter().filter_map(|text| text["text"].as_str());
            let texts = texts.filter(|text| !text.is_empty());
            heard.extend(texts.map(|text| Heard::Delta(Delta::Reasoning(text.to_owned()))));
        }
        // References and what else is no text.
        Some(_) | None => {}
    }
}

/// Counts as they are told; what is no count is none.
fn counts(usage: &Value) -> Counts {
    let count = |value: &Value| value.as_u64().unwrap_or(0);
    let cached = &usage["prompt_tokens_details"]["cached_tokens"];
    // DeepSeek's word for it.
    let cached = cached.as_u64().or_else(|| usage["prompt_cache_hit_tokens"].as_u64());
    Counts {
        prompt: count(&usage["prompt_tokens"]),
        cached: cached.unwrap_or(0),
        completion: count(&usage["completion_tokens"]),
        reasoning: count(&usage["completion_tokens_details"]["reasoning_tokens"]),
    }
}

fn logprobs(tokens: &Value) -> Vec<TokenLogprob> {
    let tokens = tokens.as_array().map_or(&[][..], Vec::as_slice);
    let one = |token: &Value| -> Option<(Vec<u8>, f32)> {
        let bytes = token["bytes"]
            .as_array()
            .map(|bytes| bytes.iter().filter_map(|b| u8::try_from(b.as_u64()?).ok()).collect());
        let bytes = bytes.or_else(|| Some(token["token"].as_str()?.as_bytes().to_vec()))?;
        Some((bytes, token["logprob"].as_f64()? as f32))
    };
    let token = |token: &Value| {
        let (bytes, logprob) = one(token)?;
        let top = token["top_logprobs"].as_array().map_or(&[][..], Vec::as_slice);
        Some(TokenLogprob { bytes, logprob, top: top.iter().filter_map(one).collect() })
    };
    tokens.iter().filter_map(token).collect()
}
