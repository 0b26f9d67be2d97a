//! The events of an auction house, as the Nexmark benchmark defines them: persons, auctions and bids in the ratio 1 : 3 : 46, a few of them hot.
//!
//! Nexmark is by Tucker, Tufte, Papadimos and Maier (2002, *NEXMark, a benchmark for queries over data streams*); the events here follow the
//! generator that Apache Beam published and nexmark-flink took over: numbers of events, who can be referred to at an event, hot
//! ratios, prices, texts and their lengths, events out of order in groups. Draws are this room's, so that an event is a pure function of the seed
//! and its number; the bytes differ from theirs, what they tell of does not.

use crate::calendar::{DAY, Form};
use crate::digits;
use crate::distribution::exp;
use crate::options::Options;
use crate::random::{Draws, Stream};
use crate::table::{Cell, Column, Kind, Rows, Table};

/// Of 50 events one is a person, three are auctions, the others bids.
const PERSONS: u64 = 1;
const AUCTIONS: u64 = 3;
const BIDS: u64 = 46;
const EPOCH: u64 = PERSONS + AUCTIONS + BIDS;
const FIRST_ID: u64 = 1000;
const FIRST_CATEGORY: u64 = 10;
const CATEGORIES: u64 = 5;
/// Persons that take part at a time, and those that are known of before they come.
const ACTIVE_PERSONS: u64 = 1000;
const PERSON_LEAD: u64 = 10;
const AUCTIONS_IN_FLIGHT: u64 = 100;
const AUCTION_LEAD: u64 = 10;
/// One of so many is not hot.
const HOT_AUCTION: u64 = 2;
const HOT_SELLER: u64 = 4;
const HOT_BIDDER: u64 = 4;
const HOT_CHANNEL: u64 = 2;
/// What is hot is so for so many.
const HOT_FOR: u64 = 100;
const CHANNELS: u64 = 10_000;
/// Events in a second, where they do not come at a rate.
const PER_SECOND_MILLI: u64 = 10_000_000;
/// Bytes of an event, on average, which `extra` fills up to.
const PERSON_BYTES: u64 = 200;
const AUCTION_BYTES: u64 = 500;
const BID_BYTES: u64 = 100;

const STATES: [&str; 6] = ["AZ", "CA", "ID", "OR", "WA", "WY"];
const CITIES: [&str; 10] =
    ["Phoenix", "Los Angeles", "San Francisco", "Boise", "Portland", "Bend", "Redmond", "Seattle", "Kent", "Cheyenne"];
const FIRST_NAMES: [&str; 11] = ["Peter", "Paul", "Luke", "John", "Saul", "Vicky", "Kate", "Julie", "Sarah", "Deiter", "Walter"];
const LAST_NAMES: [&str; 9] = ["Shultz", "Abrams", "Spencer", "White", "Bartels", "Walton", "Smith", "Jones", "Noris"];
const HOT_CHANNELS: [&str; 4] = ["Google", "Facebook", "Baidu", "Apple"];

/// Everything that events are made of.
#[derive(Debug)]
pub struct Nexmark {
    events: u64,
    /// Whether each table goes through all events, and not just through its own.
    by_event: bool,
    /// Events come out of order within groups of so many.
    group: u64,
    start: i64,
    per_second_milli: u64,
    event: Stream,
    channel: Stream,
}

impl Nexmark {
    pub fn new(options: &Options) -> Nexmark {
        let (start, per_second_milli) = match options.live {
            Some(live) => (live.from, live.per_second_milli.max(1)),
            None => (i64::from(options.start_day) * DAY, PER_SECOND_MILLI),
        };
        Nexmark {
            events: options.rows,
            by_event: options.live.is_some() || options.disorder > 1,
            group: options.disorder.max(1),
            start,
            per_second_milli,
            event: Stream::new(options.seed, "nexmark", "event"),
            channel: Stream::new(options.seed, "nexmark", "channel"),
        }
    }

