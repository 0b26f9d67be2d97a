//! A profile as one self-contained page.
