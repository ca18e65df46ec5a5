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
        (7, "takes"),
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
    let latin1 = error("m.csv", b"prompt\ncaf\xe9\n");
    assert!(
        latin1.contains("line 2, column 4: byte 0xe9 is not UTF-8"),
        "{latin1}"
    );
    assert!(latin1.contains("iconv -f latin1 -t utf8"), "{latin1}");
    for wide in [
        &b"\xff\xfep\0r\0o\0"[..],
        b"\xfe\xff\0p",
        b"p\0r\0",
        b"\0p\0r\0",
    ] {
        assert!(error("m.csv", wide).contains("UTF-16"), "{wide:?}");
    }
    assert!(error("m.csv", b"PK\x03\x04rest").contains("export it as CSV"));
    assert!(error("m.toml", b"# none\n").contains("[[prompt]]"));
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

fn told(name: &str, content: impl AsRef<[u8]>) -> Vec<String> {
    let m = read(name, content).expect("readable");
    m.faults.iter().map(Fault::to_string).collect()
}

/// One fault, with its place and its mend.
#[track_caller]
fn only(name: &str, content: impl AsRef<[u8]>, place: &str, mend: &str) {
    let told = told(name, content);
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].starts_with(&format!("{place}: ")), "{}", told[0]);
    assert!(told[0].contains(mend), "{}", told[0]);
}

#[test]
fn all_columns_are_read_alike_in_all_formats() {
    let folder = tempfile::tempdir().expect("tempdir");
    let file = |name: &str| folder.path().join(name);
    std::fs::write(file("ref.png"), "x").expect("write");
    std::fs::write(
        file("m.csv"),
        "Prompt,ID,takes,seconds,size,fps,seed,provider,model,video,reference_image,iterations,priority,tags,Mood\n\
         a room,r1,3,2.5,640x360,24,7,files,m-1,clips/*.mp4,ref.png,5,-2,night; robot,calm\n",
    )
    .expect("write");
    std::fs::write(
        file("m.jsonl"),
        r#"{"prompt":"a room","id":"r1","takes":3,"seconds":2.5,"size":[640,360],"fps":24,"seed":7,"provider":"files","model":"m-1","video":"clips/*.mp4","reference_image":"ref.png","iterations":5,"priority":-2,"tags":["night","robot"],"Mood":"calm"}"#,
    )
    .expect("write");
    std::fs::write(
        file("m.toml"),
        "[[prompt]]\nprompt = 'a room'\nid = 'r1'\ntakes = 0x3\nseconds = 2.5\nsize = [640, 360]\nfps = 24\nseed = 7\n\
         provider = 'files'\nmodel = 'm-1'\nvideo = 'clips/*.mp4'\nreference_image = 'ref.png'\niterations = 5\n\
         priority = -2\ntags = ['night', 'robot']\nMood = 'calm'\n",
    )
    .expect("write");
    let rows = ["m.csv", "m.jsonl", "m.toml"].map(|name| {
        let m = manifest::read(&file(name)).expect("readable");
        assert_eq!((m.faults, m.warnings), (vec![], vec![]), "{name}");
        let mut row = m.rows.into_iter().next().expect("row");
        row.line = 0;
        row
    });
    let row = &rows[0];
    assert!(rows.iter().all(|r| r == row), "{rows:#?}");
    assert_eq!(
        (
            row.provider.as_deref(),
            row.model.as_deref(),
            row.iterations,
            row.priority
        ),
        (Some("files"), Some("m-1"), Some(5), -2)
    );
    assert_eq!(row.tags, ["night", "robot"]);
    assert_eq!(row.reference_image, Some(file("ref.png")));
    assert_eq!(row.video, Some(file("clips/*.mp4")));
    assert_eq!(row.extra.get("Mood").map(String::as_str), Some("calm"));
}

