//! A project over HTTP: its dashboards, live, and an API. It reads, and changes things only through [`Commands`].
//!
//! Read in this order: [`data`] (what a server needs of a project), [`server`] (what it holds, its routes), `guard` (who may ask at all), `dashboards`, `panels`,
//! `queries` and `entities` (what is answered), `profiles` (rows by key), `runs` and `lineage` (how the project is doing), `quarantine` and [`commands`] (what may be
//! changed, and how), `answers` (how a question is bounded and its answer kept), `pulse` and `events` (changes as they happen), `connection` (slow and many clients),
//! `pages` (the application in the browser), `api` (the JSON) and `openapi` (the same, described).
//!
//! Invariant: no SQL comes from outside. What somebody selects is a value beside the SQL that the project's files make, and everything that somebody outside can make
//! grow (rows, bytes, time, questions, connections) has an end in [`limits`].

mod answers;
mod api;
pub mod commands;
mod connection;
mod dashboards;
pub mod data;
mod entities;
mod events;
mod guard;
mod json;
pub mod limits;
mod lineage;
mod metrics;
mod openapi;
mod pages;
mod panels;
mod profiles;
mod pulse;
mod quarantine;
mod queries;
mod refusal;
mod runs;
mod selections;
pub mod server;
#[cfg(test)]
mod tests;
mod token;
mod values;

pub use commands::{Commands, Replayed};
pub use data::{About, Data, Figure, LastRun};
pub use limits::Limits;
pub use server::{Bound, Server};
pub use token::Token;
pub use values::instant;
