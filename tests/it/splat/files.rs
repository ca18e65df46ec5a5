//! Splat files and moves of a cloud.

use glam::{DMat3, DVec3};
use sora_director::camera::{Camera, Pose};
use sora_director::splat::format::{load, read, write};
use sora_director::splat::{Splats, render};

use super::{camera, cloud};
use crate::common::{Rng, assert_close, gpu};

/// A cloud whose rotations are of length 1, as files have them.
pub fn unit_cloud(n: usize, degree: u32) -> Splats {
    let mut splats = cloud(&mut Rng(3 + u64::from(degree)), n, degree);
    for q in &mut splats.rotations {
        let norm = q.iter().map(|v| v * v).sum::<f32>().sqrt();
        *q = q.map(|v| v / norm);
    }
    splats
}

#[test]
fn ply_keeps_everything() {
    let folder = tempfile::tempdir().expect("folder");
    for (n, degree) in [(0, 0), (1, 0), (37, 0), (1, 1), (37, 1), (5, 2), (37, 3)] {
        let path = folder.path().join("a.ply");
        let splats = unit_cloud(n, degree);
        write(&path, &splats).expect("write");
        assert_eq!(read(&path).expect("read"), splats);
        let size = std::fs::metadata(&path).expect("file").len() as usize;
        let stride = 4 * (14 + 3 * splats.coefficients());
        let header = size - n * stride;
        let text = std::fs::read(&path).expect("bytes");
        assert!(text[..header].ends_with(b"end_header\n"));
    }
}

#[test]
fn ply_harmonics_are_channel_major_and_degree_4_is_cut() {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("b.ply");
    let mut splats = unit_cloud(1, 1);
    splats.sh = (0..4)
        .map(|k| std::array::from_fn(|c| (10 * k + c) as f32))
        .collect();
    write(&path, &splats).expect("write");
    let bytes = std::fs::read(&path).expect("bytes");
    let body: Vec<f32> = bytes[bytes.len() - 26 * 4..]
        .chunks_exact(4)
        .map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]))
        .collect();
    assert_eq!(
        body[6..18],
        [0., 1., 2., 10., 20., 30., 11., 21., 31., 12., 22., 32.]
    );
    // What a tool that writes degree 4 would have: 24 a channel.
    let mut text = String::from(
        "ply\nformat binary_little_endian 1.0\ncomment by another tool\nelement vertex 1\n",
    );
    let mut values: Vec<f32> = Vec::new();
    let mut add = |name: String, value: f32| {
        text += &format!("property float {name}\n");
        values.push(value);
    };
    for (name, v) in ["x", "y", "z"].iter().zip(splats.positions[0]) {
        add((*name).into(), v);
    }
    for c in 0..3 {
        add(format!("f_dc_{c}"), splats.sh[0][c]);
    }
    for c in 0..3 {
        for k in 0..24 {
            add(
                format!("f_rest_{}", c * 24 + k),
                if k < 15 { (100 * c + k) as f32 } else { 9e9 },
            );
        }
    }
    add("opacity".into(), splats.opacity_logits[0]);
    for c in 0..3 {
        add(format!("scale_{c}"), splats.log_scales[0][c]);
    }
    for c in 0..4 {
        add(format!("rot_{c}"), 3.0 * splats.rotations[0][c]);
    }
    text += "end_header\n";
    let mut bytes = text.into_bytes();
    bytes.extend(values.iter().flat_map(|v| v.to_le_bytes()));
    std::fs::write(&path, bytes).expect("write");
    let back = read(&path).expect("read");
    assert_close(
        "rotation",
        &back.rotations[0],
        &splats.rotations[0],
        1e-6,
        0.0,
    );
    assert_eq!((back.sh_degree, back.sh[0]), (3, splats.sh[0]));
    for k in 0..15 {
        assert_eq!(back.sh[1 + k], [0, 1, 2].map(|c| (100 * c + k) as f32));
    }
    assert_eq!(back.positions, splats.positions);
}

