//! Manifests as spreadsheets, pandas and R write them.

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

#[test]
fn rows_and_columns_of_separators_only_are_blank() {
    let text = ",,,,,\r\n \t,\u{a0},,,,\r\nid,prompt,takes,,,\r\n,,,,,\r\na,A room,2,,,\r\n\"\",\"\",,,,\r\n\"\" , ,\"\",,,\r\n,,,,,\r\nb,A hall,1,,,\r\n,\r\n,,,,,,,,,\r\n";
    assert_eq!(
        brief(&rows("m.csv", text)),
        [(5, "a", "A room"), (9, "b", "A hall")]
    );
    // Columns before the first with a name, and fewer fields than the header's, all of them empty or without a name.
    let text = ",,id,prompt,,\n,,a,A room\n,,b,A hall,\n,,c,A cave,,,,,,\n";
    assert_eq!(
        brief(&rows("m.csv", text)),
        [(2, "a", "A room"), (3, "b", "A hall"), (4, "c", "A cave")]
    );
}

#[test]
fn a_manifest_of_blank_rows_has_no_rows() {
    for text in [
        ",,,\n,,,\n",
        "id,prompt\n,\n\"\",\n",
        "prompt\n\"\"\n",
        "sep=;\n;;\n",
    ] {
        let error = read("m.csv", text).expect_err("none").to_string();
        assert!(error.contains("has no rows; add a header"), "{error}");
    }
}

#[test]
fn whole_numbers_may_be_written_as_floats() {
    let text = "id,prompt,takes,seed,iterations,priority,size,fps,seconds\n\
                a,x,4.0,11.0,3.00,-2.0,640.0x360.0,24.0,1e1\n\
                b,x,1e1,1E3,5e0,0.0,640\u{d7}360,25,\n\
                c,x,0.4e+1,9007199254740991.0,,,,,\n\
                d,x,400e-2,18446744073709551615,,,,,\n\
                e,x,,-0.0,,1e5,,,\n";
    let got = rows("m.csv", text);
    let numbers = |r: &Prompt| (r.takes, r.seed, r.iterations, r.priority, r.size);
    let size = Some([640, 360]);
    let got: Vec<_> = got.iter().map(numbers).collect();
    assert_eq!(
        got,
        [
            (Some(4), Some(11), Some(3), -2, size),
            (Some(10), Some(1000), Some(5), 0, size),
            (Some(4), Some((1 << 53) - 1), None, 0, None),
            (Some(4), Some(u64::MAX), None, 0, None),
            (None, Some(0), None, 100_000, None),
        ]
    );
    // The same row has the same id, however its numbers are written.
    let id = |text: &str| rows("m.csv", text)[0].id.clone();
    let plain = id("prompt,takes,seed\nx,4,11\n");
    assert_eq!(plain, id("prompt,takes,seed\nx,4.0,1.1e1\n"));
    for (name, text) in [
        ("m.jsonl", "{\"prompt\":\"x\",\"takes\":4.0,\"seed\":11.0}"),
        (
            "m.toml",
            "[[prompt]]\nprompt = 'x'\ntakes = 4.0\nseed = 1.1e1\n",
        ),
    ] {
        assert_eq!(plain, rows(name, text)[0].id, "{name}");
    }
}

#[test]
fn numbers_that_are_not_meant_so_are_refused_with_the_mend() {
    let text = "prompt,takes,seed,seconds,fps\n\
                a,4.5,,,\n\
                b,\"1,000\",,,\n\
                c,,1.8446744073709552e+19,,\n\
                d,,9007199254740992.0,,\n\
                e,,1.23457E+11,,\n\
                f,1e30,,,\n\
                g,,,02. Mai,\n\
                h,,,,30000/1001\n\
                i,two,-1.0,\"2.500,5\",inf\n";
    let usual = "write one, or leave it out for the run's own";
    let lost = "may have lost digits, as spreadsheets and floats round; write all of them";
    let digits = "write its digits without separators";
    refused(
        "m.csv",
        text,
        &[
            (
                "line 2, column 2 (takes)",
                "'4.5' is not a whole number from 1 to 100; write one",
            ),
            ("line 3, column 2 (takes)", digits),
            ("line 4, column 3 (seed)", lost),
            ("line 5, column 3 (seed)", lost),
            ("line 6, column 3 (seed)", lost),
            ("line 7, column 2 (takes)", usual),
            (
                "line 8, column 4 (seconds)",
                "a spreadsheet may have made it a date",
            ),
            ("line 9, column 5 (fps)", usual),
            ("line 10, column 2 (takes)", usual),
            ("line 10, column 3 (seed)", usual),
            ("line 10, column 4 (seconds)", digits),
            ("line 10, column 5 (fps)", usual),
        ],
    );
    let seed = "12345678901234500000";
    let got = warned(
        "m.csv",
        format!("prompt,seed\na,{seed}\nb,123456789012345\nc,1234567890123456789\n"),
        &[(
            "line 2, column 2 (seed)",
            "has only zeros after its 15th digit",
        )],
    );
    assert_eq!(got[0].seed, seed.parse().ok());
}

