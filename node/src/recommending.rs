//! Which well-known models suit a computer: the best that fits and is fast enough to read along, and
//! a light one that leaves room for other things.

use pumasi_models::inspect::Inspection;
use pumasi_models::known::{self, KnownModel, Quantization};
use pumasi_web::api;

use crate::cli::text::bytes;
use crate::config::EngineConfig;
use crate::inspecting::{fit, planned};
use crate::pace::Measured;

/// Slower writing than this is not recommended (people read about 5 words a second; guess).
const READABLE_TOKENS_PER_S: f64 = 6.0;
/// What a light model writes at least.
const LIGHT_TOKENS_PER_S: f64 = 20.0;
/// Share of the free memory that a light model takes at most, in percent.
const LIGHT_PERCENT: u64 = 30;

/// For each computer, this one first.
pub(crate) fn recommend(
    nodes: &[api::Node],
    pace: Option<&Measured>,
    engine: &EngineConfig,
    language: api::Language,
) -> api::Recommendations {
    let table = known::table();
    let shapes = shapes(&table.models);
    let suited: Vec<api::Suited> = nodes
        .iter()
        .map(|node| {
            let here = node.presence == api::Presence::Here;
            let pace = pace.filter(|_| here);
            let all = candidates(&shapes, node, pace, engine, language);
            suited(node, all, language)
        })
        .collect();
    let quality = |one: &api::Suited| one.best.as_ref().map_or(0.0, |best| best.quality);
    let best = suited.iter().filter(|one| one.best.is_some());
    let best = best.max_by(|a, b| quality(a).total_cmp(&quality(b)));
    api::Recommendations {
        best_node: best.map(|one| one.node.id.clone()),
        dated: table.dated,
        quality: table.quality,
        source: table.quality_source,
        nodes: suited,
    }
}

/// Every file of the table, of one model the larger first.
fn shapes(models: &[KnownModel]) -> Vec<(&KnownModel, Quantization, Inspection)> {
    let files = |model| Quantization::ALL.map(|kind| (model, kind));
    let files = models.iter().flat_map(files);
    files.map(|(model, kind)| (model, kind, model.inspection(kind))).collect()
}

/// What fits, the best first.
fn candidates(
    shapes: &[(&KnownModel, Quantization, Inspection)],
    node: &api::Node,
    pace: Option<&Measured>,
    engine: &EngineConfig,
    language: api::Language,
) -> Vec<api::Recommendation> {
    let mut all: Vec<api::Recommendation> = Vec::new();
    for (model, quantization, inspection) in shapes {
        let plan = planned(&api::InspectQuery::default(), engine, inspection);
        let fit = fit(inspection, &plan, Some(node), pace, language);
        if fit.fits == Some(true) {
            all.push(candidate(model, *quantization, inspection.file_bytes, fit));
        }
    }
    all.sort_by(|a, b| b.quality.total_cmp(&a.quality));
    all
}

fn candidate(
    model: &KnownModel,
    quantization: Quantization,
    file_bytes: u64,
    fit: api::Fit,
) -> api::Recommendation {
    api::Recommendation {
        title: model.title.clone(),
        repository: model.repository.clone(),
        quantization: quantization.name().to_owned(),
        file_bytes,
        license: model.license.clone(),
        quality: model.quality,
        fit,
        why: String::new(),
    }
}

fn suited(node: &api::Node, all: Vec<api::Recommendation>, language: api::Language) -> api::Suited {
    let at_least = |one: &&api::Recommendation, least: f64| {
        one.fit.speed.is_none_or(|speed| speed.decode_tokens_per_s >= least)
    };
    let free: u64 = all.first().map_or(0, |one| free(&one.fit));
    let small = |one: &&api::Recommendation| one.fit.needed <= free / 100 * LIGHT_PERCENT;
    let best = all.iter().find(|one| at_least(one, READABLE_TOKENS_PER_S)).or(all.last());
    let light = all.iter().find(|one| at_least(one, LIGHT_TOKENS_PER_S) && small(one));
    let light = light.filter(|light| best.is_none_or(|best| best.title != light.title));
    let told = |one: &api::Recommendation, is_light: bool| {
        let why = why(one, free, is_light, language);
        api::Recommendation { why, ..one.clone() }
    };
    api::Suited {
        node: api::NodeRef { id: node.id.clone(), name: node.name.clone() },
        best: best.map(|one| told(one, false)),
        light: light.map(|one| told(one, true)),
    }
}

