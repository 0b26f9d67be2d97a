//! Makes a file be read from the disk again. What a drive or a hypervisor keeps in a cache of its own is beyond reach.

use std::fs::File;
use std::path::Path;

/// Takes a file's pages out of the operating system's cache, where the system lets us. Pages must be on the disk first, else they stay.
pub(super) fn forget(path: &Path) {
    let Ok(file) = File::open(path) else { return };
    // Of use for source files that somebody has just written.
    let _ = file.sync_all();
    #[cfg(target_os = "linux")]
    {
        use std::os::fd::AsRawFd;
        // SAFETY: the descriptor is open, and the call touches no memory of ours.
        unsafe { libc::posix_fadvise(file.as_raw_fd(), 0, 0, libc::POSIX_FADV_DONTNEED) };
    }
}
