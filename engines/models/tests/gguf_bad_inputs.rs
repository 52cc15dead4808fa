//! Rows G01 to G14 and G16 of the catalogue of bad inputs: broken GGUF bytes, each refused with the
//! error that names its cause, and without taking memory for what a length claims.

use pumasi_models::gguf::{
    self, Companion, Counted, Excerpt, FoundFormat, Gguf, GgufError, Section, TensorProblem,
    TensorType, ValueType, VocabularyProblem,
};
use pumasi_models::test_support::{GgufBuilder, Item, Sizes, array_head};

fn tiny() -> GgufBuilder {
    GgufBuilder::llama(Sizes::default())
}

fn check(bytes: &[u8]) -> Result<Gguf, GgufError> {
    let gguf = gguf::read(bytes, bytes.len() as u64)?;
    gguf.hyperparameters()?;
    Ok(gguf)
}

/// The error of the tiny model after `change`.
fn refused(change: impl FnOnce(&mut GgufBuilder)) -> GgufError {
    let mut file = tiny();
    change(&mut file);
    check(&file.build()).expect_err("the change breaks the model")
}

fn tensor_problem(change: impl FnOnce(&mut GgufBuilder)) -> TensorProblem {
    let error = refused(change);
    let GgufError::Tensor { problem, .. } = error else { panic!("no tensor problem: {error:?}") };
    problem
}

fn vocabulary_problem(change: impl FnOnce(&mut GgufBuilder)) -> VocabularyProblem {
    let error = refused(change);
    let GgufError::Vocabulary(problem) = error else { panic!("no such problem: {error:?}") };
    problem
}

fn too_large(error: &GgufError) -> Option<Counted> {
    if let GgufError::TooLarge { what, .. } = error { Some(*what) } else { None }
}

#[test]
fn the_unbroken_model_is_accepted() {
    let gguf = check(&tiny().build()).expect("the model is whole");
    assert_eq!((gguf.version, gguf.alignment, gguf.tensors.len()), (3, 32, 20));
}

