//! `/metrics`: how the server and the streams are doing, as Prometheus reads it.

use crate::server::Served;
use axum::http::StatusCode;
use std::fmt::Write;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

#[derive(Default)]
pub struct Metrics {
    /// By hundreds: 2xx at 2.
    statuses: [AtomicU64; 6],
    /// Pages that wait for events now.
    pub listeners: AtomicUsize,
}

impl Metrics {
    pub fn count(&self, status: StatusCode) {
        let class = usize::from(status.as_u16() / 100);
        if let Some(counter) = self.statuses.get(class) {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub fn text(&self, served: &Served) -> String {
        let mut out = String::new();
        let mut one = |name: &str, kind: &str, help: &str, lines: &[(String, f64)]| {
            let _ = writeln!(out, "# HELP tidemill_{name} {help}\n# TYPE tidemill_{name} {kind}");
            for (labels, value) in lines {
                let _ = writeln!(out, "tidemill_{name}{labels} {value}");
            }
        };
        let classes: Vec<(String, f64)> =
            (1..6).map(|c| (format!("{{status=\"{c}xx\"}}"), self.statuses[c].load(Ordering::Relaxed) as f64)).collect();
        one("http_requests_total", "counter", "requests answered", &classes);
        let counts = &served.answers.counts;
        let plain = |n: &AtomicU64| vec![(String::new(), n.load(Ordering::Relaxed) as f64)];
        one("questions_total", "counter", "questions that were computed", &plain(&counts.asked));
        one("questions_kept_total", "counter", "questions answered by what was kept or under way", &plain(&counts.from_kept));
        one("questions_failed_total", "counter", "questions that failed", &plain(&counts.failed));
        one("questions_given_up_total", "counter", "questions that took too long", &plain(&counts.given_up));
        let seconds = counts.micros.load(Ordering::Relaxed) as f64 / 1e6;
        one("question_seconds_total", "counter", "time that questions took", &[(String::new(), seconds)]);
        let profiles = &served.profiles.counts;
        one("profiles_kept_total", "counter", "profiles by key answered by what is kept", &plain(&profiles.from_kept));
        one("profiles_asked_total", "counter", "profiles by key that views were asked for", &plain(&profiles.from_views));
        one("profile_fillings_total", "counter", "how often the profiles of a view were brought up to date", &plain(&profiles.fillings));
        one("profile_fillings_failed_total", "counter", "how often that came to nothing", &plain(&profiles.failed));
        one("profile_bytes_written_total", "counter", "bytes that were written for it", &plain(&profiles.bytes_written));
        let (kept, bytes) = served.answers.kept();
        one("answers_kept", "gauge", "answers that are kept", &[(String::new(), kept as f64)]);
        one("answers_kept_bytes", "gauge", "bytes of answers that are kept", &[(String::new(), bytes as f64)]);
        one("listeners", "gauge", "pages that wait for events", &[(String::new(), self.listeners.load(Ordering::Relaxed) as f64)]);
        one("ready", "gauge", "1 when there is something to ask", &[(String::new(), f64::from(u8::from(served.data.is_ready())))]);
        let mut figures = served.data.figures();
        figures.sort_by(|a, b| (a.name, &a.of).cmp(&(b.name, &b.of)));
        for same in figures.chunk_by(|a, b| a.name == b.name) {
            let escaped = |t: &str| t.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
            let lines: Vec<(String, f64)> = same.iter().map(|f| (format!("{{name=\"{}\"}}", escaped(&f.of)), f.value)).collect();
            let kind = if same[0].name.ends_with("_total") { "counter" } else { "gauge" };
            one(same[0].name, kind, same[0].help, &lines);
        }
        out
    }
}
