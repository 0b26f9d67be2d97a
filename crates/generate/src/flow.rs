//! One table as somebody takes it: lines, a stretch at a time, from any row on.

use crate::catalogue::{Listed, with_tables};
use crate::encode::Piece;
use crate::generate::recipe;
use crate::options::Options;
use tidemill_core::{Error, Result};

/// What will flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flowing {
    pub table: &'static str,
    /// Units that there are; a unit is a row, mostly. `u64::MAX`: no end.
    pub units: u64,
    /// Whether its rows fall due as time goes, where a rate is asked for. What is there from the beginning (customers of a shop that takes orders) comes at once.
    pub is_paced: bool,
}

/// What the options ask for: it must be one table, in lines.
pub fn flowing(options: &Options) -> Result<Flowing> {
    with_tables(options, |tables| only(options, tables).map(|listed| about(options, listed)))
}

/// Makes the table's lines, without a header, from unit `first` on. `until` is asked up to which unit the next stretch goes, may take its time, and ends it with
/// `None`; `take` gets a stretch and the unit after it, and says whether to go on.
pub fn flow(
    options: &Options,
    first: u64,
    until: &mut dyn FnMut(u64) -> Option<u64>,
    take: &mut dyn FnMut(Vec<u8>, u64) -> bool,
) -> Result<()> {
    with_tables(options, |tables| {
        let listed = only(options, tables)?;
        let flowing = about(options, listed);
        let recipe = recipe(options, listed.table, false)?;
        let mut done = first;
        while done < flowing.units {
            let Some(to) = until(done) else { return Ok(()) };
            let to = to.min(flowing.units).max(done);
            let Some(Piece::Bytes(lines)) = recipe.make(done..to, flowing.units, flowing.table)?.messy else {
                return Err(Error::bug("a stretch without lines"));
            };
            if !take(lines, to) {
                return Ok(());
            }
            done = to;
        }
        Ok(())
    })
}

fn only<'a, 't>(options: &Options, tables: &'a [Listed<'t>]) -> Result<&'a Listed<'t>> {
    if !options.format.is_lines() {
        return Err(Error::bug("rows flow as lines"));
    }
    let mut data = tables.iter().filter(|t| !t.table.is_label());
    match (data.next(), data.next()) {
        (Some(one), None) => Ok(one),
        _ => {
            let names: Vec<&str> = tables.iter().map(|t| t.table.name()).filter(|n| !n.starts_with("labels_")).collect();
            Err(Error::config(format!("{} has {} tables", options.what, names.len())).help(format!("say which: {}", names.join(", "))))
        }
    }
}

fn about(options: &Options, listed: &Listed<'_>) -> Flowing {
    let is_paced = options.live.is_some() && listed.flows;
    Flowing { table: listed.table.name(), units: if is_paced { options.rows } else { listed.table.units() }, is_paced }
}
