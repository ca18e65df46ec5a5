//! Manifests as spreadsheets, pandas and R write them.

mod layout;
mod names;
mod values;

use sora_director::manifest::{self, Fault, Manifest, ManifestError, Prompt};

fn read(name: &str, content: impl AsRef<[u8]>) -> Result<Manifest, ManifestError> {
    let folder = tempfile::tempdir().expect("tempdir");
    let path = folder.path().join(name);
    std::fs::write(&path, content).expect("write");
    manifest::read(&path)
}

fn words(faults: &[Fault]) -> Vec<String> {
    faults.iter().map(Fault::to_string).collect()
}

/// Rows without a fault or a warning.
#[track_caller]
fn rows(name: &str, content: impl AsRef<[u8]>) -> Vec<Prompt> {
    let m = read(name, content).expect("rows");
    assert_eq!((words(&m.faults), words(&m.warnings)), (vec![], vec![]));
    m.rows
}

/// Rows without a fault, each warning at its place and in its words.
#[track_caller]
fn warned(name: &str, content: impl AsRef<[u8]>, want: &[(&str, &str)]) -> Vec<Prompt> {
    let m = read(name, content).expect("rows");
    assert_eq!(words(&m.faults), Vec::<String>::new());
    same(&words(&m.warnings), want);
    m.rows
}

/// Faults at their places and in their words.
#[track_caller]
fn refused(name: &str, content: impl AsRef<[u8]>, want: &[(&str, &str)]) -> Manifest {
    let m = read(name, content).expect("readable");
    same(&words(&m.faults), want);
    m
}

#[track_caller]
fn same(told: &[String], want: &[(&str, &str)]) {
    let fits = |(told, (place, words)): (&String, &(&str, &str))| {
        told.starts_with(&format!("{place}: ")) && told.contains(words)
    };
    assert!(
        told.len() == want.len() && told.iter().zip(want).all(fits),
        "{told:#?} is not {want:#?}"
    );
}

fn brief(rows: &[Prompt]) -> Vec<(usize, &str, &str)> {
    let brief = rows.iter();
    brief
        .map(|r| (r.line, r.id.as_str(), r.prompt.as_str()))
        .collect()
}
