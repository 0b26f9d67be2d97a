//! What a start finds of a live view's state: a checkpoint that it goes on from, or a reason to build it anew. The start goes by it, and `plan`
//! tells it; so what `plan` says is what the start does.

use super::seal::{self, FOLLOWED, Head};
use super::view::{compile, parts, state_fingerprint};
use crate::nodes::{NodePlan, Planned};
use crate::report::{Action, LiveOperator, LiveState};
use crate::state::{self, Outcome};
use crate::workspace::Workspace;
use std::collections::BTreeMap;
use std::sync::Arc;
use tidemill_core::Result;
use tidemill_lake::{Snapshot, TableName};
use tidemill_live::{Compared, Compiled, InputRef};
use tidemill_project::spec::{Materialized, View};

pub(super) enum Standing {
    Kept(Saved),
    /// Why.
    Rebuilt(String),
}

/// A checkpoint, and what came since.
pub(super) struct Saved {
    pub head: Head,
    pub state: Vec<u8>,
    pub since: Vec<(InputRef, Snapshot)>,
}

/// What stands of a view whose last outcome is `before`, with tables as they are at `versions`; and how the newest checkpoint compares with it.
pub(super) async fn standing(
    ws: &Workspace,
    view: &View,
    compiled: &Compiled,
    before: Option<&Outcome>,
    versions: &BTreeMap<TableName, i64>,
) -> Result<(Standing, Option<Compared>)> {
    let rebuilt = |why: &str| Standing::Rebuilt(why.to_string());
    let Some(before) = before.filter(|_| versions.contains_key(&TableName::public(view.name.clone()))) else {
        return Ok((rebuilt("it was never kept live"), None));
    };
    let Some((head, state)) = seal::newest_state(&ws.lake, &view.name, before.epoch)? else {
        let was_live = before.parts.contains_key(FOLLOWED);
        return Ok((rebuilt(if was_live { "there is no whole checkpoint" } else { "it was never kept live" }), None));
    };
    let compared = match compiled.compare(&state) {
        Ok(compared) => compared,
        Err(e) => return Ok((Standing::Rebuilt(format!("its checkpoint can't be read: {e}")), None)),
    };
    let why = if !before.parts.contains_key(FOLLOWED) {
        Some("a run has made its table since".to_string())
    } else {
        changed(ws, view, before, &head).or_else(|| match &compared {
            c if c.is_whole => None,
            Compared { engine: Some(engine), .. } => {
                Some(format!("DataFusion {engine} wrote its checkpoint, and this is {}", tidemill_live::ENGINE))
            }
            _ => Some("what it reads changed, or how it is computed".to_string()),
        })
    };
    if let Some(why) = why {
        return Ok((Standing::Rebuilt(why), Some(compared)));
    }
    Ok(match since(ws, compiled, &head, versions).await? {
        Ok(since) => (Standing::Kept(Saved { head, state, since }), Some(compared)),
        Err(why) => (Standing::Rebuilt(why), Some(compared)),
    })
}

/// What of a view's own definition is not as it was.
fn changed(ws: &Workspace, view: &View, before: &Outcome, head: &Head) -> Option<String> {
    let fingerprint = state_fingerprint(ws, view);
    let now = parts(ws, view, &fingerprint);
    let is_same = |part: &str| now.get(part) == before.parts.get(part);
    if !is_same("SQL") {
        return Some("its SQL, settings or tests changed".into());
    }
    if !is_same("functions") {
        return Some("functions that it calls changed".into());
    }
    if !is_same("engine") {
        return Some("another version of tidemill wrote it, which computes some things otherwise".into());
    }
    (head.fingerprint != fingerprint).then(|| "views that it reads through changed, or its settings".into())
}

/// What each input got since the state was saved; else why that can't be told, or what went.
async fn since(
    ws: &Workspace,
    compiled: &Compiled,
    head: &Head,
    versions: &BTreeMap<TableName, i64>,
) -> Result<Result<Vec<(InputRef, Snapshot)>, String>> {
    let mut out = Vec::new();
    for input in compiled.inputs() {
        let table = TableName::new(&input.schema, &input.name);
        match (head.versions.get(&table.to_string()), versions.get(&table)) {
            (None, None) => {}
            (Some(then), Some(now)) => match ws.lake.appended(&table, *then, *now).await? {
                Some(s) if s.files.is_empty() => {}
                // Rows of a table that is not followed were read as a whole.
                Some(s) if ws.is_followed(&table) => out.push((input.clone(), s)),
                Some(_) => return Ok(Err(format!("{table} has new rows, and is not followed"))),
                None => return Ok(Err(format!("rows of {table} were replaced, or its log since then is gone"))),
            },
            _ => return Ok(Err(format!("{table} came or went"))),
        }
    }
    Ok(Ok(out))
}

