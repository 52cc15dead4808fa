//! PPTX: a part for each slide, in the order in which they are shown, with its speaker's notes.

use pumasi_protocol::document::{DocumentProblem, PartKind};

use super::{Met, Package, attribute, local, relations, walk};
use crate::sink::Parts;

/// The members of the slides, in order.
fn slides(package: &mut Package) -> Result<Vec<String>, DocumentProblem> {
    let Some(xml) = package.text("ppt/presentation.xml")? else {
        return Err(DocumentProblem::Damaged);
    };
    let targets = relations(package, "ppt", "presentation.xml")?;
    let mut slides = Vec::new();
    walk(&xml, |met| {
        if let Met::Open(start) = met {
            let name = start.name();
            let name: &str = name.as_ref();
            // Both a number and a relation are called id.
            let relation = start.attributes().flatten().find_map(|one| {
                let key: &str = one.key.as_ref();
                (key.ends_with(":id")).then(|| one.value.to_string())
            });
            if local(name) == "sldId" {
                slides.extend(relation.and_then(|id| targets.get(&id).cloned()));
            }
        }
        Ok(())
    })?;
    Ok(slides)
}

/// The paragraphs of a slide; a title is a heading.
fn markdown(xml: &str) -> Result<String, DocumentProblem> {
    let (mut out, mut line) = (String::new(), String::new());
    let (mut in_text, mut is_title) = (false, false);
    walk(xml, |met| {
        match met {
            Met::Open(start) => {
                let name = start.name();
                let name: &str = name.as_ref();
                match local(name) {
                    "sp" => is_title = false,
                    "ph" => {
                        let kind = attribute(start, "type").unwrap_or_default();
                        is_title = matches!(kind.as_str(), "title" | "ctrTitle");
                    }
                    "t" => in_text = true,
                    "br" => line.push('\n'),
                    _ => {}
                }
            }
            Met::Close(name) => match local(name) {
                "t" => in_text = false,
                "p" => {
                    let text = std::mem::take(&mut line);
                    let text = text.trim();
                    if !text.is_empty() {
                        out.push_str(if is_title { "# " } else { "" });
                        out.push_str(&format!("{text}\n\n"));
                    }
                }
                _ => {}
            },
            Met::Text(text) if in_text => line.push_str(&text),
            Met::Text(_) => {}
        }
        Ok(())
    })?;
    Ok(out)
}

pub(super) fn extract(package: &mut Package, sink: &mut Parts<'_>) -> Result<(), DocumentProblem> {
    for (slide, number) in slides(package)?.into_iter().zip(1..) {
        if !sink.begin(number) {
            continue;
        }
        let Some(xml) = package.text(&slide)? else {
            sink.problem(number, DocumentProblem::Damaged);
            continue;
        };
        match markdown(&xml) {
            Ok(text) => sink.put(number, PartKind::Markdown, text.as_bytes()),
            Err(problem) => sink.problem(number, problem),
        }
    }
    Ok(())
}
