//! What Gemini's chunks say: each is a whole response with more of the answer. Calls come whole, and a
//! stream has no last word but the end of the connection.

use serde_json::Value;

use crate::assemble::{Delta, Ending, TokenLogprob};
use crate::provider::calls::Calls;
use crate::provider::{Heard, ProviderFault};
use crate::reply::Counts;

/// One answer while it is heard.
#[derive(Debug, Default)]
pub(in crate::provider) struct Hearing {
    calls: Calls,
    called: u64,
    ending: Option<Ending>,
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
        if chunk["promptFeedback"]["blockReason"].is_string() {
            return Err(ProviderFault::Filtered);
        }
        let candidates = chunk["candidates"].as_array().map_or(&[][..], Vec::as_slice);
        // One answer is asked for; what else there is belongs to nobody.
        let mine = |candidate: &&Value| candidate["index"].as_u64().unwrap_or(0) == 0;
        if let Some(candidate) = candidates.iter().find(mine) {
            self.candidate(candidate, heard)?;
        }
        if chunk["usageMetadata"].is_object() {
            heard.push(Heard::Counts(counts(&chunk["usageMetadata"])));
        }
        Ok(())
    }

    fn candidate(
        &mut self,
        candidate: &Value,
        heard: &mut Vec<Heard>,
    ) -> Result<(), ProviderFault> {
        let mut logprobs = logprobs(&candidate["logprobsResult"]);
        let parts = candidate["content"]["parts"].as_array().map_or(&[][..], Vec::as_slice);
        for part in parts {
            let thought = part["thought"].as_bool().unwrap_or(false);
            if let Some(text) = part["text"].as_str().filter(|text| !text.is_empty()) {
                let text = text.to_owned();
                heard.push(Heard::Delta(if thought {
                    Delta::Reasoning(text)
                } else {
                    // They belong to the chunk: whoever says something first has them.
                    Delta::Content { text, logprobs: std::mem::take(&mut logprobs) }
                }));
            }
            if part["functionCall"].is_object() {
                self.call(&part["functionCall"], heard)?;
            }
        }
        match candidate["finishReason"].as_str() {
            None | Some("FINISH_REASON_UNSPECIFIED") => {}
            Some("STOP") => self.ending = Some(Ending::Stop),
            Some("MAX_TOKENS") => self.ending = Some(Ending::Length),
            Some(
                "SAFETY" | "RECITATION" | "BLOCKLIST" | "PROHIBITED_CONTENT" | "SPII"
                | "IMAGE_SAFETY",
            ) => return Err(ProviderFault::Filtered),
            Some(_) => return Err(ProviderFault::Unavailable),
        }
        Ok(())
    }

    fn call(&mut self, call: &Value, heard: &mut Vec<Heard>) -> Result<(), ProviderFault> {
        let name = call["name"].as_str().filter(|name| !name.is_empty());
        let name = name.ok_or(ProviderFault::Garbled)?;
        let arguments = match &call["args"] {
            Value::Null => "{}".to_owned(),
            Value::Object(arguments) => Value::Object(arguments.clone()).to_string(),
            Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
                return Err(ProviderFault::Garbled);
            }
        };
        let key = self.called;
        self.called += 1;
        self.calls.take(key, call["id"].as_str(), Some(name), &arguments, heard)?;
        self.calls.close(key, heard);
        Ok(())
    }

    /// The end of the connection.
    pub(in crate::provider) fn end(&mut self, heard: &mut Vec<Heard>) {
        heard.push(match self.ending.take() {
            None => Heard::Failed(ProviderFault::CutOff),
            Some(Ending::Stop) if !self.calls.is_empty() => Heard::Ended(Ending::ToolCalls),
            Some(ending) => Heard::Ended(ending),
        });
    }
}

/// Here thoughts are counted beside the answer.
fn counts(usage: &Value) -> Counts {
    let count = |name: &str| usage[name].as_u64().unwrap_or(0);
    let reasoning = count("thoughtsTokenCount");
    Counts {
        prompt: count("promptTokenCount"),
        cached: count("cachedContentTokenCount"),
        completion: count("candidatesTokenCount").saturating_add(reasoning),
        reasoning,
    }
}

fn logprobs(result: &Value) -> Vec<TokenLogprob> {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let one = |token: &Value| -> Option<(Vec<u8>, f32)> {
        let bytes = token["token"].as_str()?.as_bytes().to_vec();
        Some((bytes, token["logProbability"].as_f64()? as f32))
    };
    let tops = list(&result["topCandidates"]);
    let chosen = list(&result["chosenCandidates"]);
    let token = |(place, token): (usize, &Value)| {
        let (bytes, logprob) = one(token)?;
        let top = tops.get(place).map(|top| list(&top["candidates"])).unwrap_or_default();
        Some(TokenLogprob { bytes, logprob, top: top.iter().filter_map(one).collect() })
    };
    chosen.iter().enumerate().filter_map(token).collect()
}
