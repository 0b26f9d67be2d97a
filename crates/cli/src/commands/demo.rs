//! `demo`: a finished project, run before the user's eyes.

use super::{command_line, query, run};
use crate::Ended;
use crate::args::DemoArgs;
use crate::context::Context;
use crate::failure::Failure;
use crate::output::grid::{Tone, paint};
use std::io::Write;
use std::path::Path;
use tidemill_core::Error;
use tidemill_pipeline::QueryOptions;
use tidemill_pipeline::report::RunOptions;

/// Says that a directory was made by an earlier demo, and so may be written over.
const MARK: &str = ".tidemill-demo";
const MARK_TEXT: &str = "Made by `tidemill demo`, which may write over everything here.\n";

/// The table worth reading.
const QUESTION: &str = "SELECT age_group, customers, income_median, round(spend_mean) AS spend_mean,
       round(spend_share_percent, 1) AS spend_share_percent, round(accepted_last_percent, 1) AS accepted_last_percent
FROM spend_by_age_group
ORDER BY spend_mean DESC";

pub fn execute(args: &DemoArgs, context: &Context, out: &mut dyn Write) -> Ended {
    let dir = context.resolve(&args.dir);
    let again = dir.join(MARK).exists();
    if !again && !args.force && holds_something(&dir)? {
        return Err(Failure::Usage(
            Error::config("the directory is not empty")
                .at(dir.display().to_string())
                .help("name another directory, or give --force to write the demo's files beside what is there"),
        ));
    }
    // The mark comes first, so that a demo stopped half-way can be made again.
    write_mark(&dir)?;
    tidemill_pipeline::demo(&dir)?;

    let people = context.is_human() && !context.global.quiet;
    if people {
        writeln!(out, "the marketing project is in {}: 2,240 customers of a real campaign file, as messy as it came\n", dir.display())?;
        out.flush()?;
    }
    let workspace = context.open_in(&dir)?;
    // An earlier demo's tables are built again: a run that finds nothing to do is no demonstration.
    let options = RunOptions { full: again, command: command_line(), ..RunOptions::default() };
    let code = run::perform(&workspace, &options, context, Some(&dir), out)?;
    if code != 0 || !people {
        return Ok(code);
    }
    writeln!(out, "\n{}", paint(QUESTION, Tone::Dim, context.style.colour))?;
    query::answer(&workspace, QUESTION, &QueryOptions::default(), &context.style, context, out)?;
    next_steps(&dir, context, out)?;
    Ok(0)
}

fn next_steps(dir: &Path, context: &Context, out: &mut dyn Write) -> std::io::Result<()> {
    writeln!(out, "\nnext, type:")?;
    let steps = [
        (
            "what was repaired, rule by rule",
            "query \"SELECT rule, \\\"column\\\", cells_changed FROM system.quality WHERE cells_changed > 0\"",
        ),
        ("the customers, cleaned", "query -x \"SELECT * FROM customers\" --limit 2"),
        ("how the campaigns did", "query \"SELECT * FROM campaign_acceptance\""),
        ("proof that no row was lost", "audit"),
        ("what a second run would do", "plan"),
        ("ask more", "shell"),
    ];
    for (why, rest) in steps {
        writeln!(out, "  {}", paint(&format!("# {why}"), Tone::Dim, context.style.colour))?;
        writeln!(out, "  {}", context.command_in(Some(dir), rest))?;
    }
    Ok(())
}

fn holds_something(dir: &Path) -> Result<bool, Error> {
    match std::fs::read_dir(dir) {
        Ok(mut entries) => Ok(entries.next().is_some()),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(false),
        Err(e) => Err(Error::config(format!("cannot be used as a directory: {e}")).at(dir.display().to_string())),
    }
}

fn write_mark(dir: &Path) -> Result<(), Error> {
    std::fs::create_dir_all(dir)
        .and_then(|()| std::fs::write(dir.join(MARK), MARK_TEXT))
        .map_err(|e| Error::config(format!("cannot be written to: {e}")).at(dir.display().to_string()))
}
