//! The archive and the images in it, none of which may take more memory than it should.

use std::io::{Cursor, Read as _};

use image::{ColorType, ImageDecoder as _, ImageFormat, ImageReader, Limits};
use zip::ZipArchive;

use super::DOCUMENT;

/// The document of a scene in many parts.
const STREAMED: &str = "lod-meta.json";

/// What helps with a file that is not read.
pub(super) const MEND: &str =
    "convert it to .ply first, such as with `splat-transform IN.sog OUT.ply`";

/// Bytes that an image may have besides its pixels.
const HEADERS: usize = 1 << 20;

/// The archive.
pub(super) struct Files<'a> {
    archive: ZipArchive<Cursor<&'a [u8]>>,
    /// Where the document lies in it, with a slash at the end where not at its root.
    folder: String,
    /// What is to be said of its images.
    pub notes: Vec<String>,
}

/// An image, as bytes.
pub(super) struct Image {
    pub width: usize,
    pub pixels: Vec<[u8; 4]>,
}

impl<'a> Files<'a> {
    /// Finds the document in an archive.
    pub fn of(bytes: &'a [u8]) -> Result<Self, String> {
        if !bytes.starts_with(b"PK") {
            return Err("not a SOG file: it is no zip archive".into());
        }
        let archive = ZipArchive::new(Cursor::new(bytes)).map_err(|e| {
            format!("its zip archive cannot be read: {e}; the file is damaged or cut short")
        })?;
        // Some pack the folder, not what is in it.
        let called = |name: &str| {
            archive
                .file_names()
                .filter_map(Result::ok)
                .filter(|path| path.rsplit('/').next() == Some(name))
                .min_by_key(|path| (path.matches('/').count(), path.len()))
        };
        let folder = match (called(DOCUMENT), called(STREAMED)) {
            (Some(document), None) => document,
            (_, Some(_)) => {
                return Err(format!(
                    "it is a streamed SOG, a scene of many files; unpack it and make a .ply of it, such as with `splat-transform {STREAMED} OUT.ply`"
                ));
            }
            (None, None) => {
                return Err(format!(
                    "it is a zip archive without {DOCUMENT}, so no SOG file; unpack it and give the splat file in it"
                ));
            }
        };
        let folder = folder[..folder.len() - DOCUMENT.len()].to_owned();
        Ok(Self {
            archive,
            folder,
            notes: Vec::new(),
        })
    }

    /// A file, unpacked, of so many bytes at most.
    pub fn get(&mut self, name: &str, most: usize) -> Result<Vec<u8>, String> {
        let path = format!("{}{name}", self.folder);
        let file = match self.archive.by_name(&path) {
            Ok(file) => file,
            Err(zip::result::ZipError::FileNotFound) => {
                return Err(format!("{name} is not in its archive; the file is damaged"));
            }
            Err(e) => return Err(format!("{name} cannot be unpacked: {e}")),
        };
        let mut out = Vec::new();
        // What the archive tells of its length need not be so.
        file.take(most as u64 + 1)
            .read_to_end(&mut out)
            .map_err(|e| format!("{name} cannot be unpacked: {e}; the file is damaged"))?;
        match out.len() > most {
            true => Err(format!(
                "{name} unpacks to more than the {most} bytes that it can have; the file is damaged"
            )),
            false => Ok(out),
        }
    }

    /// An image of `least` to `most` pixels, of which the first `kept` are given back.
    pub fn image(
        &mut self,
        name: &str,
        least: usize,
        kept: usize,
        most: usize,
    ) -> Result<Image, String> {
        // An image that does not get smaller by being packed has little more than 4 bytes a pixel.
        let bytes = self.get(name, 8 * most + HEADERS)?;
        let damaged = |e: image::ImageError| format!("{name} cannot be read: {e}");
        let mut reader = ImageReader::new(Cursor::new(bytes.as_slice()))
            .with_guessed_format()
            .map_err(|e| damaged(e.into()))?;
        let mut limits = Limits::default();
        limits.max_alloc = Some((16 * most + HEADERS) as u64);
        reader.limits(limits);
        if !matches!(reader.format(), Some(ImageFormat::WebP | ImageFormat::Png)) {
            return Err(format!("{name} is neither a WebP nor a PNG image; {MEND}"));
        }
        if is_lossy(&bytes) {
            self.notes.push(format!(
                "{name} is a lossy image, so its values are not those that were written"
            ));
        }
        let decoder = reader.into_decoder().map_err(damaged)?;
        let (width, height) = decoder.dimensions();
        let (width, height) = (width as usize, height as usize);
        let pixels = width.saturating_mul(height);
        if pixels < least || pixels > most {
            return Err(format!(
                "{name} has {width} x {height} pixels, where {least} to {most} can be; the file is damaged"
            ));
        }
        let colour = decoder.color_type();
        let channels = match colour {
            ColorType::L8 | ColorType::La8 | ColorType::Rgb8 | ColorType::Rgba8 => {
                usize::from(colour.channel_count())
            }
            _ => return Err(format!("{name} has other than 8 bits a channel; {MEND}")),
        };
        let mut raw = vec![0; pixels * channels];
        decoder.read_image(&mut raw).map_err(damaged)?;
        let pixels = raw
            .chunks_exact(channels)
            .take(kept)
            .map(|pixel| match *pixel {
                [grey] => [grey, grey, grey, 255],
                [grey, alpha] => [grey, grey, grey, alpha],
                [r, g, b] => [r, g, b, 255],
                [r, g, b, alpha, ..] => [r, g, b, alpha],
                [] => [0; 4],
            })
            .collect();
        Ok(Image { width, pixels })
    }
}

/// Whether a WebP holds a lossy image.
fn is_lossy(bytes: &[u8]) -> bool {
    let mut rest = match bytes.strip_prefix(b"RIFF") {
        Some(rest) => rest.get(8..).unwrap_or_default(),
        None => return false,
    };
    while let Some((header, after)) = rest.split_first_chunk::<8>() {
        let [name @ .., a, b, c, d] = *header;
        if name == *b"VP8 " {
            return true;
        }
        let length = u32::from_le_bytes([a, b, c, d]) as usize;
        rest = after
            .get(length.saturating_add(length % 2)..)
            .unwrap_or_default();
    }
    false
}
