//! The rooms: which crate may import which. The table is the one in ARCHITECTURE.md; changing it is a decision, not an accident.

use crate::cargo;
use std::collections::{BTreeMap, BTreeSet};

/// Every room, and all it may import. Tests (dev-dependencies) keep to the same table.
const ROOMS: &[(&str, &[&str])] = &[
    ("core", &[]),
    ("project", &["core"]),
    ("store", &["core"]),
    ("generate", &["core"]),
    ("connect", &["core", "store", "generate"]),
    ("lake", &["core", "store"]),
    ("engine", &["core", "lake"]),
    ("prepare", &["core", "project", "lake", "engine"]),
    ("live", &["core", "project", "engine", "lake"]),
    ("learn", &["core", "project", "engine", "lake"]),
    ("pipeline", &["core", "project", "store", "connect", "lake", "engine", "prepare", "live", "learn"]),
    ("serve", &["core", "project", "engine", "lake"]),
    ("cli", &["core", "project", "store", "connect", "lake", "engine", "prepare", "live", "learn", "pipeline", "serve", "generate"]),
];

/// Outside crates that only some rooms may name, because naming them elsewhere would put a thing where nobody looks for it.
const KEPT_TO: &[(&str, &[&str])] = &[
    ("datafusion", &["lake", "engine", "prepare", "live", "learn", "pipeline"]),
    ("deltalake-core", &["lake"]),
    ("object_store", &["store", "lake", "engine", "pipeline"]),
    ("rdkafka", &["connect"]),
    ("clap", &["cli"]),
    ("comfy-table", &["cli"]),
    ("indicatif", &["cli"]),
    ("clap_complete", &["cli"]),
    ("reedline", &["cli"]),
    ("annotate-snippets", &["cli"]),
    ("mimalloc", &["cli"]),
    ("axum", &["serve"]),
    ("hyper", &["serve"]),
];

/// What the words room may stand on: arrays and schemas, and no input or output.
const CORE_STANDS_ON: &[&str] = &["arrow", "async-trait", "bytes"];

#[test]
fn rooms_import_only_what_the_table_allows() {
    let allowed: BTreeMap<&str, BTreeSet<&str>> = ROOMS.iter().map(|(room, may)| (*room, may.iter().copied().collect())).collect();
    let mut wrong = Vec::new();
    for (room, imports) in imports() {
        let Some(may) = allowed.get(room.as_str()) else {
            wrong.push(format!("crates/{room} is no room of the table: add it to ARCHITECTURE.md and here"));
            continue;
        };
        for import in imports {
            match import.strip_prefix("tidemill-") {
                Some(other) if !may.contains(other) => wrong.push(format!("`{room}` imports `{other}`; it may import {may:?}")),
                None if room == "core" && !CORE_STANDS_ON.contains(&import.as_str()) => {
                    wrong.push(format!("`core` imports `{import}`; it may stand on {CORE_STANDS_ON:?}"));
                }
                None => {
                    if let Some((_, rooms)) = KEPT_TO.iter().find(|(name, rooms)| *name == import && !rooms.contains(&room.as_str())) {
                        wrong.push(format!("`{room}` imports `{import}`, which is kept to {rooms:?}"));
                    }
                }
                Some(_) => {}
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn the_table_itself_has_no_circle() {
    // Rooms are listed so that each imports only rooms above it.
    for (i, (room, may)) in ROOMS.iter().enumerate() {
        for other in *may {
            assert!(ROOMS[..i].iter().any(|(above, _)| above == other), "`{room}` may import `{other}`, which does not stand above it");
        }
    }
}

#[test]
fn the_architecture_page_names_every_room() {
    let page = std::fs::read_to_string(cargo::root().join("ARCHITECTURE.md")).expect("ARCHITECTURE.md");
    for (room, _) in imports() {
        assert!(page.contains(&format!("`{room}`")), "ARCHITECTURE.md says nothing of `{room}`");
    }
}

/// `project` knows which names SQL may read, `lake` has the tables; neither knows the other.
#[test]
fn the_graph_knows_the_system_tables_that_the_lake_keeps() {
    let known: BTreeSet<&str> = tidemill_project::graph::SYSTEM.into_iter().collect();
    let kept: BTreeSet<&str> = tidemill_lake::system::schemas().into_iter().map(|(name, _)| name).collect();
    assert_eq!(known, kept);
}

/// Per room (without `tidemill-`), everything its Cargo.toml names.
fn imports() -> Vec<(String, Vec<String>)> {
    let metadata = cargo::metadata(&["--no-deps"]);
    let packages = metadata["packages"].as_array().expect("packages");
    packages
        .iter()
        .map(|p| {
            let name = p["name"].as_str().expect("name");
            let room = name.strip_prefix("tidemill-").unwrap_or(name).to_string();
            let deps = p["dependencies"].as_array().expect("dependencies");
            // A room may name itself in dev-dependencies, to switch a test feature on.
            let imports = deps.iter().filter_map(|d| d["name"].as_str()).filter(|d| *d != name).map(str::to_string).collect();
            (room, imports)
        })
        .collect()
}
