//! What functions read, and who calls them. A function is no node: whoever calls it reads what it reads.

use super::{Builder, Node, NodeKind, circle};
use crate::spec::{Function, FunctionTestKind, Sql};
use crate::sql::{self, Call};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use tidemill_core::Place;

impl Builder<'_> {
    /// What each function calls and reads, with everything that it names and there is not, and every circle among them.
    pub(super) fn functions(&mut self) {
        let project = self.project;
        let mut direct: BTreeMap<&str, (Vec<Call>, BTreeSet<String>)> = BTreeMap::new();
        for function in &project.functions {
            let code = function.code();
            let calls = self.ours(&code.text);
            let reads = if function.gives_rows { self.references(code, &function.file) } else { Some(Vec::new()) };
            match reads {
                Some(reads) => {
                    direct.insert(&function.name, (calls, reads.into_iter().map(|(node, _)| node).collect()));
                }
                None => {
                    self.broken_functions.insert(function.name.clone());
                    direct.insert(&function.name, (calls, BTreeSet::new()));
                }
            }
        }
        self.circles_of(&direct);
        for function in &project.functions {
            let all = reached(&function.name, &direct);
            let reads =
                all.iter().chain([&function.name]).filter_map(|f| direct.get(f.as_str())).flat_map(|d| d.1.iter().cloned()).collect();
            if all.iter().any(|f| self.broken_functions.contains(f)) {
                self.broken_functions.insert(function.name.clone());
            }
            self.function_reads.insert(function.name.clone(), reads);
            self.calls.insert(format!("{}()", function.name), all);
        }
    }

    /// A node for each function with tests, which are run when it or what it reads changes.
    pub(super) fn tested_functions(&mut self) {
        let project = self.project;
        for function in project.functions.iter().filter(|f| !f.tests.is_empty()) {
            let node = format!("{}()", function.name);
            for test in &function.tests {
                // As with views: what a test reads is no edge, but it must be there.
                if let FunctionTestKind::Sql { sql, .. } = &test.kind {
                    self.references(sql, &function.file);
                }
            }
            let reads = self.function_reads.get(&function.name).cloned().unwrap_or_default();
            self.add(node, NodeKind::Function, reads, &function.file);
        }
    }

    /// What a node reads through the functions that its SQL calls, with the call as the place of each edge.
    pub(super) fn read_calls(&mut self, node: &str, sql: &Sql, file: &Path) -> BTreeSet<String> {
        let mut reads = BTreeSet::new();
        for call in self.ours(&sql.text) {
            if self.broken_functions.contains(&call.name) {
                self.broken.insert(node.to_string());
            }
            let through = self.calls.get(&format!("{}()", call.name)).cloned().unwrap_or_default();
            self.calls.entry(node.to_string()).or_default().extend(through.into_iter().chain([call.name.clone()]));
            for read in self.function_reads.get(&call.name).cloned().unwrap_or_default() {
                let place = || Place::span(file, sql.locate(call.span.clone()));
                self.places.entry((node.to_string(), read.clone())).or_insert_with(place);
                reads.insert(read);
            }
        }
        reads
    }

    /// Functions named before a bracket anywhere in a file of expressions. One too many costs a rebuild, one too few a stale table.
    pub(super) fn calls_in_file(&mut self, node: &str, file: &Path) {
        let Some(text) = self.project.files.get(file) else { return };
        let is_word = |c: char| c.is_alphanumeric() || c == '_';
        let called = |function: &&Function| {
            text.match_indices(function.name.as_str()).any(|(at, name)| {
                !text[..at].ends_with(is_word) && text[at + name.len()..].trim_start_matches([' ', '\t']).starts_with('(')
            })
        };
        let called: Vec<String> = self.project.functions.iter().filter(called).map(|f| f.name.clone()).collect();
        for name in called {
            let through = self.calls.get(&format!("{name}()")).cloned().unwrap_or_default();
            self.calls.entry(node.to_string()).or_default().extend(through.into_iter().chain([name]));
        }
    }

    /// Calls of the project's own functions.
    fn ours(&self, text: &str) -> Vec<Call> {
        sql::calls(text)
            .into_iter()
            .filter(|c| self.project.functions.iter().any(|f| f.name == c.name))
            .filter(|c| !defines(text, c))
            .collect()
    }

    fn circles_of(&mut self, direct: &BTreeMap<&str, (Vec<Call>, BTreeSet<String>)>) {
        let shown = |name: &str| format!("{name}()");
        let mut nodes = BTreeMap::new();
        let mut places = BTreeMap::new();
        for function in &self.project.functions {
            let Some((calls, _)) = direct.get(function.name.as_str()) else { continue };
            for call in calls {
                let place = || Place::span(&function.file, function.code().locate(call.span.clone()));
                places.entry((shown(&function.name), shown(&call.name))).or_insert_with(place);
            }
            let depends_on: BTreeSet<String> = calls.iter().map(|c| shown(&c.name)).collect();
            let node = Node {
                name: shown(&function.name),
                kind: NodeKind::View,
                depends_on: depends_on.into_iter().collect(),
                file: function.file.clone(),
            };
            nodes.insert(node.name.clone(), node);
        }
        for members in circle::order(nodes).1 {
            self.problems.push(circle::problem(&members, &places));
            self.broken_functions.extend(members.iter().map(|m| m.trim_end_matches("()").to_string()));
        }
    }
}

/// `CREATE FUNCTION f(`: the one place where a name before a bracket is no call.
fn defines(text: &str, call: &Call) -> bool {
    text[..call.span.start].trim_end().to_lowercase().ends_with("function")
}

/// Every function reached from one by calls.
fn reached(from: &str, direct: &BTreeMap<&str, (Vec<Call>, BTreeSet<String>)>) -> BTreeSet<String> {
    let mut out = BTreeSet::new();
    let mut queue = vec![from.to_string()];
    while let Some(at) = queue.pop() {
        for call in direct.get(at.as_str()).into_iter().flat_map(|d| &d.0) {
            if out.insert(call.name.clone()) {
                queue.push(call.name.clone());
            }
        }
    }
    out
}
