//! One log line. Fields of the spans around an event come first, flat, so that `run` and `step` are found under the same names in every
//! line, in text as in JSON.

use crate::output::grid::{Tone, paint};
use serde_json::Value;
use std::fmt::{self, Write};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::fmt::format::{JsonFields, Writer};
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormattedFields};
use tracing_subscriber::registry::LookupSpan;

/// `2026-05-01T10:00:00.123456Z  INFO run=0192 step=3 node=clean.x rule fitted rule=2 column=income`, or the same as one JSON object.
pub struct Lines {
    pub json: bool,
    pub colour: bool,
}

impl<S> FormatEvent<S, JsonFields> for Lines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn format_event(&self, context: &FmtContext<'_, S, JsonFields>, mut out: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let mut spans: Vec<(String, Value)> = Vec::new();
        if let Some(scope) = context.event_scope() {
            for span in scope.from_root() {
                if let Some(fields) = span.extensions().get::<FormattedFields<JsonFields>>()
                    && let Ok(Value::Object(fields)) = serde_json::from_str(&fields.fields)
                {
                    spans.retain(|(name, _)| !fields.contains_key(name));
                    spans.extend(fields);
                }
            }
        }
        let mut fields = Fields::default();
        event.record(&mut fields);
        let meta = event.metadata();
        let mut time = String::new();
        SystemTime.format_time(&mut Writer::new(&mut time))?;

        if self.json {
            let mut line: Vec<(String, Value)> =
                vec![("timestamp".into(), time.into()), ("level".into(), meta.level().as_str().to_lowercase().into())];
            line.extend(spans);
            line.extend([("message".into(), fields.message.into()), ("target".into(), meta.target().into())]);
            // An event's own field never hides the run or step it belongs to.
            for (name, value) in fields.others {
                let name = if line.iter().any(|(taken, _)| *taken == name) { format!("field_{name}") } else { name };
                line.push((name, value));
            }
            let pairs: Vec<String> = line.into_iter().map(|(name, value)| format!("{}:{value}", Value::String(name))).collect();
            return writeln!(out, "{{{}}}", pairs.join(","));
        }
        let tone = match *meta.level() {
            Level::ERROR => Tone::Bad,
            Level::WARN => Tone::Warn,
            Level::INFO => Tone::Good,
            _ => Tone::Dim,
        };
        write!(out, "{} {}", paint(&time, Tone::Dim, self.colour), paint(&format!("{:>5}", meta.level().as_str()), tone, self.colour))?;
        for (name, value) in &spans {
            write!(out, " {}", paint(&format!("{name}={}", plain(value)), Tone::Dim, self.colour))?;
        }
        write!(out, " {}", one_line(&fields.message))?;
        for (name, value) in &fields.others {
            write!(out, " {}", paint(&format!("{name}={}", plain(value)), Tone::Dim, self.colour))?;
        }
        writeln!(out)
    }
}

#[derive(Default)]
struct Fields {
    message: String,
    others: Vec<(String, Value)>,
}

impl Fields {
    fn add(&mut self, field: &Field, value: Value) {
        if field.name() == "message" {
            self.message = plain(&value);
        } else {
            self.others.push((field.name().trim_start_matches("r#").to_string(), value));
        }
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let mut text = String::new();
        let _ = write!(text, "{value:?}");
        if field.name() == "message" {
            self.message = text;
        } else {
            self.add(field, text.into());
        }
    }
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "message" {
            self.message = value.to_string();
        } else {
            self.add(field, value.into());
        }
    }
    fn record_i64(&mut self, field: &Field, value: i64) {
        self.add(field, value.into());
    }
    fn record_u64(&mut self, field: &Field, value: u64) {
        self.add(field, value.into());
    }
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.add(field, value.into());
    }
    fn record_bool(&mut self, field: &Field, value: bool) {
        self.add(field, value.into());
    }
}

/// A value in a text line: quoted only where its end could not be seen otherwise.
fn plain(value: &Value) -> String {
    match value {
        Value::String(s) if !s.is_empty() && !s.contains(|c: char| c.is_whitespace() || c.is_control() || c == '"') => s.clone(),
        other => other.to_string(),
    }
}

/// A message must not forge a second log line.
fn one_line(text: &str) -> String {
    if text.contains(|c: char| c.is_control()) { text.escape_debug().to_string() } else { text.to_string() }
}
