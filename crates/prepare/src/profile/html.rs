//! A profile as one self-contained page.

use super::Profile;

/// The page.
pub fn page(p: &Profile) -> String {
    format!("<!doctype html><title>{}</title>", p.name.replace('<', "&lt;"))
}
