//! The repository as data, for the gates: its root, its tracked files, its crates.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// The root of the repository.
#[must_use]
pub fn root() -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.parent().expect("the tests crate lies in the repository").to_owned()
}

/// A tracked text file.
#[derive(Debug, Clone)]
pub struct Source {
    /// Path from the root.
    pub path: String,
    /// Its text.
    pub text: String,
}

/// All tracked text files.
///
/// # Panics
/// When git cannot list them: a gate that sees nothing must not pass.
#[must_use]
pub fn sources() -> Vec<Source> {
    let output = Command::new("git")
        .args(["ls-files", "-z"])
        .current_dir(root())
        .output()
        .expect("git runs in the repository");
    assert!(output.status.success(), "git ls-files failed");
    let listing = String::from_utf8(output.stdout).expect("paths are UTF-8");
    let read = |path: &str| {
        let text = std::fs::read_to_string(root().join(path)).ok()?;
        Some(Source { path: path.to_owned(), text })
    };
    let files: Vec<Source> =
        listing.split('\0').filter(|path| !path.is_empty()).filter_map(read).collect();
    assert!(files.len() > 20, "the repository has more files than {}", files.len());
    files
}

/// What `cargo metadata` says about the workspace and everything it depends on.
///
/// # Panics
/// When cargo cannot tell.
#[must_use]
pub fn metadata() -> Value {
    let output = Command::new(env!("CARGO"))
        .args([
            "metadata",
            "--format-version=1",
            "--locked",
            "--offline",
            "--filter-platform",
            "x86_64-unknown-linux-gnu",
        ])
        .current_dir(root())
        .output()
        .expect("cargo runs in the repository");
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "cargo metadata failed: {error}");
    serde_json::from_slice(&output.stdout).expect("cargo metadata writes JSON")
}

/// Names of all packages that a crate needs when it is built by itself.
///
/// # Panics
/// When cargo cannot tell.
#[must_use]
pub fn dependencies(package: &str) -> BTreeSet<String> {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--locked", "--offline", "--edges=normal", "--prefix=none", "-p", package])
        .current_dir(root())
        .output()
        .expect("cargo runs in the repository");
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "cargo tree failed: {error}");
    let listing = String::from_utf8(output.stdout).expect("names are UTF-8");
    listing.lines().filter_map(|line| line.split(' ').next()).map(ToOwned::to_owned).collect()
}

/// Prints findings and fails if there are any.
///
/// # Panics
/// When there are findings.
pub fn report(rule: &str, findings: &[String]) {
    assert!(findings.is_empty(), "{rule}:\n  {}\n", findings.join("\n  "));
}
