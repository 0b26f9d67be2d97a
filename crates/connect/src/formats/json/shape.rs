//! Which columns records have: a tree of keys, found from a file's beginning, in which the columns asked for are marked.

use super::token::{self, Kind, Sink, Value};
use super::{JsonOptions, Nested};
use crate::formats::plan::FileColumn;
use crate::formats::wanted::Wanted;
use std::collections::HashMap;
use std::ops::Range;
use tidemill_core::{Result, name};

/// Keys are looked up in a map from so many on.
const MANY: usize = 16;

#[derive(Debug, Clone, Default)]
pub struct Node {
    /// Where a key leads, in the order of appearance.
    members: Vec<(Box<[u8]>, usize)>,
    by_key: HashMap<Box<[u8]>, usize>,
    /// Which column its value goes to.
    pub slot: Option<usize>,
    /// Which of the labels it is called by; objects that are flattened have none.
    label: Option<usize>,
}

impl Node {
    pub fn members(&self) -> &[(Box<[u8]>, usize)] {
        &self.members
    }
}

/// Node 0 is the record itself.
#[derive(Debug, Clone)]
pub struct Shape {
    pub nodes: Vec<Node>,
    pub labels: Vec<String>,
    by_label: HashMap<String, usize>,
    pub nested: Nested,
}

impl Shape {
    fn new(nested: Nested) -> Shape {
        Shape { nodes: vec![Node::default()], labels: Vec::new(), by_label: HashMap::new(), nested }
    }

    /// The node that `key` leads to, if it is known. `hint` says which member is likely next.
    #[inline]
    pub fn member(&self, node: usize, key: &[u8], hint: &mut usize) -> Option<usize> {
        let node = &self.nodes[node];
        if let Some((k, to)) = node.members.get(*hint)
            && **k == *key
        {
            *hint += 1;
            return Some(*to);
        }
        let found =
            if node.members.len() >= MANY { node.by_key.get(key).copied() } else { node.members.iter().position(|(k, _)| **k == *key) }?;
        *hint = found + 1;
        Some(node.members[found].1)
    }

    fn grow(&mut self, node: usize, key: &[u8]) -> usize {
        let mut hint = 0;
        if let Some(found) = self.member(node, key, &mut hint) {
            return found;
        }
        let new = self.nodes.len();
        self.nodes.push(Node::default());
        let node = &mut self.nodes[node];
        node.by_key.insert(key.into(), node.members.len());
        node.members.push((key.into(), new));
        new
    }

    pub fn has_members(&self, node: usize) -> bool {
        !self.nodes[node].members.is_empty()
    }

    /// Whether values at this node are of a label seen or asked for.
    pub fn is_known(&self, node: usize) -> bool {
        self.nodes[node].label.is_some()
    }

    fn label(&mut self, node: usize, label: String) -> usize {
        let n = self.labels.len();
        let at = *self.by_label.entry(label.clone()).or_insert(n);
        if at == n {
            self.labels.push(label);
        }
        self.nodes[node].label = Some(at);
        at
    }

    /// Marks where the columns asked for are. Those that the file's beginning doesn't have may come later, under the label they are declared by.
    pub fn mark(&mut self, wanted: &Wanted, place: &str) -> Result<(Vec<FileColumn>, Option<String>)> {
        let mut fields = wanted.fields(&self.labels);
        let drift = wanted.check_drift(place, &self.labels, &fields)?;
        for (column, field) in wanted.columns.iter().zip(&mut fields).filter(|(_, f)| f.is_none()) {
            let label = column.label.as_str();
            let whole = self.grow(0, label.as_bytes());
            let at = self.label(whole, label.to_string());
            if self.nested == Nested::Flatten && label.contains('.') {
                let node = label.split('.').fold(0, |node, key| self.grow(node, key.as_bytes()));
                self.nodes[node].label = Some(at);
            }
            *field = Some(at);
        }
        let mut columns = wanted.file_columns(fields, super::decode::DIALECT);
        let mut slots = vec![None; self.labels.len()];
        for (slot, column) in columns.iter_mut().enumerate() {
            if let Some(label) = column.field {
                slots[label] = Some(slot);
                column.field = Some(slot);
            }
        }
        for node in &mut self.nodes {
            node.slot = node.label.and_then(|l| slots[l]);
        }
        Ok((columns, drift))
    }

    /// Whether a key that nobody asked for is none to complain of.
    pub fn is_expected(wanted: &Wanted, label: &str) -> bool {
        wanted.is_ignored(label, &name::normalise(label))
    }
}

