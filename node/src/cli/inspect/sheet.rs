//! An inspection as a terminal shows it.

use pumasi_web::api::{
    AttentionKind, BlockSight, Fit, Inspection, Recommendation, Recommendations, WeightPart,
};

use super::InspectArguments;
use crate::cli::failure::Failure;
use crate::cli::output::{Output, Style};
use crate::cli::table::{Align, Table};
use crate::cli::text::{bytes, escape};

/// Columns of the widest bar.
const BAR: f64 = 30.0;
/// Columns of a line of explanation.
const WIDTH: usize = 96;

pub(super) fn print(
    model: &Inspection,
    arguments: &InspectArguments,
    output: &Output,
) -> Result<(), Failure> {
    let name = model.title.as_deref().unwrap_or(&model.model);
    output.line(&output.style(Style::Bold, &escape(name)))?;
    facts(model, output)?;
    output.line("")?;
    parts(model, output)?;
    if arguments.tensors {
        output.line("")?;
        tensors(model, output)?;
    }
    output.line("")?;
    memory(model, output)?;
    if arguments.explain {
        for told in &model.explanations {
            output.line("")?;
            output.line(&output.style(Style::Bold, &told.title))?;
            wrapped(&escape(&told.text)).iter().try_for_each(|line| output.line(line))?;
        }
    }
    Ok(())
}

fn facts(model: &Inspection, output: &Output) -> Result<(), Failure> {
    let mut lines: Vec<(&str, String)> = Vec::new();
    let family = model.family.as_ref().map(|family| format!(" ({family})")).unwrap_or_default();
    let runs = if model.runs { "" } else { ", which the engine here cannot run" };
    lines.push(("architecture", format!("{}{family}{runs}", model.architecture)));
    let active = if model.active_parameters * 10 < model.parameters * 9 {
        format!(", {} for a token", count(model.active_parameters))
    } else {
        String::new()
    };
    lines.push(("parameters", format!("{}{active}", count(model.parameters))));
    lines.push((
        "quantization",
        format!(
            "{}, {:.2} bits a weight, {} on the disk",
            model.quantization,
            model.bits_per_weight,
            bytes(model.file_bytes)
        ),
    ));
    lines.push(("context", format!("{} tokens", model.context)));
    lines.push(("blocks", blocks(model)));
    lines.push(("attention", attention(model)));
    if let Some(experts) = &model.experts {
        let shared = match experts.shared {
            0 => String::new(),
            shared => format!(", {shared} more for all"),
        };
        lines.push((
            "experts",
            format!("{} of {} for a token{shared}", experts.used, experts.count),
        ));
    }
    let tied = if model.tied_output { ", also the output" } else { "" };
    let split = model.pre_tokenizer.as_ref().map(|pre| format!("/{pre}")).unwrap_or_default();
    lines.push((
        "vocabulary",
        format!("{} tokens ({}{split}){tied}", model.vocabulary, model.tokenizer),
    ));
    lines.push(("template", template(model)));
    lines.push(("licence", model.license.clone().unwrap_or_else(|| "not stated".to_owned())));
    if let Some(node) = &model.node {
        lines.push(("read at", node.name.clone()));
    }
    for (name, value) in lines {
        output.line(&format!("  {name:<13} {}", escape(&value)))?;
    }
    Ok(())
}

fn count(parameters: u64) -> String {
    let value = parameters as f64;
    match parameters {
        0..1_000 => parameters.to_string(),
        1_000..1_000_000 => format!("{:.0} thousand", value / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} million", value / 1e6),
        _ => format!("{:.2} billion", value / 1e9),
    }
}

fn blocks(model: &Inspection) -> String {
    let attention = &model.attention;
    match (attention.blocks, attention.recurrent_blocks) {
        (_, 0) => model.block_count.to_string(),
        (0, _) => format!("{}, all recurrent", model.block_count),
        (attending, recurrent) => {
            format!("{}: {attending} with attention, {recurrent} recurrent", model.block_count)
        }
    }
}

fn attention(model: &Inspection) -> String {
    let shape = &model.attention;
    let kind = match shape.kind {
        AttentionKind::None => return "none".to_owned(),
        AttentionKind::Unknown => return "unknown attention kind".to_owned(),
        AttentionKind::MultiHead => "multi-head (MHA)",
        AttentionKind::GroupedQuery => "grouped-query (GQA)",
        AttentionKind::MultiQuery => "multi-query (MQA)",
        AttentionKind::MultiHeadLatent => "multi-head latent (MLA)",
    };
    let window = match shape.sliding_window {
        Some(window) => {
            format!("; {} of {} blocks see {window} tokens", shape.sliding_blocks, shape.blocks)
        }
        None => String::new(),
    };
    format!(
        "{kind}: {} heads of {}, {} for keys and values{window}",
        shape.heads, shape.key_length, shape.heads_kv
    )
}

fn template(model: &Inspection) -> String {
    let Some(template) = &model.template else { return "none".to_owned() };
    let can =
        [(template.tools, "tools"), (template.thinking, "thinking"), (template.system, "system")];
    let can: Vec<&str> = can.into_iter().filter_map(|(can, word)| can.then_some(word)).collect();
    let can = if can.is_empty() { "messages only".to_owned() } else { can.join(", ") };
    let hash: String = template.sha256.chars().take(12).collect();
    format!("{can}; sha256 {hash}…")
}

