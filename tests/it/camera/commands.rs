//! `director track` on clips that are bad: a refusal in words or cameras that are flagged, never wrong ones that look right.

use std::path::Path;

use sora_director::camera::{Cameras, GOOD, Wanted, Way, evaluate, known_of};
use sora_director::mock::render::{Renderer, Want};
use sora_director::mock::{Clip, Scene, understand};
use sora_director::monitor::Silent;
use sora_director::video::{DecodeOptions, decode};

use crate::common::gpu;
use crate::spine::cli::{Folder, code, run, stderr};

/// What `track` leaves of cameras.
const LEFT: [&str; 4] = [
    "cameras.json",
    "trajectory.tum.txt",
    "nerfstudio.json",
    "points.ply",
];

/// A take of the mock provider.
fn take(folder: &Folder, prompt: &str, seconds: &str) -> String {
    let takes = folder.out("takes");
    let made = run(&[
        "generate",
        prompt,
        "--seconds",
        seconds,
        "--size",
        "160x90",
        "--fps",
        "12",
        "--seed",
        "3",
        "-o",
        &takes,
    ]);
    assert_eq!(code(&made), 0, "{}", stderr(&made));
    let mut entries = std::fs::read_dir(&takes).unwrap();
    let take = entries.next().unwrap().unwrap().path();
    take.display().to_string()
}

/// That a clip is refused in words that hold `words`, and nothing is left.
fn refused(folder: &Folder, input: &str, words: &str) {
    let out = folder.out("out");
    let told = run(&["track", input, "-o", &out]);
    let said = stderr(&told);
    assert_ne!(code(&told), 0, "{said}");
    assert!(said.contains(words), "{said}");
    for name in LEFT {
        assert!(!Path::new(&out).join(name).exists(), "{name}");
    }
}

#[test]
fn a_take_of_three_frames_is_refused() {
    let folder = Folder::new();
    let take = take(&folder, "a room with crates, dolly", "0.25");
    let video = format!("{take}/take.mp4");
    refused(
        &folder,
        &video,
        "3 frames can be used and 4 are needed: give a longer clip",
    );
}

#[test]
fn pictures_that_have_nothing_to_do_with_one_another_are_refused() {
    let folder = Folder::new();
    std::fs::create_dir(folder.path("clip")).unwrap();
    let places = ["room", "corridor", "courtyard", "street", "warehouse"];
    for k in 0..10 {
        let prompt = format!("a {} with crates, dolly", places[k % places.len()]);
        let clip = Clip {
            frames: 2,
            fps: 12.0,
            size: [160, 90],
        };
        let scene = Scene::build(understand(&prompt, 40 + k as u64), clip);
        let want = Want {
            pixels: true,
            ..Want::default()
        };
        let shots = Renderer::new(&gpu(), &scene, want)
            .unwrap()
            .shoot()
            .unwrap();
        let bytes: Vec<u8> = shots[0].rgba.iter().flat_map(|p| p.to_le_bytes()).collect();
        let path = folder.path(&format!("clip/{k}.png"));
        image::save_buffer(path, &bytes, 160, 90, image::ColorType::Rgba8).unwrap();
    }
    refused(
        &folder,
        &folder.out("clip"),
        "the motion is too large or the clip is cut",
    );
}

/// A floor that mirrors shows a room below that moves as one: cameras are right, or are not trusted.
#[test]
fn a_mirrored_floor_is_not_silently_solved_wrong() {
    let folder = Folder::new();
    let take = take(
        &folder,
        "a room with a mirrored floor and crates, dolly",
        "1.5",
    );
    let (video, out) = (format!("{take}/take.mp4"), folder.out("out"));
    let told = run(&["track", &video, "-o", &out]);
    let said = stderr(&told);
    if code(&told) != 0 {
        assert!(said.contains("%"), "{said}");
        return;
    }
    let cameras = Cameras::load(&folder.path("out/cameras.json")).unwrap();
    let truth = Cameras::load(&Path::new(&take).join("truth/cameras.json")).unwrap();
    let flagged = cameras.way != Way::Travels || cameras.reconstructability() < GOOD;
    let error = evaluate(&cameras, &truth).unwrap();
    assert!(
        flagged || error.ate_rmse < 0.02 * error.path_length,
        "{error:?}"
    );
}

/// The list in nerfstudio's form calls pictures as `director frames` writes the same frames of the same clip.
#[test]
fn the_list_of_a_solve_fits_the_frames_that_are_written_beside_it() {
    let folder = Folder::new();
    let take = take(&folder, "a room with crates and shelves, orbit", "1.5");
    let (video, out) = (format!("{take}/take.mp4"), folder.out("out"));
    let told = run(&["track", &video, "-o", &out, "--max-frames", "9"]);
    assert_eq!(code(&told), 0, "{}", stderr(&told));
    let cameras = Cameras::load(&folder.path("out/cameras.json")).unwrap();
    assert_eq!(cameras.cameras.len(), 9);
    let frames = folder.out("out/frames");
    let options = ["--max-side", "640", "--max-frames", "9"];
    let wrote = run(&[&["frames", &video, "-o", &frames][..], &options].concat());
    assert_eq!(code(&wrote), 0, "{}", stderr(&wrote));
    let list = folder.path("out/nerfstudio.json");
    let found = decode(&gpu(), &list, &DecodeOptions::default(), &Silent).unwrap();
    let wanted = Wanted {
        cameras: true,
        depth: false,
    };
    let size = [found.width, found.height];
    let (sources, times) = (&found.sources, &found.times);
    let known = known_of(wanted, &list, sources, times, size).unwrap();
    let read = known.cameras.unwrap();
    assert_eq!(read.cameras.len(), cameras.cameras.len());
    for (a, b) in read.cameras.iter().zip(&cameras.cameras) {
        assert_eq!(a.intrinsics, b.intrinsics);
        assert!(a.pose.position.abs_diff_eq(b.pose.position, 1e-9));
        assert!(a.pose.rotation.abs_diff_eq(b.pose.rotation, 1e-9));
    }
    // The pictures beside it are solved, not taken as known.
    let again = run(&["track", &frames, "-o", &out]);
    assert_eq!(code(&again), 0, "{}", stderr(&again));
    let cameras = Cameras::load(&folder.path("out/cameras.json")).unwrap();
    assert!(cameras.residual_median.is_some());
}
