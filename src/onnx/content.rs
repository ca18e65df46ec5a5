//! Files that are no ONNX, named by their content: what people take for a network, with the mend for each.

use std::borrow::Cow;

/// The first bytes that are looked at as text.
const HEAD: usize = 4096;

/// Formats by their bytes at a place.
const MAGIC: &[(usize, &[u8], &str)] = &[
    (
        4,
        b"ORTM",
        "an ONNX Runtime file (.ort): take the .onnx file that it was made from",
    ),
    (
        4,
        b"TFL3",
        "a TensorFlow Lite network: convert it with tf2onnx",
    ),
    (
        0,
        b"\x89HDF\r\n\x1a\n",
        "an HDF5 file, such as Keras weights: export it to ONNX with tf2onnx",
    ),
    (
        0,
        b"\x93NUMPY",
        "a NumPy array: weights alone are no network",
    ),
    (
        0,
        b"GGUF",
        "a GGUF file: weights alone are no network; take the ONNX export",
    ),
    (
        0,
        b"ftrt",
        "a TensorRT engine, which holds for one GPU: take the ONNX file that it was built from",
    ),
    (
        0,
        b"ptrt",
        "a TensorRT engine, which holds for one GPU: take the ONNX file that it was built from",
    ),
    (
        0,
        b"RKNN",
        "a Rockchip network: take the ONNX file that it was made from",
    ),
    (0, b"\x1f\x8b", "a gzip archive: unpack it first"),
    (
        0,
        b"\x28\xb5\x2f\xfd",
        "a Zstandard archive: unpack it first",
    ),
    (0, b"\xfd7zXZ\0", "an xz archive: unpack it first"),
    (0, b"BZh", "a bzip2 archive: unpack it first"),
    (0, b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive: unpack it first"),
    (0, b"Rar!", "a RAR archive: unpack it first"),
    (257, b"ustar", "a tar archive: unpack it first"),
    (0, b"\x89PNG", "a PNG picture, not a network"),
    (0, b"\xff\xd8\xff", "a JPEG picture, not a network"),
    (4, b"ftyp", "a video, not a network"),
    (0, b"%PDF", "a PDF document, not a network"),
];

/// Parts of a zip archive's file names that tell what it is.
const ZIPPED: &[(&[u8], &str)] = &[
    (
        b"data.pkl",
        "PyTorch weights (.pth, .pt): export the network with torch.onnx.export",
    ),
    (
        b"constants.pkl",
        "a TorchScript network: export it with torch.onnx.export",
    ),
    (
        b".mlmodel",
        "a zipped Core ML network: take the ONNX export",
    ),
    (
        b"Manifest.json",
        "a zipped Core ML network: take the ONNX export",
    ),
    (
        b"saved_model.pb",
        "a zipped TensorFlow network: convert it with tf2onnx",
    ),
    (
        b"model.weights.h5",
        "a Keras network: export it to ONNX with tf2onnx",
    ),
    (b".npy", "a NumPy archive: weights alone are no network"),
    (
        b".onnx",
        "a zip archive that holds an .onnx file: unpack it first",
    ),
];

/// What the bytes are, and the mend, where they are known for something else than ONNX.
pub(crate) fn foreign(bytes: &[u8]) -> Option<Cow<'static, str>> {
    if bytes.is_empty() {
        return Some("an empty file: fetch it again".into());
    }
    let head = &bytes[..bytes.len().min(HEAD)];
    if head.len() >= 16 && head.iter().all(|&b| b == 0) {
        return Some("zeros, as a broken download leaves them: fetch it again".into());
    }
    if head.starts_with(b"PK\x03\x04") || head.starts_with(b"PK\x05\x06") {
        let found = ZIPPED.iter().find(|(part, _)| holds(head, part));
        return Some(
            found
                .map_or("a zip archive: unpack it first", |f| f.1)
                .into(),
        );
    }
    let magic = |&&(at, magic, _): &&(usize, &[u8], &str)| {
        bytes.get(at..at + magic.len()).is_some_and(|b| b == magic)
    };
    if let Some((.., what)) = MAGIC.iter().find(magic) {
        return Some((*what).into());
    }
    if is_pickle(head) {
        return Some(
            "a Python pickle, such as PyTorch weights (.pth): export the network with torch.onnx.export".into(),
        );
    }
    if is_safetensors(head) {
        return Some(
            "a safetensors file: weights alone are no network; export it with torch.onnx.export"
                .into(),
        );
    }
    text(head).or_else(|| protobuf(bytes))
}

