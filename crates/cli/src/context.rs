//! What every command is handed: the global options, how to print, the runtime, and the way to open the project.

use crate::args::{ColourChoice, Global, OutputFormat};
use crate::failure::{Failure, to_stderr};
use crate::logging;
use crate::output::Style;
use crate::signals::Signals;
use indicatif::{MultiProgress, ProgressDrawTarget};
use std::future::Future;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tidemill_core::{Clock, Error, Result, Severity};
use tidemill_pipeline::{Checked, Workspace};
use tidemill_project::Environment;
use tokio::runtime::Runtime;

pub struct Context {
    pub global: Global,
    pub style: Style,
    pub colour_errors: bool,
    /// Standard error is a terminal that bars may be drawn on.
    pub draws_bars: bool,
    /// Where bars are drawn, so that log lines and notes can step aside for them.
    pub bars: MultiProgress,
    pub clock: Arc<dyn Clock>,
    /// How this program was called, for commands offered to be typed next.
    program: String,
    runtime: Runtime,
    signals: Signals,
}

impl Context {
    pub fn new(global: Global, program: String, clock: Arc<dyn Clock>) -> Result<Context> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .thread_name("tidemill")
            .thread_stack_size(8 << 20) // deep SQL recurses deep
            .build()
            .map_err(|e| Error::unavailable("cannot start threads").because(e))?;
        let signals = Signals::listen();
        let out = std::io::stdout().is_terminal();
        let err = std::io::stderr().is_terminal();
        let draws_bars = err && !global.quiet && !is("TERM", "dumb");
        let style = Style {
            format: global.format,
            colour: colour(global.color, out),
            width: if out { terminal_width() } else { None },
            expanded: false,
        };
        Ok(Context {
            style,
            colour_errors: colour(global.color, err),
            draws_bars,
            bars: MultiProgress::with_draw_target(if draws_bars {
                ProgressDrawTarget::stderr_with_hz(10)
            } else {
                ProgressDrawTarget::hidden()
            }),
            clock,
            program,
            runtime,
            signals,
            global,
        })
    }

    /// The project's directory.
    pub fn dir(&self) -> &Path {
        self.global.directory.as_deref().unwrap_or(Path::new("."))
    }

    /// A DIR argument: relative to `-C`, as in git.
    pub fn resolve(&self, dir: &Path) -> PathBuf {
        match &self.global.directory {
            Some(base) => base.join(dir),
            None => dir.to_path_buf(),
        }
    }

    pub fn environment(&self) -> Environment {
        let variables = std::env::vars_os().filter_map(|(k, v)| Some((k.into_string().ok()?, v.into_string().ok()?))).collect();
        let mut overrides: Vec<(String, String)> = Vec::new();
        let mut add = |flag: &str, key: &str, value: &str| overrides.push((flag.to_string(), format!("{key}={value}")));
        self.global.set.iter().for_each(|(key, value)| add("--set", key, value));
        if let Some(level) = &self.global.log_level {
            add("--log-level", "log.level", level);
        }
        if let Some(format) = self.global.log_format {
            add("--log-format", "log.format", format.as_str());
        }
        if let Some(file) = &self.global.log_file {
            add("--log-file", "log.file", &file.display().to_string());
        }
        Environment { name: self.global.env.clone(), variables, overrides }
    }

    /// The same, with an environment of the project's that is chosen here, whatever the user has set for others.
    pub fn environment_named(&self, name: Option<&str>) -> Environment {
        let mut environment = self.environment();
        environment.variables.remove("TIDEMILL_ENV");
        Environment { name: name.map(str::to_string), ..environment }
    }

    /// A command line that continues from here: `tidemill -C shop quarantine ls`.
    pub fn command(&self, rest: &str) -> String {
        self.command_in(self.global.directory.as_deref(), rest)
    }

    /// The same for a project in another directory.
    pub fn command_in(&self, dir: Option<&Path>, rest: &str) -> String {
        match dir {
            Some(dir) => format!("{} -C {} {rest}", self.program, shell_quoted(&dir.display().to_string())),
            None => format!("{} {rest}", self.program),
        }
    }

    /// Checks and opens the project, and starts the log.
    pub fn open(&self) -> Result<Arc<Workspace>, Failure> {
        self.open_in(self.dir())
    }

    pub fn open_in(&self, dir: &Path) -> Result<Arc<Workspace>, Failure> {
        self.open_as(dir, &self.environment())
    }

    pub fn open_as(&self, dir: &Path, environment: &Environment) -> Result<Arc<Workspace>, Failure> {
        let checked = tidemill_pipeline::check(dir, environment);
        if checked.has_errors() {
            return Err(problems(checked));
        }
        self.open_checked(checked)
    }

    /// Opens the project to look at what earlier runs stored, which needs no source to be within reach.
    pub fn open_to_ask(&self) -> Result<Arc<Workspace>, Failure> {
        let checked = tidemill_pipeline::check(self.dir(), &self.environment());
        if !checked.can_be_asked() {
            return Err(problems(checked));
        }
        self.open_checked(checked)
    }

    fn open_checked(&self, checked: Checked) -> Result<Arc<Workspace>, Failure> {
        let warnings = checked.problems.iter().filter(|p| p.severity == Severity::Warning).count();
        logging::start(self, &checked.project.dir, &checked.project.settings)?;
        if warnings > 0 {
            tracing::info!(warnings, "the project has warnings; `tidemill check` shows them");
        }
        self.wait(Workspace::open(checked, Arc::clone(&self.clock)))
    }

    /// Waits for work that may be dropped at any time.
    pub fn wait<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T, Failure> {
        match self.runtime.block_on(self.signals.heed(work, None)) {
            (Some(result), None) => Ok(result?),
            (_, code) => Err(Failure::Interrupted(code.unwrap_or(130))),
        }
    }

    /// Waits for work that has to end by itself; `cancel` asks it to. Gives the exit code of the signal that did, if one did.
    pub fn wait_cancelling<T>(
        &self,
        work: impl Future<Output = Result<T>>,
        cancel: impl FnOnce() + Send + 'static,
    ) -> (Result<T>, Option<u8>) {
        let bars = self.bars.clone();
        let stop = move || {
            cancel();
            bars.suspend(|| to_stderr("stopping at the next safe place; Ctrl-C again stops at once (the next run finishes the work)"));
        };
        match self.runtime.block_on(self.signals.heed(work, Some(Box::new(stop)))) {
            (Some(result), code) => (result, code),
            (None, code) => (Err(Error::bug("cancelled work was given up")), code),
        }
    }

    /// A line on standard error, above whatever bars are drawn.
    pub fn say(&self, line: &str) {
        self.bars.suspend(|| to_stderr(line));
    }

    /// Leaves without waiting for threads that still work on what nobody wants any more.
    pub fn close(self) {
        self.runtime.shutdown_background();
    }

    pub fn is_human(&self) -> bool {
        self.style.format == OutputFormat::Human
    }
}

