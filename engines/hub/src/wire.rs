//! What the hub's API says, in JSON: only what is needed, each field checked, and whatever is missing or
//! odd in one file or result is left out without the rest.

use pumasi_models::store::Sha256;
use serde::Deserialize;
use serde_json::Value;

use crate::error::HubError;
use crate::limits::{FILES_MAX, RESULTS_MAX, TAGS_MAX, TEXT_BYTES_MAX};
use crate::repo::{Commit, FilePath, RepoId};

/// Whether a repository asks for something before it gives its files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Gate {
    /// Open.
    #[default]
    Open,
    /// Terms are to be accepted.
    Terms,
    /// Its owners decide about each person.
    Approval,
}

/// One result of a search.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The repository.
    pub repo: RepoId,
    /// Downloads in the last month.
    pub downloads: u64,
    /// People who like it.
    pub likes: u64,
    /// When it last changed, as the hub writes it (ISO 8601); empty where it does not say.
    pub changed: String,
    /// Whether it is gated.
    pub gate: Gate,
    /// Parameters, where the hub read them from a GGUF file.
    pub parameters: Option<u64>,
    /// Architecture, where the hub read it from a GGUF file.
    pub architecture: Option<String>,
    /// Licence, by its tag.
    pub licence: Option<String>,
}

/// A file of a repository at a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteFile {
    /// Its path.
    pub path: FilePath,
    /// Its length in bytes.
    pub bytes: u64,
    /// Its SHA-256; none: the hub does not say (small files outside LFS).
    pub sha256: Option<Sha256>,
}

/// A repository at a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Info {
    pub(crate) commit: Commit,
    pub(crate) gate: Gate,
    pub(crate) licence: Option<String>,
    pub(crate) downloads: u64,
    pub(crate) likes: u64,
    pub(crate) changed: String,
    pub(crate) parameters: Option<u64>,
    pub(crate) architecture: Option<String>,
    pub(crate) files: Vec<RemoteFile>,
    /// Files whose names or sizes are not what files have.
    pub(crate) odd: usize,
}

#[derive(Deserialize)]
struct RawInfo {
    sha: Option<String>,
    #[serde(flatten)]
    said: RawSaid,
    #[serde(default)]
    siblings: Vec<Value>,
}

#[derive(Deserialize)]
struct RawFound {
    id: Option<String>,
    #[serde(rename = "modelId")]
    model_id: Option<String>,
    #[serde(flatten)]
    said: RawSaid,
}

/// What search and repository say alike. Of other types: as if not said.
#[derive(Deserialize)]
struct RawSaid {
    #[serde(default)]
    downloads: Value,
    #[serde(default)]
    likes: Value,
    #[serde(default, rename = "lastModified")]
    changed: Value,
    #[serde(default)]
    gated: Value,
    #[serde(default)]
    gguf: Value,
    #[serde(default)]
    tags: Value,
}

#[derive(Deserialize)]
struct RawFile {
    rfilename: String,
    size: Option<u64>,
    lfs: Option<RawLfs>,
}

#[derive(Deserialize)]
struct RawLfs {
    sha256: Option<String>,
    oid: Option<String>,
    size: Option<u64>,
}

impl RawSaid {
    fn gate(&self) -> Gate {
        match &self.gated {
            Value::String(gate) if gate == "manual" => Gate::Approval,
            Value::String(_) | Value::Bool(true) => Gate::Terms,
            Value::Null
            | Value::Bool(false)
            | Value::Number(_)
            | Value::Array(_)
            | Value::Object(_) => Gate::Open,
        }
    }

    fn licence(&self) -> Option<String> {
        let tags = self.tags.as_array()?.iter().take(TAGS_MAX).filter_map(Value::as_str);
        tags.filter_map(|tag| tag.strip_prefix("license:"))
            .next()
            .map(|text| cut(text, TEXT_BYTES_MAX))
    }

    fn parameters(&self) -> Option<u64> {
        self.gguf.get("total").and_then(Value::as_u64)
    }

