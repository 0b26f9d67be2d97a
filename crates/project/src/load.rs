//! The directory walk: which files are a project's, and what each gives.

#[cfg(test)]
mod tests;

use crate::fields::Fields;
use crate::settings::{Environment, Layers, Settings, read_dotenv, resolve};
use crate::sheet::{Sheet, Variables};
use crate::source::{self, Shared};
use crate::spec::{Alternative, OptionValue, Project, RepairTo, Rule, Table};
use crate::{alert, dashboard, export, function, header, options, query, table, view};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use tidemill_core::problem::did_you_mean;
use tidemill_core::{Place, Problem, Spanned, codes, name};

pub(crate) const MAIN: &str = "tidemill.toml";

/// Folders with a meaning, and the ending of the files in them.
pub const FOLDERS: [(&str, &str); 7] = [
    ("tables", "toml"),
    ("views", "sql"),
    ("functions", "sql"),
    ("exports", "toml"),
    ("alerts", "sql"),
    ("queries", "sql"),
    ("dashboards", "toml"),
];

/// Folders that later versions give a meaning.
const LATER: [&str; 1] = ["models"];

/// Reads the project in `dir`: what could be understood, and every problem met, in order of file and place. Never fails: an unreadable
/// file or a missing `tidemill.toml` is a problem too.
pub fn load(dir: &Path, environment: &Environment) -> (Project, Vec<Problem>) {
    let dir = std::path::absolute(dir).unwrap_or_else(|_| dir.to_path_buf());
    let (dotenv, mut problems) = read_dotenv(&dir);
    let mut loader = Loader {
        dir: &dir,
        variables: Variables { process: &environment.variables, dotenv: &dotenv },
        shared: Shared::default(),
        files: BTreeMap::new(),
    };
    let mut project = Project {
        dir: dir.clone(),
        name: dir.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default(),
        description: String::new(),
        settings: Settings::default(),
        tables: Vec::new(),
        views: Vec::new(),
        functions: Vec::new(),
        exports: Vec::new(),
        alerts: Vec::new(),
        queries: Vec::new(),
        dashboards: Vec::new(),
        connections: BTreeMap::new(),
        files: BTreeMap::new(),
    };
    loader.main_file(&mut project, &Layers { environment, dotenv: &dotenv }, &mut problems);
    for (file, text) in loader.folder("tables", &mut problems) {
        let (stem, mut sheet) = loader.sheet(&file, &text);
        project.tables.push(table::read(&stem, &mut sheet));
        loader.keep(file, sheet.problems, &text, &mut problems);
    }
    loader.elsewhere(&mut project.tables, &mut problems);
    let lateness = i64::try_from(project.settings.live.lateness.as_micros()).unwrap_or(i64::MAX);
    for (file, text) in loader.folder("views", &mut problems) {
        let split = header::split(&text);
        let (stem, mut sheet) = loader.sheet(&file, &split.header);
        project.views.push(view::read(&stem, &split, lateness, &mut sheet));
        loader.keep(file, sheet.problems, &text, &mut problems);
    }
    for (file, text) in loader.folder("functions", &mut problems) {
        let split = header::split(&text);
        let (stem, mut sheet) = loader.sheet(&file, &split.header);
        project.functions.push(function::read(&stem, &split, &mut sheet));
        loader.keep(file, sheet.problems, &text, &mut problems);
    }
    project.functions = function::order(project.functions);
    for (file, text) in loader.folder("exports", &mut problems) {
        let (stem, mut sheet) = loader.sheet(&file, &text);
        project.exports.push(export::read(&stem, &mut sheet));
        loader.keep(file, sheet.problems, &text, &mut problems);
    }
    for (file, text) in loader.folder("alerts", &mut problems) {
        let split = header::split(&text);
        let (stem, mut sheet) = loader.sheet(&file, &split.header);
        project.alerts.push(alert::read(&stem, &split, lateness, &mut sheet));
        loader.keep(file, sheet.problems, &text, &mut problems);
    }
    for (file, text) in loader.folder("queries", &mut problems) {
        let split = header::split(&text);
        let (stem, mut sheet) = loader.sheet(&file, &split.header);
        project.queries.push(query::read(&stem, &split, &mut sheet));
        loader.keep(file, sheet.problems, &text, &mut problems);
    }
    for (file, text) in loader.folder("dashboards", &mut problems) {
        let (stem, mut sheet) = loader.sheet(&file, &text);
        project.dashboards.push(dashboard::read(&stem, &mut sheet));
        loader.keep(file, sheet.problems, &text, &mut problems);
    }
    loader.strays(&mut problems);
    project.connections = loader.connections();
    project.files = loader.files;
    name_repair_targets(&mut project);
    problems.sort_by_key(|p| (p.place.file.clone(), p.place.span.as_ref().map_or(0, |s| s.start), p.code));
    // What stands in one place and is used in many.
    problems.dedup();
    (project, problems)
}

