//! Scenes are sound, cameras move as asked, and defects are in the frames.

use glam::{DVec2, Vec3};
use sora_director::mock::defects::{DEFECTS, Kind, exactly};
use sora_director::mock::piece::Shape;
use sora_director::mock::render::{Shot, Want};
use sora_director::mock::scene::Role;
use sora_director::mock::{Scene, understand};

use super::{CLIP, planted, render, scene};

fn inside(shape: Shape, p: Vec3) -> bool {
    match shape {
        Shape::Box { half } => p.abs().cmplt(Vec3::from(half)).all(),
        Shape::Sphere { radius } => p.length() < radius,
        Shape::Capsule {
            radius,
            half_length,
        } => (p - Vec3::Y * p.y.clamp(-half_length, half_length)).length() < radius,
        Shape::Cylinder {
            radius,
            half_length,
        } => p.y.abs() < half_length && p.x.hypot(p.z) < radius,
        // Its whole box: what stands there should not be near it either.
        Shape::Terrain { half, .. } => p.abs().cmplt(Vec3::from(half)).all(),
    }
}

#[test]
fn scenes_of_many_seeds_are_sound() {
    let (mut drawn, mut fitted) = ([0usize; 18], [0usize; 18]);
    for seed in 0..40 {
        for prompt in [
            "robot room dolly",
            "two people room orbit crates pillars shelves tables tanks",
            "person corridor dolly",
            "large room pan ball",
            "small corridor, static camera, robot",
            "three people courtyard orbit",
            "car street dolly",
            "person street handheld rain",
            "robot stairs dolly",
            "ball stairs pan",
            "forklift warehouse orbit",
            "four robots warehouse dolly",
            "robot room follow",
            "person corridor follow",
            "car street follow",
            "two people courtyard follow",
            "robot stairs follow",
        ] {
            let scene = scene(prompt, seed, [320, 180]);
            let what = format!("{prompt} {seed}");
            let props = scene
                .objects
                .iter()
                .filter(|o| o.role == Role::Prop)
                .count();
            assert!(props >= 5, "{what}: {props} props");
            for (i, object) in scene.objects.iter().enumerate() {
                assert_eq!(object.id as usize, i + 1, "{what}");
            }
            assert!(
                scene.objects.len() < 256,
                "{what}: a byte holds an object's number"
            );
            let e = scene.extent();
            let follow = prompt.contains("follow");
            let off_ground = scene
                .planted
                .iter()
                .any(|p| matches!(p.kind, Kind::Float | Kind::Sink));
            let morphs = scene
                .planted
                .iter()
                .any(|p| matches!(p.kind, Kind::Morph | Kind::Move));
            for frame in [0, 6, 12, 18, 23] {
                let camera = scene.camera_at(frame);
                let eye = camera.pose.position.as_vec3();
                let pieces = scene.pieces_at(frame);
                assert!(pieces.len() <= 256, "{what}: {} pieces", pieces.len());
                let room = eye.x.abs() < e.x - 0.3
                    && eye.z.abs() < e.z - 0.3
                    && eye.y > 1.2
                    && eye.y < 2.0;
                assert!(room, "{what}: camera at {eye}");
                let r = camera.pose.rotation;
                assert!((r.determinant() - 1.0).abs() < 1e-9, "{what}");
                let within = pieces
                    .iter()
                    .find(|p| p.there && inside(p.shape, p.rotation.inverse() * (eye - p.centre)));
                assert!(morphs || within.is_none(), "{what}: camera in {within:?}");
                for (object, s) in scene.subjects_at(frame) {
                    let place = s.place.as_vec3();
                    assert!(
                        place.x.abs() < e.x - 0.2 && place.z.abs() < e.z - 0.2,
                        "{what}: {place}"
                    );
                    let ground = scene.ground(DVec2::new(s.place.x, s.place.z)) as f32;
                    let lowest = pieces
                        .iter()
                        .filter(|p| p.object == object)
                        .map(|p| p.bounds().0.y)
                        .fold(f32::INFINITY, f32::min);
                    // On steps a foot may stand a step lower than the body is.
                    let step = if prompt.contains("stairs") {
                        0.40
                    } else {
                        0.035
                    };
                    assert!(
                        off_ground || (lowest - ground).abs() < step,
                        "{what}: lowest point at {lowest}, ground at {ground}"
                    );
                    let apart = (place - eye).with_y(0.0).length();
                    assert!(
                        apart > 0.8 || follow,
                        "{what}: subject {apart} m from the camera"
                    );
                }
            }
            for d in scene.draws.iter().filter(|d| d.drawn) {
                drawn[d.kind as usize] += 1;
                let there = scene.planted.iter().any(|p| p.kind == d.kind);
                let told = scene.misfits.iter().any(|m| m.starts_with(d.kind.name()));
                assert!(
                    there != told,
                    "{what}: {:?} planted {there}, told {told}",
                    d.kind
                );
                fitted[d.kind as usize] += usize::from(there);
            }
            records_hold(&what, &scene);
            assert!(
                scene
                    .planted
                    .iter()
                    .all(|p| scene.draws[p.kind as usize].drawn),
                "{what}"
            );
            // What stays in place, stays in place: the same words and seed give the same world.
            let again = Scene::build(understand(prompt, seed), scene.clip);
            assert_eq!(again.pieces_at(5), scene.pieces_at(5), "{what}");
        }
    }
    for rule in DEFECTS {
        let k = rule.kind as usize;
        eprintln!("{}: {} of {} fitted", rule.kind.name(), fitted[k], drawn[k]);
        assert!(
            fitted[k] * 10 >= drawn[k] * 6,
            "{}: {} of {}",
            rule.kind.name(),
            fitted[k],
            drawn[k]
        );
    }
}

