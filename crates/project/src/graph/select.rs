//! Selectors: `x`, `x+` (and what depends on it), `+x` (and what it depends on), `2+x` (so many steps), `a,b` (both), globs.

use super::{Graph, NodeKind};
use std::collections::BTreeSet;
use tidemill_core::problem::did_you_mean;
use tidemill_core::{Place, Problem, codes};

impl Graph {
    /// Names of the nodes that any of `selectors` means; of all nodes when there are none. A bare name is a view, or else the clean
    /// table, or else the export, the alert or the dashboard; a pattern matches whole names, and all but raw tables by their bare names too.
    pub fn select(&self, selectors: &[String]) -> Result<BTreeSet<String>, Problem> {
        if selectors.is_empty() {
            return Ok(self.nodes.iter().map(|n| n.name.clone()).collect());
        }
        let mut out = BTreeSet::new();
        for selector in selectors.iter().flat_map(|s| s.split_whitespace()) {
            let mut both: Option<BTreeSet<String>> = None;
            for part in selector.split(',') {
                let found = self.select_one(part)?;
                both = Some(both.map_or(found.clone(), |b| b.intersection(&found).cloned().collect()));
            }
            out.extend(both.unwrap_or_default());
        }
        Ok(out)
    }

    fn select_one(&self, selector: &str) -> Result<BTreeSet<String>, Problem> {
        let (up, rest) = match selector.split_once('+') {
            Some((steps, rest)) if steps.chars().all(|c| c.is_ascii_digit()) => (Some(steps.parse().unwrap_or(usize::MAX)), rest),
            _ => (None, selector),
        };
        let (down, name) = match rest.rsplit_once('+') {
            Some((name, steps)) if steps.chars().all(|c| c.is_ascii_digit()) => (Some(steps.parse().unwrap_or(usize::MAX)), name),
            _ => (None, rest),
        };
        let found = self.matching(name).ok_or_else(|| self.unknown(selector, name))?;
        let mut out = found.clone();
        if let Some(steps) = up {
            self.walk(&found, steps, &mut out, |g, n| g.node(n).map(|n| n.depends_on.clone()).unwrap_or_default());
        }
        if let Some(steps) = down {
            self.walk(&found, steps, &mut out, |g, n| g.dependents(n).map(|n| n.name.clone()).collect());
        }
        Ok(out)
    }

    fn matching(&self, name: &str) -> Option<BTreeSet<String>> {
        if name.contains(['*', '?', '[']) {
            let pattern = glob::Pattern::new(name).ok()?;
            let matches = |n: &&super::Node| {
                let bare = n.name.split_once('.').filter(|_| n.kind != NodeKind::Raw).map(|(_, bare)| bare);
                pattern.matches(&n.name) || bare.is_some_and(|b| pattern.matches(b))
            };
            let found: BTreeSet<String> = self.nodes.iter().filter(matches).map(|n| n.name.clone()).collect();
            return (!found.is_empty()).then_some(found);
        }
        let of = |folder: &str| self.node(&format!("{folder}.{name}"));
        let node = self.resolve(name).or_else(|| of("export")).or_else(|| of("alert")).or_else(|| of("dashboard"))?;
        Some(BTreeSet::from([node.name.clone()]))
    }

    fn walk(&self, from: &BTreeSet<String>, steps: usize, out: &mut BTreeSet<String>, next: impl Fn(&Graph, &str) -> Vec<String>) {
        let mut edge = from.clone();
        let mut reached = from.clone();
        for _ in 0..steps {
            edge = edge.iter().flat_map(|n| next(self, n)).filter(|n| self.node(n).is_some() && reached.insert(n.clone())).collect();
            if edge.is_empty() {
                break;
            }
        }
        out.extend(reached);
    }

    fn unknown(&self, selector: &str, name: &str) -> Problem {
        let bare = self.nodes.iter().filter(|n| n.kind != NodeKind::Raw).filter_map(|n| n.name.split_once('.').map(|(_, b)| b));
        let all = || self.nodes.iter().map(|n| n.name.as_str()).chain(bare.clone());
        let message = if name.contains(['*', '?', '[']) {
            format!("nothing matches `{name}`")
        } else {
            format!("there is no table, view or export `{name}`")
        };
        let help = match did_you_mean(name, all()) {
            Some(near) => format!("did you mean `{}`?", selector.replacen(name, near, 1)),
            None => format!("there are {}", crate::fields::quoted(self.nodes.iter().map(|n| n.name.as_str()).take(12), "and")),
        };
        Problem::error(codes::SELECTOR_UNKNOWN, Place::default(), message).help(help)
    }
}
