//! Which errors are made, and how often.

use std::fmt;

/// What is wrong with a row, as the list of errors names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ErrorKind {
    /// A cell is empty, or says so in words.
    Missing,
    /// A word with slips of the keys, or in other case or spacing.
    Typo,
    /// A value that can't be.
    Invalid,
    /// The right value in another notation.
    Format,
    /// The line itself is damaged.
    Corrupt,
    /// The row came before, the same.
    Duplicate,
    /// The row came before, with another time.
    NearDuplicate,
    /// The whole row, after its damaged line.
    Resent,
}

impl ErrorKind {
    pub const ALL: [ErrorKind; 8] = [
        ErrorKind::Missing,
        ErrorKind::Typo,
        ErrorKind::Invalid,
        ErrorKind::Format,
        ErrorKind::Corrupt,
        ErrorKind::Duplicate,
        ErrorKind::NearDuplicate,
        ErrorKind::Resent,
    ];

    pub fn name(self) -> &'static str {
        match self {
            ErrorKind::Missing => "missing",
            ErrorKind::Typo => "typo",
            ErrorKind::Invalid => "invalid",
            ErrorKind::Format => "format",
            ErrorKind::Corrupt => "corrupt",
            ErrorKind::Duplicate => "duplicate",
            ErrorKind::NearDuplicate => "near_duplicate",
            ErrorKind::Resent => "resent",
        }
    }
}

/// Per million: of the cells that can have it (missing, typo, invalid, format), of the rows (duplicate, corrupt).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rates {
    pub missing: u32,
    pub typo: u32,
    pub duplicate: u32,
    pub invalid: u32,
    pub format: u32,
    pub corrupt: u32,
}

const MILLION: u32 = 1_000_000;

impl Rates {
    pub const NONE: Rates = Rates { missing: 0, typo: 0, duplicate: 0, invalid: 0, format: 0, corrupt: 0 };

    pub fn usual() -> Rates {
        Rates { missing: 20_000, typo: 10_000, duplicate: 10_000, invalid: 5_000, format: 10_000, corrupt: 1_000 }
    }

    /// `missing=2%,typo=1%`, `5%` for every kind, `none`. Kinds that are not named don't occur.
    pub fn parse(text: &str) -> Result<Rates, String> {
        let text = text.trim();
        if text.eq_ignore_ascii_case("none") {
            return Ok(Rates::NONE);
        }
        let rates = if text.contains('=') {
            let mut rates = Rates::NONE;
            for part in text.split(',') {
                let (name, rate) = part.split_once('=').ok_or_else(|| format!("`{}` is no KIND=RATE", part.trim()))?;
                let slot = match name.trim() {
                    "missing" => &mut rates.missing,
                    "typo" => &mut rates.typo,
                    "duplicate" => &mut rates.duplicate,
                    "invalid" => &mut rates.invalid,
                    "format" => &mut rates.format,
                    "corrupt" => &mut rates.corrupt,
                    other => return Err(format!("there is no kind `{other}`: missing, typo, duplicate, invalid, format, corrupt")),
                };
                *slot = per_million(rate)?;
            }
            rates
        } else {
            let all = per_million(text)?;
            Rates { missing: all, typo: all, duplicate: all, invalid: all, format: all, corrupt: all }
        };
        if rates.cells() > MILLION {
            return Err("missing, typo, invalid and format add up to more than 100%: a cell can have one of them".into());
        }
        Ok(rates)
    }

    /// Of the kinds that a cell can have one of.
    pub fn cells(&self) -> u32 {
        self.missing.saturating_add(self.typo).saturating_add(self.invalid).saturating_add(self.format)
    }

    pub fn is_none(&self) -> bool {
        *self == Rates::NONE
    }
}

impl fmt::Display for Rates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_none() {
            return f.write_str("none");
        }
        let all = [
            ("missing", self.missing),
            ("typo", self.typo),
            ("duplicate", self.duplicate),
            ("invalid", self.invalid),
            ("format", self.format),
            ("corrupt", self.corrupt),
        ];
        let parts: Vec<String> = all.iter().filter(|(_, n)| *n > 0).map(|(name, n)| format!("{name}={}%", percent(*n))).collect();
        f.write_str(&parts.join(","))
    }
}

fn percent(per_million: u32) -> String {
    let text = format!("{}.{:04}", per_million / 10_000, per_million % 10_000);
    text.trim_end_matches('0').trim_end_matches('.').to_string()
}

/// `2%`, `0.5%`, `0.02`; digits only, so that every machine reads the same.
fn per_million(text: &str) -> Result<u32, String> {
    let text = text.trim();
    let wrong = || format!("`{text}` is no rate: write 2% or 0.5%, at most 100%");
    let (number, places) = match text.strip_suffix('%') {
        Some(number) => (number.trim(), 4),
        None => (text, 6),
    };
    let (whole, part) = number.split_once('.').unwrap_or((number, ""));
    if part.len() > places || whole.len() > 3 || (whole.is_empty() && part.is_empty()) {
        return Err(wrong());
    }
    let digits = format!("{whole}{part:0<places$}");
    if !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(wrong());
    }
    digits.parse().ok().filter(|n| *n <= MILLION).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_read_as_people_write_them() {
        let rates = Rates::parse("missing=2%, typo=1%,duplicate=1%,invalid=0.5%,format=1%,corrupt=0.1%").unwrap();
        assert_eq!(rates, Rates::usual());
        assert_eq!(rates.to_string(), "missing=2%,typo=1%,duplicate=1%,invalid=0.5%,format=1%,corrupt=0.1%");
        let five = Rates::parse("5%").unwrap();
        assert!(five.missing == 50_000 && five.corrupt == 50_000 && five.cells() == 200_000);
        assert_eq!(Rates::parse("typo=0.02").unwrap().typo, 20_000);
        assert_eq!(Rates::parse("typo=100%").unwrap().typo, 1_000_000);
        assert_eq!((Rates::parse("none").unwrap(), Rates::NONE.to_string().as_str()), (Rates::NONE, "none"));
    }

    #[test]
    fn what_is_no_rate_is_refused() {
        for bad in ["", "x", "typo=", "typo=%", "typo=101%", "typo=-1%", "typos=1%", "typo", "typo=1%,", "30%", "typo=0.00001%", "typo=1e3"]
        {
            assert!(Rates::parse(bad).is_err(), "{bad}");
        }
        assert!(Rates::parse("typos=1%").unwrap_err().contains("there is no kind `typos`"));
    }
}
