//! Connector options: carried as written, but for `${NAME}`, which is replaced from the environment so that secrets need not stand
//! in files.

use crate::document::{Data, Value};
use crate::fields::{Fields, option_value};
use crate::settings::looks_secret;
use crate::sheet::{Sheet, Variables};
use crate::spec::{OptionValue, Options};
use std::path::Path;
use tidemill_core::problem::did_you_mean;
use tidemill_core::{Place, Problem, Spanned, codes};

/// Every key of `fields` that nobody asked for, as an option.
pub(crate) fn read(fields: &Fields, sheet: &mut Sheet) -> Options {
    let file = sheet.file.clone();
    fields.rest().map(|(key, value)| (key.value.clone(), option(&key.value, value, &file, sheet))).collect()
}

/// An option as written in `file`, which may be another one than the sheet's.
pub(crate) fn option(key: &str, value: &Value, file: &Path, sheet: &mut Sheet) -> Spanned<OptionValue> {
    let value_here = match &value.data {
        Data::Text(t) => {
            tell_secret(key, t, Place::span(file, value.span.clone()), sheet);
            let (out, unknown) = replace(t, sheet.variables);
            tell_unknown(unknown, &Place::span(file, value.span.clone()), sheet);
            OptionValue::Text(out)
        }
        Data::List(items) => OptionValue::List(items.iter().map(|item| option(key, item, file, sheet)).collect()),
        Data::Table(entries) => {
            OptionValue::Table(entries.iter().map(|(k, v)| (k.value.clone(), option(&k.value, v, file, sheet))).collect())
        }
        _ => return option_value(value),
    };
    Spanned::new(value_here, value.span.clone())
}

/// Secrets stand in the environment, not in files.
pub(crate) fn tell_secret(key: &str, text: &str, place: Place, sheet: &mut Sheet) {
    if looks_secret(key) && !text.is_empty() && !text.contains("${") {
        let help = format!("write `{key} = \"${{{}}}\"`, and set that in the environment or in `.env`", key.to_uppercase());
        sheet
            .problems
            .push(Problem::error(codes::SECRET_WRITTEN, place, format!("`{key}` is a secret, and stands in the file")).help(help));
    }
}

/// Text with every `${NAME}` replaced; `$${` stands for `${` itself. An unknown name is a problem and is left as it is.
pub(crate) fn expand(text: &Spanned<String>, sheet: &mut Sheet) -> String {
    let (out, unknown) = replace(&text.value, sheet.variables);
    let place = sheet.place(&text.span);
    tell_unknown(unknown, &place, sheet);
    out
}

fn tell_unknown(unknown: Vec<String>, place: &Place, sheet: &mut Sheet) {
    if sheet.is_unused {
        return;
    }
    for name in unknown {
        let names = sheet.variables.process.keys().chain(sheet.variables.dotenv.keys()).map(String::as_str);
        let help = match did_you_mean(&name, names) {
            Some(near) => format!("did you mean `${{{near}}}`?"),
            None => format!("set it in the environment, or add a line `{name}=…` to `.env`"),
        };
        let problem =
            Problem::error(codes::VARIABLE_UNKNOWN, place.clone(), format!("there is no environment variable `{name}`")).help(help);
        if place.file == sheet.file {
            sheet.push(problem);
        } else {
            sheet.problems.push(problem);
        }
    }
}

fn replace(text: &str, variables: &Variables) -> (String, Vec<String>) {
    let (mut out, mut unknown) = (String::with_capacity(text.len()), Vec::new());
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        if rest[..at].ends_with('$') {
            out.push_str(&rest[..at - 1]);
            out.push_str("${");
            rest = &rest[at + 2..];
            continue;
        }
        let Some(len) = rest[at..].find('}') else { break };
        let name = &rest[at + 2..at + len];
        out.push_str(&rest[..at]);
        match variables.get(name) {
            Some(value) => out.push_str(value),
            None => {
                out.push_str(&rest[at..=at + len]);
                unknown.push(name.to_string());
            }
        }
        rest = &rest[at + len + 1..];
    }
    out.push_str(rest);
    (out, unknown)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn variables_are_replaced_and_the_process_wins() {
        let process = BTreeMap::from([("A".to_string(), "1".to_string())]);
        let dotenv = BTreeMap::from([("A".to_string(), "2".to_string()), ("B".to_string(), "${A}".to_string())]);
        let v = Variables { process: &process, dotenv: &dotenv };
        assert_eq!(replace("x${A}y${B}$${A}${C}z${", &v), ("x1y${A}${A}${C}z${".to_string(), vec!["C".to_string()]));
    }
}
