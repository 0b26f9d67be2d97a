//! Currencies, and what changes the size of a number: `$739K` is no 739.

/// Currencies by ISO 4217, but for those that are words.
const CURRENCIES: [&str; 46] = [
    "EUR", "USD", "GBP", "CHF", "JPY", "CNY", "RMB", "INR", "AUD", "CAD", "NZD", "SEK", "NOK", "DKK", "ISK", "PLN", "CZK", "HUF", "RON",
    "BGN", "TRY", "RUB", "UAH", "BRL", "MXN", "ARS", "CLP", "COP", "PEN", "ZAR", "NGN", "KES", "EGP", "MAD", "ILS", "AED", "SAR", "QAR",
    "KRW", "SGD", "HKD", "TWD", "THB", "IDR", "MYR", "VND",
];
const SIGNS: [char; 12] = ['$', '€', '£', '¥', '₹', '₽', '₩', '₺', '₪', '₴', '฿', '₫'];

pub(super) fn is_currency(text: &str) -> bool {
    let mut chars = text.chars();
    (chars.next().is_some_and(|c| SIGNS.contains(&c)) && chars.next().is_none())
        || CURRENCIES.iter().any(|c| c.eq_ignore_ascii_case(text))
        || matches!(
            text,
            "US$" | "CA$" | "C$" | "AU$" | "A$" | "R$" | "HK$" | "NZ$" | "S$" | "Rs." | "Rs" | "kr" | "kr." | "Kč" | "zł" | "Ft"
        )
}

/// Whether a unit changes the size of what stands before it: `5.7M`, `$739K`, `3 Mio. €`. `m` alone is metres, and `t` tonnes, unless money is meant.
pub(super) fn magnitude(prefix: &str, unit: &str) -> bool {
    let mut words = unit.split_whitespace().map(|w| w.trim_matches('.'));
    let Some(first) = words.next() else { return false };
    let (size, glued) = without_currency(first);
    let has_sign = is_currency(prefix) || words.any(is_currency) || glued;
    let first = size;
    match first {
        "k" | "K" | "M" | "B" | "MM" | "mn" | "Mn" | "bn" | "Bn" | "tn" | "Tn" => true,
        "m" | "b" | "t" | "T" | "mm" | "L" | "cr" | "Cr" if has_sign => true,
        word => [
            "mio",
            "mill",
            "million",
            "millions",
            "millionen",
            "mrd",
            "milliard",
            "milliarde",
            "milliarden",
            "bil",
            "billion",
            "billions",
            "trillion",
            "trillions",
            "tsd",
            "thousand",
            "tausend",
            "lakh",
            "lakhs",
            "lac",
            "crore",
            "crores",
        ]
        .contains(&word.to_lowercase().as_str()),
    }
}

/// `M` of `M€`, `T` of `TEUR`, and whether a currency was there.
fn without_currency(word: &str) -> (&str, bool) {
    let bare = word.trim_end_matches(|c| SIGNS.contains(&c));
    let bare = CURRENCIES.iter().find_map(|c| bare.strip_suffix(c)).unwrap_or(bare);
    (bare, bare.len() < word.len() && !bare.is_empty())
}

/// Of a unit that changes the size of its number (as [`super::Doubt::Magnitudes`] shows it): the word that does, and how many ones it stands for, where that is
/// certain.
pub fn magnitude_of(unit: &str) -> Option<(&str, Option<&'static str>)> {
    let (before, after) = match unit.split_once(" … ") {
        Some(parts) => parts,
        None if is_currency(unit) => (unit, ""),
        None => ("", unit),
    };
    if !magnitude(before, after) {
        return None;
    }
    let (word, is_glued) = without_currency(after.split_whitespace().next()?.trim_matches('.'));
    let ones = match word.to_lowercase().as_str() {
        "k" | "tsd" | "thousand" | "tausend" => "1e3",
        // `TEUR` are thousands, `$5T` may be trillions.
        "t" if is_glued => "1e3",
        "l" | "lakh" | "lakhs" | "lac" => "1e5",
        "m" | "mm" | "mn" | "mio" | "mill" | "million" | "millions" | "millionen" => "1e6",
        "cr" | "crore" | "crores" => "1e7",
        // A billion is a million millions elsewhere.
        "b" | "bn" | "mrd" | "milliard" | "milliarde" | "milliarden" => "1e9",
        _ => return Some((word, None)),
    };
    Some((word, Some(ones)))
}
