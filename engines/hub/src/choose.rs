//! Which of a repository's files are one model: quantizations side by side, split files as one.

use std::collections::BTreeMap;

use crate::wire::RemoteFile;

/// What is taken where nobody says, the best first: what fits most computers at a good quality.
const USUAL: [&str; 9] =
    ["Q4_K_M", "Q4_K_S", "Q4_0", "Q4_1", "IQ4_XS", "Q5_K_M", "Q6_K", "Q8_0", "F16"];

/// One way to have a model: the files that belong together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variant {
    /// Its quantization, or the file's name without ending where it names none.
    pub label: String,
    /// Its files in their order; more than one where the model is split.
    pub files: Vec<RemoteFile>,
    /// Bytes of all of them.
    pub bytes: u64,
    /// It is no model by itself: a projector for pictures.
    pub is_projector: bool,
}

/// Why none was chosen.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChoiceError {
    /// It has no GGUF files.
    #[error("This repository holds no GGUF model. Look for one whose name ends in -GGUF.")]
    NoModels,
    /// None is named so.
    #[error("There is no such file or quantization. There are: {there}.")]
    Unknown {
        /// What there is.
        there: String,
    },
    /// There are several and none is the usual one.
    #[error("Say which: {there}.")]
    Several {
        /// What there is.
        there: String,
    },
}

/// The variants of a repository, by size.
pub fn variants(files: &[RemoteFile]) -> Vec<Variant> {
    let mut sets: BTreeMap<(&str, u32), Vec<(u32, &RemoteFile)>> = BTreeMap::new();
    for file in files.iter().filter(|file| file.path.is_gguf()) {
        let stem = &file.path.as_str()[..file.path.as_str().len() - 5];
        let (stem, part, parts) = split(stem).unwrap_or((stem, 1, 1));
        sets.entry((stem, parts)).or_default().push((part, file));
    }
    let mut variants: Vec<Variant> = sets
        .into_iter()
        .filter_map(|((stem, parts), mut files)| {
            files.sort_by_key(|(part, _)| *part);
            let whole = files.iter().map(|(part, _)| *part).eq(1..=parts);
            whole.then(|| variant(stem, files.into_iter().map(|(_, file)| file.clone()).collect()))
        })
        .collect();
    distinguish(&mut variants);
    variants.sort_by(|a, b| a.bytes.cmp(&b.bytes).then_with(|| a.label.cmp(&b.label)));
    variants
}

fn variant(stem: &str, files: Vec<RemoteFile>) -> Variant {
    let name = stem.rsplit('/').next().unwrap_or(stem);
    let is_projector = name.to_ascii_lowercase().starts_with("mmproj");
    let label = quantization(name).filter(|_| !is_projector);
    let label = label.unwrap_or_else(|| name.to_owned());
    let bytes = files.iter().fold(0, |sum: u64, file| sum.saturating_add(file.bytes));
    Variant { label, files, bytes, is_projector }
}

/// Two models with one quantization are told apart by their files' names.
fn distinguish(variants: &mut [Variant]) {
    let mut counts: BTreeMap<String, u32> = BTreeMap::new();
    for variant in variants.iter() {
        *counts.entry(variant.label.to_ascii_lowercase()).or_default() += 1;
    }
    for variant in variants.iter_mut() {
        if counts[&variant.label.to_ascii_lowercase()] > 1 {
            let name = variant.files[0].path.as_str();
            let stem = &name[..name.len() - 5];
            variant.label = split(stem).map_or(stem, |(stem, ..)| stem).to_owned();
        }
    }
}

/// `x-00001-of-00003` (llama.cpp's `llama_split_path`) as `x`, 1, 3.
fn split(stem: &str) -> Option<(&str, u32, u32)> {
    let (before, parts) = stem.rsplit_once("-of-")?;
    let (name, part) = before.rsplit_once('-')?;
    let number = |text: &str| {
        let digits = text.len() == 5 && text.bytes().all(|b| b.is_ascii_digit());
        text.parse::<u32>().ok().filter(|n| digits && *n > 0)
    };
    let (part, parts) = (number(part)?, number(parts)?);
    (part <= parts).then_some((name, part, parts))
}

/// The quantization in a file's name, in capitals, such as `Q4_K_M` or `UD-Q4_K_XL`.
fn quantization(name: &str) -> Option<String> {
    let parts: Vec<&str> = name.split(['-', '.']).collect();
    let at = parts.iter().rposition(|part| is_quantization(part))?;
    let label = parts[at].to_ascii_uppercase();
    let dynamic = at > 0 && parts[at - 1].eq_ignore_ascii_case("ud");
    Some(if dynamic { format!("UD-{label}") } else { label })
}

/// The words of llama.cpp's `llama-quantize` for file types.
fn is_quantization(word: &str) -> bool {
    let word = word.to_ascii_uppercase();
    if matches!(word.as_str(), "F16" | "F32" | "BF16" | "FP16" | "FP32" | "MXFP4" | "NVFP4") {
        return true;
    }
    let rest = word
        .strip_prefix("IQ")
        .or_else(|| word.strip_prefix("TQ"))
        .or_else(|| word.strip_prefix('Q'));
    let Some(rest) = rest else { return false };
    let mut parts = rest.split('_');
    let bits = parts.next().unwrap_or("");
    let plain = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric());
    matches!(bits.as_bytes(), [b'1'..=b'8']) && parts.all(plain)
}

