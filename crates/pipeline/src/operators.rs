//! What a step was busy with, as one tree: the operators of the query that it runs, and the parts of its own work.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use tidemill_core::{Stint, Task};
use tidemill_engine::{Operator, Query};

/// From what is written down to what is read. `query`: operators of a plan whose rows the step writes, that which writes them first; it
/// reads what the step's own work has made.
pub(crate) fn tree(work: &[(Task, Arc<Stint>)], query: Option<Vec<Operator>>) -> Vec<Operator> {
    let mut out: Vec<Operator> = Vec::with_capacity(work.len());
    let (mut query, mut reader) = (query, None);
    for (task, stint) in work.iter().rev() {
        if *task < Task::SetAside {
            splice(&mut out, query.take(), &mut reader);
        }
        let id = out.len() as u32;
        out.push(Operator { id, parent: reader, ..operator(stint) });
        if !task.is_aside() {
            reader = Some(id);
        }
    }
    splice(&mut out, query, &mut reader);
    out
}

fn splice(out: &mut Vec<Operator>, query: Option<Vec<Operator>>, reader: &mut Option<u32>) {
    let Some(query) = query.filter(|q| !q.is_empty()) else { return };
    let first = out.len() as u32;
    out.extend(query.into_iter().map(|o| Operator { id: first + o.id, parent: o.parent.map(|p| first + p).or(*reader), ..o }));
    *reader = Some(first);
}

fn operator(stint: &Stint) -> Operator {
    Operator {
        operator: stint.name.clone(),
        detail: stint.detail.clone(),
        rows: stint.rows.load(Relaxed),
        seconds: stint.seconds(),
        seconds_waiting: stint.seconds_waiting(),
        bytes_read: stint.bytes_read.load(Relaxed),
        files_read: stint.files_read.load(Relaxed),
        bytes_written: stint.bytes_written.load(Relaxed),
        parts: stint.parts,
        ..Operator::default()
    }
}

/// Counts what a query took that is only a part of the work.
pub(crate) fn count(query: &Query, stint: &Stint) {
    for o in query.operators() {
        stint.worked((o.seconds * 1e9) as u64);
        stint.waited((o.seconds_waiting * 1e9) as u64);
        stint.bytes_read.fetch_add(o.bytes_read, Relaxed);
        stint.files_read.fetch_add(o.files_read, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tidemill_core::Work;

    fn named(tree: &[Operator]) -> Vec<(&str, Option<&str>)> {
        let name = |id: u32| tree.iter().find(|o| o.id == id).map(|o| o.operator.as_str());
        tree.iter().map(|o| (o.operator.as_str(), o.parent.and_then(name))).collect()
    }

    fn work(tasks: &[Task]) -> Vec<(Task, Arc<Stint>)> {
        let work = Work::default();
        for task in tasks {
            work.stint(*task, 1).rows.store(1, Relaxed);
        }
        work.done()
    }

    #[test]
    fn rows_go_from_the_source_through_each_task_to_what_is_written() {
        let done = work(&[Task::Read, Task::Decode, Task::Contract, Task::Kept, Task::Rule(0), Task::Write, Task::SetAside, Task::Commit]);
        let tree = tree(&done, None);
        assert_eq!(
            named(&tree),
            [
                ("Commit", None),
                ("SetAside", Some("Commit")),
                ("Write", Some("Commit")),
                ("Rule", Some("Write")),
                ("Memory", Some("Rule")),
                ("Contract", Some("Rule")),
                ("Decode", Some("Contract")),
                ("Read", Some("Decode")),
            ]
        );
        assert!(tree.iter().all(|o| o.parent.is_none_or(|p| p < o.id)));
    }

    #[test]
    fn a_query_stands_between_what_it_reads_and_what_is_made_of_its_rows() {
        let query = vec![
            Operator { id: 0, operator: "Write".into(), ..Operator::default() },
            Operator { id: 1, parent: Some(0), operator: "Union".into(), ..Operator::default() },
            Operator { id: 2, parent: Some(1), operator: "HashJoin".into(), ..Operator::default() },
        ];
        let done = work(&[Task::Read, Task::Decode, Task::Write, Task::Compare, Task::SetAside, Task::Commit]);
        // Of rows to be merged, the step's own writing is another.
        let tree = tree(&done, Some(query.clone()));
        let names: Vec<(&str, Option<u32>)> = tree.iter().map(|o| (o.operator.as_str(), o.parent)).collect();
        assert_eq!(
            names,
            [
                ("Commit", None),
                ("SetAside", Some(0)),
                ("Write", Some(0)),
                ("Union", Some(2)),
                ("HashJoin", Some(3)),
                ("Compare", Some(2)),
                ("Write", Some(2)),
                ("Decode", Some(6)),
                ("Read", Some(7)),
            ]
        );
        assert_eq!(super::tree(&[], Some(query.clone())), query);
        assert!(super::tree(&[], None).is_empty());
    }
}
