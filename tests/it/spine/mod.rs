//! Tests of the spine: configuration, manifest, store, command line, kill and resume.

mod cli;
mod config;
mod manifest;
mod store;
