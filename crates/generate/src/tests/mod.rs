//! What the room promises as a whole.

mod facts;
mod formats;
mod nexmark;
mod same_bytes;
mod undo;
mod ways;

use crate::*;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::AtomicI64;
use tidemill_core::clock::FixedClock;
use tidemill_core::{Meter, Result};

pub const KINDS: [What; 4] = [What::Shop, What::Orders, What::Transactions, What::Sensors];

/// Files by name: messy ones, and those of the truth.
pub struct Files {
    pub messy: BTreeMap<String, Vec<u8>>,
    pub truth: BTreeMap<String, Vec<u8>>,
    pub report: Report,
}

impl Files {
    pub fn text(&self, name: &str) -> String {
        String::from_utf8(self.messy[name].clone()).unwrap()
    }
    pub fn clean(&self, name: &str) -> Vec<Vec<String>> {
        records(std::str::from_utf8(&self.truth[name]).unwrap())
    }
    pub fn errors(&self) -> Vec<Vec<String>> {
        self.clean("errors.csv").split_off(1)
    }
    pub fn all(&self) -> impl Iterator<Item = (&String, &Vec<u8>)> {
        self.messy.iter().chain(&self.truth)
    }
}

pub fn options(what: What, rows: u64) -> Options {
    Options { rows, seed: 7, threads: 2, ..Options::new(what) }
}

pub fn make(options: &Options) -> Files {
    try_make(options).unwrap()
}

pub fn try_make(options: &Options) -> Result<Files> {
    let home = tempfile::tempdir().unwrap();
    let (out, truth) = (home.path().join("data"), home.path().join("truth"));
    let target = Target::Directory(out.clone());
    let clock = FixedClock(AtomicI64::new(0));
    let report = generate(options, target, Some(&truth), &clock, &Meter::default())?;
    Ok(Files { messy: read(&out), truth: read(&truth), report })
}

pub fn read(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let files = std::fs::read_dir(dir).unwrap().map(|f| f.unwrap());
    files.map(|f| (f.file_name().into_string().unwrap(), std::fs::read(f.path()).unwrap())).collect()
}

/// Records of CSV as this room writes it: quotes doubled, no line breaks in fields.
pub fn records(text: &str) -> Vec<Vec<String>> {
    text.lines().map(record).collect()
}

pub fn record(line: &str) -> Vec<String> {
    let mut fields = vec![String::new()];
    let (mut quoted, mut chars) = (false, line.chars().peekable());
    while let Some(c) = chars.next() {
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => fields.last_mut().unwrap().push(chars.next().unwrap()),
            '"' => quoted = !quoted,
            ',' if !quoted => fields.push(String::new()),
            c => fields.last_mut().unwrap().push(c),
        }
    }
    fields
}
