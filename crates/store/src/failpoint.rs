//! Edges at which a test may have the process killed: `TIDEMILL_FAILPOINT=name[:n]` aborts at the n-th passing (the first by default) of
//! a point whose name begins with `name`. Only debug builds look; a release build has none of this.

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

    static WANTED: OnceLock<Option<(String, u64)>> = OnceLock::new();
    static PASSED: AtomicU64 = AtomicU64::new(0);

    pub fn pass(name: &str) {
        let wanted = WANTED.get_or_init(|| std::env::var("TIDEMILL_FAILPOINT").ok().map(|text| parse(&text)));
        if let Some((prefix, nth)) = wanted
            && name.starts_with(prefix.as_str())
            && PASSED.fetch_add(1, Ordering::Relaxed) + 1 == *nth
        {
            std::process::abort();
        }
    }

    pub fn parse(text: &str) -> (String, u64) {
        match text.rsplit_once(':') {
            Some((name, n)) if n.parse::<u64>().is_ok() => (name.to_string(), n.parse().unwrap_or(1)),
            _ => (text.to_string(), 1),
        }
    }

    #[cfg(test)]
    mod tests {
        #[test]
        fn a_count_may_follow_the_name() {
            assert_eq!(super::parse("done.after:3"), ("done.after".to_string(), 3));
            assert_eq!(super::parse("commit.raw.a"), ("commit.raw.a".to_string(), 1));
        }
    }
}
