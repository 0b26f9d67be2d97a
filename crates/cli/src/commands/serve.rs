//! `serve`: follow until told to stop.

use super::command_line;
use crate::Ended;
use crate::args::ServeArgs;
use crate::context::Context;
use crate::failure::{Failure, note};
use crate::output::figures::{counted, duration, grouped};
use crate::progress::watcher;
use std::io::Write;
use std::sync::Arc;
use tidemill_core::Error;
use tidemill_pipeline::live::{FollowOptions, FollowReport, Until};

pub fn execute(args: &ServeArgs, context: &Context, out: &mut dyn Write) -> Ended {
    if !args.headless {
        let e = Error::config("this version has no pages to serve yet")
            .help("`tidemill serve --headless` keeps the project up to date without them");
        return Err(Failure::Usage(e));
    }
    let workspace = context.open()?;
    if !workspace.follows() {
        let e = Error::config("no table of this project is followed, so there is nothing to keep up to date")
            .help("`tidemill run` brings it up to date once; a table is followed when its connector is one that goes on, such as `kafka`, or says `follow = true`");
        return Err(Failure::Usage(e));
    }
    let until = if args.until_caught_up { Until::CaughtUp } else { Until::Stopped };
    let options = FollowOptions { until, command: command_line() };
    let (stopped, quiet) = (Arc::clone(&workspace), context.global.quiet);
    let bars = context.bars.clone();
    let watch = context.command("top");
    let ready = move |following: &tidemill_pipeline::live::Following| {
        let figures = following.figures.lock().clone();
        if !quiet {
            let line = format!(
                "following {} and keeping {} live; `{watch}` shows how it goes, Ctrl-C ends it",
                counted(figures.streams.len() as u64, "table"),
                counted(figures.views.len() as u64, "view")
            );
            bars.suspend(|| crate::failure::to_stderr(&line));
        }
    };
    let serving = workspace.serve(&options, watcher(context), ready);
    let (ended, signal) = context.wait_cancelling(serving, move || stopped.cancel());
    let report = ended?;
    summary(&report, out)?;
    if signal.is_some() {
        note(context, "stopped", "it goes on where it was when it is started again");
    }
    Ok(0)
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
