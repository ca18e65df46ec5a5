//! Headers, ids and files of other kinds.

use super::{brief, read, refused, rows, same, warned, words};

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