#[test]
fn cat_g01_not_a_gguf_file() {
    let mut safetensors = 1_000_u64.to_le_bytes().to_vec();
    safetensors.extend(b"{\"__metadata__\":{}}");
    let cases: [(&[u8], FoundFormat); 12] = [
        (b"", FoundFormat::Empty),
        (b"GGU", FoundFormat::TooShort),
        (b"GGUF", FoundFormat::TooShort),
        (b"GGUF\x03\0\0\0\0\0\0\0\0\0\0\0\0\0\0", FoundFormat::TooShort),
        (b"GGML\x01\0\0\0 and more of it", FoundFormat::LegacyGgml),
        (b"ggjt\x03\0\0\0 and more of it", FoundFormat::LegacyGgml),
        (b"tjgg\x03\0\0\0 and more of it", FoundFormat::LegacyGgml),
        (b"lmgg\x03\0\0\0 and more of it", FoundFormat::LegacyGgml),
        (b"PK\x03\x04 and more of the archive", FoundFormat::Zip),
        (&safetensors, FoundFormat::Safetensors),
        (b"<!DOCTYPE html><html></html>", FoundFormat::Text),
        (b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0", FoundFormat::Unknown),
    ];
    for (bytes, found) in cases {
        let error = check(bytes).expect_err("it is none");
        assert_eq!(error, GgufError::NotGguf { found });
        assert_eq!(error.code(), "not_gguf");
    }
}

#[test]
fn cat_g02_versions() {
    for version in [2, 3] {
        let mut file = tiny();
        file.version = version;
        assert_eq!(check(&file.build()).map(|gguf| gguf.version), Ok(version));
    }
    for (version, expected) in [
        (0, GgufError::UnsupportedVersion { version: 0 }),
        (1, GgufError::UnsupportedVersion { version: 1 }),
        (4, GgufError::UnsupportedVersion { version: 4 }),
        (u32::MAX, GgufError::UnsupportedVersion { version: u32::MAX }),
        (3_u32.swap_bytes(), GgufError::BigEndian),
        (2_u32.swap_bytes(), GgufError::BigEndian),
    ] {
        let error = refused(|file| file.version = version);
        assert_eq!(error, expected);
        assert_eq!(error.code(), "unsupported_version");
    }
}

#[test]
fn cat_g03_counts() {
    for (tensors, entries, expected) in [
        (Some(1 << 63), None, Counted::Tensors),
        (Some(u64::MAX), None, Counted::Tensors),
        (Some(65_537), None, Counted::Tensors),
        (None, Some(1 << 63), Counted::MetadataEntries),
        (None, Some(u64::MAX), Counted::MetadataEntries),
        (None, Some(65_537), Counted::MetadataEntries),
    ] {
        let error = refused(|file| {
            file.claimed_tensors = tensors;
            file.claimed_entries = entries;
        });
        assert_eq!(too_large(&error), Some(expected));
        assert_eq!(error.code(), "model_damaged");
    }
    // Within the bounds, but more than the file can hold.
    for claim in [5_000, 65_536] {
        let error = refused(|file| file.claimed_tensors = Some(claim));
        assert_eq!(error, GgufError::Truncated { section: Section::Metadata });
    }
}

#[test]
fn cat_g04_strings_and_keys() {
    let text = |length: u64| {
        let mut bytes = length.to_le_bytes().to_vec();
        bytes.extend(b"abc");
        Item::Raw(8, bytes)
    };
    let long = refused(|file| {
        file.set("x", text(u64::MAX));
    });
    assert_eq!(too_large(&long), Some(Counted::StringBytes));
    let past_the_end = refused(|file| {
        file.set("x", text(1 << 20));
    });
    assert_eq!(past_the_end, GgufError::Truncated { section: Section::Metadata });
    let position = tiny().entries.len() as u64;
    for key in [&b""[..], b"\xff\xfe"] {
        let error = refused(|file| {
            file.push(key, 1);
        });
        assert_eq!(error, GgufError::InvalidKey { index: position });
    }
    let twice = refused(|file| {
        file.push(b"llama.block_count", 1);
    });
    assert_eq!(twice, GgufError::DuplicateKey { key: Excerpt::of("llama.block_count") });
    let long_key = refused(|file| {
        file.push(&[b'k'; 65_536], 1);
    });
    assert_eq!(too_large(&long_key), Some(Counted::KeyBytes));
    let mut bytes = 2_u64.to_le_bytes().to_vec();
    bytes.extend([0xc3, 0x28]);
    let not_text = refused(|file| {
        file.set("x", Item::Raw(8, bytes));
    });
    assert_eq!(not_text, GgufError::InvalidText { key: Excerpt::of("x") });
    let flag = refused(|file| {
        file.set("x", Item::Raw(7, vec![2]));
    });
    assert_eq!(flag, GgufError::InvalidFlag { key: Excerpt::of("x") });
    let unknown = refused(|file| {
        file.set("x", Item::Raw(13, vec![0]));
    });
    let key = Excerpt::of("x");
    assert_eq!(unknown, GgufError::UnknownValueType { key, value_type: 13 });
}

#[test]
fn cat_g04_metadata_that_would_fill_the_memory() {
    let mut file = tiny();
    let text = "a".repeat(1 << 20);
    for index in 0..40 {
        file.set(&format!("x.{index}"), Item::Text(text.clone()));
    }
    let error = check(&file.build()).expect_err("40 MiB of text is more than is kept");
    assert_eq!(too_large(&error), Some(Counted::RetainedBytes));
}

#[test]
fn cat_g05_tensor_data_outside_the_file() {
    let whole = tiny().build();
    let cut = check(&whole[..whole.len() - 1]).expect_err("the last byte is missing");
    assert_eq!(cut.code(), "model_damaged");
    assert!(matches!(cut, GgufError::Tensor { problem: TensorProblem::PastEnd { .. }, .. }));
    let offset = |offset| {
        tensor_problem(|file| file.tensor_mut("blk.0.attn_q.weight").offset = Some(offset))
    };
    assert_eq!(offset(33), TensorProblem::Misaligned { offset: 33 });
    for wrapping in [u64::MAX - 31, 1 << 63, (1 << 40) + 32] {
        assert!(matches!(offset(wrapping), TensorProblem::PastEnd { .. }), "{wrapping}");
    }
}

#[test]
fn cat_g06_dimensions() {
    let shape = |dimensions: &[u64]| {
        tensor_problem(|file| {
            file.tensor_mut("blk.0.attn_norm.weight").dimensions = dimensions.to_vec();
        })
    };
    assert_eq!(shape(&[1 << 32, 1 << 32]), TensorProblem::TooManyElements);
    assert_eq!(shape(&[1 << 21, 1 << 21, 1 << 21]), TensorProblem::TooManyElements);
    assert_eq!(shape(&[i64::MAX as u64, 2]), TensorProblem::TooManyElements);
    assert_eq!(shape(&[0]), TensorProblem::Dimension { size: 0 });
    assert_eq!(shape(&[64, 0]), TensorProblem::Dimension { size: 0 });
    assert_eq!(shape(&[1 << 63]), TensorProblem::Dimension { size: 1 << 63 });
    assert_eq!(shape(&[-64_i64 as u64]), TensorProblem::Dimension { size: -64_i64 as u64 });
    assert_eq!(shape(&[]), TensorProblem::Dimensions { count: 0 });
    assert_eq!(shape(&[1; 5]), TensorProblem::Dimensions { count: 5 });
}

#[test]
fn cat_g07_bytes_overflow_while_elements_fit() {
    for kind in [TensorType::F64, TensorType::I64] {
        let problem = tensor_problem(|file| {
            let tensor = file.tensor_mut("blk.0.attn_norm.weight");
            tensor.dimensions = vec![1 << 62];
            tensor.type_id = kind.id();
        });
        assert_eq!(problem, TensorProblem::TooManyBytes);
    }
    // Both fit, but not into any file.
    let problem = tensor_problem(|file| {
        file.tensor_mut("blk.0.attn_norm.weight").dimensions = vec![1 << 60];
    });
    assert!(matches!(problem, TensorProblem::PastEnd { .. }));
}

#[test]
fn cat_g08_overlaps_duplicates_and_gaps() {
    let overlap = |file: &mut GgufBuilder| {
        file.tensor_mut("blk.0.attn_q.weight").offset = Some(0);
    };
    assert_eq!(tensor_problem(overlap), TensorProblem::Overlap);
    let twice = |file: &mut GgufBuilder| {
        file.tensor_mut("blk.0.attn_k.weight").name = b"blk.0.attn_v.weight".to_vec();
    };
    assert_eq!(tensor_problem(twice), TensorProblem::Duplicate);
    // A sparse file may have the length that a gap needs, so only the length is claimed here.
    let mut file = tiny();
    let last = file.tensors.last_mut().expect("the model has tensors");
    let hole = 1 << 40;
    last.offset = Some(hole);
    let bytes = file.build();
    let past = gguf::read(&bytes[..], bytes.len() as u64).expect_err("the file is too short");
    assert!(matches!(past, GgufError::Tensor { problem: TensorProblem::PastEnd { .. }, .. }));
    let gap = gguf::read(&bytes[..], hole + (1 << 20)).expect_err("the gap is not explained");
    assert!(matches!(gap, GgufError::Tensor { problem: TensorProblem::Gap { .. }, .. }));
    let sparse = gguf::read(&bytes[..], (2 << 40) + 1).expect_err("the file is too large");
    assert_eq!(too_large(&sparse), Some(Counted::FileBytes));
}

#[test]
fn cat_g08_names() {
    let name = |name: &[u8]| {
        tensor_problem(|file| file.tensor_mut("blk.0.attn_q.weight").name = name.to_vec())
    };
    assert_eq!(name(b""), TensorProblem::NameEmpty);
    assert_eq!(name(&[b'x'; 64]), TensorProblem::NameTooLong { bytes: 64 });
    assert_eq!(name(b"\xffx"), TensorProblem::NameNotText);
}

#[test]
fn cat_g09_tensor_types() {
    let type_id =
        |id: u32| tensor_problem(|file| file.tensor_mut("blk.0.attn_q.weight").type_id = id);
    for id in [4, 5, 31, 36, 43, 255, -1_i32 as u32, i32::MIN as u32] {
        assert_eq!(type_id(id), TensorProblem::UnknownType { id });
    }
    let partial = tensor_problem(|file| {
        file.tensor_mut("blk.0.attn_q.weight").dimensions = vec![33, 64];
    });
    assert_eq!(partial, TensorProblem::PartialBlock { row: 33, block: 32 });
    // The whole tensor is a multiple of the block, a row is not.
    let row = tensor_problem(|file| {
        file.tensor_mut("blk.0.attn_q.weight").dimensions = vec![16, 256];
    });
    assert_eq!(row, TensorProblem::PartialBlock { row: 16, block: 32 });
}

/// Each of these made llama.cpp abort while it computed, or has no code there at all.
#[test]
fn cat_g09_tensor_types_that_cannot_be_computed_with() {
    for (name, tensor_type) in [
        ("blk.1.ffn_norm.weight", TensorType::Q8_0),
        ("blk.1.ffn_norm.weight", TensorType::F16),
        ("blk.1.ffn_norm.weight", TensorType::F64),
        ("blk.1.ffn_down.weight", TensorType::Q8_1),
        ("blk.1.ffn_down.weight", TensorType::I8),
        ("token_embd.weight", TensorType::F64),
    ] {
        let problem = tensor_problem(|file| file.tensor_mut(name).type_id = tensor_type.id());
        assert_eq!(problem, TensorProblem::UnusableType { tensor_type }, "{name}");
    }
}

#[test]
fn cat_g10_arrays() {
    let array = |element: u32, length: u64, rest: &[u8]| {
        let mut bytes = element.to_le_bytes().to_vec();
        bytes.extend(length.to_le_bytes());
        bytes.extend(rest);
        refused(|file| {
            file.set("x", Item::Raw(9, bytes));
        })
    };
    assert_eq!(too_large(&array(0, 1 << 40, &[])), Some(Counted::ArrayElements));
    assert_eq!(too_large(&array(8, u64::MAX, &[])), Some(Counted::ArrayElements));
    let truncated = GgufError::Truncated { section: Section::Metadata };
    assert_eq!(array(0, 1 << 24, &[]), truncated);
    assert_eq!(array(8, 1 << 20, &[]), truncated);
    let nested = GgufError::NestedArray { key: Excerpt::of("x") };
    assert_eq!(array(9, 1, &array_head(0, 0)), nested);
    let deep: Vec<u8> = (0..1_000).flat_map(|_| array_head(9, 1)).collect();
    assert_eq!(array(9, 1, &deep), nested);
    let key = Excerpt::of("x");
    assert_eq!(array(77, 0, &[]), GgufError::UnknownValueType { key, value_type: 77 });
}

#[test]
fn cat_g11_alignment() {
    for alignment in [0, 1, 2, 3, 4, 48, 8_192, 1 << 31] {
        let error = refused(|file| {
            file.set("general.alignment", alignment);
        });
        assert_eq!(error, GgufError::InvalidAlignment { alignment: alignment.into() });
    }
    let key = Excerpt::of("general.alignment");
    let twice = refused(|file| {
        file.set("general.alignment", 32);
        file.push(b"general.alignment", 32);
    });
    assert_eq!(twice, GgufError::DuplicateKey { key: key.clone() });
    for (item, found) in [
        (Item::U64(32), ValueType::U64),
        (Item::I32(32), ValueType::I32),
        (Item::from("32"), ValueType::Text),
        (Item::U32s(vec![32]), ValueType::Array),
    ] {
        let error = refused(|file| {
            file.set("general.alignment", item);
        });
        let (key, expected) = (key.clone(), ValueType::U32);
        assert_eq!(error, GgufError::WrongType { key, expected, found });
    }
    for alignment in [8, 64, 4_096] {
        let mut file = tiny();
        file.alignment = alignment;
        file.set("general.alignment", alignment as u32);
        assert_eq!(check(&file.build()).map(|gguf| gguf.alignment), Ok(alignment));
    }
}

#[test]
fn cat_g12_architecture() {
    let key = || Excerpt::of("general.architecture");
    let missing = refused(|file| {
        file.remove("general.architecture");
    });
    assert_eq!(missing, GgufError::MissingKey { key: key() });
    let architecture = |item: Item| {
        refused(|file| {
            file.set("general.architecture", item);
        })
    };
    assert_eq!(architecture(Item::from("")), GgufError::MissingKey { key: key() });
    for bytes in [65, 1 << 20, 2 << 20] {
        let error = architecture(Item::Text("a".repeat(bytes)));
        assert_eq!(too_large(&error), Some(Counted::StringBytes));
    }
    assert!(matches!(architecture(Item::U32(1)), GgufError::WrongType { .. }));
    let unknown = architecture(Item::from("no\u{1b}such"));
    assert_eq!(unknown.code(), "unsupported_architecture");
    assert!(unknown.to_string().contains(r"`no\u{1b}such`"), "{unknown}");
    for (name, companion) in [
        ("clip", Companion::Projector),
        ("eagle3", Companion::DraftHead),
        ("wavtokenizer-dec", Companion::Speech),
    ] {
        assert_eq!(architecture(Item::from(name)), GgufError::NotAModel { companion });
    }
    let adapter = refused(|file| {
        file.set("general.type", "adapter");
    });
    assert_eq!(adapter, GgufError::NotAModel { companion: Companion::Adapter });
}

#[test]
fn cat_g13_sizes_out_of_range() {
    let out_of_range: [(&str, Item); 38] = [
        ("attention.head_count", Item::U32(0)),
        ("attention.head_count", Item::U32(1 << 20)),
        ("attention.head_count", Item::I32(-1)),
        ("attention.head_count", Item::U32s(vec![4, 0])),
        ("attention.head_count_kv", Item::U32(0)),
        ("embedding_length", Item::U32(0)),
        ("embedding_length", Item::U32(u32::MAX)),
        ("block_count", Item::U32(0)),
        ("block_count", Item::U32(513)),
        ("block_count", Item::U32(1_000_000_000)),
        ("context_length", Item::U32(0)),
        ("context_length", Item::U64(1 << 32)),
        ("vocab_size", Item::U32(0)),
        ("feed_forward_length", Item::U32(u32::MAX)),
        ("expert_count", Item::U32(1_000_000)),
        ("expert_used_count", Item::U32(1)),
        ("expert_group_count", Item::U32(1)),
        ("experts_per_group", Item::U32(0)),
        ("full_attention_interval", Item::U32(0)),
        ("attention.key_length", Item::U32(0)),
        ("attention.value_length", Item::U32(1 << 30)),
        ("attention.key_length_mla", Item::U32(1 << 30)),
        ("nextn_predict_layers", Item::U32(3)),
        ("rope.dimension_count", Item::U32(15)),
        ("rope.dimension_count", Item::U32(18)),
        ("rope.freq_base", Item::F32(0.0)),
        ("rope.freq_base", Item::F32(-0.0)),
        ("rope.freq_base", Item::F32(-1.0)),
        ("rope.freq_base", Item::F32(f32::NAN)),
        ("rope.freq_base", Item::F32(f32::INFINITY)),
        ("rope.scaling.factor", Item::F32(f32::NAN)),
        ("rope.scaling.factor", Item::F32(-2.0)),
        ("rope.scaling.type", Item::from("sideways")),
        ("attention.layer_norm_rms_epsilon", Item::F32(f32::NAN)),
        ("attention.layer_norm_rms_epsilon", Item::F32(2.0)),
        ("ssm.state_size", Item::U32(0)),
        ("ssm.group_count", Item::U32(0)),
        ("wkv.head_size", Item::U32(0)),
    ];
    for (key, item) in out_of_range {
        let shown = format!("{key} = {item:?}");
        let full = format!("llama.{key}");
        let error = refused(|file| {
            file.set(&full, item);
        });
        let GgufError::OutOfRange { key, .. } = &error else { panic!("{shown}: {error:?}") };
        assert_eq!(*key, Excerpt::of(&full), "{shown}");
        assert_eq!(error.code(), "model_damaged");
    }
}

#[test]
fn cat_g13_sizes_that_do_not_belong_together() {
    let set = |pairs: &[(&str, Item)]| {
        refused(|file| {
            for (key, item) in pairs {
                file.set(&format!("llama.{key}"), item.clone());
            }
        })
    };
    let divide = |error: GgufError| {
        let GgufError::NotDivisible { found, whole, .. } = error else { panic!("{error:?}") };
        (found, whole)
    };
    assert_eq!(divide(set(&[("attention.head_count_kv", Item::U32(3))])), (3, 4));
    assert_eq!(divide(set(&[("attention.head_count_kv", Item::U32(8))])), (8, 4));
    let heads = [("attention.head_count", Item::U32(6)), ("attention.head_count_kv", Item::U32(2))];
    assert_eq!(divide(set(&heads)), (6, 64));
    let groups = [
        ("expert_count", Item::U32(8)),
        ("expert_used_count", Item::U32(2)),
        ("expert_group_count", Item::U32(3)),
    ];
    assert_eq!(divide(set(&groups)), (3, 8));
    let key = Excerpt::of("llama.expert_used_count");
    let unused = set(&[("expert_count", Item::U32(8))]);
    assert_eq!(unused, GgufError::MissingKey { key });
    let (key, length, blocks) = (Excerpt::of("llama.attention.head_count"), 3, 2);
    let listed = set(&[("attention.head_count", Item::U32s(vec![4; 3]))]);
    assert_eq!(listed, GgufError::PerLayerLength { key, length, blocks });
    let text = set(&[("block_count", Item::from("two"))]);
    assert!(matches!(text, GgufError::WrongType { found: ValueType::Text, .. }));
    for key in ["context_length", "embedding_length", "block_count", "attention.head_count"] {
        let key = format!("llama.{key}");
        let error = refused(|file| {
            file.remove(&key);
        });
        assert_eq!(error, GgufError::MissingKey { key: Excerpt::of(&key) });
    }
    assert_eq!(refused(|file| file.tensors.clear()), GgufError::NoTensors);
}

#[test]
fn cat_g14_vocabulary() {
    type Change = fn(&mut GgufBuilder);
    let tokens = |count: usize| Item::Texts((0..count).map(|id| format!("t{id}")).collect());
    let (scores, types) = ("tokenizer.ggml.scores", "tokenizer.ggml.token_type");
    let list = "tokenizer.ggml.tokens";
    let bos = "tokenizer.ggml.bos_token_id";
    let cases: [(Change, VocabularyProblem); 8] = [
        (
            |file| file.set("llama.vocab_size", 301),
            VocabularyProblem::CountMismatch { stated: 301, listed: 300 },
        ),
        (
            |file| file.tensor_mut("token_embd.weight").dimensions = vec![64, 299],
            VocabularyProblem::EmbeddingMismatch { rows: 299, listed: 300 },
        ),
        (
            |file| file.set("tokenizer.ggml.scores", Item::F32s(vec![0.0; 299])),
            VocabularyProblem::ListTooShort { key: scores, length: 299, listed: 300 },
        ),
        (
            |file| file.set("tokenizer.ggml.token_type", Item::I32s(vec![1; 7])),
            VocabularyProblem::ListTooShort { key: types, length: 7, listed: 300 },
        ),
        (
            |file| file.set("tokenizer.ggml.token_type", Item::F32s(vec![1.0; 300])),
            VocabularyProblem::WrongType { key: types },
        ),
        (
            |file| file.set("tokenizer.ggml.bos_token_id", 300),
            VocabularyProblem::SpecialToken { key: bos, id: 300, listed: 300 },
        ),
        (|file| file.remove("tokenizer.ggml.tokens"), VocabularyProblem::Missing),
        (
            |file| file.set("tokenizer.ggml.tokens", Item::U32s(vec![1; 300])),
            VocabularyProblem::WrongType { key: list },
        ),
    ];
    for (change, expected) in cases {
        assert_eq!(vocabulary_problem(change), expected);
    }
    let fewer = vocabulary_problem(|file| {
        file.set(list, tokens(299));
    });
    assert_eq!(fewer, VocabularyProblem::CountMismatch { stated: 300, listed: 299 });
    let none = vocabulary_problem(|file| {
        file.set(list, tokens(0));
    });
    assert_eq!(none, VocabularyProblem::Size { count: 0 });
}

#[test]
fn cat_g14_single_tokens() {
    let with = |at: usize, token: String| {
        let mut texts: Vec<_> = (0..300).map(|id| format!("t{id}")).collect();
        texts[at] = token;
        Item::Texts(texts)
    };
    let list = "tokenizer.ggml.tokens";
    let long = vocabulary_problem(|file| {
        file.set(list, with(7, "x".repeat(70_000)));
    });
    assert_eq!(long, VocabularyProblem::TokenTooLong { bytes: 70_000 });
    let twice = vocabulary_problem(|file| {
        file.set(list, with(7, "t5".to_owned()));
    });
    assert_eq!(twice, VocabularyProblem::DuplicateToken { first: 5, second: 7 });
    // A hundred MiB for one token: only the claim, which is refused before it is read.
    let mut bytes = array_head(8, 1);
    bytes.extend((100_u64 << 20).to_le_bytes());
    let huge = refused(|file| {
        file.set(list, Item::Raw(9, bytes));
    });
    assert_eq!(too_large(&huge), Some(Counted::StringBytes));
    let tokenizer = refused(|file| {
        file.set("tokenizer.ggml.model", "abacus");
    });
    assert_eq!(tokenizer.code(), "unsupported_tokenizer");
    let merges = refused(|file| {
        file.remove("tokenizer.ggml.merges");
    });
    assert_eq!(merges, GgufError::MissingKey { key: Excerpt::of("tokenizer.ggml.merges") });
}

#[test]
fn cat_g16_split_models() {
    for (number, count) in [(0_u16, 2_u16), (1, 2), (0, 65_535)] {
        let error = refused(|file| {
            file.set("split.no", Item::U16(number));
            file.set("split.count", Item::U16(count));
            // The later parts hold nothing else.
            file.remove("general.architecture");
        });
        let (part, parts) = (u64::from(number) + 1, u64::from(count));
        assert_eq!(error, GgufError::Split { part, parts });
        assert_eq!(error.code(), "split_model");
    }
    let mut file = tiny();
    file.set("split.count", Item::U16(1));
    assert!(check(&file.build()).is_ok(), "one part is the whole model");
}

/// Every refusal is one or two sentences with what to do, and shows no raw bytes of the file.
#[test]
fn refusals_are_sentences() {
    let errors = [
        refused(|file| file.version = 9),
        refused(|file| file.claimed_tensors = Some(u64::MAX)),
        refused(|file| file.push(b"a\nb", Item::Raw(99, Vec::new()))),
        refused(|file| file.tensor_mut("blk.0.attn_q.weight").dimensions = vec![0]),
        refused(|file| file.set("llama.block_count", 0)),
        check(b"GGML....").expect_err("an old format"),
    ];
    for error in errors {
        let text = error.to_string();
        assert!(text.ends_with('.') && text.chars().next().is_some_and(char::is_uppercase));
        assert!(!text.contains('\n') && text.len() < 300, "{text}");
    }
}