#[test]
fn splat_keeps_what_its_bytes_can() {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("a.splat");
    let mut splats = unit_cloud(50, 1);
    splats
        .sh
        .iter_mut()
        .for_each(|c| *c = c.map(|v| v.clamp(-1.7, 1.7)));
    write(&path, &splats).expect("write");
    let back = read(&path).expect("read");
    assert_eq!(back.sh_degree, 0);
    assert_eq!(back.positions, splats.positions);
    for i in 0..50 {
        assert_close(
            "scale",
            &back.log_scales[i],
            &splats.log_scales[i],
            1e-5,
            0.0,
        );
        assert_close(
            "rotation",
            &back.rotations[i],
            &splats.rotations[i],
            1e-2,
            0.0,
        );
        assert_close("colour", &back.sh[i], &splats.sh[4 * i], 8e-3, 0.0);
        let sigmoid = |v: f32| 1.0 / (1.0 + (-v).exp());
        let (a, b) = (back.opacity_logits[i], splats.opacity_logits[i]);
        assert!((sigmoid(a) - sigmoid(b)).abs() < 4e-3);
    }
}

#[test]
fn glb_comes_back_where_its_node_puts_it() {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("a.glb");
    for (n, degree) in [(0, 0), (1, 0), (7, 1), (4, 2), (7, 3)] {
        let splats = unit_cloud(n, degree);
        write(&path, &splats).expect("write");
        let file = load(&path).expect("read");
        assert!(file.notes.is_empty(), "{:?}", file.notes);
        let back = file.splats;
        assert_eq!((&back.positions, &back.sh), (&splats.positions, &splats.sh));
        assert_close(
            "sizes",
            back.log_scales.as_flattened(),
            splats.log_scales.as_flattened(),
            1e-5,
            1e-5,
        );
        assert_close(
            "opacity",
            &back.opacity_logits,
            &splats.opacity_logits,
            1e-3,
            1e-3,
        );
        assert_close(
            "turns",
            back.rotations.as_flattened(),
            splats.rotations.as_flattened(),
            1e-5,
            0.0,
        );
    }
    // The node moves and doubles them; one that stretches them is refused, as is a packed cloud.
    let splats = unit_cloud(3, 0);
    write(&path, &splats).expect("write");
    let whole = std::fs::read(&path).expect("bytes");
    let with = |from: &str, to: &str| {
        // The document is padded with blanks, so that a longer text finds room where it drops others.
        let text = String::from_utf8_lossy(&whole[20..20 + length(&whole)]).into_owned();
        assert!(text.contains(from), "{text}");
        let mut text = text.trim_end().replacen(from, to, 1).into_bytes();
        text.resize(text.len().next_multiple_of(4), b' ');
        let rest = &whole[20 + length(&whole)..];
        let mut out = whole[..12].to_vec();
        out[8..12].copy_from_slice(&((20 + text.len() + rest.len()) as u32).to_le_bytes());
        out.extend((text.len() as u32).to_le_bytes());
        out.extend(b"JSON");
        out.extend(&text);
        out.extend(rest);
        std::fs::write(&path, out).expect("write");
        load(&path)
    };
    let moved = with(
        r#""name":"splats""#,
        r#""name":"splats","translation":[1,2,3],"scale":[2,2,2]"#,
    )
    .expect("moved")
    .splats;
    for (a, b) in moved.positions.iter().zip(&splats.positions) {
        assert_close(
            "place",
            a,
            &[1.0 + 2.0 * b[0], 2.0 + 2.0 * b[1], 3.0 + 2.0 * b[2]],
            1e-5,
            0.0,
        );
    }
    let grown = moved.log_scales[0][0] - splats.log_scales[0][0];
    assert!((grown - 2f32.ln()).abs() < 1e-5, "{grown}");
    for (from, to, says) in [
        (
            r#""name":"splats""#,
            r#""name":"splats","scale":[2,1,2]"#,
            "stretches",
        ),
        (
            r#""kernel":"ellipse""#,
            r#""kernel":"cone""#,
            "only 'ellipse'",
        ),
        (
            r#""kernel":"ellipse""#,
            r#""extensions":{"KHR_gaussian_splatting_compression_spz_2":{}}"#,
            "packed by KHR_gaussian_splatting_compression_spz_2",
        ),
        (
            r#""scene":0"#,
            r#""scene":0,"extensionsRequired":["KHR_gaussian_splatting","EXT_meshopt_compression"]"#,
            "needs the extension EXT_meshopt_compression",
        ),
        (
            ":OPACITY\"",
            ":OPACITE\"",
            "no KHR_gaussian_splatting:OPACITY",
        ),
        (
            r#"{"KHR_gaussian_splatting":"#,
            r#"{"KHR_other":"#,
            "neither",
        ),
    ] {
        let error = with(from, to).expect_err(says).to_string();
        assert!(error.contains(says) && error.contains("a.glb"), "{error}");
    }
    std::fs::write(&path, &whole[..whole.len() - 9]).expect("write");
    let error = load(&path).expect_err("cut").to_string();
    assert!(error.contains("cut short"), "{error}");
}

