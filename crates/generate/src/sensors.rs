//! Readings of sensors that report in turn, at even intervals; some fail now and then.

use crate::calendar::{DAY, Form};
use crate::distribution::{bell, wave};
use crate::options::Options;
use crate::random::{Draws, Stream, below, mix};
use crate::table::{Cell, Column, Kind, Rows, Table};
use crate::words::Lexicon;

const STATUSES: &[&str] = &["ok", "warning", "error", "offline"];
/// Readings of a sensor within which it may fail once.
const SHIFT: u64 = 512;

#[derive(Debug)]
pub struct Sensors {
    rows: u64,
    sensors: u64,
    start: i64,
    /// Microseconds between two readings of all sensors taken together, in 65536ths.
    step: u128,
    sensor: Stream,
    reading: Stream,
    failure: Stream,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Anomaly {
    /// One reading far off.
    Spike,
    /// Always the same value.
    Stuck,
    /// Further off with each reading.
    Drift,
    /// Nothing is heard.
    Silence,
}

impl Anomaly {
    fn name(self) -> &'static str {
        match self {
            Anomaly::Spike => "spike",
            Anomaly::Stuck => "stuck",
            Anomaly::Drift => "drift",
            Anomaly::Silence => "silence",
        }
    }
}

struct Reading {
    sensor: u64,
    at: i64,
    value: Option<i64>,
    status: &'static str,
    anomaly: Option<Anomaly>,
}

impl Sensors {
    pub fn new(options: &Options) -> Sensors {
        let rows = options.rows;
        let sensors = (options.base_rows() / 1000).clamp(1, 10_000).max(options.base_rows().min(8));
        let (start, step) = match options.live {
            Some(live) => (live.from, (1_000_000_000u128 << 16) / u128::from(live.per_second_milli.max(1))),
            None => {
                let micros = i128::from(options.days) * i128::from(DAY);
                (i64::from(options.start_day) * DAY, (micros as u128) * 65_536 / u128::from(rows.max(1)))
            }
        };
        let stream = |column: &str| Stream::new(options.seed, "sensor", column);
        Sensors { rows, sensors, start, step, sensor: stream(""), reading: stream("reading"), failure: stream("failure") }
    }

    #[inline]
    fn reading(&self, i: u64) -> Reading {
        let (sensor, tick) = (i % self.sensors, i / self.sensors);
        let draw = self.reading.at(i);
        // Up to half a step late, in whole milliseconds; in order for each sensor.
        let offset = ((u128::from(i) * self.step) >> 16) as i64 + (((self.step as u64 >> 17) as i64 * (draw & 0xFF) as i64) >> 8);
        let at = (self.start + offset) / 1000 * 1000;
        let own = self.sensor.at(sensor);
        let base = 1_500 + below(own, 7_000) as i64;
        let swing = 200 + (own & 0x3FF) as i64;
        let day_step = (at.rem_euclid(DAY) / (DAY / 1024)) + (own >> 40 & 0x7F) as i64;
        let normal = |draw: u64| base + swing * wave(day_step) / 256 + bell(draw) * 60 / 256;
        let mut value = Some(normal(draw));
        let mut anomaly = None;

        let shift = self.failure.at(mix(sensor) ^ (tick / SHIFT));
        if below(shift, 100) < 22 {
            let mut d = Draws::from_key(shift);
            let (kind, from, length) = (d.below(4), d.below(SHIFT - 64), 12 + d.below(50));
            let k = tick % SHIFT;
            let length = if kind == 0 { 1 } else { length };
            if (from..from + length).contains(&k) {
                let past = (k - from) as i64;
                match kind {
                    0 => {
                        anomaly = Some(Anomaly::Spike);
                        value = value.map(|v| v + if d.below(2) == 0 { 1 } else { -1 } * (4_000 + d.below(6_000) as i64));
                    }
                    1 => {
                        anomaly = Some(Anomaly::Stuck);
                        value = Some(base + bell(d.next()) * 60 / 256);
                    }
                    2 => {
                        anomaly = Some(Anomaly::Drift);
                        value = value.map(|v| v + past * (30 + (own & 0x1F) as i64));
                    }
                    _ => {
                        anomaly = Some(Anomaly::Silence);
                        value = None;
                    }
                }
            }
        }
        let status = match value {
            None => "offline",
            Some(v) if (v - base).abs() > swing + 2_500 => "error",
            Some(v) if (v - base).abs() > swing + 300 => "warning",
            Some(_) => "ok",
        };
        Reading { sensor, at, value, status, anomaly }
    }
}

impl Table for Sensors {
    fn name(&self) -> &'static str {
        "sensors"
    }
    fn columns(&self) -> &'static [Column] {
        const COLUMNS: [Column; 4] = [
            Column::key("id"),
            Column::instant("ts", Form::Millis),
            Column::decimal("value", None),
            Column::word("status", Lexicon::Among(STATUSES)),
        ];
        &COLUMNS
    }
    fn key(&self) -> &'static [usize] {
        &[]
    }
    fn units(&self) -> u64 {
        self.rows
    }
    #[inline]
    fn unit(&self, i: u64, rows: &mut Rows) {
        let r = self.reading(i);
        rows.code(b'S', 5, r.sensor + 1);
        rows.push(Cell::Instant(r.at));
        rows.push(r.value.map_or(Cell::Null, Cell::Hundredths));
        rows.word(r.status);
    }
}

/// Which readings are wrong, and how: for the truth only.
pub struct SensorLabels<'a>(pub &'a Sensors);

impl Table for SensorLabels<'_> {
    fn name(&self) -> &'static str {
        "labels_sensors"
    }
    fn columns(&self) -> &'static [Column] {
        const COLUMNS: [Column; 3] =
            [Column::sound("row", Kind::Int), Column::sound("anomaly", Kind::Bool), Column::sound("pattern", Kind::Text)];
        &COLUMNS
    }
    fn key(&self) -> &'static [usize] {
        &[0]
    }
    fn units(&self) -> u64 {
        self.0.rows
    }
    fn is_label(&self) -> bool {
        true
    }
    fn unit(&self, i: u64, rows: &mut Rows) {
        let r = self.0.reading(i);
        rows.int(i as i64 + 1);
        rows.push(Cell::Bool(r.anomaly.is_some()));
        rows.push(r.anomaly.map_or(Cell::Null, |a| Cell::Word(a.name())));
    }
}
