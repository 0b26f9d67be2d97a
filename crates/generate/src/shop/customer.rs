//! One customer: who, where, since when, how content, until when.

use super::Shop;
use crate::calendar::{DAY, SECOND};
use crate::digits::unsigned;
use crate::distribution::{bell, weighted};
use crate::random::{Draws, below, mix};
use crate::words::names::PEOPLES;
use crate::words::places::{COUNTRIES, Country, write_postcode};
use crate::words::plain;

pub const GENDERS: &[&str] = &["female", "male", "other"];
pub const SEGMENTS: [&str; 3] = ["loyal", "regular", "fleeting"];

/// Domains that nobody's mail goes to.
const DOMAINS: &[&str] = &["example.com", "example.org", "example.net", "mail.example.com", "post.example.org", "inbox.example.net"];

/// Ways to write an address: three forms at each domain.
const MAILS: u64 = 3 * DOMAINS.len() as u64;

/// Customers of a hundred who registered before the period begins.
const BEFORE_PERCENT: u64 = 40;
/// How long before, at most.
const BEFORE: i64 = 3 * 365 * DAY;

#[derive(Debug, Clone)]
pub struct Customer {
    pub gender: &'static str,
    pub first: &'static str,
    pub family: &'static str,
    /// Which form the e-mail address has, and at which domain it is.
    mail: u64,
    pub age: i64,
    pub country: &'static Country,
    pub city: &'static str,
    pub region: &'static str,
    /// Draws the address at home.
    home: u64,
    /// 0 unhappy to 1000 delighted.
    pub mood: i64,
    /// Draws habits: favourite category, device.
    pub habits: u64,
}

impl Shop {
    pub fn customer(&self, id: u64) -> Customer {
        let mut d = self.streams.customer.draws(id);
        let country = &COUNTRIES[place(d.next())];
        let (city, region) = city_of(country, d.next());
        let people = &PEOPLES[country.people];
        let gender = GENDERS[weighted(d.next(), &[510, 478, 12])];
        let women = gender == "female" || (gender == "other" && d.chance(500_000));
        let first = *d.pick(if women { people.women } else { people.men });
        let family = *d.pick(people.families);
        // Most are between 20 and 60; the old are fewer.
        let age = adult(39 + bell(d.next()) * 14 / 256 + d.between(0, 6) * d.between(0, 4) / 2);
        let mood = self.mood(id);
        Customer { gender, first, family, mail: d.below(MAILS), age, country, city, region, home: d.next(), mood, habits: d.next() }
    }

    /// When a customer registered; later numbers never earlier. Four of ten did before the period, more and more as time went by.
    pub fn registered(&self, id: u64) -> i64 {
        let draw = self.streams.registered.at(id) >> 32;
        let before = self.registered_before();
        // Shares of the whole in 2^32ths: ids stay below 2^27.
        let micros = if id < before {
            let share = ((id << 32) + draw) / before;
            // The square root: registrations grow evenly from none.
            let root = (share << 32).isqrt();
            self.start - BEFORE + part(BEFORE, root)
        } else {
            let share = (((id - before) << 32) + draw) / (self.customers - before);
            self.start + part(self.end - self.start, share)
        };
        micros.min(self.end - SECOND) / SECOND * SECOND
    }

    /// Customers who are there from the period's first moment on.
    pub fn registered_before(&self) -> u64 {
        if self.is_live() { self.customers } else { (self.customers * BEFORE_PERCENT / 100).max(1) }
    }

    /// 0 loyal, 1 regular, 2 fleeting.
    pub fn segment(&self, id: u64) -> usize {
        weighted(self.streams.left.at(id), &[15, 55, 30])
    }

    /// How content a customer is by nature: 0 to 1000.
    pub fn mood(&self, id: u64) -> i64 {
        (620 + bell(mix(self.streams.left.at(id) ^ 0x6d6f_6f64)) * 180 / 256).clamp(0, 1000)
    }

    /// When a customer turned away, if that was within the period. Who is not content does so sooner.
    pub fn left(&self, id: u64) -> Option<i64> {
        let draw = self.streams.left.at(id);
        let mean = match weighted(draw, &[15, 55, 30]) {
            0 => return None,
            1 => 4 * 365 * DAY,
            _ => 300 * DAY,
        };
        let stays = 14 * DAY + self.curves.wait(mix(draw), mean / 1000 * (250 + self.mood(id)));
        let left = self.registered(id).saturating_add(stays) / SECOND * SECOND;
        (left < self.end).then_some(left)
    }