    /// When an event happens, in microseconds: a whole millisecond.
    fn at(&self, event: u64) -> i64 {
        let micros = (u128::from(event) * 1_000_000_000 / u128::from(self.per_second_milli)) as i64;
        (self.start + micros).div_euclid(1000) * 1000
    }

    /// Which event comes at this place.
    fn placed(&self, place: u64) -> u64 {
        let base = place / self.group * self.group;
        // The last group is not whole.
        if base.checked_add(self.group).is_none_or(|end| end > self.events) {
            return place;
        }
        base + (place % self.group).wrapping_mul(953) % self.group
    }

    /// The newest person there is at an event, from 0 on.
    fn last_person(event: u64) -> u64 {
        event / EPOCH
    }

    /// The same of auctions; none before the first.
    fn last_auction(event: u64) -> Option<u64> {
        let (epoch, offset) = (event / EPOCH, event % EPOCH);
        match offset {
            0 => (epoch * AUCTIONS).checked_sub(1),
            _ => Some(epoch * AUCTIONS + (offset - PERSONS).min(AUCTIONS - 1)),
        }
    }

    /// A person that takes part, or is about to come.
    fn person(event: u64, d: &mut Draws) -> u64 {
        let count = Nexmark::last_person(event) + 1;
        let active = count.min(ACTIVE_PERSONS);
        count - active + d.below(active + PERSON_LEAD)
    }

    fn auction(event: u64, d: &mut Draws) -> u64 {
        let last = Nexmark::last_auction(event).unwrap_or(0);
        let least = last.saturating_sub(AUCTIONS_IN_FLIGHT);
        least + d.below(last - least + 1 + AUCTION_LEAD)
    }

    /// In cents, evenly spread over six powers of ten.
    fn price(d: &mut Draws) -> i64 {
        const LN_10: f64 = std::f64::consts::LN_10;
        let unit = d.below(1 << 53) as f64 / (1u64 << 53) as f64;
        (exp(unit * 6.0 * LN_10) * 100.0 + 0.5) as i64
    }

    fn write_person(&self, event: u64, rows: &mut Rows) {
        let mut d = self.event.draws(event);
        let (first, last) = (*d.pick(&FIRST_NAMES), *d.pick(&LAST_NAMES));
        let (city, state) = (*d.pick(&CITIES), *d.pick(&STATES));
        let mut used = 8 + first.len() + 1 + last.len() + 19 + city.len() + state.len();
        rows.int((FIRST_ID + Nexmark::last_person(event)) as i64);
        rows.text(|out| {
            out.extend_from_slice(first.as_bytes());
            out.push(b' ');
            out.extend_from_slice(last.as_bytes());
        });
        rows.text(|out| {
            let from = out.len();
            text(7, b'_', &mut d, out);
            out.push(b'@');
            text(5, b'_', &mut d, out);
            out.extend_from_slice(b".com");
            used += out.len() - from;
        });
        rows.text(|out| {
            for group in 0..4 {
                if group > 0 {
                    out.push(b' ');
                }
                digits::padded(d.below(10_000), 4, out);
            }
        });
        rows.word(city);
        rows.word(state);
        rows.push(Cell::Instant(self.at(event)));
        rows.text(|out| extra(used as u64, PERSON_BYTES, &mut d, out));
    }

    fn write_auction(&self, event: u64, rows: &mut Rows) {
        let mut d = self.event.draws(event);
        let at = self.at(event);
        let mut used = 8 * 6;
        rows.int((FIRST_ID + Nexmark::last_auction(event).unwrap_or(0)) as i64);
        rows.text(|out| used += text(20, b' ', &mut d, out));
        rows.text(|out| used += text(100, b' ', &mut d, out));
        let initial = Nexmark::price(&mut d);
        rows.int(initial);
        rows.int(initial + Nexmark::price(&mut d));
        rows.push(Cell::Instant(at));
        // As long as it takes until about as many auctions have come as are open at a time, on average.
        let horizon = (self.at(event + AUCTIONS_IN_FLIGHT * EPOCH / AUCTIONS) - at) / 1000;
        let length = 1 + d.below((horizon * 2).max(1) as u64) as i64;
        rows.push(Cell::Instant(at + length * 1000));
        let seller = match d.below(HOT_SELLER) {
            0 => Nexmark::person(event, &mut d),
            _ => Nexmark::last_person(event) / HOT_FOR * HOT_FOR,
        };
        rows.int((FIRST_ID + seller) as i64);
        rows.int((FIRST_CATEGORY + d.below(CATEGORIES)) as i64);
        rows.text(|out| extra(used as u64, AUCTION_BYTES, &mut d, out));
    }