#[test]
fn every_fault_names_its_place_and_its_mend() {
    only(
        "m.csv",
        "prompt,takes\na,x\n",
        "line 2, column 2 (takes)",
        "'x' is not a whole number from 1 to 100; write one",
    );
    only(
        "m.csv",
        "prompt,iterations\na,51\n",
        "line 2, column 2 (iterations)",
        "from 1 to 50; write one",
    );
    only(
        "m.csv",
        "prompt,priority\na,1.5\n",
        "line 2, column 2 (priority)",
        "a whole number",
    );
    only(
        "m.csv",
        "prompt,reference_image\na,no.png\n",
        "line 2, column 2 (reference_image)",
        "is not there; name a picture",
    );
    only(
        "m.csv",
        "prompt,reference_image\na,.\n",
        "line 2, column 2 (reference_image)",
        "is a folder; name a picture",
    );
    only(
        "m.csv",
        "prompt\n\"a\n",
        "line 2, column 1 (prompt)",
        "opens on line 2 is never closed",
    );
    only(
        "m.csv",
        "prompt,id\n\"a\nb\" c,x\n",
        "line 2, column 1 (prompt)",
        "closes on line 3 (it opens on line 2); double quotes",
    );
    only(
        "m.csv",
        "prompt,,\na,,\nb,,c\n",
        "line 3, column 3",
        "name it in the header",
    );
    only(
        "m.csv",
        "prompt,id,id\na,b,c\n",
        "line 1, column 3 (id)",
        "drop one",
    );
    only(
        "m.csv",
        "prompt,model\na,\"b\nc\0\"\n",
        "line 2, column 2 (model)",
        "NUL byte; remove it",
    );
    only(
        "m.jsonl",
        "{\"prompt\":\"\u{e4}\", \"takes\": 0}",
        "line 1, column 25 (takes)",
        "'0' is not",
    );
    only(
        "m.jsonl",
        "{\"prompt\":\"a\",\n",
        "line 1, column 14",
        "write one object a line",
    );
    only(
        "m.jsonl",
        "{\"prompt\":{\"a\":1}}",
        "line 1, column 11 (prompt)",
        "is an object; write a text",
    );
    only(
        "m.jsonl",
        "{\"prompt\":[\"a\"]}",
        "line 1, column 11 (prompt)",
        "is a list; write one text",
    );
    only(
        "m.jsonl",
        "{\"prompt\":\"a\",\"takes\":true}",
        "line 1, column 23 (takes)",
        "is true or false; write a text or a number",
    );
    only(
        "m.jsonl",
        "{\"prompt\":\"a\",\"tags\":[[]]}",
        "line 1, column 22 (tags)",
        "a list of more than texts",
    );
    only(
        "m.jsonl",
        "{\"prompt\":\"a\",\"prompt\":\"b\"}",
        "line 1, column 24 (prompt)",
        "comes twice; drop one",
    );
    only(
        "m.jsonl",
        "{\"prompt\":\"a\",\"seed\":1e400}",
        "line 1, column 26",
        "out of range",
    );
    only(
        "m.toml",
        "[[prompt]]\nprompt = 'a'\n takes =  'x'\n",
        "line 3, column 11 (takes)",
        "'x' is not",
    );
    only(
        "m.toml",
        "[[prompt]]\nprompt = a\n",
        "line 2, column 10",
        "texts stand in quotes",
    );
    only(
        "m.toml",
        "[prompt]\nprompt = 'a'\n",
        "line 1, column 2 (prompt)",
        "write [[prompt]]",
    );
    only(
        "m.toml",
        "takes = 3\n[[prompt]]\nprompt = 'a'\n",
        "line 1, column 1 (takes)",
        "belongs to no row",
    );
    only(
        "m.toml",
        "prompt = ['a']\n",
        "line 1, column 11 (prompt)",
        "is no table",
    );
    only(
        "m.toml",
        "[[prompt]]\nprompt = 'a'\nfps = 1979-05-27\n",
        "line 3, column 7 (fps)",
        "is a date or time",
    );
    only(
        "m.toml",
        "[[prompt]]\n\n[[prompt]]\nprompt = 'a'\n",
        "line 1, prompt",
        "is empty; write",
    );
    only(
        "m.toml",
        "[[prompt]]\npromt = 'a'\n",
        "line 1, prompt",
        "did you mean 'promt'?",
    );
}

