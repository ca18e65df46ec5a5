//! Points that several frames see, and how far each camera is to be believed.

use sora_director::camera::{Way, evaluate, save_points, solve_with_points};
use sora_director::depth::DepthKind;
use sora_director::monitor::Silent;

use super::known_focal;
use super::scene::scene;

#[test]
fn points_lie_on_the_surfaces_that_their_frames_see() {
    let clip = scene(12, DepthKind::RelativeInverse);
    let options = known_focal(&clip);
    let (cameras, points) =
        solve_with_points(&clip.motion, &clip.depths, &options, &Silent).unwrap();
    assert_eq!(cameras.way, Way::Travels);
    // Both first poses are the gauge.
    let scale = evaluate(&cameras, &clip.truth).unwrap().scale;
    assert!(points.len() > 500, "{}", points.len());
    let width = clip.intrinsics.width as usize;
    let mut off: Vec<f64> = points
        .iter()
        .map(|p| {
            assert!(p.views >= 3 && p.error < 2.0, "{p:?}");
            let [x, y] = [p.pixel.x, p.pixel.y].map(|at| at as usize);
            let truth = clip.depth_truth[p.frame][y * width + x];
            let seen = clip.truth.cameras[p.frame]
                .pose
                .to_camera(p.position * scale);
            let at = clip.intrinsics.project(seen).unwrap();
            assert!(at.distance(p.pixel) < 1.0, "{at} {}", p.pixel);
            (seen.z / truth - 1.0).abs()
        })
        .collect();
    off.sort_by(f64::total_cmp);
    assert!(off[off.len() / 2] < 0.01, "{}", off[off.len() / 2]);
    assert!(
        off[off.len() * 9 / 10] < 0.05,
        "{}",
        off[off.len() * 9 / 10]
    );

    assert_eq!(cameras.confidence.len(), cameras.cameras.len());
    assert!(
        cameras.confidence.iter().all(|c| *c > 0.85),
        "{:?}",
        cameras.confidence
    );
    let promise = cameras.reconstructability();
    assert!((0.9..=1.0).contains(&promise), "{promise}");

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("points.ply");
    save_points(&points, &vec![[1, 2, 3]; points.len()], &path).unwrap();
    let bytes = std::fs::read(&path).unwrap();
    let end = b"end_header\n";
    let start = bytes.windows(end.len()).position(|w| w == end).unwrap() + end.len();
    let header = std::str::from_utf8(&bytes[..start]).unwrap();
    assert!(
        header.contains(&format!("element vertex {}\n", points.len())),
        "{header}"
    );
    assert_eq!(bytes.len() - start, points.len() * (12 + 3 + 2 + 4));
    let y = f32::from_le_bytes(bytes[start + 4..start + 8].try_into().unwrap());
    assert_eq!(y, points[0].position.y as f32);
    assert_eq!(bytes[start + 12..start + 15], [1, 2, 3]);
}

#[test]
fn a_frame_that_others_contradict_is_believed_less() {
    let mut clip = scene(12, DepthKind::RelativeInverse);
    // A quarter of one frame is seen elsewhere by some pixels.
    let width = clip.motion.width as usize;
    for pair in &mut clip.motion.pairs {
        let sign = match (pair.a, pair.b) {
            (6, _) => -1.0,
            (_, 6) => 1.0,
            _ => continue,
        };
        for (flow, sign) in [(&mut pair.forward, sign), (&mut pair.backward, -sign)] {
            let quarter = flow
                .iter_mut()
                .enumerate()
                .filter(|(k, _)| k % width < width / 4);
            quarter.for_each(|(_, f)| f[1] += 2.5 * sign);
        }
    }
    let options = known_focal(&clip);
    let (cameras, _) = solve_with_points(&clip.motion, &clip.depths, &options, &Silent).unwrap();
    let at = |frame| {
        let k = cameras
            .cameras
            .iter()
            .position(|c| c.frame == frame)
            .unwrap();
        cameras.confidence[k]
    };
    assert!(
        at(6) < 0.85 && at(6) + 0.1 < at(1).min(at(11)),
        "{:?}",
        cameras.confidence
    );
}
