//! Time is handed in, so that tests and replays decide what time it is.

/// Microseconds since 1970-01-01T00:00:00Z.
pub trait Clock: Send + Sync + std::fmt::Debug {
    fn now_micros(&self) -> i64;
}

/// The machine's clock. `main` hands it in; who is handed none falls back on it.
#[derive(Debug, Default, Clone, Copy)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[allow(clippy::disallowed_methods)] // the one place where ambient time enters
    fn now_micros(&self) -> i64 {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        since.as_micros() as i64
    }
}

/// A clock that stands still until told otherwise.
#[derive(Debug, Default)]
pub struct FixedClock(pub std::sync::atomic::AtomicI64);

impl Clock for FixedClock {
    fn now_micros(&self) -> i64 {
        self.0.load(std::sync::atomic::Ordering::Relaxed)
    }
}
