//! What a line does: statements are asked, commands change how answers look.

use super::command::{Command, HELP, parse};
use super::words::{FUNCTIONS, KEYWORDS, Vocabulary, Word, WordKind};
use crate::commands::{answer, statements};
use crate::context::Context;
use crate::failure::Failure;
use crate::output::Style;
use crate::output::figures::{bytes, duration, grouped};
use crate::output::grid::{Cell, Grid, Tone, paint};
use arrow::array::AsArray;
use parking_lot::Mutex;
use std::io::Write;
use std::sync::Arc;
use tidemill_core::Error;
use tidemill_pipeline::{QueryOptions, Workspace};
use tidemill_project::spec::{Project, Rule, Table};

pub enum Next {
    Stay,
    Leave,
}

pub struct Session<'a> {
    workspace: Arc<Workspace>,
    context: &'a Context,
    options: QueryOptions,
    style: Style,
    timing: bool,
    /// Functions the engine knows; asked once.
    functions: Vec<String>,
}

impl<'a> Session<'a> {
    pub fn new(workspace: Arc<Workspace>, options: QueryOptions, expanded: bool, context: &'a Context, interactive: bool) -> Session<'a> {
        let limit = (interactive && context.is_human()).then_some(crate::commands::TERMINAL_ROWS);
        let options = QueryOptions { limit, ..options };
        let style = Style { expanded, ..context.style };
        let mut session = Session { workspace, context, options, style, timing: false, functions: Vec::new() };
        if interactive {
            session.functions = session.known_functions();
        }
        session
    }

    pub fn project(&self) -> &Project {
        self.workspace.project()
    }

    /// Does what was typed: a command, or all statements in it, up to the first mistake.
    pub fn take(&mut self, text: &str, out: &mut dyn Write) -> Result<Next, Failure> {
        let line = text.trim();
        if line.is_empty() {
            return Ok(Next::Stay);
        }
        if let Some(command) = parse(line) {
            return self.obey(command.map_err(Failure::Usage)?, out);
        }
        if statements::split(text).end == statements::End::Ended && statements::split(text).statements.is_empty() {
            return Ok(Next::Stay); // a lone semicolon, or a comment
        }
        for sql in statements::all(text).map_err(Failure::Usage)? {
            let elapsed = answer(&self.workspace, &sql, &self.options, &self.style, self.context, out)?;
            if self.timing {
                writeln!(out, "{}", paint(&format!("time: {}", duration(elapsed)), Tone::Dim, self.style.colour))?;
            }
            out.flush()?;
        }
        Ok(Next::Stay)
    }

    fn obey(&mut self, command: Command, out: &mut dyn Write) -> Result<Next, Failure> {
        match command {
            Command::Leave => return Ok(Next::Leave),
            Command::Help => writeln!(out, "{HELP}")?,
            Command::Timing(on) => {
                self.timing = on.unwrap_or(!self.timing);
                writeln!(out, "timing is {}", on_or_off(self.timing))?;
            }
            Command::Expanded(on) => {
                self.style.expanded = on.unwrap_or(!self.style.expanded);
                writeln!(out, "expanded rows are {}", on_or_off(self.style.expanded))?;
            }
            Command::Memory => self.list_memory(out)?,
            Command::Relations => self.list_relations(out)?,
            Command::Describe(name) => self.describe(&name, out)?,
        }
        Ok(Next::Stay)
    }

    fn list_memory(&self, out: &mut dyn Write) -> Result<(), Failure> {
        let memory = self.workspace.memory_use();
        if !memory.tables.is_empty() {
            let mut grid = Grid::new(&["table", "version", "#columns", "#rows", "#bytes"]);
            for t in &memory.tables {
                let figures = [t.columns.to_string(), grouped(t.rows), bytes(t.bytes)];
                grid.push([t.name.clone(), t.version.clone()].into_iter().chain(figures).map(Cell::new).collect());
            }
            grid.write(out, self.style.width, self.style.colour)?;
        }
        writeln!(out, "{}", crate::output::figures::memory(&memory))?;
        Ok(())
    }

    fn list_relations(&self, out: &mut dyn Write) -> Result<(), Failure> {
        let relations = self.context.wait(self.workspace.relations())?;
        if relations.is_empty() {
            writeln!(out, "no tables yet: {} makes them", self.context.command("run"))?;
            return Ok(());
        }
        let mut grid = Grid::new(&["schema", "name", "#columns"]);
        for (schema, name, columns) in &relations {
            grid.push(vec![Cell::new(schema), Cell::new(name), Cell::new(columns.len().to_string())]);
        }
        grid.write(out, self.style.width, self.style.colour)?;
        Ok(())
    }

    fn describe(&self, asked: &str, out: &mut dyn Write) -> Result<(), Failure> {
        let wanted = asked.trim_end_matches(';').replace('"', "");
        let session = self.context.wait(self.workspace.session(self.options.epoch))?;
        let columns = session.columns_of(&wanted).map_err(|problem| Failure::Usage(Error::from(problem)))?;
        // As in SQL: a bare name is a view, or else a clean table.
        let (schema, name) = wanted.split_once('.').unwrap_or(("", &wanted));
        let view = self.project().views.iter().find(|v| ["", "public"].contains(&schema) && v.name == name);
        let table = self.project().tables.iter().find(|t| ["", "clean", "raw"].contains(&schema) && t.name == name);
        let about = view.map(|v| v.description.as_str()).or(table.map(|t| t.description.as_str())).unwrap_or_default();
        if !about.is_empty() {
            writeln!(out, "{about}")?;
        }
        let mut grid = Grid::new(&["column", "type", "description"]);
        for field in columns.fields() {
            let note = match (view, table) {
                (Some(view), _) => view.columns.get(field.name()).cloned(),
                (None, Some(table)) => column_description(table, field.name()),
                (None, None) => None,
            };
            let kind = tidemill_project::type_name(field.data_type());
            grid.push(vec![Cell::new(field.name()), Cell::toned(kind, Tone::Dim), Cell::new(note.unwrap_or_default())]);
        }
        if grid.rows.iter().all(|r| r[2].text.is_empty()) {
            grid.columns.pop();
            grid.rows.iter_mut().for_each(|r| {
                r.pop();
            });
        }
        grid.write(out, self.style.width, self.style.colour)?;
        Ok(())
    }

    /// A vocabulary that the editor's completion shares.
    pub fn vocabulary(&self) -> Arc<Mutex<Vocabulary>> {
        Arc::new(Mutex::new(self.words()))
    }

    /// Everything that may be completed now. Tables that cannot be listed are simply not offered.
    pub fn words(&self) -> Vocabulary {
        let relations = self.context.wait(self.workspace.relations()).unwrap_or_default();
        let mut words: Vec<Word> = KEYWORDS.iter().map(|k| Word::new(*k, WordKind::Keyword, "")).collect();
        words.extend(self.functions.iter().map(|f| Word::new(f.clone(), WordKind::Function, "function")));
        words.extend(self.project().functions.iter().map(|f| Word::new(f.name.clone(), WordKind::Function, "function of the project")));
        Vocabulary::new(words, relations)
    }

    fn known_functions(&self) -> Vec<String> {
        let sql = "SELECT DISTINCT routine_name FROM information_schema.routines";
        let asked = self.context.wait(self.workspace.query(sql, &QueryOptions::default()));
        let mut names: Vec<String> = match asked {
            Ok(rows) => rows
                .batches
                .iter()
                .filter_map(|b| arrow::compute::cast(b.column(0), &arrow::datatypes::DataType::Utf8).ok())
                .flat_map(|a| a.as_string::<i32>().iter().flatten().map(str::to_string).collect::<Vec<_>>())
                .collect(),
            Err(_) => Vec::new(),
        };
        if names.is_empty() {
            names = FUNCTIONS.iter().map(|f| (*f).to_string()).collect();
        }
        names
    }
}

/// What the table's file says of a column: where it is declared, or where a rule makes it.
fn column_description(table: &Table, column: &str) -> Option<String> {
    let declared = table.columns.iter().find(|c| c.name.value == column).map(|c| c.description.clone());
    let derived = table.clean.iter().find_map(|r| match &r.rule {
        Rule::Derive { column: made, description, .. } if made.value == column => Some(description.clone()),
        _ => None,
    });
    declared.or(derived).filter(|d| !d.is_empty())
}

fn on_or_off(on: bool) -> &'static str {
    if on { "on" } else { "off" }
}
