//! `init --from`: a project written from data nobody has described. What is sure becomes a type, a contract or a rule; what is doubtful becomes a
//! comment that says what speaks for it.
//!
//! Read in this order: `sources` (which files are one table), `look` (everything that is found out about a table), then what is written:
//! `columns`, `rules` (with `repairs` and `duplicates`), `table` (the table's file), `views` (with `unfold`, and exports), `dashboard`, `readme`.

mod columns;
mod dashboard;
mod duplicates;
mod look;
mod readme;
mod remains;
mod repairs;
mod rules;
mod sources;
mod table;
#[cfg(test)]
mod tests;
mod text;
mod unfold;
mod views;

pub use look::reading_findings;

use crate::report::Watch;
use std::path::{Path, PathBuf};
use tidemill_core::{Error, Result, name};
use tidemill_prepare::profile::{Finding, Profile};

pub struct ProposeOptions {
    /// The project's name; the directory's if empty.
    pub name: String,
    pub threads: usize,
    /// What looking at a table may keep in memory, about.
    pub memory_bytes: usize,
    /// Now, in microseconds since 1970.
    pub now_micros: i64,
}

/// A project that was written, and what was seen on the way.
pub struct Proposal {
    pub name: String,
    /// Written, relative to the directory.
    pub files: Vec<PathBuf>,
    /// Files from which nothing can be read, with what is wrong with them: they are no part of the project.
    pub left_out: Vec<(String, String)>,
    pub tables: Vec<ProposedTable>,
}

pub struct ProposedTable {
    pub name: String,
    /// What it is read from, as the project writes it.
    pub source: Vec<String>,
    pub rows: u64,
    pub bytes: u64,
    pub columns: usize,
    /// `12 text, 3 int, …`
    pub types: String,
    /// Rules that are in force, and rules that are only proposed, in words.
    pub active: Vec<String>,
    pub proposed: Vec<String>,
    pub seconds: f64,
    pub profile: Profile,
}

impl ProposedTable {
    pub fn findings(&self) -> &[Finding] {
        &self.profile.findings
    }
}

/// Looks at `from` (files, globs, directories, relative to the working directory) and writes a project to `dir`. A directory that holds a
/// project already is a conflict, and nothing is written before everything was looked at.
pub fn propose(dir: &Path, from: &[String], options: &ProposeOptions, watch: &dyn Watch) -> Result<Proposal> {
    if dir.join("tidemill.toml").exists() {
        return Err(Error::conflict("there is a project here already").at(dir.display().to_string()).help("choose another directory"));
    }
    let named = || dir.file_name().map_or_else(|| "project".into(), |n| n.to_string_lossy().into_owned());
    let project = name::normalise(&if options.name.is_empty() { named() } else { options.name.clone() });
    let dir = std::path::absolute(dir).map_err(|e| Error::unavailable("the working directory can't be found").because(e))?;
    let (groups, left_out) = sources::group(from, &dir)?;
    let mut files: Vec<(String, String)> = Vec::new();
    let mut tables = Vec::new();
    let mut looks = Vec::new();
    for (step, group) in groups.iter().enumerate() {
        looks.push(look::look(group, &dir, options, step as u32, watch)?);
    }
    for look in &mut looks {
        let mut draft = rules::draft(look);
        draft.rules.extend(remains::without_remains(look));
        draft.rules.extend(remains::numbers_of_one_size(look));
        look.type_now(&draft.typed);
        files.push((format!("tables/{}.toml", look.name), table::text(look, &draft)));
        tables.push((draft, columns::types_in_words(look)));
    }
    let names: Vec<String> = looks.iter().map(|l| l.name.clone()).collect();
    for (look, (draft, _)) in looks.iter().zip(&tables) {
        let views = views::files(look, &draft.key, &names);
        let quality =
            views.iter().find_map(|(path, _)| path.strip_prefix("views/")?.strip_suffix(".sql").filter(|v| v.ends_with("quality")));
        let page = dashboard::text(look, &draft.key, quality);
        files.extend(page.map(|text| (format!("dashboards/{}.toml", look.name), text)));
        files.extend(views);
    }
    let description = format!("Made from {}", text::list(&looks.iter().map(|l| l.shown_source()).collect::<Vec<_>>(), 4));
    let mut all = vec![
        ("tidemill.toml".to_string(), readme::settings(&project, &description)),
        (".gitignore".to_string(), include_str!("../starter/gitignore").to_string()),
        (".env.example".to_string(), include_str!("../starter/env.example").to_string()),
    ];
    all.push(("README.md".to_string(), readme::readme(&project, &looks, &files)));
    all.extend(files);
    let written = crate::starter::write(&dir, all.iter().map(|(path, text)| (path.as_str(), text.clone().into_bytes())))?;
    let tables = looks
        .into_iter()
        .zip(tables)
        .map(|(look, (draft, types))| ProposedTable {
            name: look.name.clone(),
            source: look.group.paths.clone(),
            rows: look.rows,
            bytes: look.bytes,
            columns: look.columns.len(),
            types,
            active: draft.said(true),
            proposed: draft.said(false),
            seconds: look.seconds,
            profile: look.profile,
        })
        .collect();
    Ok(Proposal { name: project, files: written, left_out, tables })
}
