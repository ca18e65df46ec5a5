//! Tests of the spine: configuration, manifest, store, command line, kill and resume.

mod again;
mod batch;
mod bucket;
pub mod cli;
mod config;
mod contract;
mod disk;
mod fake;
mod fuzz;
mod jobs;
mod journal;
mod manifest;
mod manifest_json;
mod manifest_properties;
mod manifest_spreadsheets;
mod plan;
mod scale;
mod signals;
mod store;
mod view;
