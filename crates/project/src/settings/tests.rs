use super::*;
use std::time::Duration;

#[test]
fn sizes_and_durations_read_as_they_print() {
    for (text, bytes) in [("1GB", 1_000_000_000), ("512MiB", 1 << 29), ("1.5 gb", 1_500_000_000), ("4096", 4096), ("0", 0)] {
        assert_eq!(parse_size(text), Ok(bytes));
        assert_eq!(parse_size(&format_size(bytes)), Ok(bytes));
    }
    assert_eq!((format_size(2_000_000_000), format_size(1 << 30)), ("2GB".into(), "1GiB".into()));
    for bad in ["", "GB", "1 parsec", "-1GB", "1e400GB", "99999999TB"] {
        assert!(parse_size(bad).is_err(), "{bad}");
    }
    for (text, ms) in [("10s", 10_000), ("500ms", 500), ("1h30m", 5_400_000), ("7d", 604_800_000), ("0", 0), ("1.5 s", 1_500)] {
        assert_eq!(parse_duration(text), Ok(Duration::from_millis(ms)));
        assert_eq!(parse_duration(&format_duration(Duration::from_millis(ms))), Ok(Duration::from_millis(ms)));
    }
    assert_eq!(format_duration(Duration::from_secs(604_800)), "7d");
    for bad in ["", "10", "s", "10 parsecs", "5m3"] {
        assert!(parse_duration(bad).is_err(), "{bad}");
    }
}

#[test]
fn dotenv_reads_quotes_comments_and_exports() {
    let (v, problems) = dotenv::parse("# c\nA=1 # note\nexport B='x # y'\nC=\"a\\\"b\\nc\"\nD=x#y\nE=\n2F=1\nnonsense\nG='open\n");
    let v: Vec<(&str, &str)> = v.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
    assert_eq!(v, [("A", "1"), ("B", "x # y"), ("C", "a\"b\nc"), ("D", "x#y"), ("E", "")]);
    assert_eq!(problems.len(), 3);
    assert!(problems[0].message.contains("line 7"));
}

fn load(toml: &str, dotenv: &str, environment: &Environment) -> (Settings, Vec<String>) {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("tidemill.toml"), toml).unwrap();
    std::fs::write(dir.path().join(".env"), dotenv).unwrap();
    let (project, problems) = crate::load(dir.path(), environment);
    (project.settings, problems.into_iter().map(|p| p.message).collect())
}

#[test]
fn each_layer_wins_over_the_one_below() {
    let toml = "name = \"t\"\n[engine]\nthreads = 1\npartitions = 1\nbatch_rows = 1\ncache = \"1MB\"\n[environments.prod.engine]\npartitions = 2\nbatch_rows = 2\ncache = \"2MB\"\nmemory_limit = \"3GB\"\n";
    let environment = Environment {
        name: None,
        variables: BTreeMap::from([
            ("TIDEMILL_ENV".to_string(), "prod".to_string()),
            ("TIDEMILL__ENGINE__CACHE".to_string(), "4MB".to_string()),
        ]),
        overrides: vec![("--memory-limit".into(), "engine.memory_limit=5GB".into())],
    };
    let (s, problems) = load(toml, "TIDEMILL__ENGINE__CACHE=3MB\nTIDEMILL__ENGINE__BATCH_ROWS=3\n", &environment);
    assert_eq!(problems, Vec::<String>::new());
    let show: Vec<String> =
        s.entries().into_iter().filter(|(k, ..)| k.starts_with("engine.")).map(|(k, v, o)| format!("{k} = {v} ({o})")).collect();
    assert_eq!(
        show,
        [
            "engine.threads = 1 (tidemill.toml:3)",
            "engine.memory_limit = 5GB (--memory-limit)",
            "engine.partitions = 2 (tidemill.toml:8 (environment prod))",
            "engine.batch_rows = 3 (TIDEMILL__ENGINE__BATCH_ROWS in .env)",
            "engine.spill_dir =  (default)",
            "engine.cache = 4MB (TIDEMILL__ENGINE__CACHE)",
        ]
    );
    assert_eq!(s.environment.as_deref(), Some("prod"));
}

#[test]
fn mistakes_in_any_layer_are_told() {
    let environment = Environment {
        name: Some("prd".into()),
        variables: BTreeMap::from([("TIDEMILL__ENGINE__THREDS".to_string(), "4".to_string())]),
        overrides: vec![("--log-level".into(), "log.level=loud".into()), ("--set".into(), "engine.cache=much".into())],
    };
    let toml = "name = \"t\"\n[engine]\nmemory_limit = \"lots\"\nthreads = \"2\"\n[environments.prod.live]\nlateness = \"soon\"\n";
    let (_, mut problems) = load(toml, "", &environment);
    problems.sort();
    assert_eq!(
        problems,
        [
            "`--log-level` cannot be `loud`",
            "`--set engine.cache` cannot be `much`",
            "`TIDEMILL__ENGINE__THREDS` sets `engine.threds`, which is no setting",
            "`lateness` cannot be `soon`",
            "`memory_limit` cannot be `lots`",
            "`threads` must be a whole number, not text",
            "there is no environment `prd`",
        ]
    );
}

#[test]
fn secrets_are_recognised_by_name() {
    assert!(looks_secret("connections.shop.password") && looks_secret("s3.secret_access_key") && looks_secret("api_token"));
    assert!(!looks_secret("engine.threads"));
}
