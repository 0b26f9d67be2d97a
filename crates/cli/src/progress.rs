//! What a run shows while it goes on, on standard error: a bar per running step on a terminal, one line per ended step anywhere else.

use crate::context::Context;
use crate::failure::to_stderr;
use crate::output::figures::{counted, duration, grouped, rate};
use crate::output::grid::{Tone, paint, visible};
use indicatif::{MultiProgress, ProgressBar, ProgressState, ProgressStyle};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tidemill_core::Meter;
use tidemill_pipeline::report::{RunEvent, Status, StepReport, Unwatched, Watch};

/// Positions of bars are thousandths of the bytes expected.
const BAR_LENGTH: u64 = 1000;

/// The watcher that suits where standard error goes.
pub fn watcher(context: &Context) -> Arc<dyn Watch> {
    watching(context, Told::new(context))
}

/// The same, for who does not know the project: steps that end well are not told one by one, but in `-v`.
pub fn brief(context: &Context) -> Arc<dyn Watch> {
    watching(context, Told { brief: context.global.verbose == 0, ..Told::new(context) })
}

fn watching(context: &Context, told: Told) -> Arc<dyn Watch> {
    if context.global.quiet {
        Arc::new(Unwatched)
    } else if context.draws_bars {
        Arc::new(Bars::new(context.bars.clone(), told))
    } else {
        Arc::new(Lines { told })
    }
}

/// One line per ended step.
struct Lines {
    told: Told,
}

impl Watch for Lines {
    fn on(&self, event: &RunEvent) {
        if let Some(line) = self.told.line(event) {
            to_stderr(&line);
        }
    }
}

/// The bar and the meter of each running step, by its id.
type Running = BTreeMap<u32, (ProgressBar, Arc<Meter>)>;

/// A bar per running step, and a line above them for each ended one.
struct Bars {
    all: MultiProgress,
    told: Told,
    running: Arc<Mutex<Running>>,
    ended: Arc<AtomicBool>,
}

impl Bars {
    fn new(all: MultiProgress, told: Told) -> Bars {
        let bars = Bars { all, told, running: Arc::default(), ended: Arc::default() };
        let (running, ended) = (Arc::clone(&bars.running), Arc::clone(&bars.ended));
        // Its own thread, since a run may keep every worker of the runtime busy. If it cannot be had, bars stand still.
        let ticker = std::thread::Builder::new().name("bars".into()).spawn(move || {
            while !ended.load(Ordering::Relaxed) {
                for (bar, meter) in running.lock().values() {
                    show(bar, meter);
                }
                std::thread::sleep(Duration::from_millis(100));
            }
        });
        drop(ticker);
        bars
    }
}

impl Drop for Bars {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        for (bar, _) in std::mem::take(&mut *self.running.lock()).into_values() {
            bar.finish_and_clear();
        }
    }
}

impl Watch for Bars {
    fn on(&self, event: &RunEvent) {
        match event {
            RunEvent::StepStarted { step_id, node, stage, meter } => {
                let bar = self.all.add(ProgressBar::new(BAR_LENGTH));
                bar.set_style(style(meter, false));
                bar.set_prefix(format!("{:<28}  {stage:<7}", visible(node)));
                show(&bar, meter);
                self.running.lock().insert(*step_id, (bar, Arc::clone(meter)));
            }
            RunEvent::StepEnded(report) => {
                if let Some((bar, _)) = self.running.lock().remove(&report.step_id) {
                    bar.finish_and_clear();
                }
            }
            RunEvent::RunEnded { .. } => {
                for (bar, _) in std::mem::take(&mut *self.running.lock()).into_values() {
                    bar.finish_and_clear();
                }
            }
            RunEvent::RunStarted { .. } | RunEvent::Note { .. } => {}
        }
        if let Some(line) = self.told.line(event) {
            self.all.suspend(|| to_stderr(&line));
        }
    }
}

/// Brings a bar to where its meter is. A total may become known only after the step has begun.
fn show(bar: &ProgressBar, meter: &Arc<Meter>) {
    if let Some(share) = meter.progress() {
        if bar.position() == 0 {
            bar.set_style(style(meter, true));
        }
        bar.set_position(((share * BAR_LENGTH as f64) as u64).max(1));
    }
    bar.tick();
}

fn style(meter: &Arc<Meter>, total_known: bool) -> ProgressStyle {
    let template =
        if total_known { "{spinner:.cyan} {prefix} {bar:20.cyan/dim} {percent:>3}%  {rows}" } else { "{spinner:.cyan} {prefix} {rows}" };
    let meter = Arc::clone(meter);
    let rows = move |state: &ProgressState, out: &mut dyn fmt::Write| {
        // A terminal that cannot show it is not a reason to stop.
        let _ = out.write_str(&rows_so_far(&meter, state.elapsed()));
    };
    // The templates are constant; should one not parse, a plain spinner is good enough.
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_spinner()).progress_chars("━━─").with_key("rows", rows)
}