    fn architecture(&self) -> Option<String> {
        let text = self.gguf.get("architecture").and_then(Value::as_str)?;
        Some(cut(text, TEXT_BYTES_MAX))
    }

    fn changed(&self) -> String {
        cut(self.changed.as_str().unwrap_or(""), TEXT_BYTES_MAX)
    }
}

/// The results on a page of a search; those that are no repositories are left out.
pub(crate) fn results(text: &[u8]) -> Result<Vec<Found>, HubError> {
    let all: Vec<Value> = serde_json::from_slice(text).map_err(|_| HubError::Answer)?;
    let found = all.into_iter().take(RESULTS_MAX).filter_map(|value| {
        let raw: RawFound = serde_json::from_value(value).ok()?;
        let repo = RepoId::parse(raw.id.as_deref().or(raw.model_id.as_deref())?).ok()?;
        Some(Found {
            repo,
            downloads: raw.said.downloads.as_u64().unwrap_or(0),
            likes: raw.said.likes.as_u64().unwrap_or(0),
            changed: raw.said.changed(),
            gate: raw.said.gate(),
            parameters: raw.said.parameters(),
            architecture: raw.said.architecture(),
            licence: raw.said.licence(),
        })
    });
    Ok(found.collect())
}

/// A repository with its files. One without a commit is none.
pub(crate) fn info(text: &[u8]) -> Result<Info, HubError> {
    let raw: RawInfo = serde_json::from_slice(text).map_err(|_| HubError::Answer)?;
    let commit = raw.sha.as_deref().and_then(|sha| Commit::parse(sha).ok());
    let commit = commit.ok_or(HubError::Answer)?;
    if raw.siblings.len() > FILES_MAX {
        return Err(HubError::Answer);
    }
    let count = raw.siblings.len();
    let files: Vec<RemoteFile> = raw.siblings.into_iter().filter_map(file).collect();
    Ok(Info {
        commit,
        gate: raw.said.gate(),
        licence: raw.said.licence(),
        downloads: raw.said.downloads.as_u64().unwrap_or(0),
        likes: raw.said.likes.as_u64().unwrap_or(0),
        changed: raw.said.changed(),
        parameters: raw.said.parameters(),
        architecture: raw.said.architecture(),
        odd: count - files.len(),
        files,
    })
}

/// A file whose path stays where it is and whose sizes agree.
fn file(value: Value) -> Option<RemoteFile> {
    let raw: RawFile = serde_json::from_value(value).ok()?;
    let path = FilePath::parse(&raw.rfilename).ok()?;
    let Some(lfs) = raw.lfs else {
        return Some(RemoteFile { path, bytes: raw.size.unwrap_or(0), sha256: None });
    };
    let bytes = raw.size.or(lfs.size)?;
    if lfs.size.is_some_and(|size| size != bytes) {
        return None;
    }
    let digest = lfs.sha256.or(lfs.oid)?;
    let digest = digest.strip_prefix("sha256:").unwrap_or(&digest);
    Some(RemoteFile { path, bytes, sha256: Some(Sha256::parse(digest).ok()?) })
}

