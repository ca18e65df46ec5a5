//! What a file is, by its first bytes before its name.

use std::io::Read as _;
use std::path::Path;

use flate2::read::GzDecoder;

use super::splat::BYTES;

/// Formats that are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Ply,
    Splat,
    Glb,
    Spz,
    Sog,
}

const TRANSFORM: &str = "convert it to .ply first, such as with `splat-transform IN OUT.ply`";
const EXPORT: &str = "export Gaussian splats as .ply from the tool that made it";

/// Formats by extension that are not read: what they are, and the mend.
const NAMED: &[(&str, &str, &str)] = &[
    ("ksplat", "a ksplat file (GaussianSplats3D)", TRANSFORM),
    ("lcc", "an LCC file (XGRIDS)", TRANSFORM),
    ("lcc2", "an LCC file (XGRIDS)", TRANSFORM),
    ("spx", "an SPX file (Reall3D)", EXPORT),
    ("splatv", "a splatv file (moving splats)", EXPORT),
    ("rad", "a RAD file (Spark)", EXPORT),
    ("psht", "a Postshot project", EXPORT),
    ("usdz", "a USD package", EXPORT),
    ("usd", "a USD file", EXPORT),
    ("usda", "a USD file", EXPORT),
    ("usdc", "a USD file", EXPORT),
    ("gltf", "a glTF document", "pack it into one .glb"),
    (
        "ckpt",
        "a PyTorch checkpoint",
        "export a .ply, such as with `ns-export gaussian-splat`",
    ),
    ("pt", "a PyTorch checkpoint", EXPORT),
    ("pth", "a PyTorch checkpoint", EXPORT),
    ("npz", "a NumPy archive", EXPORT),
    ("las", "a LAS point cloud, no splats", EXPORT),
    ("laz", "a LAZ point cloud, no splats", EXPORT),
    ("e57", "an E57 point cloud, no splats", EXPORT),
    ("pcd", "a PCD point cloud, no splats", EXPORT),
    ("obj", "a mesh, no splats", EXPORT),
    ("stl", "a mesh, no splats", EXPORT),
    ("fbx", "a mesh, no splats", EXPORT),
    ("zip", "a zip archive", "unpack it and give the .ply in it"),
    ("gz", "packed by gzip", "unpack it first (`gunzip`)"),
    ("zst", "packed by zstd", "unpack it first (`unzstd`)"),
    ("json", "a JSON document", "give the .ply or .splat itself"),
];

/// What some first bytes mean.
struct Content {
    what: &'static str,
    mend: &'static str,
    /// Extensions that name the same thing, or more finely.
    names: &'static [&'static str],
}

/// The format of a file and, where its name says otherwise, a word about it.
///
/// # Errors
/// In words: what the file is in place of one that is read, and the mend.
pub(super) fn of(path: &Path, head: &[u8], length: u64) -> Result<(Kind, Option<String>), String> {
    let extension = super::extension(path);
    let shown = match extension.as_str() {
        "" => "has no extension".to_owned(),
        extension => format!("is called .{extension}"),
    };
    if is_ply(head) {
        let other = extension != "ply";
        let note = other.then(|| format!("the file {shown} and is a PLY: read as one"));
        return Ok((Kind::Ply, note));
    }
    if head.starts_with(b"glTF") {
        let other = extension != "glb";
        let note = other.then(|| format!("the file {shown} and is a glTF binary: read as one"));
        return Ok((Kind::Glb, note));
    }
    if is_spz(head, &extension) {
        let other = extension != "spz";
        let note = other.then(|| format!("the file {shown} and is an SPZ file: read as one"));
        return Ok((Kind::Spz, note));
    }
    if is_sog(head) || extension == "sog" && head.starts_with(b"PK\x03\x04") {
        let other = extension != "sog";
        let note = other.then(|| format!("the file {shown} and is a SOG file: read as one"));
        return Ok((Kind::Sog, note));
    }
    let named = NAMED.iter().find(|(name, ..)| *name == extension);
    let content = content(head);
    match (extension.as_str(), named, content) {
        (_, Some((_, what, mend)), None) => Err(format!("is {what}, which is not read; {mend}")),
        (name, Some((_, what, mend)), Some(content)) if content.names.contains(&name) => {
            Err(format!("is {what}, which is not read; {mend}"))
        }
        (_, _, Some(Content { what, mend, .. })) => {
            Err(format!("the file {shown} and is {what}, which is not read; {mend}"))
        }
        ("splat", _, _) => Ok((Kind::Splat, None)),
        ("glb", _, _) => Err("not a glTF binary: it does not begin with 'glTF'".into()),
        // Its reader says what is wrong.
        ("spz", _, _) => Ok((Kind::Spz, None)),
        ("sog", _, _) => Ok((Kind::Sog, None)),
        ("ply", _, _) if length == 0 => Err("not a PLY file: the file is empty".into()),
        ("ply", _, _) if length.is_multiple_of(BYTES as u64) => Err(
            "not a PLY file: it does not begin with 'ply'; if it is a .splat, which its length allows, call it so".into(),
        ),
        ("ply", _, _) => Err("not a PLY file: it does not begin with 'ply'".into()),
        _ => Err(super::NO_SPLATS.into()),
    }
}

