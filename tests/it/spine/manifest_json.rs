//! JSON manifests: objects a line, over several lines, in one array, and tables that are no rows.

use sora_director::manifest::{self, Fault, Manifest};

fn read(name: &str, text: &str) -> Manifest {
    let folder = tempfile::tempdir().expect("tempdir");
    let path = folder.path().join(name);
    std::fs::write(&path, text).expect("write");
    manifest::read(&path).expect("readable")
}

/// Lines and prompts of rows that are read without a word.
#[track_caller]
fn rows(name: &str, text: &str) -> Vec<(usize, String)> {
    let m = read(name, text);
    assert_eq!((m.faults, m.warnings), (vec![], vec![]), "{text}");
    m.rows.into_iter().map(|r| (r.line, r.prompt)).collect()
}

/// Faults at their places and in their words, and the prompts of the other rows.
#[track_caller]
fn refused(text: &str, want: &[(&str, &str)], others: &[&str]) {
    let m = read("m.json", text);
    let told: Vec<String> = m.faults.iter().map(Fault::to_string).collect();
    let fits = |(told, (place, words)): (&String, &(&str, &str))| {
        told.starts_with(&format!("{place}: ")) && told.contains(words)
    };
    assert!(
        told.len() == want.len() && told.iter().zip(want).all(fits),
        "{told:#?} is not {want:#?}"
    );
    let prompts: Vec<&str> = m.rows.iter().map(|r| r.prompt.as_str()).collect();
    assert_eq!(prompts, others, "{text}");
}

fn two(first: usize, second: usize) -> Vec<(usize, String)> {
    vec![(first, "a".to_owned()), (second, "b".to_owned())]
}

#[test]
fn objects_are_rows_however_they_are_laid_out() {
    for (text, lines) in [
        ("{\"prompt\":\"a\"}\n{\"prompt\":\"b\"}\n", [1, 2]),
        (
            "\u{feff}{\"prompt\":\"a\"}\r\n\r\n{\"prompt\":\"b\"}",
            [1, 3],
        ),
        ("{\"prompt\":\"a\"} {\"prompt\":\"b\"}", [1, 1]),
        ("{\"prompt\":\"a\"},\n{\"prompt\":\"b\"},\n", [1, 2]),
        (
            "{\n  \"prompt\": \"a\"\n}\n{\n  \"prompt\": \"b\"\n}\n",
            [1, 4],
        ),
        ("[{\"prompt\":\"a\"},{\"prompt\":\"b\"}]", [1, 1]),
        ("\n[\n{\"prompt\":\"a\"},\n{\"prompt\":\"b\"},\n]\n", [3, 4]),
        (
            "[\r\n  {\r\n    \"prompt\": \"a\"\r\n  },\r\n  {\r\n    \"prompt\": \"b\"\r\n  }\r\n]\r\n",
            [2, 5],
        ),
        ("[{\"prompt\":\"a\"}\n{\"prompt\":\"b\"}]", [1, 2]),
    ] {
        for name in ["m.json", "m.jsonl", "m.NDJSON"] {
            assert_eq!(rows(name, text), two(lines[0], lines[1]), "{text}");
        }
    }
    assert_eq!(rows("m.json", "{\"prompt\":\"a\"}").len(), 1);
    let folder = tempfile::tempdir().expect("tempdir");
    let path = folder.path().join("m.json");
    std::fs::write(&path, "[ ]").expect("write");
    let error = manifest::read(&path).expect_err("none").to_string();
    assert!(error.contains("has no rows; add one object"), "{error}");
}

#[test]
fn places_are_those_of_the_file() {
    refused(
        "[\n {\"prompt\": \"\u{e4}\",\n  \"takes\": 0},\n {\"prompt\": \"b\", \"takes\": 200}]",
        &[
            ("line 3, column 12 (takes)", "'0' is not"),
            ("line 4, column 27 (takes)", "'200' is not"),
        ],
        &[],
    );
    // A long line, in the middle of which a block of the index of places begins.
    let many: Vec<String> = (0..500)
        .map(|i| format!("{{\"id\":\"\u{e4}{i}\",\"prompt\":\"x\"}}"))
        .collect();
    let text = format!("[{}]", many.join(", "));
    let m = read("m.json", &text);
    assert_eq!(m.faults.len(), 500);
    let characters: Vec<char> = text.chars().collect();
    for (i, fault) in m.faults.iter().enumerate() {
        let at = fault.column.expect("column") - 1;
        let there: String = characters[at..].iter().take(3).collect();
        assert_eq!(
            (fault.line, there.as_str()),
            (1, format!("\"\u{e4}{i}").get(..4).expect("head"))
        );
    }
}

#[test]
fn tables_by_columns_are_named_with_the_mend() {
    let records = "write one object a row (pandas: to_json(path, orient=\"records\"))";
    for (text, what) in [
        (
            "{\"prompt\":{\"0\":\"a\",\"1\":\"b\"},\"takes\":{\"0\":1,\"1\":2}}",
            "is a table by columns",
        ),
        (
            "{\"0\":{\"prompt\":\"a\"},\"1\":{\"prompt\":\"b\"}}",
            "is a table by its index",
        ),
        (
            "{\"x\":{\"prompt\":\"a\",\"takes\":1}}",
            "is a table by its index",
        ),
        (
            "{\"columns\":[\"prompt\"],\"index\":[0],\"data\":[[\"a\"]]}",
            "with its columns apart",
        ),
        (
            "{\"schema\":{\"fields\":[]},\"data\":[{\"prompt\":\"a\"}]}",
            "with its columns apart",
        ),
        (
            "{\"prompt\":[\"a\",\"b\"],\"takes\":[1,2]}",
            "is a table by columns",
        ),
    ] {
        let what = format!("{what}, not a row; {records}");
        refused(text, &[("line 1, column 1", &what)], &[]);
    }
    let list = "write that list alone, [...], or one object a line";
    for text in [
        "{\"version\":1,\"prompts\":[{\"prompt\":\"a\"}]}",
        "{\"rows\":[{\"row\":{\"prompt\":\"a\"}}]}",
        "{\"Prompts\":[\"a room\",\"a hall\"]}",
    ] {
        refused(text, &[("line 1, column 1", list)], &[]);
    }
    let object = "is not a JSON object; write one object a row, such as {\"prompt\": \"...\"} (1 more of this kind)";
    for text in [
        "[\"a room\",\"a hall\"]",
        "[[\"prompt\",\"takes\"],[\"x\",2]]",
    ] {
        refused(text, &[("line 1, column 2", object)], &[]);
    }
}

