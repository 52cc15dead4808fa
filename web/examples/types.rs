//! Writes the TypeScript types of `/api/v1` into the front end.

use std::path::Path;

fn main() -> std::io::Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("ui/src/lib/api/generated");
    std::fs::create_dir_all(&folder)?;
    std::fs::write(folder.join("api.ts"), pumasi_web::api::typescript())
}
