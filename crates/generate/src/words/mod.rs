//! Vocabularies: people, places, goods, opinions. Country and category names are ASCII; cities, streets and names are written as their people do.

pub mod goods;
pub mod names;
pub mod opinions;
pub mod places;

/// The right spellings of a column, so that no slip makes another right one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lexicon {
    Countries,
    Regions,
    Cities,
    Categories,
    Suppliers,
    /// Texts of no list: people's names, products.
    Open,
    /// A short list of its own.
    Among(&'static [&'static str]),
}

impl Lexicon {
    pub fn contains(self, text: &str) -> bool {
        match self {
            Lexicon::Countries => places::COUNTRIES.iter().any(|c| c.name == text),
            Lexicon::Regions => places::COUNTRIES.iter().any(|c| c.cities.iter().any(|(_, region)| *region == text)),
            Lexicon::Cities => places::COUNTRIES.iter().any(|c| c.cities.iter().any(|(city, _)| *city == text)),
            Lexicon::Categories => goods::CATEGORIES.iter().any(|c| c.name == text),
            Lexicon::Suppliers => goods::CATEGORIES.iter().any(|c| c.suppliers.contains(&text)),
            Lexicon::Open => false,
            Lexicon::Among(list) => list.contains(&text),
        }
    }
}

/// Letters without their marks, lower case, for addresses: `Jürgen` becomes `juergen`.
pub fn plain(text: &str, out: &mut Vec<u8>) {
    for c in text.chars() {
        let folded: &str = match c {
            'ä' | 'Ä' | 'æ' | 'Æ' => "ae",
            'ö' | 'Ö' | 'ø' | 'Ø' => "oe",
            'ü' | 'Ü' => "ue",
            'ß' => "ss",
            'å' | 'Å' => "aa",
            'á' | 'à' | 'â' | 'ã' | 'ą' | 'Á' => "a",
            'é' | 'è' | 'ê' | 'ë' | 'ę' | 'ě' | 'É' => "e",
            'í' | 'ì' | 'î' | 'ï' | 'ı' | 'İ' => "i",
            'ó' | 'ò' | 'ô' | 'õ' | 'Ó' => "o",
            'ú' | 'ù' | 'û' | 'ů' => "u",
            'ç' | 'č' | 'ć' | 'Ç' | 'Č' => "c",
            'ñ' | 'ń' | 'ň' => "n",
            'ş' | 'š' | 'ś' | 'Ş' | 'Š' | 'Ś' => "s",
            'ž' | 'ź' | 'ż' | 'Ž' | 'Ż' => "z",
            'ř' | 'Ř' => "r",
            'ł' | 'Ł' => "l",
            'ý' => "y",
            'ğ' => "g",
            'ď' => "d",
            'ť' => "t",
            _ => {
                if c.is_ascii_alphanumeric() {
                    out.push(c.to_ascii_lowercase() as u8);
                }
                ""
            }
        };
        out.extend_from_slice(folded.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn a_city_lies_in_one_region_of_one_country() {
        let mut seen: BTreeMap<&str, (&str, &str)> = BTreeMap::new();
        let mut regions: BTreeMap<&str, &str> = BTreeMap::new();
        for country in places::COUNTRIES {
            assert!(country.name.is_ascii());
            assert!(country.cities.len() >= 3, "{}", country.name);
            for (city, region) in country.cities {
                assert_eq!(seen.insert(city, (region, country.name)), None, "{city} comes twice");
                assert_eq!(*regions.entry(region).or_insert(country.name), country.name, "{region} is in two countries");
            }
        }
        assert!(seen.len() > 150);
    }

    #[test]
    fn no_word_needs_quotes_or_blank_space_around() {
        let mut words: Vec<&str> = Vec::new();
        for c in places::COUNTRIES {
            words.push(c.name);
            words.extend(c.cities.iter().flat_map(|(a, b)| [*a, *b]));
        }
        for p in names::PEOPLES {
            words.extend(p.women.iter().chain(p.men).chain(p.families).chain(p.streets));
        }
        for c in goods::CATEGORIES {
            words.push(c.name);
            words.extend(c.suppliers);
            words.extend(c.goods.iter().map(|g| g.name));
        }
        words.extend(goods::BRANDS);
        for w in words {
            assert!(!w.contains([',', '"', '\n', ';']) && w.trim() == w && !w.is_empty(), "{w:?}");
        }
    }

    #[test]
    fn addresses_are_ascii() {
        let mut out = Vec::new();
        for p in names::PEOPLES {
            for name in p.women.iter().chain(p.men).chain(p.families) {
                let letters = name.chars().filter(|c| c.is_alphabetic()).count();
                let before = out.len();
                plain(name, &mut out);
                assert!(out.len() - before >= letters, "{name} loses a letter");
            }
        }
        assert!(out.is_ascii());
    }
}