#[test]
fn what_python_writes_is_read_or_named() {
    let m = read(
        "m.json",
        "[{\"prompt\": \"a NaN\", \"takes\": NaN},\n {\"prompt\": \"b\", \"seed\": NaN}]",
    );
    assert_eq!(m.faults, []);
    assert_eq!(
        (m.rows[0].prompt.as_str(), m.rows[0].takes, m.rows[1].seed),
        ("a NaN", None, None)
    );
    let told: Vec<String> = m.warnings.iter().map(Fault::to_string).collect();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(
        told[0].starts_with("line 1, column 31: NaN, which is no JSON, is read as empty"),
        "{told:?}"
    );
    let null = "write null where there is no value";
    refused(
        "{\"prompt\":\"a\",\"x\":Infinity}\n{\"prompt\":\"b\",\"x\":None}\n{\"prompt\":\"c\",\"x\":True}\n{'prompt':'d'}\n{\"prompt\":\"e\",}\n{\"prompt\":\"f\"}\n{\u{201c}prompt\u{201d}:\"g\"}\n",
        &[
            ("line 1, column 19", null),
            ("line 2, column 19", null),
            ("line 3, column 19", "write true or false, in small letters"),
            (
                "line 4, column 2",
                "texts and names stand in double quotes (Python: json.dumps)",
            ),
            ("line 5, column 15", "drop the comma after the last value"),
            (
                "line 7, column 2",
                "texts and names stand in straight double quotes",
            ),
        ],
        &["f"],
    );
}

#[test]
fn one_broken_row_takes_no_other_with_it() {
    let one = "write one object a line";
    // Cut short at the end of a line, in ways that go on into the next.
    for cut in [
        "{\"prompt\":\"a\"",
        "{\"prompt\":\"a\",",
        "{\"prompt\":\"a\",\"x\":",
        "{\"prompt\":\"a\",\"x\":[1,",
        "{\"prompt\":\"a",
    ] {
        let text =
            format!("{{\"prompt\":\"x\"}}\n{cut}\n{{\"prompt\":\"b\"}}\n{{\"prompt\":\"c\"}}\n");
        let place = format!("line 2, column {}", cut.len());
        let mend = match cut.ends_with('a') {
            true => "write a line end within a text as \\n",
            false => one,
        };
        refused(&text, &[(&place, mend)], &["x", "b", "c"]);
    }
    refused(
        "{\"prompt\":\"a\"}\nwords\n{\"prompt\":\"b\"}\n",
        &[("line 2, column 1", one)],
        &["a", "b"],
    );
    refused(
        "{\"prompt\":\"a\"}\n17\n{\"prompt\":\"b\"}\n",
        &[("line 2, column 1", "'17' is not a JSON object")],
        &["a", "b"],
    );
    // Broken inside an object of several lines.
    refused(
        "[\n{\n \"prompt\": \"a\"\n \"takes\": 1\n},\n{\n \"prompt\": \"b\"\n}\n]\n",
        &[("line 4, column 2", one), ("line 5, column 1", one)],
        &["b"],
    );
    refused(
        "[{\"prompt\":\"a\"},\n{\"prompt\":\"b\"},\n{\"prom",
        &[("line 3, column 6", one)],
        &["a", "b"],
    );
    refused(
        "[{\"prompt\":\"a\"},\n{\"prompt\":\"b\"}\n",
        &[(
            "line 2, column 14",
            "the array that begins on line 1 is never closed; close it",
        )],
        &["a", "b"],
    );
    refused(
        "[{\"prompt\":\"a\"}]\n{\"prompt\":\"b\"}\n",
        &[(
            "line 2, column 1",
            "stands after the end of the array; put all rows into one array",
        )],
        &["a"],
    );
    refused(
        "[{\"prompt\":\"a\"},{\"prompt\" \"b\"},{\"prompt\":\"c\"}]",
        &[(
            "line 1, column 27",
            "nothing after it on this line was read",
        )],
        &["a"],
    );
}

#[test]
fn nesting_and_broken_starts_are_read_in_linear_time() {
    let started = std::time::Instant::now();
    let deep = "[".repeat(1 << 20);
    for text in [
        format!("{{\"prompt\":\"a\",\"x\":{deep}{}}}", "]".repeat(1 << 20)),
        format!("{{\"prompt\":\"a\",\"x\":{deep}}}"),
        "{\"a\":[\n".repeat(1 << 17),
        "{\"a\":[1,\n".repeat(1 << 17) + "}",
        "{\"a\":1,\n".repeat(1 << 17),
        "[".to_owned() + &"{\"prompt\":\"x\",\"takes\":0},".repeat(1 << 15) + "]",
    ] {
        let m = read("m.json", &text);
        assert!(!m.rows.is_empty() || !m.faults.is_empty());
    }
    assert!(started.elapsed().as_secs() < 20, "{:?}", started.elapsed());
}
