//! Reads a manifest file as text, and says in words what is no such file.

use std::io::Read as _;
use std::path::Path;

use super::fault::character;

/// Largest manifest in bytes.
const LARGEST: u64 = 1 << 30;

/// What other files begin with, and what to do with them.
const OTHERS: [(&[u8], &str); 5] = [
    (
        b"PK\x03\x04",
        "a spreadsheet or a zip archive; export it as CSV",
    ),
    (
        b"\xD0\xCF\x11\xE0",
        "a spreadsheet of the old kind; export it as CSV",
    ),
    (b"PAR1", "a Parquet file; write it as CSV or JSON Lines"),
    (b"\x1F\x8B", "compressed; unpack it with gunzip"),
    (b"\x28\xB5\x2F\xFD", "compressed; unpack it with zstd -d"),
];

/// The file's text without its byte order mark.
///
/// # Errors
/// In words, with the mend: what is missing, no regular file, too large, or not UTF-8.
pub(super) fn text(path: &Path) -> Result<String, String> {
    // Asked before the file is opened: opening a pipe waits for its writer.
    let found = std::fs::metadata(path).map_err(|e| match e.kind() {
        std::io::ErrorKind::PermissionDenied => {
            format!("{e}; give yourself the right to read it")
        }
        _ => format!("{e}; check the path"),
    })?;
    if found.is_dir() {
        return Err("is a folder; give a .csv, .jsonl or .toml file".to_owned());
    }
    if !found.is_file() {
        return Err("is a pipe or a device; write the rows to a file and give that".to_owned());
    }
    let too_large = || {
        format!(
            "is over {} GiB; split it into several manifests",
            LARGEST >> 30
        )
    };
    if found.len() > LARGEST {
        return Err(too_large());
    }
    let mut bytes = Vec::with_capacity(found.len() as usize);
    std::fs::File::open(path)
        .and_then(|file| file.take(LARGEST + 1).read_to_end(&mut bytes))
        .map_err(|e| match e.kind() {
            std::io::ErrorKind::PermissionDenied => {
                format!("{e}; give yourself the right to read it")
            }
            _ => format!("{e}; see that the disk is well, and copy the file if need be"),
        })?;
    if bytes.len() as u64 > LARGEST {
        return Err(too_large());
    }
    decode(bytes)
}

/// The text without its byte order mark.
///
/// # Errors
/// In words, with the mend: UTF-16, an archive, or not UTF-8.
pub(super) fn decode(mut bytes: Vec<u8>) -> Result<String, String> {
    if bytes.starts_with(&[0xEF, 0xBB, 0xBF]) {
        bytes.drain(..3);
    }
    let wide = match bytes.get(..4) {
        Some([0xFF, 0xFE, ..] | [0xFE, 0xFF, ..]) => true,
        // Without a mark, every other byte of plain letters is zero.
        Some(&[a, b, c, d]) => (a == 0 && c == 0) != (b == 0 && d == 0),
        _ => false,
    };
    if wide {
        return Err("is UTF-16; save it as UTF-8 (such as with iconv -f utf16 -t utf8)".to_owned());
    }
    let other = OTHERS.iter().find(|(head, _)| bytes.starts_with(head));
    if let Some((_, words)) = other {
        return Err(format!("is {words}"));
    }
    String::from_utf8(bytes).map_err(|error| {
        let whole = error.utf8_error().valid_up_to();
        let bytes = error.into_bytes();
        let line = bytes[..whole].iter().filter(|&&b| b == b'\n').count() + 1;
        let start = bytes[..whole]
            .iter()
            .rposition(|&b| b == b'\n')
            .map_or(0, |i| i + 1);
        let before = String::from_utf8_lossy(&bytes[start..whole]);
        // Windows has curly quotes and dashes where Latin-1 has control characters.
        let from = match bytes[whole..].iter().any(|b| (0x80..0xA0).contains(b)) {
            true => "from Windows' own, such as with iconv -f cp1252 -t utf8",
            false => "from Latin-1, such as with iconv -f latin1 -t utf8",
        };
        format!(
            "line {line}, column {}: byte 0x{:02x} is not UTF-8; save the file as UTF-8 ({from})",
            character(&before, before.len()),
            bytes[whole]
        )
    })
}
