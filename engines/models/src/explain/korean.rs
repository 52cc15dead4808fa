//! In Korean.

use super::{Topic, bytes, full_bytes, percent, scaled, token_bytes};
use crate::gguf::ContextMemory;
use crate::inspect::{Activation, AttentionKind, Inspection, Norm, Part, Positions, facts};

pub(super) fn tell(model: &Inspection, topic: Topic) -> Option<(&'static str, String)> {
    Some(match topic {
        Topic::Model => ("어떤 모델인가", whole(model)),
        Topic::Parts => ("파라미터는 어디에 있나", parts(model)),
        Topic::Blocks => ("쌓인 블록", blocks(model)),
        Topic::Attention => ("토큰이 서로를 보는 방법", attention(model)),
        Topic::FeedForward => ("그 사이의 층", feed_forward(model)?),
        Topic::Quantization => ("숫자를 저장하는 방법", quantization(model)),
        Topic::Vocabulary => ("아는 낱말", vocabulary(model)?),
        Topic::Cache => ("기억에 드는 메모리", cache(model)),
        Topic::Template => ("대화를 글로 바꾸는 방법", template(model)),
        Topic::License => ("사용 조건", license(model)),
    })
}

/// In steps of ten thousand, as Korean counts.
fn many(count: u64) -> String {
    let (value, steps) = scaled(count, 10_000);
    format!("{value}{}", ["", "만", "억", "조", "경"][steps])
}

fn whole(model: &Inspection) -> String {
    let family = facts(&model.architecture).and_then(|facts| facts.family);
    let kind = match (family, model.known) {
        (Some(family), _) => format!("{family} 계열의 모델입니다."),
        (None, true) => format!("{} 구조의 모델입니다.", model.architecture),
        (None, false) => format!(
            "여기 엔진이 모르는 구조({})의 모델입니다. 실행할 수 없고, 어텐션과 메모리에 대한 설명은 \
             추측입니다.",
            model.architecture
        ),
    };
    let work = if model.embeds {
        "글을 서로 비교할 수 있는 벡터로 바꿉니다."
    } else {
        "글을 토큰 하나씩 써 나갑니다."
    };
    let active = if model.active.parameters * 10 < model.parameters * 9 {
        format!(
            " 토큰 하나에는 그중 {}개만 쓰므로 크기에 비해 빠릅니다.",
            many(model.active.parameters)
        )
    } else {
        String::new()
    };
    format!(
        "{kind} 학습으로 찾은 숫자인 파라미터가 {}개 있습니다. {work} 한 번에 {}토큰까지 보도록 \
         학습했습니다.{active}",
        many(model.parameters),
        many(model.context_length),
    )
}

fn part_name(part: Part) -> &'static str {
    match part {
        Part::Embedding => "임베딩",
        Part::Attention => "어텐션",
        Part::Recurrent => "순환 층",
        Part::FeedForward => "피드포워드 층",
        Part::Experts => "전문가",
        Part::Norms => "정규화",
        Part::Output => "출력",
        Part::Other => "나머지",
    }
}

fn parts(model: &Inspection) -> String {
    let mut ordered: Vec<_> = model.parts.iter().collect();
    ordered.sort_by(|a, b| b.share.total_cmp(&a.share));
    let named = ordered.iter().take(3);
    let named: Vec<String> =
        named.map(|sum| format!("{} {}", part_name(sum.part), percent(sum.share))).collect();
    let tied = if model.tied_output {
        " 토큰을 벡터로 바꾸는 표가 마지막 벡터를 다시 토큰으로 바꾸는 데에도 쓰이므로 한 번만 \
         저장합니다."
    } else {
        ""
    };
    format!(
        "파라미터의 비율: {}. 어텐션은 무엇이 서로 관련되는지 정하고, 배운 것은 대부분 피드포워드 층과 \
         전문가에 있습니다.{tied}",
        named.join(", ")
    )
}

fn blocks(model: &Inspection) -> String {
    let a = &model.attention;
    let mix = match (a.blocks, a.recurrent_blocks) {
        (0, _) => " 토큰을 하나하나 되돌아보는 블록은 없고, 모두 상태를 이어 갑니다.".to_owned(),
        (_, 0) => String::new(),
        (blocks, recurrent) => format!(
            " 그중 {blocks}개는 앞의 토큰을 되돌아보고 {recurrent}개는 크기가 일정한 상태를 이어 가는 \
             혼합형이라, 긴 글에서 메모리를 아낍니다."
        ),
    };
    let norm = match facts(&model.architecture).and_then(|facts| facts.norm) {
        Some(Norm::RootMeanSquare) => " 단계마다 먼저 크기를 고르게 합니다(RMS 정규화).",
        Some(Norm::Layer) => " 단계마다 먼저 평균과 크기를 고르게 합니다(레이어 정규화).",
        None => "",
    };
    format!(
        "토큰은 숫자 {}개의 벡터가 되어 블록 {}개를 차례로 지나며, 블록마다 무언가가 더해집니다.{mix}{norm}",
        model.embedding_length, model.block_count
    )
}

