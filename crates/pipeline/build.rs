//! Embeds `projects/shop`, file by file, so that `demo` needs nothing but the binary.

use std::path::{Path, PathBuf};

fn main() {
    let root = PathBuf::from(env("CARGO_MANIFEST_DIR")).join("../../projects/shop");
    println!("cargo:rerun-if-changed={}", root.display());
    let mut files = Vec::new();
    collect(&root, &root, &mut files);
    files.sort();
    let mut out = String::from("[\n");
    for (name, path) in files {
        out.push_str(&format!("    ({name:?}, include_bytes!({:?}) as &[u8]),\n", path.display().to_string()));
    }
    out.push(']');
    let target = PathBuf::from(env("OUT_DIR")).join("demo_files.rs");
    std::fs::write(&target, out).unwrap_or_else(|e| panic!("{}: {e}", target.display()));
}

fn env(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("cargo sets {name}"))
}

fn collect(root: &Path, dir: &Path, files: &mut Vec<(String, PathBuf)>) {
    let Ok(entries) = std::fs::read_dir(dir) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        let name = entry.file_name().to_string_lossy().into_owned();
        // What running the project in place leaves behind is not part of it.
        if path.is_dir() {
            if !matches!(name.as_str(), "lake" | "data" | "out" | "truth") {
                collect(root, &path, files);
            }
        } else if !name.starts_with('.')
            && let Ok(relative) = path.strip_prefix(root)
        {
            files.push((relative.to_string_lossy().replace('\\', "/"), path.canonicalize().unwrap_or(path)));
        }
    }
}
