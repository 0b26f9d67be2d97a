//! A table's cleaning rules, compiled: every mistake found, every column resolved, nothing read yet.

use crate::cells::stored_type;
use crate::fit::FitContext;
use crate::fitted::Fitted;
use crate::hash::HashKey;
use crate::program::{Act, Node, Program, Slot, Unique};
use crate::rules;
use crate::scope::{Named, Scope};
use arrow::datatypes::{Field, Schema, SchemaRef};
use std::sync::Arc;
use tidemill_core::problem::did_you_mean;
use tidemill_core::{Place, Problem, Result, Severity, codes, name};
use tidemill_engine::Session;
use tidemill_project::spec::{OnStream, RepairTo, Rule, RuleSpec, Table};

/// A compiled recipe. It can be fitted only if no problem of severity error came with it.
pub struct Recipe {
    pub(crate) program: Arc<Program>,
    pub(crate) key: HashKey,
    pub(crate) samples: usize,
    output: Output,
    references: Vec<(String, String)>,
    reference_files: Vec<String>,
    fingerprint: String,
    pub(crate) stream_problems: Vec<Problem>,
}

/// What a recipe gives, as far as it is known before a fit.
#[derive(Debug, Clone)]
pub struct Output {
    /// Columns in order; those of a one-hot encoding without declared values are not among them.
    pub schema: SchemaRef,
    /// There will be more columns, which the fit decides.
    pub open: bool,
}

impl std::fmt::Debug for Recipe {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Recipe").field("output", &self.output).field("fingerprint", &self.fingerprint).finish_non_exhaustive()
    }
}

impl Recipe {
    /// `input`: columns of the raw rows. `_file`, `_line` and `_ingested_at` may be among them: rules can name them, the result leaves them out.
    pub fn compile(table: &Table, input: SchemaRef, session: &Session) -> (Recipe, Vec<Problem>) {
        let key = HashKey::derive(&table.name);
        let mut scope = Scope::new(table, session, key);
        let mut sources = Vec::new();
        for f in input.fields() {
            let Some(data_type) = stored_type(f.data_type()) else {
                let message = format!("column `{}` has type {}, which rules can't take", f.name(), f.data_type());
                scope
                    .problems
                    .push(Problem::error(codes::RULE_COLUMN_TYPE, Place::file(&table.file), message).help("declare another type for it"));
                continue;
            };
            let slot = scope.slot(f.name(), data_type);
            let hidden = [name::FILE, name::LINE, name::INGESTED_AT].contains(&f.name().as_str());
            scope.columns.push(Named { name: f.name().clone(), slot, hidden, open: false, broken: false });
            sources.push((f.name().clone(), slot));
        }
        for (index, spec) in table.clean.iter().enumerate() {
            scope.enter(index, spec.rule.kind(), spec.span.clone());
            rules::compile(&mut scope, &spec.rule);
        }
        let uniques = uniques(&mut scope);
        partitions(&mut scope);
        let output = scope.output();
        let key_names: Vec<String> = table.key.iter().map(|k| name::normalise(k)).collect();
        let key_slots = key_names.iter().filter_map(|k| sources.iter().find(|(n, _)| n == k).map(|(_, s)| *s)).collect();
        let mut fields: Vec<Field> = Vec::new();
        for o in output.iter().filter(|o| !o.open) {
            fields.push(Field::new(&o.name, scope.slots[o.slot].data_type.clone(), true));
        }
        let known = Output { schema: Arc::new(Schema::new(fields)), open: output.iter().any(|o| o.open) };
        if output.is_empty() && !scope.problems.iter().any(|p| p.severity == Severity::Error) {
            scope.problems.push(
                Problem::error(codes::RULE_COLUMN_TYPE, Place::file(&table.file), "no column is left after the rules")
                    .help("keep at least one column"),
            );
        }
        let Scope { problems, slots, nodes, .. } = scope;
        let skips = |(at, spec): (usize, &RuleSpec)| (spec.on_stream == OnStream::Skip).then_some(at);
        let skipped = table.clean.iter().enumerate().filter_map(skips).collect();
        let program = Program { slots, sources, nodes, output, uniques, key: key_slots, skipped };
        let mut problems = problems;
        problems.extend(left_out(table, &program));
        let (references, reference_files) = references(table);
        let recipe = Recipe {
            program: Arc::new(program),
            key,
            samples: table.samples,
            output: known,
            references,
            reference_files,
            fingerprint: fingerprint(table, &input),
            stream_problems: stream_problems(table),
        };
        (recipe, problems)
    }

