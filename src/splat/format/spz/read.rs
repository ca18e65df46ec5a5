//! Reading, of all versions.

use std::io::{ErrorKind, Read};

use flate2::read::GzDecoder;
use half::f16;
use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{FrameDecoder, StreamingDecoder};

use super::super::super::harmonics::{MOST, MOST_DEGREE, coefficients};
use super::super::builder::{Builder, Splat};
use super::super::{SplatFile, counted};
use super::axes::{Axes, RIGHT_UP_BACK, extensions};
use super::{ANTIALIASED, COLOUR, EXTENSIONS, GZIP, HEADER, HEADER_4, Header, MAGIC, ROTATION};

/// Bytes that are looked at for extensions behind the splats.
const MOST_EXTENSIONS: usize = 1 << 16;

/// What the file's bytes hold. Opacity is kept off 0 and 1 by less than half a step, so that its logit is finite. Of
/// Spark's files with levels of detail the finest splats are kept.
///
/// # Errors
/// In words: another kind of file or version, a damaged one, or one cut short.
pub fn parse(bytes: &[u8]) -> Result<SplatFile, String> {
    if bytes.starts_with(GZIP) {
        return zipped(bytes);
    }
    if bytes.is_empty() {
        return Err("not an SPZ file: the file is empty".into());
    }
    if !bytes.starts_with(MAGIC) {
        return Err("not an SPZ file: it begins neither with 'NGSP' nor as gzip does".into());
    }
    let (head, body) = bytes.split_first_chunk().ok_or_else(cut)?;
    let header = Header::parse(head)?;
    match header.version {
        4 => streams(header, bytes),
        // As some tools leave them, not packed at all.
        _ => unzipped(header, body),
    }
}

fn cut() -> String {
    "the file is cut short within its header".into()
}

/// Versions 1 to 3, packed.
fn zipped(bytes: &[u8]) -> Result<SplatFile, String> {
    let told = |error: std::io::Error| match error.kind() {
        ErrorKind::UnexpectedEof => {
            "the file is cut short: its gzip stream ends too early".to_owned()
        }
        _ => format!("its gzip stream is damaged ({error})"),
    };
    let mut stream = GzDecoder::new(bytes);
    let mut head = [0; HEADER];
    stream.read_exact(&mut head).map_err(told)?;
    let header = Header::parse(&head)?;
    if header.version > 3 {
        return Err(
            "SPZ version 4 is packed already, and gzip is around it; unpack it first (`gunzip`)"
                .into(),
        );
    }
    let length = header.unpacked(bytes.len())?;
    // Grows by what is really there, whatever the header tells.
    let mut body = Vec::with_capacity(length.min(4 * bytes.len()));
    stream
        .take((length + MOST_EXTENSIONS) as u64)
        .read_to_end(&mut body)
        .map_err(told)?;
    unzipped(header, &body)
}

/// Versions 1 to 3, unpacked, behind the header.
fn unzipped(header: Header, body: &[u8]) -> Result<SplatFile, String> {
    let count = header.count as usize;
    let mut rest = body;
    let mut take = |width: usize| {
        let length = width.checked_mul(count);
        let (taken, behind) = length
            .and_then(|n| rest.split_at_checked(n))
            .ok_or_else(|| {
                format!(
                    "the file is cut short: it ends within its {}",
                    counted(count)
                )
            })?;
        rest = behind;
        Ok::<_, String>(taken)
    };
    let mut arrays = [&[][..]; 6];
    for (array, width) in arrays.iter_mut().zip(header.widths()) {
        *array = take(width)?;
    }
    // Of the tree, the number of children is of use, not where they begin.
    let children = (header.tree() > 0).then(|| take(2)).transpose()?;
    if children.is_some() {
        take(4)?;
    }
    assemble(header, arrays, children, rest)
}