#[test]
fn a_decimal_comma_is_told() {
    let comma = "has a comma, which is read as a decimal point; write a point";
    let got = warned(
        "m.csv",
        "prompt,seconds,takes\na,\"2,5\",\"4,0\"\nb,\"3,25\",1\n",
        &[
            ("line 2, column 2 (seconds)", comma),
            ("line 2, column 3 (takes)", comma),
        ],
    );
    assert_eq!((got[0].seconds, got[0].takes), (Some(2.5), Some(4)));
    assert_eq!(got[1].seconds, Some(3.25));
}

#[test]
fn words_for_empty_cells_are_empty_and_told() {
    let empty = "is how table programs write an empty cell, and is read as one; empty the cell";
    let more = "(2 more of this kind)";
    let text = "id,prompt,takes,seed,seconds,size,model,provider,tags,video\n\
                a,x,nan,NaN,NA,<NA>,None,null,nan,N/A\n\
                NA,y,None,,,,,,,\n\
                nan,z,NULL,,,,,,,\n\
                NA,nan,,,,,,,,clip.mp4\n";
    let columns = [
        ("line 2, column 3 (takes)", more),
        ("line 2, column 4 (seed)", empty),
        ("line 2, column 5 (seconds)", empty),
        ("line 2, column 6 (size)", empty),
        ("line 2, column 7 (model)", empty),
        ("line 2, column 8 (provider)", empty),
        ("line 2, column 9 (tags)", empty),
        ("line 2, column 10 (video)", empty),
        ("line 3, column 1 (id)", more),
        ("line 5, column 2 (prompt)", empty),
    ];
    let got = warned("m.csv", text, &columns);
    let a = &got[0];
    assert_eq!(
        (
            a.takes,
            a.seed,
            a.seconds,
            a.size,
            &a.model,
            &a.provider,
            &a.video
        ),
        (None, None, None, None, &None, &None, &None)
    );
    assert_eq!(a.tags, Vec::<String>::new());
    assert_eq!(got[3].prompt, "");
    // Rows without an id get the one that an empty cell gives.
    let plain = rows("m.csv", "prompt\ny\nz\n");
    assert_eq!([&got[1].id, &got[2].id], [&plain[0].id, &plain[1].id]);
    // What a column that is not known holds is not read at all.
    let got = rows("m.csv", "prompt,mood\nx,nan\n");
    assert_eq!(got[0].extra["mood"], "nan");
}

#[test]
fn an_empty_cell_is_no_prompt() {
    let words = "is how table programs write an empty cell; write what the video should show";
    for gap in [
        "nan", "NaN", "NA", "N/A", "#N/A", "<NA>", "None", "null", "NULL", "NaT",
    ] {
        let m = refused(
            "m.csv",
            format!("id,prompt\na,{gap}\nb,A room\n"),
            &[("line 2, column 2 (prompt)", words)],
        );
        assert_eq!(brief(&m.rows), [(3, "b", "A room")]);
    }
    refused(
        "m.jsonl",
        "{\"prompt\":\"nan\"}\n{\"prompt\":NaN}",
        &[
            ("line 1, column 11 (prompt)", words),
            (
                "line 2, column 11 (prompt)",
                "is empty; write what the video should show",
            ),
        ],
    );
    refused(
        "m.csv",
        "prompt,takes\n#NAME?,1\nx,#REF!\n",
        &[
            (
                "line 2, column 1 (prompt)",
                "is a formula that failed; write what is meant",
            ),
            (
                "line 3, column 2 (takes)",
                "is a formula that failed; write what is meant",
            ),
        ],
    );
    for prompt in ["A nan bread", "None of them moves", "NA-12", "nana"] {
        assert_eq!(
            rows("m.csv", format!("prompt\n{prompt}\n"))[0].prompt,
            prompt
        );
    }
}