/// Why a file could not be read, without the system's error number.
pub(crate) fn io_reason(e: &std::io::Error) -> String {
    match e.kind() {
        std::io::ErrorKind::NotFound => "there is no such file".into(),
        std::io::ErrorKind::PermissionDenied => "permission denied".into(),
        std::io::ErrorKind::IsADirectory => "it is a directory".into(),
        kind => kind.to_string(),
    }
}

struct Loader<'a> {
    dir: &'a Path,
    variables: Variables<'a>,
    shared: Shared,
    files: BTreeMap<PathBuf, String>,
}

impl<'a> Loader<'a> {
    fn sheet<'t>(&'t self, file: &Path, text: &'t str) -> (String, Sheet<'t>) {
        let stem = file.file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default();
        (stem, Sheet::new(file.to_path_buf(), self.dir, text, &self.variables, &self.shared))
    }

    fn keep(&mut self, file: PathBuf, found: Vec<Problem>, text: &str, problems: &mut Vec<Problem>) {
        problems.extend(found);
        self.files.insert(file, text.to_string());
    }

    fn main_file(&mut self, project: &mut Project, layers: &Layers, problems: &mut Vec<Problem>) {
        let file = PathBuf::from(MAIN);
        let exists = self.dir.join(MAIN).exists();
        let text = if exists { self.read(&file, problems) } else { None };
        if !exists {
            let help = match self.dir.parent().filter(|parent| parent.join(MAIN).exists()) {
                Some(_) => "the directory above is one: run the command there, or with `-C ..`",
                None => "change into a project, name one with `-C DIR`, or make one with `tidemill init DIR`",
            };
            problems.push(
                Problem::error(codes::PROJECT_MISSING, Place::file(&file), "this directory is no project: it has no tidemill.toml")
                    .help(help),
            );
        }
        let text = text.unwrap_or_default();
        let (mut shared, none) = (Shared::default(), Shared::default());
        let mut sheet = Sheet::new(file.clone(), self.dir, &text, &self.variables, &none);
        let entries = sheet.parse();
        let mut f = Fields::new("tidemill.toml", 0..0, &entries);
        let written = f.text("name", &mut sheet);
        if let Some(written) = written {
            if written.value.trim().is_empty() {
                sheet.error(
                    codes::VALUE_INVALID,
                    &written.span,
                    "the project's name is empty",
                    "write a name, for example `name = \"shop\"`",
                );
            } else {
                project.name = written.value;
            }
        } else if !text.is_empty() {
            f.need("name", None::<()>, &format!("name = \"{}\"", project.name), &mut sheet);
        }
        project.description = f.text_or_empty("description", &mut sheet);
        if let Some((entries, _)) = f.table("connections", &mut sheet) {
            source::connections(entries, None, &mut shared, &mut sheet);
        }
        project.settings = resolve(&mut f, layers, &mut shared, &mut sheet);
        f.refuse_rest(&mut sheet);
        let found = sheet.problems;
        problems.extend(found);
        self.shared = shared;
        if exists {
            self.files.insert(file, text);
        }
    }

    /// Connections by themselves. What is wrong with their values is told where they are used.
    fn connections(&self) -> BTreeMap<String, BTreeMap<String, Spanned<OptionValue>>> {
        let file = source::main_file();
        let text = self.files.get(&file).map_or("", String::as_str);
        let mut sheet = Sheet::new(file.clone(), self.dir, text, &self.variables, &self.shared);
        let names = self.shared.connections.iter().map(|c| c.name.value.as_str());
        let found = names.filter_map(|name| self.shared.connection(name));
        found
            .map(|c| {
                let options = c.entries.iter().map(|(k, v)| (k.value.clone(), options::option(&k.value, v, &file, &mut sheet)));
                (c.name.value.clone(), options.collect())
            })
            .collect()
    }

    /// Sources that environments have for tables: that of the chosen one takes the place of the table's own.
    fn elsewhere(&self, tables: &mut [Table], problems: &mut Vec<Problem>) {
        let file = source::main_file();
        let text = self.files.get(&file).map_or("", String::as_str);
        for e in &self.shared.tables {
            let mut sheet = Sheet::new(file.clone(), self.dir, text, &self.variables, &self.shared);
            let Some(table) = tables.iter_mut().find(|t| t.name == e.table.value) else {
                let help = match did_you_mean(&e.table.value, tables.iter().map(|t| t.name.as_str())) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("add tables/{}.toml, or remove the section", e.table.value),
                };
                let message = format!("environment `{}` has a source for a table `{}`, which is not there", e.environment, e.table.value);
                sheet.error(codes::KEY_UNKNOWN, &e.table.span, message, help);
                problems.extend(sheet.problems);
                continue;
            };
            let is_chosen = self.shared.is_chosen(&e.environment);
            sheet.is_unused = !is_chosen;
            let owner = format!("`[environments.{}.tables.{}]`", e.environment, e.table.value);
            let other = source::read(&owner, e.span.clone(), &e.entries, Some("files"), &mut sheet);
            problems.extend(sheet.problems);
            table.alternatives.push(match is_chosen {
                true => Alternative { environment: None, source: std::mem::replace(&mut table.source, other) },
                false => Alternative { environment: Some(e.environment.clone()), source: other },
            });
        }
    }

    /// The readable files of a folder, by name, with their text.
    fn folder(&self, folder: &str, problems: &mut Vec<Problem>) -> Vec<(PathBuf, String)> {
        let ending = FOLDERS.iter().find(|(f, _)| *f == folder).map_or("", |(_, e)| e);
        let mut out = Vec::new();
        for (file, is_dir) in self.entries(Path::new(folder), problems) {
            let extension = extension(&file);
            if is_dir && extension == ending {
                let problem = Problem::error(codes::FILE_UNREADABLE, Place::file(&file), "the file cannot be read: it is a directory");
                problems.push(problem.help("rename the directory, or put a file in its place"));
            } else if is_dir {
                if self.holds_specs(&file) {
                    let message = format!("folders inside `{folder}` are not read");
                    problems.push(
                        Problem::warning(codes::FILE_MISPLACED, Place::file(&file), message)
                            .help(format!("move its files up into `{folder}`")),
                    );
                }
            } else if extension == ending {
                let stem = file.file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default();
                if !name::is_plain(&stem) {
                    let message = format!("`{stem}` is not a name that can stand in SQL without quotes");
                    let help =
                        format!("names are lower-case letters, digits and `_`: rename the file to `{}.{ending}`", name::normalise(&stem));
                    problems.push(Problem::error(codes::NAME_INVALID, Place::file(&file), message).help(help));
                }
                if let Some(text) = self.read(&file, problems) {
                    out.push((file, text));
                }
            } else if let Some((right, _)) = FOLDERS.iter().find(|(_, e)| *e == extension) {
                let message = format!("`{folder}` holds `.{ending}` files; this one is not read");
                let right = if extension == "sql" { "views` or `functions" } else { right };
                problems.push(
                    Problem::warning(codes::FILE_MISPLACED, Place::file(&file), message)
                        .help(format!("move it to `{right}`, or remove it")),
                );
            }
        }
        out
    }

    /// Things beside the known folders that look as if they were meant to be read.
    fn strays(&self, problems: &mut Vec<Problem>) {
        let known = FOLDERS.iter().map(|(f, _)| *f).chain(LATER);
        for (path, is_dir) in self.entries(Path::new(""), problems) {
            let Some(base) = path.file_name().and_then(|n| n.to_str()).map(str::to_string) else { continue };
            let problem = if is_dir && LATER.contains(&base.as_str()) {
                self.holds_specs(&path)
                    .then(|| (format!("this version does not read `{base}`"), "its files have no effect yet".to_string()))
            } else if is_dir && !known.clone().any(|k| k == base) {
                let near = did_you_mean(&base, known.clone());
                near.filter(|_| self.holds_specs(&path))
                    .map(|near| (format!("the folder `{base}` is not read"), format!("did you mean `{near}`?")))
            } else if !is_dir && extension(&path) == "sql" {
                Some(("SQL files beside tidemill.toml are not read".to_string(), "move it to `views` or `functions`".to_string()))
            } else if !is_dir && extension(&path) == "toml" && base != MAIN && did_you_mean(&base, [MAIN]).is_some() {
                Some((format!("`{base}` is not read"), format!("did you mean `{MAIN}`?")))
            } else {
                None
            };
            if let Some((message, help)) = problem {
                problems.push(Problem::warning(codes::FILE_MISPLACED, Place::file(path), message).help(help));
            }
        }
    }

    fn holds_specs(&self, folder: &Path) -> bool {
        self.entries(folder, &mut Vec::new()).iter().any(|(file, is_dir)| !is_dir && ["sql", "toml"].contains(&extension(file).as_str()))
    }

    /// Entries of a folder by name, relative to the project; hidden ones and editors' leavings apart. No folder is no entries.
    fn entries(&self, folder: &Path, problems: &mut Vec<Problem>) -> Vec<(PathBuf, bool)> {
        let entries = match std::fs::read_dir(self.dir.join(folder)) {
            Ok(entries) => entries,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Vec::new(),
            Err(e) => {
                let message = format!("the folder cannot be read: {}", io_reason(&e));
                problems.push(Problem::error(codes::FILE_UNREADABLE, Place::file(folder), message).help("make it a readable directory"));
                return Vec::new();
            }
        };
        let mut out: Vec<(PathBuf, bool)> = entries
            .flatten()
            .filter(|e| !e.file_name().to_string_lossy().starts_with('.'))
            .map(|e| (folder.join(e.file_name()), e.path().is_dir()))
            .collect();
        out.sort();
        out
    }

    fn read(&self, file: &Path, problems: &mut Vec<Problem>) -> Option<String> {
        let bytes = match std::fs::read(self.dir.join(file)) {
            Ok(bytes) => bytes,
            Err(e) => {
                let message = format!("the file cannot be read: {}", io_reason(&e));
                problems.push(Problem::error(codes::FILE_UNREADABLE, Place::file(file), message).help("make it readable, or remove it"));
                return None;
            }
        };
        match String::from_utf8(bytes) {
            Ok(text) => Some(text),
            Err(e) => {
                let good = e.utf8_error().valid_up_to();
                let line = e.as_bytes()[..good].iter().filter(|b| **b == b'\n').count() + 1;
                let message = format!("the file is not UTF-8: line {line} holds the byte 0x{:02x}", e.as_bytes()[good]);
                problems.push(Problem::error(codes::FILE_NOT_UTF8, Place::file(file), message).help("save it as UTF-8 in your editor"));
                None
            }
        }
    }
}

fn extension(path: &Path) -> String {
    path.extension().map(|e| e.to_string_lossy().to_lowercase()).unwrap_or_default()
}

/// `countries.name` and `clean.countries.name` mean the same column: all later rooms see the second.
fn name_repair_targets(project: &mut Project) {
    let tables: Vec<String> = project.tables.iter().map(|t| t.name.clone()).collect();
    let views: Vec<String> = project.views.iter().map(|v| v.name.clone()).collect();
    for rule in project.tables.iter_mut().flat_map(|t| &mut t.clean) {
        if let Rule::Repair { to: RepairTo::Column { table, .. }, .. } = &mut rule.rule
            && !views.contains(&table.value)
            && tables.contains(&table.value)
        {
            table.value = format!("clean.{}", table.value);
        }
    }
}
