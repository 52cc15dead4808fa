//! Embeddings at a provider: what is asked comes back through our own server side, and replies are read
//! strictly.

use expect_test::expect;
use proptest::prelude::*;
use pumasi_dialects::provider::{
    ProviderFault, Speech, Unsayable, most_inputs, outgoing_embed, read_embeddings,
};
use pumasi_dialects::{EmbedForm, EmbedRequest, Options, embedded, gemini, openai};
use pumasi_protocol::Embedded;
use pumasi_protocol::generate::{Embed, EmbedInput};
use serde_json::json;

/// Those that make embeddings.
const SPEECHES: [Speech; 2] = [Speech::OpenAi, Speech::Gemini];

fn texts(texts: &[&str]) -> Embed {
    let inputs = texts.iter().map(|text| EmbedInput::Text((*text).to_owned()));
    Embed { inputs: inputs.collect(), dimensions: None }
}

/// Our own server side, reading what a provider would be sent.
fn parse(speech: Speech, body: &str) -> EmbedRequest {
    let (bytes, options) = (body.as_bytes(), Options { strict: true });
    let parsed = match speech {
        Speech::OpenAi | Speech::Anthropic => openai::parse_embeddings(bytes, options),
        Speech::Gemini => gemini::parse_embed_batch("m".parse().expect("a name"), bytes, options),
    };
    parsed.expect("our own server side reads it")
}

fn unit(numbers: Vec<f32>) -> Vec<f32> {
    let length = numbers.iter().map(|number| number * number).sum::<f32>().sqrt();
    numbers.iter().map(|number| number / length).collect()
}

proptest! {
    #[test]
    fn what_is_asked_comes_back_through_our_own_server_side(
        said in prop::collection::vec("[a-z창\"\\\\\n ]{1,9}", 1..5),
        dimensions in prop::option::of(1_u32..3_000),
    ) {
        let inputs = said.iter().cloned().map(EmbedInput::Text).collect();
        let embed = Embed { inputs, dimensions };
        for speech in SPEECHES {
            let sent = outgoing_embed(speech, "m", &embed, None).expect("it can be said");
            prop_assert_eq!(&parse(speech, &sent.body).embed, &embed, "{:?}", speech);
        }
    }

    #[test]
    fn what_our_own_server_side_answers_is_read(
        vectors in prop::collection::vec(prop::collection::vec(0.1_f32..1.0, 3), 1..5),
    ) {
        let all: Vec<Embedded> = vectors
            .into_iter()
            .enumerate()
            .map(|(place, numbers)| {
                Embedded { vector: unit(numbers), tokens: if place == 0 { 7 } else { 0 } }
            })
            .collect();
        let forms = [
            (Speech::OpenAi, EmbedForm::OpenAi { base64: false }, 7),
            (Speech::OpenAi, EmbedForm::OpenAi { base64: true }, 7),
            (Speech::Gemini, EmbedForm::Gemini { batch: true }, 0),
        ];
        for (speech, form, tokens) in forms {
            let body = embedded(form, "m", &all, None);
            let read = read_embeddings(speech, body.as_bytes(), all.len()).expect("a reply");
            let vectors = |list: &[Embedded]| -> Vec<Vec<f32>> {
                list.iter().map(|one| one.vector.clone()).collect()
            };
            prop_assert_eq!(vectors(&read), vectors(&all));
            // Gemini counts nothing here.
            prop_assert_eq!(read[0].tokens, tokens);
        }
    }

    #[test]
    fn no_bytes_make_reading_panic(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
        for speech in [Speech::OpenAi, Speech::Anthropic, Speech::Gemini] {
            prop_assert!(read_embeddings(speech, &bytes, 1).is_err());
        }
    }
}

