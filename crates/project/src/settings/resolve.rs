//! Lays the layers over each other, each value with its origin, and reports what does not fit.

use super::keys::{KEYS, Key, Shape};
use super::{Environment, Origin, Settings};
use crate::document::{Data, Entries, Value, line_of};
use crate::fields::{Fields, quoted, scalar_text, wrong_type};
use crate::options::expand;
use crate::sheet::Sheet;
use crate::source::{self, Shared};
use std::collections::BTreeMap;
use tidemill_core::problem::did_you_mean;
use tidemill_core::{Place, Problem, Spanned, codes};

const SECTIONS: [&str; 4] = ["lake", "engine", "live", "log"];
const PREFIX: &str = "TIDEMILL__";

pub(crate) struct Layers<'a> {
    pub environment: &'a Environment,
    pub dotenv: &'a BTreeMap<String, String>,
}

/// The settings that the sections of `tidemill.toml` (whose look-ups go through `f`) and all other layers give.
/// What environments say of tables and connections goes into `shared`.
pub(crate) fn resolve(f: &mut Fields, layers: &Layers, shared: &mut Shared, sheet: &mut Sheet) -> Settings {
    let mut settings = Settings::default();
    for section in SECTIONS {
        if let Some((entries, _)) = f.table(section, sheet) {
            read_section(section, entries, None, &mut settings, sheet);
        }
    }
    let environments = f.table("environments", sheet).map(|(entries, _)| entries);
    choose_environment(environments, layers, &mut settings, shared, sheet);
    for (variables, dotenv) in [(layers.dotenv, true), (&layers.environment.variables, false)] {
        for (name, value) in variables.iter().filter(|(name, _)| name.starts_with(PREFIX)) {
            read_variable(name, value, dotenv, &mut settings, sheet);
        }
    }
    for (flag, assignment) in &layers.environment.overrides {
        let (name, value) = assignment.split_once('=').unwrap_or((assignment, ""));
        let origin = Origin::CommandLine { flag: flag.clone() };
        if let Err(problem) = assign(name.trim(), value, origin, &mut settings, flag, &Place::default()) {
            sheet.problems.push(problem);
        }
    }
    settings
}

fn read_section(section: &'static str, entries: &Entries, environment: Option<&str>, settings: &mut Settings, sheet: &mut Sheet) {
    let mut f = Fields::new(format!("`[{section}]`"), 0..0, entries);
    for key in KEYS {
        let Some(last) = key.name.strip_prefix(section).and_then(|k| k.strip_prefix('.')) else { continue };
        let Some(value) = f.get(last) else { continue };
        let line = line_of(sheet.text, value.span.start) + 1;
        let origin = match environment {
            Some(name) => Origin::Environment { name: name.to_string(), line },
            None => Origin::File { line },
        };
        read_value(key, last, value, origin, settings, sheet);
    }
    f.refuse_rest(sheet);
}

fn read_value(key: &Key, last: &str, value: &Value, origin: Origin, settings: &mut Settings, sheet: &mut Sheet) {
    let text = match (&value.data, key.shape) {
        (Data::Text(t), Shape::Text | Shape::Size) => Some(expand(&Spanned::new(t.clone(), value.span.clone()), sheet)),
        (Data::Integer(_), Shape::Count | Shape::Size) => scalar_text(value),
        _ => None,
    };
    let Some(text) = text else {
        let expected = match key.shape {
            Shape::Count => "a whole number",
            Shape::Size => "a size such as `\"1GB\"`",
            Shape::Text => "text",
        };
        wrong_type(value, last, expected, None, sheet);
        return;
    };
    match (key.set)(settings, &text) {
        Ok(()) => {
            settings.origins.insert(key.name.to_string(), origin);
        }
        Err(help) => sheet.error(codes::VALUE_INVALID, &value.span, format!("`{last}` cannot be `{text}`"), help),
    }
}

