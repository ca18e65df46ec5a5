//! APNG: chunks of a PNG in which later frames hide from readers of stills.

use std::io::{Read, Result, Seek, SeekFrom};

use super::{Dispose, Part, Parts};

const SIGNATURE: &[u8; 8] = b"\x89PNG\r\n\x1a\n";

/// Bytes of the longest chunk that every frame's file repeats.
const MOST_SHARED: u64 = 1 << 20;

/// Chunks before the pixels that say what they mean.
const SHARED: [&[u8; 4]; 6] = [b"PLTE", b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"sBIT"];

/// Length and name of a chunk; `None` at the end of the file.
fn chunk(file: &mut impl Read) -> Result<Option<(u64, [u8; 4])>> {
    let mut head = Vec::with_capacity(8);
    file.by_ref().take(8).read_to_end(&mut head)?;
    Ok(head
        .first_chunk::<8>()
        .map(|&[a, b, c, d, name @ ..]| (u64::from(u32::from_be_bytes([a, b, c, d])), name)))
}

/// Whether a PNG says before its pixels that it has several frames.
pub fn moves(file: &mut (impl Read + Seek)) -> Result<bool> {
    file.seek(SeekFrom::Start(8))?;
    while let Some((length, name)) = chunk(file)? {
        match &name {
            b"acTL" if length >= 4 => {
                let mut frames = [0; 4];
                file.read_exact(&mut frames)?;
                return Ok(u32::from_be_bytes(frames) > 1);
            }
            b"IDAT" | b"IEND" => break,
            _ => file.seek_relative(length as i64 + 4)?,
        }
    }
    Ok(false)
}

/// Walks over all chunks. A chunk that the file's end cuts off ends the walk.
pub(super) fn walk(file: &mut (impl Read + Seek)) -> Result<Parts> {
    let end = file.seek(SeekFrom::End(0))?;
    file.seek(SeekFrom::Start(8))?;
    let mut parts = Parts {
        cut: true,
        ..Parts::default()
    };
    // The frame under way, from its control to the next.
    let mut open: Option<Part> = None;
    let mut at = 8;
    while let Some((length, name)) = chunk(file)? {
        let data = at + 8;
        at = data + length + 4;
        if at > end {
            open = None;
            break;
        }
        match &name {
            b"IHDR" => {
                parts.head = body(file, length.min(13))?;
                if let [w, x, y, z, a, b, c, d, ..] = parts.head[..] {
                    parts.size = [
                        u32::from_be_bytes([w, x, y, z]),
                        u32::from_be_bytes([a, b, c, d]),
                    ];
                }
            }
            b"acTL" => {
                let head = body(file, length.min(8))?;
                if let Some(count) = head.first_chunk::<4>() {
                    parts.claimed = u32::from_be_bytes(*count) as usize;
                }
            }
            b"eXIf" => parts.exif = body(file, length.min(MOST_SHARED))?,
            b"fcTL" => {
                parts.frames.extend(open.take());
                open = control(&body(file, length.min(26))?);
            }
            // Without a control before it, the first picture is only for readers of stills.
            b"IDAT" => {
                if let Some(frame) = &mut open {
                    frame.data.push((at - length - 12, length + 12));
                }
            }
            b"fdAT" if length >= 4 => {
                if let Some(frame) = &mut open {
                    frame.data.push((at - length - 12, length + 12));
                }
            }
            b"IEND" => {
                parts.cut = false;
                break;
            }
            name if SHARED.contains(&name) && length <= MOST_SHARED => {
                // As it stands in the file, from its length to its check.
                file.seek(SeekFrom::Start(data - 8))?;
                let raw = body(file, length + 12)?;
                parts.head.extend(raw);
            }
            _ => {}
        }
        file.seek(SeekFrom::Start(at))?;
    }
    // A frame that is followed by nothing may lack some of its data.
    if !parts.cut {
        parts.frames.extend(open);
    }
    parts.frames.retain(|frame| !frame.data.is_empty());
    Ok(parts)
}

fn body(file: &mut impl Read, length: u64) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.take(length).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// A frame's control: sequence, width, height, left, top, delay as a fraction, dispose, blend.
fn control(body: &[u8]) -> Option<Part> {
    let long = |at: usize| Some(u32::from_be_bytes(*body.get(at..)?.first_chunk()?));
    let short = |at: usize| Some(u16::from_be_bytes(*body.get(at..)?.first_chunk()?));
    let (over, under) = (short(20)?, short(22)?);
    Some(Part {
        rect: [long(12)?, long(16)?, long(4)?, long(8)?],
        // The standard takes a denominator of 0 for 100.
        delay: f64::from(over) * 1e3 / f64::from(if under == 0 { 100 } else { under }),
        dispose: match body.get(24)? {
            1 => Dispose::Clear,
            2 => Dispose::Restore,
            _ => Dispose::Keep,
        },
        over: *body.get(25)? == 1,
        data: Vec::new(),
    })
}

/// A frame as a PNG of its own. `chunks` are as in the file, from their length to their check.
pub(super) fn still(
    parts: &Parts,
    part: &Part,
    chunks: &[Vec<u8>],
) -> std::result::Result<Vec<u8>, String> {
    let (header, shared) = parts
        .head
        .split_at_checked(13)
        .ok_or("the file has no header (IHDR)")?;
    let [_, _, w, h] = part.rect;
    let mut size = [w.to_be_bytes(), h.to_be_bytes()].concat();
    size.extend(&header[8..]);
    let mut bytes = SIGNATURE.to_vec();
    put(&mut bytes, b"IHDR", &size);
    bytes.extend(shared);
    for chunk in chunks {
        let Some((body, check)) = chunk.get(4..).and_then(|c| c.split_last_chunk::<4>()) else {
            return Err("the file changed while it was read".to_owned());
        };
        if crc(body) != u32::from_be_bytes(*check) {
            return Err("its data is damaged (the check sum does not fit)".to_owned());
        }
        match body.strip_prefix(b"fdAT") {
            // Behind its number in the sequence lies what is an IDAT's.
            Some(data) => put(&mut bytes, b"IDAT", data.get(4..).unwrap_or_default()),
            None => bytes.extend(chunk),
        }
    }
    put(&mut bytes, b"IEND", &[]);
    Ok(bytes)
}

fn put(bytes: &mut Vec<u8>, name: &[u8; 4], body: &[u8]) {
    bytes.extend((body.len() as u32).to_be_bytes());
    let start = bytes.len();
    bytes.extend(name);
    bytes.extend(body);
    let check = crc(&bytes[start..]);
    bytes.extend(check.to_be_bytes());
}

/// CRC-32 of ISO 3309, as PNG has it.
fn crc(bytes: &[u8]) -> u32 {
    const TABLE: [u32; 256] = {
        let mut table = [0; 256];
        let mut n = 0;
        while n < 256 {
            let (mut c, mut k) = (n as u32, 0);
            while k < 8 {
                c = if c & 1 == 1 {
                    0xEDB8_8320 ^ (c >> 1)
                } else {
                    c >> 1
                };
                k += 1;
            }
            table[n] = c;
            n += 1;
        }
        table
    };
    !bytes.iter().fold(!0, |crc, &byte| {
        TABLE[((crc ^ u32::from(byte)) & 255) as usize] ^ (crc >> 8)
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_check_sum_is_pngs() {
        assert_eq!(super::crc(b"IEND"), 0xAE42_6082);
        assert_eq!(super::crc(b"123456789"), 0xCBF4_3926);
    }
}
