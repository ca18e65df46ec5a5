//! Tests of files from the web, beside a server of a few lines.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sora_director::fetch::{FetchError, Fetched, Wanted, fetch};
use sora_director::hash::sha256_hex;
use sora_director::monitor::{Monitor, Silent};

/// What a server answers: the request's first byte that is asked for, and the connection.
type Answer = Box<dyn Fn(Option<u64>, &mut TcpStream) + Send>;

/// A server on this machine that gives each request the next answer, the last one again and again.
struct Server {
    url: String,
    asked: Arc<Mutex<Vec<Option<u64>>>>,
}

fn serve(answers: Vec<Answer>) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!(
        "http://{}/model.onnx",
        listener.local_addr().expect("address")
    );
    let asked = Arc::new(Mutex::new(Vec::new()));
    let seen = asked.clone();
    std::thread::spawn(move || {
        for (k, stream) in listener.incoming().enumerate() {
            let Ok(mut stream) = stream else { return };
            let mut from = None;
            for line in BufReader::new(&stream).lines() {
                let Ok(line) = line else { break };
                if let Some(range) = line.to_ascii_lowercase().strip_prefix("range: bytes=") {
                    from = range.trim_end_matches('-').parse().ok();
                }
                if line.is_empty() {
                    break;
                }
            }
            seen.lock().expect("lock").push(from);
            answers[k.min(answers.len() - 1)](from, &mut stream);
        }
    });
    Server { url, asked }
}

fn bytes() -> Vec<u8> {
    (0..300_000u32).map(|i| (i * 31 % 251) as u8).collect()
}

fn wanted(url: &str) -> Wanted {
    Wanted {
        url: url.to_owned(),
        bytes: bytes().len() as u64,
        sha256: sha256_hex(&bytes()),
    }
}

/// All of it, or from where it is asked for; at most `most` bytes, though more are promised.
fn gives(most: usize) -> Answer {
    Box::new(move |from, stream| {
        let all = bytes();
        let first = from.unwrap_or(0) as usize;
        let rest = &all[first..];
        let head = match from {
            Some(_) => format!(
                "HTTP/1.1 206 Partial Content\r\ncontent-range: bytes {first}-{}/{}\r\n",
                all.len() - 1,
                all.len()
            ),
            None => "HTTP/1.1 200 OK\r\n".to_owned(),
        };
        let head = format!(
            "{head}content-length: {}\r\nconnection: close\r\n\r\n",
            rest.len()
        );
        let _ = stream.write_all(head.as_bytes());
        let _ = stream.write_all(&rest[..rest.len().min(most)]);
    })
}

fn says(text: &'static str) -> Answer {
    Box::new(move |_, stream| {
        let _ = stream.write_all(text.as_bytes());
    })
}

