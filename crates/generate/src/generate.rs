//! Makes what is asked for: table by table, or as time goes.

use crate::catalogue::{Listed, with_tables};
use crate::damage::Damage;
use crate::encode::Layout;
use crate::in_order::in_order;
use crate::options::{Format, Options};
use crate::output::{Files, Target};
use crate::piece::{Counts, Made, Recipe};
use crate::rates::Rates;
use crate::table::Table;
use crate::truth::{ERRORS, ErrorList, MANIFEST, TableReport, write_manifest};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tidemill_core::{Clock, Error, Meter, Result};

/// Units of a piece. A piece is a row group of Parquet, a block of Avro, a member of a compressed file.
const PIECE_UNITS: u64 = 32_768;
const PARQUET_UNITS: u64 = 131_072;
/// A live source writes so often, in microseconds.
const TICK: i64 = 50_000;
/// Units written between two looks at the clock.
const LIVE_UNITS: u64 = 8192;

#[derive(Debug, Clone)]
pub struct Report {
    pub tables: Vec<TableReport>,
}

/// Makes the data. `meter` counts units of work as bytes read, and rows and bytes as written; cancelling it ends a live source in good order and
/// everything else with an error.
pub fn generate(options: &Options, mut target: Target<'_>, truth: Option<&Path>, clock: &dyn Clock, meter: &Meter) -> Result<Report> {
    with_tables(options, |tables| {
        let data = tables.iter().filter(|t| !t.table.is_label()).count();
        if matches!(target, Target::Stream(_)) && data != 1 {
            let names: Vec<&str> = tables.iter().map(|t| t.table.name()).filter(|n| !n.starts_with("labels_")).collect();
            return Err(Error::config(format!("{} has {data} tables, and standard output takes one", options.what))
                .help(format!("say which with --table: {}", names.join(", "))));
        }
        if matches!(target, Target::Stream(_)) && options.files > 1 {
            return Err(Error::config("standard output can't be split into files").help("leave --files out, or name a directory"));
        }
        let overwrite = options.overwrite;
        if let (Target::Directory(path), Some(truth)) = (&target, truth)
            && same(path, truth)
        {
            return Err(Error::config("the truth would lie among the messy files").help("name another directory with --truth"));
        }
        for path in planned(options, tables, &target, truth)? {
            if path.exists() && !overwrite {
                return Err(Error::config("the file is there already")
                    .at(path.display().to_string())
                    .help("name another directory, or give --force to write over it"));
            }
        }
        let mut list = truth.map(|dir| ErrorList::new(dir, overwrite)).transpose()?;
        let flowing = options.live.is_some();
        let work: u64 = tables.iter().filter(|t| worth(t, truth)).map(|t| if flowing && t.flows { 0 } else { t.table.units() }).sum();
        if !flowing || options.rows != u64::MAX {
            let live: u64 = if flowing { options.rows } else { 0 };
            meter.bytes_total.store(work + live, std::sync::atomic::Ordering::Relaxed);
        }
        let mut reports = Vec::new();
        for listed in tables.iter().filter(|t| worth(t, truth) && !(flowing && t.flows)) {
            reports.push(whole(options, listed.table, &mut target, truth, &mut list, meter)?);
        }
        if flowing {
            let tables: Vec<&dyn Table> = tables.iter().filter(|t| worth(t, truth) && t.flows).map(|t| t.table).collect();
            reports.extend(live(options, &tables, &mut target, truth, &mut list, clock, meter)?);
        }
        if let Some(list) = list {
            list.finish()?;
        }
        if let Some(dir) = truth {
            write_manifest(dir, options, &reports, overwrite)?;
        }
        Ok(Report { tables: reports })
    })
}

/// Labels are for the truth only.
fn worth(listed: &Listed<'_>, truth: Option<&Path>) -> bool {
    !listed.table.is_label() || truth.is_some()
}

fn same(a: &Path, b: &Path) -> bool {
    a == b || matches!((a.canonicalize(), b.canonicalize()), (Ok(a), Ok(b)) if a == b)
}

