//! Files that are something else than they are called, or something that is not read.

use std::path::Path;

use sora_director::splat::format::{load, write};

use super::files::unit_cloud;

fn fault(folder: &Path, name: &str, content: &[u8]) -> String {
    let path = folder.join(name);
    std::fs::write(&path, content).expect("write");
    let error = load(&path).expect_err(name).to_string();
    assert!(error.contains(name), "{error}");
    error
}

/// A zip archive's first entry.
fn zip(name: &str) -> Vec<u8> {
    let mut out = b"PK\x03\x04\x14\0\0\0\0\0\0\0\0\0".to_vec();
    out.resize(26, 0);
    out.extend((name.len() as u16).to_le_bytes());
    out.extend([0, 0]);
    out.extend(name.bytes());
    out.resize(out.len() + 100, 7);
    out
}

fn ksplat() -> Vec<u8> {
    let mut out = vec![0; 4096 + 1024 + 512];
    out[1] = 1;
    for (at, value) in [(4, 1u32), (8, 1), (12, 16), (16, 16)] {
        out[at..at + 4].copy_from_slice(&value.to_le_bytes());
    }
    out
}

#[test]
fn formats_that_are_not_read_are_named_by_content_under_any_name() {
    let folder = tempfile::tempdir().expect("folder");
    let named = [
        b"\x1F\x8B\x08\x08\0\0\0\0\0\x03world.ply\0".as_slice(),
        &[9; 44],
    ]
    .concat();
    let lfs = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n".to_vec();
    let meta = b"{\"version\":2,\"count\":5,\"means\":{\"mins\":[0,0,0]}}".to_vec();
    let utf16: Vec<u8> = "\u{feff}ply\nformat ascii 1.0\n"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    for (own, content, says, mend) in [
        ("a.ply.gz", named, "gzip", "gunzip"),
        ("a.usdz", zip("scene.usdc"), "USD", "export"),
        ("a.ckpt", zip("archive/data.pkl"), "PyTorch", "export"),
        ("a.zip", zip("point_cloud.ply"), "zip", "unpack"),
        ("a.ksplat", ksplat(), "ksplat", "splat-transform"),
        ("a.usda", b"#usda 1.0\n(\n)".to_vec(), "USD", "export"),
        ("a.usdc", b"PXR-USDC\0\0\0\0".to_vec(), "USD", "export"),
        ("a.laz", b"LASF\0\0".to_vec(), "point cloud", "export"),
        (
            "a.pcd",
            b"# .PCD v.7 - Point Cloud\n".to_vec(),
            "point cloud",
            "export",
        ),
        ("a.zst", b"\x28\xB5\x2F\xFD\0".to_vec(), "zstd", "unzstd"),
        ("meta.json", meta, "SOG", "splat-transform"),
        (
            "a.lcc",
            b"{\n \"version\": \"5.0\"}".to_vec(),
            "LCC",
            "splat-transform",
        ),
        ("lfs.ply", lfs, "Git LFS pointer", "git lfs pull"),
        (
            "page.ply",
            b"\n<!DOCTYPE html><html>".to_vec(),
            "web page",
            "download",
        ),
        ("utf16.ply", utf16, "UTF-16", "ASCII"),
    ] {
        let error = fault(folder.path(), own, &content);
        assert!(error.contains(says) && error.contains(mend), "{error}");
        for name in ["b.ply", "b.splat", "b.bin", "b"] {
            // An .lcc is known by its name only.
            if own == "a.lcc" {
                continue;
            }
            let error = fault(folder.path(), name, &content);
            assert!(error.contains(says) && error.contains(mend), "{error}");
        }
    }
}

