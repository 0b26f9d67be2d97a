//! The reports as pages of their own: no script, nothing from elsewhere, a table behind each chart.

use super::cache::{gain, name, ways};
use super::plans::against_usual;
use super::{machine_line, seconds, times};
use crate::output::figures::{bytes, grouped, memory, rate};
use std::fmt::Write;
use tidemill_pipeline::bench::{CacheReport, LiveReport, PlanReport, median};

const STYLE: &str = include_str!("page.css");

pub(super) fn cache(report: &CacheReport) -> String {
    let mut body = String::new();
    let _ = write!(
        body,
        "<h1>{}: from disk and from memory</h1><p class=soft>epoch {}; {}</p>",
        escaped(&report.project),
        report.epoch,
        escaped(&machine_line(&report.machine, report.threads, report.repeat))
    );
    body.push_str(
        "<p>Each bar is the time from the question's text to its last row. <b class=source>Source</b>: decoding the source's own files, from the \
         disk. <b class=cold>Cold</b>: the lake's tables, in no cache of ours or the system's. <b class=warm>Warm</b>: the same after they were \
         read before. <b class=memory>Memory</b>: Arrow columns kept in memory.</p><div class=charts>",
    );
    for t in &report.questions {
        let ways = ways(t);
        let longest = ways.iter().map(|(_, s)| *s).fold(f64::MIN_POSITIVE, f64::max);
        let _ = write!(body, "<section><h2>{}</h2>", escaped(name(t)));
        for (way, s) in &ways {
            let _ = write!(
                body,
                "<div class=row><span>{way}</span><i class={way} style=\"width:{:.1}%\"></i><em>{}</em></div>",
                62.0 * s / longest,
                seconds(*s)
            );
        }
        if let Some(question) = &t.question {
            let _ = write!(body, "<details><summary>SQL</summary><pre>{}</pre></details>", escaped(question.sql.trim()));
        }
        body.push_str("</section>");
    }
    body.push_str("</div><h2>In figures</h2>");
    let columns =
        ["question", "#rows read", "#rows", "#source", "#cold", "#warm", "#memory", "#over source", "#over cold", "#over warm", "#rows/s"];
    let rows: Vec<Vec<String>> = report
        .questions
        .iter()
        .map(|t| {
            let time = |each: &[f64]| median(each).map_or_else(|| "–".into(), seconds);
            let factor = |each: &[f64]| gain(each, t).map_or_else(|| "–".into(), times);
            let per_second = median(&t.memory).map_or_else(String::new, |s| rate(t.rows_read as f64 / s));
            let mut row = vec![name(t).to_string(), grouped(t.rows_read), grouped(t.rows)];
            row.extend([time(&t.source), time(&t.cold), time(&t.warm), time(&t.memory)]);
            row.extend([factor(&t.source), factor(&t.cold), factor(&t.warm), per_second]);
            row
        })
        .collect();
    table(&columns, &rows, &mut body);
    body.push_str("<h2>What is held</h2>");
    let held: Vec<Vec<String>> =
        report.tables.iter().map(|t| vec![t.name.clone(), grouped(t.rows), bytes(t.bytes_disk), bytes(t.bytes_memory)]).collect();
    table(&["table", "#rows", "#on disk", "#in memory"], &held, &mut body);
    let _ = write!(body, "<p class=soft>in memory: {}</p>", escaped(&memory(&report.memory)));
    whole(&format!("{}: from disk and from memory", report.project), &body)
}

pub(super) fn plans(report: &PlanReport) -> String {
    let mut body = String::new();
    let _ = write!(
        body,
        "<h1>{}: what ways of planning are worth</h1><p class=soft>epoch {}; {}</p><div class=charts>",
        escaped(&report.project),
        report.epoch,
        escaped(&machine_line(&report.machine, report.threads, report.repeat))
    );
    for view in &report.views {
        let all: Vec<_> = std::iter::once(&view.usual).chain(&view.ways).collect();
        let longest = all.iter().map(|w| w.median()).fold(f64::MIN_POSITIVE, f64::max);
        let _ = write!(body, "<section><h2>{}</h2>", escaped(&view.view));
        for way in &all {
            let usual = std::ptr::eq(*way, &view.usual);
            let against = if usual { String::new() } else { format!(" ({})", against_usual(way, &view.usual)) };
            let _ = write!(
                body,
                "<div class=row><span>{}</span><i class={} style=\"width:{:.1}%\"></i><em>{}{against}</em></div>",
                way.way.name(),
                if usual { "memory" } else { "warm" },
                50.0 * way.median() / longest,
                seconds(way.median())
            );
        }
        let columns = ["way", "#time", "#read", "#exchanged", "#spilled", "#lines of the plan that differ"];
        let rows: Vec<Vec<String>> = all
            .iter()
            .map(|w| {
                let mut row = vec![w.way.name().to_string(), seconds(w.median())];
                row.extend([bytes(w.bytes_read), bytes(w.bytes_exchanged), bytes(w.bytes_spilled), w.difference.len().to_string()]);
                row
            })
            .collect();
        body.push_str("<details><summary>figures and plans</summary>");
        table(&columns, &rows, &mut body);
        for way in view.ways.iter().filter(|w| !w.difference.is_empty()) {
            let _ = write!(body, "<h3>{}</h3><pre>", way.way.name());
            for line in &way.difference {
                let class = if line.starts_with('-') { "del" } else { "ins" };
                let _ = writeln!(body, "<{class}>{}</{class}>", escaped(line));
            }
            body.push_str("</pre>");
        }
        body.push_str("</details></section>");
    }
    body.push_str("</div>");
    whole(&format!("{}: what ways of planning are worth", report.project), &body)
}

