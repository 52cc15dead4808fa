//! An inspection in the API's words.

use pumasi_models::explain::{self, explain};
use pumasi_models::gguf::Block;
use pumasi_models::inspect::{self, Inspection, facts};
use pumasi_models::kv_cache::{CachePlan, CacheType};
use pumasi_web::api;

use crate::pace::Measured;

/// What surrounds an inspection.
pub(crate) struct View<'a> {
    /// The name that was asked for.
    pub(crate) model: String,
    /// Whose file it is.
    pub(crate) node: Option<api::NodeRef>,
    /// How it would be loaded.
    pub(crate) plan: api::LoadPlan,
    /// Where; empty: nowhere in particular.
    pub(crate) nodes: &'a [api::Node],
    /// What was measured on this computer.
    pub(crate) pace: Option<&'a Measured>,
    /// Of the explanations.
    pub(crate) language: api::Language,
}

/// All of it.
pub(crate) fn view(model: &Inspection, around: View<'_>) -> api::Inspection {
    let known = facts(&model.architecture);
    let language = match around.language {
        api::Language::En => explain::Language::English,
        api::Language::Ko => explain::Language::Korean,
    };
    let fits = if around.nodes.is_empty() {
        vec![super::fit::fit(model, &around.plan, None, None, around.language)]
    } else {
        let here = |node: &api::Node| node.presence == api::Presence::Here;
        let pace = |node: &api::Node| around.pace.filter(|_| here(node));
        let (plan, language) = (&around.plan, around.language);
        let each = around.nodes.iter();
        each.map(|node| super::fit::fit(model, plan, Some(node), pace(node), language)).collect()
    };
    let experts = (model.expert_count > 0).then(|| api::ExpertShape {
        count: small(model.expert_count),
        used: small(model.expert_used_count),
        shared: small(model.expert_shared_count),
        width: small(model.expert_feed_forward_length),
    });
    api::Inspection {
        model: around.model,
        node: around.node,
        title: model.name.clone(),
        description: model.description.clone(),
        license: model.license.clone(),
        architecture: model.architecture.clone(),
        family: known.and_then(|facts| facts.family).map(ToOwned::to_owned),
        source: known.map(|facts| format!("llama.cpp src/models/{}.cpp", facts.source)),
        runs: model.known,
        file_bytes: model.file_bytes,
        weight_bytes: model.weight_bytes,
        parameters: model.parameters,
        active_parameters: model.active.parameters,
        active_bytes: model.active.bytes,
        quantization: model.quantization.clone(),
        bits_per_weight: model.bits_per_weight,
        context: small(model.context_length),
        embedding_length: small(model.embedding_length),
        block_count: small(model.block_count),
        feed_forward_length: small(model.feed_forward_length),
        attention: attention(&model.attention),
        experts,
        vocabulary: small(model.vocabulary_size),
        tokenizer: model.tokenizer.clone(),
        pre_tokenizer: model.pre_tokenizer.clone(),
        tied_output: model.tied_output,
        embeds: model.embeds,
        template: model.chat_template.as_ref().map(template),
        parts: model.parts.iter().map(share).collect(),
        groups: model.groups.iter().map(group).collect(),
        blocks: model.blocks.iter().map(run).collect(),
        cache: curve(model),
        state_bytes: model.cache.state_bytes,
        fits,
        explanations: explain(model, language)
            .into_iter()
            .map(|told| api::Explanation {
                topic: told.topic.code().to_owned(),
                title: told.title.to_owned(),
                text: told.text,
            })
            .collect(),
    }
}

fn small(count: u64) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

fn part(part: inspect::Part) -> api::WeightPart {
    match part {
        inspect::Part::Embedding => api::WeightPart::Embedding,
        inspect::Part::Attention => api::WeightPart::Attention,
        inspect::Part::Recurrent => api::WeightPart::Recurrent,
        inspect::Part::FeedForward => api::WeightPart::FeedForward,
        inspect::Part::Experts => api::WeightPart::Experts,
        inspect::Part::Norms => api::WeightPart::Norms,
        inspect::Part::Output => api::WeightPart::Output,
        inspect::Part::Other => api::WeightPart::Other,
    }
}

fn bits(bytes: u64, parameters: u64) -> f64 {
    bytes as f64 * 8.0 / parameters.max(1) as f64
}