/// What is recorded of defects is what the scene shows, whatever else was planted.
#[track_caller]
fn records_hold(what: &str, scene: &Scene) {
    let frames = scene.clip.frames;
    let seen = |f: usize, at: [f64; 3]| {
        let camera = scene.camera_at(f);
        let uv = camera.intrinsics.project(camera.pose.to_camera(at.into()));
        uv.is_some_and(|p| p.x >= 0.0 && p.y >= 0.0 && p.x < 320.0 && p.y < 180.0)
    };
    let times = |kind: Kind| {
        let planted = scene.planted.iter().find(|p| p.kind == kind);
        planted.map(|p| p.per_frame.clone())
    };
    if let (Some(a), Some(b)) = (times(Kind::Judder), times(Kind::Duplicates)) {
        assert_eq!(a, b, "{what}");
    }
    for it in &scene.planted {
        let [from, to] = it.frames;
        assert!(from < to && to <= frames, "{what}: {it:?}");
        match (it.kind, it.from_to) {
            (Kind::Teleport, Some([_, there])) => {
                let place = scene.subjects_at(from)[0].1.place;
                assert_eq!(place.to_array(), there, "{what}");
            }
            (Kind::Move, Some([a, b])) => {
                assert!(
                    (0..from).any(|f| seen(f, a)),
                    "{what}: never seen before {it:?}"
                );
                assert!(
                    (from..frames).any(|f| seen(f, b)),
                    "{what}: never seen after {it:?}"
                );
            }
            (Kind::OpenBoundary, _) => {
                // Nobody meets a prop in the opening.
                let [low, high] = it
                    .bounds
                    .expect("bounds")
                    .map(|v| Vec3::from(v.map(|x| x as f32)));
                let prop = |o: u32| {
                    let object = &scene.objects[o as usize - 1];
                    object.role == Role::Prop
                        && !matches!(object.name.as_str(), "door" | "picture" | "window")
                };
                let pieces = scene.pieces_at(0);
                let inside = pieces.iter().filter(|p| prop(p.object)).find(|p| {
                    let (a, b) = p.bounds();
                    a.cmplt(high - 0.05).all() && b.cmpgt(low + 0.05).all()
                });
                assert!(inside.is_none(), "{what}: {inside:?} in {it:?}");
            }
            (Kind::Duplicates, _) => {
                let twice = it.per_frame.windows(2).filter(|t| t[0] == t[1]).count();
                assert!(
                    (it.measure - twice as f64 / frames as f64).abs() < 1e-9,
                    "{what}"
                );
            }
            _ => {}
        }
    }
}

