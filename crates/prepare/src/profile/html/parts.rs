//! Texts, figures and tables of the page.

use std::fmt::Write;

/// Text as it stands in a page.
pub fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

/// A sentence in which backticks stand around names.
pub fn prose(text: &str) -> String {
    let mut out = String::new();
    for (i, part) in text.split('`').enumerate() {
        if i % 2 == 1 {
            let _ = write!(out, "<code>{}</code>", escaped(part));
        } else {
            out.push_str(&escaped(part));
        }
    }
    out
}

/// Columns whose name begins with `#` are of numbers.
pub(super) fn table(names: &[&str], rows: &[Vec<String>], out: &mut String) {
    out.push_str("<table><thead><tr>");
    for name in names {
        match name.strip_prefix('#') {
            Some(name) => drop(write!(out, "<th class=\"n\">{}</th>", escaped(name))),
            None => drop(write!(out, "<th>{}</th>", escaped(name))),
        }
    }
    out.push_str("</tr></thead><tbody>");
    for row in rows {
        out.push_str("<tr>");
        for (name, cell) in names.iter().zip(row) {
            let class = if name.starts_with('#') { " class=\"n\"" } else { "" };
            let _ = write!(out, "<td{class}>{}</td>", escaped(cell));
        }
        out.push_str("</tr>");
    }
    out.push_str("</tbody></table>");
}

pub(super) fn grouped(n: u64) -> String {
    super::super::findings::grouped(n)
}

pub(super) fn percent(n: u64, of: u64) -> String {
    if n == 0 { "0 %".into() } else { super::super::findings::percent(n, of).replace("less than ", "< ") }
}

/// A number for people.
pub(super) fn figure(v: f64) -> String {
    if !v.is_finite() {
        return v.to_string();
    }
    if v.fract() == 0.0 && v.abs() < 1e18 {
        return format!("{}{}", if v < 0.0 { "−" } else { "" }, grouped(v.abs() as u64));
    }
    if v.abs() >= 1e18 {
        return format!("{v:.2e}");
    }
    if v.abs() >= 1000.0 {
        return figure(v.round());
    }
    if v.abs() < 0.001 {
        return format!("{v:.2e}");
    }
    let digits = if v.abs() >= 100.0 {
        1
    } else if v.abs() >= 1.0 {
        2
    } else {
        4
    };
    let text = format!("{v:.digits$}");
    text.trim_end_matches('0').trim_end_matches('.').replace('-', "−")
}
