//! What a run has before it: for every node, what it is made of now, what it was made of at its last epoch, and so what to do.

use crate::check::Checked;
use crate::fingerprint::{self, Fingerprint};
use crate::ingest::{self, FilePlan};
use crate::report::{Action, Plan, PlanNode, RunOptions};
use crate::state::{self, Outcome};
use crate::tables::Prepared;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tidemill_core::{Error, Result};
use tidemill_lake::{Lake, TableName};
use tidemill_project::NodeKind;
use tidemill_project::spec::{Materialized, Refit};

/// Bump when a change of the program makes stored results differ: everything is then built again.
pub(crate) const ENGINE_GENERATION: &str = "2";

#[derive(Clone)]
pub(crate) struct NodePlan {
    pub name: String,
    pub kind: NodeKind,
    pub depends_on: Vec<String>,
    pub action: Action,
    pub reason: String,
    pub fingerprint: Fingerprint,
    pub files: FilePlan,
    pub before: Option<Outcome>,
    /// Generation of the recipe that a fit would make, or that `--frozen` uses.
    pub recipe: Option<u64>,
    /// Nothing can be made of it, since a source has no row yet.
    pub is_without_rows: bool,
}

/// The table in the lake that holds a node's rows, if it has one.
pub(crate) fn table_of(node: &str, kind: NodeKind) -> Option<TableName> {
    match kind {
        NodeKind::Raw | NodeKind::Clean => node.split_once('.').map(|(s, n)| TableName::new(s, n)),
        NodeKind::Table => Some(TableName::new("public", node)),
        NodeKind::View | NodeKind::Function | NodeKind::Export | NodeKind::Alert | NodeKind::Query | NodeKind::Dashboard => None,
    }
}

pub(crate) struct Planned {
    pub nodes: Vec<NodePlan>,
    pub selected: BTreeSet<String>,
}

/// The outcome of a node's last committed epoch.
pub(crate) async fn last_outcome(lake: &Lake, node: &str, kind: NodeKind) -> Result<Option<Outcome>> {
    let epoch = match table_of(node, kind) {
        Some(table) => lake.table_epoch(&table).await?.map(|(epoch, _)| epoch),
        // Views and exports have no table to say where they stand; a pointer beside the epochs does.
        None => lake.get_state::<u64>(&pointer(node))?,
    };
    match epoch {
        Some(e) => state::get(lake, e, node),
        None => Ok(None),
    }
}

pub(crate) fn pointer(node: &str) -> String {
    format!("nodes/{node}.json")
}

