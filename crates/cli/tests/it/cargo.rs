//! What cargo knows about this workspace.

use serde_json::Value;
use std::path::PathBuf;
use std::process::Command;

/// The workspace's own directory.
pub fn root() -> PathBuf {
    let cli = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    cli.ancestors().nth(2).expect("crates/cli is two below the root").to_path_buf()
}

/// The folder of real data, where this checkout has it beside it.
pub fn shared_data() -> Option<PathBuf> {
    let data = root().join("../shared/data");
    data.join("README.md").exists().then_some(data)
}

/// `cargo metadata`, never touching the network: whatever a test needs was fetched to build it.
pub fn metadata(arguments: &[&str]) -> Value {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--format-version", "1", "--offline"])
        .args(arguments)
        .current_dir(root())
        .output()
        .expect("cargo starts");
    assert!(output.status.success(), "cargo metadata: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("cargo metadata prints JSON")
}
