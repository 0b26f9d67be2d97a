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
use std::sync::Arc;
use tidemill_core::{Error, Result};
use tidemill_pipeline::live::{FollowOptions, FollowReport, Following, Until};
use tidemill_pipeline::report::{RunOptions, Status};
use tidemill_pipeline::{Desk, Workspace};
use tidemill_serve::{Bound, Limits, Server, Token};

pub fn execute(args: &ServeArgs, context: &Context, out: &mut dyn Write) -> Ended {
    let workspace = context.open()?;
    if args.headless && !workspace.follows() {
        let e = Error::config("no table of this project is followed, so there is nothing to keep up to date")
            .help("`tidemill run` brings it up to date once; a table is followed when its connector is one that goes on, such as `kafka`, or says `follow = true`");
        return Err(Failure::Usage(e));
    }
    let pages = if args.headless { None } else { Some(Arc::new(Pages::prepare(args, context, &workspace)?)) };
    let ended = if workspace.follows() {
        follow(args, context, &workspace, pages.as_ref(), out)
    } else {
        stand(context, &workspace, pages.as_ref())
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
fn follow(args: &ServeArgs, context: &Context, workspace: &Arc<Workspace>, pages: Option<&Arc<Pages>>, out: &mut dyn Write) -> Ended {
    let until = if args.until_caught_up { Until::CaughtUp } else { Until::Stopped };
    let options = FollowOptions { until, command: command_line() };
    let (stopped, quiet) = (Arc::clone(workspace), context.global.quiet);
    let (bars, watch) = (context.bars.clone(), context.command("top"));
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
    let serving = workspace.serve(&options, watcher(context), ready);
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
fn stand(context: &Context, workspace: &Arc<Workspace>, pages: Option<&Arc<Pages>>) -> Ended {
    let options = RunOptions { command: command_line(), ..RunOptions::default() };
    let (stopped, quiet) = (Arc::clone(workspace), context.global.quiet);
    let (stop, mut asked) = tokio::sync::watch::channel(false);
    let watch = watcher(context);
    let (bars, run) = (context.bars.clone(), context.command("run"));
    let standing = async {
        let report = workspace.run(&options, Arc::clone(&watch)).await?;
        drop(watch);
        if report.status == Status::Failed {
            let what = report.error.clone().unwrap_or_else(|| "a node failed".into());
            return Err(Error::data(format!("the project could not be brought up to date: {what}")).help(format!("`{run}` tells more")));
        }
        if !*asked.borrow() {
            pages.map_or(Ok(()), |p| p.open(None))?;
            if !quiet {
                let line = format!("nothing here is followed: `{run}` brings it up to date, and the pages follow; Ctrl-C ends it");
                bars.suspend(|| crate::failure::to_stderr(&line));
            }
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
    bars: indicatif::MultiProgress,
    as_json: bool,
}

impl Pages {
    /// The address is taken at once, so that one that is taken is told before anything is done.
    fn prepare(args: &ServeArgs, context: &Context, workspace: &Arc<Workspace>) -> Result<Pages> {
        let bound = Bound::to(SocketAddr::new(args.bind, args.port))?;
        let token = match std::env::var("TIDEMILL_TOKEN") {
            Ok(given) => Token::given(&given)?,
            Err(_) => Token::kept(&workspace.project().lake_at().join("_tidemill/token"))?,
        };
        let desk = Arc::new(Desk::new(workspace)?);
        let shown = Arc::new(Shown { desk: Arc::clone(&desk), environment: context.environment() });
        let as_json = context.style.format == OutputFormat::Json;
        let (bound, server) = (Mutex::new(Some(bound)), Mutex::default());
        Ok(Pages { desk, shown, token, bound, server, bars: context.bars.clone(), as_json })
    }

    /// From now on this is shown. The first time, it is said where.
    fn open(&self, following: Option<&Following>) -> Result<()> {
        if let Some(following) = following {
            self.desk.follow(following);
        }
        self.desk.look()?;
        let Some(bound) = self.bound.lock().take() else { return Ok(()) };
        let address = bound.address;
        let server = bound.serve(Arc::clone(&self.shown) as Arc<dyn tidemill_serve::Data>, self.token.clone(), Limits::default())?;
        self.server.lock().replace(server);
        // Every address of this machine is reached by this one too.
        let host = if address.ip().is_unspecified() { SocketAddr::new([127, 0, 0, 1].into(), address.port()) } else { address };
        let url = format!("http://{host}/?token={}", self.token.reveal());
        let line = if self.as_json { serde_json::json!({ "url": url }).to_string() } else { url };
        // Who has closed our output does not want to know.
        let _ = self.bars.suspend(|| {
            let mut out = std::io::stdout().lock();
            writeln!(out, "{line}").and_then(|()| out.flush())
        });
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
