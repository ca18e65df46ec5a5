//! The arrows between the rooms of `src/`: who may import whom, as ARCHITECTURE.md draws it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// What may be imported: the drawing's lines from the top.
struct Drawing {
    /// Line of each room, from 0 at the bottom.
    height: BTreeMap<String, usize>,
    /// Rooms in brackets.
    stages: BTreeSet<String>,
}

impl Drawing {
    /// The block after the heading `## Layers`.
    fn of(document: &str) -> Self {
        let after = document.split("\n## Layers\n").nth(1);
        let block = after.and_then(|text| text.split("```").nth(1));
        let block = block.expect("ARCHITECTURE.md has a block after `## Layers`");
        // The first line is the language.
        let lines: Vec<&str> = block
            .lines()
            .skip(1)
            .filter(|l| !l.trim().is_empty())
            .collect();
        let (mut height, mut stages) = (BTreeMap::new(), BTreeSet::new());
        for (at, line) in lines.iter().rev().enumerate() {
            for word in line.split_whitespace() {
                let room = word.trim_matches(['[', ']']);
                if room != word {
                    stages.insert(room.to_owned());
                }
                assert!(
                    height.insert(room.to_owned(), at).is_none(),
                    "{room} is drawn twice"
                );
            }
        }
        Self { height, stages }
    }
}

/// A path that a file names, from the root of the crate.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Named {
    line: usize,
    path: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Token {
    line: usize,
    text: String,
}

/// The source's words and signs, without comments, strings and characters.
fn tokens(source: &str) -> Vec<Token> {
    let text: Vec<char> = source.chars().collect();
    let at = |i: usize| text.get(i).copied().unwrap_or('\0');
    let word = |c: char| c.is_alphanumeric() || c == '_';
    let (mut found, mut i, mut line) = (Vec::new(), 0, 1);
    while i < text.len() {
        let from = i;
        match at(i) {
            '/' if at(i + 1) == '/' => {
                while i < text.len() && at(i) != '\n' {
                    i += 1;
                }
            }
            '/' if at(i + 1) == '*' => {
                let mut depth = 0;
                loop {
                    match (at(i), at(i + 1)) {
                        ('/', '*') => (depth, i) = (depth + 1, i + 2),
                        ('*', '/') => (depth, i) = (depth - 1, i + 2),
                        _ => i += 1,
                    }
                    if depth == 0 || i >= text.len() {
                        break;
                    }
                }
            }
            '"' => i = string(&text, i),
            '\'' => {
                // A character, or a lifetime.
                let escaped = at(i + 1) == '\\';
                i += match () {
                    () if escaped => {
                        2 + text[i + 2..]
                            .iter()
                            .skip(1)
                            .take_while(|c| **c != '\'')
                            .count()
                            + 2
                    }
                    () if at(i + 2) == '\'' => 3,
                    () => 1,
                };
            }
            c if word(c) => {
                while word(at(i)) {
                    i += 1;
                }
                let name: String = text[from..i].iter().collect();
                let raw = at(i) == '"' || at(i) == '#' && ['"', '#'].contains(&at(i + 1));
                match name.as_str() {
                    "r" | "br" | "cr" if raw => i = raw_string(&text, i),
                    "b" | "c" if at(i) == '"' => i = string(&text, i),
                    _ => found.push(Token { line, text: name }),
                }
            }
            ':' if at(i + 1) == ':' => {
                found.push(Token {
                    line,
                    text: "::".to_owned(),
                });
                i += 2;
            }
            c if c.is_whitespace() => i += 1,
            c => {
                found.push(Token {
                    line,
                    text: c.to_string(),
                });
                i += 1;
            }
        }
        let to = i.min(text.len());
        line += text[from..to].iter().filter(|c| **c == '\n').count();
    }
    found
}

/// The place after the string that begins at `i`.
fn string(text: &[char], mut i: usize) -> usize {
    i += 1;
    while i < text.len() && text[i] != '"' {
        i += if text[i] == '\\' { 2 } else { 1 };
    }
    i + 1
}

/// The place after the raw string whose signs begin at `i`.
fn raw_string(text: &[char], i: usize) -> usize {
    let marks = text[i..].iter().take_while(|c| **c == '#').count();
    let mut at = i + marks + 1;
    while at < text.len() {
        let closed = text[at] == '"'
            && text[at + 1..]
                .iter()
                .take(marks)
                .filter(|c| **c == '#')
                .count()
                == marks;
        at += 1;
        if closed {
            return at + marks;
        }
    }
    at
}

