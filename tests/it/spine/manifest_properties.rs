//! Manifests that are written and read back, rows with one fault in them, and bytes of any kind.

use std::collections::BTreeMap;

use proptest::collection::{btree_map, vec};
use proptest::option::of;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};
use sora_director::manifest::{self, Manifest, ManifestError, Prompt};

fn read(name: &str, content: &[u8]) -> Result<Manifest, ManifestError> {
    let folder = tempfile::tempdir().expect("tempdir");
    let path = folder.path().join(name);
    std::fs::write(&path, content).expect("write");
    let mut found = manifest::read(&path)?;
    // Paths start at the folder, which is another each time.
    for row in &mut found.rows {
        row.video = row.video.take().map(|v| {
            let inside = v.strip_prefix(folder.path()).expect("inside");
            inside.to_owned()
        });
    }
    Ok(found)
}

/// Text as people write it, with all that means something to one of the formats.
fn text() -> impl Strategy<Value = String> {
    const PIECES: &[&str] = &[
        "a",
        "Z",
        "7",
        " ",
        ",",
        "\"",
        "\"\"",
        "'",
        "'''",
        "\n",
        "\r\n",
        "\r",
        "\t",
        ";",
        "\\",
        "\\n",
        "#",
        "=",
        "[[prompt]]",
        "{",
        "}",
        ":",
        "ä",
        "\u{1F600}",
        "\u{feff}",
        "null",
        "\u{7f}",
        "\u{1}",
        "\u{2028}",
    ];
    vec(select(PIECES), 0..12).prop_map(|p| p.concat().trim().to_owned())
}

/// Not empty, nor what table programs write for an empty cell.
fn cell() -> impl Strategy<Value = String> {
    text().prop_filter("something", |t| !t.is_empty() && t != "null")
}

prop_compose! {
    fn settings()(
        takes in of(1u32..=100),
        seed in of(any::<u64>()),
        seconds in of(0.1f64..=600.0),
        size in of((8u32..=4096, 8u32..=4096)),
        fps in of(1.0f64..=240.0),
        provider in of(select(&sora_director::providers::NAMES[..])),
        iterations in of(1u32..=50),
        priority in any::<i32>(),
        tags in vec("[a-z ]{0,4}[a-z\"'\n]", 0..4),
    ) -> Prompt {
        Prompt {
            id: String::new(),
            prompt: String::new(),
            takes,
            seed,
            seconds,
            size: size.map(|(w, h)| [w * 2, h * 2]),
            fps,
            video: None,
            provider: provider.map(str::to_owned),
            model: None,
            reference_image: None,
            iterations,
            priority,
            tags: (tags.iter().map(|t| t.trim().to_owned()))
                .filter(|t| !["", "nan", "null"].contains(&t.as_str()))
                .collect(),
            extra: BTreeMap::new(),
            line: 0,
        }
    }
}

prop_compose! {
    fn row()(
        row in settings(),
        prompt in cell(),
        model in of(cell()),
        video in of("[a-z0-9*/ ,\"]{0,8}[a-z]\\.mp4"),
        extra in btree_map(select(&["mood", "Note 2", "ö,\"", "#"][..]), text(), 0..3),
    ) -> Prompt {
        let video = video.map(|v| v.trim_matches(['/', ' ']).into());
        let extra = extra.into_iter().map(|(k, v)| (k.to_owned(), v)).collect();
        Prompt { prompt, model, video, extra, ..row }
    }
}

fn rows() -> impl Strategy<Value = Vec<Prompt>> {
    vec(row(), 1..6).prop_map(|mut rows| {
        for (i, row) in rows.iter_mut().enumerate() {
            row.id = format!("row-{i}");
        }
        rows
    })
}

/// The cells that a row sets, known columns first.
fn cells(row: &Prompt) -> Vec<(String, Value)> {
    let mut cells = vec![
        ("id".to_owned(), json!(row.id)),
        ("prompt".to_owned(), json!(row.prompt)),
    ];
    let mut set = |name: &str, value: Value| {
        if !value.is_null() {
            cells.push((name.to_owned(), value));
        }
    };
    set("takes", json!(row.takes));
    set("seed", json!(row.seed));
    set("seconds", json!(row.seconds));
    set("size", json!(row.size));
    set("fps", json!(row.fps));
    set("provider", json!(row.provider));
    set("model", json!(row.model));
    set("video", json!(row.video));
    set("iterations", json!(row.iterations));
    set("priority", json!(row.priority));
    set("tags", json!(row.tags));
    for (name, value) in &row.extra {
        set(name, json!(value));
    }
    cells
}

