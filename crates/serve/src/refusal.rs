//! What is said instead of an answer: `{ "error": { "code", "message", "help" } }`.

use crate::json::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use std::sync::Arc;
use tidemill_core::{Error, ErrorKind};

#[derive(Debug, Clone)]
pub struct Refusal {
    pub status: StatusCode,
    pub code: &'static str,
    pub message: String,
    pub help: Option<String>,
}

/// Why there is no answer.
#[derive(Serialize)]
pub struct Problem {
    pub error: ProblemDetail,
}

#[derive(Serialize)]
pub struct ProblemDetail {
    /// One word for programs: `unauthorized`, `not_found`, `bad_selection`, …
    pub code: &'static str,
    pub message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
}

impl Refusal {
    pub fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Refusal {
        Refusal { status, code, message: message.into(), help: None }
    }

    pub fn help(mut self, help: impl Into<String>) -> Refusal {
        self.help = Some(help.into());
        self
    }

    pub fn not_found(message: impl Into<String>) -> Refusal {
        Refusal::new(StatusCode::NOT_FOUND, "not_found", message)
    }

    pub fn selection(message: impl Into<String>) -> Refusal {
        Refusal::new(StatusCode::BAD_REQUEST, "bad_selection", message)
    }

    /// `selected`: values from outside took part, so that one that can't be converted is theirs.
    pub fn of(error: &Error, selected: bool) -> Refusal {
        let (status, code) = match error.kind {
            ErrorKind::Data if selected => (StatusCode::BAD_REQUEST, "bad_selection"),
            ErrorKind::Config => (StatusCode::UNPROCESSABLE_ENTITY, "project"),
            ErrorKind::Data => (StatusCode::UNPROCESSABLE_ENTITY, "data"),
            ErrorKind::Limit => (StatusCode::SERVICE_UNAVAILABLE, "limit"),
            ErrorKind::Unavailable | ErrorKind::Conflict => (StatusCode::SERVICE_UNAVAILABLE, "unavailable"),
            ErrorKind::Bug => (StatusCode::INTERNAL_SERVER_ERROR, "bug"),
        };
        Refusal { status, code, message: error.to_string(), help: error.help.clone() }
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Refusal {
        Refusal::of(&error, false)
    }
}

impl From<Arc<Refusal>> for Refusal {
    fn from(shared: Arc<Refusal>) -> Refusal {
        Refusal::clone(&shared)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let body = Problem { error: ProblemDetail { code: self.code, message: self.message, help: self.help } };
        (self.status, Json(body)).into_response()
    }
}