#[test]
fn csv_by_hand_is_taken_as_it_is_meant() {
    let m = read(
        "m.csv",
        "\r\n \nprompt, id ,note,\r\n a room , \"x\" ,  \"1, 2\"  ,\rb,y,5\" wide,,,\n  \n",
    )
    .expect("rows");
    assert_eq!(m.faults, []);
    let got: Vec<_> = m
        .rows
        .iter()
        .map(|r| {
            (
                r.line,
                r.prompt.as_str(),
                r.id.as_str(),
                r.extra["note"].as_str(),
            )
        })
        .collect();
    assert_eq!(got, [(4, "a room", "x", "1, 2"), (5, "b", "y", "5\" wide")]);
}

#[test]
fn a_long_cell_faults_its_row_and_no_other() {
    let long = "x".repeat(10 << 20);
    let shown = format!("'{}... (10485760 characters)'", "x".repeat(40));
    let started = std::time::Instant::now();
    for (name, text) in [
        (
            "m.csv",
            format!("prompt,mood,id\n{long},,a\nfine,,b\nalso,{long},c\nx,,{long}\n"),
        ),
        (
            "m.jsonl",
            format!(
                "{{\"prompt\":\"{long}\"}}\n{{\"prompt\":\"fine\",\"id\":\"b\"}}\n{{\"prompt\":\"also\",\"mood\":\"{long}\"}}\n{{\"prompt\":\"x\",\"id\":\"{long}\"}}\n"
            ),
        ),
        (
            "m.toml",
            format!(
                "[[prompt]]\nprompt='{long}'\n[[prompt]]\nprompt='fine'\nid='b'\n[[prompt]]\nprompt='also'\nmood='{long}'\n[[prompt]]\nprompt='x'\nid='{long}'\n"
            ),
        ),
    ] {
        let m = read(name, text).expect("readable");
        assert_eq!(
            m.rows.iter().map(|r| r.id.as_str()).collect::<Vec<_>>(),
            ["b"],
            "{name}"
        );
        let told: Vec<_> = m.faults.iter().map(Fault::to_string).collect();
        assert_eq!(told.len(), 3, "{name}");
        for (fault, (field, mend)) in told.iter().zip([
            ("prompt", "longer than 32,000 characters; shorten it"),
            ("mood", "longer than 64 KiB; shorten it"),
            ("id", "longer than 64 KiB; shorten it"),
        ]) {
            assert!(
                fault.contains(&format!("({field})")) && fault.contains(mend),
                "{fault}"
            );
            assert!(fault.contains(&shown) && fault.len() < 200, "{fault}");
        }
    }
    assert!(started.elapsed().as_secs() < 20, "{:?}", started.elapsed());
}

#[cfg(unix)]
#[test]
fn a_pipe_and_a_huge_file_are_refused_at_once() {
    let folder = tempfile::tempdir().expect("tempdir");
    let pipe = folder.path().join("m.csv");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.expect("mkfifo").success());
    let error = manifest::read(&pipe).expect_err("pipe").to_string();
    assert!(
        error.contains("m.csv") && error.contains("is a pipe"),
        "{error}"
    );
    let huge = folder.path().join("huge.csv");
    let file = std::fs::File::create(&huge).expect("create");
    file.set_len((1 << 30) + 1).expect("a sparse file");
    let error = manifest::read(&huge).expect_err("huge").to_string();
    assert!(error.contains("is over 1 GiB; split it"), "{error}");
}