/// Every file that will be written.
fn planned(options: &Options, tables: &[Listed<'_>], target: &Target<'_>, truth: Option<&Path>) -> Result<Vec<PathBuf>> {
    let mut all = Vec::new();
    for listed in tables.iter().filter(|t| worth(t, truth)) {
        let layout = layout(options, listed.table, &Rates::NONE)?;
        let files = files_of(options, listed.table);
        let names = (0..files).map(|n| layout.file_name(n, files));
        if let (Target::Directory(path), false) = (target, listed.table.is_label()) {
            all.extend(names.clone().map(|n| path.join(n)));
        }
        if let Some(truth) = truth {
            all.extend(names.map(|n| truth.join(n)));
        }
    }
    all.extend(truth.into_iter().flat_map(|t| [t.join(ERRORS), t.join(MANIFEST)]));
    Ok(all)
}

fn files_of(options: &Options, table: &dyn Table) -> u64 {
    options.files.min(table.units()).max(1)
}

fn layout(options: &Options, table: &dyn Table, rates: &Rates) -> Result<Layout> {
    Layout::new(table.name(), table.columns(), options.format, options.compression, rates, options.seed)
}

pub(crate) fn recipe<'a>(options: &Options, table: &'a dyn Table, truth: bool) -> Result<Recipe<'a>> {
    let rates = if table.is_label() { Rates::NONE } else { options.errors };
    Ok(Recipe {
        table,
        messy: if table.is_label() { None } else { Some(layout(options, table, &rates)?) },
        clean: if truth { Some(layout(options, table, &Rates::NONE)?) } else { None },
        damage: Damage::new(table, rates, options.seed, options.format),
        has_errors: !rates.is_none(),
        keeps_list: truth,
    })
}

/// The files of one table, messy and clean, as pieces come.
struct Outputs<'r, 't> {
    recipe: &'r Recipe<'t>,
    messy: Files,
    clean: Files,
    counts: Counts,
    rows: u64,
    lines: u64,
    /// The next line of the file in hand.
    line: u64,
}

impl<'r, 't> Outputs<'r, 't> {
    fn new(recipe: &'r Recipe<'t>, target: &Target<'_>, truth: Option<&Path>, overwrite: bool, in_place: bool) -> Outputs<'r, 't> {
        let directory = if let Target::Directory(path) = target { Some(path.clone()) } else { None };
        let messy = Files::new(directory, overwrite, in_place);
        let clean = Files::new(truth.map(Path::to_path_buf), overwrite, in_place);
        Outputs { recipe, messy, clean, counts: Counts::default(), rows: 0, lines: 0, line: 0 }
    }

    fn begin(&mut self, number: u64, files: u64) -> Result<()> {
        if let Some(layout) = &self.recipe.messy {
            self.messy.next(layout, layout.file_name(number, files))?;
            self.line = layout.lines_before() + 1;
        }
        if let Some(layout) = &self.recipe.clean {
            self.clean.next(layout, layout.file_name(number, files))?;
        }
        Ok(())
    }

    fn take(&mut self, made: Made, list: &mut Option<ErrorList>, target: &mut Target<'_>, flush: bool, meter: &Meter) -> Result<()> {
        let before = self.messy.bytes;
        if let Some(piece) = made.messy {
            self.messy.write(piece)?;
        }
        match target {
            Target::Stream(out) if self.recipe.messy.is_some() => self.messy.flush(Some(*out))?,
            _ if flush => self.messy.flush(None)?,
            _ => {}
        }
        if let Some(piece) = made.clean {
            self.clean.write(piece)?;
            if flush {
                self.clean.flush(None)?;
            }
        }
        if let Some(list) = list {
            list.write(&made.list, self.line)?;
        }
        self.counts.merge(&made.list.counts);
        (self.rows, self.lines, self.line) = (self.rows + made.rows, self.lines + made.lines, self.line + made.lines);
        Meter::add(&meter.rows_written, made.lines);
        Meter::add(&meter.bytes_written, self.messy.bytes - before);
        Ok(())
    }

