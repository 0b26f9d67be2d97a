//! CPU seconds and peak memory of this process, as the kernel counts them.

/// CPU seconds since `before`, to the millisecond: the kernel's figures are no finer, and differences of floats are long.
pub fn cpu_seconds_since(before: f64) -> f64 {
    ((cpu_seconds() - before).max(0.0) * 1000.0).round() / 1000.0
}

/// User and system CPU seconds of the process so far.
pub fn cpu_seconds() -> f64 {
    usage().map_or(0.0, |u| {
        let seconds = |t: libc::timeval| t.tv_sec as f64 + t.tv_usec as f64 / 1e6;
        seconds(u.ru_utime) + seconds(u.ru_stime)
    })
}

/// The largest resident size the process has had, in bytes.
pub fn peak_memory_bytes() -> u64 {
    // Linux counts kibibytes, macOS bytes.
    let unit = if cfg!(target_os = "macos") { 1 } else { 1024 };
    usage().map_or(0, |u| u.ru_maxrss as u64 * unit)
}

fn usage() -> Option<libc::rusage> {
    let mut u = std::mem::MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: getrusage fills the struct it is given and returns 0 when it has.
    unsafe { (libc::getrusage(libc::RUSAGE_SELF, u.as_mut_ptr()) == 0).then(|| u.assume_init()) }
}