    fn write_bid(&self, event: u64, rows: &mut Rows) {
        let mut d = self.event.draws(event);
        let auction = match d.below(HOT_AUCTION) {
            0 => Nexmark::auction(event, &mut d),
            _ => Nexmark::last_auction(event).unwrap_or(0) / HOT_FOR * HOT_FOR,
        };
        let bidder = match d.below(HOT_BIDDER) {
            0 => Nexmark::person(event, &mut d),
            _ => Nexmark::last_person(event) / HOT_FOR * HOT_FOR + 1,
        };
        rows.int((FIRST_ID + auction) as i64);
        rows.int((FIRST_ID + bidder) as i64);
        rows.int(Nexmark::price(&mut d));
        if d.below(HOT_CHANNEL) > 0 {
            let hot = d.below(HOT_CHANNELS.len() as u64);
            rows.word(HOT_CHANNELS[hot as usize]);
            rows.text(|out| url(&mut self.channel.draws(CHANNELS + hot), out));
        } else {
            let number = d.below(CHANNELS);
            rows.text(|out| {
                out.extend_from_slice(b"channel-");
                digits::unsigned(number, out);
            });
            // A channel has one address.
            let mut own = self.channel.draws(number);
            rows.text(|out| {
                url(&mut own, out);
                if own.below(10) > 0 {
                    out.extend_from_slice(b"&channel_id=");
                    digits::unsigned(u64::from((number as i32).reverse_bits().unsigned_abs()), out);
                }
            });
        }
        rows.push(Cell::Instant(self.at(event)));
        rows.text(|out| extra(8 * 4, BID_BYTES, &mut d, out));
    }
}

/// Letters, three to this many, one in thirteen a special one but for the ends; how many.
fn text(most: u64, special: u8, d: &mut Draws, out: &mut Vec<u8>) -> usize {
    let from = out.len();
    let length = 3 + d.below(most - 3) as usize;
    letters(length, d, out);
    for four in out[from + 1..from + length - 1].chunks_mut(4) {
        let mut draw = d.next();
        for letter in four {
            if draw & 0xFFFF < 0x1_0000 / 13 {
                *letter = special;
            }
            draw >>= 16;
        }
    }
    length
}

fn letters(count: usize, d: &mut Draws, out: &mut Vec<u8>) {
    let mut left = count;
    while left > 0 {
        let mut draw = d.next();
        for _ in 0..left.min(8) {
            out.push(b'a' + (((draw & 0xFF) * 26) >> 8) as u8);
            draw >>= 8;
        }
        left -= left.min(8);
    }
}

/// Fills an event up to its average length, a fifth more or less.
fn extra(used: u64, wanted: u64, d: &mut Draws, out: &mut Vec<u8>) {
    let Some(missing) = wanted.checked_sub(used) else { return };
    let delta = (missing + 2) / 5;
    let length = missing - delta + if delta == 0 { 0 } else { d.below(2 * delta) };
    letters(length as usize, d, out);
}

fn url(d: &mut Draws, out: &mut Vec<u8>) {
    out.extend_from_slice(b"https://www.nexmark.com/");
    for _ in 0..3 {
        text(5, b'_', d, out);
        out.push(b'/');
    }
    out.extend_from_slice(b"item.htm?query=1");
}

// -------------------------------------------------------------------------------------------------------------- tables

