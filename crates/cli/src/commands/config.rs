//! `config show`: every setting and where it came from; with `-v`, what it means.

use crate::Ended;
use crate::args::{ConfigCommand, OutputFormat};
use crate::context::Context;
use crate::failure::Failure;
use crate::output::grid::{Cell, Grid, Tone};
use crate::output::records::{Records, write_json};
use std::collections::BTreeMap;
use std::io::Write;
use tidemill_core::{Error, Severity};
use tidemill_project::settings::{Origin, Settings};

pub fn execute(command: &ConfigCommand, context: &Context, out: &mut dyn Write) -> Ended {
    let ConfigCommand::Show { prefix } = command;
    let (project, problems) = tidemill_project::load(context.dir(), &context.environment());
    let mut entries = project.settings.entries();
    if let Some(prefix) = prefix {
        entries.retain(|(key, ..)| key.starts_with(prefix.as_str()));
        if entries.is_empty() {
            return Err(Failure::Usage(
                Error::config(format!("no setting begins with `{prefix}`"))
                    .help(format!("`{}` lists them all", context.command("config show"))),
            ));
        }
    }
    let meanings: BTreeMap<&str, &str> = Settings::documentation().into_iter().map(|(key, _, meaning)| (key, meaning)).collect();
    let explained = context.global.verbose > 0;
    let mut records = Records::new(&["key", "value", "from", "meaning"]);
    let mut grid = Grid::new(if explained { &["key", "value", "from", "meaning"] } else { &["key", "value", "from"] });
    for (key, value, origin) in entries {
        let meaning = meanings.get(key.as_str()).copied().unwrap_or_default();
        let tone = if origin == Origin::Default { Tone::Dim } else { Tone::Plain };
        let mut row = vec![Cell::new(&key), Cell::new(&value), Cell::toned(origin.to_string(), tone)];
        if explained {
            row.push(Cell::toned(meaning, Tone::Dim));
        }
        grid.push(row);
        records.push(vec![key.into(), value.into(), origin.to_string().into(), meaning.into()]);
    }
    match context.style.format {
        OutputFormat::Human => {
            grid.write(out, context.style.width, context.style.colour)?;
        }
        OutputFormat::Json => write_json(out, &records.json())?,
        OutputFormat::Csv => records.write_csv(out)?,
    }
    // Settings are shown even of a broken project: they may be what is wrong with it.
    if problems.iter().any(|p| p.severity == Severity::Error) {
        return Err(Failure::Problems { problems, files: project.files });
    }
    Ok(0)
}