fn line_ends(text: &[u8]) -> usize {
    let ends = text
        .iter()
        .enumerate()
        .filter(|&(i, &b)| b == b'\n' || b == b'\r' && text.get(i + 1) != Some(&b'\n'));
    ends.count()
}

/// How a CSV file may be written.
#[derive(Clone, Copy, Debug)]
struct Dialect {
    mark: bool,
    crlf: bool,
    always_quoted: bool,
}

/// A file, and the line that each row starts at.
struct Written {
    bytes: Vec<u8>,
    lines: Vec<usize>,
}

fn as_csv(rows: &[Prompt], dialect: Dialect) -> Written {
    let mut names = vec![];
    for (name, _) in rows.iter().flat_map(cells) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let write = |records: &[Vec<String>]| {
        let mut writer = csv::WriterBuilder::new()
            .terminator(match dialect.crlf {
                true => csv::Terminator::CRLF,
                false => csv::Terminator::Any(b'\n'),
            })
            .quote_style(match dialect.always_quoted {
                true => csv::QuoteStyle::Always,
                false => csv::QuoteStyle::Necessary,
            })
            .from_writer(Vec::new());
        for record in records {
            writer.write_record(record).expect("write");
        }
        writer.into_inner().expect("flushed")
    };
    let mut records = vec![names.clone()];
    let mut lines = Vec::new();
    for row in rows {
        lines.push(1 + line_ends(&write(&records)));
        let cells: BTreeMap<String, Value> = cells(row).into_iter().collect();
        let field = |name: &String| match cells.get(name) {
            None => String::new(),
            Some(Value::String(text)) => text.clone(),
            Some(Value::Array(list)) if name == "size" => format!("{}x{}", list[0], list[1]),
            Some(Value::Array(list)) => {
                let texts: Vec<_> = list.iter().map(|v| v.as_str().expect("text")).collect();
                texts.join("; ")
            }
            Some(other) => other.to_string(),
        };
        records.push(names.iter().map(field).collect());
    }
    let mut bytes = if dialect.mark {
        vec![0xEF, 0xBB, 0xBF]
    } else {
        vec![]
    };
    bytes.extend(write(&records));
    Written { bytes, lines }
}

fn as_json_lines(rows: &[Prompt], blank: usize) -> Written {
    let (mut text, mut lines) = (String::new(), vec![]);
    for row in rows {
        lines.push(1 + line_ends(text.as_bytes()));
        let object: serde_json::Map<String, Value> = cells(row).into_iter().collect();
        text += &Value::Object(object).to_string();
        text += &"\n".repeat(1 + blank);
    }
    Written {
        bytes: text.into(),
        lines,
    }
}

fn as_toml(rows: &[Prompt], blank: usize) -> Written {
    let (mut text, mut lines) = (String::from("# rows\n"), vec![]);
    for row in rows {
        lines.push(1 + text.matches('\n').count());
        text += "[[prompt]]\n";
        for (name, value) in cells(row) {
            // TOML's own numbers have a sign and 64 bits; the reader takes what is written.
            let value = match &value {
                Value::Number(number) => number.to_string(),
                other => toml::Value::try_from(other).expect("TOML").to_string(),
            };
            text += &format!("{} = {value}\n", toml::Value::from(name));
        }
        text += &"\n".repeat(blank);
    }
    Written {
        bytes: text.into(),
        lines,
    }
}

fn expected(rows: &[Prompt], lines: &[usize]) -> Vec<Prompt> {
    let rows = rows.iter().zip(lines);
    rows.map(|(row, &line)| Prompt {
        line,
        ..row.clone()
    })
    .collect()
}

fn check(name: &str, written: &Written, want: &[Prompt]) -> Result<(), TestCaseError> {
    let shown = String::from_utf8_lossy(&written.bytes).into_owned();
    let found = read(name, &written.bytes).expect("readable");
    prop_assert_eq!(&found.faults, &[], "{}", shown);
    prop_assert_eq!(&found.rows[..], want, "{}", shown);
    Ok(())
}