pub(crate) async fn plan(checked: &Checked, lake: &Lake, options: &RunOptions) -> Result<Planned> {
    if checked.has_errors() {
        return Err(Error::config("the project has mistakes").help("run `tidemill check` to see them all"));
    }
    let selected = checked
        .graph
        .select(&options.select)
        .map_err(|p| Error::config(p.message).help(p.help.unwrap_or_else(|| "`tidemill plan` lists every node".into())))?;
    let mut nodes: Vec<NodePlan> = Vec::new();
    let mut whole: BTreeMap<String, String> = BTreeMap::new();
    let mut building: BTreeSet<String> = BTreeSet::new();
    // Alerts, queries and dashboards are looked at while the project is served: a run makes nothing of them.
    for node in checked.graph.nodes.iter().filter(|n| !matches!(n.kind, NodeKind::Alert | NodeKind::Query | NodeKind::Dashboard)) {
        let before = last_outcome(lake, &node.name, node.kind).await?;
        if let Some(why) = nothing_for(checked, node, &nodes) {
            nodes.push(NodePlan { before, ..NodePlan::skipped(node, why) });
            continue;
        }
        if let Some(n) = followed(checked, node, &before, &building) {
            whole.insert(node.name.clone(), n.fingerprint.whole());
            nodes.push(NodePlan { before, ..n });
            continue;
        }
        let is_selected = selected.contains(&node.name);
        let mut n = NodePlan { before, action: Action::Build, is_without_rows: false, ..NodePlan::skipped(node, String::new()) };
        n.fingerprint.part("engine", ENGINE_GENERATION);
        let mut volatile = None;
        match node.kind {
            NodeKind::Raw => {
                let p = prepared(checked, &node.name)?;
                n.files = ingest::plan_files(&p, n.before.as_ref(), options.full && is_selected)?;
                source_parts(&mut n, &p);
                // Rows that a replay took back are in the table though no file says so.
                if let Some(replayed) = n.before.as_ref().and_then(|b| b.parts.get("replayed rows")) {
                    n.fingerprint.parts.insert("replayed rows".into(), replayed.clone());
                }
            }
            NodeKind::Clean => {
                let p = prepared(checked, &node.name)?;
                n.fingerprint.parts.extend(rules_parts(checked, &p).parts);
                if !p.keeps_raw() {
                    n.files = ingest::plan_files(&p, n.before.as_ref(), options.full && is_selected)?;
                    source_parts(&mut n, &p);
                }
                let last = n.before.as_ref().and_then(|b| b.recipe);
                n.recipe = Some(recipe_generation(&n, &p, options, last, lake)?);
            }
            NodeKind::View | NodeKind::Table => {
                let v = checked
                    .project
                    .views
                    .iter()
                    .find(|v| v.name == node.name)
                    .ok_or_else(|| Error::bug(format!("no view {}", node.name)))?;
                n.fingerprint.part("SQL", &fingerprint::view_spec(v));
                if *v.materialized != Materialized::View
                    && let Some(session) = &checked.session
                {
                    volatile = session.is_volatile(&v.sql.text).ok().filter(|v| *v).map(|_| "it reads the clock or randomness");
                }
            }
            NodeKind::Alert | NodeKind::Query | NodeKind::Dashboard => {}
            NodeKind::Function => {
                let f = crate::function_tests::function(&checked.project, &node.name)?;
                n.fingerprint.part("SQL", &f.sql.text).part("tests", &fingerprint::function_tests(f));
            }
            NodeKind::Export => {
                let e = checked
                    .project
                    .exports
                    .iter()
                    .find(|e| format!("export.{}", e.name) == node.name)
                    .ok_or_else(|| Error::bug(format!("no export {}", node.name)))?;
                n.fingerprint.part("export", &fingerprint::export_spec(e));
                if !crate::export::targets_exist(e, &checked.project.dir) {
                    volatile = Some("its file is not there");
                }
            }
        }
        // What a raw table's contract calls is in its reading rules.
        if node.kind != NodeKind::Raw
            && let Some(functions) = crate::check::functions_of(checked, &node.name)
        {
            n.fingerprint.part("functions", &functions);
        }
        for d in &node.depends_on {
            n.fingerprint.part(format!("input {d}"), whole.get(d).map_or("", String::as_str));
        }
        // Restored rows are in the table though nothing that it is made of says so.
        if let Some(restored) = n.before.as_ref().and_then(|b| b.parts.get(RESTORED)) {
            n.fingerprint.parts.insert(RESTORED.into(), restored.clone());
        }
        if node.kind == NodeKind::Clean {
            frozen_part(&mut n, prepared(checked, &node.name)?.table.refit, options.frozen);
        }
        decide(&mut n, options, is_selected, &building, volatile);
        if n.action == Action::Build {
            n.fingerprint.parts.remove(RESTORED);
        }
        let has_tests = n.kind == NodeKind::Function || checked.project.views.iter().any(|v| v.name == n.name && !v.tests.is_empty());
        if n.action == Action::Keep
            && has_tests
            && let Some(why) = n.before.as_ref().and_then(to_be_tested)
        {
            (n.action, n.reason) = (Action::Test, why);
        }
        if !is_selected && n.action != Action::Keep {
            n.action = Action::Skip;
            n.reason = "not selected".into();
        }
        if matches!(n.action, Action::Build | Action::Extend) && is_selected {
            building.insert(n.name.clone());
        }
        // What is not built now stays what it was, for those that read it; a plain view is always what the project says.
        let stands = match (&n.action, &n.before) {
            (Action::Skip | Action::Keep | Action::Test, Some(b)) if n.kind != NodeKind::View => b.fingerprint.clone(),
            _ => n.fingerprint.whole(),
        };
        whole.insert(n.name.clone(), stands);
        nodes.push(n);
    }
    Ok(Planned { nodes, selected })
}

