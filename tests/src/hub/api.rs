//! What the hub says of its repositories, as the Hugging Face Hub says it.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{File, Repo};

/// One repository at its commit, with sizes and hashes.
pub(super) fn info(name: &str, repo: &Repo) -> Value {
    let files: Vec<Value> = repo.files.iter().map(|(path, file)| sibling(path, file)).collect();
    let mut value = found(name, repo);
    value["sha"] = json!(repo.commit);
    value["siblings"] = json!(files);
    value
}

fn sibling(path: &str, file: &File) -> Value {
    let size = file.content.len();
    if file.lfs {
        let lfs = json!({ "sha256": file.sha256, "size": size, "pointerSize": 130 });
        json!({ "rfilename": path, "size": size, "blobId": "0".repeat(40), "lfs": lfs })
    } else {
        json!({ "rfilename": path, "size": size, "blobId": "0".repeat(40) })
    }
}

/// One result of a search.
fn found(name: &str, repo: &Repo) -> Value {
    let gated = repo.gated.map_or(json!(false), |gate| json!(gate));
    json!({
        "_id": "0", "id": name, "modelId": name, "likes": repo.downloads / 10,
        "downloads": repo.downloads, "lastModified": "2026-01-02T03:04:05.000Z", "gated": gated,
        "private": false, "tags": ["gguf", "license:apache-2.0"],
        "gguf": { "total": 1_000_000, "architecture": "llama", "context_length": 2048 },
    })
}

/// A page of results, and where the next begins.
pub(super) fn search(
    repos: &BTreeMap<String, Repo>,
    query: &BTreeMap<String, String>,
) -> (Vec<Value>, Option<usize>) {
    let has = |name: &str| query.get(name).map(|text| text.to_lowercase());
    let (text, author) = (has("search").unwrap_or_default(), has("author"));
    let mut all: Vec<(&String, &Repo)> = repos
        .iter()
        .filter(|(name, _)| name.to_lowercase().contains(&text))
        .filter(|(name, _)| {
            let owner = name.split('/').next().unwrap_or("").to_lowercase();
            author.as_ref().is_none_or(|author| *author == owner)
        })
        .collect();
    all.sort_by_key(|(name, repo)| (std::cmp::Reverse(repo.downloads), (*name).clone()));
    let number = |name: &str| query.get(name).and_then(|text| text.parse::<usize>().ok());
    let (from, limit) = (number("cursor").unwrap_or(0), number("limit").unwrap_or(30));
    let page = all.iter().skip(from).take(limit).map(|(name, repo)| found(name, repo)).collect();
    (page, (from + limit < all.len()).then_some(from + limit))
}
