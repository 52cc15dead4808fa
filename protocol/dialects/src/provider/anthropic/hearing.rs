//! What Anthropic's events say: blocks that are opened, grow and are closed.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::assemble::{Delta, Ending};
use crate::limits;
use crate::provider::calls::Calls;
use crate::provider::{Heard, ProviderFault};
use crate::reply::Counts;

/// What a block is, as far as it matters here.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Block {
    Said,
    /// A call, and the input that came at once with its beginning.
    Call {
        early: Option<String>,
        grew: bool,
    },
    /// What the mesh has no word for: tools that ran at the provider.
    Other,
}

/// One answer while it is heard.
#[derive(Debug, Default)]
pub(in crate::provider) struct Hearing {
    calls: Calls,
    blocks: BTreeMap<u64, Block>,
    counts: Counts,
    ending: Option<Ending>,
    over: bool,
}

impl Hearing {
    pub(in crate::provider) fn event(
        &mut self,
        event: &Value,
        heard: &mut Vec<Heard>,
    ) -> Result<(), ProviderFault> {
        match event["type"].as_str().ok_or(ProviderFault::Garbled)? {
            "message_start" => self.count(&event["message"]["usage"], heard),
            "content_block_start" => {
                let index = event["index"].as_u64().ok_or(ProviderFault::Garbled)?;
                self.open(index, &event["content_block"], heard)?;
            }
            "content_block_delta" => {
                let index = event["index"].as_u64().ok_or(ProviderFault::Garbled)?;
                self.grow(index, &event["delta"], heard)?;
            }
            "content_block_stop" => {
                let index = event["index"].as_u64().ok_or(ProviderFault::Garbled)?;
                self.close(index, heard)?;
            }
            "message_delta" => {
                self.stop(&event["delta"])?;
                self.count(&event["usage"], heard);
            }
            "message_stop" => self.end(heard),
            // Pings, and what this API will have one day.
            _ => {}
        }
        Ok(())
    }

    /// A whole message is its blocks one after the other.
    pub(in crate::provider) fn whole(
        &mut self,
        message: &Value,
        heard: &mut Vec<Heard>,
    ) -> Result<(), ProviderFault> {
        let content = message["content"].as_array().ok_or(ProviderFault::Garbled)?;
        for (index, block) in (0..).zip(content) {
            self.open(index, block, heard)?;
            self.close(index, heard)?;
        }
        self.count(&message["usage"], heard);
        self.stop(message)
    }

    fn open(
        &mut self,
        index: u64,
        block: &Value,
        heard: &mut Vec<Heard>,
    ) -> Result<(), ProviderFault> {
        if self.blocks.len() >= limits::PARTS {
            return Err(ProviderFault::TooLarge);
        }
        let kind = block["type"].as_str().ok_or(ProviderFault::Garbled)?;
        let opened = match kind {
            "text" | "thinking" => {
                say(kind == "thinking", block[kind].as_str().unwrap_or(""), heard);
                Block::Said
            }
            "tool_use" => {
                let (id, name) = (block["id"].as_str(), block["name"].as_str());
                if name.is_none_or(str::is_empty) {
                    return Err(ProviderFault::Garbled);
                }
                self.calls.take(index, id, name, "", heard)?;
                let input = block["input"].as_object().filter(|input| !input.is_empty());
                let early = input.map(|input| Value::Object(input.clone()).to_string());
                Block::Call { early, grew: false }
            }
            _ => Block::Other,
        };
        // One block a number: a second would be taken for more of the first.
        match self.blocks.insert(index, opened) {
            None => Ok(()),
            Some(_) => Err(ProviderFault::Garbled),
        }
    }

    fn grow(
        &mut self,
        index: u64,
        delta: &Value,
        heard: &mut Vec<Heard>,
    ) -> Result<(), ProviderFault> {
        let block = self.blocks.get_mut(&index).ok_or(ProviderFault::Garbled)?;
        match (delta["type"].as_str().unwrap_or(""), block) {
            ("text_delta", Block::Said) => say(false, delta["text"].as_str().unwrap_or(""), heard),
            ("thinking_delta", Block::Said) => {
                say(true, delta["thinking"].as_str().unwrap_or(""), heard);
            }
            ("input_json_delta", Block::Call { grew, .. }) => {
                let text = delta["partial_json"].as_str().unwrap_or("");
                *grew |= !text.is_empty();
                self.calls.take(index, None, None, text, heard)?;
            }
            // Signatures, citations, and what grows in blocks that are nothing here.
            (_, Block::Said | Block::Call { .. } | Block::Other) => {}
        }
        Ok(())
    }

    fn close(&mut self, index: u64, heard: &mut Vec<Heard>) -> Result<(), ProviderFault> {
        if let Some(Block::Call { early: Some(input), grew: false }) = self.blocks.get(&index) {
            let input = input.clone();
            self.calls.take(index, None, None, &input, heard)?;
        }
        self.calls.close(index, heard);
        Ok(())
    }

    fn stop(&mut self, delta: &Value) -> Result<(), ProviderFault> {
        self.ending = match delta["stop_reason"].as_str() {
            None => return Ok(()),
            Some("refusal") => return Err(ProviderFault::Filtered),
            Some("max_tokens" | "model_context_window_exceeded") => Some(Ending::Length),
            Some("tool_use") => Some(Ending::ToolCalls),
            Some("stop_sequence") => {
                let sequence = delta["stop_sequence"].as_str();
                Some(sequence.map_or(Ending::Stop, |stop| Ending::StopString(stop.to_owned())))
            }
            Some(_) => Some(Ending::Stop),
        };
        Ok(())
    }

    /// Here the prompt's count leaves out what came from the cache or went there.
    fn count(&mut self, usage: &Value, heard: &mut Vec<Heard>) {
        if !usage.is_object() {
            return;
        }
        let count = |name: &str| usage[name].as_u64();
        if let Some(fresh) = count("input_tokens") {
            let cached = count("cache_read_input_tokens").unwrap_or(0);
            let written = count("cache_creation_input_tokens").unwrap_or(0);
            self.counts.prompt = fresh.saturating_add(cached).saturating_add(written);
            self.counts.cached = cached;
        }
        self.counts.completion = count("output_tokens").unwrap_or(self.counts.completion);
        let thinking = usage["output_tokens_details"]["thinking_tokens"].as_u64();
        self.counts.reasoning = thinking.unwrap_or(self.counts.reasoning);
        heard.push(Heard::Counts(self.counts));
    }

    /// The last event, or the end of the connection.
    pub(in crate::provider) fn end(&mut self, heard: &mut Vec<Heard>) {
        if std::mem::replace(&mut self.over, true) {
            return;
        }
        self.calls.finish(heard);
        let ending = self.ending.take();
        heard.push(ending.map_or(Heard::Failed(ProviderFault::CutOff), Heard::Ended));
    }
}

fn say(thinking: bool, text: &str, heard: &mut Vec<Heard>) {
    if text.is_empty() {
        return;
    }
    let text = text.to_owned();
    heard.push(Heard::Delta(if thinking {
        Delta::Reasoning(text)
    } else {
        Delta::Content { text, logprobs: Vec::new() }
    }));
}
