//! Numbers, empty cells and texts as table programs write them.

use super::{brief, refused, rows, warned};
use sora_director::manifest::Prompt;

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
