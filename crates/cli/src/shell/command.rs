//! The commands that begin with `\`, as in psql.

use tidemill_core::{Error, problem::did_you_mean};

#[derive(Debug, PartialEq, Eq)]
pub enum Command {
    Relations,
    Describe(String),
    /// On, off, or the other way round.
    Timing(Option<bool>),
    Expanded(Option<bool>),
    /// What is kept in memory.
    Memory,
    Help,
    Leave,
}

pub const HELP: &str = "  SELECT …;         ask; statements end with a semicolon and may take several lines
  \\d                tables and views
  \\d TABLE          its columns (also views, raw.TABLE, quarantine.TABLE, system.TABLE)
  \\x [on|off]       one line per column instead of one line per row
  \\timing [on|off]  show how long each statement took
  \\memory           what is kept in memory (with --cache, or cache = true in a table or view)
  \\?                this help
  \\q                leave (also Ctrl-D, exit, quit)

  Tab completes keywords, tables, columns and functions. Ctrl-R searches the history. Ctrl-C stops a statement.
  EXPLAIN SELECT …; shows how it is computed. version_of('clean.customers', 3) reads an older version of a table.";

const NAMES: [&str; 6] = ["\\d", "\\x", "\\timing", "\\memory", "\\?", "\\q"];

/// The command in a line, or `None` when the line is SQL.
pub fn parse(line: &str) -> Option<Result<Command, Error>> {
    let bare = line.trim().trim_end_matches(';').trim_end();
    match bare.to_ascii_lowercase().as_str() {
        "exit" | "quit" => return Some(Ok(Command::Leave)),
        "help" => return Some(Ok(Command::Help)),
        _ if !bare.starts_with('\\') => return None,
        _ => {}
    }
    let mut words = bare.split_whitespace();
    let name = words.next().unwrap_or_default();
    let argument = words.next();
    if words.next().is_some() {
        return Some(Err(Error::config(format!("`{name}` takes one word at most")).help("\\? lists the commands")));
    }
    let switch = || match argument.map(str::to_ascii_lowercase).as_deref() {
        None => Ok(None),
        Some("on") => Ok(Some(true)),
        Some("off") => Ok(Some(false)),
        Some(other) => Err(Error::config(format!("`{name} {other}`: it is either on or off"))),
    };
    let plain = |command: Command| match argument {
        None => Ok(command),
        Some(_) => Err(Error::config(format!("`{name}` takes no argument")).help("\\? lists the commands")),
    };
    Some(match name {
        "\\d" | "\\dt" | "\\dv" | "\\d+" => Ok(argument.map_or(Command::Relations, |table| Command::Describe(table.to_string()))),
        "\\timing" => switch().map(Command::Timing),
        "\\x" => switch().map(Command::Expanded),
        "\\memory" => plain(Command::Memory),
        "\\?" | "\\h" | "\\help" => plain(Command::Help),
        "\\q" => plain(Command::Leave),
        other => {
            let near = did_you_mean(other, NAMES).map(|n| format!("did you mean `{n}`? ")).unwrap_or_default();
            Err(Error::config(format!("there is no command `{other}`")).help(format!("{near}\\? lists the commands")))
        }
    })
}