/// A project with errors, as the failure it is.
pub fn problems(checked: Checked) -> Failure {
    Failure::Problems { problems: checked.problems, files: checked.project.files }
}

fn colour(choice: ColourChoice, terminal: bool) -> bool {
    match choice {
        ColourChoice::Always => true,
        ColourChoice::Never => false,
        ColourChoice::Auto => terminal && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty()) && !is("TERM", "dumb"),
    }
}

fn is(variable: &str, value: &str) -> bool {
    std::env::var_os(variable).is_some_and(|v| v == value)
}

fn terminal_width() -> Option<usize> {
    comfy_table::Table::new().width().map(usize::from).filter(|w| *w > 0)
}

/// Quoted where a shell would read it otherwise.
pub fn shell_quoted(text: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "/._-+,@:~".contains(c);
    if !text.is_empty() && text.chars().all(plain) { text.to_string() } else { format!("'{}'", text.replace('\'', "'\\''")) }
}

#[cfg(test)]
mod tests {
    use super::shell_quoted;

    #[test]
    fn offered_commands_survive_a_shell() {
        assert_eq!(shell_quoted("shop/a-1"), "shop/a-1");
        assert_eq!(shell_quoted("my shop"), "'my shop'");
        assert_eq!(shell_quoted("it's"), "'it'\\''s'");
        assert_eq!(shell_quoted(""), "''");
    }
}
