//! A profile as JSON: names and units as in the types, numbers as numbers; stable, so that programs may read it.

use super::findings::type_name;
use super::{Bin, Class, ColumnProfile, NumberProfile, Profile, TextProfile, TimeCoverage};
use serde_json::{Value, json};

impl Profile {
    pub fn to_json(&self) -> Value {
        json!({
            "format": 1,
            "name": self.name,
            "rows": self.rows,
            "rejected": self.rejected,
            "bytes": self.bytes,
            "sampled_rows": self.sampled,
            "findings": self.findings.iter().map(|f| json!({
                "code": f.code, "severity": f.severity.as_str(), "column": f.column, "text": f.text, "rows": f.rows, "help": f.help,
            })).collect::<Vec<_>>(),
            "columns": self.columns.iter().map(column).collect::<Vec<_>>(),
            "rejects": self.rejects.iter().map(|r| json!({ "code": r.code, "column": r.column, "rows": r.rows, "example": r.example })).collect::<Vec<_>>(),
            "duplicates": {
                "exact": self.duplicates.exact,
                "counted": self.duplicates.is_counted,
                "ignoring": self.duplicates.ignoring.iter().map(|(c, n)| json!({ "column": c, "rows": n })).collect::<Vec<_>>(),
                "near": self.duplicates.near.iter().map(|n| json!({
                    "column": n.column, "ignoring": n.ignoring, "rows": n.rows, "examples": n.examples,
                })).collect::<Vec<_>>(),
            },
            "keys": self.keys.iter().map(|k| json!({ "columns": k.columns, "duplicates": k.duplicates, "missing": k.missing, "counted": k.is_counted })).collect::<Vec<_>>(),
            "identical": self.identical.iter().map(|(a, b)| json!([a, b])).collect::<Vec<_>>(),
            "dependencies": self.dependencies.iter().map(|d| json!({
                "determinant": d.determinant, "dependent": d.dependent, "groups": d.groups, "rows": d.rows, "violations": d.violations,
                "agreement": rounded(d.agreement()),
            })).collect::<Vec<_>>(),
            "mendings": self.mendings.iter().map(|m| json!({
                "column": m.column, "from": m.from, "to": m.to, "rows": m.rows, "confidence": rounded(m.confidence), "made": m.is_made,
            })).collect::<Vec<_>>(),
            "sources": self.sources.iter().map(|d| json!({
                "source": d.source, "about": d.about,
                "columns": d.columns.iter().map(|(c, agree, all)| json!({ "column": c, "agree": agree, "rows": all })).collect::<Vec<_>>(),
                "worst": d.worst.as_ref().map(|(s, odd, all)| json!({ "value": s, "odd": odd, "cells": all })),
            })).collect::<Vec<_>>(),
            "conditions": self.conditions.iter().map(|c| json!({
                "column": c.column, "class": class(&c.class), "rows": c.rows, "other": c.other, "state": c.state.as_str(),
                "elsewhere": c.elsewhere, "outside": c.outside,
            })).collect::<Vec<_>>(),
            "correlations": self.correlations.iter().map(|c| json!({
                "left": c.left, "right": c.right, "method": c.method.as_str(), "value": rounded(c.value), "rows": c.rows,
            })).collect::<Vec<_>>(),
            "time": self.time.iter().map(time).collect::<Vec<_>>(),
            "target": self.target.as_ref().map(|t| json!({
                "column": t.column, "value": t.value, "overall": number(t.overall), "rows": t.rows,
                "columns": t.columns.iter().map(|c| json!({
                    "column": c.column, "information": rounded(c.information),
                    "groups": c.groups.iter().map(|g| json!({
                        "label": g.label, "rows": g.rows, "figure": number(g.figure),
                        "lift": if t.overall == 0.0 { Value::Null } else { rounded(g.figure / t.overall) },
                    })).collect::<Vec<_>>(),
                })).collect::<Vec<_>>(),
            })),
        })
    }
}

fn class(c: &Class) -> Value {
    match c {
        Class::Begins(letters) => json!({ "begins": letters }),
        Class::Shape(shape) => json!({ "shape": shape }),
        Class::Value(value) => json!({ "value": value }),
        Class::Missing => json!("missing"),
    }
}

fn number(v: f64) -> Value {
    serde_json::Number::from_f64(v).map_or(Value::Null, Value::Number)
}

fn rounded(v: f64) -> Value {
    number((v * 1e6).round() / 1e6)
}

fn pairs(all: &[(String, u64)], name: &str) -> Value {
    Value::Array(all.iter().map(|(v, n)| json!({ name: v, "rows": n })).collect())
}

fn column(c: &ColumnProfile) -> Value {
    json!({
        "name": c.name,
        "label": c.label,
        "type": type_name(&c.data_type),
        "rows": c.rows,
        "missing": c.missing,
        "invalid": c.invalid,
        "distinct": { "count": c.distinct.count, "exact": c.distinct.exact },
        "top": pairs(&c.top, "value"),
        "top_error": c.top_error,
        "numbers": c.numbers.as_ref().map(numbers),
        "moments": c.moments.as_ref().map(|m| json!({ "first": m.first, "last": m.last, "future": m.future, "histogram": pairs(&m.histogram, "from") })),
        "texts": c.texts.as_ref().map(texts),
        "suspicious": c.suspicious.iter().map(|s| json!({
            "value": s.value, "rows": s.rows, "why": s.why.as_str(), "meant": s.meant, "confidence": rounded(s.confidence),
        })).collect::<Vec<_>>(),
    })
}

fn numbers(n: &NumberProfile) -> Value {
    json!({
        "min": number(n.min), "max": number(n.max), "mean": number(n.mean), "stddev": number(n.stddev),
        "quantiles": n.quantiles.iter().map(|(q, v)| json!({ "q": q, "value": number(*v) })).collect::<Vec<_>>(),
        "exact": n.exact, "zeros": n.zeros, "negatives": n.negatives, "not_finite": n.not_finite, "outliers": n.outliers, "decimals": n.decimals,
        "histogram": n.histogram.iter().map(bin).collect::<Vec<_>>(), "below": n.below, "above": n.above,
    })
}

fn bin(b: &Bin) -> Value {
    json!({ "from": number(b.from), "to": number(b.to), "rows": b.count })
}

fn texts(t: &TextProfile) -> Value {
    json!({
        "length_min": t.length_min, "length_max": t.length_max, "length_mean": rounded(t.length_mean),
        "shapes": pairs(&t.shapes, "shape"), "shape_count": t.shape_count, "padded": t.padded, "empty": t.empty, "numeric": t.numeric,
    })
}

fn time(t: &TimeCoverage) -> Value {
    json!({
        "column": t.column, "first": t.first, "last": t.last, "unit": t.unit, "units": t.units, "empty_units": t.empty_units,
        "gaps": t.gaps.iter().map(|(a, b, n)| json!({ "from": a, "to": b, "units": n })).collect::<Vec<_>>(),
        "weekdays": t.weekdays, "weekdays_empty": t.weekdays_empty, "hours": t.hours,
        "series_unit": t.series_unit, "series": pairs(&t.series, "from"),
    })
}
