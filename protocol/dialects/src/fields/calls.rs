//! Which call a tool's result answers, in dialects that name the tool instead of the call, or leave the
//! id out. Calls without an id get one that depends on nothing but their place.

use std::collections::{BTreeSet, VecDeque};

use pumasi_protocol::{Message, Role};

use crate::invalid::{Invalid, Reason};

/// The calls of a conversation so far.
#[derive(Debug, Default)]
pub(crate) struct Calls {
    /// Those without a result, oldest first: id and name.
    open: VecDeque<(String, String)>,
    ids: BTreeSet<String>,
    made: usize,
}

impl Calls {
    /// Notes a call. Gives its id.
    pub(crate) fn call(&mut self, id: Option<String>, name: &str) -> String {
        let id = id.unwrap_or_else(|| self.next_id());
        self.made += 1;
        self.ids.insert(id.clone());
        self.open.push_back((id.clone(), name.to_owned()));
        id
    }

    /// Nine letters and digits, as the strictest chat templates want them.
    fn next_id(&self) -> String {
        (self.made..)
            .map(|n| format!("call{n:05}"))
            .find(|id| !self.ids.contains(id))
            .expect("there are more numbers than calls")
    }

    /// The call that a result answers: by id, else the oldest open one of that name.
    pub(crate) fn result(
        &mut self,
        id: Option<&str>,
        name: Option<&str>,
        param: &str,
    ) -> Result<String, Invalid> {
        if let Some(id) = id {
            self.open.retain(|(open, _)| open != id);
            let known = self.ids.contains(id);
            return known.then(|| id.to_owned()).ok_or_else(|| unknown(param));
        }
        let fits = |(_, called): &(String, String)| name.is_none_or(|name| name == called);
        let at = self.open.iter().position(fits).ok_or_else(|| unknown(param))?;
        let (id, _) = self.open.remove(at).ok_or_else(|| unknown(param))?;
        Ok(id)
    }
}

fn unknown(param: &str) -> Invalid {
    Invalid::at(param, Reason::ResultWithoutCall)
}

/// What every conversation needs besides instructions: somebody who speaks. Where that is the model
/// alone, there is nothing to answer.
pub(crate) fn check_turns(param: &str, messages: &[Message]) -> Result<(), Invalid> {
    let speaks = |message: &Message| matches!(message.role, Role::User | Role::Tool);
    match messages.iter().any(speaks) {
        true => Ok(()),
        false if messages.is_empty() => Err(Invalid::at(param, Reason::NoMessages)),
        false => Err(Invalid::at(param, Reason::OnlyInstructions)),
    }
}