    pub fn output(&self) -> &Output {
        &self.output
    }

    /// Columns that the rules, the result or the contract's key read, in the source's order: the projection of a scan.
    pub fn columns_read(&self) -> Vec<String> {
        self.program.columns_read(None)
    }

    /// Columns of other tables that repairs look at: (table as written, such as `clean.countries`; column). Their distinct values go into
    /// [`FitContext::references`] under the same names.
    pub fn references(&self) -> Vec<(String, String)> {
        self.references.clone()
    }

    /// Files that repairs read, relative to the project.
    pub fn reference_files(&self) -> &[String] {
        &self.reference_files
    }

    /// Changes whenever the rules, the key or the input's columns do: a stored fit belongs to one fingerprint.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// Whether the rules learn anything from the rows, or need all of them to decide.
    pub fn needs_fit(&self) -> bool {
        self.program.nodes.iter().any(|n| !n.measures.is_empty() || matches!(n.act, Act::Elect(_)))
    }

    /// Learns what the rules need, in as few passes over the rows as there can be (one, mostly).
    pub fn fit(&self, cx: &FitContext) -> Result<Fitted> {
        Fitted::fit(self, cx)
    }
}

/// The key and the unique columns, as promises about the result.
fn uniques(scope: &mut Scope) -> Vec<Unique> {
    let table = scope.table;
    let mut out = Vec::new();
    let key: Vec<_> = table.key.iter().map(|k| (name::normalise(k), k.span.clone())).collect();
    let unique = table.columns.iter().filter(|c| c.unique).map(|c| ("unique", vec![(name::normalise(&c.name), c.name.span.clone())]));
    let promises = (!key.is_empty()).then_some(("key", key)).into_iter().chain(unique);
    for (code, columns) in promises {
        let mut slots = Vec::new();
        for (column, span) in &columns {
            match scope.columns.iter().find(|c| !c.open && c.name == *column) {
                Some(c) => slots.push(c.slot),
                None if code == "key" => {
                    let names: Vec<&str> = scope.columns.iter().filter(|c| !c.hidden).map(|c| c.name.as_str()).collect();
                    let help = did_you_mean(column, names.iter().copied())
                        .map_or_else(|| format!("the clean table has: {}", names.join(", ")), |n| format!("did you mean `{n}`?"));
                    let message = format!("`key` names `{column}`, which the clean table does not have");
                    scope
                        .problems
                        .push(Problem::error(codes::TABLE_COLUMN_UNKNOWN, Place::span(&table.file, span.clone()), message).help(help));
                }
                // A unique column that a rule drops promises nothing about the result.
                None => {}
            }
        }
        if slots.len() == columns.len() {
            // A rule that streams leave out settles nothing there.
            let kept = |n: &Node| table.clean.get(n.rule_index).is_none_or(|r| r.on_stream != OnStream::Skip);
            let settles = |n: &Node| !n.distinct.is_empty() && kept(n) && n.distinct.iter().all(|s| slots.contains(s));
            let settled = scope.nodes.iter().any(settles);
            let broken = scope.columns.iter().any(|c| c.broken && slots.contains(&c.slot));
            if !broken {
                out.push(Unique { code, names: columns.into_iter().map(|(n, _)| n).collect(), slots, settled });
            }
        }
    }
    out
}

/// `partition_by` must name columns of the result.
fn partitions(scope: &mut Scope) {
    let table = scope.table;
    for p in &table.partition_by {
        let column = name::normalise(p);
        let names: Vec<&str> = scope.columns.iter().filter(|c| !c.hidden && !c.open).map(|c| c.name.as_str()).collect();
        if !names.contains(&column.as_str()) {
            let help = did_you_mean(&column, names.iter().copied())
                .map_or_else(|| format!("the clean table has: {}", names.join(", ")), |n| format!("did you mean `{n}`?"));
            let message = format!("`partition_by` names `{column}`, which the clean table does not have");
            scope.problems.push(Problem::error(codes::TABLE_COLUMN_UNKNOWN, Place::span(&table.file, p.span.clone()), message).help(help));
        }
    }
}

fn references(table: &Table) -> (Vec<(String, String)>, Vec<String>) {
    let (mut columns, mut files) = (Vec::new(), Vec::new());
    for spec in &table.clean {
        if let Rule::Repair { to, .. } = &spec.rule {
            match to {
                RepairTo::Column { table, column } => columns.push((table.value.clone(), column.clone())),
                RepairTo::File(f) => files.push(f.value.clone()),
                RepairTo::List(_) | RepairTo::Frequent { .. } => {}
            }
        }
    }
    (columns, files)
}

