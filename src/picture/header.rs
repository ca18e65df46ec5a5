//! What a picture's header says.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use image::metadata::Orientation;
use image::{ExtendedColorType, ImageDecoder, ImageError, ImageReader};

use super::{CONVERT, Content, Format, content, may_be_cut};

/// A picture by its header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Its kind.
    pub format: Format,
    /// Width and height in pixels as they are stored.
    pub stored: [u32; 2],
    /// How the stored pixels become upright, by EXIF.
    pub orientation: Orientation,
    /// What its samples are.
    pub colour: ExtendedColorType,
}

impl Header {
    /// Width and height in pixels of the upright picture.
    pub fn upright(&self) -> [u32; 2] {
        let [w, h] = self.stored;
        if swaps(self.orientation) {
            [h, w]
        } else {
            [w, h]
        }
    }
}

/// Whether an orientation makes rows of columns.
pub fn swaps(orientation: Orientation) -> bool {
    matches!(
        orientation,
        Orientation::Rotate90
            | Orientation::Rotate270
            | Orientation::Rotate90FlipH
            | Orientation::Rotate270FlipH
    )
}

/// Which kind of picture that is read lies at `path`, whatever its name says.
pub(super) fn format(path: &Path) -> Result<Format, String> {
    let io = |error| unreadable(&ImageError::IoError(error));
    if std::fs::metadata(path).map_err(io)?.len() == 0 {
        return Err("the file is empty (0 bytes); fetch it again, or leave it out".to_owned());
    }
    match content(path).map_err(io)? {
        Content::Still(format) => Ok(format),
        Content::Moving(container) => Err(format!(
            "it is an animated {container}, a clip of its own; give the file itself, or take it out"
        )),
        Content::Unread(kind) => Err(format!(
            "by its content it is {kind}, which is not read; {CONVERT}, or leave it out"
        )),
        Content::Other => Err(
            "the image cannot be read: it is no PNG, JPEG, WebP, BMP or TIFF; see that it opens, or leave it out"
                .to_owned(),
        ),
    }
}

/// A decoder of a picture of that kind.
pub(super) fn decoder(path: &Path, format: Format) -> Result<impl ImageDecoder + use<>, String> {
    let file = File::open(path).map_err(|e| unreadable(&ImageError::IoError(e)))?;
    let mut reader = ImageReader::with_format(BufReader::new(file), format.of_image());
    reader.limits(image::Limits::default());
    reader.into_decoder().map_err(|e| unreadable(&e))
}

/// Width, height, orientation and colour of the picture at `path`.
///
/// # Errors
/// In words what is wrong, with the mend: the file is missing, empty, damaged, or of a kind that is not read.
pub fn header(path: &Path) -> Result<Header, String> {
    let format = format(path)?;
    let mut decoder = decoder(path, format).map_err(|reason| match may_be_cut(path) {
        true => "the image is cut short; fetch it again, or leave it out".to_owned(),
        false => reason,
    })?;
    let (w, h) = decoder.dimensions();
    Ok(Header {
        format,
        stored: [w, h],
        orientation: decoder.orientation().unwrap_or(Orientation::NoTransforms),
        colour: decoder.original_color_type(),
    })
}

pub(super) fn unreadable(error: &ImageError) -> String {
    match error {
        ImageError::IoError(io) if io.kind() == std::io::ErrorKind::NotFound => {
            "there is no such image; see the path".to_owned()
        }
        ImageError::IoError(io) if io.kind() == std::io::ErrorKind::UnexpectedEof => {
            "the image is cut short; fetch it again, or leave it out".to_owned()
        }
        ImageError::Unsupported(_) => {
            format!("the image cannot be read: {error}; {CONVERT}, or leave it out")
        }
        error => format!("the image cannot be read: {error}; see that it opens, or leave it out"),
    }
}
