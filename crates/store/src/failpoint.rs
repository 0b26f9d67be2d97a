//! Edges at which a test may have the process killed: `TIDEMILL_FAILPOINT=name[:n]` aborts at the n-th passing (the first by default) of
//! a point whose name begins with `name`; `name:hold` stops there and waits to be killed, so that a test can look at the process from
//! outside. Only debug builds look; a release build has none of this.

/// Marks an edge. Does nothing unless the environment names it.
#[inline]
pub fn failpoint(name: &str) {
    #[cfg(debug_assertions)]
    armed::pass(name);
    #[cfg(not(debug_assertions))]
    let _ = name;
}

#[cfg(debug_assertions)]
mod armed {
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU64, Ordering};

    /// What to do when a point is passed.
    #[derive(Debug, PartialEq, Eq)]
    pub enum Order {
        /// At the n-th passing.
        Abort(u64),
        Hold,
    }

    static WANTED: OnceLock<Option<(String, Order)>> = OnceLock::new();
    static PASSED: AtomicU64 = AtomicU64::new(0);

    pub fn pass(name: &str) {
        let wanted = WANTED.get_or_init(|| std::env::var("TIDEMILL_FAILPOINT").ok().map(|text| parse(&text)));
        let Some((_, order)) = wanted.as_ref().filter(|(prefix, _)| name.starts_with(prefix.as_str())) else { return };
        match order {
            Order::Abort(nth) if PASSED.fetch_add(1, Ordering::Relaxed) + 1 == *nth => std::process::abort(),
            Order::Abort(_) => {}
            Order::Hold => loop {
                std::thread::park();
            },
        }
    }

    pub fn parse(text: &str) -> (String, Order) {
        match text.rsplit_once(':') {
            Some((name, "hold")) => (name.to_string(), Order::Hold),
            Some((name, n)) if n.parse::<u64>().is_ok() => (name.to_string(), Order::Abort(n.parse().unwrap_or(1))),
            _ => (text.to_string(), Order::Abort(1)),
        }
    }

    #[cfg(test)]
    mod tests {
        use super::{Order, parse};

        #[test]
        fn a_count_or_an_order_may_follow_the_name() {
            assert_eq!(parse("done.after:3"), ("done.after".to_string(), Order::Abort(3)));
            assert_eq!(parse("commit.raw.a"), ("commit.raw.a".to_string(), Order::Abort(1)));
            assert_eq!(parse("done.before:hold"), ("done.before".to_string(), Order::Hold));
        }
    }
}
