//! The columns asked for, brought together with those that a file has.

use super::csv::dialect::Dialect;
use super::plan::{ColumnPlan, FileColumn, match_labels, names_of};
use crate::connector::{Drift, ScanOptions};
use arrow::datatypes::SchemaRef;
use tidemill_core::read::schema_of;
use tidemill_core::{ColumnRead, Error, Result, name};

/// What a scan was asked for, ready to be applied to one file after another.
#[derive(Debug)]
pub struct Wanted {
    pub columns: Vec<ColumnRead>,
    plans: Vec<ColumnPlan>,
    /// Where each column stands in the batches.
    outputs: Vec<Option<usize>>,
    pub schema: SchemaRef,
    pub drift: Drift,
    ignored: Vec<String>,
}

impl Wanted {
    pub fn new(columns: &[ColumnRead], options: &ScanOptions) -> Result<Wanted> {
        let plans = columns.iter().map(ColumnPlan::new).collect::<Result<Vec<_>>>()?;
        let mut outputs = vec![None; columns.len()];
        let schema = match &options.project {
            None => {
                outputs.iter_mut().enumerate().for_each(|(i, o)| *o = Some(i));
                schema_of(columns)
            }
            Some(names) => {
                let mut wanted = Vec::with_capacity(names.len());
                for (to, n) in names.iter().enumerate() {
                    let from = columns.iter().position(|c| c.name == *n);
                    let from = from.ok_or_else(|| Error::config(format!("there is no column `{n}` to read")))?;
                    if outputs[from].replace(to).is_some() {
                        return Err(Error::config(format!("column `{n}` is asked for twice")));
                    }
                    wanted.push(columns[from].clone());
                }
                schema_of(&wanted)
            }
        };
        Ok(Wanted { columns: columns.to_vec(), plans, outputs, schema, drift: options.drift, ignored: options.ignored.clone() })
    }

    /// Which field of a file with these labels each column is.
    pub fn fields(&self, labels: &[String]) -> Vec<Option<usize>> {
        match_labels(&self.columns, labels)
    }

    /// Why the file's rows must be set aside, where `fields` are not what the columns need and drift is not to be followed; an error where it
    /// is to end the scan.
    pub fn check_drift(&self, place: &str, labels: &[String], fields: &[Option<usize>]) -> Result<Option<String>> {
        let why = match self.drift {
            Drift::Evolve => None,
            Drift::Quarantine | Drift::Fail => self.difference(labels, fields),
        };
        match why {
            Some(why) if self.drift == Drift::Fail => Err(Error::data(why).at(place).help(
                "declare the columns it has, or set `drift = \"evolve\"` to take them or `drift = \"quarantine\"` to put its rows aside",
            )),
            why => Ok(why),
        }
    }

    /// The columns to decode: those asked for, and those that may reject a row.
    pub fn file_columns(&self, fields: Vec<Option<usize>>, dialect: Dialect) -> Vec<FileColumn> {
        let mut columns = Vec::with_capacity(self.columns.len());
        for ((plan, field), output) in self.plans.iter().zip(fields).zip(&self.outputs) {
            if output.is_some() || (field.is_some() && plan.can_reject()) {
                let plan = ColumnPlan { dialect, ..plan.clone() };
                columns.push(FileColumn { plan, field, output: *output });
            }
        }
        columns
    }

    /// Whether a file may have this label though nobody wants it.
    pub fn is_ignored(&self, label: &str, name: &str) -> bool {
        self.ignored.iter().any(|l| l == label || name::normalise(l) == name)
    }

    /// How a file's columns are not the wanted ones.
    fn difference(&self, labels: &[String], fields: &[Option<usize>]) -> Option<String> {
        let quoted = |names: Vec<&str>| names.iter().map(|n| format!("`{n}`")).collect::<Vec<_>>().join(", ");
        let missing: Vec<&str> = self.columns.iter().zip(fields).filter(|(_, f)| f.is_none()).map(|(c, _)| c.label.as_str()).collect();
        let names = names_of(labels);
        let is_extra = |i: &usize| !fields.contains(&Some(*i)) && !self.is_ignored(&labels[*i], &names[*i]);
        let extra: Vec<&str> = (0..labels.len()).filter(is_extra).map(|i| labels[i].as_str()).collect();
        match (missing.is_empty(), extra.is_empty()) {
            (true, true) => None,
            (false, true) => Some(format!("the file lacks the declared columns {}", quoted(missing))),
            (true, false) => Some(format!("the file has columns that are not declared: {}", quoted(extra))),
            (false, false) => Some(format!("the file lacks {} and has {} instead", quoted(missing), quoted(extra))),
        }
    }
}