#[test]
fn a_plain_request_in_every_dialect() {
    let sent = |speech| {
        let sent = outgoing_embed(speech, "m", &texts(&["a", "b"]), None).expect("it can be said");
        format!("{} {}\n", sent.path, sent.body)
    };
    expect![[r#"
        /embeddings {"model":"m","input":["a","b"]}
        /v1beta/models/m:batchEmbedContents {"requests":[{"model":"models/m","content":{"parts":[{"text":"a"}]}},{"model":"models/m","content":{"parts":[{"text":"b"}]}}]}
    "#]]
    .assert_eq(&SPEECHES.map(sent).concat());
    assert_eq!((most_inputs(Speech::OpenAi), most_inputs(Speech::Gemini)), (2_048, 100));
}

#[test]
fn tokens_of_another_model_and_a_provider_without_embeddings_are_not_asked() {
    let tokens = Embed { inputs: vec![EmbedInput::Tokens(vec![1])], dimensions: None };
    for speech in [Speech::OpenAi, Speech::Anthropic, Speech::Gemini] {
        assert_eq!(outgoing_embed(speech, "m", &tokens, None), Err(Unsayable::Raw), "{speech:?}");
    }
    let asked = outgoing_embed(Speech::Anthropic, "m", &texts(&["a"]), None);
    assert_eq!(asked, Err(Unsayable::Raw));
}

fn read(data: serde_json::Value, texts: usize) -> Result<Vec<Vec<f32>>, ProviderFault> {
    let body = json!({ "data": data, "usage": { "prompt_tokens": -3 } }).to_string();
    let read = read_embeddings(Speech::OpenAi, body.as_bytes(), texts)?;
    assert!(read.iter().all(|one| one.tokens == 0), "counts below zero are none");
    Ok(read.into_iter().map(|one| one.vector).collect())
}

#[test]
fn vectors_stand_in_the_order_of_their_texts_and_have_length_one() {
    let swapped = json!([
        { "index": 1, "embedding": [0.0, 2.0] },
        { "index": 0, "embedding": [3.0, 4.0] },
    ]);
    assert_eq!(read(swapped, 2), Ok(vec![vec![0.6, 0.8], vec![0.0, 1.0]]));
    let unnumbered = json!([{ "embedding": [1.0, 0.0] }, { "embedding": [0.0, 1.0] }]);
    assert_eq!(read(unnumbered, 2), Ok(vec![vec![1.0, 0.0], vec![0.0, 1.0]]));
}

#[test]
fn vectors_that_are_none_or_not_enough_or_too_many_are_refused() {
    let bad = [
        json!([]),
        json!({}),
        json!([{ "index": 0, "embedding": [1.0] }]),
        json!([{ "index": 0, "embedding": [1.0] }, { "index": 0, "embedding": [1.0] }]),
        json!([{ "index": 0, "embedding": [1.0] }, { "index": 2, "embedding": [1.0] }]),
        json!([{ "index": 0, "embedding": [1.0] }, { "index": -1, "embedding": [1.0, 2.0] }]),
        json!([{ "index": 0, "embedding": [1.0] }, { "index": 1, "embedding": [1.0, 2.0] }]),
        json!([{ "index": 0, "embedding": [1.0] }, { "index": 1, "embedding": [0.0] }]),
        json!([{ "index": 0, "embedding": [1.0] }, { "index": 1, "embedding": [] }]),
        json!([{ "index": 0, "embedding": [1.0] }, { "index": 1, "embedding": ["1"] }]),
        json!([{ "index": 0, "embedding": [1.0] }, { "index": 1, "embedding": [1e300] }]),
        json!([{ "index": 0, "embedding": [1.0] }, { "index": 1, "embedding": "AAA=" }]),
    ];
    for data in bad {
        assert_eq!(read(data.clone(), 2), Err(ProviderFault::Garbled), "{data}");
    }
    let wide = json!([{ "index": 0, "embedding": vec![1.0; 65_537] }]);
    assert_eq!(read(wide, 1), Err(ProviderFault::TooLarge));
}

#[test]
fn an_error_has_its_reason() {
    let body =
        br#"{"error":{"message":"x","type":"invalid_request_error","code":"model_not_found"}}"#;
    for speech in SPEECHES {
        assert_eq!(read_embeddings(speech, body, 1), Err(ProviderFault::NoModel), "{speech:?}");
    }
}
