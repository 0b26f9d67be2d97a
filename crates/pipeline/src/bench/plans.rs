//! The project's views with one way of planning turned off at a time: what each is worth, and what it changes in the plan.

use super::{BenchOptions, Machine, clock, median};
use crate::check;
use crate::reading::Reading;
use crate::workspace::{Workspace, versions_of};
use std::collections::{BTreeMap, BTreeSet};
use tidemill_core::{Error, Result};
use tidemill_engine::{Engine, PlanOptions, Session};

#[derive(Debug, Clone)]
pub struct PlanReport {
    pub project: String,
    pub epoch: u64,
    pub threads: usize,
    pub repeat: usize,
    pub machine: Machine,
    pub views: Vec<ViewPlans>,
}

#[derive(Debug, Clone)]
pub struct ViewPlans {
    pub view: String,
    pub rows: u64,
    /// As a run would do it.
    pub usual: WayTimed,
    pub ways: Vec<WayTimed>,
}

/// What is turned off, or changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    Usual,
    /// The small side of a join is not handed to every partition: both sides are exchanged.
    NoBroadcast,
    /// Row groups, pages and chunks are not left out by what is known of them.
    NoPruning,
    /// Filters run above the scan; none is learnt from a join's other side.
    NoPushdown,
    /// Tables are read from memory instead.
    InMemory,
    /// One partition instead of one per thread.
    OnePartition,
    /// Four partitions per thread.
    ManyPartitions,
    /// What a question names twice is computed twice.
    NoSharing,
    /// The project's functions are called, not written out into the plan where they are called.
    CalledFunctions,
}

impl Way {
    pub const ALL: [Way; 8] = [
        Way::NoBroadcast,
        Way::NoPruning,
        Way::NoPushdown,
        Way::InMemory,
        Way::OnePartition,
        Way::ManyPartitions,
        Way::NoSharing,
        Way::CalledFunctions,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Way::Usual => "usual",
            Way::NoBroadcast => "no broadcast",
            Way::NoPruning => "no pruning",
            Way::NoPushdown => "no pushdown",
            Way::InMemory => "in memory",
            Way::OnePartition => "1 partition",
            Way::ManyPartitions => "4 partitions a thread",
            Way::NoSharing => "no sharing",
            Way::CalledFunctions => "functions called",
        }
    }
}

#[derive(Debug, Clone)]
pub struct WayTimed {
    pub way: Way,
    /// Of each repetition.
    pub seconds: Vec<f64>,
    /// From files.
    pub bytes_read: u64,
    /// Between partitions.
    pub bytes_exchanged: u64,
    pub bytes_spilled: u64,
    /// Lines of the usual plan that are gone, with `-`, and lines in their place, with `+`. Empty: the plan is the same.
    pub difference: Vec<String>,
}

impl WayTimed {
    pub fn median(&self) -> f64 {
        median(&self.seconds).unwrap_or(0.0)
    }
}

impl Workspace {
    /// Each view in each way. `told` hears what is asked next, and how far along that is.
    pub async fn bench_plans(&self, options: &BenchOptions, told: &dyn Fn(&str, f64)) -> Result<PlanReport> {
        let done = self.lake.last_done()?.ok_or_else(|| Error::config("nothing has been run yet").help("run `tidemill run` first"))?;
        let versions = versions_of(&done);
        let questions = self.view_questions(&options.only, &BTreeSet::new())?;
        if questions.is_empty() {
            return Err(Error::config("the project has no view").help("write a SELECT into views/NAME.sql"));
        }
        let mut sessions: BTreeMap<usize, Session> = BTreeMap::new();
        for (at, way) in std::iter::once(Way::Usual).chain(Way::ALL).enumerate() {
            let reading = if way == Way::InMemory { Reading::Memory } else { Reading::Disk };
            sessions.insert(at, self.session_in(&self.engine_for(way)?, &versions, reading).await?);
        }
        let mut report = PlanReport {
            project: self.project().name.clone(),
            epoch: done.epoch,
            threads: self.engine.threads(),
            repeat: options.repeat,
            machine: Machine::this(),
            views: Vec::new(),
        };
        let all = questions.len() as f64;
        for (number, question) in questions.iter().enumerate() {
            let calls = self.project().functions.iter().any(|f| question.sql.to_lowercase().contains(&f.name));
            let mut views: Vec<WayTimed> = Vec::new();
            let (mut rows, mut usual_plan) = (0, String::new());
            for (at, way) in std::iter::once(Way::Usual).chain(Way::ALL).enumerate() {
                if way == Way::CalledFunctions && !calls {
                    continue;
                }
                told(&question.name, (number as f64 + at as f64 / 9.0) / all);
                let Some(session) = sessions.get(&at) else { continue };
                let ask = || async { clock::run(session, &question.sql).await.map_err(|e| e.at(question.name.clone())) };
                // Once for what is only paid the first time.
                let mut last = ask().await?;
                let mut seconds = Vec::new();
                for _ in 0..options.repeat {
                    last = ask().await?;
                    seconds.push(last.seconds);
                }
                if way == Way::Usual {
                    (rows, usual_plan) = (last.rows, last.plan.clone());
                }
                views.push(WayTimed {
                    way,
                    seconds,
                    bytes_read: last.metrics.bytes_read,
                    bytes_exchanged: last.metrics.bytes_exchanged,
                    bytes_spilled: last.metrics.bytes_spilled,
                    difference: difference(&usual_plan, &last.plan),
                });
            }
            let mut ways = views.into_iter();
            if let Some(usual) = ways.next() {
                report.views.push(ViewPlans { view: question.name.clone(), rows, usual, ways: ways.collect() });
            }
        }
        Ok(report)
    }

    fn engine_for(&self, way: Way) -> Result<Engine> {
        let mut options = check::engine_options(self.project());
        let usual = PlanOptions::default();
        let threads = self.engine.threads();
        match way {
            Way::Usual | Way::InMemory => {}
            Way::NoBroadcast => options.plan = PlanOptions { broadcast: false, ..usual },
            Way::NoPruning => options.plan = PlanOptions { pruning: false, ..usual },
            Way::NoPushdown => options.plan = PlanOptions { pushdown: false, ..usual },
            Way::NoSharing => options.plan = PlanOptions { sharing: false, ..usual },
            Way::CalledFunctions => options.plan = PlanOptions { inlining: false, ..usual },
            Way::OnePartition => options.partitions = 1,
            Way::ManyPartitions => options.partitions = 4 * threads,
        }
        Engine::new(options)
    }
}

/// What differs between two plans, line by line, in order; the longest common part is left out.
pub(super) fn difference(before: &str, after: &str) -> Vec<String> {
    let (a, b): (Vec<&str>, Vec<&str>) = (before.lines().map(str::trim).collect(), after.lines().map(str::trim).collect());
    let mut longest = vec![vec![0u32; b.len() + 1]; a.len() + 1];
    for i in (0..a.len()).rev() {
        for j in (0..b.len()).rev() {
            longest[i][j] = if a[i] == b[j] { longest[i + 1][j + 1] + 1 } else { longest[i + 1][j].max(longest[i][j + 1]) };
        }
    }
    let (mut i, mut j, mut out) = (0, 0, Vec::new());
    while i < a.len() || j < b.len() {
        if i < a.len() && j < b.len() && a[i] == b[j] {
            (i, j) = (i + 1, j + 1);
        } else if j >= b.len() || (i < a.len() && longest[i + 1][j] >= longest[i][j + 1]) {
            out.push(format!("- {}", a[i]));
            i += 1;
        } else {
            out.push(format!("+ {}", b[j]));
            j += 1;
        }
    }
    out
}
