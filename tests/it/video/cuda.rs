//! Decoding on the card: what a build without it says, what a card does where there is one, and, with a stand-in for
//! libcuda and libnvcuvid, the whole way of a frame and everything that may go wrong on it.

use std::path::Path;
use std::process::{Command, Output};

use super::encode;

fn director(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_director"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("DIRECTOR_")) {
        command.env_remove(name);
    }
    command.args(args).env("NO_COLOR", "1");
    command
}

fn output(mut command: Command) -> (bool, String, String) {
    let Output {
        status,
        stdout,
        stderr,
    } = command.output().expect("the binary starts");
    assert!(status.code().is_some(), "killed by a signal: {status}");
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    (status.success(), text(stdout), text(stderr))
}

fn show(path: &Path) -> String {
    path.display().to_string()
}

#[test]
fn probe_says_who_would_decode() {
    let folder = tempfile::tempdir().expect("tempdir");
    let clip = folder.path().join("a.mp4");
    encode(&clip, [64, 48], 8.0, 3);
    let clip = show(&clip);
    let (good, stdout, _) = output(director(&["probe", &clip, "--decode", "software"]));
    assert!(good);
    let line = stdout
        .lines()
        .find(|l| l.trim_start().starts_with("decode "));
    let line = line.unwrap_or_else(|| panic!("{stdout}"));
    let why = match cfg!(feature = "cuda") {
        true => "as asked for",
        false => "this build has no cuda feature",
    };
    assert!(line.contains("software (as asked for)"), "{line}");
    let mut command = director(&["probe", &clip, "--json"]);
    command.env(
        "DIRECTOR_DECODE",
        if cfg!(feature = "cuda") {
            "software"
        } else {
            "auto"
        },
    );
    let (good, stdout, _) = output(command);
    assert!(good);
    let found: serde_json::Value = serde_json::from_str(&stdout).expect("JSON");
    assert_eq!(found["decode"]["decoder"], "software");
    assert_eq!(found["decode"]["why"], why);
    assert_eq!(found["codec"], "h264");
}

#[test]
#[cfg(not(feature = "cuda"))]
fn a_build_without_it_refuses_it_with_the_mend() {
    let folder = tempfile::tempdir().expect("tempdir");
    let clip = folder.path().join("a.mp4");
    encode(&clip, [64, 48], 8.0, 3);
    let (clip, out) = (show(&clip), show(&folder.path().join("out")));
    for args in [
        &["frames", &clip, "-o", &out, "--decode", "cuda"][..],
        &["probe", &clip, "--decode", "cuda"],
        &["config", "--set", "decode=cuda"],
        &["reconstruct", &clip, "-o", &out, "--decode", "cuda"],
    ] {
        let (good, _, stderr) = output(director(args));
        assert!(!good, "{args:?}");
        assert!(stderr.contains("--features cuda"), "{args:?}: {stderr}");
    }
    let (_, stdout, _) = output(director(&["doctor", "--json"]));
    let found: serde_json::Value = serde_json::from_str(&stdout).expect("JSON");
    assert_eq!(found["cuda"]["built"], false);
    assert_eq!(found["cuda"]["fault"], "this build has no cuda feature");
}

#[cfg(feature = "cuda")]
mod with {
    use std::collections::BTreeSet;
    use std::fmt::Write as _;
    use std::path::{Path, PathBuf};
    use std::process::Command;
    use std::sync::OnceLock;

    use sora_director::gpu::{AdapterChoice, Gpu};
    use sora_director::video::cuda_findings;

    use super::super::encode;
    use super::{director, output, show};
    use crate::common::gpu;

    /// Of the real card, where there is one: memory that CUDA fills is what kernels of the adapter read.
    #[test]
    fn a_card_s_memory_goes_over_to_kernels() {
        let found = cuda_findings(Some(&gpu()));
        assert!(found.built);
        match found.fault {
            Some(fault) => eprintln!("skipped: {fault}"),
            None => {
                let carried = found.carried.expect("tried");
                assert!(carried > 1 << 19, "{carried} bytes");
                eprintln!("{found}");
            }
        }
    }

