//! What is drafted in a step, and what of it is kept.

use pumasi_protocol::worker::Drafting;

use super::slot::{Computed, Slot};
use super::{Server, count};
use crate::cache;
use crate::drafts::{self, Step};
use crate::limits::{DRAFT_TOKENS, DRAFTS_A_STEP};

impl Server<'_> {
    /// Says what each slot that decodes drafts in the next step, beside `chunk` ids of prompts.
    pub(super) fn draft(&mut self, chunk: usize) {
        self.slots.iter_mut().for_each(Slot::drop_draft);
        if self.drafting == Drafting::Off || !self.model.rewinds {
            return;
        }
        let decoding = self.slots.iter().filter(|slot| slot.decodes()).count();
        let prompts: usize = self.slots.iter().map(Slot::prompt_left).sum();
        let mut step =
            Step { tokens: decoding + prompts.min(chunk), gain: f64::from(count(decoding)) };
        let mut room = DRAFTS_A_STEP;
        for slot in self.slots.iter_mut().filter(|slot| slot.decodes()) {
            let Some(streak) = slot.streak() else { continue };
            let most = slot.draftable().min(DRAFT_TOKENS).min(room);
            let (length, kept) =
                drafts::plan(self.drafting, step, streak, most, &slot.odds, &self.costs);
            slot.draft(length);
            (step.tokens, step.gain, room) =
                (step.tokens + length, step.gain + kept, room - length);
        }
    }

    /// Goes on from each row of a slot's logits, as long as what is drawn is what was drafted.
    pub(super) fn advance(&mut self, at: usize, computed: Computed) {
        let Some(context) = &mut self.contexts.generating else { return };
        let slot = &mut self.slots[at];
        let Some(generation) = &mut slot.job else { return };
        let (mut tokens, mut kept) = (Vec::new(), 0);
        let ended = loop {
            let row = computed.row + i32::try_from(kept).expect("a draft is short");
            let logits = context.get_logits_ith(row);
            let advance = generation.advance(logits, &self.model.vocabulary, &mut self.scratch);
            let advance = match advance {
                Ok(advance) => advance,
                Err(fault) => break Err(fault),
            };
            let Some(token) = advance.token else { break Ok(advance.finish) };
            if let Some((streak, held)) = slot.lookup.as_mut().and_then(|l| l.grew(&generation.ids))
            {
                slot.odds.record(streak, held);
                self.odds.record(streak, held);
            }
            let drawn = token.id;
            tokens.push(token);
            let is_drafted = slot.drafted.get(kept) == Some(&drawn);
            if is_drafted {
                slot.cached.push(drawn);
                kept += 1;
            }
            if advance.finish.is_some() || !is_drafted {
                break Ok(advance.finish);
            }
        };
        generation.drafts.proposed += slot.drafted.len() as u64;
        generation.drafts.accepted += kept as u64;
        if kept < slot.drafted.len() {
            cache::cut(context, at, slot.cached.len());
        }
        self.on_advance(at, tokens, ended);
    }
}