/// Bytes of a .glb's document.
fn length(bytes: &[u8]) -> usize {
    u32::from_le_bytes([bytes[12], bytes[13], bytes[14], bytes[15]]) as usize
}

#[test]
fn glb_holds_the_attributes_of_the_extension() {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("a.glb");
    for (n, degree) in [(0, 0), (1, 0), (5, 1), (5, 3)] {
        let splats = unit_cloud(n, degree);
        write(&path, &splats).expect("write");
        let bytes = std::fs::read(&path).expect("bytes");
        let word = |at: usize| {
            u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]) as usize
        };
        assert_eq!(
            (&bytes[..4], word(4), word(8)),
            (&b"glTF"[..], 2, bytes.len())
        );
        let json: serde_json::Value =
            serde_json::from_slice(&bytes[20..20 + word(12)]).expect("json");
        if n == 0 {
            assert!(json.get("meshes").is_none());
            continue;
        }
        let binary = &bytes[28 + word(12)..];
        assert_eq!(word(20 + word(12)), binary.len());
        let primitive = &json["meshes"][0]["primitives"][0];
        assert_eq!(primitive["mode"], 0);
        let extension = &primitive["extensions"]["KHR_gaussian_splatting"];
        assert_eq!(extension["kernel"], "ellipse");
        assert_eq!(extension["colorSpace"], "srgb_rec709_display");
        assert_eq!(json["extensionsUsed"][0], "KHR_gaussian_splatting");
        let floats = |name: &str| -> Vec<f32> {
            let accessor =
                &json["accessors"][primitive["attributes"][name].as_u64().expect(name) as usize];
            assert_eq!(
                (
                    accessor["count"].as_u64(),
                    accessor["componentType"].as_u64()
                ),
                (Some(n as u64), Some(5126))
            );
            let view =
                &json["bufferViews"][accessor["bufferView"].as_u64().expect("view") as usize];
            let at = view["byteOffset"].as_u64().expect("offset") as usize;
            let length = view["byteLength"].as_u64().expect("length") as usize;
            binary[at..at + length]
                .chunks_exact(4)
                .map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]))
                .collect()
        };
        assert_eq!(floats("POSITION"), splats.positions.as_flattened());
        let q = floats("KHR_gaussian_splatting:ROTATION");
        let [w, x, y, z] = splats.rotations[0];
        assert_eq!(q[..4], [x, y, z, w]);
        let scale: Vec<f32> = splats
            .log_scales
            .as_flattened()
            .iter()
            .map(|s| s.exp())
            .collect();
        assert_eq!(floats("KHR_gaussian_splatting:SCALE"), scale);
        let o = floats("KHR_gaussian_splatting:OPACITY")[0];
        assert_close(
            "opacity",
            &[(o / (1.0 - o)).ln()],
            &splats.opacity_logits[..1],
            1e-3,
            0.0,
        );
        assert_eq!(
            floats("KHR_gaussian_splatting:SH_DEGREE_0_COEF_0")[..3],
            splats.sh[0]
        );
        for (d, at) in [(1, 2), (2, 0), (3, 6)] {
            if degree >= d {
                assert_eq!(
                    floats(&format!("KHR_gaussian_splatting:SH_DEGREE_{d}_COEF_{at}"))[..3],
                    splats.sh[(d * d) as usize + at]
                );
            }
        }
    }
}