pub(super) fn live(report: &LiveReport) -> String {
    let mut body = String::new();
    let title = format!("{}: live views at work", report.project);
    let _ = write!(
        body,
        "<h1>{}</h1><p class=soft>epoch {}; {}</p><p>Rows a second at full speed, in batches of {} rows, from memory on one thread; and the time from when a row \
         was due to when it was in the result, at {} rows a second.</p><div class=charts>",
        escaped(&title),
        report.epoch,
        escaped(&machine_line(&report.machine, report.threads, report.repeat)),
        grouped(report.options.batch_rows as u64),
        grouped(report.options.rate)
    );
    let fastest = report.views.iter().map(|v| v.rows_per_second()).fold(f64::MIN_POSITIVE, f64::max);
    body.push_str("<section><h2>rows a second</h2>");
    for v in report.views.iter().filter(|v| v.failed.is_none()) {
        let _ = write!(
            body,
            "<div class=row><span>{}</span><i class=memory style=\"width:{:.1}%\"></i><em>{}</em></div>",
            escaped(&v.view),
            55.0 * v.rows_per_second() / fastest,
            rate(v.rows_per_second())
        );
    }
    body.push_str("</section>");
    for v in &report.views {
        let Some(paced) = &v.paced else { continue };
        let most = paced.steps.iter().map(|s| s.1).max().unwrap_or(1) as f64;
        let _ = write!(
            body,
            "<section><h2>{}: milliseconds at {} rows/s</h2>",
            escaped(&v.view),
            grouped(paced.rows_per_second.round() as u64)
        );
        for (upper, rows) in merged(&paced.steps) {
            let _ = write!(
                body,
                "<div class=row><span>≤ {:.2}</span><i class=warm style=\"width:{:.1}%\"></i><em>{}</em></div>",
                upper as f64 / 1e3,
                55.0 * rows as f64 / most.max(rows as f64),
                grouped(rows)
            );
        }
        body.push_str("</section>");
    }
    body.push_str("</div><h2>In figures</h2>");
    let rows: Vec<Vec<String>> = report.views.iter().map(super::live::cells).collect();
    table(super::live::COLUMNS, &rows, &mut body);
    if !report.recipes.is_empty() {
        body.push_str("<h2>Rules</h2>");
        let rows: Vec<Vec<String>> =
            report.recipes.iter().map(|r| vec![r.table.clone(), grouped(r.rows), rate(r.rows_per_second())]).collect();
        table(&["table", "#rows", "#rows/s"], &rows, &mut body);
    }
    whole(&title, &body)
}

/// A histogram's steps by doubling.
fn merged(steps: &[(u64, u64)]) -> Vec<(u64, u64)> {
    let mut out: Vec<(u64, u64)> = Vec::new();
    for (upper, rows) in steps {
        let doubled = upper.max(&1).next_power_of_two();
        match out.last_mut() {
            Some(last) if last.0 == doubled => last.1 += rows,
            _ => out.push((doubled, *rows)),
        }
    }
    out
}

fn whole(title: &str, body: &str) -> String {
    format!(
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content=\"width=device-width,initial-scale=1\"><title>{}</title>\
         <style>{STYLE}</style><body>{body}</body></html>\n",
        escaped(title)
    )
}

/// Columns whose name begins with `#` are of numbers.
fn table(columns: &[&str], rows: &[Vec<String>], out: &mut String) {
    let class = |name: &str| if name.starts_with('#') { " class=n" } else { "" };
    out.push_str("<div class=scroll><table><thead><tr>");
    for name in columns {
        let _ = write!(out, "<th{}>{}</th>", class(name), escaped(name.trim_start_matches('#')));
    }
    out.push_str("</tr></thead><tbody>");
    for row in rows {
        out.push_str("<tr>");
        for (name, cell) in columns.iter().zip(row) {
            let _ = write!(out, "<td{}>{}</td>", class(name), escaped(cell));
        }
        out.push_str("</tr>");
    }
    out.push_str("</tbody></table></div>");
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