/// What a file's beginning shows.
#[derive(Debug)]
pub struct Look {
    pub shape: Shape,
    /// The records' texts by label; shorter where a label came later.
    pub rows: Vec<Vec<Option<String>>>,
}

/// Learns the columns from records, which are left out where they are not JSON. Values are kept of the first `rows_max`.
pub fn look(buf: &[u8], spans: impl Iterator<Item = Range<usize>>, options: &JsonOptions, rows_max: usize) -> Look {
    let mut finder = Finder::new(options.nested);
    let mut rows = Vec::new();
    for span in spans {
        if finder.learn(buf, span) && rows.len() < rows_max {
            let mut row = vec![None; finder.shape.labels.len()];
            for (label, value) in &finder.values {
                row[*label] = text_of(buf, *value);
            }
            rows.push(row);
        }
    }
    Look { shape: finder.shape, rows }
}

/// A value as text; NULL is `None`.
pub fn text_of(buf: &[u8], value: Value) -> Option<String> {
    let raw = &buf[value.start..value.end];
    let mut out = Vec::new();
    match value.kind {
        Kind::Null => return None,
        Kind::Literal | Kind::Text(false) => out.extend_from_slice(raw),
        Kind::Text(true) => token::push_unescaped(raw, &mut out)?,
        Kind::Object | Kind::Array => token::push_compact(raw, &mut out),
    }
    Some(String::from_utf8_lossy(&out).into_owned())
}

/// Grows the tree with every key it meets.
pub struct Finder {
    shape: Shape,
    /// The label of each node.
    paths: Vec<String>,
    values: Vec<(usize, Value)>,
    hints: Vec<usize>,
}

impl Finder {
    pub fn new(nested: Nested) -> Finder {
        Finder { shape: Shape::new(nested), paths: vec![String::new()], values: Vec::new(), hints: vec![0] }
    }

    /// What was learnt so far.
    pub fn shape(&self) -> &Shape {
        &self.shape
    }

    /// Learns from one record; false when it is not JSON.
    pub fn learn(&mut self, buf: &[u8], span: Range<usize>) -> bool {
        self.values.clear();
        self.hints.iter_mut().for_each(|h| *h = 0);
        if std::str::from_utf8(&buf[span.clone()]).is_err() {
            return false;
        }
        let before = self.size();
        let is_record = token::record(buf, span.start, span.end, self).is_ok();
        if !is_record {
            self.shrink(before);
        }
        is_record
    }

    fn size(&self) -> (usize, usize) {
        (self.shape.nodes.len(), self.shape.labels.len())
    }

    /// Forgets what a record that turned out to be broken has brought.
    fn shrink(&mut self, (nodes, labels): (usize, usize)) {
        if self.shape.nodes.len() == nodes && self.shape.labels.len() == labels {
            return;
        }
        self.shape.nodes.truncate(nodes);
        self.shape.labels.truncate(labels);
        self.shape.by_label.retain(|_, l| *l < labels);
        for node in &mut self.shape.nodes {
            node.members.retain(|(_, to)| *to < nodes);
            let members = node.members.len();
            node.by_key.retain(|_, at| *at < members);
            node.label = node.label.filter(|l| *l < labels);
        }
        self.paths.truncate(nodes);
        self.hints.truncate(nodes);
    }
}

impl Sink for Finder {
    fn member(&mut self, node: usize, key: &[u8]) -> Option<usize> {
        let mut hint = self.hints[node];
        let found = self.shape.member(node, key, &mut hint);
        self.hints[node] = hint;
        Some(found.unwrap_or_else(|| {
            let new = self.shape.grow(node, key);
            let key = String::from_utf8_lossy(key);
            let path = if node == 0 { key.into_owned() } else { format!("{}.{key}", self.paths[node]) };
            self.paths.push(path);
            self.hints.push(0);
            new
        }))
    }

    fn enters(&mut self, node: usize) -> bool {
        self.hints[node] = 0;
        node == 0 || self.shape.nested == Nested::Flatten
    }

    fn value(&mut self, node: usize, value: Value) {
        let is_object = value.kind == Kind::Object && self.shape.nested == Nested::Flatten;
        // A NULL where there were objects is no column of its own.
        if is_object || (value.kind == Kind::Null && self.shape.has_members(node)) {
            return;
        }
        let label = match self.shape.nodes[node].label {
            Some(l) => l,
            None => self.shape.label(node, self.paths[node].clone()),
        };
        self.values.push((label, value));
    }
}
