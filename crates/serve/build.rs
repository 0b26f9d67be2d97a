//! Builds the pages in `web/` with npm, so that the program holds them. Without the feature `dashboard` nothing is done.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::{Command, exit};

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if std::env::var_os("CARGO_FEATURE_DASHBOARD").is_none() {
        return;
    }
    let Some(root) = std::env::var_os("CARGO_MANIFEST_DIR") else { fail("cargo does not say where the crate is") };
    let web = PathBuf::from(root).join("../../web");
    // What pages are made of; `dist` and `node_modules` are not.
    for part in ["src", "public", "index.html", "package.json", "package-lock.json", "vite.config.js", "svelte.config.js", "tsconfig.json"]
    {
        let path = web.join(part);
        if path.exists() {
            println!("cargo::rerun-if-changed={}", path.display());
        }
    }
    let Some(out) = std::env::var_os("OUT_DIR") else { fail("cargo does not say where results go") };
    let dist = PathBuf::from(out).join("dist");
    if !web.join("package.json").exists() {
        fail(
            "web/, which the pages of the dashboard are built from, is not here: get it, or build with --no-default-features to do without pages",
        );
    }
    if !is_installed(&web) {
        npm(&web, &["ci", "--no-audit", "--no-fund"]);
    }
    npm(&web, &["run", "build", "--", "--outDir", &dist.display().to_string(), "--emptyOutDir"]);
    if !dist.join("index.html").exists() {
        fail("`npm run build` in web/ left no index.html");
    }
    list(&dist);
}

/// The pages as a table for the program.
fn list(dist: &Path) {
    let mut files = Vec::new();
    find(dist, dist, &mut files);
    files.sort();
    let listed: String = files.iter().map(|(name, path)| line(name, path)).collect();
    let table = format!("static FILES: &[File] = &[\n{listed}];\n");
    if let Err(e) = std::fs::write(dist.with_file_name("files.rs"), table) {
        fail(&format!("the list of pages could not be written: {e}"));
    }
}

fn find(root: &Path, dir: &Path, files: &mut Vec<(String, PathBuf)>) {
    for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            find(root, &path, files);
        } else if let Ok(name) = path.strip_prefix(root) {
            files.push((name.display().to_string(), path.clone()));
        }
    }
}

fn line(name: &str, path: &Path) -> String {
    let data = std::fs::read(path).unwrap_or_else(|e| fail(&format!("{name}: {e}")));
    let mut hash = DefaultHasher::new();
    data.hash(&mut hash);
    format!("    ({name:?}, \"\\\"{:016x}\\\"\", include_bytes!({:?})),\n", hash.finish(), path.display().to_string())
}

/// Whether npm has installed what the lock file says.
fn is_installed(web: &Path) -> bool {
    let changed = |file: &str| std::fs::metadata(web.join(file)).and_then(|m| m.modified()).ok();
    matches!((changed("node_modules/.package-lock.json"), changed("package-lock.json")), (Some(done), Some(lock)) if done >= lock)
}

fn npm(web: &Path, args: &[&str]) {
    let ran = Command::new("npm").args(args).current_dir(web).output();
    match ran {
        Ok(output) if output.status.success() => {}
        Ok(output) => {
            eprintln!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
            fail(&format!("`npm {}` failed in web/", args.join(" ")));
        }
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
            fail(
                "npm is missing, and the pages of the dashboard are built with it: install Node.js 20.19 or newer, or build with --no-default-features to do without pages",
            );
        }
        Err(e) => fail(&format!("npm could not be started: {e}")),
    }
}

fn fail(why: &str) -> ! {
    println!("cargo::error={why}");
    exit(1)
}
