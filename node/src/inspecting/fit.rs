//! Whether a planned load fits a computer, device by device, and what to do where it does not.

use pumasi_models::estimate::{self, LoadPlan, place};
use pumasi_models::inspect::Inspection;
use pumasi_models::kv_cache::CacheType;
use pumasi_web::api;

use crate::cli::text::bytes;
use crate::pace::Measured;

/// In the words of `pumasi-models`.
fn plan(plan: &api::LoadPlan) -> LoadPlan {
    let cache = cache_type(plan.cache);
    LoadPlan {
        context_per_slot: plan.context.into(),
        slots: plan.slots.into(),
        key_type: cache,
        value_type: cache,
        flash_attention: plan.flash_attention,
        // As this node's fleet loads it.
        embeddings: true,
        ..LoadPlan::default()
    }
}

fn cache_type(format: api::CacheFormat) -> CacheType {
    match format {
        api::CacheFormat::F16 => CacheType::F16,
        api::CacheFormat::Q8_0 => CacheType::Q8_0,
        api::CacheFormat::Q4_0 => CacheType::Q4_0,
    }
}

/// A model on a computer; `None`: on none in particular. `pace`: what was measured there.
pub(crate) fn fit(
    model: &Inspection,
    planned: &api::LoadPlan,
    node: Option<&api::Node>,
    pace: Option<&Measured>,
    language: api::Language,
) -> api::Fit {
    let cards = node.map(cards).unwrap_or_default();
    let free: Vec<u64> = cards.iter().map(|card| card.memory_free_bytes).collect();
    let layers = planned.gpu_layers.map(u64::from);
    let placed = place(model, &plan(planned), &free, layers);
    let devices: Vec<api::DeviceMemory> = placed
        .iter()
        .map(|one| {
            let memory = &one.memory;
            let device = match (one.card, node) {
                (Some(card), _) => Known::card(cards[card]),
                (None, Some(node)) => Known::main(node),
                (None, None) => Known::nothing(),
            };
            api::DeviceMemory {
                device: device.name,
                kind: device.kind,
                weights: memory.weights,
                cache: memory.cache,
                compute: memory.compute,
                overhead: memory.overhead,
                free: device.free,
                total: device.total,
            }
        })
        .collect();
    let needed = devices.iter().map(taken).fold(0, u64::saturating_add);
    let fits = node.map(|_| devices.iter().all(|device| Some(taken(device)) <= device.free));
    let longest_context = node.and_then(|_| longest(model, planned, &free, &devices));
    let mut fit = api::Fit {
        node: node.map(|node| api::NodeRef { id: node.id.clone(), name: node.name.clone() }),
        plan: *planned,
        devices,
        needed,
        fits,
        longest_context,
        advice: None,
        speed: pace.map(|measured| measured.pace(model, planned)),
    };
    if fit.fits == Some(false) {
        fit.advice = Some(advice(model, &fit, language));
    }
    fit
}

fn taken(device: &api::DeviceMemory) -> u64 {
    [device.cache, device.compute, device.overhead]
        .iter()
        .fold(device.weights, |sum, &bytes| sum.saturating_add(bytes))
}

struct Known {
    name: String,
    kind: api::DeviceKind,
    free: Option<u64>,
    total: Option<u64>,
}

impl Known {
    fn card(card: &api::Device) -> Self {
        Self {
            name: card.name.clone(),
            kind: card.kind,
            free: Some(card.memory_free_bytes),
            total: Some(card.memory_total_bytes),
        }
    }

    fn main(node: &api::Node) -> Self {
        let processor = node.devices.iter().find(|device| device.kind == api::DeviceKind::Cpu);
        Self {
            name: processor.map_or_else(String::new, |device| device.name.clone()),
            kind: api::DeviceKind::Cpu,
            free: Some(node.memory_free_bytes),
            total: Some(node.memory_total_bytes),
        }
    }

    fn nothing() -> Self {
        Self { name: String::new(), kind: api::DeviceKind::Cpu, free: None, total: None }
    }
}

fn cards(node: &api::Node) -> Vec<&api::Device> {
    node.devices.iter().filter(|device| device.kind == api::DeviceKind::Gpu).collect()
}

