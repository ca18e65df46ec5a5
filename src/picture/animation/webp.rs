//! Animated WebP: a RIFF of frames, each a picture in one or two chunks.

use std::io::{Read, Result, Seek, SeekFrom};

use super::{Dispose, Part, Parts};

/// Bytes of EXIF that are looked at.
const MOST_EXIF: u64 = 1 << 20;

/// Name and length of a chunk; `None` at the end of the file.
fn chunk(file: &mut impl Read) -> Result<Option<([u8; 4], u64)>> {
    let mut head = Vec::with_capacity(8);
    file.by_ref().take(8).read_to_end(&mut head)?;
    Ok(head
        .first_chunk::<8>()
        .map(|&[a, b, c, d, size @ ..]| ([a, b, c, d], u64::from(u32::from_le_bytes(size)))))
}

/// Whether a WebP says that it is an animation, and has more than one frame.
pub fn moves(file: &mut (impl Read + Seek)) -> Result<bool> {
    file.seek(SeekFrom::Start(12))?;
    let mut frames = 0;
    let mut first = true;
    while let Some((name, length)) = chunk(file)? {
        let mut passed = 0;
        if std::mem::take(&mut first) {
            let mut flags = [0; 1];
            if &name != b"VP8X" || length == 0 {
                return Ok(false);
            }
            file.read_exact(&mut flags)?;
            passed = 1;
            if flags[0] & 2 == 0 {
                return Ok(false);
            }
        }
        frames += u32::from(&name == b"ANMF");
        if frames > 1 {
            return Ok(true);
        }
        file.seek_relative((length + length % 2) as i64 - passed)?;
    }
    Ok(false)
}

/// Walks over all chunks. A frame that the file's end cuts off ends the walk.
pub(super) fn walk(file: &mut (impl Read + Seek)) -> Result<Parts> {
    let end = file.seek(SeekFrom::End(0))?;
    file.seek(SeekFrom::Start(4))?;
    let mut riff = [0; 4];
    file.read_exact(&mut riff)?;
    let claimed = 8 + u64::from(u32::from_le_bytes(riff));
    let mut parts = Parts {
        // Some writers forget the byte that pads the last chunk.
        cut: claimed > end + 1,
        ..Parts::default()
    };
    let mut at = 12;
    file.seek(SeekFrom::Start(at))?;
    while let Some((name, length)) = chunk(file)? {
        let data = at + 8;
        if data + length > end {
            parts.cut = true;
            break;
        }
        match &name {
            b"VP8X" => {
                let body = body(file, length.min(10))?;
                if let [_, _, _, _, w @ .., _, _, _] = &body[..]
                    && let (Some(w), Some(h)) = (three(w, 0), three(&body, 7))
                {
                    parts.size = [w + 1, h + 1];
                }
            }
            b"EXIF" => parts.exif = body(file, length.min(MOST_EXIF))?,
            b"ANMF" => {
                let head = body(file, length.min(16))?;
                parts.frames.extend(frame(&head, data + 16, length));
            }
            _ => {}
        }
        at = data + length + length % 2;
        file.seek(SeekFrom::Start(at))?;
    }
    Ok(parts)
}

fn body(file: &mut impl Read, length: u64) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.take(length).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Three bytes at `at`, the low one first.
fn three(bytes: &[u8], at: usize) -> Option<u32> {
    let &[a, b, c] = bytes.get(at..)?.first_chunk()?;
    Some(u32::from_le_bytes([a, b, c, 0]))
}

/// A frame's header: left and top in twos, sides less one, milliseconds, and bits for blend and dispose.
fn frame(head: &[u8], data: u64, length: u64) -> Option<Part> {
    let bits = *head.get(15)?;
    Some(Part {
        rect: [
            2 * three(head, 0)?,
            2 * three(head, 3)?,
            three(head, 6)? + 1,
            three(head, 9)? + 1,
        ],
        delay: f64::from(three(head, 12)?),
        dispose: match bits & 1 {
            1 => Dispose::Clear,
            _ => Dispose::Keep,
        },
        over: bits & 2 == 0,
        data: vec![(data, length - 16)],
    })
}

/// A frame as a WebP of its own: its chunks behind a header that lets alpha be a chunk.
pub(super) fn still(part: &Part, chunks: &[Vec<u8>]) -> Vec<u8> {
    let data = chunks.concat();
    let alpha = data.starts_with(b"ALPH");
    let mut bytes = b"RIFF\0\0\0\0WEBP".to_vec();
    if alpha {
        let [_, _, w, h] = part.rect;
        bytes.extend(b"VP8X\x0a\0\0\0\x10\0\0\0");
        bytes.extend(&(w - 1).to_le_bytes()[..3]);
        bytes.extend(&(h - 1).to_le_bytes()[..3]);
    }
    bytes.extend(&data);
    bytes.resize(bytes.len() + data.len() % 2, 0);
    let length = (bytes.len() - 8) as u32;
    bytes[4..8].copy_from_slice(&length.to_le_bytes());
    bytes
}
