//! How much is done for whoever asks: everything that somebody outside can make grow has an end.

use std::time::Duration;

#[derive(Debug, Clone)]
pub struct Limits {
    /// Points of a panel: more are cut off, and the answer says so.
    pub rows_panel_max: usize,
    /// Rows of a file.
    pub rows_csv_max: usize,
    /// Rows of one page.
    pub rows_page_max: usize,
    /// How long one question may take, waiting for its turn included.
    pub question_max: Duration,
    /// Questions at the same time; others wait.
    pub questions: usize,
    /// Bytes of kept answers.
    pub kept_bytes: usize,
    pub connections: usize,
    /// Pages that wait for events.
    pub listeners: usize,
    pub body_bytes_max: u64,
    /// A request must be there, headers and all, within this time.
    pub header_max: Duration,
    /// A client that takes nothing for so long is let go.
    pub stalled_max: Duration,
    /// A word of life to listeners.
    pub ping: Duration,
    /// How often is looked for changes of data and of files.
    pub look_data: Duration,
    pub look_files: Duration,
    /// How often is looked whether profiles by key are behind.
    pub look_profiles: Duration,
    /// Bytes of the profiles of one view; of a larger one none are kept.
    pub profile_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            rows_panel_max: 2_000,
            rows_csv_max: 100_000,
            rows_page_max: 1_000,
            question_max: Duration::from_secs(30),
            questions: 4,
            kept_bytes: 64 << 20,
            connections: 512,
            listeners: 256,
            body_bytes_max: 64 << 10,
            header_max: Duration::from_secs(10),
            stalled_max: Duration::from_secs(30),
            ping: Duration::from_secs(15),
            look_data: Duration::from_millis(200),
            look_files: Duration::from_secs(1),
            look_profiles: Duration::from_millis(500),
            profile_bytes: 4 << 30,
        }
    }
}

/// Bytes of a selection in a URL.
pub const SELECTION_BYTES_MAX: usize = 16 << 10;
/// Values of one column that may be selected, and values that a query may be given.
pub const VALUES_MAX: usize = 500;
/// Letters that one searches for.
pub const SEARCH_LETTERS_MAX: usize = 200;
