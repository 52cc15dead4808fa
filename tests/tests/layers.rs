//! Gate: who may depend on whom (ARCHITECTURE.md), and what the pure crates must not reach.

use std::collections::{BTreeMap, BTreeSet};

use pumasi_tests::tree;
use serde_json::Value;

/// A crate, and those of our crates that it may depend on.
const LAYERS: [(&str, &[&str]); 17] = [
    ("pumasi-protocol", &[]),
    ("pumasi-dialects", &["pumasi-protocol"]),
    ("pumasi-roster-model", &["pumasi-protocol"]),
    ("pumasi-scheduler", &["pumasi-protocol"]),
    ("pumasi-models", &["pumasi-protocol"]),
    ("pumasi-engine-host", &["pumasi-protocol"]),
    ("pumasi-cloud", &["pumasi-protocol", "pumasi-dialects"]),
    ("pumasi-hub", &["pumasi-models"]),
    ("pumasi-sandbox", &["pumasi-protocol"]),
    ("pumasi-llama", &["pumasi-protocol", "pumasi-engine-host", "pumasi-models", "pumasi-sandbox"]),
    ("pumasi-document", &["pumasi-protocol", "pumasi-engine-host", "pumasi-sandbox"]),
    ("pumasi-mcp", &[]),
    ("pumasi-web", &["pumasi-protocol", "pumasi-dialects", "pumasi-mcp"]),
    (
        "pumasi-node",
        &[
            "pumasi-protocol",
            "pumasi-scheduler",
            "pumasi-cloud",
            "pumasi-engine-host",
            "pumasi-hub",
            "pumasi-models",
            "pumasi-cloud",
            "pumasi-dialects",
            "pumasi-mcp",
            "pumasi-web",
        ],
    ),
    ("pumasi-simulations", &["pumasi-protocol", "pumasi-scheduler"]),
    ("pumasi-tests", &[]),
    ("pumasi-fuzz", &["pumasi-protocol", "pumasi-dialects", "pumasi-models"]),
];

const PURE: [&str; 3] = ["pumasi-protocol", "pumasi-dialects", "pumasi-scheduler"];

/// Crates through which IO would enter a pure crate.
const IMPURE: [&str; 7] = ["tokio", "mio", "socket2", "rand", "getrandom", "reqwest", "rustix"];

/// Ways of the standard library to do IO, read clocks or run threads.
const IMPURE_PATHS: [&str; 9] = [
    "std::fs",
    "std::net::Tcp",
    "std::net::Udp",
    "std::thread",
    "std::process",
    "std::env",
    "Instant::now",
    "SystemTime",
    "std::io::",
];

fn name(package: &Value) -> &str {
    package["name"].as_str().expect("a package has a name")
}

/// Package id → ids of its normal dependencies (development and build dependencies left out).
fn graph(metadata: &Value) -> BTreeMap<String, Vec<String>> {
    let nodes = metadata["resolve"]["nodes"].as_array().expect("a resolved graph");
    let is_normal = |dep: &&Value| {
        let kinds = dep["dep_kinds"].as_array().expect("kinds of a dependency");
        kinds.iter().any(|kind| kind["kind"].is_null())
    };
    let id = |value: &Value| value.as_str().expect("an id").to_owned();
    let edges = nodes.iter().map(|node| {
        let deps = node["deps"].as_array().expect("dependencies of a package");
        (id(&node["id"]), deps.iter().filter(is_normal).map(|dep| id(&dep["pkg"])).collect())
    });
    edges.collect()
}

fn names(metadata: &Value) -> BTreeMap<String, String> {
    let packages = metadata["packages"].as_array().expect("packages");
    let pair = |p: &Value| (p["id"].as_str().expect("an id").to_owned(), name(p).to_owned());
    packages.iter().map(pair).collect()
}

fn reachable(graph: &BTreeMap<String, Vec<String>>, from: &str) -> BTreeSet<String> {
    let mut seen = BTreeSet::new();
    let mut open = vec![from.to_owned()];
    while let Some(id) = open.pop() {
        if seen.insert(id.clone()) {
            open.extend(graph.get(&id).into_iter().flatten().cloned());
        }
    }
    seen
}

#[test]
fn arrows_point_only_where_the_architecture_says() {
    let metadata = tree::metadata();
    let (graph, names) = (graph(&metadata), names(&metadata));
    let allowed: BTreeMap<&str, &[&str]> = LAYERS.into_iter().collect();
    let mut findings = Vec::new();
    for (id, deps) in &graph {
        let from = names[id].as_str();
        if !from.starts_with("pumasi-") {
            continue;
        }
        let Some(allowed) = allowed.get(from) else {
            findings.push(format!("{from} is not in the table of layers"));
            continue;
        };
        let ours = deps.iter().map(|dep| names[dep].as_str()).filter(|n| n.starts_with("pumasi-"));
        let wrong = ours.filter(|to| !allowed.contains(to));
        findings.extend(wrong.map(|to| format!("{from} must not depend on {to}")));
    }
    tree::report("layers", &findings);
}

#[test]
fn no_package_links_both_engines() {
    let metadata = tree::metadata();
    let (graph, names) = (graph(&metadata), names(&metadata));
    let mut findings = Vec::new();
    for (id, from) in &names {
        if !from.starts_with("pumasi-") {
            continue;
        }
        let reached: BTreeSet<&str> =
            reachable(&graph, id).iter().map(|id| names[id].as_str()).collect::<BTreeSet<_>>();
        let llama = reached.contains("llama-cpp-sys-2");
        let image = reached.contains("diffusion-rs-sys");
        if llama && image {
            findings.push(format!("{from} links llama.cpp and stable-diffusion.cpp"));
        }
        if llama && from != "pumasi-llama" {
            findings.push(format!("{from} links llama.cpp; only the worker may"));
        }
    }
    tree::report("one engine a process", &findings);
}

#[test]
fn pure_crates_reach_nothing_that_does_io() {
    let mut findings = Vec::new();
    for from in PURE {
        // Not the workspace's graph: there, what another crate asks of a dependency counts too.
        let reached = tree::dependencies(from);
        assert!(reached.contains("serde"), "{from}: the list of its dependencies is not whole");
        let impure = reached.iter().filter(|to| IMPURE.contains(&to.as_str()));
        findings.extend(impure.map(|to| format!("{from} reaches {to}")));
    }
    tree::report("purity of dependencies", &findings);
}

#[test]
fn pure_crates_name_no_io_clock_or_thread() {
    let folders = ["protocol/mesh/src/", "protocol/dialects/src/", "scheduler/src/"];
    let is_pure = |path: &str| folders.iter().any(|f| path.starts_with(f));
    let mut findings = Vec::new();
    for source in tree::sources().iter().filter(|s| is_pure(&s.path)) {
        for (number, line) in (1..).zip(source.text.lines()) {
            let code = line.split("//").next().unwrap_or("");
            let named = IMPURE_PATHS.iter().find(|path| code.contains(**path));
            findings.extend(named.map(|path| format!("{}:{number} names {path}", source.path)));
        }
    }
    tree::report("purity of sources", &findings);
}
