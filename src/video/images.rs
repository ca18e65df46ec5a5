//! Reads images from files, with the same conversion and working size as video.

use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::convert::{Converter, working_size};
use super::layout::Layout;
use super::pick::evenly;
use super::{DecodeOptions, Frames, VideoError, VideoInfo, folder};
use crate::gpu::Gpu;
use crate::monitor::Monitor;
use crate::picture;

fn header(path: &Path) -> Result<picture::Header, VideoError> {
    picture::header(path).map_err(|reason| VideoError::input(path, reason))
}

/// What the images of `path` are, from their headers, and their list.
pub(super) fn probe(path: &Path, fps: f64) -> Result<(VideoInfo, folder::List), VideoError> {
    let list = folder::list(path)?;
    let first = list
        .images
        .first()
        .ok_or_else(|| VideoError::input(path, "no images"))?;
    let head = header(first)?;
    let size = head.upright();
    let others: Result<Vec<_>, _> = list.images.par_iter().map(|file| header(file)).collect();
    for (file, other) in list.images.iter().zip(others?) {
        let other = other.upright();
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
    let single = list.images.len() == 1 && !path.is_dir();
    let info = VideoInfo {
        path: path.display().to_string(),
        container: "images".to_owned(),
        codec: extension.to_ascii_lowercase(),
        pixel_format: format!("{:?}", head.colour).to_ascii_lowercase(),
        width: size[0],
        height: size[1],
        sample_aspect: 1.0,
        fps: if single { 0.0 } else { fps },
        duration: if single {
            0.0
        } else {
            list.images.len() as f64 / fps
        },
        frames: list.images.len() as u64,
        matrix: "rgb".to_owned(),
        full_range: true,
        transfer: "iec61966-2-1".to_owned(),
        ..VideoInfo::default()
    };
    Ok((info, list))
}

/// Those that may be cut short, in words.
pub(super) fn cut(images: &[PathBuf]) -> Vec<String> {
    let cut = images.par_iter().filter(|file| picture::may_be_cut(file));
    let told = cut.map(|file| {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        format!("{name}: the marker at its end is missing, so it may be cut short")
    });
    told.collect()
}

fn read(path: &Path) -> Result<picture::Picture, VideoError> {
    picture::read(path).map_err(|reason| VideoError::input(path, reason))
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
    faults: Vec<String>,
}

impl<'a> Pictures<'a> {
    pub fn open(
        gpu: &'a Gpu,
        path: &'a Path,
        options: &'a DecodeOptions,
    ) -> Result<Self, VideoError> {
        let (info, folder::List { images, faults }) = probe(path, options.images_fps)?;
        let chosen = evenly(images.len(), options.max_frames);
        Ok(Self {
            path,
            options,
            converter: Converter::new(gpu),
            size: working_size([info.width, info.height], 1.0, options.max_side),
            info,
            chosen: chosen.into_iter().map(|i| (i, images[i].clone())).collect(),
            given: 0,
            faults,
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
            for (file, picture::Picture { image, faults }) in batch.iter().zip(images?) {
                let name = file.file_name().unwrap_or_default().to_string_lossy();
                let named = faults.iter().map(|fault| format!("{name}: {fault}"));
                self.faults.extend(named);
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
        frames.faults.clone_from(&self.faults);
        Ok(Some(frames))
    }
}