#[test]
fn a_first_line_names_the_separator() {
    let want = [(3, "a", "A room, with crates"), (4, "b", "A; hall")];
    for (first, s) in [
        ("sep=;", ';'),
        ("SEP=;", ';'),
        ("\"sep=;\"", ';'),
        ("sep=\t", '\t'),
        ("sep=\\t", '\t'),
        ("sep=|", '|'),
        ("sep=^", '^'),
    ] {
        let text =
            format!("{first}\r\nid{s}prompt\r\na{s}A room, with crates\r\nb{s}\"A; hall\"\r\n");
        assert_eq!(brief(&rows("m.csv", &text)), want, "{first}");
        assert_eq!(brief(&rows("m.tsv", &text)), want, "{first}");
    }
    let text = "\u{feff}sep=,\nid,prompt\na,x\n";
    assert_eq!(brief(&rows("m.csv", text)), [(3, "a", "x")]);
    assert_eq!(brief(&rows("m.tsv", text)), [(3, "a", "x")]);
    // Saved again by a program that took the line for a cell.
    let got = warned(
        "m.csv",
        "\"sep=;\",,\nid,prompt,takes\na,x,2\n",
        &[(
            "line 2",
            "separated by commas, not by semicolons, as the header shows; delete the first line",
        )],
    );
    assert_eq!(brief(&got), [(3, "a", "x")]);
    refused(
        "m.csv",
        "sep=abc\nid,prompt\n",
        &[("line 1", "'sep=abc' names no separator; write sep=,")],
    );
    refused(
        "m.csv",
        "sep=;\nid;prompt;takes\na;x;0\n",
        &[("line 3, column 3 (takes)", "'0'")],
    );
    refused(
        "m.csv",
        "sep=;\nid;prompt\na;x;y\n",
        &[(
            "line 3",
            "3 fields where the header has 2; quote fields that hold semicolons",
        )],
    );
}

#[test]
fn the_header_shows_the_separator() {
    let want = [(2, "a", "A room, with crates")];
    for (s, between, mend) in [
        (';', "semicolons", "a first line 'sep=;' would say so"),
        ('\t', "tabs", "name the file .tsv to say so"),
        ('|', "'|'", "a first line 'sep=|' would say so"),
    ] {
        let text = format!("id{s}prompt{s}mood\na{s}A room, with crates{s}\n{s}{s}\n");
        let told = format!(
            "the fields are separated by {between}, not by commas, as the header shows; {mend}"
        );
        let got = warned("m.csv", &text, &[("line 1", &told)]);
        assert_eq!(brief(&got), want);
    }
    let text = "id\tprompt\na\tA room, with crates\n\t\n\"b\"\t\"tab\tinside\"\n";
    assert_eq!(
        brief(&rows("m.tsv", text)),
        [(2, "a", "A room, with crates"), (4, "b", "tab\tinside")]
    );
    // One column: nothing shows a separator, and the ending tells it.
    assert_eq!(rows("m.tsv", "prompt\nA room, with crates\n").len(), 1);
    let got = warned(
        "m.tab",
        "id,prompt\na,x\n",
        &[("line 1", "name the file .csv to say so")],
    );
    assert_eq!(brief(&got), [(2, "a", "x")]);
}

#[test]
fn short_rows_are_read_and_told_once() {
    let got = warned(
        "m.csv",
        "id,prompt,takes,seed,mood\na,A room\nb,A hall,2,5,calm\nc,A cave,1\nd,A den,,\n",
        &[(
            "line 2",
            "2 fields where the header has 5, and those that are missing are read as empty; write the row whole if they should not be (2 more of this kind)",
        )],
    );
    assert_eq!(
        brief(&got),
        [
            (2, "a", "A room"),
            (3, "b", "A hall"),
            (4, "c", "A cave"),
            (5, "d", "A den")
        ]
    );
    assert_eq!(
        (got[0].takes, got[1].takes, got[2].takes),
        (None, Some(2), Some(1))
    );
    assert_eq!(
        (got[0].extra["mood"].as_str(), got[1].extra["mood"].as_str()),
        ("", "calm")
    );
    // Nothing of a row's own is there: it is the rest of the row above, or the row was cut.
    refused(
        "m.csv",
        "id,prompt\na,A room with\ncrates\nb,ok\n",
        &[(
            "line 3",
            "1 field where the header has 2, and no prompt among them; write the row whole, or, if it belongs to the row above, quote",
        )],
    );
}

