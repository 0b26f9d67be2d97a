//! What speaks for a rare spelling being a slip for a frequent one, and what against.
//!
//! Nearness alone says little: in a column of codes or names, right values lie side by side. So the fit looks at how the column is: how many of its
//! frequent values have an equally frequent one nearby, against how many of its rare values have a frequent one. If right values crowd, nearness is
//! no evidence, and a repair's confidence falls with it. Digits are never repaired, and words that stand in several values are no slips. What else
//! speaks for or against a slip, `odds` knows.

use super::evidence::{Groups, Spelt};
use super::likeness::{Difference, LENGTH_MAX, Likeness, differing, words};
use super::matcher::{Canon, Matcher};
use super::odds::{self, Witness};
use super::{Meant, Repair};
use crate::cells::{field, number_field, text_list};
use hashbrown::HashSet;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use tidemill_core::{Error, Result};

/// By its letters, so sure that a word is another's slip.
const SLIP_SURE: f64 = 0.6;
/// Rare spellings looked at to see how many have a frequent one nearby.
const SAMPLE: usize = 2000;
/// Words and values remembered of a column.
const REMEMBERED_MAX: usize = 50_000;
/// How often a spelling occurs that others may be slips for, when confusions are learnt.
const SLIP_COUNT: u64 = 10;
/// A spelling met more than twice is this many times rarer than what it may be a slip for.
const RARE: u64 = 50;
/// A word that stands in this many different values of a column is no slip.
const WORD_MIN: u32 = 3;
/// Letters in a value that may be repaired to another.
const LETTERS_TOLD: usize = 3;
/// Letters of a word that may be repaired within its value, unless noise stands in it.
const LETTERS_MIN: usize = 4;

/// How likely a spelling is a slip for another, as far as the column tells.
pub(super) struct Evidence {
    pub likeness: Likeness,
    /// Words of several values, in lower case.
    known: HashSet<String>,
    /// The share of rare values one edit, and more, from a frequent one that are right nevertheless.
    risk: [f64; 2],
    /// Spellings that are repeated more often than slips are: how much less likely they are any.
    odds: BTreeMap<String, f64>,
}

impl Evidence {
    /// Whether it comes again more often than slips do.
    pub(super) fn is_repeated(&self, text: &str) -> bool {
        self.odds.get(text).is_some_and(|o| *o < 0.5)
    }

    /// Whether there are letters enough to tell a slip from another value, or noise.
    pub(super) fn speaks_of(&self, text: &str) -> bool {
        has_letters(text) || text.chars().any(|c| self.likeness.is_noise(c))
    }

    /// How sure it is that a text which differs in case and space alone should be like the frequent one. In a code they may mean something, and of two
    /// or three letters in upper and lower case one may be another's.
    pub(super) fn rewritten(text: &str) -> f64 {
        let text = text.trim();
        let is_mixed = text.chars().any(char::is_uppercase) && text.chars().any(char::is_lowercase);
        let is_short = text.chars().count() <= LETTERS_TOLD;
        if text.chars().any(char::is_numeric) || (is_short && is_mixed) { 0.7 } else { 1.0 }
    }

    /// Of a repair; 0 for what is none. `equals`: how often all frequent values that are as near occur, for once that this one does.
    pub(super) fn confidence(&self, wrong: &str, right: &str, equals: f64, distance: usize) -> f64 {
        let risk = self.risk[usize::from(distance > 1)];
        odds::after(self.likely(wrong, right, equals) * (1.0 - risk), self.odds.get(wrong).copied().unwrap_or(1.0))
    }