fn decide(n: &mut NodePlan, options: &RunOptions, selected: bool, building: &BTreeSet<String>, volatile: Option<&str>) {
    let inputs: Vec<&str> = n.depends_on.iter().filter(|d| building.contains(*d)).map(String::as_str).collect();
    let Some(before) = &n.before else {
        (n.action, n.reason) = match n.kind {
            NodeKind::View => (Action::Virtual, "never tested".into()),
            NodeKind::Function => (Action::Test, "never tested".into()),
            NodeKind::Export => (Action::Build, "never written".into()),
            _ => (Action::Build, "never built".into()),
        };
        return;
    };
    let same = before.fingerprint == n.fingerprint.whole();
    if same && !(options.full && selected) && volatile.is_none() {
        n.action = Action::Keep;
        n.reason = match n.files.keep.iter().find(|f| f.present && f.incomplete.is_some()) {
            Some(f) => format!("up to date, though {} is incomplete", f.path),
            None => "up to date".into(),
        };
        return;
    }
    n.action = match n.kind {
        NodeKind::View => Action::Virtual,
        NodeKind::Function => Action::Test,
        NodeKind::Raw if !n.files.keep.is_empty() => Action::Extend,
        _ => Action::Build,
    };
    n.reason = if options.full && selected && same {
        "asked for with --full".into()
    } else if let (true, Some(v)) = (same, volatile) {
        v.into()
    } else if !n.files.is_empty() {
        n.files.reason()
    } else if !inputs.is_empty() {
        format!("{} will be rebuilt", inputs.join(", "))
    } else if before.parts.contains_key(FROZEN) && !n.fingerprint.parts.contains_key(FROZEN) {
        "its recipe was fitted before its rows came (--frozen)".into()
    } else {
        let changed = n.fingerprint.changes_since(&before.parts);
        let changed: Vec<&str> = changed.iter().map(|c| c.strip_prefix("input ").unwrap_or(c)).collect();
        format!("{} changed", changed.join(", "))
    };
}

/// What a run finds already done, since rows come by themselves: the raw table of a source that is followed, and a view kept live over it as
/// long as its SQL is the same and rows of what it reads only came. Where a table that it reads is made anew, so is the view.
fn followed(checked: &Checked, node: &tidemill_project::Node, before: &Option<Outcome>, building: &BTreeSet<String>) -> Option<NodePlan> {
    let is_followed = |t: &str| checked.tables.iter().any(|p| p.table.name == t && p.stream.is_some());
    let keep = |reason: &str, parts: &BTreeMap<String, String>| NodePlan {
        action: Action::Keep,
        is_without_rows: false,
        fingerprint: Fingerprint { parts: parts.clone() },
        ..NodePlan::skipped(node, reason.to_string())
    };
    match node.kind {
        NodeKind::Raw if is_followed(node.name.strip_prefix("raw.")?) => Some(match before {
            Some(b) => keep("followed: all that has come is there", &b.parts),
            None => NodePlan::skipped(node, "nothing has come yet".into()),
        }),
        NodeKind::Table => {
            let v = checked.project.views.iter().find(|v| v.name == node.name && *v.materialized == Materialized::Live)?;
            let b = before.as_ref().filter(|b| b.parts.contains_key(crate::live::FOLLOWED))?;
            let read = read_by(checked, &node.name);
            // In another environment its tables may be followed no more.
            if !read.iter().any(|r| r.strip_prefix("raw.").is_some_and(is_followed)) || read.iter().any(|r| building.contains(r)) {
                return None;
            }
            let mut now = Fingerprint::default();
            now.part("engine", ENGINE_GENERATION).part("SQL", &fingerprint::view_spec(v));
            if let Some(functions) = crate::check::functions_of(checked, &node.name) {
                now.part("functions", &functions);
            }
            now.parts.iter().all(|(k, v)| b.parts.get(k) == Some(v)).then(|| keep("kept live", &b.parts))
        }
        _ => None,
    }
}