#[test]
fn a_row_that_a_line_end_broke_is_one_fault() {
    let m = refused(
        "m.csv",
        "id,prompt,takes,seed\na,A room with\ncrates,2,5\nb,ok,1,2\n",
        &[(
            "line 2",
            "looks like one row with line 3; if a line end stands inside a text, quote that text",
        )],
    );
    assert_eq!(brief(&m.rows), [(4, "b", "ok")]);
    // Short rows one after another are rows.
    let text = "id,prompt,takes,seed\na,x\nb,y,2\nc,z\n";
    assert_eq!(read("m.csv", text).expect("rows").rows.len(), 3);
    // A number in the prompt's place is told by itself, too.
    warned(
        "m.csv",
        "id,prompt\na,7\n",
        &[(
            "line 2, column 2 (prompt)",
            "'7' is only a number; see that",
        )],
    );
}

#[test]
fn long_rows_have_their_own_mend() {
    refused(
        "m.csv",
        "id,prompt\na,A room, with crates\nb,\u{201c}A room, with crates\u{201d}\nc,'A room, with crates'\nd,ok,,\n",
        &[
            (
                "line 2",
                "3 fields where the header has 2; quote fields that hold commas",
            ),
            (
                "line 3",
                "quote fields that hold commas, with straight double quotes (\")",
            ),
            (
                "line 4",
                "quote fields that hold commas, with straight double quotes (\")",
            ),
        ],
    );
}

#[test]
fn a_column_that_counts_the_rows_is_left_out_and_told() {
    let told = "has no name and counts the rows, and is left out; write the table without it";
    for text in [
        ",id,prompt\n0,a,x\n1,b,y\n",
        "\"\",\"id\",\"prompt\"\n\"1\",\"a\",\"x\"\n\"2\",\"b\",\"y\"\n",
        ",id,prompt,,\n0,a,x,,\n1,b,y\n2,,,,\n3\n,,,,\n",
    ] {
        let rows = warned("m.csv", text, &[("line 1, column 1", told)]);
        assert_eq!(brief(&rows), [(2, "a", "x"), (3, "b", "y")]);
        assert!(rows.iter().all(|r| r.extra.is_empty()));
    }
    let named = "stands in a column without a name; name it in the header, or empty it";
    refused(
        "m.csv",
        ",id,prompt\n5,a,x\n7,b,y\n",
        &[
            ("line 2, column 1", named),
            ("line 3, column 1", "pandas: index=False"),
        ],
    );
    for text in [
        "id,,prompt\na,0,x\n",
        ",id,prompt\nnight,a,x\n",
        ",id,prompt\n-1,a,x\n",
    ] {
        assert_eq!(
            read("m.csv", text).expect("readable").faults.len(),
            1,
            "{text}"
        );
    }
}

#[test]
fn headers_are_known_as_people_write_them() {
    let text =
        " Prompt ,ID,Reference Image,TAKES\u{a0},\u{201c}Seed\u{201d},Mood \nx,a,,2,7,calm\n";
    let got = rows("m.csv", text);
    assert_eq!((got[0].takes, got[0].seed), (Some(2), Some(7)));
    assert_eq!(got[0].extra["Mood"], "calm");
    for (name, known) in [
        ("Take Count", "takes"),
        ("num_takes", "takes"),
        ("duration", "seconds"),
        ("Frame Rate", "fps"),
        ("resolution", "size"),
        ("seed_value", "seed"),
    ] {
        let hint = format!("did you mean '{known}'?");
        let place = format!("line 2, column 2 ({name})");
        warned("m.csv", format!("prompt,{name}\nx,2\n"), &[(&place, &hint)]);
        rows("m.csv", format!("prompt,{name},{known}\nx,2,\n"));
    }
    for (text, words) in [
        ("Prompt Text,id\nx,a\n", "did you mean 'Prompt Text'?"),
        ("id;Caption\na;x\n", "did you mean 'Caption'?"),
        (
            "Our prompts,,\n,,\nid,prompt,takes\na,x,1\n",
            "line 3 looks like the header: delete what stands above it",
        ),
        (
            "# made by hand\nid,prompt\na,x\n",
            "line 2 looks like the header",
        ),
        (
            "\"id,prompt\"\n\"a,x\"\n",
            "each line stands in quotes as a whole",
        ),
    ] {
        refused("m.csv", text, &[("line 1", words)]);
    }
    refused(
        "m.csv",
        "prompt,Prompt ,id\nx,y,z\n",
        &[("line 1, column 2 (prompt)", "twice; drop one")],
    );
    let got = warned(
        "m.csv",
        "id,prompt\na,x\nid,prompt\nb,y\n",
        &[(
            "line 3",
            "is the header again, and is left out; delete the line",
        )],
    );
    assert_eq!(brief(&got), [(2, "a", "x"), (4, "b", "y")]);
}