    /// As [`Evidence::confidence`], in a column in which right values don't crowd.
    pub(super) fn likely(&self, wrong: &str, right: &str, equals: f64) -> f64 {
        let alike = self.likeness.of(wrong, right);
        let noise = |c: char| self.likeness.is_noise(c);
        // Numbers and the like have no slips that could be told from other numbers.
        let told = has_letters(right) || (alike.noise_only && right.chars().any(char::is_alphabetic));
        if alike.difference == Difference::Digits || !told {
            return 0.0;
        }
        let meant = words(right);
        let mut other = words(wrong).into_iter().filter(|w| !meant.contains(w) && !w.chars().any(noise));
        if other.any(|w| self.known.contains(&w)) {
            return 0.2 / equals;
        }
        let (a, b) = differing(wrong, right);
        let length = a.len().max(b.len()).max(1) as f64;
        // The first word with an ending, or the other way round, is another form and no slip; its last letter twice is one.
        let form = a.len() != b.len()
            && (a.starts_with(&b) || b.starts_with(&a))
            && a.len().min(b.len()) >= 3
            && a.len().abs_diff(b.len()) <= 3
            && !(a.len() == b.len() + 1 && b.len() >= 4 && a.last() == b.last());
        let certain = match alike.difference {
            _ if alike.noise_only && !right.chars().any(noise) => 0.97,
            Difference::Case | Difference::Marks => 0.9,
            _ if form => 0.5,
            _ if exchanged(&a, &b) && length > 3.0 => 0.9,
            _ => match (1.0 - alike.score).min(1.0) {
                _ if length <= 3.0 => 0.4,
                d if d <= 0.125 => 0.95,
                d if d <= 0.2 => 0.92,
                d if d < 0.25 => 0.88,
                d if d <= 0.3 => 0.82,
                d if d <= 0.4 => 0.6,
                _ => 0.2,
            },
        };
        certain / equals
    }
}

pub(super) fn has_letters(text: &str) -> bool {
    text.chars().filter(|c| c.is_alphabetic()).nth(LETTERS_TOLD - 1).is_some()
}

/// Whether two neighbouring letters have changed places, and nothing else.
fn exchanged(a: &[char], b: &[char]) -> bool {
    let mut apart = (0..a.len().min(b.len())).filter(|i| a[*i] != b[*i]);
    match (apart.next(), apart.next(), apart.next()) {
        (Some(i), Some(j), None) => a.len() == b.len() && j == i + 1 && a[i] == b[j] && a[j] == b[i],
        _ => false,
    }
}

/// A column's words, for values that are wrong in one of them.
pub(super) struct Parts {
    words: Matcher,
    /// Values that occur more than once, for those in which noise stands.
    values: BTreeMap<usize, Vec<Vec<char>>>,
}

impl Parts {
    pub(super) fn find(&self, text: &str) -> Meant {
        if self.words.is_exact() {
            return Meant::Nothing;
        }
        let by_noise = self.by_noise(text);
        if by_noise != Meant::Nothing {
            return by_noise;
        }
        let mut out = String::with_capacity(text.len());
        let (mut least, mut repaired, mut strange) = (1.0f64, 0, 0);
        for (word, is_word) in pieces(text) {
            let noisy = |e: &Evidence| word.chars().any(|c| e.likeness.is_noise(c));
            let long = word.chars().count() >= LETTERS_MIN || self.words.evidence().is_some_and(noisy);
            let plain = is_word && word.chars().all(char::is_alphabetic);
            let found = if plain && long { self.words.find(word) } else { Meant::Itself };
            strange += usize::from(is_word && !word.chars().all(char::is_numeric) && !(plain && self.words.is_canon(word)));
            match found {
                Meant::Canon(at, confidence) if self.words.text(at) != word => {
                    // A word in other letters, not another way to write it.
                    if self.words.text(at).to_lowercase() == word.to_lowercase() {
                        out.push_str(word);
                        continue;
                    }
                    out.push_str(self.words.text(at));
                    least = least.min(confidence);
                    repaired += 1;
                }
                _ => out.push_str(word),
            }
        }
        // Beside words that nobody knows, a word may have lost letters to its neighbour.
        let alone = if strange > repaired { 0.6 } else { 1.0 };
        if repaired == 0 { Meant::Nothing } else { Meant::Text(out.into(), least * alone) }
    }

    /// The one value that the text is but for noise; digits under noise can't be known.
    fn by_noise(&self, text: &str) -> Meant {
        let Some(evidence) = self.words.evidence() else { return Meant::Nothing };
        let noise = |c: char| evidence.likeness.is_noise(c);
        let text: Vec<char> = text.chars().collect();
        if !text.iter().any(|c| noise(*c)) {
            return Meant::Nothing;
        }
        let fits = |v: &&Vec<char>| **v != text && v.iter().zip(&text).all(|(v, t)| v == t || noise(*t)) && !v.iter().any(|c| noise(*c));
        let mut found = self.values.get(&text.len()).into_iter().flatten().filter(fits);
        match (found.next(), found.next()) {
            (Some(only), None) if !only.iter().zip(&text).any(|(v, t)| v != t && v.is_numeric()) => {
                Meant::Text(only.iter().collect::<String>().into(), 0.9)
            }
            _ => Meant::Nothing,
        }
    }
}