fn attention(model: &Inspection) -> String {
    let a = &model.attention;
    let kind = match a.kind {
        AttentionKind::None => {
            return "이 모델에는 어텐션이 없습니다. 읽은 것을 크기가 일정한 상태에 담으므로 글이 길어도 \
                    메모리가 늘지 않지만, 세부 내용은 흐려질 수 있습니다."
                .to_owned();
        }
        AttentionKind::Unknown => {
            return format!(
                "어텐션 종류를 알 수 없습니다. 엔진에는 {} 구조의 계산 그래프가 없습니다. 파일에는 쿼리 \
                 헤드 {}개, 키·값 헤드 {}개라고 적혀 있습니다.",
                model.architecture, a.heads, a.heads_kv
            );
        }
        AttentionKind::MultiHead => format!(
            "멀티 헤드 어텐션(MHA): 헤드 {}개가 글을 서로 다르게 보고, 저마다 자기 키와 값을 둡니다. \
             정확하지만 기억하는 데 메모리가 가장 많이 듭니다.",
            a.heads
        ),
        AttentionKind::GroupedQuery => format!(
            "그룹 쿼리 어텐션(GQA): 헤드 {}개가 글을 서로 다르게 보지만 {}개씩 키와 값 한 벌을 함께 쓰므로 \
             {}벌만 기억합니다. 함께 쓰지 않을 때의 {}분의 1입니다.",
            a.heads,
            a.heads / a.heads_kv.max(1),
            a.heads_kv,
            a.heads / a.heads_kv.max(1),
        ),
        AttentionKind::MultiQuery => format!(
            "멀티 쿼리 어텐션(MQA): 헤드 {}개가 모두 키와 값 한 벌을 함께 씁니다. 키와 값을 두는 방식 \
             가운데 기억할 것이 가장 적습니다.",
            a.heads
        ),
        AttentionKind::MultiHeadLatent => format!(
            "멀티 헤드 잠재 어텐션(MLA): 헤드 {}개의 키와 값 대신 토큰마다 숫자 {}개의 압축된 벡터 하나만 \
             두고, 키와 값은 거기서 계산합니다.",
            a.heads,
            a.latent_length.max(a.value_length)
        ),
    };
    let sliding = match (a.sliding_blocks, a.sliding_window) {
        (0, _) | (_, None) => String::new(),
        (blocks, Some(window)) => format!(
            " 어텐션 블록 {}개 가운데 {blocks}개는 마지막 {window}토큰만 보고(슬라이딩 윈도), 나머지는 전체를 \
             봅니다.",
            a.blocks
        ),
    };
    let positions = match facts(&model.architecture).and_then(|facts| facts.positions) {
        Some(Positions::Rotary) => match model.rope_base {
            Some(base) => {
                format!(" 벡터를 돌려서 토큰의 순서를 압니다(RoPE, 밑 {}).", many(base as u64))
            }
            None => " 벡터를 돌려서 토큰의 순서를 압니다(RoPE).".to_owned(),
        },
        Some(Positions::Alibi) => " 먼 토큰일수록 정해진 기울기로 덜 봅니다(ALiBi).".to_owned(),
        Some(Positions::Learned) => " 자리마다 학습한 벡터가 있습니다.".to_owned(),
        Some(Positions::Relative) => " 토큰 사이의 거리마다 학습한 무게가 있습니다.".to_owned(),
        Some(Positions::None) | None => String::new(),
    };
    format!("{kind}{sliding}{positions}")
}

fn feed_forward(model: &Inspection) -> Option<String> {
    let curve = match facts(&model.architecture).and_then(|facts| facts.activation) {
        Some(Activation::Silu) => "(SiLU)",
        Some(Activation::Gelu) => "(GELU)",
        Some(Activation::Relu) => "(ReLU)",
        Some(Activation::ReluSquared) => "(제곱 ReLU)",
        Some(Activation::ClampedSilu) => "(범위를 제한한 SiLU)",
        None => "",
    };
    if model.expert_count > 0 {
        let shared = match model.expert_shared_count {
            0 => String::new(),
            more => format!(" 다른 {more}개는 모든 토큰을 봅니다."),
        };
        return Some(format!(
            "전문가 혼합(MoE): 블록마다 너비 {}의 작은 피드포워드 층{curve}이 {}개 있고, 라우터가 토큰마다 \
             그중 {}개를 고릅니다.{shared} 모두 메모리에 있어야 하지만 고른 것만 계산합니다.",
            model.expert_feed_forward_length, model.expert_count, model.expert_used_count
        ));
    }
    let width = Some(model.feed_forward_length).filter(|width| *width > 0)?;
    let times = width as f64 / model.embedding_length.max(1) as f64;
    Some(format!(
        "어텐션 다음에 토큰마다 숫자 {width}개(벡터의 {times:.1}배)로 넓혀 곡선{curve}으로 구부린 뒤 다시 \
         좁힙니다. 모든 토큰이 전부를 쓰는 밀집 구조입니다."
    ))
}

