//! Where word of an alarm is sent, beside `system.alerts`.

use super::told::{Told, record, severity};
use std::path::Path;
use tidemill_connect::{SINKS, StreamSink};
use tidemill_core::{Error, Result};
use tidemill_project::spec::{Alert, AlertAction, Source};

/// Batches that a target which can't be reached may owe.
const OWED_MAX: usize = 1_000;

/// What is done when something happens to an alarm of one alert.
pub struct Actions {
    alert: String,
    logs: bool,
    targets: Vec<Target>,
}

struct Target {
    kind: String,
    sink: Box<dyn StreamSink>,
    owed: Vec<Vec<Told>>,
}

impl Actions {
    pub fn open(alert: &Alert, dir: &Path) -> Result<Actions> {
        let mut actions = Actions { alert: alert.name.clone(), logs: false, targets: Vec::new() };
        for action in &alert.actions {
            match action {
                AlertAction::Log => actions.logs = true,
                AlertAction::Send(source) => {
                    actions.targets.push(open(source, dir).map_err(|e| e.within(format!("alert.{}", alert.name)))?)
                }
            }
        }
        Ok(actions)
    }

    /// Sends word. A target that fails is tried again with the next word, and never stops the others.
    pub fn tell(&mut self, told: &[Told]) {
        if self.logs {
            told.iter().for_each(|t| log(&self.alert, t));
        }
        for target in &mut self.targets {
            if !told.is_empty() {
                target.owed.push(told.to_vec());
            }
            if target.owed.len() > OWED_MAX {
                tracing::error!(alert = self.alert, target = target.kind, "too many words are owed, and the oldest one is given up");
                target.owed.remove(0);
            }
            while !target.owed.is_empty() {
                let sent = send(&self.alert, target.sink.as_mut(), &target.owed[0]);
                match sent {
                    Ok(()) => drop(target.owed.remove(0)),
                    Err(e) => {
                        tracing::warn!(alert = self.alert, target = target.kind, error = %e, owed = target.owed.len(), "word of an alarm could not be sent");
                        break;
                    }
                }
            }
        }
    }

    /// Words that some target has not taken yet: [`Actions::tell`] with nothing new tries again.
    pub fn owed(&self) -> usize {
        self.targets.iter().map(|t| t.owed.len()).sum()
    }
}

fn open(source: &Source, dir: &Path) -> Result<Target> {
    let kind = source.connector.as_str();
    let connector =
        SINKS.iter().find(|c| c.kind() == kind).ok_or_else(|| Error::config(format!("word of an alarm is not sent to `{kind}`")))?;
    let sink = connector.open(&crate::tables::plain(&source.options), dir, &tidemill_lake::system::schema("alerts")?)?;
    Ok(Target { kind: kind.to_string(), sink, owed: Vec::new() })
}

fn send(alert: &str, sink: &mut dyn StreamSink, told: &[Told]) -> Result<()> {
    let ids: Vec<String> = told.iter().map(Told::id).collect();
    sink.write(&record(alert, told)?, &ids)?;
    sink.flush()
}

/// Values stand in `system.alerts`, under the alarm's id: logs are read by more people than tables.
fn log(alert: &str, t: &Told) {
    tracing::warn!(alert, alarm = t.alarm, severity = severity(t.severity), times = t.times, "alarm {}", t.happened.as_str());
}