fn share(sum: &inspect::PartShare) -> api::PartShare {
    api::PartShare {
        part: part(sum.part),
        parameters: sum.parameters,
        bytes: sum.bytes,
        share: sum.share,
        bits_per_weight: bits(sum.bytes, sum.parameters),
    }
}

fn group(group: &inspect::TensorGroup) -> api::TensorGroup {
    let mut types = group.types.clone();
    types.sort_by_key(|share| std::cmp::Reverse(share.parameters));
    api::TensorGroup {
        name: group.name.clone(),
        part: part(group.part),
        parameters: group.parameters,
        bytes: group.bytes,
        bits_per_weight: bits(group.bytes, group.parameters),
        types: types.iter().map(|share| share.tensor_type.name().to_owned()).collect(),
        blocks: group
            .blocks
            .iter()
            .map(|run| api::TypeRun {
                first: small(run.first),
                last: small(run.last),
                tensor_type: run.tensor_type.name().to_owned(),
                bits: run.tensor_type.bits_per_element(),
            })
            .collect(),
    }
}

fn run(run: &inspect::BlockRun) -> api::BlockRun {
    let parts = run.parts.iter();
    let parts =
        parts.map(|one| api::BlockPart { part: part(one.part), parameters: one.parameters });
    api::BlockRun {
        first: small(run.first),
        last: small(run.last),
        sight: sight(&run.block),
        heads: small(run.block.heads),
        heads_kv: small(run.block.heads_kv),
        caches: run.block.caches,
        experts: run.experts,
        parts: parts.collect(),
    }
}

fn sight(block: &Block) -> api::BlockSight {
    match (block.attends, block.recurrent) {
        (true, true) => api::BlockSight::Both,
        (true, false) if block.sliding => api::BlockSight::Sliding,
        (true, false) => api::BlockSight::Full,
        (false, true) => api::BlockSight::Recurrent,
        (false, false) => api::BlockSight::None,
    }
}

fn attention(shape: &inspect::Attention) -> api::AttentionShape {
    let kind = match shape.kind {
        inspect::AttentionKind::None => api::AttentionKind::None,
        inspect::AttentionKind::MultiHead => api::AttentionKind::MultiHead,
        inspect::AttentionKind::GroupedQuery => api::AttentionKind::GroupedQuery,
        inspect::AttentionKind::MultiQuery => api::AttentionKind::MultiQuery,
        inspect::AttentionKind::MultiHeadLatent => api::AttentionKind::MultiHeadLatent,
        inspect::AttentionKind::Unknown => api::AttentionKind::Unknown,
    };
    api::AttentionShape {
        kind,
        heads: small(shape.heads),
        heads_kv: small(shape.heads_kv),
        key_length: small(shape.key_length),
        value_length: small(shape.value_length),
        latent_length: small(shape.latent_length),
        blocks: small(shape.blocks),
        sliding_blocks: small(shape.sliding_blocks),
        sliding_window: shape.sliding_window.map(small),
        recurrent_blocks: small(shape.recurrent_blocks),
    }
}

fn template(template: &inspect::ChatTemplate) -> api::TemplateCard {
    api::TemplateCard {
        sha256: template.sha256.clone(),
        bytes: template.bytes,
        text: template.text.clone(),
        tools: template.tools,
        thinking: template.thinking,
        system: template.system,
    }
}

/// One slot at powers of two up to the model's own context, and that.
fn curve(model: &Inspection) -> Vec<api::CachePoint> {
    let trained = model.context_length;
    let doubling = std::iter::successors(Some(512_u64), |context| context.checked_mul(2));
    let contexts = doubling.take_while(|context| *context < trained).chain([trained]);
    contexts.map(|context| point(model, context)).collect()
}

fn point(model: &Inspection, context: u64) -> api::CachePoint {
    let bytes = |cache: CacheType| {
        model.cache.bytes(&CachePlan {
            context_per_slot: context,
            slots: 1,
            batch: 512,
            unified: true,
            full_windows: true,
            key_type: cache,
            value_type: cache,
        })
    };
    api::CachePoint {
        context: small(context),
        f16: bytes(CacheType::F16),
        q8_0: bytes(CacheType::Q8_0),
        q4_0: bytes(CacheType::Q4_0),
    }
}