/// Rules that are to be left out on streams, and make a column that would then be missing.
fn left_out(table: &Table, program: &Program) -> Vec<Problem> {
    let makes = |n: &&Node| {
        let same_type = |before: Slot, after: Slot| program.slots[before].data_type == program.slots[after].data_type;
        let changed_in_place = n.replaces.is_some_and(|before| n.outputs.iter().all(|after| same_type(before, *after)));
        program.skipped.contains(&n.rule_index) && !n.is_inner() && !n.outputs.is_empty() && !changed_in_place
    };
    let problem = |n: &Node| {
        let place = Place::span(&table.file, table.clean[n.rule_index].span.clone());
        let help = "remove `on_stream`: only a rule that changes cells of a column, or takes rows away, can be left out";
        Problem::error(codes::RULE_INCONSISTENT, place, "`on_stream = \"skip\"` would leave rows without the column that this rule makes")
            .help(help)
    };
    program.nodes.iter().filter(makes).map(problem).collect()
}

/// Rules that need rows which are still to come.
fn stream_problems(table: &Table) -> Vec<Problem> {
    use tidemill_project::spec::{Fill, Keep};
    let mut out = Vec::new();
    for spec in table.clean.iter().filter(|s| s.on_stream == OnStream::Refuse) {
        let (message, help) = match &spec.rule {
            Rule::Duplicates { keep: Keep::Last, .. } => (
                "`keep = \"last\"` can't be kept on a stream: the row that stays would have to be taken back when a later one comes",
                "use `keep = \"first\"` here, and in a live view `row_number() OVER (PARTITION BY … ORDER BY … DESC) = 1`",
            ),
            Rule::Duplicates { keep: Keep::Latest(_), .. } => (
                "`keep = \"latest\"` can't be kept on a stream: the row that stays would have to be taken back when a later one comes",
                "use `keep = \"first\"` here, and in a live view `row_number() OVER (PARTITION BY … ORDER BY … DESC) = 1`",
            ),
            Rule::NearDuplicates { .. } => (
                "likely repeats can't be found on a stream: every row would have to be compared with all before it",
                "leave the rule out here; `tidemill profile TABLE` lists the likely repeats of a stored table",
            ),
            Rule::Missing { with: Fill::Forward, .. } => (
                "`with = \"forward\"` can't be kept on a stream, whose rows come from several places in no fixed order",
                "fill with a constant or a fitted value here; or write `on_stream = \"skip\"`, and cells of rows that come stay missing until the next run with --full",
            ),
            _ => continue,
        };
        let place = Place::span(&table.file, spec.span.clone());
        out.push(Problem::error(codes::RULE_NOT_ON_STREAM, place, message).help(help));
    }
    out
}

/// A hash of what the rules say, without the places where they say it.
fn fingerprint(table: &Table, input: &SchemaRef) -> String {
    let mut hash = blake3::Hasher::new();
    let mut add = |text: &str| {
        hash.update(&(text.len() as u64).to_le_bytes());
        hash.update(text.as_bytes());
    };
    add("tidemill recipe 1");
    add(&table.name);
    for f in input.fields() {
        add(f.name());
        add(&f.data_type().to_string());
    }
    for k in &table.key {
        add(k);
    }
    for c in table.columns.iter().filter(|c| c.unique) {
        add(&c.name);
    }
    for spec in &table.clean {
        add(&without_places(&format!("{:?}", spec.rule)));
    }
    hash.finalize().to_hex().to_string()
}

/// A rule's debug form without `span: 12..34`, so that a comment added above it changes nothing.
fn without_places(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("span: ") {
        let (before, after) = rest.split_at(at);
        out.push_str(before);
        let end = after[6..].find(|c: char| !c.is_ascii_digit() && c != '.').map_or(after.len(), |e| e + 6);
        // Only a range is a place; a text that happens to say `span: ` stays.
        if after[6..end].contains("..") {
            rest = &after[end..];
        } else {
            out.push_str(&after[..6]);
            rest = &after[6..];
        }
    }
    out.push_str(rest);
    // `All(12..34)` is the place of a `*`.
    match out.find("All(") {
        Some(at) => match out[at..].find(')') {
            Some(end) if out[at + 4..at + end].bytes().all(|b| b.is_ascii_digit() || b == b'.') => {
                format!("{}All{}", &out[..at], &out[at + end + 1..])
            }
            _ => out,
        },
        None => out,
    }
}