/// The variant that is meant: by quantization, file name or its end; or the usual one.
///
/// # Errors
/// [`ChoiceError`].
pub fn choose<'a>(
    variants: &'a [Variant],
    choice: Option<&str>,
) -> Result<&'a Variant, ChoiceError> {
    let models = || variants.iter().filter(|variant| !variant.is_projector);
    if models().next().is_none() {
        return Err(ChoiceError::NoModels);
    }
    let there = || models().map(|v| v.label.as_str()).collect::<Vec<_>>().join(", ");
    let by_label = |label: &str| models().find(|v| v.label.eq_ignore_ascii_case(label));
    match choice.filter(|choice| !choice.eq_ignore_ascii_case("latest")) {
        Some(choice) => {
            let named = || variants.iter().find(|variant| is_named(variant, choice));
            let found = by_label(choice).or_else(named);
            found.ok_or_else(|| ChoiceError::Unknown { there: there() })
        }
        None => {
            let only = (models().count() == 1).then(|| models().next()).flatten();
            let usual = || USUAL.iter().find_map(|label| by_label(label));
            only.or_else(usual).ok_or_else(|| ChoiceError::Several { there: there() })
        }
    }
}

fn is_named(variant: &Variant, choice: &str) -> bool {
    let choice = choice.to_ascii_lowercase();
    variant.files.iter().any(|file| {
        let path = file.path.as_str().to_ascii_lowercase();
        let name = file.path.file_name().to_ascii_lowercase();
        let stem = &name[..name.len() - 5];
        path == choice
            || name == choice
            || stem == choice
            || stem.ends_with(&format!("-{choice}"))
            || stem.ends_with(&format!(".{choice}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::repo::FilePath;

    fn files(names: &[(&str, u64)]) -> Vec<RemoteFile> {
        let file = |(name, bytes): &(&str, u64)| RemoteFile {
            path: FilePath::parse(name).expect("a file"),
            bytes: *bytes,
            sha256: None,
        };
        names.iter().map(file).collect()
    }

    fn labels(names: &[(&str, u64)]) -> Vec<(String, usize, u64)> {
        let variants = variants(&files(names));
        variants.into_iter().map(|v| (v.label, v.files.len(), v.bytes)).collect()
    }

    #[test]
    fn quantizations_side_by_side_and_split_files_as_one() {
        let found = labels(&[
            ("README.md", 1),
            ("Llama-3.2-1B-Instruct-Q4_K_M.gguf", 5),
            ("llama-3.2-1b.iq2_xxs.gguf", 3),
            ("Llama-3.2-1B-UD-Q4_K_XL.gguf", 6),
            ("BF16/Llama-BF16-00002-of-00002.gguf", 10),
            ("BF16/Llama-BF16-00001-of-00002.gguf", 10),
            ("Q8_0/Llama-Q8_0-00001-of-00002.gguf", 10),
            ("mmproj-F16.gguf", 1),
            ("qwen.gguf", 2),
        ]);
        let expected = [
            ("mmproj-F16", 1, 1),
            ("qwen", 1, 2),
            ("IQ2_XXS", 1, 3),
            ("Q4_K_M", 1, 5),
            ("UD-Q4_K_XL", 1, 6),
            ("BF16", 2, 20),
        ];
        let expected: Vec<_> = expected.map(|(l, n, b)| (l.to_owned(), n, b)).into();
        assert_eq!(found, expected, "a set that is not whole is left out");
        let twice = labels(&[("a-Q4_0.gguf", 1), ("b-Q4_0.gguf", 2)]);
        assert_eq!(twice, [("a-Q4_0".to_owned(), 1, 1), ("b-Q4_0".to_owned(), 1, 2)]);
    }

    #[test]
    fn what_is_meant_and_what_is_usual() {
        let all = variants(&files(&[
            ("m-Q8_0.gguf", 8),
            ("m-Q4_K_M.gguf", 4),
            ("m-Q3_K_L.gguf", 3),
            ("mmproj-m.gguf", 1),
        ]));
        let chosen = |choice: Option<&str>| choose(&all, choice).map(|v| v.label.clone());
        assert_eq!(chosen(None).as_deref(), Ok("Q4_K_M"));
        assert_eq!(chosen(Some("latest")).as_deref(), Ok("Q4_K_M"));
        assert_eq!(chosen(Some("q8_0")).as_deref(), Ok("Q8_0"));
        assert_eq!(chosen(Some("m-Q3_K_L.gguf")).as_deref(), Ok("Q3_K_L"));
        assert_eq!(chosen(Some("mmproj-m")).as_deref(), Ok("mmproj-m"));
        let there = "Q3_K_L, Q4_K_M, Q8_0".to_owned();
        assert_eq!(chosen(Some("Q2_K")), Err(ChoiceError::Unknown { there }));
        let odd = variants(&files(&[("a-Q2_K.gguf", 1), ("a-Q3_K_S.gguf", 2)]));
        let several = ChoiceError::Several { there: "Q2_K, Q3_K_S".to_owned() };
        assert_eq!(choose(&odd, None), Err(several));
        let one = variants(&files(&[("a-Q2_K.gguf", 1)]));
        assert_eq!(choose(&one, None).map(|v| v.label.as_str()), Ok("Q2_K"));
        assert_eq!(choose(&variants(&files(&[("a.bin", 1)])), None), Err(ChoiceError::NoModels));
    }
}
