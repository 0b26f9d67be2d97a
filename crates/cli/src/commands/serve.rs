//! `serve`: follow until told to stop.

use super::command_line;
use crate::Ended;
use crate::args::{OutputFormat, ServeArgs};
use crate::context::Context;
use crate::desk::Shown;
use crate::failure::{Failure, note};
use crate::output::figures::{counted, duration, grouped};
use crate::progress::watcher;
use parking_lot::Mutex;
use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use tidemill_core::{Error, Result};
use tidemill_pipeline::live::{FollowOptions, FollowReport, Following, Until};
use tidemill_pipeline::report::{RunOptions, Status, Watch};
use tidemill_pipeline::{Desk, Workspace};
use tidemill_project::Environment;
use tidemill_serve::{Bound, Limits, Server, Token};

pub fn execute(args: &ServeArgs, context: &Context, out: &mut dyn Write) -> Ended {
    let workspace = context.open()?;
    if args.headless && !workspace.follows() {
        let e = Error::config("no table of this project is followed, so there is nothing to keep up to date")
            .help("`tidemill run` brings it up to date once; a table is followed when its connector is one that goes on, such as `kafka`, or says `follow = true`");
        return Err(Failure::Usage(e));
    }
    let shown = if args.headless {
        None
    } else {
        let bound = Bound::to(SocketAddr::new(args.bind, args.port))?;
        Some(Showing { bound, environment: context.environment(), page: "/", at_once: false, opened: Box::new(|_| {}) })
    };
    let until = if args.until_caught_up { Until::CaughtUp } else { Until::Stopped };
    let options = FollowOptions { until, only_followed: false, command: command_line() };
    perform(&workspace, &options, shown, watcher(context), context, context.global.directory.as_deref(), out)
}

/// How a project is shown in a browser.
pub struct Showing {
    /// Taken before anything else is done, so that an address that is taken is told at once.
    pub bound: Bound,
    /// As the project was opened with.
    pub environment: Environment,
    /// Where the URL that is printed leads.
    pub page: &'static str,
    /// What earlier runs stored is shown while everything is still brought up to date.
    pub at_once: bool,
    /// Called with the URL once there is something to see.
    pub opened: Box<dyn Fn(&str) + Send + Sync>,
}

/// Serves until told to stop. `dir` is the project as the commands offered next should name it.
pub fn perform(
    workspace: &Arc<Workspace>,
    options: &FollowOptions,
    shown: Option<Showing>,
    watch: Arc<dyn Watch>,
    context: &Context,
    dir: Option<&Path>,
    out: &mut dyn Write,
) -> Ended {
    let pages = shown.map(|s| Pages::prepare(s, context, workspace)).transpose()?.map(Arc::new);
    let ended = if workspace.follows() {
        follow(options, watch, context, workspace, pages.as_ref(), dir, out)
    } else {
        stand(watch, context, workspace, pages.as_ref(), dir)
    };
    if let Some(server) = pages.and_then(|p| p.server.lock().take()) {
        context.wait(async {
            server.close().await;
            Ok(())
        })?;
    }
    ended
}

/// Keeps everything current, and shows it.
fn follow(
    options: &FollowOptions,
    progress: Arc<dyn Watch>,
    context: &Context,
    workspace: &Arc<Workspace>,
    pages: Option<&Arc<Pages>>,
    dir: Option<&Path>,
    out: &mut dyn Write,
) -> Ended {
    let (stopped, quiet) = (Arc::clone(workspace), context.global.quiet);
    let (bars, watch) = (context.bars.clone(), context.command_in(dir, "top"));
    let (mut begun, failed) = (false, Mutex::new(None));
    let ready = |following: &Following| {
        let opened = pages.map_or(Ok(()), |p| p.open(Some(following)));
        if let Err(e) = opened {
            failed.lock().replace(e);
            workspace.cancel();
        }
        let figures = following.figures.lock().clone();
        if !begun && !quiet {
            let line = format!(
                "following {} and keeping {} live; `{watch}` shows how it goes, Ctrl-C ends it",
                counted(figures.streams.len() as u64, "table"),
                counted(figures.views.len() as u64, "view")
            );
            bars.suspend(|| crate::failure::to_stderr(&line));
        }
        begun = true;
    };
    let serving = async {
        if let Some(p) = pages.filter(|p| p.at_once && p.desk.is_ready()) {
            p.open(None)?;
        }
        workspace.serve(options, progress, ready).await
    };
    let (ended, signal) = context.wait_cancelling(serving, move || stopped.cancel());
    let report = ended?;
    if let Some(e) = failed.into_inner() {
        return Err(e.into());
    }
    summary(&report, out)?;
    if signal.is_some() {
        note(context, "stopped", "it goes on where it was when it is started again");
    }
    Ok(0)
}

