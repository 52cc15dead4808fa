//! Gate: licences, sources and version floors of everything in the lock file.
//! The advisory database cannot be fetched where the tests run, so known holes are held as floors.

use pumasi_tests::tree;
use serde_json::Value;

const LICENCES: [&str; 15] = [
    "MIT",
    "MIT-0",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "ISC",
    "Zlib",
    "0BSD",
    "CC0-1.0",
    "Unicode-3.0",
    "Unlicense",
    "BSL-1.0",
    "MPL-2.0",
    "NCSA",
];

/// Crate, lowest version without a known hole, and where that is recorded.
const FLOORS: [(&str, [u64; 3], &str); 10] = [
    ("libp2p-gossipsub", [0, 50, 1], "GHSA-gc42-3jg7-rxr2"),
    ("libp2p-quic", [0, 13, 1], "GHSA-5hq8-qhww-jm7q"),
    ("quinn-proto", [0, 11, 15], "RUSTSEC-2026-0037"),
    ("hickory-proto", [0, 26, 1], "RUSTSEC-2026-0119"),
    ("h2", [0, 4, 16], "RUSTSEC-2026-0258"),
    ("rustls-webpki", [0, 103, 13], "RUSTSEC-2026-0104"),
    ("ring", [0, 17, 12], "RUSTSEC-2025-0009"),
    ("lopdf", [0, 42, 0], "RUSTSEC-2026-0187"),
    ("rmcp", [1, 4, 0], "RUSTSEC-2026-0189"),
    ("tokio", [1, 44, 2], "RUSTSEC-2025-0023"),
];

/// Crates that must not come in, and why.
const BANNED: [(&str, &str); 4] = [
    ("openssl-sys", "TLS is rustls"),
    ("mupdf", "AGPL"),
    ("diffusion-rs", "dangling callbacks; use diffusion-rs-sys"),
    ("libp2p-rendezvous", "GHSA-cqfx-gf56-8x59"),
];

fn packages() -> Vec<Value> {
    tree::metadata()["packages"].as_array().expect("packages").clone()
}

fn text<'a>(package: &'a Value, key: &str) -> &'a str {
    package[key].as_str().unwrap_or("")
}

fn version(package: &Value) -> [u64; 3] {
    let plain = text(package, "version").split(['-', '+']).next().unwrap_or("");
    let mut parts = plain.split('.').map(|n| n.parse().expect("a version number"));
    std::array::from_fn(|_| parts.next().unwrap_or(0))
}

/// Whether an SPDX expression can be satisfied with allowed licences alone.
fn is_allowed(expression: &str) -> bool {
    let expression = expression.replace('/', " OR ").replace(['(', ')'], " ");
    let term = |t: &str| LICENCES.contains(&t.trim());
    let all = |c: &str| c.split(" AND ").all(term);
    expression.split(" OR ").any(all)
        // "(A OR B) AND C" flattened: every conjunct that stands alone must be allowed.
        || expression.split(" AND ").all(|c| c.split(" OR ").any(term))
}

#[test]
fn licences_are_permissive() {
    let of = |p: &Value| {
        (!is_allowed(text(p, "license"))).then(|| {
            format!("{} {}: {:?}", text(p, "name"), text(p, "version"), text(p, "license"))
        })
    };
    let findings: Vec<String> = packages().iter().filter_map(of).collect();
    tree::report("licences", &findings);
}

#[test]
fn sources_are_the_registry_or_ourselves() {
    let is_foreign = |p: &&Value| {
        let source = text(p, "source");
        !source.is_empty() && !source.starts_with("registry+") && !source.starts_with("sparse+")
    };
    let findings: Vec<String> = packages()
        .iter()
        .filter(is_foreign)
        .map(|p| format!("{} comes from {}", text(p, "name"), text(p, "source")))
        .collect();
    tree::report("sources", &findings);
}

#[test]
fn versions_are_above_the_floors_and_nothing_banned_is_in() {
    let mut findings = Vec::new();
    for package in packages() {
        let name = text(&package, "name");
        for (_, floor, why) in FLOORS.iter().filter(|(n, ..)| *n == name) {
            if version(&package) < *floor {
                findings.push(format!("{name} {:?} is below {floor:?}: {why}", version(&package)));
            }
        }
        let banned = BANNED.iter().find(|(n, _)| *n == name);
        findings.extend(banned.map(|(n, why)| format!("{n} must not be used: {why}")));
    }
    tree::report("floors and bans", &findings);
}

#[test]
fn bincode_and_redb_are_named_in_one_place_each() {
    let mut findings = Vec::new();
    for source in tree::sources().iter().filter(|s| s.path.ends_with(".rs")) {
        let named = |word: &str| source.text.contains(&format!("{word}::"));
        if named("bincode") && source.path != "protocol/mesh/src/frame.rs" {
            findings.push(format!("{}: bincode is named in frame.rs only", source.path));
        }
        if named("redb")
            && !source.path.starts_with("node/src/store")
            && !source.path.starts_with("tests/")
        {
            findings.push(format!("{}: redb is named in the store only", source.path));
        }
    }
    tree::report("one place each", &findings);
}