/// The number of events of a table below event `n`; they come at offsets `from..from + width` of each epoch.
fn below(n: u64, from: u64, width: u64) -> u64 {
    n / EPOCH * width + (n % EPOCH).saturating_sub(from).min(width)
}

/// The event that a unit of a table is; none when it is another table's.
fn event_of(of: &Nexmark, unit: u64, from: u64, width: u64) -> Option<u64> {
    if of.by_event {
        let event = of.placed(unit);
        return (from..from + width).contains(&(event % EPOCH)).then_some(event);
    }
    Some(unit / width * EPOCH + from + unit % width)
}

fn units_of(of: &Nexmark, from: u64, width: u64) -> u64 {
    if of.by_event { of.events } else { below(of.events, from, width) }
}

pub struct Persons<'a>(pub &'a Nexmark);
pub struct Auctions<'a>(pub &'a Nexmark);
pub struct Bids<'a>(pub &'a Nexmark);

impl Table for Persons<'_> {
    fn name(&self) -> &'static str {
        "person"
    }
    fn columns(&self) -> &'static [Column] {
        const COLUMNS: [Column; 8] = [
            Column::sound("id", Kind::Int),
            Column::sound("name", Kind::Text),
            Column::sound("emailAddress", Kind::Text),
            Column::sound("creditCard", Kind::Text),
            Column::sound("city", Kind::Text),
            Column::sound("state", Kind::Text),
            Column::sound("dateTime", Kind::Instant(Form::Millis)),
            Column::sound("extra", Kind::Text),
        ];
        &COLUMNS
    }
    fn key(&self) -> &'static [usize] {
        &[0]
    }
    fn units(&self) -> u64 {
        units_of(self.0, 0, PERSONS)
    }
    fn unit(&self, i: u64, rows: &mut Rows) {
        if let Some(event) = event_of(self.0, i, 0, PERSONS) {
            self.0.write_person(event, rows);
        }
    }
}

impl Table for Auctions<'_> {
    fn name(&self) -> &'static str {
        "auction"
    }
    fn columns(&self) -> &'static [Column] {
        const COLUMNS: [Column; 10] = [
            Column::sound("id", Kind::Int),
            Column::sound("itemName", Kind::Text),
            Column::sound("description", Kind::Text),
            Column::sound("initialBid", Kind::Int),
            Column::sound("reserve", Kind::Int),
            Column::sound("dateTime", Kind::Instant(Form::Millis)),
            Column::sound("expires", Kind::Instant(Form::Millis)),
            Column::sound("seller", Kind::Int),
            Column::sound("category", Kind::Int),
            Column::sound("extra", Kind::Text),
        ];
        &COLUMNS
    }
    fn key(&self) -> &'static [usize] {
        &[0]
    }
    fn units(&self) -> u64 {
        units_of(self.0, PERSONS, AUCTIONS)
    }
    fn unit(&self, i: u64, rows: &mut Rows) {
        if let Some(event) = event_of(self.0, i, PERSONS, AUCTIONS) {
            self.0.write_auction(event, rows);
        }
    }
}

impl Table for Bids<'_> {
    fn name(&self) -> &'static str {
        "bid"
    }
    fn columns(&self) -> &'static [Column] {
        const COLUMNS: [Column; 7] = [
            Column::sound("auction", Kind::Int),
            Column::sound("bidder", Kind::Int),
            Column::sound("price", Kind::Int),
            Column::sound("channel", Kind::Text),
            Column::sound("url", Kind::Text),
            Column::sound("dateTime", Kind::Instant(Form::Millis)),
            Column::sound("extra", Kind::Text),
        ];
        &COLUMNS
    }
    fn key(&self) -> &'static [usize] {
        &[]
    }
    fn units(&self) -> u64 {
        units_of(self.0, PERSONS + AUCTIONS, BIDS)
    }
    fn unit(&self, i: u64, rows: &mut Rows) {
        if let Some(event) = event_of(self.0, i, PERSONS + AUCTIONS, BIDS) {
            self.0.write_bid(event, rows);
        }
    }
}