/// On all devices that it would use.
fn free(fit: &api::Fit) -> u64 {
    fit.devices.iter().filter_map(|device| device.free).fold(0, u64::saturating_add)
}

fn why(one: &api::Recommendation, free: u64, is_light: bool, language: api::Language) -> String {
    let (needs, free) = (bytes(one.fit.needed), bytes(free));
    let speed = one.fit.speed.map(|speed| speed.decode_tokens_per_s);
    let quality = one.quality;
    match language {
        api::Language::En => {
            let speed = speed.map_or_else(
                || "how fast it is there was not measured".to_owned(),
                |rate| format!("it would write about {rate:.0} tokens/s"),
            );
            let role = if is_light { "A light one that leaves room" } else { "The best that fits" };
            format!("{role}: quality {quality:.1} %, {needs} of {free} free, and {speed}.")
        }
        api::Language::Ko => {
            let speed = speed.map_or_else(
                || "그곳에서의 속도는 재지 않았습니다".to_owned(),
                |rate| format!("초당 토큰 약 {rate:.0}개를 씁니다"),
            );
            let role = if is_light {
                "여유를 남기는 가벼운 모델"
            } else {
                "들어가는 것 중 가장 좋은 모델"
            };
            format!("{role}: 품질 {quality:.1} %, 남은 {free} 중 {needs}가 들고, {speed}.")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(free: u64) -> api::Node {
        api::Node {
            id: "ab".repeat(32),
            name: "desk".to_owned(),
            person: None,
            roles: Vec::new(),
            presence: api::Presence::Here,
            version: String::new(),
            platform: String::new(),
            addresses: Vec::new(),
            devices: Vec::new(),
            memory_total_bytes: free * 2,
            memory_free_bytes: free,
            admission: api::Admission::Accepting,
            engines: Vec::new(),
            models: Vec::new(),
            queue: api::Queue::default(),
            round_trip_ms: None,
            seen_ms: None,
            cut_off: None,
        }
    }

    fn of(free: u64, bytes_per_s: Option<f64>) -> api::Suited {
        let pace = bytes_per_s.map(|rate| Measured { bytes_per_s: rate, operations_per_s: 1e11 });
        let engine = EngineConfig::default();
        let all = recommend(&[node(free)], pace.as_ref(), &engine, api::Language::En);
        assert_eq!(all.best_node.is_some(), all.nodes[0].best.is_some());
        all.nodes.into_iter().next().expect("one computer")
    }

    #[test]
    fn more_memory_and_more_speed_give_better_models() {
        let quality = |suited: &api::Suited| suited.best.as_ref().map_or(0.0, |best| best.quality);
        let (small, large) = (of(8 << 30, None), of(48 << 30, None));
        assert!(quality(&small) > 0.0 && quality(&large) > quality(&small));
        let slow = of(48 << 30, Some(1e10));
        assert!(quality(&slow) < quality(&large));
        for suited in [&small, &large, &slow] {
            let best = suited.best.as_ref().expect("something fits");
            assert!(best.fit.needed <= 48 << 30, "{best:?}");
            assert!(best.why.contains("of") && best.why.contains('%'), "{}", best.why);
        }
        let light = large.light.expect("there is room for a light one");
        assert!(light.fit.needed <= (48 << 30) / 100 * LIGHT_PERCENT, "{light:?}");
    }

    #[test]
    fn nothing_is_recommended_where_nothing_fits() {
        let suited = of(256 << 20, None);
        assert_eq!((suited.best, suited.light), (None, None));
    }
}
