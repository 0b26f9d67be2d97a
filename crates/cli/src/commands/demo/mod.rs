//! `demo`: the whole story before the user's eyes: messy data is made, a project is run over it, answers, and is served while more comes.
//!
//! Each part is a command that the user could have typed, and is shown as one. What is done is written down ([`place`]), so that a demo that was
//! stopped goes on where it was.

mod browser;
mod place;
mod tour;

use super::run::{tell_failures, watched};
use super::serve::{Showing, perform};
use super::{command_line, query, write_report};
use crate::Ended;
use crate::args::DemoArgs;
use crate::context::{Context, shell_quoted};
use crate::failure::Failure;
use crate::output::figures::{bytes, counted, duration, grouped};
use crate::output::grid::{Tone, paint};
use crate::progress;
use place::{Place, Reached};
use std::io::{IsTerminal, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;
use tidemill_core::{Error, Meter, Result};
use tidemill_generate::{Options, Target, What, generate};
use tidemill_pipeline::live::{FollowOptions, Until};
use tidemill_pipeline::report::{RunOptions, Status};
use tidemill_pipeline::{QueryOptions, RunEvent, Workspace};
use tidemill_project::Environment;
use tidemill_serve::Bound;

/// What the project is about, of what `generate` makes.
const KIND: What = What::Shop;
/// Customers, articles and orders: a laptop makes and runs them within a minute.
const ROWS: u64 = 100_000;
/// Two years up to today, so that each month of the second has one to be compared with.
const DAYS: u32 = 731;
/// The environment of the project in which rows come by themselves.
const LIVE: &str = "demo";
/// The page where numbers move.
const PAGE: &str = "/d/live";
const PORT: u16 = 5000;
const DAY_MICROS: i64 = 86_400_000_000;

pub fn execute(args: &DemoArgs, context: &Context, out: &mut dyn Write) -> Ended {
    if context.global.env.is_some() {
        let e =
            Error::config("a demo has environments of its own").help("leave --env out; afterwards it can be given to `serve` and others");
        return Err(Failure::Usage(e));
    }
    let mut place = Place::take(context.resolve(&args.dir), args.rows, ROWS, args.force).map_err(Failure::Usage)?;
    // Before anything that takes time: a port that is taken is told at once.
    let bound = if args.no_serve { None } else { Some(bind(args.port)?) };
    let mut story = Story { context, out, dir: place.dir.clone() };
    let goes_on = place.reached >= Reached::Run;
    if goes_on && !args.no_serve {
        story
            .aside(&format!("a demo is in {} already: it goes on where it was; remove the directory for a new one", place.dir.display()))?;
    }
    if place.reached < Reached::Made {
        make(&mut place, &mut story)?;
    }
    if place.reached < Reached::Run && !run(&mut place, &mut story)? {
        return Ok(1);
    }
    if !goes_on || args.no_serve {
        ask(&place, &mut story)?;
    }
    match bound {
        Some(bound) => show(args, bound, goes_on, &place, story),
        None => Ok(0),
    }
}

/// Where nobody says which, the usual port may be another's.
fn bind(port: Option<u16>) -> Result<Bound> {
    let at = |port| Bound::to(SocketAddr::new(Ipv4Addr::LOCALHOST.into(), port));
    match port {
        Some(port) => at(port),
        None => at(PORT).or_else(|_| at(0)),
    }
}

/// Alarms are on the page. Each on a line of its own would bury what is told here, so that only who asks for the log gets it.
fn environment(context: &Context, name: Option<&str>) -> Environment {
    let mut environment = context.environment_named(name);
    if context.global.log_level.is_none() && context.global.verbose == 0 {
        environment.overrides.push(("demo".into(), "log.level=error".into()));
    }
    environment
}

/// What people are told on the way.
struct Story<'a> {
    context: &'a Context,
    out: &'a mut dyn Write,
    /// As the commands name it.
    dir: PathBuf,
}

