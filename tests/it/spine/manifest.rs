use std::path::PathBuf;

use sora_director::manifest::{self, Fault, ManifestError};

fn read(name: &str, content: impl AsRef<[u8]>) -> Result<manifest::Manifest, ManifestError> {
    let folder = tempfile::tempdir().expect("tempdir");
    let path = folder.path().join(name);
    std::fs::write(&path, content).expect("write");
    manifest::read(&path)
}

fn faults(name: &str, content: impl AsRef<[u8]>) -> Vec<(usize, String)> {
    read(name, content)
        .expect("readable")
        .faults
        .into_iter()
        .map(|Fault { line, field, .. }| (line, field))
        .collect()
}

#[test]
fn csv_rows_keep_quotes_newlines_and_unknown_columns() {
    let text = "\u{feff}id,prompt,takes,seed,seconds,size,fps,video,mood\r\n\
                a,\"a room, \"\"old\"\"\nwith crates\",3,18446744073709551615,2.5,640x360,24,,calm\r\n\
                ,second,,,,,,clip.mp4,\r\n";
    let m = read("m.csv", text).expect("rows");
    assert_eq!(m.faults, []);
    let a = &m.rows[0];
    assert_eq!(a.prompt, "a room, \"old\"\nwith crates");
    assert_eq!(
        (a.takes, a.seed, a.seconds, a.size, a.fps),
        (
            Some(3),
            Some(u64::MAX),
            Some(2.5),
            Some([640, 360]),
            Some(24.0)
        )
    );
    assert_eq!(a.extra.get("mood").map(String::as_str), Some("calm"));
    let b = &m.rows[1];
    assert_eq!(b.id.len(), 12);
    assert_eq!(b.line, 4);
    assert!(
        b.video
            .as_ref()
            .is_some_and(|v| v.is_absolute() && v.ends_with("clip.mp4"))
    );
}

#[test]
fn json_lines_take_numbers_and_strings() {
    let m = read(
        "m.jsonl",
        "{\"prompt\":\"x\",\"takes\":2,\"seed\":\"7\"}\n\n{\"prompt\":\"y\",\"id\":null}\n",
    )
    .expect("rows");
    assert_eq!(m.faults, []);
    assert_eq!((m.rows[0].takes, m.rows[0].seed), (Some(2), Some(7)));
    assert_eq!(m.rows[1].line, 3);
}

#[test]
fn ids_are_stable_and_depend_on_the_settings() {
    let id = |text: &str| read("m.csv", text).expect("rows").rows[0].id.clone();
    assert_eq!(id("prompt\nx\n"), id("prompt\nx\n"));
    assert_ne!(id("prompt,seed\nx,1\n"), id("prompt,seed\nx,2\n"));
}

#[test]
fn all_faults_are_named_at_once_with_line_and_field() {
    let text = "id,prompt,takes,seed,seconds,size,fps\n\
                a,x,0,-1,zero,12x13,0\n\
                b,,,,,,\n\
                ../c,y,,,,,\n\
                a2,fine,,,,,\n\
                a2,again,,,,,\n\
                d,too,few\n";
    let want = [
        (2, "takes"),
        (2, "seed"),
        (2, "fps"),
        (2, "seconds"),
        (2, "size"),
        (3, "prompt"),
        (4, "id"),
        (6, "id"),
        (7, ""),
    ];
    let mut got = faults("m.csv", text);
    let mut want: Vec<_> = want.map(|(l, f)| (l, f.to_owned())).to_vec();
    got.sort();
    want.sort();
    assert_eq!(got, want);
    assert_eq!(
        read("m.csv", text).expect("readable").rows.len(),
        1,
        "rows without fault are kept"
    );
}

#[test]
fn a_whole_file_that_cannot_be_taken_is_one_error() {
    let error = |name: &str, bytes: &[u8]| read(name, bytes).expect_err("error").to_string();
    assert!(error("m.csv", b"prompt\ncaf\xe9\n").contains("line 2 is not UTF-8"));
    assert!(error("m.csv", b"").contains("no rows"));
    assert!(error("m.jsonl", b"\n\n").contains("no rows"));
    assert!(manifest::read(&PathBuf::from("/nonexistent/m.csv")).is_err());
    let folder = tempfile::tempdir().expect("tempdir");
    assert!(
        manifest::read(folder.path())
            .expect_err("folder")
            .to_string()
            .contains("is a folder")
    );
}

#[test]
fn a_misspelt_header_is_named() {
    let m = read("m.csv", "promt,id\nx,a\n").expect("readable");
    assert!(
        m.faults[0].message.contains("did you mean 'promt'"),
        "{}",
        m.faults[0]
    );
    assert_eq!(
        faults("m.jsonl", "[1]\n{\"prompt\":\"a\"\n"),
        [(1, String::new()), (2, String::new())]
    );
    assert_eq!(
        faults("m.csv", "prompt\n\"a\0b\"\n"),
        [(2, "prompt".to_owned())]
    );
}