#[test]
fn the_camera_moves_as_asked() {
    let turn = |prompt: &str, seed| {
        let scene = planted(prompt, seed, [320, 180], exactly(&[]));
        let (a, b) = (scene.camera_at(0).pose, scene.camera_at(23).pose);
        let angle = a
            .rotation
            .z_axis
            .angle_between(b.rotation.z_axis)
            .to_degrees();
        (angle, a.position.distance(b.position))
    };
    for seed in 0..20 {
        for place in ["room", "courtyard", "street", "warehouse"] {
            let (angle, way) = turn(&format!("{place} orbit"), seed);
            assert!(
                angle > 10.0 && way > 0.8,
                "{place} orbit: {angle} degrees, {way} m"
            );
        }
        for place in [
            "room",
            "corridor",
            "courtyard",
            "street",
            "stairs",
            "warehouse",
        ] {
            let (angle, way) = turn(&format!("{place} dolly"), seed);
            let least = if place == "stairs" { 1.2 } else { 1.8 };
            assert!(
                angle > 1.5 && way > least,
                "{place} dolly: {angle} degrees, {way} m"
            );
            let (angle, way) = turn(&format!("{place}, static camera"), seed);
            assert!(
                angle < 1e-9 && way < 1e-9,
                "{place} static: {angle} degrees, {way} m"
            );
            let (angle, way) = turn(&format!("{place} pan"), seed);
            assert!(
                angle > 8.0 && way < 1e-9,
                "{place} pan: {angle} degrees, {way} m"
            );
            let (_, way) = turn(&format!("robot {place} follow"), seed);
            assert!(way > 0.8, "{place} follow: {way} m");
        }
        // A hand is unsteady: it turns a little from frame to frame.
        let scene = planted("room handheld", seed, [320, 180], exactly(&[]));
        let axis = |f: usize| scene.camera_at(f).pose.rotation.z_axis;
        let second = |f: usize| (axis(f + 1) - 2.0 * axis(f) + axis(f - 1)).length();
        assert!((1..23).map(second).fold(0.0, f64::max) > 2e-3);
    }
}

#[test]
fn feet_stand_where_they_were_set_down() {
    for prompt in ["robot room", "person stairs", "two people courtyard"] {
        let scene = planted(
            &format!("{prompt}, static camera"),
            3,
            [64, 36],
            exactly(&[]),
        );
        // The lowest point of each foot: for as long as it stands on the ground it does not slide.
        let object = scene.subjects_at(0)[0].0;
        let feet = |f: usize| -> Vec<Vec3> {
            let pieces = scene.pieces_at(f);
            let mut low: Vec<Vec3> = pieces
                .iter()
                .filter(|p| p.object == object)
                .filter(|p| {
                    let at = DVec2::new(f64::from(p.centre.x), f64::from(p.centre.z));
                    (p.bounds().0.y - scene.ground(at) as f32).abs() < 0.012
                })
                .map(|p| p.centre)
                .collect();
            low.dedup();
            low
        };
        let (mut stood, mut slid) = (0, 0);
        for f in 0..23 {
            for foot in feet(f) {
                let next = feet(f + 1);
                let near = next
                    .iter()
                    .map(|n| n.distance(foot))
                    .fold(f32::INFINITY, f32::min);
                stood += usize::from(near < 0.03);
                slid += usize::from((0.03..0.25).contains(&near));
            }
        }
        assert!(
            stood > 15 && slid * 3 < stood,
            "{prompt}: {stood} stood, {slid} slid"
        );
    }
}

fn mean(shot: &Shot) -> f64 {
    shot.rgba
        .iter()
        .map(|c| f64::from((c >> 8) & 255))
        .sum::<f64>()
        / shot.rgba.len() as f64
}

/// Mean square of the difference to the right-hand neighbour: falls under blur, rises under noise.
fn detail(shot: &Shot, width: usize) -> f64 {
    let level = |c: u32| f64::from((c >> 8) & 255);
    let rows = shot.rgba.chunks_exact(width);
    let all: Vec<f64> = rows
        .flat_map(|r| {
            r.windows(2)
                .map(|p| (level(p[0]) - level(p[1])).powi(2))
                .collect::<Vec<_>>()
        })
        .collect();
    all.iter().sum::<f64>() / all.len() as f64
}

