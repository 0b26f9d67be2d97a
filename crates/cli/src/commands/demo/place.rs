//! Where a demo is, and how far it has come: a file beside the project says so, written after each part.

use std::path::{Path, PathBuf};
use tidemill_core::{Error, Result};
use tidemill_store::durable;

/// The first line of the demo's variables.
const TOLD: &str = "# Rows of the files in data/: those that come live are numbered from there on.";
/// Says that a directory was made by a demo, and so may be written over.
const MARK: &str = ".tidemill-demo";
const TEXT: &str = "Made by `tidemill demo`, which may write over everything here.\n";
/// How the project is told how many rows its files have: variables are read from this file.
const VARIABLES: &str = ".env";
const VARIABLE: &str = "DEMO_ROWS";

/// What is done and need not be done again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reached {
    Begun,
    Made,
    Run,
}

const STAGES: [(Reached, &str); 3] = [(Reached::Begun, "begun"), (Reached::Made, "made"), (Reached::Run, "run")];

pub struct Place {
    pub dir: PathBuf,
    pub rows: u64,
    pub reached: Reached,
}

impl Place {
    /// A fresh directory, or one of an earlier demo.
    pub fn take(dir: PathBuf, rows: Option<u64>, usual: u64, force: bool) -> Result<Place> {
        let at = dir.display().to_string();
        match std::fs::read_to_string(dir.join(MARK)).ok().as_deref().map(parse) {
            Some(Some((had, _))) if rows.is_some_and(|r| r != had) => {
                let help = "leave --rows out to go on with it, name another directory, or remove this one";
                return Err(Error::config(format!("the demo there has {had} rows")).at(at).help(help));
            }
            Some(Some((rows, reached))) => return Ok(Place { dir, rows, reached }),
            // Another version's, or torn by a crash.
            Some(None) if !force => {
                let help = "remove the directory, name another one, or give --force to write over it";
                return Err(Error::config("the demo there can't be gone on with").at(at).help(help));
            }
            _ if !force && holds_something(&dir)? => {
                let help = "name another directory, or give --force to write the demo's files beside what is there";
                return Err(Error::config("the directory is not empty").at(at).help(help));
            }
            _ => {}
        }
        let mut place = Place { dir, rows: rows.unwrap_or(usual), reached: Reached::Begun };
        // The mark comes first, so that a demo stopped half-way can go on.
        place.reach(Reached::Begun)?;
        Ok(place)
    }

    pub fn reach(&mut self, reached: Reached) -> Result<()> {
        self.reached = reached;
        let word = STAGES.iter().find(|(r, _)| *r == reached).map_or("", |(_, word)| word);
        durable::make_directories(&self.dir)?;
        durable::put_over(&self.dir.join(MARK), &[format!("{TEXT}rows = {}\nreached = {word}\n", self.rows).as_bytes()])
    }

    /// Tells the project how many rows its files have, so that those that come live are numbered from there on.
    pub fn tell_rows(&self) -> Result<()> {
        let path = self.dir.join(VARIABLES);
        if std::fs::read_to_string(&path).is_ok_and(|there| !there.starts_with(TOLD)) {
            return Err(Error::config("holds variables of somebody else's, and the demo needs one of its own there")
                .at(path.display().to_string())
                .help("name another directory"));
        }
        durable::put_over(&path, &[format!("{TOLD}\n{VARIABLE}={}\n", self.rows).as_bytes()])
    }
}

fn parse(text: &str) -> Option<(u64, Reached)> {
    let value = |key: &str| text.lines().find_map(|l| Some(l.strip_prefix(key)?.strip_prefix(" = ")?.trim()));
    let word = value("reached")?;
    let (reached, _) = STAGES.into_iter().find(|(_, w)| *w == word)?;
    Some((value("rows")?.parse().ok()?, reached))
}

fn holds_something(dir: &Path) -> Result<bool> {
    match std::fs::read_dir(dir) {
        Ok(mut entries) => Ok(entries.next().is_some()),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(false),
        Err(e) => Err(Error::config(format!("cannot be used as a directory: {e}")).at(dir.display().to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_demo_is_found_where_it_was_left() {
        let home = tempfile::tempdir().unwrap();
        let dir = home.path().join("demo");
        let take = |rows, force| Place::take(dir.clone(), rows, 7, force);
        for (reached, rows) in [(Reached::Begun, Some(5)), (Reached::Made, None), (Reached::Run, Some(5))] {
            let mut place = take(rows, false).unwrap();
            assert_eq!(place.rows, 5);
            place.reach(reached).unwrap();
            assert_eq!(take(None, false).unwrap().reached, reached);
        }
        assert!(take(Some(6), false).is_err_and(|e| e.what.contains("has 5 rows")));
        // What was not made by this version is not touched.
        std::fs::write(dir.join(MARK), TEXT).unwrap();
        assert!(take(None, false).is_err());
        assert_eq!(take(None, true).unwrap().rows, 7);
    }
}