/// A text as words and what stands between them.
fn pieces(text: &str) -> Vec<(&str, bool)> {
    let mut out: Vec<(&str, bool)> = Vec::new();
    let mut from = 0;
    let mut last = None;
    for (at, c) in text.char_indices() {
        let word = c.is_alphanumeric();
        if last.is_some_and(|l| l != word) {
            out.push((&text[from..at], !word));
            from = at;
        }
        last = Some(word);
    }
    if let Some(word) = last {
        out.push((&text[from..], word));
    }
    out
}

/// What a column's own spellings teach, and the columns beside it: `spelt` is of the column and then of the rule's others.
pub(super) fn learn(rule: &Repair, spelt: &[&Spelt], witnesses: &[&Groups], count_min: u64, ratio_min: f64) -> Result<Value> {
    let own = spelt[0];
    // Counts are kept where they can decide: of the canon, and of spellings too frequent to be anybody's misspelling.
    let decides = |n: u64| n >= count_min || n as f64 * ratio_min > count_min as f64;
    let counts: BTreeMap<String, u64> = own.counts.iter().filter(|(_, n)| decides(**n)).map(|(v, n)| (v.to_string(), *n)).collect();
    let word_counts = words_of(own);
    let words: BTreeMap<String, u64> =
        word_counts.iter().filter(|(_, (n, _))| decides(*n)).map(|(w, (n, _))| (w.clone(), *n)).take(REMEMBERED_MAX).collect();
    // In how many values a word stands, and in how many rows.
    let mut seen: BTreeMap<String, (u32, u64)> = BTreeMap::new();
    for (value, rows) in &own.counts {
        for word in super::likeness::words(value) {
            let (values, all) = seen.entry(word).or_default();
            *values += 1;
            *all += rows;
        }
    }
    seen.retain(|_, n| n.0 >= WORD_MIN);
    let known: Vec<String> = seen.keys().take(REMEMBERED_MAX).cloned().collect();
    let mut values: Vec<(&str, u64)> = own.counts.iter().filter(|(_, n)| **n >= 2).map(|(v, n)| (&**v, *n)).collect();
    values.sort_unstable_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
    values.truncate(REMEMBERED_MAX);
    let noise: String = noise(spelt).noise().iter().collect();

    let mut fitted = json!({
        "counts": counts.iter().map(|(v, n)| (v.clone(), Value::from(*n))).collect::<Map<_, _>>(),
        "noise": noise,
        "risk": 0.0,
        "model": {"words": words.iter().map(|(w, n)| (w.clone(), Value::from(*n))).collect::<Map<_, _>>(), "word_risk": 0.0, "known": known,
            "values": values.iter().map(|(v, _)| *v).collect::<Vec<_>>()},
    });
    let (matcher, parts) = ready(rule, &fitted, count_min, ratio_min)?;
    // A word that is far rarer than one near it is a slip, in however many values it stands.
    let is_slip = |word: &str, rows: u64, words: &Matcher| match words.find(word) {
        Meant::Canon(at, sure) => {
            sure > SLIP_SURE && words.text(at).to_lowercase() != word && words.count(at) as f64 >= ratio_min * rows as f64
        }
        _ => false,
    };
    if let Some(parts) = &parts {
        let right = seen.iter().filter(|(w, n)| !is_slip(w, n.1, &parts.words)).map(|(w, _)| w).take(REMEMBERED_MAX);
        fitted["model"]["known"] = right.map(|w| Value::from(w.as_str())).collect::<Vec<_>>().into();
    }
    let (matcher, parts) = if parts.is_some() { ready(rule, &fitted, count_min, ratio_min)? } else { (matcher, parts) };
    let (risk, odds) = circumstances(&matcher, &mut own.counts.iter().map(|(v, n)| (&**v, *n)));
    (fitted["risk"], fitted["risk_far"]) = (risk[0].into(), risk[1].into());
    fitted["model"]["odds"] = to_json(&odds);
    if let Some(parts) = parts {
        let (risk, odds) = circumstances(&parts.words, &mut word_counts.iter().map(|(w, (n, _))| (w.as_str(), *n)));
        (fitted["model"]["word_risk"], fitted["model"]["word_risk_far"]) = (risk[0].into(), risk[1].into());
        fitted["model"]["word_odds"] = to_json(&odds);
    }
    if !witnesses.is_empty() {
        let (matcher, parts) = ready(rule, &fitted, count_min, ratio_min)?;
        let witnesses: Vec<Witness> = witnesses.iter().map(|g| Witness::new(g)).collect();
        fitted["model"]["beside"] = Value::Object(beside(&matcher, parts.as_ref(), own, &witnesses));
    }
    Ok(fitted)
}

