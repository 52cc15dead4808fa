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
        if let Some(choice) = choices.iter().find(mine) {
            self.choice(choice, heard)?;
        }
        if chunk["usage"].is_object() {
            heard.push(Heard::Counts(counts(&chunk["usage"])));
        }
        Ok(())
    }

    fn choice(&mut self, choice: &Value, heard: &mut Vec<Heard>) -> Result<(), ProviderFault> {
        let delta = if choice["delta"].is_object() { &choice["delta"] } else { &choice["message"] };
        let thought =
            ["reasoning_content", "reasoning"].iter().find_map(|name| delta[*name].as_str());
        if let Some(text) = thought.filter(|text| !text.is_empty()) {
            heard.push(Heard::Delta(Delta::Reasoning(text.to_owned())));
        }
        if let Some(text) = delta["content"].as_str().filter(|text| !text.is_empty()) {
            let logprobs = logprobs(&choice["logprobs"]["content"]);
            heard.push(Heard::Delta(Delta::Content { text: text.to_owned(), logprobs }));
        }
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
            Some("length") => self.ending = Some(Ending::Length),
            Some("content_filter") => return Err(ProviderFault::Filtered),
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

/// Counts as they are told; what is no count is none.
fn counts(usage: &Value) -> Counts {
    let count = |value: &Value| value.as_u64().unwrap_or(0);
    Counts {
        prompt: count(&usage["prompt_tokens"]),
        cached: count(&usage["prompt_tokens_details"]["cached_tokens"]),
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
