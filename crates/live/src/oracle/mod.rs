//! The oracle: each file of `crates/live/oracle` is run over finite logs in random batches, out of order within its lateness, over one split and
//! four, with three checkpoints and kills between them, and must end where the batch engine does. Each file of `oracle/refused` must be refused
//! as it says.

mod compare;
mod logs;
mod run;

use crate::compiled::Compiled;
use logs::{Logs, Rng};
use std::path::{Path, PathBuf};
use tidemill_core::Spanned;
use tidemill_engine::SqlProblem;
use tidemill_project::spec::{Emit, Late, LiveSettings, StateLimit};

/// A file of the folder.
pub(super) struct Case {
    pub(super) name: String,
    pub(super) sql: String,
    pub(super) settings: LiveSettings,
    /// Of a final view: which rows of the batch result are over, `{W}` being the watermark.
    pub(super) closed: Option<String>,
    /// Text of the refusal: message, help, and the words it points at.
    pub(super) refusal: Vec<String>,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("oracle")
}

fn cases(of: &Path) -> Vec<Case> {
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(of).unwrap().map(|e| e.unwrap().path()).filter(|p| p.extension().is_some_and(|e| e == "sql")).collect();
    files.sort();
    let wanted = std::env::var("TIDEMILL_ORACLE").unwrap_or_default();
    files.iter().map(|f| case(f)).filter(|c| c.name.contains(&wanted)).collect()
}

fn case(file: &Path) -> Case {
    let text = std::fs::read_to_string(file).unwrap();
    let name = file.file_stem().unwrap().to_string_lossy().to_string();
    let mut settings = LiveSettings { lateness_micros: 10_000_000, ..LiveSettings::default() };
    let (mut closed, mut refusal, mut sql) = (None, Vec::new(), String::new());
    for line in text.lines() {
        if let Some(said) = line.strip_prefix("--? ") {
            refusal.push(said.to_string());
            continue;
        }
        let Some(setting) = line.strip_prefix("--! ") else {
            sql.push_str(line);
            sql.push('\n');
            continue;
        };
        let (key, value) = setting.split_once(" = ").unwrap();
        let value = value.trim_matches('"');
        match key {
            "lateness" => settings.lateness_micros = value.trim_end_matches('s').parse::<i64>().unwrap() * 1_000_000,
            "emit" => settings.emit = if value == "final" { Emit::Final } else { Emit::Changes },
            "late" => settings.late = if value == "update" { Late::Update } else { Late::List },
            "recompute" => settings.recompute = value == "true",
            "deterministic" => settings.deterministic = value == "true",
            "state_limit" => {
                settings.state_limit = Some(Spanned { value: StateLimit::Rows(value.parse().unwrap()), span: Default::default() })
            }
            "closed" => closed = Some(value.to_string()),
            other => panic!("{name}: {other}"),
        }
    }
    Case { name, sql: sql.trim().to_string(), settings, closed, refusal }
}

pub(super) fn seed_of(name: &str) -> u64 {
    let given = std::env::var("TIDEMILL_SEED").ok().and_then(|s| s.parse().ok());
    given.unwrap_or_else(|| name.bytes().fold(0xcbf2_9ce4_8422_2325, |h: u64, b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3)))
}

#[test]
fn every_view_ends_where_batch_does() {
    let all = cases(&folder());
    assert!(all.len() >= 80 || std::env::var("TIDEMILL_ORACLE").is_ok(), "{} files", all.len());
    let logs = Logs::new(42);
    let mut wrong = Vec::new();
    for case in &all {
        for (round, splits) in [(0, 1), (1, 4), (2, 4)] {
            let seed = seed_of(&case.name).wrapping_add(round);
            let told =
                std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| run::ends_where_batch_does(case, &logs, splits, &mut Rng(seed))));
            let told = told.unwrap_or_else(|p| Err(format!("panicked: {}", p.downcast_ref::<String>().cloned().unwrap_or_default())));
            if let Err(why) = told {
                wrong.push(format!("== {} (TIDEMILL_SEED={seed} TIDEMILL_ORACLE={}, {splits} splits)\n{why}", case.name, case.name));
                break;
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), all.len(), wrong.join("\n"));
}

fn told(problem: &SqlProblem, sql: &str) -> Vec<String> {
    let at = problem.span.clone().map_or("-", |s| &sql[s]);
    vec![problem.message.clone(), format!("help: {}", problem.help.clone().unwrap_or_default()), format!("at: {at}")]
}

#[test]
fn what_cannot_be_kept_is_refused() {
    let logs = Logs::new(42);
    let session = logs.session(&logs.everything());
    let all = cases(&folder().join("refused"));
    let mut wrong = Vec::new();
    for case in &all {
        let lines: Vec<String> = match Compiled::new(&case.name, &case.sql, &case.settings, &session, &logs.infos()) {
            Ok(_) => vec!["taken".into()],
            Err(problems) => problems.iter().flat_map(|p| told(p, &case.sql)).collect(),
        };
        if std::env::var("UPDATE").is_ok() {
            let file = folder().join("refused").join(format!("{}.sql", case.name));
            let text = std::fs::read_to_string(&file).unwrap();
            let kept: Vec<&str> = text.lines().filter(|l| !l.starts_with("--? ")).collect();
            let said: String = lines.iter().map(|l| format!("--? {l}\n")).collect();
            std::fs::write(file, format!("{said}{}\n", kept.join("\n"))).unwrap();
        } else if lines != case.refusal {
            wrong.push(format!("== {}\n{}\n-- wanted\n{}", case.name, lines.join("\n"), case.refusal.join("\n")));
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), all.len(), wrong.join("\n"));
}
