//! Grammars: what they allow, what they refuse, and their budgets.

use pumasi_protocol::engine::ToolSyntax;
use pumasi_protocol::generate::Tool;
use serde_json::{Value, json};

use super::*;
use crate::grammar::shape::parse_schema;

/// One token per byte, and an end.
fn vocabulary() -> Vocabulary {
    Vocabulary::of_bytes(&[])
}

fn compile(shape: &Shape) -> Result<Grammar, GrammarError> {
    Grammars::default().compile(shape, &vocabulary())
}

/// Whether the grammar takes the whole text and may end there.
fn accepts(shape: &Shape, text: &str) -> bool {
    let vocabulary = vocabulary();
    let mut grammar = compile(shape).expect("it compiles");
    let mut logits = vec![0.0; vocabulary.len()];
    for byte in text.bytes() {
        logits.fill(0.0);
        match grammar.mask().expect("no error") {
            Some(mask) => mask.apply(&mut logits),
            None => return false,
        }
        if logits[usize::from(byte)] != 0.0 {
            return false;
        }
        grammar.accept(u32::from(byte)).expect("the mask allows it");
    }
    if grammar.is_complete() {
        return true;
    }
    logits.fill(0.0);
    grammar.mask().expect("no error").is_some_and(|mask| {
        mask.apply(&mut logits);
        vocabulary.answer_ends().iter().any(|id| logits[*id as usize] == 0.0)
    })
}

fn schema(value: Value) -> Shape {
    Shape::Json(value)
}

#[test]
fn json_of_a_schema_is_taken_with_pythons_separators_only() {
    let shape = schema(json!({
        "type": "object",
        "properties": { "a": { "type": "integer" }, "b": { "type": "string" } },
        "required": ["a"],
        "additionalProperties": false,
    }));
    assert!(accepts(&shape, r#"{"a": 1}"#));
    assert!(accepts(&shape, r#"{"a": 1, "b": "x\n한"}"#));
    assert!(!accepts(&shape, r#"{"b": "x"}"#));
    assert!(!accepts(&shape, r#"{"a": "x"}"#));
    assert!(!accepts(&shape, r#"{ "a": 1}"#));
    assert!(!accepts(&shape, r#"{"a": 1"#));
    assert!(accepts(&schema(json!({ "type": "object" })), r#"{"any": [1, {"x": null}]}"#));
    assert!(accepts(&schema(json!(true)), "[1]"));
}

#[test]
fn lark_grammars_are_taken_and_broken_ones_refused() {
    let shape = |text: &str| Shape::Lark(text.to_owned());
    assert!(accepts(&shape("start: \"yes\" | \"no\""), "no"));
    assert!(!accepts(&shape("start: \"yes\" | \"no\""), "maybe"));
    for broken in ["", "start: missing", "start: /(/", "nothing: \"x\""] {
        assert!(compile(&shape(broken)).is_err(), "{broken:?}");
    }
}

fn tool(name: &str, parameters: &str) -> ToolUse {
    let parameters = Some(parameters.to_owned());
    let tool = Tool { name: name.to_owned(), description: None, parameters };
    ToolUse::of(&tool).expect("the schema is JSON")
}

#[test]
fn tool_calls_follow_the_models_notation() {
    let integer = r#"{"type":"object","properties":{"n":{"type":"integer"}},"required":["n"]}"#;
    let tools = vec![
        tool("a\"b", integer),
        tool("c", r#"{"type":"object","properties":{},"additionalProperties":false}"#),
    ];
    let shape = |syntax, or_json| Shape::Tools { syntax, tools: tools.clone(), or_json };
    let hermes = shape(ToolSyntax::Hermes, None);
    let one = "<tool_call>\n{\"name\": \"a\\\"b\", \"arguments\": {\"n\": 7}}\n</tool_call>";
    let other = "<tool_call>\n{\"name\": \"c\", \"arguments\": {}}\n</tool_call>";
    assert!(accepts(&hermes, one));
    assert!(accepts(&hermes, &format!("{one}\n{other}")));
    assert!(!accepts(&hermes, "hello"));
    assert!(!accepts(&hermes, &one.replace('7', "\"7\"")));
    assert!(!accepts(&hermes, &other.replace("\"c\"", "\"d\"")));
    let bare = shape(ToolSyntax::BareJson, None);
    assert!(accepts(&bare, "{\"name\": \"c\", \"parameters\": {}}"));
    let mistral = shape(ToolSyntax::Mistral, Some(json!({ "type": "boolean" })));
    assert!(accepts(&mistral, "[TOOL_CALLS][{\"name\": \"c\", \"arguments\": {}}]"));
    assert!(accepts(&mistral, "true"));
    assert!(!accepts(&mistral, "[TOOL_CALLS][]"));
    assert!(compile(&shape(ToolSyntax::None, None)).is_err());
}

fn compiled(text: &str) -> Result<Grammar, GrammarError> {
    compile(&Shape::Json(parse_schema(text)?))
}

fn nested(levels: usize) -> String {
    let open = r#"{"type":"object","properties":{"a":"#.repeat(levels);
    format!("{open}true{}", "}}".repeat(levels))
}

#[test]
fn cat_h15_pathological_schemas_end_within_their_time() {
    const { assert!(GRAMMAR_TIME.as_millis() < 2_000, "the reply has two seconds") };
    let pattern = |regex: &str| json!({ "type": "string", "pattern": regex }).to_string();
    let enumeration: Vec<String> = (0..30_000).map(|i| format!("value number {i}")).collect();
    let cycle =
        r##"{"$ref":"#/$defs/a","$defs":{"a":{"$ref":"#/$defs/b"},"b":{"$ref":"#/$defs/a"}}}"##;
    let recursive = r##"{"$ref":"#/$defs/a","$defs":{"a":{"type":"object","properties":{"a":{"$ref":"#/$defs/a"}}}}}"##;
    let wide = json!({ "anyOf": (0..2_000).map(|i| json!({ "type": "object", "properties":
        { format!("p{i}"): { "type": "string", "pattern": format!("(a|b)*{i}(a|b){{40}}") } } }))
        .collect::<Vec<_>>() });
    for refused in [cycle.to_owned(), nested(200)] {
        assert!(compiled(&refused).is_err(), "{refused:.80}");
    }
    let schemas = [
        recursive.to_owned(),
        nested(60),
        pattern("(a+)+$"),
        pattern("^(a|a)*b{1,100000}$"),
        pattern("^(.{1,100000}x){1,100000}$"),
        pattern("^(x+x+)+y$"),
        pattern("(((a{1,100}){1,100}){1,100}){1,100}"),
        json!({ "type": "string", "maxLength": 100_000_000, "minLength": 99_999_999 }).to_string(),
        json!({ "type": "array", "minItems": 1_000_000, "items": { "type": "integer" } })
            .to_string(),
        json!({ "enum": enumeration }).to_string(),
        wide.to_string(),
    ];
    for text in schemas {
        // What compiles is bounded in each of its steps; what does not was given up in time.
        if let Ok(mut grammar) = compiled(&text) {
            assert!(grammar.mask().is_ok(), "{text:.80}");
        }
    }
}
