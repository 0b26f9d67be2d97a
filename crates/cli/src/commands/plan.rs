//! `plan`, and `run --dry-run`: what a run would do, and why.

use super::{command_line, write_report};
use crate::Ended;
use crate::args::PlanArgs;
use crate::context::Context;
use crate::output::figures::{bytes, counted};
use crate::output::grid::{Cell, Grid, Tone, paint};
use crate::output::records::Records;
use serde_json::{Value, json};
use std::io::{self, Write};
use tidemill_pipeline::Workspace;
use tidemill_pipeline::report::{Action, Plan, PlanNode, RunOptions, kept_or_rebuilt};

pub fn execute(args: &PlanArgs, context: &Context, out: &mut dyn Write) -> Ended {
    let options =
        RunOptions { select: args.selection.select.clone(), frozen: args.frozen, full: args.full, dry_run: true, command: command_line() };
    show(&options, context, out)
}

pub fn show(options: &RunOptions, context: &Context, out: &mut dyn Write) -> Ended {
    let workspace = context.open()?;
    let plan = context.wait(workspace.plan(options))?;
    let records = records(&plan);
    let object = || json!({ "epoch": plan.epoch, "resumes": plan.resumes, "nodes": plan.nodes.iter().map(node_json).collect::<Vec<_>>() });
    if !write_report(out, context.style.format, object, &records)? {
        for_people(&plan, &workspace, context, out)?;
    }
    Ok(0)
}

fn for_people(plan: &Plan, workspace: &Workspace, context: &Context, out: &mut dyn Write) -> io::Result<()> {
    let colour = context.style.colour;
    if let Some(run) = &plan.resumes {
        writeln!(out, "{} run {run} was interrupted and is finished first\n", paint("note:", Tone::Warn, colour))?;
    }
    super::check::environment(workspace.project(), context, out)?;
    let mut grid = Grid::new(&["node", "kind", "action", "why", "#files", "#bytes"]);
    for n in plan.nodes.iter().filter(|n| n.action != Action::Skip || n.reason != "not selected" || context.global.verbose > 0) {
        let tone = match n.action {
            Action::Build | Action::Extend => Tone::Good,
            Action::Resume | Action::Test => Tone::Warn,
            Action::Keep | Action::Virtual | Action::Skip => Tone::Dim,
        };
        let size: u64 = n.files.iter().map(|f| f.1).sum();
        let (files, size) = if n.files.is_empty() { Default::default() } else { (n.files.len().to_string(), bytes(size)) };
        grid.push(vec![
            Cell::new(&n.node),
            Cell::toned(n.kind, Tone::Dim),
            Cell::toned(n.action.as_str(), tone),
            Cell::new(&n.reason),
            Cell::new(files),
            Cell::new(size),
        ]);
    }
    grid.write(out, context.style.width, colour)?;
    live_states(plan, context, out)?;
    if context.global.verbose > 0 {
        for n in plan.nodes.iter().filter(|n| !n.files.is_empty()) {
            writeln!(out, "\n{} reads", n.node)?;
            n.files.iter().try_for_each(|(file, size)| writeln!(out, "  {:>9}  {file}", bytes(*size)))?;
        }
    }
    let count = |wanted: &[Action]| plan.nodes.iter().filter(|n| wanted.contains(&n.action)).count() as u64;
    let (work, kept, skipped) = (
        count(&[Action::Build, Action::Extend, Action::Resume]),
        count(&[Action::Keep]),
        plan.nodes.iter().filter(|n| n.reason == "not selected").count(),
    );
    let tested = count(&[Action::Virtual, Action::Test]);
    let is_tested = |n: &&tidemill_pipeline::report::PlanNode| [Action::Virtual, Action::Test].contains(&n.action);
    let noun = if plan.nodes.iter().filter(is_tested).any(|n| n.kind == "function") { "node" } else { "view" };
    let mut line = match (work, tested) {
        (0, 0) => "everything is up to date".to_string(),
        (0, t) => format!("epoch {}: {} to look at", plan.epoch, counted(t, noun)),
        (n, 0) => format!("epoch {}: {} to bring up to date", plan.epoch, counted(n, "node")),
        (n, t) => format!("epoch {}: {} to bring up to date, {} to look at", plan.epoch, counted(n, "node"), counted(t, noun)),
    };
    let work = work + tested;
    if kept > 0 && work > 0 {
        line.push_str(&format!(", {kept} up to date"));
    }
    if skipped > 0 {
        line.push_str(&format!(", {skipped} not selected"));
    }
    writeln!(out, "\n{line}")?;
    if work > 0 && !context.global.quiet {
        writeln!(out, "{}", paint(&format!("to do it: {}", context.command("run")), Tone::Dim, colour))?;
    }
    Ok(())
}

/// What becomes of the state of live views, operator by operator.
fn live_states(plan: &Plan, context: &Context, out: &mut dyn Write) -> io::Result<()> {
    let mut grid = Grid::new(&["live view", "keeps", "state", "why"]);
    let mut any = false;
    let state = |kept: bool| Cell::toned(kept_or_rebuilt(kept), if kept { Tone::Dim } else { Tone::Warn });
    for n in &plan.nodes {
        let Some(live) = &n.live else { continue };
        any = true;
        grid.push(vec![Cell::new(&n.node), Cell::new(""), state(live.kept), Cell::new(&live.why)]);
        for o in &live.operators {
            grid.push(vec![Cell::new(format!("  {}", o.name)), Cell::toned(&o.keeps, Tone::Dim), state(o.kept), Cell::new(&o.why)]);
        }
    }
    if any {
        writeln!(out)?;
        grid.write(out, context.style.width, context.style.colour)?;
    }
    Ok(())
}

fn node_json(n: &PlanNode) -> Value {
    let files: Vec<Value> = n.files.iter().map(|(file, size)| json!({ "file": file, "bytes": size })).collect();
    let mut node = json!({ "node": n.node, "kind": n.kind, "action": n.action.as_str(), "reason": n.reason, "files": files });
    if let Some(live) = &n.live {
        let operators: Vec<Value> = live
            .operators
            .iter()
            .map(|o| json!({ "operator": o.name, "keeps": o.keeps, "state": kept_or_rebuilt(o.kept), "why": o.why }))
            .collect();
        node["live"] = json!({ "state": kept_or_rebuilt(live.kept), "why": live.why, "operators": operators });
    }
    node
}

fn records(plan: &Plan) -> Records {
    let mut records = Records::new(&["node", "kind", "action", "reason", "files", "bytes", "state"]);
    for n in &plan.nodes {
        records.push(vec![
            n.node.as_str().into(),
            n.kind.into(),
            n.action.as_str().into(),
            n.reason.as_str().into(),
            n.files.len().into(),
            n.files.iter().map(|f| f.1).sum::<u64>().into(),
            n.live.as_ref().map_or("", |l| kept_or_rebuilt(l.kept)).into(),
        ]);
    }
    records
}
