//! Tests of the spine: configuration, manifest, store, command line, kill and resume.

mod cli;
mod config;
mod journal;
mod manifest;
mod manifest_properties;
mod store;