fn holds(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|w| w == part)
}

/// Protocol 2 or later: opcode, version, and then one of the opcodes that a pickle starts with.
fn is_pickle(head: &[u8]) -> bool {
    matches!(
        head,
        [
            0x80,
            2..=5,
            b'}' | b'(' | b'c' | b'q' | b']' | 0x8a | 0x95,
            ..
        ]
    )
}

/// The length of a JSON header in eight bytes, and the header.
fn is_safetensors(head: &[u8]) -> bool {
    head.first_chunk().is_some_and(|&length| {
        u64::from_le_bytes(length) < 1 << 32
            && matches!(head[8..], [b'{', b'"' | b' ' | b'}' | b'\n', ..])
    })
}

/// Text files: pointers, pages of a browser, other formats' descriptions.
fn text(head: &[u8]) -> Option<Cow<'static, str>> {
    let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
    let utf16 = head.starts_with(b"\xff\xfe") || head.starts_with(b"\xfe\xff");
    if utf16 {
        return Some("a text file (UTF-16), not a network".into());
    }
    // A character may be cut at the end.
    let text = match std::str::from_utf8(head) {
        Ok(text) => text,
        Err(error) if error.error_len().is_none() => {
            std::str::from_utf8(&head[..error.valid_up_to()]).ok()?
        }
        Err(_) => return None,
    };
    if text
        .chars()
        .any(|c| c.is_control() && !c.is_ascii_whitespace())
    {
        return None;
    }
    let text = text.trim_start();
    let lower = text.to_ascii_lowercase();
    let first = text.lines().next().unwrap_or_default().trim();
    let starts = |prefix: &str| lower.starts_with(prefix);
    Some(if starts("version ") && first.contains("git-lfs") {
        let size = text.lines().find_map(|l| l.trim().strip_prefix("size "));
        let size = size.map_or_else(String::new, |s| format!(" of {} bytes", s.trim()));
        format!("a Git LFS pointer, not the network{size} that it stands for: fetch that with `git lfs pull`")
            .into()
    } else if lower.contains("/annex/objects/") && text.lines().count() <= 3 {
        "a git-annex pointer, not the network that it stands for: fetch that with `git annex get`"
            .into()
    } else if starts("<!doctype html") || starts("<html") || starts("<head") {
        let title = tag(text, &lower, "title");
        let title = title.map_or_else(String::new, |t| format!(" ('{t}')"));
        format!(
            "a web page{title}, as a browser or curl saves it in place of the file: fetch the file itself"
        )
        .into()
    } else if starts("<?xml") || starts("<net") {
        if lower.contains("<net") {
            "an OpenVINO network: take the ONNX file that it was made from".into()
        } else {
            "an XML file, as servers answer errors with: fetch it again".into()
        }
    } else if starts("7767517") {
        "an ncnn network: take the ONNX file that it was made from".into()
    } else if starts("ir_version") || (starts("<") && lower.contains("ir_version")) {
        "an ONNX network written as text: save it in the binary form".into()
    } else {
        let quoted: String = first.chars().take(60).collect();
        format!("text, which begins with '{quoted}': fetch it again").into()
    })
}

