//! A still picture's pixels.

use std::path::Path;

use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder as _, RgbaImage};

use super::header::{decoder, format, unreadable};
use super::{Format, jpeg, tiff};

/// A picture that was read.
pub struct Picture {
    /// Upright, with alpha.
    pub image: RgbaImage,
    /// What of the file is not in it, in words.
    pub faults: Vec<String>,
}

/// Reads the picture at `path` whatever its name says, and turns it upright by its EXIF orientation. Samples of 16 bits
/// are rounded to 8.
///
/// # Errors
/// In words what is wrong, with the mend; a picture that is cut short is refused rather than filled with grey.
pub fn read(path: &Path) -> Result<Picture, String> {
    let format = format(path)?;
    let mut faults = Vec::new();
    let (mut image, orientation) = if format == Format::Jpeg {
        let bytes = std::fs::read(path).map_err(|e| unreadable(&e.into()))?;
        let found = jpeg::decode(&bytes)?;
        faults.extend(found.fault);
        (found.image, found.orientation)
    } else {
        let mut decoder = decoder(path, format)?;
        let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
        let image = DynamicImage::from_decoder(decoder).map_err(|e| unreadable(&e))?;
        (image, orientation)
    };
    if format == Format::Tiff {
        if matches!(
            image,
            DynamicImage::ImageRgb32F(_) | DynamicImage::ImageRgba32F(_)
        ) {
            return Err(
                "its samples are floats, whose range is not known; save it with 8 or 16 bits"
                    .to_owned(),
            );
        }
        faults.extend(tiff::other_pages(path));
    }
    image.apply_orientation(orientation);
    Ok(Picture {
        image: image.into_rgba8(),
        faults,
    })
}

/// Whether the picture at `path` is a JPEG without the marker of its end, so that it may be cut short.
pub fn may_be_cut(path: &Path) -> bool {
    format(path).is_ok_and(|format| format == Format::Jpeg)
        && std::fs::read(path).is_ok_and(|bytes| jpeg::end(&bytes).is_none())
}