/// The beginning of a text, to so many bytes, without control characters.
fn cut(text: &str, bytes: usize) -> String {
    let end = (0..=bytes.min(text.len())).rev().find(|end| text.is_char_boundary(*end));
    text[..end.unwrap_or(0)].chars().filter(|c| !c.is_control()).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn info_of(siblings: Value) -> Result<Info, HubError> {
        let value = json!({ "sha": "a".repeat(40), "siblings": siblings });
        info(value.to_string().as_bytes())
    }

    #[test]
    fn cat_f01_odd_files_are_left_out_and_the_rest_stays() {
        let lfs = json!({ "sha256": "b".repeat(64), "size": 7, "pointerSize": 130 });
        let files = json!([
            { "rfilename": "good.gguf", "size": 7, "lfs": lfs },
            { "rfilename": "../../.ssh/authorized_keys", "size": 7, "lfs": lfs },
            { "rfilename": "/abs.gguf", "size": 7, "lfs": lfs },
            { "rfilename": "C:\\x.gguf", "size": 7, "lfs": lfs },
            { "rfilename": "a\u{0}b.gguf", "size": 7, "lfs": lfs },
            { "rfilename": "x".repeat(5_000), "size": 7, "lfs": lfs },
            { "rfilename": "README.md", "size": 3 },
        ]);
        let info = info_of(files).expect("a repository");
        let names: Vec<&str> = info.files.iter().map(|f| f.path.as_str()).collect();
        assert_eq!((names.as_slice(), info.odd), (&["good.gguf", "README.md"][..], 5));
    }

    #[test]
    fn cat_f02_files_with_digests_that_are_none_are_left_out() {
        let with = |digest: &str| json!({ "rfilename": "a.gguf", "size": 7, "lfs": { "sha256": digest, "size": 7 } });
        let upper = "B".repeat(64);
        let sha1 = "b".repeat(40);
        let bad = ["sha256:../../x", &"b".repeat(63), &upper, "", &sha1, &"g".repeat(64)];
        for digest in bad {
            assert_eq!(info_of(json!([with(digest)])).expect("a repository").odd, 1, "{digest:?}");
        }
        let oid = json!([{ "rfilename": "a.gguf", "lfs": { "oid": format!("sha256:{}", "b".repeat(64)), "size": 7 } }]);
        assert_eq!(info_of(oid).expect("a repository").files[0].bytes, 7);
    }

    #[test]
    fn cat_f04_a_size_that_differs_from_its_pointers_is_no_file() {
        let lfs = json!({ "sha256": "b".repeat(64), "size": 8 });
        let files = json!([{ "rfilename": "a.gguf", "size": 7, "lfs": lfs }]);
        assert_eq!(info_of(files).expect("a repository").odd, 1);
    }

    #[test]
    fn cat_f13_missing_fields_wrong_types_and_too_much_are_typed_errors() {
        for bad in
            ["", "{}", "[]", "null", "{\"sha\":1}", "{\"sha\":\"main\"}", "<html>", "\u{feff}{}"]
        {
            assert_eq!(info(bad.as_bytes()), Err(HubError::Answer), "{bad:?}");
        }
        let deep = format!(
            "{{\"sha\":\"{}\",\"gguf\":{}1{}}}",
            "a".repeat(40),
            "[".repeat(10_000),
            "]".repeat(10_000)
        );
        assert_eq!(info(deep.as_bytes()), Err(HubError::Answer));
        let many: Vec<Value> =
            (0..=FILES_MAX).map(|n| json!({ "rfilename": n.to_string() })).collect();
        assert_eq!(info_of(json!(many)), Err(HubError::Answer));
        assert_eq!(info_of(json!([1, null, {}, { "rfilename": 1 }])).expect("fine").odd, 4);
        let odd = json!({ "sha": "a".repeat(40), "downloads": "x", "likes": -1, "tags": [1, "license:mit\u{7}"],
            "gated": {}, "gguf": "x", "lastModified": 1 });
        let odd = info(odd.to_string().as_bytes()).expect("a repository");
        assert_eq!((odd.downloads, odd.likes, odd.gate), (0, 0, Gate::Open));
        assert_eq!(odd.licence.as_deref(), Some("mit"));
        for bad in ["{}", "1", "x"] {
            assert_eq!(results(bad.as_bytes()), Err(HubError::Answer), "{bad:?}");
        }
        let mixed =
            json!([{ "id": "a/b", "gated": "manual" }, { "id": "../x" }, 1, { "modelId": "c/d" }]);
        let found = results(mixed.to_string().as_bytes()).expect("results");
        let names: Vec<&str> = found.iter().map(|found| found.repo.as_str()).collect();
        assert_eq!((names.as_slice(), found[0].gate), (&["a/b", "c/d"][..], Gate::Approval));
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_it_panic(text in ".{0,200}", bytes in proptest::collection::vec(0_u8.., 0..200)) {
            let _ = (info(&bytes), results(&bytes), info(text.as_bytes()), results(text.as_bytes()));
        }
    }
}
