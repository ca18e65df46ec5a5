//! `director run-agent` on meshes that could be taken for something else.

use sora_director::world::{Voxel, World};

use super::assets::{Folder, answer, notes, refusal, room, told};

/// A box as an .obj whose first corner is number `first`; inward or outward.
fn shell(l: [f64; 3], h: [f64; 3], first: usize, inward: bool) -> String {
    let corner = |i: usize| [0, 1, 2].map(|a| if i >> a & 1 == 1 { h[a] } else { l[a] });
    let mut text = String::new();
    for i in 0..8 {
        let [x, y, z] = corner(i);
        text += &format!("v {x} {y} {z}\n");
    }
    for mut side in [
        [0, 4, 6, 2],
        [1, 3, 7, 5],
        [0, 1, 5, 4],
        [2, 6, 7, 3],
        [0, 2, 3, 1],
        [4, 5, 7, 6],
    ] {
        if inward {
            side.reverse();
        }
        let [a, b, c, d] = side.map(|i| i + first);
        text += &format!("f {a} {b} {c} {d}\n");
    }
    text
}

#[test]
fn meshes_are_what_they_look_like() {
    let folder = Folder::new();
    let is =
        |v: &serde_json::Value, want: f64, by: f64| (v.as_f64().expect("number") - want).abs() < by;
    // Walls of a metre.
    let text = shell([0.0; 3], [4.0, 2.8, 3.0], 1, true)
        + &shell([-1.0, -0.3, -1.0], [5.0, 3.1, 4.0], 9, false);
    let made = answer(&folder.write("thick.obj", text), &[]);
    assert_eq!(made["violations"], serde_json::json!([]));
    assert!(
        is(&made["metrics"]["walkable_area"], 12.0, 1.0),
        "{:#}",
        made["metrics"]
    );
    assert!(is(&made["metrics"]["path_completion"], 1.0, 1e-6));
    assert!(
        notes(&made).contains("inside of closed surfaces (1 parts)"),
        "{}",
        notes(&made)
    );
    // A plane without anything on it has ends all around.
    let plane = "v 0 0 0\nv 0 0 4\nv 5 0 4\nv 5 0 0\nf 1 2 3 4\n";
    let made = answer(&folder.write("plane.obj", plane), &[]);
    assert_eq!(
        told(&made, "open_boundary").len(),
        1,
        "{:#}",
        made["violations"]
    );
    // Too low, and too wide an agent: no marks for what was not walked.
    let low = folder.write("low.obj", shell([0.0; 3], [4.0, 1.5, 3.0], 1, true));
    let sound = folder.write("sound.obj", room(0.0, false));
    for (asset, args, words) in [
        (&low, &[][..], "has 1.50 over it at most"),
        (&sound, &["--height", "50"], "no room anywhere"),
        (&sound, &["--radius", "50"], "wide enough for the agent"),
    ] {
        let made = answer(asset, args);
        assert!(made["metrics"].get("path_completion").is_none(), "{args:?}");
        assert!(notes(&made).contains(words), "{words}: {}", notes(&made));
    }
    // Far from the origin it is the same room.
    let far = shell([1e6, 0.0, -1e6], [1_000_004.0, 2.8, -999_997.0], 1, true);
    let made = answer(&folder.write("far.obj", far), &[]);
    assert!(is(&made["metrics"]["path_completion"], 1.0, 1e-6));
    assert!(
        notes(&made).contains("(1000002, 0, -999999)"),
        "{}",
        notes(&made)
    );
    let mut world = World::empty([1e6, 0.0, 0.0], 0.05, [8, 8, 8]);
    world.set([1, 1, 1], Voxel::Solid);
    let asset = folder.at("far.vox");
    world.save(&asset).expect("world");
    let said = refusal(&asset, &[]);
    assert!(
        said.contains("far.vox") && said.contains("too coarse"),
        "{said}"
    );
}
