//! NumPy's `.npy` files, format 1.0, C order: as much of them as this program leaves for itself and for people's scripts.

use std::path::Path;

const MAGIC: &[u8; 8] = b"\x93NUMPY\x01\x00";

/// Writes an array; `descr` is its type as NumPy has it, such as `<f2`, and `body` its values in C order.
///
/// # Errors
/// In words.
pub fn write(path: &Path, descr: &str, shape: &[usize], body: &[u8]) -> Result<(), String> {
    let shape: Vec<String> = shape.iter().map(usize::to_string).collect();
    let mut header = format!(
        "{{'descr': '{descr}', 'fortran_order': False, 'shape': ({}), }}",
        shape.join(", ")
    );
    while !(MAGIC.len() + 2 + header.len() + 1).is_multiple_of(64) {
        header.push(' ');
    }
    header.push('\n');
    let mut bytes = MAGIC.to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend(body);
    std::fs::write(path, bytes).map_err(|e| e.to_string())
}

/// An array of three dimensions as [`write()`] leaves it, of values of `bytes` bytes and the type `descr`: its shape and its
/// values.
///
/// # Errors
/// In words, for a file that is missing, cut short or of another type.
pub fn read(path: &Path, descr: &str, bytes: usize) -> Result<([usize; 3], Vec<u8>), String> {
    let mut file = std::fs::read(path).map_err(|e| e.to_string())?;
    let foreign = || {
        format!(
            "not a file of this program (a .npy array of {descr} in C order); delete it, and start the run again to have it made"
        )
    };
    let length = file.get(8..10).ok_or_else(foreign)?;
    let start = 10 + usize::from(u16::from_le_bytes([length[0], length[1]]));
    let header = file.get(10..start).ok_or_else(foreign)?;
    let header = std::str::from_utf8(header).map_err(|_| foreign())?;
    let shape: Vec<usize> = header
        .split_once("'shape': (")
        .and_then(|(_, rest)| rest.split_once(')'))
        .map(|(shape, _)| {
            let each = shape.split(',').map(str::trim);
            each.filter_map(|n| n.parse().ok()).collect()
        })
        .unwrap_or_default();
    let own = file.starts_with(MAGIC)
        && header.contains(&format!("'{descr}'"))
        && header.contains("'fortran_order': False");
    let (true, Ok(shape)) = (own, <[usize; 3]>::try_from(shape)) else {
        return Err(foreign());
    };
    let size = shape.iter().try_fold(bytes, |n, &side| n.checked_mul(side));
    if size != Some(file.len() - start) {
        return Err("truncated; delete it, and start the run again to have it made".to_owned());
    }
    Ok((shape, file.split_off(start)))
}
