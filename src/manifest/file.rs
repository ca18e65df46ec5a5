//! Reads a manifest file as text, and says in words what is no such file.

use std::io::Read as _;
use std::path::Path;

use super::fault::character;

/// Largest manifest in bytes.
const LARGEST: u64 = 1 << 30;

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

fn decode(mut bytes: Vec<u8>) -> Result<String, String> {
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
    if bytes.starts_with(b"PK\x03\x04") {
        return Err("is a spreadsheet or a zip archive; export it as CSV".to_owned());
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
        format!(
            "line {line}, column {}: byte 0x{:02x} is not UTF-8; save the file as UTF-8 (from Latin-1, such as with iconv -f latin1 -t utf8)",
            character(&before, before.len()),
            bytes[whole]
        )
    })
}
