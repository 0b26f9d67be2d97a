//! The token that everything but `/healthz` wants: made at the first start, kept for the next ones, compared in constant time, never logged.

use std::fmt;
use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;
use subtle::ConstantTimeEq;
use tidemill_core::{Error, Result};

/// A token of fewer letters could be guessed.
const LETTERS_MIN: usize = 16;

#[derive(Clone)]
pub struct Token(String);

impl Token {
    /// One that somebody gives. It stands in URLs and cookies, so it may hold letters, digits, `-` and `_` only.
    pub fn given(text: &str) -> Result<Token> {
        let plain = text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
        if !plain || text.len() < LETTERS_MIN {
            return Err(Error::config(format!("a token has {LETTERS_MIN} letters or more, of A to Z, a to z, 0 to 9, `-` and `_`"))
                .at("TIDEMILL_TOKEN")
                .help("leave it out, and one is made"));
        }
        Ok(Token(text.to_string()))
    }

    /// The one kept in `file`, which nobody else may read; made if there is none.
    pub fn kept(file: &Path) -> Result<Token> {
        let fail = |e: std::io::Error| Error::unavailable("cannot keep the token").at(file.display().to_string()).because(e);
        let read = || -> Result<Option<Token>> {
            match std::fs::read_to_string(file) {
                Ok(text) => {
                    let mode = std::fs::metadata(file).map_err(fail)?.permissions().mode();
                    if mode & 0o077 != 0 {
                        return Err(Error::config("others may read the token")
                            .at(file.display().to_string())
                            .help("delete the file, and a new one is made"));
                    }
                    let damaged = |_| {
                        Error::config("this holds no token").at(file.display().to_string()).help("delete the file, and a new one is made")
                    };
                    Token::given(text.trim()).map(Some).map_err(damaged)
                }
                Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
                Err(e) => Err(fail(e)),
            }
        };
        if let Some(token) = read()? {
            return Ok(token);
        }
        // Two of these hold 244 bits of chance.
        let made = format!("{}{}", uuid::Uuid::new_v4().simple(), uuid::Uuid::new_v4().simple());
        if let Some(dir) = file.parent() {
            std::fs::create_dir_all(dir).map_err(fail)?;
        }
        match OpenOptions::new().write(true).create_new(true).mode(0o600).open(file) {
            Ok(mut out) => {
                out.write_all(made.as_bytes()).and_then(|()| out.sync_all()).map_err(fail)?;
                Ok(Token(made))
            }
            // Another process was first.
            Err(e) if e.kind() == ErrorKind::AlreadyExists => read()?.ok_or_else(|| fail(e)),
            Err(e) => Err(fail(e)),
        }
    }

    pub fn is(&self, said: &str) -> bool {
        self.0.as_bytes().ct_eq(said.as_bytes()).into()
    }

    /// For the URL that is opened, and nowhere else.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}