    /// Whether a customer may order at a time.
    pub fn is_active(&self, id: u64, at: i64) -> bool {
        self.registered(id) <= at && self.left(id).is_none_or(|left| at < left)
    }

    /// What became of a customer after some changes: each moves house, changes the mail address, or has a birthday.
    pub fn changed(&self, id: u64, changes: u64) -> Customer {
        let mut c = self.customer(id);
        for k in 0..changes {
            let mut d = Draws::from_key(self.streams.moved.at(id.wrapping_mul(8) + k));
            match d.below(10) {
                0..4 => {
                    // To another city: the next one of the country where chance names the old.
                    let cities = c.country.cities;
                    let old = cities.iter().position(|(city, _)| *city == c.city).unwrap_or_default();
                    let new = (old + 1 + d.below(cities.len() as u64 - 1) as usize) % cities.len();
                    ((c.city, c.region), c.home) = (cities[new], d.next());
                }
                4..7 => c.mail = (c.mail + 1 + d.below(MAILS - 1)) % MAILS,
                _ => c.age += 1,
            }
        }
        c
    }
}

/// So many 2^32ths of a time.
fn part(of: i64, share: u64) -> i64 {
    ((u128::from(of.unsigned_abs()) * u128::from(share)) >> 32) as i64
}

/// Nobody under age: who would be is as much over it.
pub fn adult(age: i64) -> i64 {
    (if age < 18 { 36 - age } else { age }).clamp(18, 96)
}

/// The country that a draw falls on.
pub fn place(draw: u64) -> usize {
    const TOTAL: u64 = {
        let (mut sum, mut i) = (0, 0);
        while i < COUNTRIES.len() {
            sum += COUNTRIES[i].weight as u64;
            i += 1;
        }
        sum
    };
    let mut left = below(draw, TOTAL);
    COUNTRIES.iter().position(|c| left.checked_sub(u64::from(c.weight)).map(|rest| left = rest).is_none()).unwrap_or_default()
}

/// Larger cities have more people: the k-th of n weighs n + 2 - k.
pub fn city_of(country: &Country, draw: u64) -> (&'static str, &'static str) {
    let n = country.cities.len() as u64;
    let total = n * (n + 1) / 2 + n;
    let mut left = below(draw, total);
    let k = (0..n).find(|k| left.checked_sub(n + 1 - k).map(|rest| left = rest).is_none()).unwrap_or_default();
    country.cities[k as usize]
}

impl Customer {
    pub fn write_name(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.first.as_bytes());
        out.push(b' ');
        out.extend_from_slice(self.family.as_bytes());
    }

    /// Different for every customer.
    pub fn write_email(&self, id: u64, out: &mut Vec<u8>) {
        match self.mail % 3 {
            0 => {
                plain(self.first, out);
                out.push(b'.');
                plain(self.family, out);
            }
            1 => {
                plain(self.family, out);
                out.push(b'_');
                plain(self.first, out);
            }
            _ => {
                let first = self.first.chars().next().map(String::from).unwrap_or_default();
                plain(&first, out);
                plain(self.family, out);
            }
        }
        unsigned(id + 1, out);
        out.push(b'@');
        out.extend_from_slice(DOMAINS[(self.mail / 3) as usize].as_bytes());
    }

    /// `12 Mill Lane, SW1 4AB London`; away from home in one case of ten.
    pub fn write_address(&self, draw: u64, out: &mut Vec<u8>) {
        let away = below(draw, 10) == 0;
        let mut d = Draws::from_key(if away { draw } else { self.home });
        let city = if away { city_of(self.country, d.next()).0 } else { self.city };
        let people = &PEOPLES[self.country.people];
        let (street, number) = (*d.pick(people.streets), 1 + d.below(40) * d.below(5) + d.below(20));
        if people.number_first {
            unsigned(number, out);
            out.push(b' ');
            out.extend_from_slice(street.as_bytes());
        } else {
            out.extend_from_slice(street.as_bytes());
            out.push(b' ');
            unsigned(number, out);
        }
        out.extend_from_slice(b", ");
        write_postcode(self.country, d.next() >> 8, out);
        out.push(b' ');
        out.extend_from_slice(city.as_bytes());
    }
}