fn files(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .expect("folder")
        .map(|e| e.expect("entry").file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

#[test]
fn a_file_comes_whole_and_goes_on_where_it_was_cut_off() {
    let folder = tempfile::tempdir().expect("tempdir");
    let target = folder.path().join("deep/er/model.onnx");
    // Two connections break, one server is overloaded.
    let busy = says("HTTP/1.1 503 Busy\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    let server = serve(vec![gives(100_000), busy, gives(50_000), gives(usize::MAX)]);
    let got = fetch(&wanted(&server.url), &target, &Silent).expect("fetched");
    assert_eq!(
        got,
        Fetched {
            host: Some("127.0.0.1".to_owned()),
            resumed: 0
        }
    );
    assert_eq!(std::fs::read(&target).expect("read"), bytes());
    assert_eq!(files(target.parent().expect("folder")), ["model.onnx"]);
    let asked = server.asked.lock().expect("lock").clone();
    assert_eq!(asked.len(), 4, "{asked:?}");
    assert_eq!(asked[0], None);
    // What came before the break is not asked for again; how much of it that is, is up to the system.
    assert!(
        asked[1].is_some_and(|n| n <= 100_000) && asked[1] == asked[2],
        "{asked:?}"
    );
    assert!(asked[3] > asked[2], "{asked:?}");
    // It is there: nobody is asked.
    let again = fetch(&wanted("http://127.0.0.1:1/no"), &target, &Silent).expect("there");
    assert_eq!(again.host, None);
}

#[test]
fn an_earlier_part_is_used_and_a_wrong_one_is_not() {
    // The beginning; too long; as long and wrong; a wrong beginning.
    for (left, resumed) in [
        (bytes()[..70_000].to_vec(), 70_000),
        (vec![9; 400_000], 0),
        (vec![9; bytes().len()], 0),
        (vec![9; 70_000], 0),
    ] {
        let folder = tempfile::tempdir().expect("tempdir");
        let target = folder.path().join("model.onnx");
        std::fs::write(folder.path().join("model.onnx.part"), &left).expect("write");
        let server = serve(vec![gives(usize::MAX)]);
        let got = fetch(&wanted(&server.url), &target, &Silent).expect("fetched");
        assert_eq!(got.resumed, resumed);
        assert_eq!(std::fs::read(&target).expect("read"), bytes());
        assert_eq!(files(folder.path()), ["model.onnx"]);
    }
    // A server that does not know parts gives all of it.
    let folder = tempfile::tempdir().expect("tempdir");
    let target = folder.path().join("model.onnx");
    std::fs::write(folder.path().join("model.onnx.part"), &bytes()[..70_000]).expect("write");
    let whole = || -> Answer {
        let all = gives(usize::MAX);
        Box::new(move |_, stream| all(None, stream))
    };
    let server = serve(vec![whole()]);
    fetch(&wanted(&server.url), &target, &Silent).expect("fetched");
    assert_eq!(std::fs::read(&target).expect("read"), bytes());
    assert_eq!(server.asked.lock().expect("lock")[..], [Some(70_000)]);
    // Nor does one that gives another part than was asked for, or none: the next request is for all of it.
    let other: Answer = Box::new(|_, stream| {
        let _ = stream.write_all(b"HTTP/1.1 206 Partial Content\r\ncontent-range: bytes 5-9/300000\r\ncontent-length: 5\r\nconnection: close\r\n\r\nother");
    });
    let none = says(
        "HTTP/1.1 416 Range Not Satisfiable\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
    );
    for first in [other, none] {
        let folder = tempfile::tempdir().expect("tempdir");
        let target = folder.path().join("model.onnx");
        std::fs::write(folder.path().join("model.onnx.part"), &bytes()[..70_000]).expect("write");
        let server = serve(vec![first, whole()]);
        fetch(&wanted(&server.url), &target, &Silent).expect("fetched");
        assert_eq!(server.asked.lock().expect("lock")[..], [Some(70_000), None]);
    }
    // A page in place of the rest leaves what came before.
    let folder = tempfile::tempdir().expect("tempdir");
    let target = folder.path().join("model.onnx");
    let part = folder.path().join("model.onnx.part");
    std::fs::write(&part, &bytes()[..70_000]).expect("write");
    let server = serve(vec![says(
        "HTTP/1.1 200 OK\r\ncontent-length: 5\r\nconnection: close\r\n\r\nlogin",
    )]);
    fetch(&wanted(&server.url), &target, &Silent).expect_err("a page");
    assert_eq!(std::fs::read(&part).expect("part").len(), 70_000);
    // Nobody fetches what another fetches.
    let held = std::fs::File::open(&part).expect("open");
    held.lock().expect("lock");
    let error = fetch(&wanted(&server.url), &target, &Silent).expect_err("held");
    assert!(matches!(error, FetchError::Busy { .. }), "{error}");
}

#[test]
fn what_stands_in_the_way_is_told_before_anybody_is_asked() {
    for name in ["model.onnx", "model.onnx.part"] {
        let folder = tempfile::tempdir().expect("tempdir");
        std::fs::create_dir(folder.path().join(name)).expect("folder");
        let server = serve(vec![gives(usize::MAX)]);
        let target = folder.path().join("model.onnx");
        let error = fetch(&wanted(&server.url), &target, &Silent).expect_err(name);
        assert!(
            error
                .to_string()
                .contains(&format!("{name}: no plain file")),
            "{error}"
        );
        assert!(server.asked.lock().expect("lock").is_empty());
    }
}

#[test]
fn a_server_that_never_gets_further_is_given_up() {
    let answer = |most: usize| -> Answer {
        let all = gives(most);
        Box::new(move |_, stream| all(None, stream))
    };
    let server = serve([9, 8, 9, 8, 9, 8, 9].map(|n| answer(n * 10_000)).into());
    let folder = tempfile::tempdir().expect("tempdir");
    let target = folder.path().join("model.onnx");
    let error = fetch(&wanted(&server.url), &target, &Silent).expect_err("never");
    assert!(matches!(error, FetchError::Connection { .. }), "{error}");
}

#[test]
fn what_is_another_file_never_gets_the_name() {
    let page = "HTTP/1.1 200 OK\r\ncontent-type: text/html; charset=utf-8\r\ncontent-length: 5\r\nconnection: close\r\n\r\nlogin";
    let short = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\nconnection: close\r\n\r\nshort";
    let gone = "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    let same_size: Answer = Box::new(|_, stream| {
        let head = format!(
            "HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
            bytes().len()
        );
        let _ = stream.write_all(head.as_bytes());
        let _ = stream.write_all(&vec![7; bytes().len()]);
    });
    // Longer than it says, and of no said length.
    let longer: Answer = Box::new(|_, stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n");
        let _ = stream.write_all(&[bytes(), vec![1]].concat());
    });
    let packed = "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\nconnection: close\r\n\r\n123";
    let unsized_page =
        "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\nconnection: close\r\n\r\nlogin";
    for (answer, word) in [
        (says(packed), "packed"),
        (says(unsized_page), "ends after 5 bytes"),
        (says(page), "page of text"),
        (says(short), "5 bytes where 300000 are due"),
        (says(gone), "404"),
        (same_size, "sha256"),
        (longer, "longer"),
    ] {
        let folder = tempfile::tempdir().expect("tempdir");
        let target = folder.path().join("model.onnx");
        let server = serve(vec![answer]);
        let error = fetch(&wanted(&server.url), &target, &Silent).expect_err(word);
        assert!(error.to_string().contains(word), "{error}");
        assert!(!target.exists(), "{word}");
        if word == "sha256" {
            assert!(files(folder.path()).is_empty());
        }
    }
}