fn to_json(odds: &BTreeMap<String, f64>) -> Value {
    odds.iter().map(|(t, x)| (t.clone(), Value::from(*x))).collect::<Map<_, _>>().into()
}

/// For each rare spelling that would be brought to another: to which, and what the other columns say to it.
fn beside(matcher: &Matcher, parts: Option<&Parts>, own: &Spelt, witnesses: &[Witness]) -> Map<String, Value> {
    let mut rare: Vec<&str> = own.counts.keys().map(|v| &**v).filter(|v| !matcher.is_canon(v)).collect();
    rare.sort_unstable();
    rare.truncate(REMEMBERED_MAX);
    let mut out = Map::new();
    for text in rare {
        let meant = super::find(matcher, parts, None, text);
        let to = match &meant {
            Meant::Canon(at, _) => matcher.text(*at),
            Meant::Text(to, _) => to,
            Meant::Itself | Meant::Nothing => continue,
        };
        // Another way to write the same word is no other value, whatever stands beside it.
        if to.to_lowercase() == text.trim().to_lowercase() {
            continue;
        }
        let says = odds::beside(witnesses, text, to);
        if says != 1.0 {
            out.insert(text.to_string(), json!([to, says]));
        }
    }
    out
}

/// How risky it is to mend what is one edit away, and what is further, and which spellings are repeated more often than slips.
fn circumstances(matcher: &Matcher, counts: &mut dyn Iterator<Item = (&str, u64)>) -> ([f64; 2], BTreeMap<String, f64>) {
    let (near, all) = odds::near(matcher, counts);
    let odds = odds::repetition(&near, matcher);
    let (crowd, found) = (odds::crowd(&near, &odds), odds::how_many(&near));
    // Were all of them right, so many would be near a frequent one.
    let chance = |far: bool| {
        let (expected, found) = (matcher.crowded(if far { usize::MAX } else { 1 }) * all as f64, found[usize::from(far)]);
        if found == 0 { 0.0 } else { (expected / found as f64).min(1.0) }
    };
    let round = |x: f64| (x * 1e4).round() / 1e4;
    let one = chance(false).max(crowd[0]);
    ([round(one), round(chance(true).max(crowd[1]).max(one))], odds)
}

/// How often each word of letters occurs, and in how many different values.
fn words_of(spelt: &Spelt) -> BTreeMap<String, (u64, u32)> {
    let mut out: BTreeMap<String, (u64, u32)> = BTreeMap::new();
    for (value, n) in &spelt.counts {
        for (word, _) in pieces(value).into_iter().filter(|(w, is_word)| *is_word && w.chars().all(char::is_alphabetic)) {
            let (rows, values) = out.entry(word.to_string()).or_default();
            *rows += n;
            *values += 1;
        }
    }
    out
}

