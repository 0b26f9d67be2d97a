//! `explain` and `completions`: what the program knows about itself.

use crate::Ended;
use crate::args::{Args, CompletionsArgs, ExplainArgs, OutputFormat};
use crate::context::Context;
use crate::failure::Failure;
use crate::output::grid::{Cell, Grid};
use crate::output::records::{Records, write_json};
use clap::CommandFactory;
use serde_json::json;
use std::io::Write;
use tidemill_core::Error;
use tidemill_core::code::{CODES, Code, explain as find};
use tidemill_core::problem::did_you_mean;

pub fn explain(args: &ExplainArgs, context: &Context, out: &mut dyn Write) -> Ended {
    let Some(asked) = &args.code else { return list(context, out) };
    let Some(code) = find(asked) else {
        let near = did_you_mean(asked, CODES.iter().map(|c| c.code));
        let help = near.map_or_else(
            || "`tidemill explain` lists them all".to_string(),
            |c| format!("did you mean {c}? `tidemill explain` lists them all"),
        );
        return Err(Failure::Usage(Error::config(format!("there is no code `{asked}`")).help(help)));
    };
    match context.style.format {
        OutputFormat::Human => {
            let title = format!("{}: {}", code.code, code.title);
            writeln!(out, "{}\n", if context.style.colour { format!("\u{1b}[1m{title}\u{1b}[0m") } else { title })?;
            writeln!(out, "{}", code.text.trim())?;
        }
        OutputFormat::Json => write_json(out, &json!({ "code": code.code, "title": code.title, "text": code.text.trim() }))?,
        OutputFormat::Csv => records(&[code]).write_csv(out)?,
    }
    Ok(0)
}

fn list(context: &Context, out: &mut dyn Write) -> Ended {
    let all: Vec<&Code> = CODES.iter().collect();
    match context.style.format {
        OutputFormat::Human => {
            let mut grid = Grid::new(&["code", "title"]);
            all.iter().for_each(|c| grid.push(vec![Cell::new(c.code), Cell::new(c.title)]));
            grid.write(out, context.style.width, context.style.colour)?;
        }
        OutputFormat::Json => write_json(out, &records(&all).json())?,
        OutputFormat::Csv => records(&all).write_csv(out)?,
    }
    Ok(0)
}

fn records(codes: &[&Code]) -> Records {
    let mut records = Records::new(&["code", "title", "text"]);
    codes.iter().for_each(|c| records.push(vec![c.code.into(), c.title.into(), c.text.trim().into()]));
    records
}

pub fn completions(args: &CompletionsArgs, out: &mut dyn Write) -> Ended {
    // Into memory first: the generator panics where it cannot write.
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Args::command(), "tidemill", &mut script);
    out.write_all(&script)?;
    Ok(0)
}