#[test]
fn no_server_and_a_stop_keep_what_came() {
    // Nobody listens there any more.
    let closed = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}/x", closed.local_addr().expect("address"));
    drop(closed);
    let folder = tempfile::tempdir().expect("tempdir");
    let target = folder.path().join("model.onnx");
    let error = fetch(&wanted(&url), &target, &Silent).expect_err("nobody");
    assert!(
        matches!(error, FetchError::Connection { had: 0, .. }),
        "{error}"
    );
    for address in ["model.onnx", "ftp://127.0.0.1/x"] {
        let error = fetch(&wanted(address), &target, &Silent).expect_err(address);
        assert!(matches!(error, FetchError::Address { .. }), "{error}");
        assert!(error.to_string().contains(address), "{error}");
    }

    /// Stops once some of it is there.
    struct Stops(AtomicU64, AtomicBool);
    impl Monitor for Stops {
        fn progress(&self, done: u64, _total: u64) {
            self.0.store(done, Ordering::Relaxed);
            self.1.store(true, Ordering::Relaxed);
        }
        fn stopped(&self) -> bool {
            self.1.load(Ordering::Relaxed)
        }
    }
    let server = serve(vec![gives(usize::MAX)]);
    let stops = Stops(AtomicU64::new(0), AtomicBool::new(false));
    let error = fetch(&wanted(&server.url), &target, &stops).expect_err("stopped");
    assert!(matches!(error, FetchError::Interrupted), "{error}");
    let kept = std::fs::read(folder.path().join("model.onnx.part")).expect("part");
    assert_eq!(kept.len() as u64, stops.0.load(Ordering::Relaxed));
    assert!(!kept.is_empty() && bytes().starts_with(&kept));
    assert!(!target.exists());
}

#[test]
fn redirects_are_followed_and_told() {
    let real = serve(vec![gives(usize::MAX)]);
    let to = real.url.replace("127.0.0.1", "localhost");
    let server = serve(vec![Box::new(move |_, stream| {
        let head = format!(
            "HTTP/1.1 302 Found\r\nlocation: {to}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
        );
        let _ = stream.write_all(head.as_bytes());
    })]);
    let folder = tempfile::tempdir().expect("tempdir");
    let target = folder.path().join("model.onnx");
    let got = fetch(&wanted(&server.url), &target, &Silent).expect("fetched");
    assert_eq!(got.host.as_deref(), Some("localhost"));
    assert_eq!(std::fs::read(&target).expect("read"), bytes());
}

fn director(args: &[&str], models: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_director"))
        .args(args)
        .env("DIRECTOR_MODELS", models)
        .env_remove("DIRECTOR_OFFLINE")
        .output()
        .expect("director")
}

