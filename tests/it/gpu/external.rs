//! Memory that another interface may import: what the descriptor holds, and that all is given back.

use std::fs::File;
use std::os::unix::fs::FileExt as _;

use sora_director::gpu::external::External;
use sora_director::gpu::{Gpu, GpuError, Recorder, groups_2d};
use sora_director::video::planes::{planes, words};
use sora_director::video::{PLANES, PlanesParams};

use crate::common::{Rng, gpu};

/// The memory; `None`, saying so, where this driver exports none.
fn external(gpu: &Gpu, bytes: usize) -> Option<External> {
    match gpu.external(bytes) {
        Ok(external) => Some(external),
        Err(GpuError::Validation { reason, .. }) => {
            eprintln!("skipped: {reason}");
            None
        }
        Err(error) => panic!("{error}"),
    }
}

/// The file behind the descriptor of a software adapter; `None`, saying so, elsewhere.
fn file(gpu: &Gpu, external: &mut External) -> Option<File> {
    let file = File::from(external.take_fd().expect("a descriptor"));
    if gpu.summary().kind == "software" {
        return Some(file);
    }
    eprintln!(
        "skipped: the host cannot read the memory of {}",
        gpu.summary().name
    );
    None
}

fn bytes_of(file: &File) -> Vec<u8> {
    let len = file.metadata().expect("metadata").len();
    let mut bytes = vec![0; usize::try_from(len).expect("length")];
    file.read_exact_at(&mut bytes, 0).expect("read");
    bytes
}

/// Where `part` begins in `whole`; the driver may keep a header of its own before the memory.
fn find(whole: &[u8], part: &[u8]) -> Option<usize> {
    whole.windows(part.len()).position(|window| window == part)
}

/// Has a kernel write the planes of noise into the memory, and gives back what they are.
fn written(gpu: &Gpu, external: &mut External, seed: u64) -> Vec<u32> {
    let params = PlanesParams {
        size: [64, 16],
        ..Default::default()
    };
    let mut rng = Rng(seed);
    let rgba: Vec<u32> = (0..64 * 16).map(|_| rng.u32()).collect();
    let input = gpu.upload(&rgba).expect("upload");
    let mut recorder: Recorder = gpu.recorder();
    let groups = groups_2d(8, 8, PLANES.workgroup);
    recorder
        .run(&PLANES, &params, &[&input, external.words()], groups)
        .and_then(|()| external.submit(&mut recorder))
        .and_then(|()| external.wait())
        .expect("run");
    planes(&params, &rgba)
}

#[test]
fn the_descriptor_holds_what_a_kernel_wrote() {
    let gpu = gpu();
    let bytes = 4 * words(64, 16);
    let Some(mut external) = external(&gpu, bytes) else {
        return;
    };
    assert!(external.bytes() >= bytes as u64);
    let before = gpu.read(external.words()).expect("read");
    assert!(before.iter().all(|&word| word == 0), "it begins as zeros");
    let Some(file) = file(&gpu, &mut external) else {
        return;
    };
    assert!(
        external.take_fd().is_none(),
        "the descriptor is given out once"
    );
    let mut at = None;
    for seed in [1, 2] {
        let want = written(&gpu, &mut external, seed);
        let found = find(&bytes_of(&file), bytemuck::cast_slice(&want));
        assert!(found.is_some(), "the file does not hold what was written");
        // The same memory each time.
        assert_eq!(*at.get_or_insert(found), found);
    }
    // The other way: what is written through the descriptor is what the device reads.
    let mut rng = Rng(3);
    let new: Vec<u32> = (0..words(64, 16)).map(|_| rng.u32()).collect();
    let at = at.flatten().expect("found above") as u64;
    file.write_all_at(bytemuck::cast_slice(&new), at)
        .expect("write");
    assert_eq!(gpu.read(external.words()).expect("read"), new);
}

#[test]
fn the_descriptor_outlives_the_buffer() {
    let gpu = gpu();
    let Some(mut external) = external(&gpu, 4 * words(64, 16)) else {
        return;
    };
    let Some(file) = file(&gpu, &mut external) else {
        return;
    };
    let want = written(&gpu, &mut external, 4);
    drop(external);
    gpu.wait().expect("wait");
    assert!(find(&bytes_of(&file), bytemuck::cast_slice(&want)).is_some());
}

#[test]
fn too_much_is_refused_in_words() {
    let gpu = gpu();
    let limit = gpu.summary().max_binding;
    let error = gpu.external(limit as usize + 16).expect_err("too large");
    assert!(matches!(error, GpuError::TooLarge { .. }), "{error}");
}

/// Descriptors of this process that are open.
fn open() -> usize {
    std::fs::read_dir("/proc/self/fd").expect("list").count()
}

/// Bytes of shared memory that are mapped into this process, in kB: what exported memory of a software adapter is.
fn shared_kilobytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("read");
    let line = status.lines().find_map(|l| l.strip_prefix("RssShmem:"));
    let words = line.and_then(|l| l.split_whitespace().next());
    words.and_then(|w| w.parse().ok()).expect("RssShmem")
}

/// A thousand that are dropped, a few at a time, with the descriptor taken or not: nothing is left open or mapped. Other
/// tests open and close files meanwhile, so it counts in a process of its own.
#[test]
fn a_thousand_leave_nothing_behind() {
    let name = "gpu::external::a_thousand_in_their_own_process";
    let program = std::env::current_exe().expect("this program");
    let ran = std::process::Command::new(program)
        .args(["--exact", name, "--ignored", "--nocapture"])
        .output()
        .expect("start");
    let text = String::from_utf8_lossy(&ran.stdout) + String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success(), "{text}");
    assert!(text.contains("1 passed"), "{text}");
}

#[test]
#[ignore = "run by a_thousand_leave_nothing_behind"]
fn a_thousand_in_their_own_process() {
    let gpu = gpu();
    let some = |count: usize| -> Option<()> {
        let mut kept = std::collections::VecDeque::new();
        for i in 0..count {
            let mut external = external(&gpu, 1 << 18)?;
            let fd = external.take_fd().filter(|_| i % 2 == 0);
            kept.push_back((external, fd));
            if kept.len() > 3 {
                kept.pop_front();
            }
        }
        drop(kept);
        gpu.wait().expect("wait");
        Some(())
    };
    // The first ones open what the driver keeps.
    if some(8).is_none() {
        return;
    }
    let before = (open(), shared_kilobytes());
    some(1000);
    let after = (open(), shared_kilobytes());
    assert_eq!(after.0, before.0, "descriptors");
    // A thousand of them are 256 MiB.
    assert!(after.1 < before.1 + 16 * 1024, "{before:?} {after:?}");
}
