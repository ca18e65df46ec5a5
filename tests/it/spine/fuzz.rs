//! The readers of files that people, other programs and crashes write, fed with mutated ones: nothing panics, every
//! fault has a place, and what was read can be used.
//!
//! The short form is a test like any other. For minutes of it:
//! `FUZZ_SECONDS=300 cargo test --test it fuzz -- --ignored --nocapture`

use std::path::Path;
use std::time::{Duration, Instant};

use sora_director::layers::{self, Sources};
use sora_director::manifest::{self, ManifestError};
use sora_director::pipeline::{Config, Preset};
use sora_director::record::{RowResult, RunView};
use sora_director::store::{Run, read_json};

use super::fake::journal;

use crate::common::Rng;

/// Random choices.
struct Random(Rng);

impl Random {
    fn next(&mut self) -> u64 {
        self.0.next_u64()
    }
    fn below(&mut self, n: usize) -> usize {
        (self.next() % n.max(1) as u64) as usize
    }
    fn pick<'a, T: ?Sized>(&mut self, from: &[&'a T]) -> &'a T {
        from[self.below(from.len())]
    }
}

const CSV: &[&str] = &[
    "id,prompt,takes,seconds,size,fps,seed,tags,priority,mood\na,\"A robot, walking\",2,4.5,640x360,24,7,\"x;y\",3,calm\nb,\"two\nlines \"\"quoted\"\"\",,,,,,,,\n",
    "\u{feff}prompt,iterations,provider,model,reference_image\r\na room,3,mock,m,p.png\r\n\r\n,,,,\r\n",
    "video\nclips/*.mp4\nclip [1].mp4\n",
];
const JSON_LINES: &[&str] = &[
    "{\"prompt\":\"a room\",\"size\":[640,360],\"tags\":[\"a\",\"b\"],\"seed\":18446744073709551615}\n{\"video\":\"x.mp4\",\"fps\":29.97,\"mood\":{\"deep\":[null,1]}}\n",
    "{\"id\":\"a\",\"prompt\":\"\\u00e4 \\ud83d\\ude00\",\"takes\":1e2,\"priority\":-5}\n\n{\"prompt\":null}\n",
];
const TOML: &[&str] = &[
    "[[prompt]]\nprompt = \"a room\"\ntakes = 4\ntags = [\"night\", 'robot']\nsize = [640, 360]\n\n[[prompt]]\nprompt = '''\nlines\n'''\nseconds = 4.5\nseed = 0xff\n",
    "[[prompt]]\nvideo = \"a.mp4\"\nmood = { a = 1979-05-27T07:32:00Z }\n",
];
const SETTINGS: &[&str] = &[
    "preset = \"draft\"\ntakes = 3\nsize = \"640x360\"\n[fit]\nsteps = 500\nbackground = { fixed = [0.0, 0.5, 1.0] }\n[providers.mock]\nat_once = 2\n",
    "motion.strides = [1, 2]\ndepth.model = [\"a.onnx\", \"b\"]\nsolve.intrinsics.fx = 500.0\nscore.combination = \"geometric\"\n",
];
const JOURNAL: &[&str] = &[
    "{\"number\":1,\"time\":\"2026-11-25T00:00:00Z\",\"event\":\"run_started\",\"rows\":[\"a\",\"b\"],\"folder\":\"/m\",\"version\":\"0.1.0\",\"format\":3}\n{\"number\":2,\"time\":\"2026-11-25T00:00:01Z\",\"event\":\"step_done\",\"id\":\"a\",\"iteration\":1,\"step\":\"take-1\",\"skipped\":false,\"seconds\":1.5,\"summary\":\"\"}\n{\"number\":3,\"time\":\"2026-11-25T00:00:02Z\",\"event\":\"row_started\"",
];
const RECORD: &[&str] = &[
    "{\"format\":3,\"key\":\"ab\",\"attempt\":\"a-1-s\",\"artifacts\":[{\"path\":\"x\",\"sha256\":\"00\",\"bytes\":3}],\"millis\":1,\"peak_kib\":2}",
];

/// What means something to one of the formats, or lies at an edge.
const WORDS: &[&str] = &[
    ",",
    "\"",
    "\"\"",
    "\n",
    "\r",
    "\r\n",
    "\0",
    "\u{feff}",
    "[[prompt]]\n",
    "[",
    "]",
    "{",
    "}",
    "=",
    "'''",
    "\\",
    "\\u0000",
    "#",
    "prompt",
    "promt",
    "id",
    "seed",
    "takes",
    "size",
    "-1",
    "1e309",
    "nan",
    "inf",
    "0x",
    "99999999999999999999",
    "1e-400",
    "null",
    "true",
    "640x360",
    "x",
    "..",
    "/",
    "*",
    "[!",
    "**",
    "é",
    "\u{1F600}",
    "\u{202e}",
    "format",
    "999",
    "fit.",
    ".",
    "prompt.prompt",
];