/// Version 4: a stream for each property, with a table of their lengths.
fn streams(header: Header, bytes: &[u8]) -> Result<SplatFile, String> {
    header.unpacked(bytes.len())?;
    let head: &[u8; HEADER_4] = bytes.first_chunk().ok_or_else(cut)?;
    let streams = usize::from(head[15]);
    let table = u32::from_le_bytes([head[16], head[17], head[18], head[19]]) as usize;
    let extensions = bytes.get(HEADER_4..table).ok_or(
        "the table of its streams lies outside of the file; the file is damaged or cut short",
    )?;
    let (table, mut packed) = bytes[table..]
        .split_at_checked(16 * streams)
        .ok_or("the file is cut short within the table of its streams")?;
    let mut rows = table
        .as_chunks::<8>()
        .0
        .iter()
        .map(|b| u64::from_le_bytes(*b));
    // Properties without bytes have no stream, unless all have one.
    let widths = header.widths();
    let lengths = widths.map(|width| width * header.count as usize);
    let filled = lengths.iter().filter(|n| **n > 0).count();
    if streams < filled {
        return Err(format!(
            "it has {streams} streams where its splats need {filled}; the file is damaged"
        ));
    }
    const NAMES: [&str; 6] = [
        "positions",
        "opacities",
        "colours",
        "sizes",
        "rotations",
        "spherical harmonics",
    ];
    let mut arrays = [const { Vec::new() }; 6];
    for ((array, length), name) in arrays.iter_mut().zip(lengths).zip(NAMES) {
        if length == 0 && streams < widths.len() {
            continue;
        }
        let (Some(within), Some(unpacked)) = (rows.next(), rows.next()) else {
            break;
        };
        if unpacked != length as u64 {
            return Err(format!(
                "its {name} unpack to {unpacked} bytes where {} need {length}; the file is damaged",
                counted(header.count as usize)
            ));
        }
        let (stream, behind) = usize::try_from(within)
            .ok()
            .and_then(|n| packed.split_at_checked(n))
            .ok_or_else(|| format!("the file is cut short within its {name}"))?;
        packed = behind;
        *array =
            unzstd(stream, length).map_err(|e| format!("its {name} cannot be unpacked: {e}"))?;
    }
    assemble(
        header,
        arrays.each_ref().map(Vec::as_slice),
        None,
        extensions,
    )
}

/// What a zstd stream of this length holds, in one frame or several.
fn unzstd(mut packed: &[u8], length: usize) -> Result<Vec<u8>, String> {
    /// Window that any reader of zstd should have.
    const WINDOW: usize = 1 << 23;
    let mut out = Vec::with_capacity(length.min(4 * packed.len()));
    let mut decoder = FrameDecoder::new();
    decoder.set_max_window_size(WINDOW.max(length) as u64);
    while !packed.is_empty() {
        let mut frame = match StreamingDecoder::new_with_decoder(&mut packed, &mut decoder) {
            Ok(frame) => frame,
            Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame {
                length,
                ..
            })) => {
                packed = packed.get(length as usize..).unwrap_or_default();
                continue;
            }
            Err(error) => return Err(format!("not a sound zstd stream ({error})")),
        };
        // One byte more than there may be, so as to see it.
        (&mut frame)
            .take((length - out.len()) as u64 + 1)
            .read_to_end(&mut out)
            .map_err(|error| format!("its zstd stream is damaged or cut short ({error})"))?;
        if out.len() > length {
            return Err("there is more of it than its table tells; the file is damaged".into());
        }
        let sum = decoder.get_checksum_from_data();
        if sum.is_some() && sum != decoder.get_calculated_checksum() {
            return Err("its checksum does not match; the file is damaged".into());
        }
    }
    match out.len() == length {
        true => Ok(out),
        false => Err("there is less of it than its table tells; the file is damaged".into()),
    }
}