#[test]
fn faulty_files_are_told_by_name() {
    let folder = tempfile::tempdir().expect("folder");
    let good = folder.path().join("good.ply");
    write(&good, &unit_cloud(4, 1)).expect("write");
    let bytes = std::fs::read(&good).expect("bytes");
    let mesh = b"ply\nformat ascii 1.0\nelement vertex 1\nproperty float x\nproperty float y\nproperty float z\nelement face 1\nproperty list uchar int vertex_indices\nend_header\n0 0 0\n1 0\n".to_vec();
    let points = b"ply\nformat binary_little_endian 1.0\nelement vertex 0\nproperty float x\nproperty float y\nproperty float z\nend_header\n".to_vec();
    for (name, content, says) in [
        ("cut.ply", bytes[..bytes.len() - 5].to_vec(), "cut short"),
        ("head.ply", bytes[..60].to_vec(), "cut short"),
        ("none.ply", Vec::new(), "not a PLY"),
        ("mesh.ply", mesh, "a mesh"),
        ("points.ply", points, "f_dc_0"),
        ("odd.splat", vec![0; 33], "32-byte"),
        ("nan.splat", vec![255; 32], "not a .splat"),
        ("a.glb", vec![0; 40], "not a glTF binary"),
        ("a.txt", vec![0; 40], "use .ply"),
    ] {
        let path = folder.path().join(name);
        std::fs::write(&path, content).expect("write");
        let error = read(&path).expect_err(name).to_string();
        assert!(error.contains(says) && error.contains(name), "{error}");
    }
    let error = read(&folder.path().join("gone.ply"))
        .expect_err("gone")
        .to_string();
    assert!(error.contains("gone.ply"), "{error}");
    let error = write(&folder.path().join("a.obj"), &unit_cloud(1, 0)).expect_err("obj");
    assert!(error.to_string().contains("a.obj"), "{error}");
}

#[test]
fn a_moved_cloud_looks_the_same_from_a_moved_camera() {
    let gpu = gpu();
    let splats = cloud(&mut Rng(9), 300, 3);
    let cam = camera(DVec3::new(0.4, 0.7, 2.5), 48, 40);
    let before = render(&gpu, &splats, &cam, [0.1, 0.2, 0.3]).expect("render");
    let (rotation, translation, scale) = (
        DMat3::from_axis_angle(DVec3::new(0.6, 0.0, 0.8), 1.9),
        DVec3::new(1.0, -2.0, 0.5),
        1.7,
    );
    let mut moved = splats.clone();
    moved.transform(rotation, translation, scale);
    let cam = Camera {
        pose: Pose {
            rotation: rotation * cam.pose.rotation,
            position: scale * (rotation * cam.pose.position) + translation,
        },
        ..cam
    };
    let after = render(&gpu, &moved, &cam, [0.1, 0.2, 0.3]).expect("render");
    let off = before
        .rgba
        .iter()
        .zip(&after.rgba)
        .filter(|(a, b)| (0..3).any(|c| (*a >> (8 * c) & 255).abs_diff(*b >> (8 * c) & 255) > 1))
        .count();
    assert!(off * 100 <= before.rgba.len(), "{off} pixels differ");
    let scaled: Vec<f32> = before.depth.iter().map(|d| d * 1.7).collect();
    let mut errors: Vec<f32> = after
        .depth
        .iter()
        .zip(&scaled)
        .map(|(a, b)| (a - b).abs())
        .collect();
    errors.sort_by(f32::total_cmp);
    assert!(errors[errors.len() * 95 / 100] < 1e-3);
}