proptest! {
    #[test]
    fn rows_that_are_written_as_csv_are_read_back(rows in rows(), mark: bool, crlf: bool, always_quoted: bool) {
        let written = as_csv(&rows, Dialect { mark, crlf, always_quoted });
        let mut want = expected(&rows, &written.lines);
        // A CSV has every column in every row.
        let all: Vec<String> = rows.iter().flat_map(|r| r.extra.keys().cloned()).collect();
        for row in &mut want {
            for name in &all {
                row.extra.entry(name.clone()).or_default();
            }
        }
        check("m.csv", &written, &want)?;
    }

    #[test]
    fn rows_that_are_written_as_json_lines_are_read_back(rows in rows(), blank in 0usize..3) {
        let written = as_json_lines(&rows, blank);
        check("m.jsonl", &written, &expected(&rows, &written.lines))?;
    }

    #[test]
    fn rows_that_are_written_as_toml_are_read_back(rows in rows(), blank in 0usize..3) {
        let written = as_toml(&rows, blank);
        check("m.toml", &written, &expected(&rows, &written.lines))?;
    }

    #[test]
    fn one_bad_cell_is_one_fault_at_its_row(rows in rows(), at: prop::sample::Index, format in 0usize..3) {
        let bad = at.index(rows.len());
        let mut texts: Vec<Prompt> = rows;
        // 101 takes: what the writers can write and the reader must refuse.
        texts[bad].takes = Some(101);
        let (name, written) = match format {
            0 => ("m.csv", as_csv(&texts, Dialect { mark: false, crlf: true, always_quoted: false })),
            1 => ("m.jsonl", as_json_lines(&texts, 1)),
            _ => ("m.toml", as_toml(&texts, 1)),
        };
        let found = read(name, &written.bytes).expect("readable");
        prop_assert_eq!(found.rows.len(), texts.len() - 1);
        prop_assert_eq!(found.faults.len(), 1);
        let fault = &found.faults[0];
        prop_assert_eq!(&fault.field, "takes");
        // The cell's own line: from the row's first to before the next row's.
        let next = written.lines.get(bad + 1).copied().unwrap_or(usize::MAX);
        prop_assert!((written.lines[bad]..next).contains(&fault.line), "{}", fault);
        let all = String::from_utf8(written.bytes).expect("text");
        if name != "m.csv" {
            let line = all.split('\n').nth(fault.line - 1).expect("line");
            let value: String = line.chars().skip(fault.column.expect("column") - 1).take(3).collect();
            prop_assert_eq!(value, "101");
        }
    }

    #[test]
    fn any_bytes_are_rows_or_faults_or_one_error(
        bytes in prop_oneof![
            vec(any::<u8>(), 0..200),
            vec(select(&b"prompt,;0.7NaN\"\n\r\t []{}=:'#\\a\0\xc3\xa9\xef\xbb\xbf"[..]), 0..200),
        ],
        head in select(&[
            "", "prompt\n", "prompt,id\n", "[[prompt]]\n", "{\"prompt\":", "[{\"prompt\":", "sep=;\nid;prompt\n",
            ",id,prompt,takes\n0,a", "{\"prompt\":\"a\"}\n",
        ][..]),
        name in select(&["m.csv", "m.tsv", "m.jsonl", "m.json", "m.toml"][..]),
    ) {
        let bytes = [head.as_bytes(), &bytes].concat();
        let lines = 1 + line_ends(&bytes);
        match read(name, &bytes) {
            Ok(found) => {
                prop_assert!(!found.rows.is_empty() || !found.faults.is_empty());
                for fault in found.faults.iter().chain(&found.warnings) {
                    prop_assert!((1..=lines).contains(&fault.line), "{}", fault);
                    prop_assert!(fault.column != Some(0) && fault.to_string().contains(';'), "{}", fault);
                }
                prop_assert!(found.rows.iter().all(|r| (1..=lines).contains(&r.line)));
            }
            Err(error) => prop_assert!(error.to_string().contains(';'), "{}", error),
        }
    }
}