/// Every path of `source` that begins at the crate's root, or above its own room. Modules of tests are left out.
/// `module` is the file's own path.
fn named(module: &[&str], source: &str) -> Vec<Named> {
    let tokens = tokens(source);
    let is = |i: usize, text: &str| tokens.get(i).is_some_and(|t| t.text == text);
    let mut found = Vec::new();
    // The names of the modules that are open, and at which depth of braces each ends.
    let mut open: Vec<(String, usize)> = Vec::new();
    let (mut depth, mut i, mut test) = (0, 0, false);
    while i < tokens.len() {
        match tokens[i].text.as_str() {
            "cfg" if is(i + 1, "(") && is(i + 2, "test") && is(i + 3, ")") => test = true,
            "mod" if is(i + 2, "{") && test => {
                // To the brace that closes it.
                let mut inside = 0;
                i += 2;
                while i < tokens.len() {
                    inside += i32::from(is(i, "{")) - i32::from(is(i, "}"));
                    if inside == 0 {
                        break;
                    }
                    i += 1;
                }
                test = false;
            }
            "mod" if is(i + 2, "{") => {
                open.push((tokens[i + 1].text.clone(), depth));
            }
            "{" => depth += 1,
            "}" => {
                depth -= 1;
                open.pop_if(|(_, at)| *at == depth);
            }
            ";" => test = false,
            start @ ("crate" | "super" | "self")
                if is(i + 1, "::") && !(i > 0 && is(i - 1, "::")) =>
            {
                let mut base: Vec<String> = match start {
                    "crate" => Vec::new(),
                    _ => (module.iter().map(|m| (*m).to_owned()))
                        .chain(open.iter().map(|(name, _)| name.clone()))
                        .collect(),
                };
                if start == "super" {
                    base.pop();
                }
                i = tree(&tokens, i + 2, &base, &mut found) - 1;
            }
            _ => {}
        }
        i += 1;
    }
    found
}

/// Reads the paths from `i` on, each below `base`; the place after them.
fn tree(tokens: &[Token], mut i: usize, base: &[String], found: &mut Vec<Named>) -> usize {
    let text = |i: usize| tokens.get(i).map_or("", |t| t.text.as_str());
    let mut path = base.to_vec();
    loop {
        match text(i) {
            "{" => {
                i += 1;
                while !["}", ""].contains(&text(i)) {
                    i = match text(i) {
                        "," => i + 1,
                        "as" => i + 2,
                        _ => tree(tokens, i, &path, found).max(i + 1),
                    };
                }
                return i + 1;
            }
            "super" => drop(path.pop()),
            "self" => {}
            "*" => path.push("*".to_owned()),
            name if name.starts_with(|c: char| c.is_alphabetic() || c == '_') => {
                path.push(name.to_owned())
            }
            _ => return i,
        }
        if text(i + 1) != "::" {
            found.push(Named {
                line: tokens[i].line,
                path,
            });
            return i + 1;
        }
        i += 2;
        if !["{", "*", "super", "self"].contains(&text(i))
            && !text(i).starts_with(|c: char| c.is_alphabetic() || c == '_')
        {
            // `::<T>`
            found.push(Named {
                line: tokens[i - 1].line,
                path,
            });
            return i;
        }
    }
}

/// The module of a file of `src/`.
fn module(file: &str) -> Vec<&str> {
    let inside = file.trim_start_matches("src/").trim_end_matches(".rs");
    inside.trim_end_matches("/mod").split('/').collect()
}

/// What is wrong with the imports of one file, with the mend; `macros` are those of the crate, with their rooms.
fn wrong(
    drawing: &Drawing,
    macros: &BTreeMap<String, String>,
    (file, source): (&str, &str),
) -> Vec<String> {
    let module = module(file);
    let own = module[0];
    let mut found = Vec::new();
    let Some(height) = drawing.height.get(own) else {
        return vec![format!(
            "{file}:1: `{own}` is a room that the layers of ARCHITECTURE.md do not draw; give it a place above all that it imports"
        )];
    };
    for Named { line, path } in named(&module, source) {
        let Some(first) = path.first() else { continue };
        let room = macros.get(first).unwrap_or(first);
        if room == own {
            continue;
        }
        let Some(below) = drawing.height.get(room) else {
            found.push(format!("{file}:{line}: there is no room `{room}` in the layers of ARCHITECTURE.md; draw it there"));
            continue;
        };
        if below >= height {
            found.push(format!(
                "{file}:{line}: `{own}` may not import `{room}`, which is drawn {} it in ARCHITECTURE.md; let the caller hand over the data, or move what both need to a room below both",
                if below == height { "beside" } else { "above" }
            ));
        }
        let last = path.last().map_or("", String::as_str);
        let stages = drawing.stages.contains(own) && drawing.stages.contains(room);
        let data = path.len() > 1 && last.starts_with(char::is_uppercase);
        // Twins mirror kernels, which share functions across stages.
        if stages && !data && !module.contains(&"twins") {
            found.push(format!(
                "{file}:{line}: the stage `{own}` imports `{}`, which is no type or constant; a stage takes the data of an earlier one, and `pipeline` calls its functions",
                path.join("::")
            ));
        }
    }
    found
}