    /// Of the real card: frames are those of the host's decoder, bit for bit.
    #[test]
    fn a_card_s_frames_are_the_host_s() {
        use sora_director::monitor::Silent;
        use sora_director::video::{Decode, DecodeOptions, Decoder, Windows};
        let folder = tempfile::tempdir().expect("tempdir");
        let clip = folder.path().join("a.mp4");
        encode(&clip, [318, 178], 12.0, 40);
        let gpu = gpu();
        let read = |decode| {
            let options = DecodeOptions {
                decode,
                ..DecodeOptions::default()
            };
            let mut windows = Windows::open(&gpu, &clip, &options, &Silent).expect("open");
            let frames = windows.next(usize::MAX, &Silent).expect("decode");
            (
                frames.expect("frames"),
                windows.taken().expect("a video").clone(),
            )
        };
        let (card, taken) = read(Decode::Cuda);
        if taken.decoder == Decoder::Software {
            eprintln!("skipped: {}", taken.why);
            return;
        }
        let (host, _) = read(Decode::Software);
        assert_eq!((&card.times, &card.info), (&host.times, &host.info));
        assert_eq!((&card.faults, card.len()), (&host.faults, 40));
        for i in 0..card.len() {
            let frame = |frames: &sora_director::video::Frames| frames.read(&gpu, i).expect("read");
            assert!(frame(&card) == frame(&host), "frame {i}");
        }
    }

    /// A software adapter, what the stand-in is to be told of it, and folders with libraries.
    struct Fakes {
        folder: tempfile::TempDir,
        adapter: String,
        uuid: String,
        /// Bytes of the driver's own before the memory behind a descriptor.
        offset: usize,
    }

    impl Fakes {
        /// `None`, saying so, where there is no compiler or no software adapter that exports memory.
        fn get() -> Option<&'static Self> {
            static FAKES: OnceLock<Result<Fakes, String>> = OnceLock::new();
            let fakes = FAKES.get_or_init(Self::make).as_ref();
            fakes.inspect_err(|why| eprintln!("skipped: {why}")).ok()
        }

        fn make() -> Result<Self, String> {
            let adapters = sora_director::gpu::adapters();
            let software = adapters.iter().position(|a| a.kind == "software");
            let index = software.ok_or("no software adapter")?;
            let gpu = Gpu::open(&AdapterChoice::Index(index)).map_err(|e| e.to_string())?;
            let mut external = gpu.external(1 << 16).map_err(|e| e.to_string())?;
            let words: Vec<u32> = (0..1 << 14)
                .map(|i: u32| i.wrapping_mul(0x9E37_79B9))
                .collect();
            gpu.write(external.words(), 0, &words).expect("write");
            gpu.read(external.words()).expect("read");
            let file = std::fs::File::from(external.take_fd().expect("descriptor"));
            let len = file.metadata().expect("metadata").len() as usize;
            let mut bytes = vec![0; len];
            std::os::unix::fs::FileExt::read_exact_at(&file, &mut bytes, 0).expect("read");
            let part: &[u8] = bytemuck::cast_slice(&words);
            let at = bytes.windows(part.len()).position(|window| window == part);
            let mut uuid = String::new();
            for byte in gpu.uuid().ok_or("no identity")? {
                write!(uuid, "{byte:02x}").expect("text");
            }
            let folder = tempfile::tempdir().expect("tempdir");
            let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/video/cuda/fake.c");
            for (name, links, flags) in [
                ("none", &[][..], &[][..]),
                ("old", &["libcuda.so", "libcuda.so.1"], &["-DOLD"]),
                ("blind", &["libcuda.so", "libcuda.so.1"], &[]),
                (
                    "good",
                    &["libcuda.so", "libcuda.so.1", "libnvcuvid.so.1"],
                    &[],
                ),
            ] {
                let at = folder.path().join(name);
                std::fs::create_dir(&at).expect("folder");
                if links.is_empty() {
                    continue;
                }
                let library = at.join("fake.so");
                let made = Command::new("cc")
                    .args(["-shared", "-fPIC", "-o"])
                    .arg(&library)
                    .args(flags)
                    .arg(&source)
                    .output()
                    .map_err(|error| format!("no C compiler: {error}"))?;
                let said = String::from_utf8_lossy(&made.stderr).into_owned();
                assert!(made.status.success(), "{said}");
                for link in links {
                    std::os::unix::fs::symlink(&library, at.join(link)).expect("link");
                }
            }
            Ok(Self {
                folder,
                adapter: index.to_string(),
                uuid,
                offset: at.ok_or("the descriptor does not hold the memory")?,
            })
        }

