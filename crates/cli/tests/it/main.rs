//! The one integration test binary: each link against the query engine costs, so every test of the program as a whole is a module here.

// Tests that cannot run say so, and tests of processes wait for them no longer than so long.
#![allow(clippy::print_stdout, clippy::disallowed_methods)]

mod bench;
mod broker;
mod cargo;
mod check;
mod command_line;
mod dashboard;
mod dashboards;
mod dependencies;
mod dictionary;
mod docs;
mod exports;
mod faults;
mod first_minutes;
mod followed;
mod formats;
mod functions;
mod generate;
mod kafka;
mod little_memory;
mod live;
mod made_up;
mod marketing;
mod memory;
mod nexmark;
mod orders;
mod outlived;
mod owners;
mod profile;
mod repairs;
mod rooms;
mod savepoints;
mod score;
mod sensors;
mod shop;
mod shop_live;
mod sources;
mod standing;
mod topics;
mod transactions;
mod workload;
