//! Picture files: what they are by their content, their headers, their pixels, and those that move.
//!
//! Reasons are words without the file's name, which the stage that asks puts before them.

pub mod animation;
mod header;
mod jpeg;
mod read;
mod tiff;

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::Path;

pub use header::{Header, header, swaps};
pub use read::{Picture, may_be_cut, read};

/// Pixels of a picture or a canvas at most.
const MOST_PIXELS: u64 = 1 << 28;

/// Extensions of pictures that are read.
pub const EXTENSIONS: [&str; 11] = [
    "png", "jpg", "jpeg", "bmp", "webp", "tif", "tiff", "jfif", "jpe", "mpo", "apng",
];

/// Pictures that are not read, by their extension, with the kind's name.
const UNREAD: [(&str, &[&str]); 13] = [
    ("HEIC", &["heic", "heif", "hif"]),
    ("AVIF", &["avif"]),
    ("GIF", &["gif"]),
    ("JPEG XL", &["jxl"]),
    ("JPEG 2000", &["jp2", "j2k", "j2c", "jpx", "jpf"]),
    ("OpenEXR", &["exr"]),
    ("Radiance HDR", &["hdr"]),
    (
        "camera raw",
        &[
            "dng", "cr2", "cr3", "crw", "nef", "nrw", "arw", "srf", "sr2", "orf", "rw2", "raf",
            "pef", "srw", "raw", "rwl", "3fr", "iiq", "x3f",
        ],
    ),
    ("Targa", &["tga", "icb", "vda"]),
    ("PNM", &["pnm", "ppm", "pgm", "pbm", "pam", "pfm"]),
    ("Photoshop", &["psd", "psb"]),
    ("DDS", &["dds"]),
    (
        "other pictures",
        &["ico", "qoi", "svg", "xcf", "ff", "pcx", "sgi", "bpg"],
    ),
];

/// How pictures of other kinds become ones that are read.
pub const CONVERT: &str = "convert to PNG or JPEG";

/// A kind of picture that is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// PNG.
    Png,
    /// JPEG.
    Jpeg,
    /// Windows bitmap.
    Bmp,
    /// WebP.
    WebP,
    /// TIFF.
    Tiff,
}

impl Format {
    fn of_image(self) -> image::ImageFormat {
        match self {
            Self::Png => image::ImageFormat::Png,
            Self::Jpeg => image::ImageFormat::Jpeg,
            Self::Bmp => image::ImageFormat::Bmp,
            Self::WebP => image::ImageFormat::WebP,
            Self::Tiff => image::ImageFormat::Tiff,
        }
    }
}

/// What a file is by its first bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// A picture that is read.
    Still(Format),
    /// A picture of several frames, one after the other in time.
    Moving(animation::Container),
    /// A picture of a kind that is not read, by its name.
    Unread(&'static str),
    /// Anything else.
    Other,
}

/// Looks at the first bytes of a file, and past them only where a PNG or a WebP may move.
///
/// # Errors
/// The file cannot be opened or read.
pub fn content(path: &Path) -> std::io::Result<Content> {
    let mut file = BufReader::new(File::open(path)?);
    let mut start = Vec::with_capacity(16);
    file.by_ref().take(16).read_to_end(&mut start)?;
    let still = match magic(&start) {
        Content::Still(format @ (Format::Png | Format::WebP)) => format,
        content => return Ok(content),
    };
    file.seek(SeekFrom::Start(0))?;
    // What breaks off is told by who reads it.
    let moving = match still {
        Format::Png => animation::png::moves(&mut file).unwrap_or(false),
        _ => animation::webp::moves(&mut file).unwrap_or(false),
    };
    Ok(match (moving, still) {
        (false, _) => Content::Still(still),
        (true, Format::Png) => Content::Moving(animation::Container::Apng),
        (true, _) => Content::Moving(animation::Container::WebP),
    })
}

