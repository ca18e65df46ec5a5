//! JPEG, whose decoders fill what is missing with grey: here it is looked for.

use image::metadata::Orientation;
use image::{DynamicImage, GenericImageView as _};
use zune_core::bytestream::ZCursor;
use zune_core::colorspace::ColorSpace;
use zune_core::options::DecoderOptions;
use zune_jpeg::JpegDecoder;

const MEND: &str = "fetch it again, or leave it out";

/// A JPEG that was decoded.
pub(super) struct Decoded {
    /// As it is stored.
    pub image: DynamicImage,
    pub orientation: Orientation,
    /// What is odd about its file, in words.
    pub fault: Option<String>,
    /// One scan has all of its components, row by row.
    one_scan: bool,
}

/// Decodes a file's bytes.
///
/// # Errors
/// In words why there is no picture, with the mend: no JPEG, or one that is cut short.
pub(super) fn decode(bytes: &[u8]) -> Result<Decoded, String> {
    let cut = || {
        Err(format!(
            "the image is cut short: its data ends before the picture does; {MEND}"
        ))
    };
    let Some(end) = end(bytes) else {
        // Some cameras leave only the marker out. Where blocks did not arrive, files are filled with zeros too.
        let filled = bytes.len() > 32 && bytes.ends_with(&[0; 32]);
        return match pixels(&followed(bytes, 0), true) {
            Ok(found) if !filled && found.one_scan && completes(bytes, &found) => Ok(Decoded {
                fault: Some("the marker at its end is missing; its rows are all there".to_owned()),
                ..found
            }),
            _ => cut(),
        };
    };
    match pixels(bytes, true) {
        Ok(found) => {
            let short =
                found.one_scan && ends_alike(&found.image) && !completes(&bytes[..end], &found);
            if short { cut() } else { Ok(found) }
        }
        Err(error) => {
            let found = pixels(bytes, false)
                .map_err(|error| format!("the image cannot be read: {error}; {MEND}"))?;
            // Padding between segments harms nothing.
            let harmless = error.contains("Extra bytes");
            let fault =
                format!("it is damaged ({error}): what does not decode is grey or smeared; {MEND}");
            Ok(Decoded {
                fault: (!harmless).then_some(fault),
                ..found
            })
        }
    }
}

/// Coded data with bytes behind it that are no marker.
fn followed(data: &[u8], byte: u8) -> Vec<u8> {
    let data = data.strip_suffix(&[0xFF]).unwrap_or(data);
    [data, &[byte; 16]].concat()
}

/// Whether all of a picture is in `data`, which has no marker of its end: what follows the data does not matter then.
fn completes(data: &[u8], found: &Decoded) -> bool {
    pixels(&followed(data, 0x55), true).is_ok_and(|again| again.image == found.image)
}

/// Whether the last blocks of a picture differ by no more than a shade, as those do that are made up behind the end of the
/// data. Plain sky does too.
fn ends_alike(image: &DynamicImage) -> bool {
    // Blocks are 16 pixels wide at most.
    const BLOCK: u32 = 16;
    let (w, h) = (image.width(), image.height());
    if w < 2 * BLOCK {
        return true;
    }
    // Of the last one, what the picture shows; at the edge of a whole one, colours are interpolated otherwise.
    let (wide, high) = ((w - 1) % BLOCK + 1, (h - 1) % 8 + 1);
    let right = if wide == BLOCK { w - 4 } else { w };
    let mut range = [(i16::MAX, i16::MIN); 3];
    for y in h - high.min(4)..h {
        for x in w - wide..right {
            let (a, b) = (image.get_pixel(x, y), image.get_pixel(x - BLOCK, y));
            for (c, (low, high)) in range.iter_mut().enumerate() {
                let off = i16::from(a[c]) - i16::from(b[c]);
                (*low, *high) = ((*low).min(off), (*high).max(off));
            }
        }
    }
    range.iter().all(|(low, high)| high - low <= 2)
}

/// The picture; where `strict`, nothing of it is made up.
fn pixels(bytes: &[u8], strict: bool) -> Result<Decoded, String> {
    let options = DecoderOptions::default()
        .set_strict_mode(strict)
        .set_max_width(usize::MAX)
        .set_max_height(usize::MAX);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), options);
    decoder.decode_headers().map_err(|e| e.to_string())?;
    // A header of a few bytes may claim gigabytes.
    let (wide, high) = decoder.dimensions().ok_or("it has no size")?;
    if wide.saturating_mul(high) as u64 > super::MOST_PIXELS {
        return Err(format!(
            "its header claims {wide}x{high} pixels, more than a picture may have here ({} million)",
            super::MOST_PIXELS >> 20
        ));
    }
    let stored = decoder.input_colorspace().unwrap_or(ColorSpace::RGB);
    let out = match stored {
        ColorSpace::Luma => ColorSpace::Luma,
        _ => ColorSpace::RGB,
    };
    decoder.set_options(decoder.options().jpeg_set_out_colorspace(out));
    let data = decoder.decode().map_err(|e| e.to_string())?;
    let (w, h) = decoder.dimensions().ok_or("it has no size")?;
    let (w, h) = (w as u32, h as u32);
    let image = match out {
        ColorSpace::Luma => image::GrayImage::from_raw(w, h, data).map(DynamicImage::from),
        _ => image::RgbImage::from_raw(w, h, data).map(DynamicImage::from),
    };
    let exif = decoder.exif().map(Vec::as_slice).unwrap_or_default();
    Ok(Decoded {
        image: image.ok_or("its pixels do not fill its size")?,
        orientation: Orientation::from_exif_chunk(exif).unwrap_or(Orientation::NoTransforms),
        fault: None,
        one_scan: one_scan(bytes, stored.num_components()),
    })
}

/// Where the marker of a picture's end lies in its file. Thumbnails lie within segments, and what follows the end (other
/// pictures, trailers of cameras) is of no interest.
pub(super) fn end(bytes: &[u8]) -> Option<usize> {
    let mut ends = segments(bytes).filter(|(marker, ..)| *marker == 0xD9);
    ends.next().map(|(_, at, _)| at)
}

/// A baseline picture whose first scan has all `components`.
fn one_scan(bytes: &[u8], components: usize) -> bool {
    let mut baseline = false;
    for (marker, _, body) in segments(bytes) {
        match marker {
            0xC0 | 0xC1 => baseline = true,
            0xDA => return baseline && body.first().is_some_and(|&n| usize::from(n) == components),
            _ => {}
        }
    }
    false
}

/// Markers with where they are and what lies in their segments, coded data passed over.
fn segments(bytes: &[u8]) -> impl Iterator<Item = (u8, usize, &[u8])> {
    let mut at = 2;
    std::iter::from_fn(move || {
        loop {
            // To the next 0xFF that is followed by a marker.
            at += bytes.get(at..)?.iter().position(|&b| b == 0xFF)?;
            let marker = *bytes.get(at + 1)?;
            at += match marker {
                0xFF => 1,
                _ => 2,
            };
            match marker {
                // Stuffed bytes, fill bytes and restarts belong to coded data.
                0x00 | 0xFF | 0x01 | 0xD0..=0xD8 => {}
                0xD9 => return Some((marker, at - 2, &bytes[at..at])),
                _ => {
                    let length = bytes.get(at..at + 2)?;
                    let length = usize::from(u16::from_be_bytes([length[0], length[1]]));
                    let end = (at + length.max(2)).min(bytes.len());
                    let body = bytes.get(at + 2..end).unwrap_or_default();
                    let marker = (marker, at - 2, body);
                    at = end;
                    return Some(marker);
                }
            }
        }
    })
}
