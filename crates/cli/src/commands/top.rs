//! `top`: how a served project is doing, again and again.

use super::write_report;
use crate::Ended;
use crate::args::TopArgs;
use crate::context::Context;
use crate::failure::Failure;
use crate::output::figures::{bytes, grouped};
use crate::output::grid::{Cell, Grid, Tone};
use crate::output::records::Records;
use serde_json::{Value, json};
use std::io::Write;
use std::time::Duration;
use tidemill_core::Error;
use tidemill_pipeline::live::status::{Figures, instant};

pub fn execute(args: &TopArgs, context: &Context, out: &mut dyn Write) -> Ended {
    let every = Duration::try_from_secs_f64(args.every).ok().filter(|d| *d >= Duration::from_millis(100));
    let every = every.ok_or_else(|| Failure::Usage(Error::config("`--every` takes at least 0.1 seconds")))?;
    let workspace = context.open_to_ask()?;
    let nobody = || Error::conflict("nobody serves this project").help("start it with `tidemill serve --headless`");
    let visit = workspace.visit()?.ok_or_else(nobody)?;
    let goes_on = !args.once && context.is_human() && context.style.width.is_some();
    loop {
        let figures = visit.figures()?;
        let records = records(&figures);
        if write_report(out, context.style.format, || object(&figures), &records)? {
            return Ok(0);
        }
        if goes_on {
            // Home and clear: the picture is drawn over itself.
            write!(out, "\x1b[H\x1b[2J")?;
        }
        show(&figures, context, out)?;
        out.flush()?;
        if !goes_on {
            return Ok(0);
        }
        context.wait(async {
            tokio::time::sleep(every).await;
            Ok(())
        })?;
    }
}

fn object(f: &Figures) -> Value {
    json!({"at_micros": f.at_micros, "epochs": f.epochs, "streams": f.streams, "live_views": f.views})
}

fn records(f: &Figures) -> Records {
    let mut records = Records::new(&[
        "name",
        "kind",
        "rows_in",
        "rows_per_second",
        "behind",
        "latency_ms_p50",
        "latency_ms_p99",
        "state_bytes",
        "late",
        "rejected",
        "trouble",
    ]);
    for s in &f.streams {
        let texts = (s.table.clone(), s.trouble.clone());
        let figures = [json!(s.behind), json!(s.latency_ms_p50), json!(s.latency_ms_p99), Value::Null, Value::Null, json!(s.rejected)];
        records.push(row(texts, "stream", s.rows_in, s.rows_per_second, figures));
    }
    for v in &f.views {
        let texts = (v.view.clone(), v.failed.clone());
        let figures = [Value::Null, json!(v.latency_ms_p50), json!(v.latency_ms_p99), json!(v.state_bytes), json!(v.late), Value::Null];
        records.push(row(texts, "live view", v.rows_in, v.rows_in_per_second, figures));
    }
    records
}

fn row((name, trouble): (String, Option<String>), kind: &str, rows: u64, rate: f64, figures: [Value; 6]) -> Vec<Value> {
    let mut row = vec![json!(name), json!(kind), json!(rows), json!(rate)];
    row.extend(figures);
    row.push(json!(trouble));
    row
}

fn show(f: &Figures, context: &Context, out: &mut dyn Write) -> std::io::Result<()> {
    writeln!(out, "{}  {} epochs", instant(f.at_micros), grouped(f.epochs))?;
    let mut streams = Grid::new(&["table", "#rows/s", "#rows", "#set aside", "#behind", "#age", "#p50 ms", "#p99 ms", ""]);
    for s in &f.streams {
        let trouble = match (&s.trouble, s.prepared) {
            (Some(t), _) => Cell::toned(t.clone(), Tone::Bad),
            (None, false) => Cell::toned("rules not fitted yet", Tone::Warn),
            _ => Cell::new(""),
        };
        streams.push(vec![
            Cell::new(s.table.clone()),
            Cell::new(grouped(s.rows_per_second.round() as u64)),
            Cell::new(grouped(s.rows_in)),
            if s.rejected > 0 { Cell::toned(grouped(s.rejected), Tone::Warn) } else { Cell::new("0") },
            Cell::new(s.behind.map_or("–".into(), grouped)),
            Cell::new(s.behind_seconds.map_or("–".into(), age)),
            millis(s.latency_ms_p50),
            millis(s.latency_ms_p99),
            trouble,
        ]);
    }
    streams.write(out, context.style.width, context.style.colour)?;
    if f.views.is_empty() {
        return Ok(());
    }
    writeln!(out)?;
    let mut views = Grid::new(&["live view", "#in/s", "#out/s", "#late", "watermark", "#state rows", "#state", "#p50 ms", "#p99 ms", ""]);
    for v in &f.views {
        views.push(vec![
            Cell::new(v.view.clone()),
            Cell::new(grouped(v.rows_in_per_second.round() as u64)),
            Cell::new(grouped(v.rows_out_per_second.round() as u64)),
            if v.late > 0 { Cell::toned(grouped(v.late), Tone::Warn) } else { Cell::new("0") },
            Cell::new(v.watermark_micros.map_or("–".into(), instant)),
            Cell::new(grouped(v.state_rows)),
            Cell::new(bytes(v.state_bytes)),
            millis(v.latency_ms_p50),
            millis(v.latency_ms_p99),
            match (&v.failed, v.reads.is_empty()) {
                (Some(why), _) => Cell::toned(why.clone(), Tone::Bad),
                (None, true) => Cell::new(""),
                (None, false) => Cell::new(format!("with {}", v.reads.join(", "))),
            },
        ]);
    }
    views.write(out, context.style.width, context.style.colour).map(drop)
}

fn millis(ms: Option<f64>) -> Cell {
    Cell::new(ms.map_or("–".into(), |m| if m < 100.0 { format!("{m:.1}") } else { grouped(m.round() as u64) }))
}

fn age(seconds: f64) -> String {
    match seconds {
        s if s < 10.0 => format!("{s:.1} s"),
        s if s < 120.0 => format!("{s:.0} s"),
        s if s < 7200.0 => format!("{:.0} min", s / 60.0),
        s => format!("{:.0} h", s / 3600.0),
    }
}