impl Story<'_> {
    fn is_told(&self) -> bool {
        self.context.is_human() && !self.context.global.quiet
    }

    /// A command as the user would type it.
    fn command(&mut self, command: &str) -> std::io::Result<()> {
        let line = paint(&format!("$ {command}"), Tone::Good, self.context.style.colour);
        self.line(&format!("\n{line}"))
    }

    fn aside(&mut self, text: &str) -> std::io::Result<()> {
        self.line(&paint(text, Tone::Dim, self.context.style.colour))
    }

    /// At once, since what follows may take its time.
    fn line(&mut self, text: &str) -> std::io::Result<()> {
        if self.is_told() {
            writeln!(self.out, "{text}")?;
            self.out.flush()?;
        }
        Ok(())
    }
}

/// Writes the project and makes its data.
#[allow(clippy::disallowed_methods)] // how long it took is shown, not decided by
fn make(place: &mut Place, story: &mut Story<'_>) -> Result<(), Failure> {
    let context = story.context;
    let began = Instant::now();
    tidemill_pipeline::demo(&place.dir)?;
    place.tell_rows()?;
    let today = context.clock.now_micros().div_euclid(DAY_MICROS) as i32;
    let start = today - DAYS as i32;
    let options = Options {
        rows: place.rows,
        start_day: start,
        days: DAYS,
        overwrite: true,
        threads: std::thread::available_parallelism().map_or(1, usize::from),
        ..Options::new(KIND)
    };
    let (data, truth) = (place.dir.join("data"), place.dir.join("truth"));
    let named = |part: &str| shell_quoted(&story.dir.join(part).display().to_string());
    let rest = format!("--rows {} --start {} --days {DAYS} --out {} --truth {}", place.rows, date(start), named("data"), named("truth"));
    story.command(&context.command_in(None, &format!("generate {KIND} {rest}")))?;

    let meter = Arc::new(Meter::default());
    let watch = progress::brief(context);
    watch.on(&RunEvent::StepStarted { step_id: 1, node: KIND.name().into(), stage: "make", meter: Arc::clone(&meter) });
    let (work_meter, stop) = (Arc::clone(&meter), Arc::clone(&meter));
    let (clock, made) = (Arc::clone(&context.clock), &options);
    let work = async move { generate(made, Target::Directory(data), Some(&truth), clock.as_ref(), &work_meter) };
    let (made, signal) = context.wait_cancelling(work, move || stop.cancel());
    drop(watch);
    if let Some(code) = signal {
        return Err(Failure::Interrupted(code));
    }
    let made = made?;
    place.reach(Reached::Made)?;
    let data: Vec<_> = made.tables.iter().filter(|t| !t.is_label).collect();
    let (rows, size) = (data.iter().map(|t| t.lines).sum(), data.iter().map(|t| t.bytes).sum());
    let errors: u64 = data.iter().flat_map(|t| &t.errors).map(|(_, n)| n).sum();
    story.line(&format!(
        "made {} in {} ({}) with {} in them; what is right is in truth/   {}",
        counted(rows, "row"),
        counted(data.len() as u64, "table"),
        bytes(size),
        counted(errors, "error"),
        duration(began.elapsed())
    ))?;
    Ok(())
}

/// Runs the project over the files. Gives whether that went well.
fn run(place: &mut Place, story: &mut Story<'_>) -> Result<bool, Failure> {
    let context = story.context;
    story.command(&context.command_in(Some(&story.dir), "run"))?;
    let workspace = context.open_as(&place.dir, &environment(context, None))?;
    let options = RunOptions { command: command_line(), ..RunOptions::default() };
    let (report, signal) = watched(&workspace, &options, progress::brief(context), context)?;
    if !context.is_human() {
        write_report(story.out, context.style.format, || super::run::object(&report), &super::run::records(&report))?;
    }
    if let Some(code) = signal {
        return Err(Failure::Interrupted(code));
    }
    if report.status == Status::Failed {
        story.out.flush()?;
        tell_failures(&report, context, Some(&story.dir));
        return Ok(false);
    }
    place.reach(Reached::Run)?;
    let (project, rejected) = (workspace.project(), report.quarantined.iter().map(|(_, n)| n).sum());
    let read: u64 = report.steps.iter().filter(|s| s.node.starts_with("raw.")).map(|s| s.rows_read).sum();
    story.line(&format!(
        "read {} into {}, set {} aside, repaired {}; built {} and {}   {}",
        counted(read, "row"),
        counted(project.tables.len() as u64, "table"),
        grouped(rejected),
        counted(cells(&workspace, context)?, "cell"),
        counted(project.views.len() as u64, "view"),
        counted(project.exports.len() as u64, "export"),
        duration(report.elapsed)
    ))?;
    Ok(true)
}

