//! Plots as inline SVG. Colours come from the page's style, so that they follow light and dark.

use super::parts::{escaped, grouped};
use crate::profile::Correlation;
use std::fmt::Write;

const WIDTH: f64 = 320.0;
const HEIGHT: f64 = 84.0;
/// Columns of the table of correlations at most.
const HEAT: usize = 14;

/// Bars with their labels as tooltips, and what stands below the first and the last.
pub(super) fn bars(all: &[(String, u64)], first: &str, last: &str, out: &mut String) {
    let most = all.iter().map(|b| b.1).max().unwrap_or(0).max(1) as f64;
    let step = WIDTH / all.len().max(1) as f64;
    let gap = (step * 0.12).min(2.0);
    begin(WIDTH, HEIGHT + 16.0, &format!("{} bars, from {first} to {last}", all.len()), out);
    for (i, (label, n)) in all.iter().enumerate() {
        // What is there is seen, however little.
        let height = if *n == 0 { 0.0 } else { (*n as f64 / most * HEIGHT).max(1.5) };
        let _ = write!(
            out,
            "<rect class=\"b\" x=\"{:.2}\" y=\"{:.2}\" width=\"{:.2}\" height=\"{height:.2}\"><title>{}: {}</title></rect>",
            i as f64 * step + gap / 2.0,
            HEIGHT - height,
            (step - gap).max(0.5),
            escaped(label),
            grouped(*n)
        );
    }
    ends(WIDTH, HEIGHT, first, last, out);
}

/// Rows over time as an area.
pub(super) fn series(all: &[(String, u64)], first: &str, last: &str, out: &mut String) {
    let (width, height) = (1000.0, 120.0);
    let most = all.iter().map(|b| b.1).max().unwrap_or(0).max(1) as f64;
    let step = width / all.len().max(1) as f64;
    begin(width, height + 16.0, &format!("rows over time, from {first} to {last}"), out);
    for (i, (label, n)) in all.iter().enumerate() {
        let h = if *n == 0 { 0.0 } else { (*n as f64 / most * height).max(1.0) };
        let _ = write!(
            out,
            "<rect class=\"b\" x=\"{:.2}\" y=\"{:.2}\" width=\"{:.2}\" height=\"{h:.2}\"><title>{}: {}</title></rect>",
            i as f64 * step,
            height - h,
            (step * 0.9).max(0.5),
            escaped(label),
            grouped(*n)
        );
    }
    ends(width, height, first, last, out);
}

fn begin(width: f64, height: f64, label: &str, out: &mut String) {
    let _ = write!(out, "<svg viewBox=\"0 0 {width} {height}\" role=\"img\" aria-label=\"{}\">", escaped(label));
}

fn ends(width: f64, height: f64, first: &str, last: &str, out: &mut String) {
    let _ = write!(
        out,
        "<line x1=\"0\" y1=\"{height}\" x2=\"{width}\" y2=\"{height}\"/><text x=\"0\" y=\"{0}\">{1}</text><text x=\"{width}\" y=\"{0}\" text-anchor=\"end\">{2}</text></svg>",
        height + 13.0,
        escaped(first),
        escaped(last)
    );
}

/// The columns with the strongest correlations against each other.
pub(super) fn heat(all: &[Correlation], out: &mut String) {
    let mut names: Vec<&str> = Vec::new();
    for c in all {
        for name in [c.left.as_str(), c.right.as_str()] {
            if names.len() < HEAT && !names.contains(&name) {
                names.push(name);
            }
        }
    }
    out.push_str("<div class=\"scroll\"><table class=\"heat\"><tbody>");
    for (i, row) in names.iter().enumerate() {
        let _ = write!(out, "<tr><th>{}</th>", escaped(row));
        for column in &names[..i] {
            let found = all.iter().find(|c| (c.left == *row && c.right == *column) || (c.left == *column && c.right == *row));
            match found {
                Some(c) => {
                    let tone = if c.value < 0.0 { "--bad" } else { "--bar" };
                    let strength = c.value.abs() * 70.0;
                    let _ = write!(
                        out,
                        "<td style=\"background:color-mix(in srgb,var({tone}) {strength:.0}%,transparent)\" title=\"{} and {}, {}\">{:.2}</td>",
                        escaped(row),
                        escaped(column),
                        c.method.as_str().replace('_', " "),
                        c.value
                    );
                }
                None => out.push_str("<td class=\"soft\">·</td>"),
            }
        }
        out.push_str("<td></td></tr>");
    }
    out.push_str("<tr><th></th>");
    for name in names.iter().take(names.len().saturating_sub(1)) {
        let short: String = name.chars().take(10).collect();
        let _ = write!(out, "<td class=\"soft\" title=\"{}\">{}</td>", escaped(name), escaped(&short));
    }
    out.push_str("</tr></tbody></table></div>");
}
