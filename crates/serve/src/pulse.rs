//! Looks for changes, once for all who listen: of what views are read from, and of the project's files.

use crate::connection::closed;
use crate::server::Served;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{SystemTime, UNIX_EPOCH};
use tidemill_project::FOLDERS;
use tokio::sync::watch;
use tokio::time::MissedTickBehavior;

/// What was seen last. Only the newest counts: who is slow skips what was between, so that nothing piles up for anybody.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Seen {
    /// Version of every view that a panel is over.
    pub versions: BTreeMap<String, String>,
    /// How often files of the project changed.
    pub reloads: u64,
}

/// Until `closing` says so.
pub async fn beat(served: Arc<Served>, mut closing: watch::Receiver<bool>) {
    let dir = served.data.about().dir;
    let opened = stamp_of(&dir).await;
    let mut files = opened.clone();
    let mut data = tokio::time::interval(served.limits.look_data);
    let mut disk = tokio::time::interval(served.limits.look_files);
    data.set_missed_tick_behavior(MissedTickBehavior::Delay);
    disk.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = closed(&mut closing) => return,
            _ = data.tick() => {
                if let Err(e) = served.data.look() {
                    tracing::warn!(error = %e, "the lake could not be looked at");
                }
                if served.metrics.listeners.load(Ordering::Relaxed) > 0 {
                    let versions = versions(&served);
                    served.seen.send_if_modified(|seen| {
                        let differs = seen.versions != versions;
                        seen.versions = versions;
                        differs
                    });
                }
            }
            _ = disk.tick() => {
                let now = stamp_of(&dir).await;
                if now != files {
                    files = now;
                    served.read_dashboards().await;
                    tell_outdated(&served, outdated(&dir, &opened, &files));
                    served.seen.send_modify(|seen| seen.reloads += 1);
                }
            }
        }
    }
}

/// Of every view that a panel is over. One that can't be told now is left out.
pub fn versions(served: &Served) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    for panel in served.dashboards.read().iter().flat_map(|d| &d.panels) {
        if !all.contains_key(&*panel.view)
            && let Ok(version) = served.data.version(&panel.view)
        {
            all.insert(panel.view.value.clone(), version);
        }
    }
    all
}

/// What differs from what the project was opened with, but for dashboards, which are read anew: paths within the project.
fn outdated(dir: &Path, opened: &Stamp, now: &Stamp) -> Vec<String> {
    let all: BTreeSet<&PathBuf> = opened.keys().chain(now.keys()).collect();
    let differs = all.into_iter().filter(|path| opened.get(*path) != now.get(*path));
    let within = differs.filter_map(|path| path.strip_prefix(dir).ok()).filter(|path| !path.starts_with("dashboards"));
    within.map(|path| path.display().to_string()).collect()
}

fn tell_outdated(served: &Served, outdated: Vec<String>) {
    let before = std::mem::replace(&mut *served.outdated.write(), outdated.clone());
    if outdated != before && !outdated.is_empty() {
        tracing::warn!(files = outdated.join(", "), "changed files of the project take effect when it is served anew");
    }
}

/// Files of the project by path, with their sizes and times: those of its folders, not its data.
type Stamp = BTreeMap<PathBuf, (u64, u128)>;

async fn stamp_of(dir: &Path) -> Stamp {
    let dir = dir.to_path_buf();
    tokio::task::spawn_blocking(move || stamp(&dir)).await.unwrap_or_default()
}

fn stamp(dir: &Path) -> Stamp {
    let mut found = Stamp::new();
    let folders = [""].into_iter().chain(FOLDERS.map(|(folder, _)| folder));
    for entry in folders.filter_map(|f| std::fs::read_dir(dir.join(f)).ok()).flatten().flatten() {
        let path = entry.path();
        let is_ours = path.extension().is_some_and(|e| e == "toml" || e == "sql");
        if let (true, Ok(meta)) = (is_ours, entry.metadata()) {
            let changed = meta.modified().unwrap_or(SystemTime::UNIX_EPOCH).duration_since(UNIX_EPOCH).map_or(0, |d| d.as_micros());
            found.insert(path, (meta.len(), changed));
        }
    }
    found
}
