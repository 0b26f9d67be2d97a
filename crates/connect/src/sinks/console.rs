//! `connector = "console"`: rows on standard output, for looking at.

use super::encode::{Encoding, FORMAT, IDS};
use crate::options::{OptionDoc, OptionProblem, OptionReader, Options};
use crate::stream::{SinkConnector, StreamSink};
use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use std::io::Write;
use std::path::Path;
use tidemill_core::{Error, Result};

/// Standard output.
pub struct Console;

const DOCS: &[OptionDoc] = &[FORMAT, OptionDoc { default: "false", ..IDS }];

fn parse(options: &Options) -> (Encoding, Vec<OptionProblem>) {
    let mut r = OptionReader::new(options, DOCS);
    let encoding = Encoding::read(&mut r, false);
    (encoding, r.problems)
}

impl SinkConnector for Console {
    fn kind(&self) -> &'static str {
        "console"
    }

    fn options(&self) -> &'static [OptionDoc] {
        DOCS
    }

    fn check(&self, options: &Options, _: &Path) -> Vec<OptionProblem> {
        parse(options).1
    }

    fn open(&self, options: &Options, _: &Path, schema: &SchemaRef) -> Result<Box<dyn StreamSink>> {
        let (encoding, problems) = parse(options);
        match problems.into_iter().next() {
            Some(p) => Err(Error { help: p.help, ..Error::config(p.message) }),
            None => Ok(Box::new(Lines { out: std::io::stdout(), encoding, pending: encoding.header(schema) })),
        }
    }
}

/// Lines to something that takes bytes.
pub(super) struct Lines<W> {
    pub out: W,
    pub encoding: Encoding,
    pub pending: String,
}

impl<W: Write + Send> StreamSink for Lines<W> {
    fn write(&mut self, rows: &RecordBatch, ids: &[String]) -> Result<()> {
        let Lines { encoding, pending, .. } = self;
        encoding.rows(rows, ids, |_, line| {
            pending.push_str(line);
            pending.push('\n');
            Ok(())
        })?;
        self.flush()
    }

    fn flush(&mut self) -> Result<()> {
        let text = std::mem::take(&mut self.pending);
        let written = self.out.write_all(text.as_bytes()).and_then(|()| self.out.flush());
        written.map_err(|e| Error::unavailable("can't write to standard output").because(e))
    }
}
