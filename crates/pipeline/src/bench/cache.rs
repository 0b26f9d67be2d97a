//! The same questions cold from the source's files, cold and warm from the lake's tables, and from memory.

use super::questions::Question;
use super::{BenchOptions, Machine, clock, cold, source};
use crate::check;
use crate::reading::{Reading, node_name};
use crate::workspace::{Workspace, versions_of};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use tidemill_core::{Error, Result};
use tidemill_engine::{Catalog, MemoryUse};
use tidemill_lake::TableName;

#[derive(Debug, Clone)]
pub struct CacheReport {
    pub project: String,
    pub epoch: u64,
    pub threads: usize,
    pub repeat: usize,
    pub machine: Machine,
    pub tables: Vec<TableSize>,
    pub questions: Vec<Timed>,
    /// After everything was asked.
    pub memory: MemoryUse,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableSize {
    pub name: String,
    pub rows: u64,
    /// Of its data files.
    pub bytes_disk: u64,
    /// Of those of its columns that were asked for, in memory.
    pub bytes_memory: u64,
}

/// Seconds of each repetition. Empty: not measured.
#[derive(Debug, Clone, Default)]
pub struct Timed {
    pub question: Option<Question>,
    /// Rows of the answer.
    pub rows: u64,
    /// Rows of the tables it reads.
    pub rows_read: u64,
    /// Decoding the source's files, from the disk, and answering.
    pub source: Vec<f64>,
    /// From the lake's files, not in any cache of ours or the system's.
    pub cold: Vec<f64>,
    /// From the lake's files, after they were read before.
    pub warm: Vec<f64>,
    /// From memory.
    pub memory: Vec<f64>,
    /// Reading into memory, and answering.
    pub filling: f64,
}

impl Workspace {
    /// Asks everything in every way. `told` hears what is asked next, and how far along that is.
    pub async fn bench_cache(&self, options: &BenchOptions, told: &dyn Fn(&str, f64)) -> Result<CacheReport> {
        let done = self.lake.last_done()?.ok_or_else(|| Error::config("nothing has been run yet").help("run `tidemill run` first"))?;
        let versions = versions_of(&done);
        // Rows and bytes.
        let mut sizes: BTreeMap<TableName, (u64, u64)> = BTreeMap::new();
        let mut files: BTreeMap<String, Vec<PathBuf>> = BTreeMap::new();
        for (name, version) in versions.iter().filter(|(t, _)| matches!(t.schema.as_str(), "clean" | "public" | "raw")) {
            if let Some(snapshot) = self.lake.snapshot(name, Some(*version)).await? {
                sizes.insert(name.clone(), (snapshot.rows(), snapshot.bytes()));
                files.insert(node_name(name), snapshot.paths());
            }
        }
        let stored: BTreeSet<String> = files.keys().cloned().collect();
        let warm = self.session_in(&self.engine, &versions, Reading::Disk).await?;
        let mut questions = Vec::new();
        if options.only.is_empty() {
            let rows = sizes.iter().map(|(name, (rows, _))| (name.clone(), *rows)).collect();
            questions = self.fixed_questions(&warm, &rows).await?;
        }
        questions.extend(self.view_questions(&options.only, &stored)?);
        let mut report = CacheReport {
            project: self.project().name.clone(),
            epoch: done.epoch,
            threads: self.engine.threads(),
            repeat: options.repeat,
            machine: Machine::this(),
            tables: Vec::new(),
            questions: Vec::new(),
            memory: MemoryUse::default(),
        };
        let all = questions.len() as f64;
        for (at, question) in questions.into_iter().enumerate() {
            told(&question.name, at as f64 / all);
            let rows_of = |node: &String| sizes.iter().find(|(name, _)| &node_name(name) == node).map_or(0, |(_, (rows, _))| *rows);
            let mut timed = Timed { rows_read: question.reads.iter().map(rows_of).sum(), ..Timed::default() };
            self.ask_all_ways(&question, &versions, &files, options.repeat, &warm, &mut timed)
                .await
                .map_err(|e| e.at(question.name.clone()))?;
            timed.question = Some(question);
            report.questions.push(timed);
        }
        report.memory = self.engine.tables_in_memory().used();
        let in_memory = |node: &str| report.memory.tables.iter().find(|t| t.name == node).map_or(0, |t| t.bytes);
        report.tables = sizes
            .iter()
            .filter(|(name, _)| report.questions.iter().any(|t| t.question.as_ref().is_some_and(|q| q.reads.contains(&node_name(name)))))
            .map(|(name, (rows, bytes))| TableSize {
                name: node_name(name),
                rows: *rows,
                bytes_disk: *bytes,
                bytes_memory: in_memory(&node_name(name)),
            })
            .collect();
        Ok(report)
    }

    async fn ask_all_ways(
        &self,
        question: &Question,
        versions: &BTreeMap<TableName, i64>,
        files: &BTreeMap<String, Vec<PathBuf>>,
        repeat: usize,
        warm: &tidemill_engine::Session,
        timed: &mut Timed,
    ) -> Result<()> {
        let sql = &question.sql;
        if question.is_fixed && question.columns.iter().all(|(node, columns)| source::has(self, node, columns)) {
            for _ in 0..repeat {
                source::files(self, &question.reads).iter().for_each(|f| cold::forget(f));
                let answered = async {
                    let decode = |(node, columns): (&String, &Vec<String>)| source::decode(self, node, columns);
                    let relations = tokio::task::block_in_place(|| question.columns.iter().map(decode).collect::<Result<Vec<_>>>())?;
                    let session = self.engine.session(Catalog { relations, ..Catalog::default() });
                    let session = session.map_err(|p| Error::bug(p.message))?;
                    clock::run(&session, sql).await
                };
                timed.source.push(clock::seconds(answered).await?.0);
            }
        }
        for _ in 0..repeat {
            // A new engine has no footer in its cache either.
            let engine = check::engine(self.project())?;
            let session = self.session_in(&engine, versions, Reading::Disk).await?;
            question.reads.iter().filter_map(|node| files.get(node)).flatten().for_each(|f| cold::forget(f));
            timed.cold.push(clock::run(&session, sql).await?.seconds);
        }
        clock::run(warm, sql).await?;
        for _ in 0..repeat {
            timed.warm.push(clock::run(warm, sql).await?.seconds);
        }
        let memory = self.session_in(&self.engine, versions, Reading::Memory).await?;
        let first = clock::run(&memory, sql).await?;
        (timed.filling, timed.rows) = (first.seconds, first.rows);
        for _ in 0..repeat {
            timed.memory.push(clock::run(&memory, sql).await?.seconds);
        }
        Ok(())
    }
}
