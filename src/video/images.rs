//! Reads images from files, with the same conversion and working size as video.

use std::path::{Path, PathBuf};

use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder as _, ImageReader};
use rayon::prelude::*;

use super::convert::{Converter, working_size};
use super::layout::Layout;
use super::pick::evenly;
use super::{DecodeOptions, Frames, VideoError, VideoInfo, folder};
use crate::event::Monitor;
use crate::gpu::Gpu;

fn reader(path: &Path) -> Result<impl image::ImageDecoder, VideoError> {
    let open = || {
        let mut reader = ImageReader::open(path)?.with_guessed_format()?;
        reader.limits(image::Limits::default());
        reader.into_decoder()
    };
    open().map_err(|error| unreadable(path, &error))
}

fn unreadable(path: &Path, error: &image::ImageError) -> VideoError {
    let reason = match error {
        image::ImageError::IoError(io) if io.kind() == std::io::ErrorKind::NotFound => {
            "there is no such image; see the path".to_owned()
        }
        error => format!("the image cannot be read: {error}; see that it opens, or leave it out"),
    };
    VideoError::input(path, reason)
}

/// Width, height (upright, in pixels) and colour type from the header alone.
fn header(path: &Path) -> Result<([u32; 2], image::ExtendedColorType), VideoError> {
    let mut decoder = reader(path)?;
    let (w, h) = decoder.dimensions();
    let turned = matches!(
        decoder.orientation(),
        Ok(Orientation::Rotate90
            | Orientation::Rotate270
            | Orientation::Rotate90FlipH
            | Orientation::Rotate270FlipH)
    );
    let size = if turned { [h, w] } else { [w, h] };
    Ok((size, decoder.original_color_type()))
}

/// What the images of `path` are, from their headers, and their list.
pub(super) fn probe(path: &Path, fps: f64) -> Result<(VideoInfo, Vec<PathBuf>), VideoError> {
    let files = folder::list_images(path)?;
    let first = files
        .first()
        .ok_or_else(|| VideoError::input(path, "no images"))?;
    let (size, colour) = header(first)?;
    let sizes: Result<Vec<_>, _> = files.par_iter().map(|file| header(file)).collect();
    for (file, (other, _)) in files.iter().zip(sizes?) {
        if other != size {
            return Err(VideoError::input(
                path,
                format!(
                    "its images differ in size: {} has {}x{}, {} has {}x{}; give images of one size",
                    first.display(),
                    size[0],
                    size[1],
                    file.display(),
                    other[0],
                    other[1]
                ),
            ));
        }
    }
    let extension = first.extension().unwrap_or_default().to_string_lossy();
    let single = files.len() == 1 && !path.is_dir();
    let info = VideoInfo {
        path: path.display().to_string(),
        container: "images".to_owned(),
        codec: extension.to_ascii_lowercase(),
        pixel_format: format!("{colour:?}").to_ascii_lowercase(),
        width: size[0],
        height: size[1],
        sample_aspect: 1.0,
        fps: if single { 0.0 } else { fps },
        duration: if single {
            0.0
        } else {
            files.len() as f64 / fps
        },
        frames: files.len() as u64,
        matrix: "rgb".to_owned(),
        full_range: true,
        transfer: "iec61966-2-1".to_owned(),
        ..VideoInfo::default()
    };
    Ok((info, files))
}

fn read(path: &Path) -> Result<image::RgbaImage, VideoError> {
    let mut decoder = reader(path)?;
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let mut image =
        DynamicImage::from_decoder(decoder).map_err(|error| unreadable(path, &error))?;
    image.apply_orientation(orientation);
    Ok(image.into_rgba8())
}

/// The images of a folder, a pattern or a list, decoded window by window; see [`super::Windows`].
pub(super) struct Pictures<'a> {
    path: &'a Path,
    options: &'a DecodeOptions,
    converter: Converter<'a>,
    info: VideoInfo,
    size: [u32; 2],
    /// Those that are wanted, with their places among all.
    chosen: Vec<(usize, PathBuf)>,
    /// How many were given.
    given: usize,
}

impl<'a> Pictures<'a> {
    pub fn open(
        gpu: &'a Gpu,
        path: &'a Path,
        options: &'a DecodeOptions,
    ) -> Result<Self, VideoError> {
        let (info, files) = probe(path, options.images_fps)?;
        let chosen = evenly(files.len(), options.max_frames);
        Ok(Self {
            path,
            options,
            converter: Converter::new(gpu),
            size: working_size([info.width, info.height], 1.0, options.max_side),
            info,
            chosen: chosen.into_iter().map(|i| (i, files[i].clone())).collect(),
            given: 0,
        })
    }

    pub fn next(
        &mut self,
        count: usize,
        monitor: &dyn Monitor,
    ) -> Result<Option<Frames>, VideoError> {
        let end = self.chosen.len().min(self.given.saturating_add(count));
        let wanted = &self.chosen[self.given..end];
        if wanted.is_empty() {
            return Ok(None);
        }
        let stored = [self.info.width, self.info.height];
        self.options
            .check_memory(self.path, wanted.len() as u64, self.size)?;
        let mut frames = Frames {
            width: self.size[0],
            height: self.size[1],
            times: wanted
                .iter()
                .map(|(i, _)| *i as f64 / self.options.images_fps)
                .collect(),
            rgba: Vec::with_capacity(wanted.len()),
            info: self.info.clone(),
            faults: Vec::new(),
            sources: wanted.iter().map(|(_, file)| file.clone()).collect(),
        };
        let layout = Layout::rgba(stored);
        for batch in frames.sources.chunks(rayon::current_num_threads().max(1)) {
            if monitor.stopped() {
                return Err(VideoError::Interrupted);
            }
            let images: Result<Vec<_>, _> = batch.par_iter().map(|file| read(file)).collect();
            for (file, image) in batch.iter().zip(images?) {
                if [image.width(), image.height()] != stored {
                    return Err(VideoError::input(
                        file,
                        "the image changed while it was read",
                    ));
                }
                let rgba = self
                    .converter
                    .convert(&layout, &[image.as_raw()], self.size, 0)?;
                frames.rgba.push(rgba);
            }
            let done = self.given + frames.rgba.len();
            monitor.progress(done as u64, self.chosen.len() as u64);
        }
        self.given = end;
        Ok(Some(frames))
    }
}
