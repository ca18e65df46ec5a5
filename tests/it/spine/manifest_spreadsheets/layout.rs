//! Separators, blank rows, rows that are too short or too long, and columns that count.

use super::{brief, read, refused, rows, warned};

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