    fn finish(mut self, target: &mut Target<'_>) -> Result<TableReport> {
        self.messy.finish()?;
        self.clean.finish()?;
        if let Target::Stream(out) = target {
            self.messy.flush(Some(*out))?;
        }
        let is_label = self.recipe.table.is_label();
        let files = if is_label { &mut self.clean } else { &mut self.messy };
        let (names, bytes) = (std::mem::take(&mut files.names), files.bytes);
        Ok(TableReport::new(self.recipe.table, self.rows, self.lines, bytes, names, &self.counts))
    }
}

/// Makes a table of a known number of units, on all threads.
fn whole(
    options: &Options,
    table: &dyn Table,
    target: &mut Target<'_>,
    truth: Option<&Path>,
    list: &mut Option<ErrorList>,
    meter: &Meter,
) -> Result<TableReport> {
    let recipe = recipe(options, table, truth.is_some())?;
    let (units, files) = (table.units(), files_of(options, table));
    let default = if options.format == Format::Parquet { PARQUET_UNITS } else { PIECE_UNITS };
    let per_piece = options.piece_units.unwrap_or(default).max(1);
    let mut pieces = Vec::new();
    for file in 0..files {
        let border = |n: u64| (u128::from(units) * u128::from(n) / u128::from(files)) as u64;
        let (from, to) = (border(file), border(file + 1));
        pieces.extend((from..to).step_by(per_piece as usize).map(|at| (file, at, (at + per_piece).min(to))));
    }
    let mut outputs = Outputs::new(&recipe, target, truth, options.overwrite, false);
    let mut open = None;
    let name = |file: u64| recipe.messy.as_ref().map(|l| l.file_name(file, files)).unwrap_or_default();
    in_order(
        pieces.len() as u64,
        options.threads,
        meter,
        |i| {
            let (file, from, to) = pieces[i as usize];
            recipe.make(from..to, units, &name(file))
        },
        |i, made| {
            let file = pieces[i as usize].0;
            if open != Some(file) {
                outputs.begin(file, files)?;
                open = Some(file);
            }
            Meter::add(&meter.bytes_read, made.units);
            outputs.take(made, list, target, false, meter)
        },
    )?;
    outputs.finish(target)
}

/// Writes rows as they fall due, until there are enough or somebody says stop.
fn live(
    options: &Options,
    tables: &[&dyn Table],
    target: &mut Target<'_>,
    truth: Option<&Path>,
    list: &mut Option<ErrorList>,
    clock: &dyn Clock,
    meter: &Meter,
) -> Result<Vec<TableReport>> {
    let Some(live) = options.live else { return Ok(Vec::new()) };
    let recipes = tables.iter().map(|t| recipe(options, *t, truth.is_some())).collect::<Result<Vec<_>>>()?;
    let mut all: Vec<Outputs<'_, '_>> = recipes.iter().map(|r| Outputs::new(r, target, truth, options.overwrite, true)).collect();
    for outputs in &mut all {
        outputs.begin(0, 1)?;
        if let (Target::Stream(out), true) = (&mut *target, outputs.recipe.messy.is_some()) {
            outputs.messy.flush(Some(*out))?;
        }
    }
    let mut done = 0;
    while done < options.rows && !meter.is_cancelled() {
        let now = clock.now_micros();
        let until = live.due(now).min(options.rows).min(done + LIVE_UNITS);
        if until <= done {
            let wait = live.at(done) - now;
            std::thread::sleep(Duration::from_micros(wait.clamp(1000, TICK) as u64));
            continue;
        }
        for outputs in &mut all {
            let name = outputs.recipe.messy.as_ref().map(|l| l.file_name(0, 1)).unwrap_or_default();
            let made = outputs.recipe.make(done..until, options.rows, &name)?;
            outputs.take(made, list, target, true, meter)?;
        }
        Meter::add(&meter.bytes_read, until - done);
        done = until;
        // Several rows at once cost less than each alone, and nobody sees the difference.
        std::thread::sleep(Duration::from_micros((TICK / 10) as u64));
    }
    all.into_iter().map(|outputs| outputs.finish(target)).collect()
}
