//! Projects that are written for the user: `init`'s starter and the demonstration.

use std::path::{Path, PathBuf};
use tidemill_core::{Error, Result, name};
use tidemill_store::durable;

/// Files of the starter project; `NAME` stands for the project's name.
const STARTER: &[(&str, &str)] = &[
    ("tidemill.toml", include_str!("starter/tidemill.toml")),
    ("tables/orders.toml", include_str!("starter/orders.toml")),
    ("views/revenue_by_country.sql", include_str!("starter/revenue_by_country.sql")),
    ("views/revenue_by_month.sql", include_str!("starter/revenue_by_month.sql")),
    ("functions/net_of_discount.sql", include_str!("starter/net_of_discount.sql")),
    ("exports/revenue_by_month.toml", include_str!("starter/export.toml")),
    ("data/orders.csv", include_str!("starter/orders.csv")),
    (".env.example", include_str!("starter/env.example")),
    (".gitignore", include_str!("starter/gitignore")),
    ("README.md", include_str!("starter/README.md")),
];

/// The demonstration: a project of this repository, as it is there. Its data is made when it is wanted.
const DEMO: &[(&str, &[u8])] = &include!(concat!(env!("OUT_DIR"), "/demo_files.rs"));

/// Writes a starter project: a small messy order file, a table that cleans it, two views, a function and an export. Returns the files written.
/// A directory that holds a project already is a conflict.
pub fn init(dir: &Path, project: &str) -> Result<Vec<PathBuf>> {
    if dir.join("tidemill.toml").exists() {
        return Err(Error::conflict("there is a project here already").at(dir.display().to_string()).help("choose another directory"));
    }
    let wanted = if project.is_empty() {
        dir.file_name().map_or_else(|| "shop".into(), |n| n.to_string_lossy().into_owned())
    } else {
        project.into()
    };
    let name = name::normalise(&wanted);
    write(dir, STARTER.iter().map(|(path, text)| (*path, text.replace("NAME", &name).into_bytes())))
}

/// Writes the demonstration project, over files of the same names.
pub fn demo(dir: &Path) -> Result<Vec<PathBuf>> {
    write(dir, DEMO.iter().map(|(path, bytes)| (*path, bytes.to_vec())))
}

/// Makes the files durable, directories and all.
pub(crate) fn write<'a>(dir: &Path, files: impl Iterator<Item = (&'a str, Vec<u8>)>) -> Result<Vec<PathBuf>> {
    let mut written = Vec::new();
    for (path, bytes) in files {
        let full = dir.join(path);
        if let Some(parent) = full.parent() {
            durable::make_directories(parent)?;
        }
        durable::put_over(&full, &[&bytes])?;
        written.push(PathBuf::from(path));
    }
    Ok(written)
}
