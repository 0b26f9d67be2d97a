//! How a line is typed: prompt, keys, menu, when Enter ends it, where its history is kept.

use super::complete::SqlCompleter;
use super::highlight::SqlHighlighter;
use super::words::Vocabulary;
use crate::commands::statements::{End, split};
use crate::context::Context;
use crate::failure::note;
use parking_lot::Mutex;
use reedline::{
    ColumnarMenu, DefaultHinter, EditCommand, Emacs, FileBackedHistory, KeyCode, KeyModifiers, MenuBuilder, PromptEditMode,
    PromptHistorySearch, PromptHistorySearchStatus, Reedline, ReedlineEvent, ReedlineMenu, ValidationResult, Validator,
    default_emacs_keybindings,
};
use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tidemill_core::Result;
use tidemill_project::spec::Project;

const MENU: &str = "completion";
const HISTORY_LINES: usize = 10_000;

pub fn editor(project: &Project, vocabulary: Arc<Mutex<Vocabulary>>, context: &Context) -> Result<Reedline> {
    let mut keys = default_emacs_keybindings();
    let complete = ReedlineEvent::UntilFound(vec![ReedlineEvent::Menu(MENU.into()), ReedlineEvent::MenuNext]);
    keys.add_binding(KeyModifiers::NONE, KeyCode::Tab, complete);
    keys.add_binding(KeyModifiers::SHIFT, KeyCode::BackTab, ReedlineEvent::MenuPrevious);
    keys.add_binding(KeyModifiers::ALT, KeyCode::Enter, ReedlineEvent::Edit(vec![EditCommand::InsertNewline]));
    let menu = ColumnarMenu::default().with_name(MENU).with_columns(3).with_column_padding(2);

    let mut editor = Reedline::create()
        .with_completer(Box::new(SqlCompleter(vocabulary)))
        .with_menu(ReedlineMenu::EngineCompleter(Box::new(menu)))
        .with_validator(Box::new(EndsWithSemicolon))
        .with_edit_mode(Box::new(Emacs::new(keys)))
        .with_quick_completions(true)
        .with_partial_completions(true)
        .use_bracketed_paste(true)
        .with_ansi_colors(context.style.colour);
    if context.style.colour {
        let faint = nu_ansi_term::Style::new().dimmed();
        editor = editor.with_highlighter(Box::new(SqlHighlighter)).with_hinter(Box::new(DefaultHinter::default().with_style(faint)));
    }
    if let Some(path) = history_path(project) {
        match FileBackedHistory::with_file(HISTORY_LINES, path.clone()) {
            Ok(history) => editor = editor.with_history(Box::new(history)),
            Err(e) => note(context, "note", &format!("no history is kept: {}: {e}", path.display())),
        }
    }
    Ok(editor)
}

/// In the project's lake once it is there, else with the user's other state.
fn history_path(project: &Project) -> Option<PathBuf> {
    let lake = project.dir.join(&project.settings.lake.location).join("_tidemill");
    if lake.is_dir() {
        return Some(lake.join("shell_history"));
    }
    let state = std::env::var_os("XDG_STATE_HOME").filter(|v| Path::new(v).is_absolute()).map(PathBuf::from);
    let state = state.or_else(|| std::env::var_os("HOME").map(|home| Path::new(&home).join(".local/state")))?;
    Some(state.join("tidemill").join("shell_history"))
}

/// Whether Enter ends what is typed: a command by itself, a statement with its semicolon.
pub fn is_complete(text: &str) -> bool {
    let line = text.trim();
    line.is_empty() || super::command::parse(line).is_some() || split(text).end == End::Ended
}

struct EndsWithSemicolon;

impl Validator for EndsWithSemicolon {
    fn validate(&self, line: &str) -> ValidationResult {
        if is_complete(line) { ValidationResult::Complete } else { ValidationResult::Incomplete }
    }
}

pub struct Prompt {
    name: String,
    colour: bool,
}

impl Prompt {
    pub fn new(name: &str, colour: bool) -> Prompt {
        Prompt { name: name.to_string(), colour }
    }
}

impl reedline::Prompt for Prompt {
    fn render_prompt_left(&self) -> Cow<'_, str> {
        self.name.as_str().into()
    }
    fn render_prompt_right(&self) -> Cow<'_, str> {
        "".into()
    }
    fn render_prompt_indicator(&self, _: PromptEditMode) -> Cow<'_, str> {
        "> ".into()
    }
    fn render_prompt_multiline_indicator(&self) -> Cow<'_, str> {
        format!("{}… ", " ".repeat(unicode_width::UnicodeWidthStr::width(self.name.as_str()))).into()
    }
    fn render_prompt_history_search_indicator(&self, search: PromptHistorySearch) -> Cow<'_, str> {
        let word = match search.status {
            PromptHistorySearchStatus::Passing => "search",
            PromptHistorySearchStatus::Failing => "not found",
        };
        format!("({word}: {}) ", search.term).into()
    }
    fn get_prompt_color(&self) -> reedline::Color {
        if self.colour { reedline::Color::Cyan } else { reedline::Color::Reset }
    }
    fn get_indicator_color(&self) -> reedline::Color {
        self.get_prompt_color()
    }
}
