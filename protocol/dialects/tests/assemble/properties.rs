//! How an answer is split into tokens changes nothing that a program sees, and no text is lost.

use proptest::prelude::*;
use pumasi_dialects::Delta;
use pumasi_protocol::Finish;
use pumasi_protocol::engine::{OutputSyntax, ToolSyntax};

use super::{joined, run, settings, stops};

fn syntax() -> impl Strategy<Value = OutputSyntax> {
    let tools = prop::sample::select(vec![
        ToolSyntax::None,
        ToolSyntax::Hermes,
        ToolSyntax::BareJson,
        ToolSyntax::Mistral,
    ]);
    (tools, any::<bool>(), any::<bool>()).prop_map(|(tools, thinking, open)| OutputSyntax {
        tools,
        thinking,
        thinking_open: thinking && open,
    })
}

/// Text made of what the state machines look for.
fn text() -> impl Strategy<Value = Vec<u8>> {
    let fragment = prop::sample::select(vec![
        "<think>",
        "</think>",
        "<tool_call>",
        "</tool_call>",
        "[TOOL_CALLS]",
        "{\"name\": \"f\"",
        "{\"name\":\"nobody\"",
        ", \"arguments\": ",
        "{\"a\": \"}\\\"\"}",
        "}",
        "[",
        "]",
        ",",
        " ",
        "\n",
        "hello",
        "🦊",
        "é",
        "ST",
        "STOP",
        "<",
        "1.5",
        "\"",
        "{",
        "null",
    ])
    .prop_map(|s| s.as_bytes().to_vec());
    let noise = prop::collection::vec(any::<u8>(), 1..4);
    let pieces = prop::collection::vec(prop_oneof![8 => fragment, 1 => noise], 0..24);
    pieces.prop_map(|pieces| pieces.concat())
}

fn split(bytes: &[u8], cuts: &[prop::sample::Index]) -> Vec<Vec<u8>> {
    let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
    at.sort_unstable();
    let mut pieces = Vec::new();
    let mut from = 0;
    for cut in at {
        pieces.push(bytes[from..cut].to_vec());
        from = cut;
    }
    pieces.push(bytes[from..].to_vec());
    pieces
}

proptest! {
    #[test]
    fn any_split_gives_the_same(
        bytes in text(),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
        syntax in syntax(),
        stop in prop::sample::select(vec![vec![], vec!["STOP"], vec!["TO", "STOP"], vec!["}"]]),
    ) {
        let whole = run(stops(&stop), syntax, &[&bytes], Finish::Stop);
        let pieces = split(&bytes, &cuts);
        let pieces: Vec<&[u8]> = pieces.iter().map(Vec::as_slice).collect();
        let parts = run(stops(&stop), syntax, &pieces, Finish::Stop);
        prop_assert_eq!(joined(&parts.0), joined(&whole.0));
        prop_assert_eq!(parts.1, whole.1);
    }

    #[test]
    fn plain_text_is_what_lossy_decoding_gives(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
        let pieces: Vec<&[u8]> = bytes.chunks(1).collect();
        let (deltas, _) = run(settings(), OutputSyntax::default(), &pieces, Finish::Stop);
        let text: String = deltas.into_iter().map(|delta| match delta {
            Delta::Content { text, .. } => text,
            other @ (Delta::Reasoning(_) | Delta::ToolCall { .. } | Delta::Arguments { .. }) => {
                panic!("not text: {other:?}")
            }
        }).collect();
        prop_assert_eq!(text, String::from_utf8_lossy(&bytes).into_owned());
    }

    #[test]
    fn no_piece_is_empty_and_arguments_follow_their_call(bytes in text(), syntax in syntax()) {
        let pieces: Vec<&[u8]> = bytes.chunks(3).collect();
        let (deltas, _) = run(settings(), syntax, &pieces, Finish::Stop);
        let mut calls = 0;
        for delta in deltas {
            match delta {
                Delta::Content { text, .. } | Delta::Reasoning(text) => prop_assert!(!text.is_empty()),
                Delta::ToolCall { index, .. } => {
                    prop_assert_eq!(index, calls);
                    calls += 1;
                }
                Delta::Arguments { index, text } => {
                    prop_assert!(!text.is_empty());
                    prop_assert_eq!(index + 1, calls);
                }
            }
        }
    }
}
