//! Dependency order, and the circles that have none.

use super::{Node, NodeKind};
use std::collections::{BTreeMap, BTreeSet};
use tidemill_core::{Place, Problem, codes};

/// Nodes in dependency order (ties by kind, then name), and each circle as its members in the order in which they depend on each other.
/// Nodes in or behind a circle come last, by name.
pub(super) fn order(nodes: BTreeMap<String, Node>) -> (Vec<Node>, Vec<Vec<String>>) {
    let mut waiting: BTreeMap<&str, usize> = BTreeMap::new();
    let mut dependents: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for node in nodes.values() {
        let there: Vec<&str> = node.depends_on.iter().map(String::as_str).filter(|d| nodes.contains_key(*d)).collect();
        waiting.insert(&node.name, there.len());
        for d in there {
            dependents.entry(d).or_default().push(&node.name);
        }
    }
    let mut ready: BTreeSet<(NodeKind, &str)> =
        nodes.values().filter(|n| waiting.get(n.name.as_str()) == Some(&0)).map(|n| (n.kind, n.name.as_str())).collect();
    let mut ordered: Vec<String> = Vec::with_capacity(nodes.len());
    while let Some((_, name)) = ready.pop_first() {
        ordered.push(name.to_string());
        for dependent in dependents.get(name).into_iter().flatten() {
            if let Some(n) = waiting.get_mut(dependent) {
                *n -= 1;
                if let (0, Some(node)) = (*n, nodes.get(*dependent)) {
                    ready.insert((node.kind, dependent));
                }
            }
        }
    }
    let done: BTreeSet<String> = ordered.iter().cloned().collect();
    let left: BTreeSet<String> = nodes.keys().filter(|n| !done.contains(*n)).cloned().collect();
    let circles = circles(&nodes, &left);
    ordered.extend(left);
    let mut nodes = nodes;
    (ordered.into_iter().filter_map(|name| nodes.remove(&name)).collect(), circles)
}

/// For each group of nodes that reach each other, one shortest circle through its first member.
fn circles(nodes: &BTreeMap<String, Node>, left: &BTreeSet<String>) -> Vec<Vec<String>> {
    let mut seen: BTreeSet<String> = BTreeSet::new();
    let mut out = Vec::new();
    for start in left {
        if seen.contains(start) {
            continue;
        }
        let Some(path) = shortest_circle(nodes, left, start) else { continue };
        // Everything on a circle with a member already told is the same tangle.
        if path.iter().any(|n| seen.contains(n)) {
            seen.extend(path);
            continue;
        }
        seen.extend(path.iter().cloned());
        out.push(path);
    }
    out
}

fn shortest_circle(nodes: &BTreeMap<String, Node>, left: &BTreeSet<String>, start: &str) -> Option<Vec<String>> {
    let mut from: BTreeMap<&str, &str> = BTreeMap::new();
    let mut queue = std::collections::VecDeque::from([start]);
    while let Some(at) = queue.pop_front() {
        for next in nodes.get(at).into_iter().flat_map(|n| &n.depends_on).filter(|d| left.contains(*d)) {
            if next == start {
                let mut path = vec![at.to_string()];
                let mut back = at;
                while let Some(before) = from.get(back) {
                    path.push((*before).to_string());
                    back = before;
                }
                path.reverse();
                return Some(path);
            }
            if !from.contains_key(next.as_str()) {
                from.insert(next, at);
                queue.push_back(next);
            }
        }
    }
    None
}

pub(super) fn problem(members: &[String], places: &BTreeMap<(String, String), Place>) -> Problem {
    let next = |i: usize| members[(i + 1) % members.len()].clone();
    let place = places.get(&(members[0].clone(), next(0))).cloned().unwrap_or_default();
    if let [only] = members {
        return Problem::error(codes::CIRCLE, place, format!("`{only}` reads itself"))
            .help("read the tables or views that it is made from");
    }
    let path: Vec<&str> = members.iter().map(String::as_str).chain([members[0].as_str()]).collect();
    let message = format!("`{}` depends on itself: {}", members[0], path.join(" → "));
    Problem::error(codes::CIRCLE, place, message).help("break the circle: move what they share into a view of its own")
}
