//! A provider's tool calls, one after the other, whatever order it tells them in. Ids that are missing
//! or given twice are replaced: results could not be told apart.

use std::collections::BTreeSet;

use super::{Heard, ProviderFault};
use crate::assemble::Delta;
use crate::json;
use crate::limits;

/// One call, as far as it is known.
#[derive(Debug)]
struct Call {
    /// The provider's own number for it.
    key: u64,
    id: Option<String>,
    name: String,
    arguments: String,
    /// Bytes of the arguments that were told.
    told: usize,
    begun: bool,
    done: bool,
}

/// All calls of one answer.
#[derive(Debug, Default)]
pub(super) struct Calls {
    calls: Vec<Call>,
    /// The first call that is not over.
    live: usize,
    ids: BTreeSet<String>,
}

impl Calls {
    pub(super) fn is_empty(&self) -> bool {
        self.calls.is_empty()
    }

    /// More of the call that the provider numbers `key`.
    pub(super) fn take(
        &mut self,
        key: u64,
        id: Option<&str>,
        name: Option<&str>,
        arguments: &str,
        heard: &mut Vec<Heard>,
    ) -> Result<(), ProviderFault> {
        let at = self.calls.iter().position(|call| call.key == key);
        let at = match at {
            Some(at) => at,
            None if self.calls.len() >= limits::TOOL_CALLS => return Err(ProviderFault::TooLarge),
            None => {
                self.calls.push(Call {
                    key,
                    id: None,
                    name: String::new(),
                    arguments: String::new(),
                    told: 0,
                    begun: false,
                    done: false,
                });
                self.calls.len() - 1
            }
        };
        let call = &mut self.calls[at];
        if call.id.is_none() {
            call.id = id.filter(|id| !id.is_empty()).map(str::to_owned);
        }
        if !call.begun {
            call.name.push_str(name.unwrap_or(""));
        }
        if call.arguments.len() + arguments.len() > limits::PROVIDER_ARGUMENT_BYTES {
            return Err(ProviderFault::TooLarge);
        }
        call.arguments.push_str(arguments);
        self.tell(heard);
        Ok(())
    }

    /// Nothing more comes of this call.
    pub(super) fn close(&mut self, key: u64, heard: &mut Vec<Heard>) {
        if let Some(call) = self.calls.iter_mut().find(|call| call.key == key) {
            call.done = true;
        }
        self.tell(heard);
    }

    /// Nothing more comes of any call.
    pub(super) fn finish(&mut self, heard: &mut Vec<Heard>) {
        self.calls.iter_mut().for_each(|call| call.done = true);
        self.tell(heard);
    }

    /// Tells of the live call what is new, and goes to the next when it is over: said to be, or a whole
    /// object while another has begun.
    fn tell(&mut self, heard: &mut Vec<Heard>) {
        while let Some(call) = self.calls.get_mut(self.live) {
            let index = u32::try_from(self.live).unwrap_or(u32::MAX);
            if !call.begun && !call.name.is_empty() {
                call.begun = true;
                let id = call.id.take().filter(|id| id.len() <= limits::LABEL_CHARS);
                let id = id.filter(|id| self.ids.insert(id.clone()));
                let id = id.unwrap_or_else(|| format!("call{index:05}"));
                heard.push(Heard::Delta(Delta::ToolCall { index, id, name: call.name.clone() }));
            }
            if call.begun && call.told < call.arguments.len() {
                let text = call.arguments[call.told..].to_owned();
                call.told = call.arguments.len();
                heard.push(Heard::Delta(Delta::Arguments { index, text }));
            }
            let another = self.calls.len() > self.live + 1;
            let call = &self.calls[self.live];
            if !(call.done || (another && json::is_object(&call.arguments))) {
                return;
            }
            self.live += 1;
        }
    }
}
