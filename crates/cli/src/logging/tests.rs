use super::*;
use std::fs;
use std::sync::Arc;
use tracing_subscriber::fmt::MakeWriter;

#[derive(Clone, Default)]
struct Captured(Arc<Mutex<Vec<u8>>>);

impl Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Captured {
    type Writer = Captured;
    fn make_writer(&self) -> Captured {
        self.clone()
    }
}

fn logged(json: bool, level: &str, work: impl FnOnce()) -> String {
    let captured = Captured::default();
    let layer = fmt::layer()
        .fmt_fields(JsonFields::new())
        .event_format(Lines { json, colour: false })
        .with_writer(captured.clone())
        .with_filter(levels(level).unwrap());
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), work);
    let bytes = captured.0.lock().unwrap().clone();
    String::from_utf8(bytes).unwrap()
}

fn a_step() {
    let run = tracing::info_span!(target: "tidemill_pipeline", "run", run = "0192");
    let _run = run.enter();
    let step = tracing::info_span!(target: "tidemill_pipeline", "step", step = 3, node = "clean.x");
    let _step = step.enter();
    tracing::info!(target: "tidemill_pipeline", rows = 5, "rows read");
    tracing::warn!(target: "tidemill_pipeline", name = "two words", "a \"careful\" word\nand a forged line");
    tracing::info!(target: "datafusion", "not ours");
}

#[test]
fn text_lines_carry_run_and_step() {
    let text = logged(false, "info", a_step);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 2, "{text}");
    assert!(lines[0].ends_with("  INFO run=0192 node=clean.x step=3 rows read rows=5"), "{text}");
    assert!(lines[1].contains("name=\"two words\"") && lines[1].contains("\\n"), "{text}");
}

#[test]
fn a_warning_knows_its_step_even_when_the_level_hides_information() {
    let text = logged(true, "warn", a_step);
    assert_eq!(text.lines().count(), 1, "{text}");
    let line: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!((line["run"].as_str(), line["step"].as_i64(), line["node"].as_str()), (Some("0192"), Some(3), Some("clean.x")));
    assert_eq!((line["level"].as_str(), line["name"].as_str()), (Some("warn"), Some("two words")));
    assert_eq!(line["message"], "a \"careful\" word\nand a forged line");
}

#[test]
fn directives_reach_the_libraries() {
    assert!(logged(false, "warn,datafusion=info", a_step).contains("not ours"));
    assert_eq!(levels("shout").err().unwrap().kind, tidemill_core::ErrorKind::Config);
}

#[test]
fn a_full_file_is_set_aside_and_the_oldest_goes() {
    let dir = std::env::temp_dir().join(format!("tidemill-rotate-{}", std::process::id()));
    let path = dir.join("logs/t.log");
    let mut file = RotatingFile::open(&path, 20, 3).unwrap();
    for n in 0..7 {
        file.write_all(format!("line {n} 78\n").as_bytes()).unwrap();
    }
    drop(file);
    let read = |name: &str| fs::read_to_string(dir.join("logs").join(name)).unwrap_or_default();
    assert_eq!(read("t.log"), "line 6 78\n");
    assert_eq!(read("t.log.1"), "line 4 78\nline 5 78\n");
    assert_eq!(read("t.log.2"), "line 2 78\nline 3 78\n");
    assert!(!dir.join("logs/t.log.3").exists());

    // What is there already counts.
    let mut file = RotatingFile::open(&path, 20, 3).unwrap();
    file.write_all(b"0123456789abcdef\n").unwrap();
    assert_eq!(read("t.log.1"), "line 6 78\n");
    fs::remove_dir_all(&dir).unwrap();
}