/// The longest context with which all devices suffice, all else alike.
fn longest(
    model: &Inspection,
    planned: &api::LoadPlan,
    free: &[u64],
    devices: &[api::DeviceMemory],
) -> Option<u32> {
    let fits = |context: u32| {
        let wanted = plan(&api::LoadPlan { context, ..*planned });
        let placed = place(model, &wanted, free, planned.gpu_layers.map(u64::from));
        placed.iter().zip(devices).all(|(one, device)| Some(one.memory.total()) <= device.free)
    };
    let trained = u32::try_from(model.context_length).unwrap_or(u32::MAX);
    let (mut low, mut high) = (1, trained);
    if !fits(low) {
        return None;
    }
    while low < high {
        let middle = low + (high - low).div_ceil(2);
        if fits(middle) { low = middle } else { high = middle - 1 }
    }
    Some(low)
}

/// Contexts that people choose; shorter ones are of little use.
const USUAL: [u32; 7] = [131_072, 65_536, 32_768, 16_384, 8_192, 4_096, 2_048];

/// A way to need less.
enum Way {
    Context(u32),
    FewerSlots,
    Cache(api::CacheFormat),
    SmallerFile,
}

/// Numbers and a way out: a shorter context, a smaller cache, a smaller file.
fn advice(model: &Inspection, fit: &api::Fit, language: api::Language) -> String {
    let short = fit.devices.iter().find(|device| Some(taken(device)) > device.free);
    let (needs, free) = short.map_or((fit.needed, 0), |d| (taken(d), d.free.unwrap_or(0)));
    let ways = ways(model, fit, free);
    let (needs, free) = (bytes(needs), bytes(free));
    match language {
        api::Language::En => english(&needs, &free, &ways),
        api::Language::Ko => korean(&needs, &free, &ways),
    }
}

fn ways(model: &Inspection, fit: &api::Fit, free: u64) -> Vec<Way> {
    let mut ways = Vec::new();
    let longest = fit.longest_context.unwrap_or(0);
    ways.extend(USUAL.into_iter().find(|usual| *usual <= longest).map(Way::Context));
    if fit.plan.slots > 1 {
        ways.push(Way::FewerSlots);
    }
    let smaller: &[api::CacheFormat] = match fit.plan.cache {
        api::CacheFormat::F16 => &[api::CacheFormat::Q8_0, api::CacheFormat::Q4_0],
        api::CacheFormat::Q8_0 => &[api::CacheFormat::Q4_0],
        api::CacheFormat::Q4_0 => &[],
    };
    let enough = |cache: &&api::CacheFormat| {
        let wanted = plan(&api::LoadPlan { cache: **cache, ..fit.plan });
        estimate::estimate(model, &wanted).total() <= free
    };
    ways.extend(smaller.iter().find(enough).map(|cache| Way::Cache(*cache)));
    if model.bits_per_weight > 5.5 {
        ways.push(Way::SmallerFile);
    }
    ways
}

fn format_name(cache: api::CacheFormat) -> &'static str {
    match cache {
        api::CacheFormat::F16 => "f16",
        api::CacheFormat::Q8_0 => "q8_0",
        api::CacheFormat::Q4_0 => "q4_0",
    }
}

fn english(needs: &str, free: &str, ways: &[Way]) -> String {
    let numbers = format!("It needs {needs} and {free} is free");
    let words = ways.iter().map(|way| match way {
        Way::Context(tokens) => format!("context {tokens}"),
        Way::FewerSlots => "fewer slots".to_owned(),
        Way::Cache(cache) => format!("a {} cache", format_name(*cache)),
        Way::SmallerFile => "its Q4_K_M file".to_owned(),
    });
    let words = words.collect::<Vec<_>>().join(", or ");
    if words.is_empty() {
        return format!("{numbers}. Choose a smaller model, or let another computer run it.");
    }
    format!("{numbers}: try {words}.")
}

fn korean(needs: &str, free: &str, ways: &[Way]) -> String {
    let numbers = format!("{needs}가 필요한데 {free}가 남아 있습니다.");
    let words = ways.iter().map(|way| match way {
        Way::Context(tokens) => format!("컨텍스트 {tokens}"),
        Way::FewerSlots => "더 적은 슬롯".to_owned(),
        Way::Cache(cache) => format!("{} 캐시", format_name(*cache)),
        Way::SmallerFile => "Q4_K_M 파일".to_owned(),
    });
    let words = words.collect::<Vec<_>>().join(", ");
    if words.is_empty() {
        return format!("{numbers} 더 작은 모델을 고르거나 다른 컴퓨터에 맡기세요.");
    }
    format!("{numbers} 다음 가운데 하나를 써 보세요: {words}.")
}