/// All environments are read, so that mistakes show before the night they are used; only the chosen one counts.
fn choose_environment(environments: Option<&Entries>, layers: &Layers, settings: &mut Settings, shared: &mut Shared, sheet: &mut Sheet) {
    let by_variable = || layers.environment.variables.get("TIDEMILL_ENV").or_else(|| layers.dotenv.get("TIDEMILL_ENV")).cloned();
    let chosen = layers.environment.name.clone().or_else(by_variable).filter(|name| !name.is_empty());
    let mut names = Vec::new();
    for (name, value) in environments.into_iter().flatten() {
        names.push(name.value.as_str());
        let Data::Table(entries) = &value.data else {
            wrong_type(
                value,
                &name.value,
                "a table",
                Some(format!("write sections such as `[environments.{}.engine]`", name.value)),
                sheet,
            );
            continue;
        };
        let mut others = Settings::default();
        let target = if chosen.as_deref() == Some(&name.value) { &mut *settings } else { &mut others };
        let mut f = Fields::new(format!("environment `{}`", name.value), value.span.clone(), entries);
        for section in SECTIONS {
            if let Some((entries, _)) = f.table(section, sheet) {
                read_section(section, entries, Some(&name.value), target, sheet);
            }
        }
        if let Some((entries, _)) = f.table("tables", sheet) {
            source::tables(entries, &name.value, shared, sheet);
        }
        if let Some((entries, _)) = f.table("connections", sheet) {
            source::connections(entries, Some(&name.value), shared, sheet);
        }
        f.refuse_rest(sheet);
    }
    if let Some(chosen) = &chosen
        && !names.contains(&chosen.as_str())
    {
        let help = match did_you_mean(chosen, names.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None if names.is_empty() => format!("there are no environments; add `[environments.{chosen}.engine]` to tidemill.toml"),
            None => format!("there are {}", quoted(names.into_iter(), "and")),
        };
        let place = Place::file(sheet.file.clone());
        sheet.problems.push(Problem::error(codes::ENVIRONMENT_UNKNOWN, place, format!("there is no environment `{chosen}`")).help(help));
    }
    shared.environment.clone_from(&chosen);
    settings.environment = chosen;
}

fn read_variable(name: &str, value: &str, dotenv: bool, settings: &mut Settings, sheet: &mut Sheet) {
    let key = name[PREFIX.len()..].replace("__", ".").to_lowercase();
    let place = if dotenv { Place::file(".env") } else { Place::default() };
    let origin = Origin::Variable { name: name.to_string(), dotenv };
    if let Err(problem) = assign(&key, value, origin, settings, name, &place) {
        sheet.problems.push(problem);
    }
}

/// `--set engine.threads`; of a variable or a flag of its own the name says it all.
fn shown(written: &str, name: &str) -> String {
    if written == "--set" { format!("`--set {name}`") } else { format!("`{written}`") }
}

/// `written` is what the user wrote: a variable or a flag.
fn assign(name: &str, value: &str, origin: Origin, settings: &mut Settings, written: &str, place: &Place) -> Result<(), Problem> {
    let Some(key) = KEYS.iter().find(|k| k.name == name) else {
        let help = match did_you_mean(name, KEYS.iter().map(|k| k.name)) {
            Some(near) if written.starts_with(PREFIX) => format!("did you mean `{PREFIX}{}`?", near.replace('.', "__").to_uppercase()),
            Some(near) => format!("did you mean `{near}`?"),
            None => "`tidemill config show` lists every setting".to_string(),
        };
        return Err(
            Problem::error(codes::SETTING_UNKNOWN, place.clone(), format!("`{written}` sets `{name}`, which is no setting")).help(help)
        );
    };
    match (key.set)(settings, value) {
        Ok(()) => {
            settings.origins.insert(key.name.to_string(), origin);
            Ok(())
        }
        Err(help) => {
            Err(Problem::error(codes::SETTING_VALUE, place.clone(), format!("{} cannot be `{value}`", shown(written, name))).help(help))
        }
    }
}