#[test]
fn default_ids_tell_settings_apart_and_duplicates_are_refused() {
    let id = |text: &str| read("m.csv", text).expect("rows").rows[0].id.clone();
    let plain = id("prompt\nx\n");
    assert_eq!(
        plain, "b2c6fa432c74",
        "default ids must not change between versions"
    );
    assert_eq!(
        plain,
        id("prompt,tags,priority,mood,takes\n x ,a;b,3,calm,\n")
    );
    assert_eq!(id("prompt,fps\nx,24\n"), id("prompt,fps\nx,24.0\n"));
    for other in [
        "takes\nx,2",
        "seconds\nx,2",
        "size\nx,64x64",
        "fps\nx,2",
        "seed\nx,2",
        "provider\nx,mock",
        "model\nx,2",
        "video\nx,2",
        "iterations\nx,2",
    ] {
        assert_ne!(plain, id(&format!("prompt,{other}\n")), "{other}");
    }
    // Read from another folder, the same.
    assert_eq!(id("video\na.mp4\n"), id("video\na.mp4\n"));
    only(
        "m.csv",
        "prompt,tags\nx,a\nx,b\n",
        "line 3",
        "has the prompt and settings of line 2; drop one",
    );
    only(
        "m.csv",
        "id,prompt\nAb,x\naB,y\n",
        "line 3, column 1 (id)",
        "differs from 'Ab' of line 2 only in case",
    );
    only(
        "m.csv",
        "id,prompt,takes\na,x,0\nb,y,\n",
        "line 2, column 3 (takes)",
        "'0'",
    );
    assert_eq!(
        faults("m.csv", "id,prompt,takes\na,x,0\na,y,\n").len(),
        2,
        "a faulty row keeps its id"
    );
}

#[test]
fn columns_that_are_nearly_known_are_warned_of_once() {
    let m = read("m.jsonl", "{\"prompt\":\"a\",\"seeds\":1,\"mood\":2}\n{\"prompt\":\"b\",\"seeds\":1,\"fpss\":2,\"idd\":3}\n").expect("rows");
    assert_eq!(m.faults, []);
    let told: Vec<_> = m.warnings.iter().map(Fault::to_string).collect();
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(
        told[0].starts_with("line 1, column 23 (seeds): ")
            && told[0].ends_with("did you mean 'seed'?"),
        "{told:?}"
    );
    assert!(
        told[1].starts_with("line 2, column 32 (fpss): "),
        "{told:?}"
    );
    assert_eq!(m.rows[0].extra["seeds"], "1");
}

#[test]
fn a_copy_elsewhere_is_read_without_what_lay_beside_the_manifest() {
    let folder = tempfile::tempdir().expect("tempdir");
    let path = folder.path().join("m.csv");
    std::fs::write(&path, "prompt,reference_image\na,gone.png\n").expect("write");
    assert_eq!(manifest::read(&path).expect("readable").rows.len(), 0);
    let copy = manifest::read_copy(&path, "/shots".as_ref()).expect("readable");
    let image = copy.rows[0].reference_image.as_deref();
    assert_eq!(image, Some("/shots/gone.png".as_ref()));
}

#[test]
fn a_pattern_is_one_below_the_manifest_and_not_in_its_folder() {
    let folder = tempfile::tempdir().expect("tempdir");
    let home = folder.path().join("night [1]*");
    std::fs::create_dir(&home).expect("folder");
    std::fs::write(home.join("a.mp4"), "x").expect("write");
    std::fs::write(home.join("m.csv"), "video\n*.mp4\na.mp4\n").expect("write");
    let m = manifest::read(&home.join("m.csv")).expect("readable");
    assert_eq!(m.rows.len(), 2, "{:?}", m.faults);
    for row in &m.rows {
        let video = row.video.as_deref().expect("video");
        let found = sora_director::generate::files::expand(video).expect("found");
        assert_eq!(found, [home.join("a.mp4")]);
    }
}
