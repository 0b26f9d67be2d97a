//! Opens a page in the user's browser, where there is one.

use std::process::{Command, Stdio};

/// Whether a browser was asked to open it; what becomes of it is the user's to see. The URL's token is seen by who sees this machine's processes, for
/// a moment: of made-up data, on this machine only.
pub fn open(url: &str) -> bool {
    let set = |name: &str| std::env::var_os(name).is_some_and(|v| !v.is_empty());
    let has_display = set("DISPLAY") || set("WAYLAND_DISPLAY");
    program(std::env::consts::OS, has_display, set("WSL_DISTRO_NAME")).is_some_and(|program| start(program, url))
}

/// Without a display the usual program would start a browser in the terminal, over what stands there.
fn program(system: &str, has_display: bool, is_wsl: bool) -> Option<&'static str> {
    match system {
        "macos" => Some("open"),
        "linux" if is_wsl => Some("wslview"),
        "linux" if has_display => Some("xdg-open"),
        _ => None,
    }
}

fn start(program: &str, url: &str) -> bool {
    let child = Command::new(program).arg(url).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    let Ok(mut child) = child else { return false };
    // Somebody has to wait for it, or it stays as a zombie as long as this process lives.
    std::thread::Builder::new().name("browser".into()).spawn(move || child.wait()).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browser_is_opened_where_one_can_be_seen() {
        assert_eq!(program("linux", false, false), None);
        assert_eq!(program("linux", true, false), Some("xdg-open"));
        assert_eq!(program("linux", false, true), Some("wslview"));
        assert_eq!(program("macos", false, false), Some("open"));
        assert!(!start("/no/such/program", "http://127.0.0.1/"));
        assert!(start("true", "http://127.0.0.1/"));
    }
}