fn mutate(random: &mut Random, seeds: &[&str]) -> Vec<u8> {
    let mut bytes = random.pick(seeds).as_bytes().to_vec();
    for _ in 0..1 + random.below(6) {
        let at = random.below(bytes.len() + 1);
        let to = at + random.below((bytes.len() - at).min(40) + 1);
        match random.below(8) {
            0 if at < bytes.len() => bytes[at] ^= 1 << random.below(8),
            1 => drop(bytes.drain(at..to)),
            2 => drop(bytes.splice(at..at, random.pick(WORDS).bytes())),
            3 => drop(bytes.splice(at..to, random.pick(WORDS).bytes())),
            4 => {
                let part = bytes[at..to].to_vec();
                let many = 1 + random.below(20);
                drop(bytes.splice(at..at, part.repeat(many)));
            }
            5 => {
                let other = random.pick(seeds).as_bytes();
                let from = random.below(other.len());
                bytes.truncate(at);
                bytes.extend(&other[from..]);
            }
            6 => bytes.truncate(at),
            _ => bytes.insert(at, random.next() as u8),
        }
    }
    bytes
}

/// One mutated file of each kind through its reader; answers how many were taken without fault.
fn round(random: &mut Random, folder: &Path) -> usize {
    let config = Config::preset(Preset::Draft);
    let mut taken = 0;
    for (name, seeds) in [("m.csv", CSV), ("m.jsonl", JSON_LINES), ("m.toml", TOML)] {
        let bytes = mutate(random, seeds);
        let path = folder.join(name);
        std::fs::write(&path, &bytes).expect("write");
        match manifest::read(&path) {
            Err(ManifestError::Read { reason, .. }) => assert!(!reason.is_empty()),
            Err(error) => panic!("{error}"),
            Ok(mut found) => {
                let lines = 1 + bytes.iter().filter(|b| matches!(b, b'\n' | b'\r')).count();
                for fault in found.faults.iter().chain(&found.warnings) {
                    assert!((1..=lines).contains(&fault.line), "{fault} in {bytes:?}");
                    assert!(!fault.message.is_empty() && fault.to_string().len() < 2000);
                }
                for row in &found.rows {
                    let safe = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
                    assert!(
                        !row.id.is_empty() && row.id.chars().all(safe),
                        "{:?}",
                        row.id
                    );
                    assert!(!row.prompt.contains('\0') && (1..=lines).contains(&row.line));
                    serde_json::to_string(row).expect("a row is JSON");
                }
                config.check(&mut found);
                taken += usize::from(found.faults.is_empty());
            }
        }
    }
    std::fs::write(folder.join(layers::FILE), mutate(random, SETTINGS)).expect("write");
    let sources = Sources {
        folder: folder.to_owned(),
        ..Sources::default()
    };
    match layers::resolve(&sources) {
        Ok(found) => {
            assert_eq!(found.config.validate(), []);
            toml::to_string(&found.config).expect("it can be saved");
            taken += 1;
        }
        Err(error) => assert!(!error.0.is_empty()),
    }
    let run = folder.join("run");
    std::fs::create_dir_all(run.join("prompts/a/1/steps")).expect("folder");
    std::fs::create_dir_all(run.join("tmp/a-1-s")).expect("folder");
    std::fs::write(run.join("run.toml"), mutate(random, SETTINGS)).expect("write");
    std::fs::write(run.join("journal.jsonl"), mutate(random, JOURNAL)).expect("write");
    std::fs::write(run.join("prompts/a/1/steps/s.json"), mutate(random, RECORD)).expect("write");
    let view = RunView::load(&run);
    let _ = RowResult::load(&run, "a");
    let _ = read_json::<serde_json::Value>(&run.join("prompts/a/1/steps/s.json"));
    if let Ok(open) = Run::open(&run) {
        let next = serde_json::json!({"event": "stopping"});
        let last = view.as_ref().map_or(7, |view| view.last);
        let line = open.journal(last).append(&next, true).expect("append");
        assert_eq!(line.number, last + 1);
        let last = journal(&run);
        assert!(last.last().is_some_and(|e| e["event"] == "stopping"));
        taken += 1;
    }
    taken
}

fn fuzz(seed: u64, enough: impl Fn(usize) -> bool) {
    let folder = tempfile::tempdir().expect("tempdir");
    let mut random = Random(Rng(seed));
    let (mut rounds, mut taken) = (0, 0);
    while !enough(rounds) {
        // Told when a round panics, so that it can be done again.
        let state = random.0.0;
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            round(&mut random, folder.path())
        }));
        match result {
            Ok(n) => taken += n,
            Err(panic) => {
                eprintln!("round {rounds} of the generator's state {state:#x}");
                std::panic::resume_unwind(panic);
            }
        }
        rounds += 1;
    }
    println!(
        "{rounds} rounds, {} files, {taken} taken without fault",
        rounds * 7
    );
    assert!(
        taken > 0,
        "all were refused: the mutations are too wild to test much"
    );
}

#[test]
fn mutated_files_are_read_or_refused_in_words() {
    fuzz(1, |rounds| rounds == 400);
}

#[test]
#[ignore = "minutes: FUZZ_SECONDS=300 cargo test --test it fuzz -- --ignored --nocapture"]
fn fuzz_for_minutes() {
    let seconds = std::env::var("FUZZ_SECONDS")
        .ok()
        .and_then(|s| s.parse().ok());
    let end = Instant::now() + Duration::from_secs(seconds.unwrap_or(60));
    let seed = std::process::id().into();
    println!("seed {seed}");
    fuzz(seed, |_| Instant::now() >= end);
}