fn quantization(model: &Inspection) -> String {
    let bits = model.bits_per_weight;
    let whole = 16.0 / bits;
    let types = super::weight_types(model);
    let mixed = if types.len() > 1 {
        format!(
            " 모두 똑같이 저장하지는 않습니다({}). 중요한 부분일수록 비트를 더 씁니다.",
            types.join(", ")
        )
    } else {
        String::new()
    };
    if bits > 15.0 {
        return format!(
            "{}: 파라미터마다 {bits:.1}비트로, 공개된 그대로 정확합니다.{mixed}",
            model.quantization
        );
    }
    let loss = match bits {
        bits if bits >= 8.0 => "원본과의 차이를 거의 잴 수 없습니다.",
        bits if bits >= 5.5 => "답이 원본과 매우 비슷합니다.",
        bits if bits >= 4.0 => "균형이 좋아 가장 많이 쓰입니다.",
        bits if bits >= 3.0 => "답이 눈에 띄게 나빠지므로 메모리가 모자랄 때만 고르세요.",
        _ => "많은 것을 잃습니다. 비트가 더 많은 작은 모델이 나을 때가 많습니다.",
    };
    format!(
        "{}: 파라미터마다 평균 {bits:.2}비트로, 16비트보다 {whole:.1}배 작습니다. {loss}{mixed}",
        model.quantization
    )
}

fn vocabulary(model: &Inspection) -> Option<String> {
    let count = Some(model.vocabulary_size).filter(|count| *count > 0)?;
    let how = match model.tokenizer.as_str() {
        "gpt2" | "gemma4" => "자주 붙는 바이트를 합치는 방법(BPE)으로",
        "llama" => "가장 그럴듯한 조각(SentencePiece)으로",
        "bert" => "아는 것 중 가장 긴 조각(WordPiece)으로",
        "t5" => "가장 그럴듯한 조각(Unigram)으로",
        _ => "고유한 방법으로",
    };
    let scripts = if count >= 100_000 {
        " 어휘가 커서 한국어도 적은 토큰으로 씁니다."
    } else if count < 40_000 {
        " 어휘가 작아 한국어에는 영어보다 토큰이 더 듭니다."
    } else {
        ""
    };
    Some(format!("낱말의 조각인 토큰 {count}개를 알고, 글을 {how} 나눕니다.{scripts}"))
}

fn cache(model: &Inspection) -> String {
    let token = token_bytes(model);
    match model.memory {
        ContextMemory::None => {
            "입력 전체를 한 번에 보고, 요청이 끝나면 아무것도 남기지 않습니다.".to_owned()
        }
        ContextMemory::Recurrent => format!(
            "글이 아무리 길어도 요청마다 상태에 {}만 듭니다.",
            bytes(model.cache.state_bytes)
        ),
        ContextMemory::KeyValue | ContextMemory::Hybrid => {
            let state = match model.cache.state_bytes {
                0 => String::new(),
                state => format!(" 순환 블록에는 요청마다 {}가 더 듭니다.", bytes(state)),
            };
            format!(
                "글을 이어 쓰려고 모든 토큰의 키와 값을 둡니다. 16비트 실수로 토큰마다 {}, 전체 컨텍스트 \
                 {}토큰에 {}가 듭니다. 8비트 캐시면 약 절반, 4비트면 약 4분의 1입니다.{state}",
                bytes(token),
                model.context_length,
                bytes(full_bytes(model)),
            )
        }
    }
}

fn template(model: &Inspection) -> String {
    let Some(template) = &model.chat_template else {
        return "파일에 대화 템플릿이 없습니다. 답하기보다 글을 이어 쓰거나, 일반 템플릿을 씁니다."
            .to_owned();
    };
    let mut can = Vec::new();
    if template.system {
        can.push("시스템 지시");
    }
    if template.tools {
        can.push("도구");
    }
    if template.thinking {
        can.push("답하기 전의 생각");
    }
    let can = if can.is_empty() {
        "메시지만".to_owned()
    } else {
        format!("{}까지", can.join(", "))
    };
    format!(
        "파일 속의 작은 프로그램이 메시지를 모델이 학습한 모양의 글로 바꿉니다. {can} 다룹니다. 지문은 \
         {}입니다. 파일의 두 판 사이에 지문이 바뀌었다면 쓰기 전에 내용을 확인하세요.",
        &template.sha256[..12.min(template.sha256.len())]
    )
}

fn license(model: &Inspection) -> String {
    model.license.as_ref().map_or_else(
        || "파일에 라이선스가 적혀 있지 않습니다. 업무에 쓰기 전에 공개된 곳에서 확인하세요.".to_owned(),
        |license| {
            format!(
                "파일에는 라이선스가 “{license}”라고 적혀 있습니다. 파일 스스로의 말이므로 공개한 곳의 \
                 설명이 우선입니다."
            )
        },
    )
}