/// The splats of the unpacked properties.
fn assemble(
    header: Header,
    arrays: [&[u8]; 6],
    children: Option<&[u8]>,
    records: &[u8],
) -> Result<SplatFile, String> {
    let [positions, opacities, colours, sizes, rotations, harmonics] = arrays;
    let [position_width, _, _, _, rotation_width, harmonics_width] = header.widths();
    let count = header.count as usize;
    let finest = |i: usize| children.is_none_or(|c| c[2 * i..2 * i + 2] == [0, 0]);
    let kept = (0..count).filter(|i| finest(*i)).count();
    let degree = header.degree.min(MOST_DEGREE);
    let mut out = Builder::new(kept, degree);
    let step = f32::powi(2.0, -(header.bits as i32));
    let opaque = if children.is_some() { 2.0 } else { 1.0 };
    let mut sh = [[0.0; 3]; MOST];
    let coefficients = coefficients(degree);
    for i in (0..count).filter(|i| finest(*i)) {
        let position = &positions[i * position_width..][..position_width];
        let rotation = &rotations[i * rotation_width..][..rotation_width];
        let harmonics = &harmonics[i * harmonics_width..][..harmonics_width];
        let three = |array: &[u8]| [array[3 * i], array[3 * i + 1], array[3 * i + 2]];
        sh[0] = three(colours).map(|b| (f32::from(b) / 255.0 - 0.5) / COLOUR);
        for (value, byte) in sh[1..coefficients]
            .as_flattened_mut()
            .iter_mut()
            .zip(harmonics)
        {
            *value = (f32::from(*byte) - 128.0) / 128.0;
        }
        let alpha = f32::from(opacities[i]) * opaque;
        let alpha = (alpha / 255.0).clamp(0.25 / 255.0, 254.75 / 255.0);
        out.push(&Splat {
            position: match header.version {
                1 => [0, 2, 4]
                    .map(|at| f16::from_le_bytes([position[at], position[at + 1]]).to_f32()),
                _ => [0, 3, 6].map(|at| fixed(&position[at..at + 3]) as f32 * step),
            },
            log_scale: three(sizes).map(|b| f32::from(b) / 16.0 - 10.0),
            opacity_logit: (alpha / (1.0 - alpha)).ln(),
            rotation: match *rotation {
                [a, b, c, d] => smallest_three(u32::from_le_bytes([a, b, c, d])),
                _ => first_three(rotation),
            },
            sh: &sh[..coefficients],
        });
    }
    let mut file = out.finish("SPZ", header.degree);
    file.format = format!("SPZ, version {}", header.version);
    if kept < count {
        file.unused.push(format!(
            "{} of coarser levels of detail",
            counted(count - kept)
        ));
    }
    if header.flags & ANTIALIASED != 0 {
        file.unused
            .push("the mark that it was made for antialiased drawing (Mip-Splatting)".into());
    }
    if header.flags & EXTENSIONS == 0 && !records.is_empty() {
        file.unused.push("data besides the splats".into());
    }
    if header.flags & EXTENSIONS != 0 {
        let (axes, others, whole) = extensions(records);
        if others > 0 {
            file.unused.push(format!("extensions of SPZ: {others}"));
        }
        if !whole {
            file.notes
                .push("its extensions are damaged and are not read".into());
        }
        // 0 stands for none.
        match axes.filter(|number| ![0, RIGHT_UP_BACK].contains(number)) {
            None => {}
            Some(number) => match Axes::of(number) {
                Some(axes) => {
                    axes.apply(&mut file.splats);
                    file.notes
                        .push("it names axes other than SPZ's own and is turned to those".into());
                }
                None => file.notes.push(format!(
                    "it names axes that SPZ does not have ({number}) and is taken as +Y up"
                )),
            },
        }
    }
    Ok(file)
}

/// A number of 24 bits with a sign.
fn fixed(bytes: &[u8]) -> i32 {
    i32::from_le_bytes([0, bytes[0], bytes[1], bytes[2]]) >> 8
}

/// A quaternion w, x, y, z of versions 1 and 2: x, y and z as bytes, w positive.
fn first_three(bytes: &[u8]) -> [f32; 4] {
    let [x, y, z] = [0, 1, 2].map(|at| f32::from(bytes[at]) / 127.5 - 1.0);
    let w = (1.0 - (x * x + y * y + z * z)).max(0.0).sqrt();
    [w, x, y, z]
}

/// A quaternion w, x, y, z since version 3: which of x, y, z, w is the greatest, and the signs and magnitudes of the
/// others.
fn smallest_three(mut word: u32) -> [f32; 4] {
    let greatest = (word >> 30) as usize;
    let mut q = [0.0; 4];
    for at in (0..4).rev().filter(|at| *at != greatest) {
        let magnitude = (word & 0x1FF) as f32 / ROTATION * std::f32::consts::FRAC_1_SQRT_2;
        q[at] = if word & 0x200 != 0 {
            -magnitude
        } else {
            magnitude
        };
        word >>= 10;
    }
    let squares: f32 = q.iter().map(|v| v * v).sum();
    q[greatest] = (1.0 - squares).max(0.0).sqrt();
    let [x, y, z, w] = q;
    [w, x, y, z]
}