        /// A command with the libraries of a folder, and what is to fail.
        fn director(&self, libraries: &str, fail: &str, args: &[&str]) -> Command {
            let mut command = director(args);
            // Clips of tests are too short for the card to be worth it.
            command.env("DIRECTOR_DECODE", "cuda");
            command
                .args(["--adapter", &self.adapter])
                .env("LD_LIBRARY_PATH", self.folder.path().join(libraries))
                .env("FAKE_CUDA_UUID", &self.uuid)
                .env("FAKE_CUDA_OFFSET", self.offset.to_string())
                .env("FAKE_CUDA_FAIL", fail);
            command
        }
    }

    /// The PNGs of a folder, in order.
    fn pictures(folder: &Path) -> Vec<PathBuf> {
        let list = std::fs::read_dir(folder).expect("list");
        let mut files: Vec<_> = list.map(|entry| entry.expect("entry").path()).collect();
        files.sort();
        files
    }

    fn bytes(folder: &Path) -> Vec<Vec<u8>> {
        let read = |file: &PathBuf| std::fs::read(file).expect("read");
        pictures(folder).iter().map(read).collect()
    }

    #[test]
    fn doctor_tells_of_the_card() {
        let Some(fakes) = Fakes::get() else { return };
        let doctor = |libraries: &str, fail: &str| {
            let (_, stdout, stderr) =
                output(fakes.director(libraries, fail, &["doctor", "--json"]));
            let found: serde_json::Value =
                serde_json::from_str(&stdout).unwrap_or_else(|e| panic!("{e}: {stdout}{stderr}"));
            found["cuda"].clone()
        };
        let good = doctor("good", "");
        if good["fault"].to_string().contains("FFmpeg") {
            eprintln!("skipped: {}", good["fault"]);
            return;
        }
        assert_eq!(good["fault"], serde_json::Value::Null, "{good}");
        assert_eq!(good["driver"], "11.4");
        assert_eq!(good["card"], "Fake Card");
        assert!(good["carried"].as_u64() > Some(1 << 19), "{good}");
        assert!(good["nvdec"].to_string().contains("h264"), "{good}");
        let old = doctor("old", "");
        let words = old["fault"].as_str().expect("a fault");
        for call in ["cuImportExternalMemory", "cuExternalMemoryGetMappedBuffer"] {
            assert!(words.contains(call), "{words}");
        }
        assert!(words.contains("another version"), "{words}");
        // What comes over otherwise than it went in is found out.
        let mut command = fakes.director("good", "", &["doctor", "--json"]);
        command.env("FAKE_CUDA_GARBLE", "1");
        let (_, stdout, _) = output(command);
        assert!(stdout.contains("otherwise than it went in"), "{stdout}");
        let (_, stdout, _) = output(fakes.director("good", "", &["doctor"]));
        let line = stdout.lines().find(|l| l.starts_with("cuda "));
        let line = line.expect("a line");
        assert!(
            line.contains("libcuda 11.4; NVDEC in FFmpeg for h264"),
            "{line}"
        );
        assert!(line.contains("Fake Card is the adapter"), "{line}");
    }

    #[test]
    fn frames_of_a_card_reach_the_kernels() {
        let Some(fakes) = Fakes::get() else { return };
        let folder = tempfile::tempdir().expect("tempdir");
        let clip = folder.path().join("a.mp4");
        // Cropped at right and bottom: NVDEC holds 64x48.
        encode(&clip, [62, 46], 8.0, 14);
        let (count, out) = (folder.path().join("count"), folder.path().join("out"));
        let args = ["frames", &show(&clip), "-o", &show(&out), "--json"];
        let mut command = fakes.director("good", "", &args);
        command.env("FAKE_CUDA_COUNT", &count);
        let (good, stdout, stderr) = output(command);
        assert!(good, "{stderr}");
        if stderr.contains("without cuda") || stderr.contains("no NVDEC for") {
            eprintln!("skipped: {stderr}");
            return;
        }
        assert!(!stderr.contains("decoded in software, not"), "{stderr}");
        let told: serde_json::Value = serde_json::from_str(&stdout).expect("JSON");
        assert_eq!(told["decode"]["decoder"], "cuda");
        assert_eq!(told["uploaded_bytes"], 0, "nothing came from the host");
        assert_eq!(told["source"]["pixel_format"], "yuv420p");
        let files = pictures(&out);
        assert_eq!(files.len(), 14);
        // What the stand-in draws, neutral and of limited range, and each picture once.
        let grey = |x: u32, y: u32, n: u32| {
            let luma = 16 + (x + 3 * y + 5 * n) % 200;
            (f64::from(luma - 16) * 255.0 / 219.0).round() as u8
        };
        let mut seen = BTreeSet::new();
        for file in &files {
            let picture = image::open(file).expect("PNG").to_rgb8();
            assert_eq!(picture.dimensions(), (62, 46));
            let is = |n: &u32| {
                picture.enumerate_pixels().all(|(x, y, pixel)| {
                    let want = grey(x, y, *n);
                    pixel.0.iter().all(|&level| level.abs_diff(want) <= 1)
                })
            };
            let number = (0..14).find(is);
            let number = number.unwrap_or_else(|| panic!("{}", file.display()));
            assert!(seen.insert(number), "picture {number} came twice");
        }
        let left = std::fs::read_to_string(&count).expect("counted");
        assert_eq!(left, "imported 0 mapped 0 allocated 0 pushed 0");
        let (_, stdout, _) = output(fakes.director("good", "", &["probe", &show(&clip)]));
        assert!(stdout.contains("cuda (NVDEC"), "{stdout}");
    }

    #[test]
    fn whatever_fails_software_goes_on_with_one_warning() {
        let Some(fakes) = Fakes::get() else { return };
        let folder = tempfile::tempdir().expect("tempdir");
        let clip = folder.path().join("a.mp4");
        encode(&clip, [62, 46], 8.0, 14);
        let run = |libraries: &str, fail: &str, decode: &str, out: &Path| {
            let args = ["frames", &show(&clip), "-o", &show(out), "--decode", decode];
            let (good, _, stderr) = output(fakes.director(libraries, fail, &args));
            assert!(good, "{libraries} {fail}: {stderr}");
            stderr
        };
        let host = folder.path().join("host");
        let quiet = run("good", "", "software", &host);
        assert!(!quiet.contains("decoded in software, not"), "{quiet}");
        let want = bytes(&host);
        assert_eq!(want.len(), 14);
        let without = run("good", "", "cuda", &folder.path().join("tried"));
        let card = !without.contains("decoded in software, not");
        for (i, (libraries, fail, words)) in [
            ("none", "", "libcuda was not found"),
            ("old", "", "it lacks cuImportExternalMemory"),
            (
                "good",
                "cuInit=100",
                "does not start (CUDA_ERROR_NO_DEVICE)",
            ),
            // A code that this program's cudarc has no name for.
            (
                "good",
                "cuInit=123456",
                "does not start (CUDA error 123456)",
            ),
            ("good", "cuDeviceGetCount=999", "does not list its devices"),
            (
                "good",
                "cuDevicePrimaryCtxRetain=2",
                "FFmpeg does not open the CUDA device 'Fake Card'",
            ),
            ("blind", "", "NVDEC does not take this h264"),
            (
                "good",
                "cuvidGetDecoderCaps=801",
                "NVDEC does not take this h264",
            ),
            (
                "good",
                "cuvidCreateDecoder=801",
                "NVDEC does not take this h264",
            ),
            ("good", "cuvidDecodePicture=999@1", "NVDEC"),
            (
                "good",
                "cuvidDecodePicture=999@9",
                "NVDEC did not decode a packet",
            ),
            (
                "good",
                "cuvidMapVideoFrame64=999@3",
                "NVDEC did not decode a packet",
            ),
            (
                "good",
                "cuImportExternalMemory=2",
                "does not import Vulkan's memory (CUDA_ERROR_OUT_OF_MEMORY)",
            ),
            (
                "good",
                "cuImportExternalMemory=2@3",
                "does not import Vulkan's memory",
            ),
            (
                "good",
                "cuExternalMemoryGetMappedBuffer=2",
                "does not map Vulkan's memory",
            ),
            (
                "good",
                "cuMemcpy2DAsync_v2=999",
                "the card does not copy a frame (CUDA_ERROR_UNKNOWN)",
            ),
            (
                "good",
                "cuMemcpy2DAsync_v2=2@12",
                "the card does not copy a frame (CUDA_ERROR_OUT_OF_MEMORY)",
            ),
            (
                "good",
                "cuStreamSynchronize=999@5",
                "the card does not finish a copy",
            ),
            ("good", "cuCtxPushCurrent_v2=999@20", ""),
        ]
        .into_iter()
        .enumerate()
        {
            let of_the_library = matches!(libraries, "none" | "old") || fail.starts_with("cuInit");
            if !card && !of_the_library {
                eprintln!("skipped: {libraries} {fail}: {without}");
                continue;
            }
            let out = folder.path().join(i.to_string());
            let stderr = run(libraries, fail, "cuda", &out);
            let told: Vec<&str> = stderr
                .lines()
                .filter(|line| line.contains("decoded in software, not by the card"))
                .collect();
            assert_eq!(told.len(), 1, "{libraries} {fail}: {stderr}");
            assert!(told[0].contains(words), "{libraries} {fail}: {}", told[0]);
            assert!(told[0].contains("a.mp4"), "{}", told[0]);
            assert!(bytes(&out) == want, "{libraries} {fail}");
        }
        // The card is another one than the adapter.
        let out = folder.path().join("other");
        let args = ["frames", &show(&clip), "-o", &show(&out)];
        let mut command = fakes.director("good", "", &args);
        command.env_remove("FAKE_CUDA_UUID");
        let (good, _, stderr) = output(command);
        assert!(
            good && stderr.contains("none of CUDA's devices"),
            "{stderr}"
        );
        assert!(stderr.contains("('Another Card', 'Fake Card')"), "{stderr}");
        assert!(bytes(&out) == want);
    }
}