/// Rare values and words beside the frequent ones nearest to them.
pub(super) fn slips(spelt: &Spelt) -> Vec<(String, String)> {
    let values: BTreeMap<String, u64> = spelt.counts.iter().map(|(v, n)| (v.to_string(), *n)).collect();
    let words: BTreeMap<String, u64> = words_of(spelt).into_iter().map(|(w, (n, _))| (w, n)).collect();
    let mut out = Vec::new();
    for counts in [values, words] {
        let long = |t: &str| has_letters(t) && (LETTERS_MIN..=LENGTH_MAX).contains(&t.chars().count());
        let canon = counts.iter().filter(|(t, n)| **n >= SLIP_COUNT && long(t)).map(|(t, n)| Canon::new(t, *n, true, true)).collect();
        // Where a letter was lost to noise in many rows of few values, each of its places comes again.
        let most = counts.values().max().copied().unwrap_or(0);
        let is_rare = |n: u64, of: u64| n <= 2 || n * RARE <= of;
        let rare: Vec<(String, u64)> = counts.iter().filter(|(t, n)| is_rare(**n, most) && long(t)).map(|(t, n)| (t.clone(), *n)).collect();
        let matcher = Matcher::new(canon, counts, Some(SLIP_COUNT as f64), 2, 0.0, true, true, None);
        for (text, n) in rare.iter().step_by(rare.len().div_ceil(SAMPLE).max(1)) {
            if let Meant::Canon(at, _) = matcher.find(text)
                && is_rare(*n, matcher.count(at))
            {
                out.push((text.clone(), matcher.text(at).to_string()));
            }
        }
    }
    out
}

/// Characters that stand in the place of others, in all columns.
fn noise(spelt: &[&Spelt]) -> Likeness {
    Likeness::learn(spelt.iter().flat_map(|s| &s.slips).map(|(a, b)| (a.as_str(), b.as_str())))
}

pub(super) fn ready(rule: &Repair, fitted: &Value, count_min: u64, ratio_min: f64) -> Result<(Matcher, Option<Parts>)> {
    let counts_in = |v: &Value| -> Result<BTreeMap<String, u64>> {
        let counts = v.as_object().ok_or_else(|| Error::data("`counts` of a stored recipe is not a table"))?;
        Ok(counts.iter().filter_map(|(k, v)| Some((k.clone(), v.as_u64()?))).collect())
    };
    let counts = counts_in(field(fitted, "counts")?)?;
    // A recipe of before that says nothing of words goes by nearness.
    let Some(model) = fitted.get("model") else {
        return Ok((matcher(rule, counts, count_min, ratio_min, None), None));
    };
    let risk = |of: &Value, name: &str| -> Result<[f64; 2]> {
        let one = number_field(of, name)?;
        Ok([one, of.get(format!("{name}_far")).and_then(Value::as_f64).unwrap_or(one)])
    };
    let odds = |name: &str| -> BTreeMap<String, f64> {
        let odds = model.get(name).and_then(Value::as_object).into_iter().flatten();
        odds.filter_map(|(t, x)| Some((t.clone(), x.as_f64()?))).collect()
    };
    let noise = field(fitted, "noise")?.as_str().unwrap_or_default().to_string();
    let evidence = |known: Vec<String>, risk: [f64; 2], odds: BTreeMap<String, f64>| Evidence {
        likeness: Likeness::new(noise.chars()),
        known: known.into_iter().collect(),
        risk,
        odds,
    };
    let own = evidence(text_list(model, "known")?, risk(fitted, "risk")?, odds("odds"));
    let whole = matcher(rule, counts, count_min, ratio_min, Some(own));
    let words = counts_in(field(model, "words")?)?;
    let words = matcher(rule, words, count_min, ratio_min, Some(evidence(Vec::new(), risk(model, "word_risk")?, odds("word_odds"))));
    let mut values: BTreeMap<usize, Vec<Vec<char>>> = BTreeMap::new();
    for value in text_list(model, "values")? {
        let value: Vec<char> = value.chars().collect();
        values.entry(value.len()).or_default().push(value);
    }
    Ok((whole, Some(Parts { words, values })))
}

fn matcher(rule: &Repair, counts: BTreeMap<String, u64>, count_min: u64, ratio_min: f64, evidence: Option<Evidence>) -> Matcher {
    let canon = counts.iter().filter(|(_, n)| **n >= count_min).map(|(t, n)| Canon::new(t, *n, rule.ignore_case, rule.trim)).collect();
    Matcher::new(canon, counts, Some(ratio_min), rule.distance_max, rule.confidence_min, rule.ignore_case, rule.trim, evidence)
}
