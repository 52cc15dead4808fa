//! What clouds and local servers answer. The first byte says in which language, the second how the
//! bytes are cut.

use pumasi_dialects::Delta;
use pumasi_dialects::provider::{Heard, Reader, Speech, read_whole};

/// See the module.
///
/// # Panics
/// When the cuts change what is heard, or something is heard after the end.
pub fn run(data: &[u8]) {
    let Some(([which, cut], bytes)) = data.split_first_chunk::<2>() else { return };
    let speech = match which % 3 {
        0 => Speech::OpenAi,
        1 => Speech::Anthropic,
        _ => Speech::Gemini,
    };
    if which & 0x80 != 0 {
        ends_once(&read_whole(speech, bytes));
        return;
    }
    let at_once = hear(speech, bytes.chunks(bytes.len().max(1)));
    let in_pieces = hear(speech, bytes.chunks(usize::from(*cut) + 1));
    ends_once(&at_once);
    ends_once(&in_pieces);
    assert_eq!(joined(at_once), joined(in_pieces), "how bytes come changes what is heard");
}

fn hear<'a>(speech: Speech, pieces: impl Iterator<Item = &'a [u8]>) -> Vec<Heard> {
    let mut reader = Reader::new(speech);
    let mut heard = Vec::new();
    for piece in pieces {
        heard.extend(reader.push(piece));
    }
    heard.extend(reader.finish());
    assert!(reader.is_over());
    heard
}

fn ends_once(heard: &[Heard]) {
    let is_last = |one: &&Heard| matches!(one, Heard::Ended(_) | Heard::Failed(_));
    assert_eq!(heard.iter().filter(is_last).count(), 1, "{heard:?}");
    assert!(heard.last().as_ref().is_some_and(is_last));
}

/// Neighbouring pieces of text as one.
fn joined(heard: Vec<Heard>) -> Vec<Heard> {
    let mut all: Vec<Heard> = Vec::new();
    for one in heard {
        match (all.last_mut(), one) {
            (
                Some(Heard::Delta(Delta::Content { text: known, logprobs: some })),
                Heard::Delta(Delta::Content { text, logprobs }),
            ) => {
                known.push_str(&text);
                some.extend(logprobs);
            }
            (_, one) => all.push(one),
        }
    }
    all
}

/// Answers of each language.
#[must_use]
pub fn seeds() -> Vec<Vec<u8>> {
    let streams = [
        (
            0,
            "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"hi\"}}]}\n\n\
             data: {\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":0,\"id\":\"c\",\
             \"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}]}}]}\n\n\
             data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n\
             data: {\"choices\":[],\"usage\":{\"prompt_tokens\":5,\"completion_tokens\":3}}\n\n\
             data: [DONE]\n\n",
        ),
        (
            1,
            "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"usage\":{\
             \"input_tokens\":5}}}\n\nevent: content_block_start\ndata: {\"type\":\"content_block_start\",\
             \"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n\
             data: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\
             \"text\":\"hi\"}}\n\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\
             \"end_turn\"},\"usage\":{\"output_tokens\":3}}\n\ndata: {\"type\":\"message_stop\"}\n\n",
        ),
        (
            2,
            "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"hi\"},{\"functionCall\":{\
             \"name\":\"f\",\"args\":{}}}]},\"finishReason\":\"STOP\"}],\"usageMetadata\":{\
             \"promptTokenCount\":5}}\r\n\r\n",
        ),
        (0x80, "{\"choices\":[{\"message\":{\"content\":\"hi\"},\"finish_reason\":\"length\"}]}"),
    ];
    streams.iter().map(|(which, text)| [&[*which, 6], text.as_bytes()].concat()).collect()
}
