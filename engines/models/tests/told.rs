//! What another computer tells of a model: believed only where it can be true, and whatever it says,
//! everything that is computed from it ends well.

use pumasi_models::estimate::{LoadPlan, estimate, longest_context, place};
use pumasi_models::explain::{Language, explain};
use pumasi_models::gguf;
use pumasi_models::inspect::Inspection;
use pumasi_models::limits::INSPECTION_BYTES_MAX;
use pumasi_models::test_support::{GgufBuilder, Shape, Sizes};
use serde_json::{Value, json};

fn told(file: &GgufBuilder) -> Inspection {
    let bytes = file.build();
    let header = gguf::read(&bytes[..], bytes.len() as u64).expect("the file is sound");
    Inspection::of(&header).expect("the model is sound")
}

fn models() -> Vec<Inspection> {
    let sizes = Sizes { heads: 8, ..Sizes::default() };
    let experts = Shape { experts: Some((4, 2, 64)), ..Shape::dense("qwen3moe", sizes) };
    let sliding = Shape { window: Some(64), ..Shape::dense("gemma3", sizes) };
    [
        GgufBuilder::llama(Sizes::default()),
        GgufBuilder::shaped(&experts),
        GgufBuilder::shaped(&sliding),
    ]
    .iter()
    .map(told)
    .collect()
}

/// Everything that a page or a command computes from an inspection.
fn use_of(model: &Inspection) {
    for language in [Language::English, Language::Korean] {
        let all = explain(model, language);
        assert!(all.iter().all(|one| !one.text.is_empty()));
    }
    let plan = LoadPlan { flash_attention: false, slots: 64, ..LoadPlan::default() };
    assert!(estimate(model, &plan).total() > 0);
    assert!(!place(model, &plan, &[1 << 30, 0], Some(1)).is_empty());
}

#[test]
fn what_is_told_is_heard_as_it_was() {
    for model in models() {
        let bytes = model.tell().expect("it is short");
        assert_eq!(Inspection::hear(&bytes), Some(model.clone()));
        use_of(&model);
        let plan = LoadPlan { embeddings: true, ..LoadPlan::default() };
        assert!(longest_context(&model, &plan, 1 << 34).is_some());
        for layers in [None, Some(0), Some(u64::MAX)] {
            assert!(!place(&model, &plan, &[1 << 30, 0], layers).is_empty());
        }
    }
    assert_eq!(Inspection::hear(b"{}"), None);
    assert_eq!(Inspection::hear(&vec![b' '; INSPECTION_BYTES_MAX + 1]), None);
}

/// Replaces every number, text and list of a document by others, one at a time.
fn changed(whole: &Value, at: &str, each: &mut dyn FnMut(&str, Value)) {
    let place = whole.pointer(at).expect("the path was found in it");
    let others: Vec<Value> = match place {
        Value::Number(_) => {
            [json!(0), json!(1), json!(u64::MAX), json!(1_u64 << 63), json!(-1), json!(1e308)]
                .into()
        }
        Value::String(_) => vec![json!(""), json!("가".repeat(200)), json!("a".repeat(9_000))],
        Value::Array(_) => vec![json!([])],
        Value::Bool(flag) => vec![json!(!flag)],
        Value::Null => vec![json!(1), json!("x")],
        Value::Object(_) => Vec::new(),
    };
    for other in others {
        let mut copy = whole.clone();
        *copy.pointer_mut(at).expect("the path was found in it") = other;
        each(at, copy);
    }
    match place {
        Value::Array(entries) => {
            for index in 0..entries.len() {
                changed(whole, &format!("{at}/{index}"), each);
            }
        }
        Value::Object(fields) => {
            for name in fields.keys() {
                changed(
                    whole,
                    &format!("{at}/{}", name.replace('~', "~0").replace('/', "~1")),
                    each,
                );
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[test]
fn lies_are_refused_or_harmless() {
    let (mut refused, mut believed) = (0, 0);
    for model in models() {
        let whole = serde_json::to_value(&model).expect("plain data");
        changed(&whole, "", &mut |at, lie| {
            let bytes = serde_json::to_vec(&lie).expect("plain data");
            match Inspection::hear(&bytes) {
                None => refused += 1,
                Some(heard) => {
                    believed += 1;
                    let used = std::panic::catch_unwind(|| use_of(&heard));
                    assert!(used.is_ok(), "{at}: {lie}");
                }
            }
        });
    }
    assert!(refused > 500 && believed > 100, "{refused} refused, {believed} believed");
}