#[test]
fn formats_that_are_not_read_are_named_by_extension() {
    let folder = tempfile::tempdir().expect("folder");
    for (name, says) in [
        ("a.spz", "not an SPZ file"),
        ("A.SPZ", "not an SPZ file"),
        ("a.sog", "not a SOG file"),
        ("a.ksplat", "ksplat"),
        ("a.lcc", "LCC"),
        ("a.usdz", "USD"),
        ("a.ckpt", "ns-export"),
        ("a.glb", "not a glTF binary"),
        ("a.txt", "use .ply, .splat, .spz, .sog or .glb"),
    ] {
        let error = fault(folder.path(), name, &[200; 40]);
        assert!(error.contains(says), "{error}");
    }
    let error = load(folder.path()).expect_err("a folder").to_string();
    assert!(error.contains("is a folder"), "{error}");
    assert!(fault(folder.path(), "raw.ply", &[1; 64]).contains(".splat"));
    assert!(fault(folder.path(), "empty.ply", &[]).contains("empty"));
}

#[test]
fn content_counts_before_the_name_and_that_is_told() {
    let folder = tempfile::tempdir().expect("folder");
    let at = |name: &str| folder.path().join(name);
    let splats = unit_cloud(9, 1);
    write(&at("a.ply"), &splats).expect("ply");
    write(&at("a.glb"), &splats).expect("glb");
    for name in ["a.splat", "a.glb.bak", "a", "a.spz", "a.glb.txt"] {
        std::fs::copy(at("a.ply"), at(name)).expect("copy");
        let file = load(&at(name)).expect(name);
        assert_eq!(file.splats, splats);
        assert!(file.notes[0].contains("is a PLY"), "{:?}", file.notes);
    }
    let file = load(&at("a.ply")).expect("ply");
    assert!(file.notes.is_empty() && file.unused.is_empty());
    for name in ["b.ply", "b.splat", "b"] {
        std::fs::copy(at("a.glb"), at(name)).expect("copy");
        let file = load(&at(name)).expect(name);
        assert_eq!(file.splats.len(), splats.len());
        assert!(
            file.notes[0].contains("is a glTF binary"),
            "{:?}",
            file.notes
        );
    }
    write(&at("b.Compressed.ply"), &splats).expect("packed");
    let packed = load(&at("b.Compressed.ply")).expect("packed");
    assert!(packed.format.contains("compressed"), "{}", packed.format);
    assert_eq!(packed.splats.len(), splats.len());
    assert!(packed.notes.is_empty() && packed.unused.is_empty());
    let error = write(&at("b.ksplat"), &splats)
        .expect_err("ksplat")
        .to_string();
    assert!(
        error.contains("use .ply, .compressed.ply, .splat, .spz, .sog, .glb or .usdz"),
        "{error}"
    );
}

#[test]
fn packed_files_are_known_by_their_content() {
    let folder = tempfile::tempdir().expect("folder");
    let at = |name: &str| folder.path().join(name);
    let splats = unit_cloud(40, 2);
    for (own, says) in [("a.spz", "is an SPZ file"), ("a.sog", "is a SOG file")] {
        write(&at(own), &splats).expect(own);
        let plain = load(&at(own)).expect(own);
        assert_eq!((plain.splats.len(), plain.splats.sh_degree), (40, 2));
        assert!(plain.notes.is_empty(), "{:?}", plain.notes);
        for name in ["b.ply", "b.splat", "b", "b.zip", "b.gz"] {
            std::fs::copy(at(own), at(name)).expect("copy");
            let file = load(&at(name)).expect(name);
            assert_eq!(file.splats, plain.splats);
            assert!(file.notes[0].contains(says), "{:?}", file.notes);
        }
        let bytes = std::fs::read(at(own)).expect("bytes");
        let error = fault(folder.path(), own, &bytes[..bytes.len() / 2]);
        assert!(error.contains(own), "{error}");
    }
    // As some pack them: the folder first.
    let mut packed = zip("scene/");
    packed.extend_from_slice(&std::fs::read(at("a.sog")).expect("bytes")[..60]);
    let error = fault(folder.path(), "c.sog", &packed);
    assert!(error.contains("zip archive cannot be read"), "{error}");
    write(&at("a.usdz"), &splats).expect("usdz");
    let error = load(&at("a.usdz")).expect_err("usdz").to_string();
    assert!(error.contains("USD package"), "{error}");
}
