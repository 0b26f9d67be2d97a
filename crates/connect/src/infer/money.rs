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
    let is_money = is_currency(prefix) || words.any(is_currency);
    // `5.7M€`
    let first = first.trim_end_matches(|c| SIGNS.contains(&c));
    let has_sign = is_money || first.len() < unit.trim().len() && unit.contains(|c| SIGNS.contains(&c));
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

/// Of a unit that changes the size of its number (as [`super::Doubt::Magnitudes`] shows it): the word that does, and how many ones it stands for.
pub fn magnitude_of(unit: &str) -> Option<(&str, &'static str)> {
    let after = unit.rsplit(" … ").next().unwrap_or(unit);
    let word = after.split_whitespace().next()?.trim_matches('.').trim_end_matches(|c| SIGNS.contains(&c));
    let ones = match word.to_lowercase().as_str() {
        "k" | "tsd" | "thousand" | "tausend" => "1e3",
        "lakh" | "lakhs" | "lac" => "1e5",
        "m" | "mm" | "mn" | "mio" | "mill" | "million" | "millions" | "millionen" => "1e6",
        "cr" | "crore" | "crores" => "1e7",
        "b" | "bn" | "bil" | "mrd" | "milliard" | "milliarde" | "milliarden" => "1e9",
        _ => return None,
    };
    Some((word, ones))
}