#[test]
fn ids_that_spreadsheets_changed_are_told() {
    let date = "a spreadsheet may have made a date of it: format the column as text";
    let m = refused(
        "m.csv",
        "id,prompt\n02-Jan,v\n1/2/2026,w\n2026-01-02 00:00:00,x\n1E+05,y\n2026-01-02,z\n",
        &[
            ("line 3, column 1 (id)", date),
            ("line 4, column 1 (id)", date),
            (
                "line 5, column 1 (id)",
                "a spreadsheet may have cut its digits",
            ),
        ],
    );
    same(&words(&m.warnings), &[("line 2, column 1 (id)", date)]);
    assert_eq!(brief(&m.rows), [(2, "02-Jan", "v"), (6, "2026-01-02", "z")]);
    let told = "'1.0' is kept as it is; write 1 if that is meant";
    let got = warned(
        "m.csv",
        "id,prompt\n1.0,x\n,y\n2.0,z\n",
        &[("line 2, column 1 (id)", told)],
    );
    assert_eq!((got[0].id.as_str(), got[2].id.as_str()), ("1.0", "2.0"));
    rows("m.csv", "id,prompt\n1.0,x\n1.1,y\n2.0,z\n");
}

#[test]
fn marks_of_a_text_are_no_part_of_it() {
    let mark =
        |from: &str, to: &str| format!("'{from}' is read as '{to}', as spreadsheets mark a text;");
    let got = warned(
        "m.csv",
        "id,takes,seed,prompt\n'001,'4,\"=\"\"7\"\"\",'Twas night\n",
        &[
            ("line 2, column 1 (id)", &mark("'001", "001")),
            ("line 2, column 2 (takes)", &mark("'4", "4")),
            ("line 2, column 3 (seed)", &mark("=\"7\"", "7")),
        ],
    );
    assert_eq!(brief(&got), [(2, "001", "'Twas night")]);
    assert_eq!((got[0].takes, got[0].seed), (Some(4), Some(7)));
    // Blanks that nobody sees are no part of a number, an id or a size.
    let got = rows(
        "m.csv",
        "id,takes,size,prompt\na\u{200b},\u{a0}4\u{a0},\u{feff}640x360,\u{a0}x\n",
    );
    assert_eq!(brief(&got), [(2, "a", "x")]);
    assert_eq!((got[0].takes, got[0].size), (Some(4), Some([640, 360])));
    let list = "is read as a list; write its elements alone";
    let got = warned(
        "m.csv",
        "prompt,size,tags\nx,\"[640, 360]\",\"['night', 'robot']\"\ny,\"(640, 360)\",[]\n",
        &[
            ("line 2, column 2 (size)", list),
            ("line 2, column 3 (tags)", list),
        ],
    );
    assert!(got.iter().all(|r| r.size == Some([640, 360])));
    assert_eq!(
        (got[0].tags.join(" "), got[1].tags.len()),
        ("night robot".to_owned(), 0)
    );
}

#[test]
fn files_of_other_kinds_are_named() {
    for (bytes, words) in [
        (
            &b"prompt\n\x93x\x94\n"[..],
            "byte 0x93 is not UTF-8; save the file as UTF-8 (from Windows' own, such as with iconv -f cp1252",
        ),
        (
            b"\xD0\xCF\x11\xE0\xA1",
            "is a spreadsheet of the old kind; export it as CSV",
        ),
        (b"PAR1\x15", "is a Parquet file; write it as CSV"),
        (b"\x1F\x8B\x08", "is compressed; unpack it"),
    ] {
        let error = read("m.csv", bytes).expect_err("refused").to_string();
        assert!(error.contains(words), "{error}");
    }
    for (name, text, words) in [
        (
            "m.csv",
            "{\"prompt\":\"x\"}\n",
            "this is JSON, not CSV; name the file .json or .jsonl",
        ),
        (
            "m.csv",
            "[\n{\"prompt\":\"x\"}]\n",
            "this is JSON, not CSV; name",
        ),
        (
            "m.csv",
            "[[prompt]]\nprompt = 'x'\n",
            "this is TOML, not CSV; name the file .toml",
        ),
        (
            "m.csv",
            "<!DOCTYPE html><html>\n",
            "this is a web page, not CSV; export",
        ),
        (
            "m.csv",
            "{\\rtf1 id,prompt}\n",
            "this is rich text, not CSV; save",
        ),
        (
            "m.json",
            "id,prompt\na,x\nb,y\n",
            "this is CSV, not JSON; name the file .csv",
        ),
        (
            "m.json",
            "[[prompt]]\nprompt = 'x'\n",
            "this is TOML, not JSON; name the file .toml",
        ),
    ] {
        refused(name, text, &[("line 1", words)]);
    }
}