#[test]
fn defects_of_the_picture_are_in_the_picture() {
    let prompt = "a robot in a room with crates and tables, dolly";
    let want = Want {
        pixels: true,
        seen: true,
        ..Want::default()
    };
    let size = [160, 90];
    let shots = |kinds: &[(Kind, f64)]| {
        let scene = planted(prompt, 3, size, exactly(kinds));
        assert_eq!(scene.planted.len(), kinds.len(), "{:?}", scene.misfits);
        let shots = render(&scene, want);
        (scene, shots)
    };
    let (_, clean) = shots(&[]);
    for (kind, more) in [
        (Kind::Blur, false),
        (Kind::Noise, true),
        (Kind::Blocks, false),
    ] {
        let mut last = detail(&clean[23], 160);
        for severity in [0.1, 0.5, 1.0] {
            let (scene, spoilt) = shots(&[(kind, severity)]);
            let now = detail(&spoilt[23], 160);
            assert_eq!(now > last, more, "{kind:?} {severity}: {last} to {now}");
            last = now;
            let from = scene.planted[0].frames[0];
            for f in 0..24 {
                let same = spoilt[f].rgba == clean[f].rgba;
                assert_eq!(same, f < from, "{kind:?} frame {f}, planted from {from}");
                assert!(spoilt[f].ids == clean[f].ids, "the truth is of the scene");
            }
        }
    }
    let (scene, flicker) = shots(&[(Kind::Flicker, 0.8)]);
    for (f, gain) in scene.planted[0].per_frame.iter().enumerate() {
        let ratio = mean(&flicker[f]) / mean(&clean[f]);
        assert!(
            (ratio > 1.0) == (*gain > 1.0) || *gain == 1.0,
            "frame {f}: {gain} {ratio}"
        );
        assert_eq!(*gain == 1.0, flicker[f].rgba == clean[f].rgba);
    }
    let (scene, cut) = shots(&[(Kind::Cut, 0.7)]);
    let at = scene.planted[0].frames[0];
    let jump = |f: usize| {
        let eye = |f: usize| scene.camera_at(f).pose.position;
        eye(f).distance(eye(f - 1))
    };
    assert!(jump(at) > 0.5 && jump(at - 1) < 0.2 && jump(at + 1) < 0.2);
    assert!(cut[at - 1].ids == clean[at - 1].ids && cut[at].ids != clean[at].ids);
    let (scene, _) = shots(&[(Kind::Judder, 1.0)]);
    let times = &scene.planted[0].per_frame;
    assert!(times.windows(2).any(|t| t[1] < t[0]), "time runs back");
    // Motion blur changes the picture and not the truth.
    let blurred = planted(&format!("{prompt}, motion blur"), 3, size, exactly(&[]));
    let long = render(&blurred, want);
    assert!(long[12].ids == clean[12].ids && long[12].rgba != clean[12].rgba);
    assert!(detail(&long[12], 160) < detail(&clean[12], 160));
}

