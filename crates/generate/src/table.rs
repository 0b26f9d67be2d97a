//! What a table is to everything that writes one: columns, and units that each give some rows.

use crate::calendar::Form;
use crate::digits;
use crate::words::Lexicon;

/// One value. Texts that are made stand in the rows' own buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cell {
    Null,
    Int(i64),
    /// A decimal of two places, in hundredths.
    Hundredths(i64),
    Bool(bool),
    /// Days since 1970.
    Date(i32),
    /// Microseconds since 1970, UTC.
    Instant(i64),
    /// A word of a vocabulary: never with a character that a format would have to quote.
    Word(&'static str),
    /// `C000000042`
    Code {
        letter: u8,
        width: u8,
        number: u64,
    },
    Text {
        from: u32,
        to: u32,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Text,
    Int,
    Decimal,
    Bool,
    Date,
    Instant(Form),
}

impl Kind {
    /// As the manifest names it.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Text => "text",
            Kind::Int => "int",
            Kind::Decimal => "decimal(18, 2)",
            Kind::Bool => "bool",
            Kind::Date => "date",
            Kind::Instant(_) => "timestamp",
        }
    }
}

/// What an impossible value of a column looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Invalid {
    Age,
    /// Negative, or absurdly many.
    Quantity,
    /// Negative.
    Amount,
    /// Outside 1 to 5.
    Rating,
    /// A day that no calendar has.
    Day,
    /// No address at all.
    Email,
}

/// Which errors a column can have, beside being missing.
#[derive(Debug, Clone, Copy)]
pub struct Column {
    pub name: &'static str,
    pub kind: Kind,
    pub missing: bool,
    pub typo: Option<Lexicon>,
    pub invalid: Option<Invalid>,
    pub format: bool,
}

impl Column {
    /// A column that nothing happens to.
    pub const fn sound(name: &'static str, kind: Kind) -> Column {
        Column { name, kind, missing: false, typo: None, invalid: None, format: false }
    }
    /// A key: its rows stay addressable.
    pub const fn key(name: &'static str) -> Column {
        Column::sound(name, Kind::Text)
    }
    /// Text that may be missing.
    pub const fn text(name: &'static str) -> Column {
        Column { missing: true, ..Column::sound(name, Kind::Text) }
    }
    /// Text whose right spelling is known.
    pub const fn word(name: &'static str, of: Lexicon) -> Column {
        Column { typo: Some(of), ..Column::text(name) }
    }
    pub const fn email(name: &'static str) -> Column {
        Column { invalid: Some(Invalid::Email), ..Column::text(name) }
    }
    pub const fn int(name: &'static str, invalid: Option<Invalid>) -> Column {
        Column { name, kind: Kind::Int, missing: true, typo: None, invalid, format: true }
    }
    pub const fn decimal(name: &'static str, invalid: Option<Invalid>) -> Column {
        Column { name, kind: Kind::Decimal, missing: true, typo: None, invalid, format: true }
    }
    pub const fn date(name: &'static str) -> Column {
        Column { name, kind: Kind::Date, missing: true, typo: None, invalid: Some(Invalid::Day), format: true }
    }
    pub const fn instant(name: &'static str, form: Form) -> Column {
        Column { name, kind: Kind::Instant(form), missing: true, typo: None, invalid: Some(Invalid::Day), format: true }
    }
}

/// Rows are made unit by unit; a unit is a pure function of its number, and gives the same rows whenever it is asked.
pub trait Table: Sync {
    /// Also the file's name.
    fn name(&self) -> &'static str;
    fn columns(&self) -> &'static [Column];
    /// The columns that name a row. Where there are none, a unit is one row, and its number from 1 on names it.
    fn key(&self) -> &'static [usize];
    fn units(&self) -> u64;
    /// The most rows of a unit that may come twice.
    fn copied_rows_max(&self) -> u64 {
        1
    }
    /// Hidden labels: written with the truth only.
    fn is_label(&self) -> bool {
        false
    }
    /// Appends the unit's rows.
    fn unit(&self, i: u64, rows: &mut Rows);
}

/// Rows in the making: cells one after another, and the texts they point into.
#[derive(Debug, Default)]
pub struct Rows {
    width: usize,
    cells: Vec<Cell>,
    pub text: Vec<u8>,
}

impl Rows {
    pub fn new(width: usize) -> Rows {
        Rows { width, cells: Vec::with_capacity(width * 8), text: Vec::with_capacity(1024) }
    }
    #[inline]
    pub fn clear(&mut self) {
        self.cells.clear();
        self.text.clear();
    }
    pub fn len(&self) -> usize {
        self.cells.len() / self.width
    }
    pub fn is_empty(&self) -> bool {
        self.cells.is_empty()
    }
    #[inline]
    pub fn row(&self, k: usize) -> Row<'_> {
        Row { cells: &self.cells[k * self.width..(k + 1) * self.width], text: &self.text }
    }
    /// The cells of row `k`, and the buffer that changed texts may be added to.
    pub fn parts(&mut self, k: usize) -> (&[Cell], &mut Vec<u8>) {
        (&self.cells[k * self.width..(k + 1) * self.width], &mut self.text)
    }

    #[inline]
    pub fn push(&mut self, cell: Cell) {
        self.cells.push(cell);
    }
    #[inline]
    pub fn word(&mut self, word: &'static str) {
        self.cells.push(Cell::Word(word));
    }
    #[inline]
    pub fn int(&mut self, n: i64) {
        self.cells.push(Cell::Int(n));
    }
    #[inline]
    pub fn instant(&mut self, t: Option<i64>) {
        self.cells.push(t.map_or(Cell::Null, Cell::Instant));
    }
    #[inline]
    pub fn code(&mut self, letter: u8, width: u8, number: u64) {
        self.cells.push(Cell::Code { letter, width, number });
    }
    #[inline]
    pub fn text(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        let from = self.text.len() as u32;
        write(&mut self.text);
        self.cells.push(Cell::Text { from, to: self.text.len() as u32 });
    }
}

/// One row, to be written.
#[derive(Debug, Clone, Copy)]
pub struct Row<'a> {
    pub cells: &'a [Cell],
    pub text: &'a [u8],
}

/// A cell as text files have it; nothing for NULL.
#[inline]
pub fn write_cell(cell: Cell, kind: Kind, text: &[u8], out: &mut Vec<u8>) {
    match cell {
        Cell::Null => {}
        Cell::Int(n) => digits::whole(n, out),
        Cell::Hundredths(n) => digits::hundredths(n, out),
        Cell::Bool(b) => out.extend_from_slice(if b { b"true" } else { b"false" }),
        Cell::Date(d) => crate::calendar::write_date(d, out),
        Cell::Instant(t) => {
            let form = if let Kind::Instant(form) = kind { form } else { Form::Seconds };
            crate::calendar::write_instant(t, form, out);
        }
        Cell::Word(w) => out.extend_from_slice(w.as_bytes()),
        Cell::Code { letter, width, number } => {
            out.push(letter);
            digits::padded(number, width as usize, out);
        }
        Cell::Text { from, to } => out.extend_from_slice(&text[from as usize..to as usize]),
    }
}
