//! Memory comes from mimalloc, without huge pages (see `Cargo.toml`): half the memory for who stays, at the same speed.

use mimalloc::MiMalloc;
use std::ffi::{c_int, c_long};

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

unsafe extern "C" {
    fn mi_option_set(option: c_int, value: c_long);
    #[cfg(test)]
    fn mi_option_get(option: c_int) -> c_long;
}

/// `mi_option_purge_delay` of `mimalloc.h`.
const PURGE_DELAY: c_int = 15;
/// Milliseconds after which what is free goes back to the system, in a process that stays. What only runs keeps it for a second instead: it
/// asks for the same memory again at once (queries are a third slower with this delay).
const PURGE_DELAY_STAYING_MS: c_long = 10;

/// Gives memory back soon: for a process that stays. Before any other thread is started; an environment variable of mimalloc's own goes first.
pub fn stays() {
    if std::env::var_os("MIMALLOC_PURGE_DELAY").is_none() {
        // SAFETY: only this thread is there, and the number is one of the library's own (see the test).
        unsafe { mi_option_set(PURGE_DELAY, PURGE_DELAY_STAYING_MS) };
    }
}

#[cfg(test)]
mod tests {
    /// Numbers of options are no promise: this one's default is.
    #[test]
    fn the_number_is_that_of_the_delay() {
        // SAFETY: reads a number.
        let delay = unsafe { super::mi_option_get(super::PURGE_DELAY) };
        assert!(delay == 1000 || std::env::var_os("MIMALLOC_PURGE_DELAY").is_some(), "{delay}");
    }
}