#[test]
fn defects_of_the_world_and_of_subjects_are_in_the_geometry() {
    let prompt = "a robot in a room with crates and tables, static camera";
    let clean = planted(prompt, 3, [160, 90], exactly(&[]));
    let spoilt = |kind: Kind, severity: f64| {
        let scene = planted(prompt, 3, [160, 90], exactly(&[(kind, severity)]));
        assert_eq!(scene.planted.len(), 1, "{kind:?}: {:?}", scene.misfits);
        let planted = scene.planted[0].clone();
        (scene, planted)
    };
    let place = |scene: &Scene, f: usize| scene.subjects_at(f)[0].1.place;
    // Straight down at the middle of the pit lies its bottom, and beside it the floor; all else stands as before.
    let (hole, it) = spoilt(Kind::Hole, 0.6);
    let [low, high] = it.bounds.expect("bounds");
    let depth_at = |scene: &Scene, x: f64, z: f64| {
        let ray = Vec3::new(x as f32, 1.0, z as f32);
        let top = |p: &&sora_director::mock::piece::Piece| {
            let (a, b) = p.bounds();
            (a.x..b.x).contains(&ray.x) && (a.z..b.z).contains(&ray.z) && b.y < 0.5
        };
        let pieces = scene.pieces_at(0);
        pieces
            .iter()
            .filter(top)
            .map(|p| p.bounds().1.y)
            .fold(f32::NEG_INFINITY, f32::max)
    };
    let (x, z) = ((low[0] + high[0]) / 2.0, (low[2] + high[2]) / 2.0);
    assert!((depth_at(&hole, x, z) + 1.6).abs() < 1e-5);
    assert!(depth_at(&hole, high[0] + 0.03, z).abs() < 1e-5);
    assert!(depth_at(&clean, x, z).abs() < 1e-5);
    let names = |s: &Scene| -> Vec<String> {
        let kept = s.objects.iter().filter(|o| o.name != "pit");
        kept.map(|o| o.name.clone()).collect()
    };
    assert_eq!(names(&hole), names(&clean));
    let furniture = |s: &Scene| -> Vec<Vec3> {
        let kept = |o: u32| !matches!(s.objects[o as usize - 1].name.as_str(), "floor" | "pit");
        let pieces = s.pieces_at(0);
        pieces
            .iter()
            .filter(|p| kept(p.object))
            .map(|p| p.centre)
            .collect()
    };
    assert_eq!(furniture(&hole), furniture(&clean));
    let sizes: Vec<f64> = [0.0, 0.5, 1.0]
        .map(|s| spoilt(Kind::Hole, s).1.measure)
        .to_vec();
    assert!(sizes[0] < sizes[1] && sizes[1] < sizes[2], "{sizes:?}");

    let (open, it) = spoilt(Kind::OpenBoundary, 0.6);
    let [low, high] = it.bounds.expect("bounds");
    let middle = Vec3::from([0, 1, 2].map(|k| ((low[k] + high[k]) / 2.0) as f32));
    let covered = |scene: &Scene| {
        let pieces = scene.pieces_at(0);
        pieces
            .iter()
            .any(|p| inside(p.shape, p.rotation.inverse() * (middle - p.centre)))
    };
    assert!(covered(&clean) && !covered(&open));
    let sky = |scene: &Scene| {
        render(scene, Want::TAKE)[12]
            .objects()
            .filter(|o| *o == 0)
            .count()
    };
    assert!(sky(&clean) == 0 && sky(&open) > 30);

    let (wall, _) = spoilt(Kind::InvisibleWall, 0.6);
    let seen = |scene: &Scene| {
        render(
            scene,
            Want {
                pixels: true,
                seen: true,
                ..Want::default()
            },
        )[12]
            .clone()
    };
    let (a, b) = (seen(&clean), seen(&wall));
    assert!(
        a.depth == b.depth && a.rgba != b.rgba,
        "it is seen, and seen through"
    );

    for severity in [0.2, 1.0] {
        let (vanish, it) = spoilt(Kind::Vanish, severity);
        let there = |f: usize| {
            vanish
                .pieces_at(f)
                .iter()
                .any(|p| p.object == it.objects[0] && p.there)
        };
        for f in 0..24 {
            assert_eq!(
                there(f),
                !(it.frames[0]..it.frames[1]).contains(&f),
                "frame {f} of {it:?}"
            );
        }
    }
    let (moved, it) = spoilt(Kind::Move, 0.7);
    let spot = |f: usize| {
        let pieces = moved.pieces_at(f);
        let piece = pieces
            .iter()
            .find(|p| p.object == it.objects[0])
            .expect("it");
        piece.centre
    };
    let far = spot(it.frames[0]).distance(spot(it.frames[0] - 1));
    assert!(
        (f64::from(far) - it.measure).abs() < 1e-4,
        "{far} {}",
        it.measure
    );

    let (teleport, it) = spoilt(Kind::Teleport, 0.8);
    let step = |scene: &Scene, f: usize| place(scene, f).distance(place(scene, f - 1));
    let at = it.frames[0];
    assert!(
        step(&teleport, at) > 0.8
            && step(&teleport, at - 1) < 0.15
            && step(&teleport, at + 1) < 0.15
    );
    let (dart, it) = spoilt(Kind::Acceleration, 0.8);
    let at = it.frames[0];
    assert!(step(&dart, at + 1) > 3.0 * step(&dart, at - 1));
    assert!(
        (at..it.frames[1]).any(|f| step(&dart, f) < 1e-6),
        "a dead stop"
    );
    assert!(step(&dart, 23) < 0.15, "and on as before");
    for (kind, sign) in [(Kind::Float, 1.0), (Kind::Sink, -1.0)] {
        let (scene, it) = spoilt(kind, 0.5);
        let off = |f: usize| place(&scene, f).y;
        let at = it.frames[0];
        assert_eq!((off(at - 1), off(at)), (0.0, sign * it.measure));
        let lowest = |f: usize| {
            let pieces = scene.pieces_at(f);
            let mine = pieces.iter().filter(|p| p.object == it.objects[0]);
            mine.map(|p| p.bounds().0.y).fold(f32::INFINITY, f32::min)
        };
        assert!(
            (f64::from(lowest(at)) - sign * it.measure).abs() < 0.04,
            "{}",
            lowest(at)
        );
    }
    let (drift, it) = spoilt(Kind::IdentityDrift, 1.0);
    let girth = |scene: &Scene, f: usize| {
        let pieces = scene.pieces_at(f);
        let mine = pieces.iter().filter(|p| p.object == it.objects[0]);
        mine.map(|p| p.bounds().1.x - p.bounds().0.x)
            .fold(0.0, f32::max)
    };
    assert_eq!(girth(&drift, 0), girth(&clean, 0));
    assert!(girth(&drift, 23) > 1.2 * girth(&clean, 23));
    let (morph, it) = spoilt(Kind::Morph, 1.0);
    let shape = |f: usize| {
        let pieces = morph.pieces_at(f);
        pieces
            .iter()
            .find(|p| p.object == it.objects[0])
            .expect("it")
            .shape
    };
    assert!(shape(it.frames[0]) == shape(0) && shape(22) != shape(0) && shape(23) != shape(22));
    assert_eq!(CLIP.frames, 24);
}