fn part(part: WeightPart) -> &'static str {
    match part {
        WeightPart::Embedding => "embedding",
        WeightPart::Attention => "attention",
        WeightPart::Recurrent => "recurrent",
        WeightPart::FeedForward => "feed-forward",
        WeightPart::Experts => "experts",
        WeightPart::Norms => "norms",
        WeightPart::Output => "output",
        WeightPart::Other => "other",
    }
}

fn parts(model: &Inspection, output: &Output) -> Result<(), Failure> {
    let mut table = Table::new([
        ("PART", Align::Left),
        ("SHARE", Align::Right),
        ("", Align::Left),
        ("PARAMETERS", Align::Right),
        ("SIZE", Align::Right),
        ("BITS", Align::Right),
    ]);
    for sum in &model.parts {
        let bar = (sum.share.clamp(0.0, 1.0) * BAR).round() as usize;
        table.row([
            part(sum.part),
            &format!("{:.1} %", sum.share * 100.0),
            &"█".repeat(bar),
            &count(sum.parameters),
            &bytes(sum.bytes),
            &format!("{:.2}", sum.bits_per_weight),
        ]);
    }
    table.print(output)
}

fn tensors(model: &Inspection, output: &Output) -> Result<(), Failure> {
    let mut table = Table::new([
        ("TENSOR", Align::Left),
        ("PARAMETERS", Align::Right),
        ("SIZE", Align::Right),
        ("BITS", Align::Right),
        ("TYPES", Align::Left),
    ]);
    for group in &model.groups {
        table.row([
            group.name.as_str(),
            &count(group.parameters),
            &bytes(group.bytes),
            &format!("{:.2}", group.bits_per_weight),
            &group.types.join(" "),
        ]);
    }
    table.print(output)?;
    for run in &model.blocks {
        let sight = match run.sight {
            BlockSight::Full => "sees all",
            BlockSight::Sliding => "sees a window",
            BlockSight::Recurrent => "recurrent",
            BlockSight::Both => "sees all, and recurrent",
            BlockSight::None => "no attention",
        };
        let experts = if run.experts { ", experts" } else { "" };
        let span = if run.first == run.last {
            format!("block {}", run.first)
        } else {
            format!("blocks {} to {}", run.first, run.last)
        };
        output.line(&format!("{span}: {sight}{experts}"))?;
    }
    Ok(())
}

fn memory(model: &Inspection, output: &Output) -> Result<(), Failure> {
    let Some(first) = model.fits.first() else { return Ok(()) };
    let plan = first.plan;
    let format = serde_json::json!(plan.cache);
    output.line(&format!(
        "memory for {} slots of {} tokens, {} cache:",
        plan.slots,
        plan.context,
        format.as_str().unwrap_or_default()
    ))?;
    let mut table = Table::new([
        ("COMPUTER", Align::Left),
        ("DEVICE", Align::Left),
        ("WEIGHTS", Align::Right),
        ("CACHE", Align::Right),
        ("COMPUTE", Align::Right),
        ("OTHER", Align::Right),
        ("ALL", Align::Right),
        ("FREE", Align::Right),
    ]);
    for fit in &model.fits {
        let computer = fit.node.as_ref().map_or("", |node| node.name.as_str());
        for device in &fit.devices {
            let all = device.weights + device.cache + device.compute + device.overhead;
            table.row([
                computer,
                if device.device.is_empty() { "main memory" } else { &device.device },
                &bytes(device.weights),
                &bytes(device.cache),
                &bytes(device.compute),
                &bytes(device.overhead),
                &bytes(all),
                &device.free.map_or_else(String::new, bytes),
            ]);
        }
    }
    table.print(output)?;
    model.fits.iter().filter_map(verdict).try_for_each(|line| output.line(&escape(&line)))
}

fn verdict(fit: &Fit) -> Option<String> {
    let node = fit.node.as_ref()?;
    let advice = fit.advice.as_deref().unwrap_or_default();
    match fit.fits? {
        true => Some(format!(
            "{}: it fits{}",
            node.name,
            fit.longest_context.map_or_else(String::new, |most| format!(", up to context {most}"))
        )),
        false => Some(format!("{}: it does not fit. {advice}", node.name)),
    }
}

pub(super) fn recommended(told: &Recommendations, output: &Output) -> Result<(), Failure> {
    for suited in &told.nodes {
        output.line(&output.style(Style::Bold, &escape(&suited.node.name)))?;
        let all = [suited.best.as_ref(), suited.light.as_ref()];
        if all.iter().all(Option::is_none) {
            output.line("  nothing of the table fits into the memory that is free")?;
        }
        for one in all.into_iter().flatten() {
            recommendation(one, output)?;
        }
    }
    output.line("")?;
    let source = format!("Quality: {}. {}; table of {}.", told.quality, told.source, told.dated);
    output.line(&output.style(Style::Dim, &escape(&source)))
}

fn recommendation(one: &Recommendation, output: &Output) -> Result<(), Failure> {
    let size = bytes(one.file_bytes);
    output
        .line(&escape(&format!("  {} {}, {size}, {}", one.title, one.quantization, one.license)))?;
    wrapped(&escape(&one.why)).iter().try_for_each(|line| output.line(&format!("  {line}")))?;
    output.line(&escape(&format!("    hf.co/{}:{}", one.repository, one.quantization)))
}

/// Lines of at most [`WIDTH`] columns, broken at spaces.
fn wrapped(text: &str) -> Vec<String> {
    use unicode_width::UnicodeWidthStr;
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if line.width() + word.width() < WIDTH => {
                line.push(' ');
                line.push_str(word);
            }
            Some(_) | None => lines.push(format!("  {word}")),
        }
    }
    lines
}
