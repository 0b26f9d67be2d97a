//! Which row of the truth a line of the messy files is: rows come in their order, and what stands between them are copies, which are listed.

/// What a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stands {
    /// The row of this number, from 1, as it came first.
    Row(u64),
    /// A copy, by its place in the list.
    Copy(u32),
}

pub(super) struct Lines {
    /// Lines before a file's first row.
    header: u64,
    files: Vec<File>,
}

struct File {
    name: String,
    /// Rows of the files before this one.
    before: u64,
    rows: u64,
    /// Lines of copies with their places in the list, in order.
    copies: Vec<(u64, u32)>,
}

impl Lines {
    pub(super) fn new(names: &[String], has_header: bool) -> Lines {
        let file = |name: &String| File { name: name.clone(), before: 0, rows: 0, copies: Vec::new() };
        Lines { header: u64::from(has_header), files: names.iter().map(file).collect() }
    }

    /// The file that a path ends with.
    pub(super) fn file(&self, path: &str) -> Option<usize> {
        let name = path.rsplit(['/', '\\']).next().unwrap_or(path);
        self.files.iter().position(|f| f.name == name)
    }

    /// Copies of one file come in the order of their lines.
    pub(super) fn add_copy(&mut self, file: usize, line: u64, copy: u32) {
        if let Some(f) = self.files.get_mut(file) {
            f.copies.push((line, copy));
        }
    }

    pub(super) fn set_rows(&mut self, file: usize, rows: u64) {
        let before = self.files[..file].last().map_or(0, |f| f.before + f.rows);
        if let Some(f) = self.files.get_mut(file) {
            (f.before, f.rows) = (before, rows);
        }
    }

    /// `None` for a line that the truth does not know.
    pub(super) fn stands(&self, file: usize, line: u64) -> Option<Stands> {
        let f = self.files.get(file)?;
        let at = line.checked_sub(self.header).filter(|at| *at > 0)?;
        match f.copies.binary_search_by_key(&line, |c| c.0) {
            Ok(i) => Some(Stands::Copy(f.copies[i].1)),
            Err(earlier) => {
                let row = at - earlier as u64;
                (row <= f.rows).then_some(Stands::Row(f.before + row))
            }
        }
    }
}