/// A project in which nothing is followed is brought up to date once, and then shown as of the last finished epoch, whoever finishes it.
fn stand(watch: Arc<dyn Watch>, context: &Context, workspace: &Arc<Workspace>, pages: Option<&Arc<Pages>>, dir: Option<&Path>) -> Ended {
    let options = RunOptions { command: command_line(), ..RunOptions::default() };
    let (stopped, quiet) = (Arc::clone(workspace), context.global.quiet);
    let (stop, mut asked) = tokio::sync::watch::channel(false);
    let (bars, run) = (context.bars.clone(), context.command_in(dir, "run"));
    let standing = async {
        let report = workspace.run(&options, Arc::clone(&watch)).await?;
        drop(watch);
        if *asked.borrow() {
            return Ok(());
        }
        if report.status == Status::Failed {
            let what = report.error.clone().unwrap_or_else(|| "a node failed".into());
            return Err(Error::data(format!("the project could not be brought up to date: {what}")).help(format!("`{run}` tells more")));
        }
        pages.map_or(Ok(()), |p| p.open(None))?;
        if !quiet {
            let line = format!("nothing here is followed: `{run}` brings it up to date, and the pages follow; Ctrl-C ends it");
            bars.suspend(|| crate::failure::to_stderr(&line));
        }
        // The sender lives until a signal comes.
        let _ = asked.wait_for(|asked| *asked).await;
        Ok(())
    };
    let (ended, _) = context.wait_cancelling(standing, move || {
        stopped.cancel();
        stop.send_replace(true);
    });
    ended?;
    Ok(0)
}

/// What is needed to answer in a browser, until there is something to show.
struct Pages {
    desk: Arc<Desk>,
    shown: Arc<Shown>,
    token: Token,
    bound: Mutex<Option<Bound>>,
    server: Mutex<Option<Server>>,
    page: &'static str,
    at_once: bool,
    opened: Box<dyn Fn(&str) + Send + Sync>,
    bars: indicatif::MultiProgress,
    as_json: bool,
}

impl Pages {
    fn prepare(showing: Showing, context: &Context, workspace: &Arc<Workspace>) -> Result<Pages> {
        let Showing { bound, environment, page, at_once, opened } = showing;
        let token = match std::env::var("TIDEMILL_TOKEN") {
            Ok(given) => Token::given(&given)?,
            Err(_) => Token::kept(&workspace.project().lake_at().join("_tidemill/token"))?,
        };
        let desk = Arc::new(Desk::new(workspace)?);
        let shown = Arc::new(Shown { desk: Arc::clone(&desk), environment });
        let as_json = context.style.format == OutputFormat::Json;
        let (bound, server) = (Mutex::new(Some(bound)), Mutex::default());
        Ok(Pages { desk, shown, token, bound, server, page, at_once, opened, bars: context.bars.clone(), as_json })
    }

    /// From now on this is shown. The first time, it is said where.
    fn open(&self, following: Option<&Following>) -> Result<()> {
        if let Some(following) = following {
            self.desk.follow(following);
        }
        self.desk.look()?;
        let Some(bound) = self.bound.lock().take() else { return Ok(()) };
        let address = bound.address;
        let shown = || Arc::clone(&self.shown);
        let server = bound.serve(shown(), shown(), self.token.clone(), Limits::default())?;
        self.server.lock().replace(server);
        // Every address of this machine is reached by this one too.
        let host = if address.ip().is_unspecified() { SocketAddr::new([127, 0, 0, 1].into(), address.port()) } else { address };
        let url = format!("http://{host}{}?token={}", self.page, self.token.reveal());
        let line = if self.as_json { serde_json::json!({ "url": url }).to_string() } else { url.clone() };
        // Who has closed our output does not want to know.
        let _ = self.bars.suspend(|| {
            let mut out = std::io::stdout().lock();
            writeln!(out, "{line}").and_then(|()| out.flush())
        });
        (self.opened)(&url);
        Ok(())
    }
}

fn summary(report: &FollowReport, out: &mut dyn Write) -> std::io::Result<()> {
    let f = &report.figures;
    writeln!(out, "served for {}, {}", duration(report.elapsed), counted(f.epochs, "epoch"))?;
    for s in &f.streams {
        write!(out, "  {}: {}", s.table, counted(s.rows_in, "row"))?;
        if s.rejected > 0 {
            write!(out, ", {} set aside", grouped(s.rejected))?;
        }
        if let (Some(p50), Some(p99)) = (s.latency_ms_p50, s.latency_ms_p99) {
            write!(out, ", seen by queries after {p50:.1} ms (median), {p99:.1} ms (99 %)")?;
        }
        writeln!(out)?;
    }
    for v in &f.views {
        write!(out, "  {}: {} in", v.view, counted(v.rows_in, "row"))?;
        if v.late > 0 {
            write!(out, ", {} late", grouped(v.late))?;
        }
        match &v.failed {
            Some(why) => writeln!(out, ", stopped: {why}")?,
            None => writeln!(out)?,
        }
    }
    Ok(())
}
