//! What a rule can see while a recipe is compiled: the columns as they are at this rule, and where mistakes are put.

use crate::cells::is_text;
use crate::expr::{Expr, sql_problem};
use crate::hash::HashKey;
use crate::measure::Measure;
use crate::program::{Act, Node, OutputColumn, Removal, RowRule, Slot, SlotInfo};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use std::ops::Range;
use std::sync::Arc;
use tidemill_core::problem::did_you_mean;
use tidemill_core::{Place, Problem, Spanned, codes, name};
use tidemill_engine::{Session, type_name};
use tidemill_project::spec::{Columns, Sql, Table};

/// A column that rules can name.
#[derive(Debug, Clone)]
pub(crate) struct Named {
    pub name: String,
    pub slot: Slot,
    /// Provenance (`_file`, `_line`, …): rules may name it, but `*`, exact duplicates and the result pass it over.
    pub hidden: bool,
    /// A struct of columns that only the fit will know; rules can't name it.
    pub open: bool,
    /// Its rule is wrong: what follows from that is not told again.
    pub broken: bool,
}

pub(crate) struct Scope<'a> {
    pub table: &'a Table,
    pub session: &'a Session,
    pub key: HashKey,
    pub problems: Vec<Problem>,
    pub slots: Vec<SlotInfo>,
    pub nodes: Vec<Node>,
    pub columns: Vec<Named>,
    rule_index: usize,
    rule: &'static str,
    rule_span: Range<usize>,
}

/// A column as a rule takes it.
#[derive(Debug, Clone)]
pub(crate) struct Taken {
    pub name: String,
    pub slot: Slot,
    pub data_type: DataType,
}

impl<'a> Scope<'a> {
    pub(crate) fn new(table: &'a Table, session: &'a Session, key: HashKey) -> Self {
        Scope {
            table,
            session,
            key,
            problems: Vec::new(),
            slots: Vec::new(),
            nodes: Vec::new(),
            columns: Vec::new(),
            rule_index: 0,
            rule: "",
            rule_span: 0..0,
        }
    }

    pub(crate) fn enter(&mut self, index: usize, rule: &'static str, span: Range<usize>) {
        (self.rule_index, self.rule, self.rule_span) = (index, rule, span);
    }

    // ------------------------------------------------------------------------------------------- problems

    pub(crate) fn place(&self, span: &Range<usize>) -> Place {
        let span = if span.is_empty() { &self.rule_span } else { span };
        Place::span(&self.table.file, span.clone())
    }

    pub(crate) fn error(&mut self, code: &'static str, span: &Range<usize>, message: impl Into<String>, help: impl Into<String>) {
        let problem = Problem::error(code, self.place(span), message).help(help);
        if !self.problems.contains(&problem) {
            self.problems.push(problem);
        }
    }

    /// The rule can't work on a column of this type.
    pub(crate) fn unfit(&mut self, column: &Taken, span: &Range<usize>, wanted: &str) {
        let message = format!("`{}` needs {wanted}, and `{}` is {}", self.rule, column.name, type_name(&column.data_type));
        let help = if is_text(&column.data_type) {
            format!("give the column a type in [columns.{}], or add a `cast` rule before this one", column.name)
        } else {
            "leave the column out of this rule".to_string()
        };
        self.error(codes::RULE_COLUMN_TYPE, span, message, help);
    }

    // ------------------------------------------------------------------------------------------- looking up

    fn find(&self, written: &str) -> Option<&Named> {
        let by = |n: &str| self.columns.iter().find(|c| !c.open && c.name == n);
        by(written).or_else(|| by(&name::normalise(written)))
    }

    fn taken(&self, c: &Named) -> Taken {
        Taken { name: c.name.clone(), slot: c.slot, data_type: self.slots[c.slot].data_type.clone() }
    }