fn magic(start: &[u8]) -> Content {
    let at = |offset: usize, word: &[u8]| start.get(offset..).is_some_and(|s| s.starts_with(word));
    let brand = |brands: &[&[u8; 4]]| at(4, b"ftyp") && brands.iter().any(|b| at(8, *b));
    match start {
        _ if at(0, b"\x89PNG\r\n\x1a\n") => Content::Still(Format::Png),
        _ if at(0, b"\xff\xd8\xff") => Content::Still(Format::Jpeg),
        _ if at(0, b"RIFF") && at(8, b"WEBP") => Content::Still(Format::WebP),
        _ if at(0, b"BM") => Content::Still(Format::Bmp),
        // The classic header and that of BigTIFF.
        _ if [b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"]
            .iter()
            .any(|w| at(0, *w)) =>
        {
            match at(8, b"CR") {
                true => Content::Unread("camera raw"),
                false => Content::Still(Format::Tiff),
            }
        }
        _ if at(0, b"GIF8") => Content::Unread("GIF"),
        _ if brand(&[
            b"heic", b"heix", b"heim", b"heis", b"hevc", b"mif1", b"msf1",
        ]) =>
        {
            Content::Unread("HEIC")
        }
        _ if brand(&[b"avif", b"avis"]) => Content::Unread("AVIF"),
        _ if brand(&[b"crx "]) => Content::Unread("camera raw"),
        _ if at(0, b"\xff\x0a") || at(4, b"JXL ") => Content::Unread("JPEG XL"),
        _ if at(4, b"jP  ") => Content::Unread("JPEG 2000"),
        _ if at(0, b"\x76\x2f\x31\x01") => Content::Unread("OpenEXR"),
        _ if at(0, b"#?RADIANCE") || at(0, b"#?RGBE") => Content::Unread("Radiance HDR"),
        _ if at(0, b"8BPS") => Content::Unread("Photoshop"),
        _ if at(0, b"DDS ") => Content::Unread("DDS"),
        _ => Content::Other,
    }
}

fn has(path: &Path, extensions: &[&str]) -> bool {
    path.extension()
        .and_then(|e| e.to_str())
        .is_some_and(|e| extensions.contains(&e.to_ascii_lowercase().as_str()))
}

/// By its extension a picture that is read.
pub fn is_read(path: &Path) -> bool {
    has(path, &EXTENSIONS)
}

/// By its extension a picture of a kind that is not read, and the kind's name.
pub fn unread(path: &Path) -> Option<&'static str> {
    UNREAD
        .iter()
        .find(|(_, extensions)| has(path, extensions))
        .map(|(name, _)| *name)
}

#[cfg(test)]
mod tests {
    use super::{Content, Format, magic};

    #[test]
    fn kinds_are_told_by_their_first_bytes() {
        for (start, want) in [
            (
                &b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"[..],
                Content::Still(Format::Png),
            ),
            (b"\xff\xd8\xff\xe0", Content::Still(Format::Jpeg)),
            (b"RIFF\x10\0\0\0WEBPVP8 ", Content::Still(Format::WebP)),
            (b"II*\0\x08\0\0\0", Content::Still(Format::Tiff)),
            (b"MM\0+\0\x08\0\0", Content::Still(Format::Tiff)),
            (b"II*\0\x10\0\0\0CR\x02\0", Content::Unread("camera raw")),
            (b"GIF89a", Content::Unread("GIF")),
            (b"\0\0\0\x18ftypheic", Content::Unread("HEIC")),
            (b"\0\0\0\x20ftypavif", Content::Unread("AVIF")),
            (b"\0\0\0\x20ftypisom", Content::Other),
            (b"\0\0\0\x0cJXL \r\n", Content::Unread("JPEG XL")),
            (b"RIFF\x10\0\0\0AVI LIST", Content::Other),
            (b"", Content::Other),
        ] {
            assert_eq!(magic(start), want, "{start:?}");
        }
    }
}