/// Every file of `src/` but the two roots, with its text.
fn sources() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (mut found, mut folders) = (Vec::new(), vec![root.join("src")]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("list") {
            let path = entry.expect("entry").path();
            let name = path
                .strip_prefix(root)
                .expect("inside")
                .to_string_lossy()
                .replace('\\', "/");
            if path.is_dir() {
                folders.push(path);
            } else if name.ends_with(".rs")
                && !["src/lib.rs", "src/main.rs"].contains(&name.as_str())
            {
                found.push((name, std::fs::read_to_string(&path).expect("read")));
            }
        }
    }
    found.sort();
    found
}

/// Macros that the crate exports, with their rooms.
fn macros(sources: &[(String, String)]) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for (file, text) in sources {
        for rest in text.split("macro_rules! ").skip(1) {
            let name = rest.split_whitespace().next().unwrap_or("");
            found.insert(name.to_owned(), module(file)[0].to_owned());
        }
    }
    found
}

fn document() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("ARCHITECTURE.md");
    std::fs::read_to_string(path).expect("ARCHITECTURE.md")
}

#[test]
fn every_import_goes_down_the_layers_that_are_drawn() {
    let drawing = Drawing::of(&document());
    let sources = sources();
    let macros = macros(&sources);
    let mut faults = Vec::new();
    for (file, text) in &sources {
        faults.extend(wrong(&drawing, &macros, (file, text)));
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    let rooms: BTreeSet<&str> = sources.iter().map(|(file, _)| module(file)[0]).collect();
    for room in drawing.height.keys() {
        let there = rooms.contains(room.as_str());
        assert!(there, "ARCHITECTURE.md draws {room}, which is not there");
    }
}

#[test]
fn a_wrong_import_is_told_with_its_line_and_the_mend() {
    let drawing = Drawing::of(
        "\n## Layers\n\nWords.\n\n```text\n   cli\n [camera] walk\n [motion]  [depth]\n gpu\n```\n",
    );
    let macros = BTreeMap::from([("kernel".to_owned(), "gpu".to_owned())]);
    let told = |file: &str, text: &str| wrong(&drawing, &macros, (file, text));
    // Comments, strings, lifetimes and tests name what they like.
    let fine = r##"
        //! [`crate::cli::run`]
        use crate::motion::{Pairs, flow::{FlowPair as Pair, SIDE}};
        use super::solve; /* crate::cli /* nested */ crate::cli */
        const TEXT: &str = "crate::cli \" crate::cli";
        const RAW: &str = r#"crate::cli " crate::cli"#;
        fn f<'a>(x: &'a str) -> char { crate::kernel!("x"); let q = '"'; let b = '\''; q.max(b) }
        pub(crate) mod inner { use super::super::points; use super::files; pub use self::x::y; }
        #[cfg(test)]
        mod tests { use crate::cli::run; fn t() { if true {} } }
    "##;
    assert_eq!(told("src/camera/solve.rs", fine), [""; 0]);
    let wrong = |file: &str, text: &str, line: usize, words: &str| {
        let told = told(file, text);
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(
            told[0].starts_with(&format!("{file}:{line}: ")) && told[0].contains(words),
            "{told:?}"
        );
    };
    let hand = "let the caller hand over the data";
    wrong(
        "src/camera/mod.rs",
        "\nuse crate::cli::Globals;",
        2,
        "`camera` may not import `cli`, which is drawn above it",
    );
    wrong(
        "src/motion.rs",
        "use crate::{\n gpu::Gpu,\n depth::DepthMaps,\n};",
        3,
        "drawn beside it",
    );
    wrong(
        "src/motion/flow.rs",
        "fn f() {\n crate::walk::Walk::new() }",
        2,
        hand,
    );
    // The way up through `super`, also from a module inside.
    wrong(
        "src/motion/flow.rs",
        "use super::super::camera::Cameras;",
        1,
        hand,
    );
    wrong("src/motion/mod.rs", "use super::camera::Cameras;", 1, hand);
    wrong(
        "src/motion/flow.rs",
        "mod a {\n use super::{super::super::camera::Cameras};\n}",
        2,
        hand,
    );
    wrong("src/gpu.rs", "use crate::*;", 1, "no room `*`");
    wrong("src/hall/mod.rs", "", 1, "`hall` is a room that the layers");
    // Functions of an earlier stage.
    for text in [
        "use crate::motion::estimate;",
        "use crate::motion::{self, Motion};",
        "fn f() { crate::depth::model::load() }",
        "use crate::motion::*;",
    ] {
        wrong("src/camera/mod.rs", text, 1, "which is no type or constant");
    }
    assert_eq!(
        told("src/camera/twins/a.rs", "use crate::motion::twins::sample;"),
        [""; 0]
    );
}