fn rows_so_far(meter: &Meter, elapsed: Duration) -> String {
    let rows = Meter::get(&meter.rows_read).max(Meter::get(&meter.rows_written));
    if rows == 0 {
        return duration(elapsed);
    }
    let mut text = format!("{}  {}", counted(rows, "row"), rate(rows as f64 / elapsed.as_secs_f64().max(1e-3)));
    let rejected = Meter::get(&meter.rows_rejected);
    if rejected > 0 {
        text.push_str(&format!("  {} rejected", grouped(rejected)));
    }
    text
}

/// What of a run's events is told in lines.
struct Told {
    colour: bool,
    /// Nodes that had nothing to do are told one by one only to those who want to know.
    all: bool,
    /// Only what went wrong.
    brief: bool,
}

impl Told {
    fn new(context: &Context) -> Told {
        Told { colour: context.colour_errors, all: context.global.verbose > 0, brief: false }
    }

    fn line(&self, event: &RunEvent) -> Option<String> {
        let note = paint("note:", Tone::Warn, self.colour);
        match event {
            RunEvent::RunStarted { resumed: Some(run), .. } => {
                Some(format!("{note} run {} was interrupted; finishing it first", visible(run)))
            }
            RunEvent::StepEnded(step) if step.status == Status::UpToDate && !self.all => None,
            RunEvent::StepEnded(step) if step.status == Status::Succeeded && self.brief => None,
            RunEvent::StepEnded(step) => Some(step_line(step, self.colour)),
            RunEvent::Note { .. } if self.brief => None,
            RunEvent::Note { node, text } if node.is_empty() => Some(format!("{note} {}", visible(text))),
            RunEvent::Note { node, text } => Some(format!("{note} {}: {}", visible(node), visible(text))),
            RunEvent::RunStarted { resumed: None, .. } | RunEvent::StepStarted { .. } | RunEvent::RunEnded { .. } => None,
        }
    }
}

/// `clean.customers               apply    2,240 rows      0.1 s  24 cells filled`
pub fn step_line(step: &StepReport, colour: bool) -> String {
    let rows = match (step.rows_written, step.rows_read) {
        (0, 0) => String::new(),
        (0, read) => counted(read, "row"),
        (written, _) => counted(written, "row"),
    };
    let mut line = format!("{:<28}  {:<7}  {rows:>14}  {:>8}  ", visible(&step.node), step.stage, duration(step.elapsed));
    let (mark, tone) = match step.status {
        Status::Failed => ("failed: ", Tone::Bad),
        Status::Skipped => ("skipped: ", Tone::Dim),
        Status::UpToDate if step.message.is_empty() => ("up to date", Tone::Dim),
        Status::UpToDate | Status::Succeeded => ("", Tone::Plain),
    };
    line.push_str(&paint(mark, tone, colour));
    line.push_str(&visible(step.error.as_deref().unwrap_or(&step.message)));
    line.trim_end().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step() -> StepReport {
        StepReport {
            step_id: 2,
            node: "clean.customers".into(),
            stage: "apply",
            status: Status::Succeeded,
            elapsed: Duration::from_millis(140),
            rows_read: 2241,
            rows_written: 2240,
            rows_rejected: 1,
            bytes_read: 0,
            bytes_written: 0,
            bytes_spilled: 0,
            bytes_exchanged: 0,
            cpu_seconds: 0.1,
            peak_memory_bytes: 0,
            error: None,
            message: "24 cells filled".into(),
        }
    }

    #[test]
    fn an_ended_step_is_one_line() {
        assert_eq!(step_line(&step(), false), "clean.customers               apply        2,240 rows     0.1 s  24 cells filled");
        let failed = StepReport { status: Status::Failed, error: Some("division\nby zero".into()), ..step() };
        assert!(step_line(&failed, false).ends_with("0.1 s  failed: division↵by zero"));
        let kept = StepReport { status: Status::UpToDate, rows_read: 0, rows_written: 0, message: String::new(), ..step() };
        assert!(step_line(&kept, false).ends_with("  up to date"));
    }

    #[test]
    fn rows_so_far_tell_speed_and_rejects() {
        let meter = Meter::default();
        assert_eq!(rows_so_far(&meter, Duration::from_millis(200)), "0.2 s");
        Meter::add(&meter.rows_read, 50_000);
        Meter::add(&meter.rows_rejected, 1_200);
        assert_eq!(rows_so_far(&meter, Duration::from_secs(2)), "50,000 rows  25,000/s  1,200 rejected");
    }
}
