//! Tests of the spine: manifest, store, command line, kill and resume.

mod cli;
mod manifest;
mod store;
