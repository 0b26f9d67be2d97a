//! Some rows cut into fields: what the columns' converters read.

/// Some rows, cut into fields: field `k` of row `r` is the bytes `bounds[r * stride + k] .. bounds[r * stride + k + 1] - 1`.
#[derive(Debug, Default)]
pub struct Strip {
    pub(super) bounds: Vec<u32>,
    pub(super) stride: usize,
    /// Byte offset in the block of each row's first byte.
    pub starts: Vec<u32>,
    /// Byte offset in the block of each row's end, without its newline.
    pub(super) ends: Vec<u32>,
    /// Line in the block of each row's first byte, from 0.
    pub lines: Vec<u32>,
    /// Bytes from the first row to after the last.
    pub bytes: usize,
}

impl Strip {
    pub fn rows(&self) -> usize {
        self.starts.len()
    }

    /// Start and end of a field; equal for an empty one, which may then lie beyond the block.
    #[inline(always)]
    pub fn field(&self, row: usize, field: usize) -> (usize, usize) {
        let at = row * self.stride + field;
        (self.bounds[at] as usize, self.bounds[at + 1] as usize - 1)
    }

    /// The bounds of row `row`, one more than it has fields.
    #[inline(always)]
    pub fn rows_of_bounds(&self) -> impl Iterator<Item = &[u32]> {
        self.bounds[..self.starts.len() * self.stride].chunks_exact(self.stride)
    }

    /// Start and end of a row, without its newline.
    pub fn row(&self, row: usize) -> (usize, usize) {
        (self.starts[row] as usize, self.ends[row] as usize)
    }

    /// Empties the strip, for rows of so many fields.
    pub fn clear(&mut self, fields: usize) {
        self.bounds.clear();
        self.stride = fields + 1;
        self.starts.clear();
        self.ends.clear();
        self.lines.clear();
        self.bytes = 0;
    }

    /// Begins a row: where it is in its source, and where its first field will be in the buffer of fields.
    pub fn begin(&mut self, start: u32, end: u32, line: u32, field: u32) {
        self.starts.push(start);
        self.ends.push(end);
        self.lines.push(line);
        self.bounds.push(field);
    }

    /// Ends a field of the row begun last, before the byte that separates it from the next, which begins at `next`.
    pub fn end_field(&mut self, next: u32) {
        self.bounds.push(next);
    }

    /// Drops the rows for which `keep` is false.
    pub fn retain(&mut self, keep: &[bool]) {
        let mut to = 0;
        for row in (0..keep.len()).filter(|r| keep[*r]) {
            if row != to {
                self.bounds.copy_within(row * self.stride..(row + 1) * self.stride, to * self.stride);
                self.starts[to] = self.starts[row];
                self.ends[to] = self.ends[row];
                self.lines[to] = self.lines[row];
            }
            to += 1;
        }
        self.starts.truncate(to);
        self.ends.truncate(to);
        self.lines.truncate(to);
    }
}