/// Everything that a node reads, itself or through others.
fn read_by(checked: &Checked, node: &str) -> BTreeSet<String> {
    let direct = |n: &str| checked.graph.node(n).map(|n| n.depends_on.clone()).unwrap_or_default();
    let (mut all, mut left) = (BTreeSet::new(), direct(node));
    while let Some(next) = left.pop() {
        left.extend(if all.contains(&next) { Vec::new() } else { direct(&next) });
        all.insert(next);
    }
    all
}

/// Why nothing can be made of a node: its source has no row yet, and so no columns; or it reads such a node.
fn nothing_for(checked: &Checked, node: &tidemill_project::Node, earlier: &[NodePlan]) -> Option<String> {
    let table = node.name.strip_prefix("raw.").or_else(|| node.name.strip_prefix("clean."));
    if let Some(why) = table.and_then(|t| checked.empty.get(t)) {
        return Some(why.clone());
    }
    let needs = |d: &&String| earlier.iter().any(|n| n.name == **d && n.is_without_rows);
    node.depends_on.iter().find(needs).map(|d| format!("{d} has nothing to read"))
}

/// Why a view that is as it should be is held to its tests all the same: those that failed are tried again by every run until they hold.
pub(crate) fn to_be_tested(before: &Outcome) -> Option<String> {
    if !before.tested {
        return Some("not tested yet".into());
    }
    let failed: Vec<&str> = before.tests.iter().filter(|t| t.is_failed_error()).map(|t| t.test.as_str()).collect();
    (!failed.is_empty()).then(|| format!("failed when last tested: {}", failed.join(", ")))
}

/// A table that a frozen run has made of new rows and an old fit says so, until a run that may fit has made it again.
fn frozen_part(n: &mut NodePlan, refit: Refit, frozen: bool) {
    let is_as_fitted = n.before.as_ref().is_some_and(|b| b.fingerprint == n.fingerprint.whole());
    if frozen && refit != Refit::Manual && !is_as_fitted {
        n.fingerprint.part(FROZEN, "");
    }
}

/// The part of a fingerprint that tells which older version a table was taken back to, until it is built again.
pub(crate) const RESTORED: &str = "restored";

/// The part of a fingerprint that tells of a fit older than its rows.
const FROZEN: &str = "fit older than its rows";

/// The part of a clean table's fingerprint that stands for its rules.
pub(crate) fn rules_part(p: &Prepared) -> String {
    fingerprint::hash(&format!("{}\n{:?}", p.recipe.fingerprint(), partitions(p)))
}

/// A clean table's rules, and the files that they read.
pub(crate) fn rules_parts(checked: &Checked, p: &Prepared) -> Fingerprint {
    let mut parts = BTreeMap::from([("rules".to_string(), rules_part(p))]);
    for file in p.recipe.reference_files() {
        let text = std::fs::read(checked.project.dir.join(file)).unwrap_or_default();
        parts.insert(file.clone(), fingerprint::hash_bytes(&text));
    }
    Fingerprint { parts }
}

fn partitions(p: &Prepared) -> Vec<&str> {
    p.table.partition_by.iter().map(|c| c.value.as_str()).collect()
}

