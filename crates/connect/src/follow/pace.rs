//! How often one looks, counted by the time slept: no clock is asked.

use std::time::Duration;

pub struct Pace {
    every: Duration,
    rested: Duration,
}

impl Pace {
    /// The first look is due at once.
    pub fn new(every: Duration) -> Pace {
        Pace { every, rested: every }
    }

    pub fn is_due(&self) -> bool {
        self.rested >= self.every
    }

    pub fn looked(&mut self) {
        self.rested = Duration::ZERO;
    }

    /// Sleeps until the next look is due, but no longer than what is left of `wait`; takes it from there.
    pub fn rest(&mut self, wait: &mut Duration) {
        let nap = self.every.saturating_sub(self.rested).min(*wait);
        std::thread::sleep(nap);
        self.rested += nap;
        *wait -= nap;
    }
}