impl Workspace {
    /// What the next start will find of the state of each live view that it opens, by name. Nothing is run, and no row is read.
    pub(crate) async fn live_states(self: &Arc<Self>, planned: &Planned) -> Result<BTreeMap<String, LiveState>> {
        let mut out = BTreeMap::new();
        if !self.follows() {
            return Ok(out);
        }
        let versions = self.last_versions()?;
        let session = self.live_session()?;
        let inputs = self.live_inputs(None);
        let node = |name: &str| planned.nodes.iter().find(|n| n.name == name);
        for view in self.checked.project.views.iter().filter(|v| *v.materialized == Materialized::Live) {
            let compiled = compile(view, &session, &inputs)?;
            let names: Vec<String> = compiled.inputs().iter().map(node_of).collect();
            let is_opened = compiled.inputs().iter().zip(&names).any(|(input, name)| {
                let followed = input.schema == "clean" && self.is_followed(&TableName::new(&input.schema, &input.name));
                followed && node(name).is_some_and(|n| !n.is_without_rows)
            });
            if !is_opened {
                continue;
            }
            let before = self.view_outcome_at(&view.name, &versions).await?;
            let (mut standing, compared) = standing(self, view, &compiled, before.as_ref(), &versions).await?;
            // What a run makes anew first has other rows then.
            let made = |n: &&NodePlan| matches!(n.action, Action::Build | Action::Extend);
            if let (Standing::Kept(_), Some(n)) = (&standing, names.iter().filter_map(|n| node(n)).find(made)) {
                standing = Standing::Rebuilt(format!("{} is made anew first: {}", n.name, n.reason));
            }
            out.insert(view.name.clone(), told(&compiled, &standing, compared.as_ref()));
        }
        Ok(out)
    }

    /// The outcome that belongs to a stored view as of some versions: an epoch that was cut off does not count.
    async fn view_outcome_at(&self, view: &str, versions: &BTreeMap<TableName, i64>) -> Result<Option<Outcome>> {
        let name = TableName::public(view);
        let Some(version) = versions.get(&name) else { return Ok(None) };
        match self.lake.table_epoch_at(&name, *version).await? {
            Some(epoch) => state::get(&self.lake, epoch, view),
            None => Ok(None),
        }
    }
}

/// The node of the graph behind an input.
fn node_of(input: &InputRef) -> String {
    if input.schema == "public" { input.name.clone() } else { format!("{}.{}", input.schema, input.name) }
}

fn told(compiled: &Compiled, standing: &Standing, compared: Option<&Compared>) -> LiveState {
    let fits = |fingerprint: &str| {
        compared.and_then(|c| c.operators.iter().find(|(o, _)| o.fingerprint == fingerprint)).is_some_and(|(_, fits)| *fits)
    };
    let (kept, why) = match standing {
        Standing::Kept(saved) => {
            let rows: u64 = saved.since.iter().map(|(_, s)| s.rows()).sum();
            let more = match rows {
                0 => String::new(),
                1 => ", and 1 row that came since is read".into(),
                n => format!(", and {n} rows that came since are read"),
            };
            (true, format!("of epoch {}{more}", saved.head.epoch))
        }
        Standing::Rebuilt(why) => (false, why.clone()),
    };
    let operators = compiled.operators().into_iter().filter_map(|o| {
        let why = match (kept, compared.is_some(), fits(&o.fingerprint)) {
            (true, ..) => "its expression and what it reads are the same",
            (false, true, true) => "it is as it was, but a view's state is kept whole or not at all",
            (false, true, false) => "its expression or what it reads changed",
            (false, false, _) => "there is nothing to keep",
        };
        Some(LiveOperator { keeps: o.keeps?, name: o.name, kept, why: why.into() })
    });
    LiveState { kept, why, operators: operators.collect() }
}