/// `ply` as the first line, behind a byte order mark or not.
fn is_ply(head: &[u8]) -> bool {
    let head = head.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(head);
    head.starts_with(b"ply") && head.get(3).is_some_and(u8::is_ascii_whitespace)
}

/// `NGSP`, or a gzip stream that begins so. A gzip stream under the name of an SPZ file is left to its reader to judge.
fn is_spz(head: &[u8], extension: &str) -> bool {
    let gzip = head.starts_with(b"\x1F\x8B\x08");
    let mut first = [0; 4];
    head.starts_with(b"NGSP")
        || gzip
            && (extension == "spz"
                || GzDecoder::new(head).read_exact(&mut first).is_ok() && first == *b"NGSP")
}

/// The name of the first file of a zip archive, in small letters.
fn first_file(head: &[u8]) -> Option<String> {
    let length = match head {
        [b'P', b'K', 3, 4, ..] if head.len() >= 30 => {
            usize::from(u16::from_le_bytes([head[26], head[27]]))
        }
        _ => return None,
    };
    let name = head.get(30..30 + length).unwrap_or_default();
    Some(String::from_utf8_lossy(name).to_lowercase())
}

/// A zip archive of images and the document that tells what they mean.
fn is_sog(head: &[u8]) -> bool {
    let ends = |name: String| name.ends_with("meta.json") || name.ends_with(".webp");
    first_file(head).is_some_and(ends)
}

/// What the first bytes tell, where it is not a PLY.
fn content(head: &[u8]) -> Option<Content> {
    let is = |what, mend, names| Some(Content { what, mend, names });
    let text = head.trim_ascii_start();
    let starts = |magic: &[u8]| head.starts_with(magic);
    if starts(b"\x1F\x8B\x08") && head.get(3).is_some_and(|flags| flags & 0xE0 == 0) {
        is(
            "packed by gzip",
            "unpack it first (`gunzip`)",
            &["gz", "spx"],
        )
    } else if starts(b"PK\x03\x04") {
        archive(head)
    } else if starts(b"\x28\xB5\x2F\xFD") {
        is("packed by zstd", "unpack it first (`unzstd`)", &["zst"])
    } else if starts(b"PXR-USDC") || starts(b"#usda") {
        is("a USD file", EXPORT, &["usd", "usda", "usdc"])
    } else if is_ksplat(head) {
        is("a ksplat file (GaussianSplats3D)", TRANSFORM, &["ksplat"])
    } else if starts(b"LASF") {
        is("a LAS point cloud, no splats", EXPORT, &["las", "laz"])
    } else if starts(b"ASTM-E57") {
        is("an E57 point cloud, no splats", EXPORT, &["e57"])
    } else if starts(b"# .PCD") {
        is("a PCD point cloud, no splats", EXPORT, &["pcd"])
    } else if starts(b"version https://git-lfs") {
        is(
            "a Git LFS pointer",
            "fetch the file itself (`git lfs pull`)",
            &[],
        )
    } else if starts(b"\xFF\xFEp\0l\0y\0") || starts(b"\xFE\xFF\0p\0l\0y") {
        is("a PLY in UTF-16 text", "save it as ASCII or UTF-8", &[])
    } else if ["<!DOCTYPE", "<!doctype", "<html", "<?xml"]
        .iter()
        .any(|tag| text.starts_with(tag.as_bytes()))
    {
        is("a web page", "download the file itself", &[])
    } else if text.starts_with(b"{") && text.iter().all(|b| *b >= b' ' || b.is_ascii_whitespace()) {
        match text.windows(7).any(|w| w == b"\"means\"") {
            true => is(
                "the document of an unpacked SOG (PlayCanvas)",
                TRANSFORM,
                &[],
            ),
            false => is(
                "a JSON document",
                "give the .ply or .splat itself",
                &["json", "gltf", "lcc", "lcc2"],
            ),
        }
    } else {
        None
    }
}

/// A zip archive, by the name of its first file.
fn archive(head: &[u8]) -> Option<Content> {
    let name = first_file(head).unwrap_or_default();
    let ends = |ends: &[&str]| ends.iter().any(|end| name.ends_with(end));
    let (what, mend) = if ends(&[".usd", ".usda", ".usdc"]) {
        ("a USD package", EXPORT)
    } else if ends(&[".pkl"]) {
        ("a PyTorch checkpoint", EXPORT)
    } else if ends(&[".npy"]) {
        ("a NumPy archive", EXPORT)
    } else {
        ("a zip archive", "unpack it and give the .ply in it")
    };
    Some(Content {
        what,
        mend,
        names: &["usdz", "ckpt", "pt", "pth", "npz", "zip"],
    })
}

/// The header of a ksplat: version 0.1, then counts of sections and splats that fit together.
fn is_ksplat(head: &[u8]) -> bool {
    let word = |at: usize| {
        let bytes = head.get(at..at + 4).and_then(|b| b.try_into().ok());
        bytes.map_or(0, u32::from_le_bytes)
    };
    let [sections, filled, most, splats] = [4, 8, 12, 16].map(word);
    head.len() >= 4096
        && head.starts_with(&[0, 1, 0, 0])
        && (1..65_536).contains(&sections)
        && filled <= sections
        && splats <= most
}