/// The content of the first `<name>` of a page, shortened.
fn tag(text: &str, lower: &str, name: &str) -> Option<String> {
    let from = lower.find(&format!("<{name}"))?;
    let from = from + lower[from..].find('>')? + 1;
    let to = from + lower[from..].find('<')?;
    let words: Vec<&str> = text.get(from..to)?.split_whitespace().collect();
    let title: String = words.join(" ").chars().take(60).collect();
    (!title.is_empty()).then_some(title)
}

/// Other networks that are protobuf messages too.
fn protobuf(bytes: &[u8]) -> Option<Cow<'static, str>> {
    let head = &bytes[..bytes.len().min(1 << 16)];
    // A specification version, then a description; ONNX has the producer's name there, which has no fields in it.
    if matches!(head, [8, 1..=20, 0x12, ..])
        && (holds(head, b"coremltools") || holds(head, b"com.apple"))
    {
        return Some("a Core ML network: take the ONNX export".into());
    }
    if matches!(head, [8, 1, 0x12, ..]) && holds(head, b"serve") && holds(head, b"tensorflow") {
        return Some("a TensorFlow SavedModel: convert its folder with tf2onnx".into());
    }
    // A node whose first field is its name, and the second its operator.
    if let [0x0a, _, 0x0a, ..] | [0x0a, _, _, 0x0a, ..] = head
        && (holds(head, b"\x12\x0bPlaceholder") || holds(head, b"\x12\x05Const"))
    {
        return Some("a TensorFlow graph (.pb): convert it with tf2onnx".into());
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_other_kinds_are_named() {
        let zip = |name: &str| [b"PK\x03\x04\x14\0", name.as_bytes()].concat();
        let safe = [&40u64.to_le_bytes()[..], b"{\"w\":{\"dtype\":\"F32\"}}"].concat();
        let tar = {
            let mut bytes = vec![b'a'; 257];
            bytes[3] = 0;
            bytes.extend(b"ustar\0");
            bytes
        };
        let cases: &[(&[u8], &str)] = &[
            (b"", "empty"),
            (&[0; 64], "zeros"),
            (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 99\n", "`git lfs pull`"),
            (b"\xef\xbb\xbfversion https://git-lfs.github.com/spec/v1\r\noid sha256:00\r\nsize 99\r\n", "of 99 bytes"),
            (b"/annex/objects/SHA256E-s1--00.onnx\n", "git annex get"),
            (b"\n<!DOCTYPE html><html><head><title>Sign in\n here</title>", "'Sign in here'"),
            (b"<?xml version=\"1.0\"?>\n<net name=\"n\" version=\"11\">", "OpenVINO"),
            (b"<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code>", "XML"),
            (b"{\"error\":\"Repository not found\"}", "Repository not found"),
            (b"Entry not found", "'Entry not found'"),
            (b"ir_version: 8\nproducer_name: \"p\"", "written as text"),
            (&zip("archive/data.pkl"), "torch.onnx.export"),
            (&zip("depth.onnx"), "unpack"),
            (&zip("other.txt"), "zip archive"),
            (b"\x80\x02\x8a\nl\xfc\x9cF\xf9", "pickle"),
            (&safe, "safetensors"),
            (b"\x1c\0\0\0TFL3\0\0", "TensorFlow Lite"),
            (b"\x20\0\0\0ORTM\0\0", ".ort"),
            (b"\x89HDF\r\n\x1a\n", "HDF5"),
            (&tar, "tar archive"),
            (b"\x0a\x1e\x0a\x05image\x12\x0bPlaceholder*\x01", "TensorFlow graph"),
            (b"\x08\x07\x12\x20\x0a\x0ccoremltools", "Core ML"),
        ];
        for (bytes, word) in cases {
            let said = foreign(bytes).unwrap_or_default();
            assert!(said.contains(word), "'{word}' is not in '{said}'");
        }
        assert_eq!(
            foreign(&[8, 8, 18, 7, b'p', b'y', b't', b'o', b'r', b'c', b'h']),
            None
        );
        assert_eq!(foreign(&[0xd3, 0x91, 7, 200, 3, 1]), None);
    }
}