/// Cells that the rules changed.
fn cells(workspace: &Workspace, context: &Context) -> Result<u64, Failure> {
    let sql = "SELECT CAST(coalesce(sum(cells_changed), 0) AS BIGINT) FROM system.quality";
    let rows = context.wait(workspace.query(sql, &QueryOptions::default()))?;
    let one = rows.batches.first().and_then(|b| {
        let column = arrow::array::AsArray::as_primitive_opt::<arrow::datatypes::Int64Type>(b.column(0).as_ref())?;
        (!column.is_empty()).then(|| column.value(0))
    });
    Ok(one.unwrap_or(0).max(0) as u64)
}

/// A table worth reading, and what to type next.
fn ask(place: &Place, story: &mut Story<'_>) -> Result<(), Failure> {
    if !story.is_told() {
        return Ok(());
    }
    let context = story.context;
    let tour = tour::of(&place.dir)?;
    if let Some((first, _)) = tour.split_first() {
        story.command(&format!("{} \"\n{}\"", context.command_in(Some(&story.dir), "query"), first.sql))?;
        let workspace = context.open_as(&place.dir, &environment(context, None))?;
        query::answer(&workspace, &first.sql, &QueryOptions::default(), &context.style, context, story.out)?;
    }
    story.line("\nto type next, in another terminal if this one is busy:")?;
    let asked = tour.iter().skip(1).map(|q| (q.why.clone(), format!("query \"{}\"", q.sql)));
    let known = [
        ("what was set aside, and why", "quarantine ls".to_string()),
        (
            "what was repaired, rule by rule",
            "query \"SELECT rule, \\\"column\\\", cells_changed FROM system.quality WHERE cells_changed > 0\"".into(),
        ),
        ("how much of what is wrong was found, and repaired rightly", "score --truth truth".into()),
        ("proof that no row was lost", "audit".into()),
        ("ask more", "shell".into()),
    ];
    for (why, rest) in asked.chain(known.map(|(why, rest)| (why.to_string(), rest))) {
        story.aside(&format!("  # {why}"))?;
        story.line(&format!("  {}", context.command_in(Some(&story.dir), &rest)))?;
    }
    Ok(())
}

/// Serves it, with rows that come by themselves, until Ctrl-C.
fn show(args: &DemoArgs, bound: Bound, goes_on: bool, place: &Place, mut story: Story<'_>) -> Ended {
    let context = story.context;
    let port = if bound.address.port() == PORT { String::new() } else { format!(" --port {}", bound.address.port()) };
    story.command(&context.command_in(Some(&story.dir), &format!("--env {LIVE} serve{port}")))?;
    let environment = environment(context, Some(LIVE));
    let workspace = context.open_as(&place.dir, &environment)?;
    // A page that nobody asked for opens only before people's eyes.
    let opens = args.open || (!args.no_open && story.is_told() && std::io::stdout().is_terminal());
    let told = story.is_told();
    let bars = context.bars.clone();
    let opened = move |url: &str| {
        let text = if opens && browser::open(url) {
            "the page opens in your browser; the address above leads there too"
        } else {
            "open this address in a browser: numbers move there"
        };
        if told {
            bars.suspend(|| crate::failure::to_stderr(text));
        }
    };
    let showing = Showing { bound, environment, page: PAGE, at_once: goes_on, opened: Box::new(opened) };
    // What the run has just built need not be built again for the first rows that come.
    let options = FollowOptions { until: Until::Stopped, only_followed: !goes_on, command: command_line() };
    perform(&workspace, &options, Some(showing), progress::brief(context), context, Some(&story.dir), story.out)
}

/// `2024-12-31`
fn date(days: i32) -> String {
    arrow::temporal_conversions::date32_to_datetime(days).map_or_else(String::new, |d| d.format("%Y-%m-%d").to_string())
}
