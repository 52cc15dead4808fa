//! Gates: whether a job may run on a node at all. The same ones nominate at the owner, by hints, and
//! decide at the executor, by the truth.

use pumasi_protocol::{
    Admission, Capabilities, ModelAdvert, ModelState, Need, NodeAdvert, NodeId, Refusal, Trust,
};

use crate::input::MemberFacts;
use crate::rank::{Candidate, Policy};

/// Who asks whom.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Door {
    /// The node that would run the job.
    pub(crate) node: NodeId,
    /// What the roster says of it.
    pub(crate) member: Option<MemberFacts>,
    /// Whether it takes jobs.
    pub(crate) admission: Admission,
    /// The job's owner.
    pub(crate) owner: NodeId,
    /// Whether the owner's roles let it submit to others.
    pub(crate) may_submit: bool,
}

/// All gates of one candidate; the model that passed.
pub(crate) fn pass<'a>(
    need: &Need,
    candidate: &Candidate<'a>,
    policy: &Policy<'_>,
    some_holds_all: bool,
) -> Result<&'a ModelAdvert, Refusal> {
    let model = pass_alone(need, candidate, policy)?;
    if some_holds_all && !fits_longest(need, model) {
        return Err(context_refusal(need, model, longest_answer(need)));
    }
    Ok(model)
}

/// Whether the candidate passes and its context holds the longest answer that was asked for.
pub(crate) fn holds_longest_answer(
    need: &Need,
    candidate: &Candidate<'_>,
    policy: &Policy<'_>,
) -> bool {
    pass_alone(need, candidate, policy).is_ok_and(|model| fits_longest(need, model))
}

fn pass_alone<'a>(
    need: &Need,
    candidate: &Candidate<'a>,
    policy: &Policy<'_>,
) -> Result<&'a ModelAdvert, Refusal> {
    if let Some(refusal) = &candidate.refused {
        return Err(refusal.clone());
    }
    let door = Door {
        node: candidate.node,
        member: candidate.member,
        admission: candidate.advert.admission,
        owner: policy.owner,
        may_submit: policy.may_submit,
    };
    pass_door(need, &door)?;
    pass_model(need, candidate.advert, candidate.model)
}

/// Membership, roles, the job's own constraints, and whether the node takes jobs.
#[inline]
pub(crate) fn pass_door(need: &Need, door: &Door) -> Result<(), Refusal> {
    let own = door.node == door.owner;
    let member = door.member.ok_or(Refusal::NotMember)?;
    let roles_allow = own || (member.may_run && door.may_submit);
    if !roles_allow {
        return Err(Refusal::Role);
    }
    let limits = &need.constraints;
    let of_person = || member.person == Some(need.person);
    let excluded = (!limits.only.is_empty() && !limits.only.contains(&door.node))
        || limits.not.contains(&door.node)
        || (limits.local_only && !own)
        || (limits.trust == Trust::Mine && !of_person());
    if excluded {
        return Err(Refusal::Excluded);
    }
    match door.admission {
        Admission::Accepting => Ok(()),
        Admission::OwnerBusy if own || of_person() => Ok(()),
        Admission::OwnerBusy => Err(Refusal::OwnerBusy),
        Admission::Paused if own || of_person() => Ok(()),
        Admission::Paused | Admission::Draining => Err(Refusal::Paused),
    }
}

/// Presence, ability, context for the prompt, and memory that the node could ever have.
#[inline]
pub(crate) fn pass_model<'a>(
    need: &Need,
    advert: &NodeAdvert,
    model: Option<&'a ModelAdvert>,
) -> Result<&'a ModelAdvert, Refusal> {
    let engine = model.map_or_else(|| need.kind.engine(), |m| m.engine);
    if !advert.engines.contains(&engine) {
        return Err(Refusal::EngineAbsent);
    }
    let model = model.ok_or(Refusal::ModelAbsent)?;
    let wrong_file = need.file.is_some_and(|file| file != model.file);
    if wrong_file || model.state == ModelState::Unusable {
        return Err(Refusal::ModelAbsent);
    }
    if !covers(model.capabilities, need.capabilities) {
        return Err(Refusal::Capability);
    }
    if need.prompt_tokens >= model.context {
        return Err(context_refusal(need, model, 1));
    }
    if matches!(model.state, ModelState::Held) && model.memory > advert.memory_total {
        let most = advert.devices.iter().map(|d| d.memory_total).max().unwrap_or(0);
        let most = most.max(advert.memory_total);
        if model.memory > most {
            return Err(Refusal::Memory { needed: model.memory, available: most });
        }
    }
    Ok(model)
}

fn covers(has: Capabilities, needs: Capabilities) -> bool {
    // Without shortcuts: six comparisons cost less than six branches.
    (has.generate | !needs.generate)
        & (has.embed | !needs.embed)
        & (has.tools | !needs.tools)
        & (has.thinking | !needs.thinking)
        & (has.vision | !needs.vision)
        & (has.image | !needs.image)
}

fn longest_answer(need: &Need) -> u32 {
    need.max_tokens.unwrap_or(1)
}

fn fits_longest(need: &Need, model: &ModelAdvert) -> bool {
    need.prompt_tokens.saturating_add(longest_answer(need)) <= model.context
}

fn context_refusal(need: &Need, model: &ModelAdvert, answer: u32) -> Refusal {
    let needed = need.prompt_tokens.saturating_add(answer);
    Refusal::Context { needed, available: model.context }
}
