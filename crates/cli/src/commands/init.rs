//! `init`: a starter project, or one made from the user's own data.

use super::propose;
use crate::Ended;
use crate::args::{InitArgs, OutputFormat};
use crate::context::Context;
use crate::output::records::{Records, write_json};
use serde_json::json;
use std::io::Write;
use std::path::{Path, PathBuf};
use tidemill_core::name::normalise;

pub fn execute(args: &InitArgs, context: &Context, out: &mut dyn Write) -> Ended {
    let dir = context.resolve(&args.dir);
    let name = args.name.clone().unwrap_or_else(|| name_of(&dir));
    if !args.from.is_empty() {
        return propose::execute(&dir, &args.from, name, context, out);
    }
    let files = tidemill_pipeline::init(&dir, &name)?;
    report(&dir, &name, &files, context, out)?;
    Ok(0)
}

fn report(dir: &Path, name: &str, files: &[PathBuf], context: &Context, out: &mut dyn Write) -> std::io::Result<()> {
    match context.style.format {
        OutputFormat::Json => {
            let files: Vec<String> = files.iter().map(|f| f.display().to_string()).collect();
            write_json(out, &json!({ "name": name, "directory": dir.display().to_string(), "files": files }))
        }
        OutputFormat::Csv => {
            let mut records = Records::new(&["file"]);
            files.iter().for_each(|f| records.push(vec![f.display().to_string().into()]));
            records.write_csv(out)
        }
        OutputFormat::Human if context.global.quiet => Ok(()),
        OutputFormat::Human => {
            writeln!(out, "made the project {name} in {}:", dir.display())?;
            for file in files {
                writeln!(out, "  {}", file.strip_prefix(dir).unwrap_or(file).display())?;
            }
            writeln!(out, "\nnext:")?;
            let steps = [
                ("check", "find mistakes without touching data"),
                ("run", "read, clean, build"),
                ("quarantine ls", "the rows that were set aside"),
                ("shell", "ask questions"),
            ];
            propose::next(&steps.map(|(rest, why)| (context.command_in(Some(dir), rest), why)), out)
        }
    }
}

/// The directory's own name, where it has one: `.` and `..` are looked up.
fn name_of(dir: &Path) -> String {
    let named = |d: &Path| d.file_name().map(|n| normalise(&n.to_string_lossy()));
    named(dir).or_else(|| std::path::absolute(dir).ok().and_then(|d| named(&d))).unwrap_or_else(|| "project".into())
}