fn source_parts(n: &mut NodePlan, p: &Prepared) {
    let mut files: Vec<(String, String)> = n.files.keep.iter().map(|f| (f.path.clone(), format!("{} {}", f.fingerprint, f.spec))).collect();
    files.extend(n.files.read.iter().map(|(_, f)| (f.path.clone(), format!("{} {}", f.fingerprint, f.spec))));
    files.sort();
    n.fingerprint.part("files", &format!("{files:?}"));
    // Where one environment reads files and another follows a stream, the rows of both are the table's.
    let spec = if p.stream.is_some() || !p.table.alternatives.is_empty() { &p.row_spec } else { &p.read_spec };
    n.fingerprint
        .part("reading rules", &format!("{spec} {:?} {:?}", p.table.load, p.table.key.iter().map(|k| &k.value).collect::<Vec<_>>()));
}

fn recipe_generation(n: &NodePlan, p: &Prepared, options: &RunOptions, last: Option<u64>, lake: &Lake) -> Result<u64> {
    let stored = latest_recipe(lake, &p.table.name)?;
    if options.frozen || (p.table.refit == Refit::Manual && last.is_some() && !options.full) {
        return match last.or(stored) {
            Some(g) => Ok(g),
            None => Err(Error::config(format!("`{}` has no fitted recipe to apply", n.name)).help("run once without --frozen")),
        };
    }
    Ok(stored.map_or(1, |g| g + 1))
}

pub(crate) fn recipe_path(table: &str, generation: u64) -> String {
    format!("recipes/{table}/{generation:010}.json")
}

/// The newest stored generation of a table's recipe.
pub(crate) fn latest_recipe(lake: &Lake, table: &str) -> Result<Option<u64>> {
    let names = lake.list_state(&format!("recipes/{table}"))?;
    Ok(names.iter().filter_map(|n| n.rsplit('/').next()?.strip_suffix(".json")?.parse().ok()).max())
}

pub(crate) fn prepared(checked: &Checked, node: &str) -> Result<Arc<Prepared>> {
    let table = node.split_once('.').map_or(node, |x| x.1);
    checked.tables.iter().find(|p| p.table.name == table).cloned().ok_or_else(|| Error::bug(format!("no table for {node}")))
}

impl Planned {
    pub fn report(&self, epoch: u64, resumes: Option<String>) -> Plan {
        let resuming = resumes.is_some();
        let nodes = self
            .nodes
            .iter()
            .map(|n| PlanNode {
                node: n.name.clone(),
                kind: match n.kind {
                    NodeKind::Raw => "ingest",
                    NodeKind::Clean => "prepare",
                    NodeKind::View => "view",
                    NodeKind::Table => "table",
                    NodeKind::Function => "function",
                    NodeKind::Export => "export",
                    NodeKind::Alert => "alert",
                    NodeKind::Query => "query",
                    NodeKind::Dashboard => "dashboard",
                },
                action: if resuming && matches!(n.action, Action::Build | Action::Extend) { Action::Resume } else { n.action },
                reason: n.reason.clone(),
                files: n.files.read.iter().map(|(e, _)| (e.path.clone(), e.size)).collect(),
                live: None,
            })
            .collect();
        Plan { epoch, resumes, nodes }
    }
}

impl NodePlan {
    /// A node that nothing can be made of.
    fn skipped(node: &tidemill_project::Node, why: String) -> NodePlan {
        NodePlan {
            name: node.name.clone(),
            kind: node.kind,
            depends_on: node.depends_on.clone(),
            action: Action::Skip,
            reason: why,
            fingerprint: Fingerprint::default(),
            files: FilePlan::default(),
            before: None,
            recipe: None,
            is_without_rows: true,
        }
    }

    /// Whether a run has anything to do for this node (a plain view is tested when it or what it reads changed).
    pub fn has_work(&self) -> bool {
        match self.action {
            Action::Build | Action::Extend | Action::Resume => true,
            Action::Virtual | Action::Test => true,
            Action::Keep | Action::Skip => false,
        }
    }
}