fn listed(models: &Path) -> serde_json::Value {
    let list = director(&["models", "list", "--json"], models);
    serde_json::from_slice(&list.stdout).expect("json")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Ctrl-C while a network comes: what came is kept, and the words and the exit code say so.
#[test]
fn a_pull_that_is_interrupted_keeps_what_came() {
    let folder = tempfile::tempdir().expect("tempdir");
    let name = "depth-anything-v2-small";
    let all = listed(folder.path());
    let known = all
        .as_array()
        .expect("list")
        .iter()
        .find(|m| m["name"] == name);
    let whole = known.expect(name)["bytes"].as_u64().expect("bytes");
    let server = serve(vec![Box::new(move |_, stream| {
        let head =
            format!("HTTP/1.1 200 OK\r\ncontent-length: {whole}\r\nconnection: close\r\n\r\n");
        let _ = stream.write_all(head.as_bytes());
        let _ = stream.write_all(&[7; 1 << 20]);
        std::thread::sleep(Duration::from_secs(60));
    })]);
    let child = Command::new(env!("CARGO_BIN_EXE_director"))
        .args(["models", "pull", name, "--url", &server.url])
        .env("DIRECTOR_MODELS", folder.path())
        .env_remove("DIRECTOR_OFFLINE")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("director");
    let parts = || {
        let here = std::fs::read_dir(folder.path()).expect("folder").flatten();
        here.filter_map(|e| Some(e.metadata().ok()?.len()))
            .sum::<u64>()
    };
    for _ in 0..600 {
        if parts() > 0 {
            break;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    let pid = child.id().to_string();
    let status = Command::new("kill").args(["-INT", &pid]).status();
    assert!(status.expect("kill").success());
    let done = child.wait_with_output().expect("ends");
    let said = text(&done.stderr);
    assert_eq!(done.status.code(), Some(130), "{said}");
    assert!(
        said.contains("interrupted; what came so far is kept"),
        "{said}"
    );
    assert!(parts() > 0 && done.stdout.is_empty());
}

#[test]
fn the_known_networks_are_listed_pulled_and_checked() {
    let folder = tempfile::tempdir().expect("tempdir");
    let name = "depth-anything-v2-small";
    let all = listed(folder.path());
    let one = |all: &serde_json::Value, name: &str| {
        let list = all.as_array().expect("list");
        list.iter().find(|m| m["name"] == name).expect(name).clone()
    };
    assert_eq!(one(&all, name)["state"], "not-here");
    assert_eq!(one(&all, "depth-small")["state"], "built-in");

    // Without the web, without the file, and of another name.
    for (args, word) in [
        (vec!["pull", name, "--offline"], "--file"),
        (vec!["pull", "depth-anything-v2-smal"], "did you mean"),
        (
            vec!["pull", "depth-anything-v2-small-294x518"],
            "no address",
        ),
        (
            vec!["pull", name, "--file", "Cargo.toml"],
            "bytes with sha256",
        ),
        (vec!["path", "depth-small"], "built in"),
    ] {
        let told = director(&[&["models"], &args[..]].concat(), folder.path());
        assert_eq!(told.status.code(), Some(2), "{args:?}");
        assert!(text(&told.stderr).contains(word), "{}", text(&told.stderr));
    }
    // A network that is not here is no missing file.
    let frames = tempfile::tempdir().expect("tempdir");
    let told = director(
        &[
            "depth",
            "x.mp4",
            "--model",
            name,
            "-o",
            frames.path().to_str().expect("path"),
        ],
        folder.path(),
    );
    assert!(
        text(&told.stderr).contains("director models pull"),
        "{}",
        text(&told.stderr)
    );

    // Settings know the variables.
    for offline in ["0", "1"] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_director"));
        let told = command
            .arg("config")
            .env("DIRECTOR_MODELS", folder.path())
            .env("DIRECTOR_OFFLINE", offline)
            .output()
            .expect("director");
        assert!(told.status.success(), "{}", text(&told.stderr));
    }

    // A damaged one is told, with exit code 1.
    let place = text(&director(&["models", "path", name], folder.path()).stdout);
    std::fs::write(place.trim(), "short").expect("write");
    let told = director(&["models", "verify"], folder.path());
    assert_eq!(told.status.code(), Some(1));
    assert!(
        text(&told.stderr).contains("not what it should be"),
        "{}",
        text(&told.stderr)
    );

    // Nor is it used under that name.
    let told = director(
        &[
            "depth",
            "x.mp4",
            "--model",
            name,
            "-o",
            frames.path().to_str().expect("path"),
        ],
        folder.path(),
    );
    assert_eq!(told.status.code(), Some(2));
    assert!(
        text(&told.stderr).contains("not what it should be"),
        "{}",
        text(&told.stderr)
    );

    // The real file of another network, where it is at hand.
    let Some(shared) = crate::common::shared("models/depth_anything_v2_small_294x518.onnx") else {
        return;
    };
    let name = "depth-anything-v2-small-294x518";
    let pulled = director(
        &[
            "models",
            "pull",
            name,
            "--file",
            shared.to_str().expect("path"),
        ],
        folder.path(),
    );
    assert!(pulled.status.success(), "{}", text(&pulled.stderr));
    let told = director(&["models", "verify", name, "--json"], folder.path());
    assert!(told.status.success(), "{}", text(&told.stderr));
    let all: serde_json::Value = serde_json::from_slice(&told.stdout).expect("json");
    assert_eq!(one(&all, name)["state"], "here");
}
