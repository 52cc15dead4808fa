//! The front end's types are those of this version.

use std::path::Path;

#[test]
fn the_generated_typescript_is_fresh() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("ui/src/lib/api/generated/api.ts");
    let stored = std::fs::read_to_string(&path).expect("the generated file is in the repository");
    assert!(
        stored == pumasi_web::api::typescript(),
        "{} is stale: cargo run --release -p pumasi-web --example types",
        path.display()
    );
}