    /// A column by name; a problem when there is none.
    pub(crate) fn column(&mut self, written: &Spanned<String>) -> Option<Taken> {
        match self.find(written) {
            Some(c) if c.broken => None,
            Some(c) => Some(self.taken(c)),
            None => {
                let names: Vec<&str> = self.columns.iter().filter(|c| !c.open && !c.hidden).map(|c| c.name.as_str()).collect();
                let help = match did_you_mean(written, names.iter().copied()) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("columns at this rule: {}", names.iter().take(40).copied().collect::<Vec<_>>().join(", ")),
                };
                let message = format!("no column `{}` at this rule", written.value);
                self.error(codes::RULE_COLUMN_UNKNOWN, &written.span, message, help);
                None
            }
        }
    }

    /// The columns a rule names, each of which must fit; or for `*` all that do, without provenance.
    pub(crate) fn all(&mut self, columns: &Columns, wanted: &str, fits: impl Fn(&DataType) -> bool) -> Vec<Taken> {
        match columns {
            Columns::All(span) => {
                let all: Vec<Taken> = self
                    .columns
                    .iter()
                    .filter(|c| !c.hidden && !c.open && !c.broken && fits(&self.slots[c.slot].data_type))
                    .map(|c| self.taken(c))
                    .collect();
                if all.is_empty() {
                    let message = format!("no column at this rule is {wanted}");
                    self.error(codes::RULE_COLUMN_TYPE, span, message, "remove the rule, or name the columns it is meant for");
                }
                all
            }
            Columns::Named(names) => {
                let mut out: Vec<Taken> = Vec::new();
                for n in names {
                    let Some(c) = self.column(n) else { continue };
                    if !fits(&c.data_type) {
                        self.unfit(&c, &n.span, wanted);
                    } else if !out.iter().any(|o| o.name == c.name) {
                        out.push(c);
                    }
                }
                out
            }
        }
    }

    /// As [`Scope::all`]; with `*`, the columns of the table's key are passed over: they name rows and measure nothing.
    pub(crate) fn figures(&mut self, columns: &Columns, wanted: &str, fits: impl Fn(&DataType) -> bool) -> Vec<Taken> {
        let mut all = self.all(columns, wanted, fits);
        if matches!(columns, Columns::All(_)) {
            let key: Vec<String> = self.table.key.iter().map(|k| name::normalise(k)).collect();
            all.retain(|c| !key.contains(&c.name));
        }
        all
    }

    /// The columns that `*` means in exact comparisons: all but provenance.
    pub(crate) fn visible(&self) -> Vec<Taken> {
        self.columns.iter().filter(|c| !c.hidden && !c.open && !c.broken).map(|c| self.taken(c)).collect()
    }

    // ------------------------------------------------------------------------------------------- SQL

    /// All columns as SQL sees them.
    pub(crate) fn schema(&self) -> SchemaRef {
        let fields = self.columns.iter().filter(|c| !c.open && !c.broken);
        Arc::new(Schema::new(fields.map(|c| Field::new(&c.name, self.slots[c.slot].data_type.clone(), true)).collect::<Vec<_>>()))
    }

    /// An expression and the slots it reads.
    pub(crate) fn expr(&mut self, sql: &Sql, predicate: bool) -> Option<(Expr, Vec<Slot>)> {
        match Expr::compile(self.session, &sql.text, &self.schema(), predicate) {
            Ok(e) => {
                let slots = e.schema.fields().iter().filter_map(|f| self.find(f.name()).map(|c| c.slot)).collect();
                Some((e, slots))
            }
            Err(p) => {
                // A column whose own rule is wrong is not unknown: one mistake, one problem.
                let follows = self.columns.iter().any(|c| c.broken && p.message.contains(&format!("`{}`", c.name)));
                if !follows {
                    self.problems.push(sql_problem(self.table, sql, p, predicate));
                }
                None
            }
        }
    }

    // ------------------------------------------------------------------------------------------- writing

    pub(crate) fn slot(&mut self, name: &str, data_type: DataType) -> Slot {
        self.slots.push(SlotInfo { name: name.to_string(), data_type });
        self.slots.len() - 1
    }

    /// The next version of a column.
    pub(crate) fn next(&mut self, column: &Taken, data_type: DataType) -> Slot {
        let slot = self.slot(&column.name, data_type);
        if let Some(c) = self.columns.iter_mut().find(|c| c.name == column.name) {
            c.slot = slot;
        }
        slot
    }

    /// A new column; a problem when there is one of that name.
    pub(crate) fn create(&mut self, name: &str, span: &Range<usize>, data_type: DataType) -> Option<Slot> {
        if let Some(c) = self.columns.iter().find(|c| c.name == name) {
            if !c.broken {
                let message = format!("there is already a column `{name}`");
                self.error(codes::RULE_OUTPUT_EXISTS, span, message, "choose another name with `into`, or drop the old column first");
                return None;
            }
            self.columns.retain(|c| c.name != name);
        }
        let slot = self.slot(name, data_type);
        self.columns.push(Named { name: name.to_string(), slot, hidden: false, open: false, broken: false });
        Some(slot)
    }

    /// The slot a rule writes: the column's next version when `into` is absent or names the column itself, a new column otherwise.
    /// The second value says which slot it replaces.
    pub(crate) fn write(&mut self, column: &Taken, into: Option<&Spanned<String>>, data_type: DataType) -> Option<(Slot, Option<Slot>)> {
        let name = into.map_or_else(|| column.name.clone(), |i| i.value.replace("{column}", &column.name));
        if name == column.name {
            return Some((self.next(column, data_type), Some(column.slot)));
        }
        let span = into.map_or(0..0, |i| i.span.clone());
        self.create(&name, &span, data_type).map(|s| (s, None))
    }

    /// Keeps a name that a wrong rule would have made, so that rules after it aren't told off for naming it.
    pub(crate) fn mend(&mut self, name: &str) {
        if self.columns.iter().any(|c| c.name == name) {
            return;
        }
        let slot = self.slot(name, DataType::Utf8);
        self.columns.push(Named { name: name.to_string(), slot, hidden: false, open: false, broken: true });
    }

    pub(crate) fn open(&mut self, name: &str) -> Slot {
        let slot = self.slot(name, DataType::Struct(Vec::<Field>::new().into()));
        self.columns.push(Named { name: name.to_string(), slot, hidden: false, open: true, broken: false });
        slot
    }

    pub(crate) fn remove(&mut self, name: &str) {
        self.columns.retain(|c| c.name != name);
    }

    // ------------------------------------------------------------------------------------------- nodes

    /// A rule over one column: reads `inputs`, writes `output`.
    pub(crate) fn push_row(
        &mut self,
        column: &str,
        inputs: Vec<Slot>,
        output: Slot,
        replaces: Option<Slot>,
        rule: impl RowRule + 'static,
    ) -> &mut Node {
        self.push(Some(column), inputs, vec![output], replaces, None, Act::Row(Box::new(rule)))
    }

    pub(crate) fn push(
        &mut self,
        column: Option<&str>,
        inputs: Vec<Slot>,
        outputs: Vec<Slot>,
        replaces: Option<Slot>,
        removes: Option<Removal>,
        act: Act,
    ) -> &mut Node {
        let at = self.nodes.len();
        self.nodes.push(Node {
            rule_index: self.rule_index,
            rule: self.rule,
            column: column.map(str::to_string),
            inputs,
            outputs,
            replaces,
            removes,
            act,
            distinct: Vec::new(),
            measures: Vec::new(),
        });
        &mut self.nodes[at]
    }

    pub(crate) fn output(&self) -> Vec<OutputColumn> {
        let kept = self.columns.iter().filter(|c| !c.hidden && !c.broken);
        kept.map(|c| OutputColumn { name: c.name.clone(), slot: c.slot, open: c.open }).collect()
    }
}

impl Node {
    /// Adds a measure of the inputs at these places.
    pub(crate) fn measure(&mut self, measure: impl Measure + 'static, inputs: Vec<usize>) -> &mut Node {
        self.measures.push((Arc::new(measure), inputs));
        self
    }
}
