//! Decodes a video, a folder or pattern of images or one image into frames in GPU memory.

use std::path::Path;

use ffmpeg_next as ffmpeg;
use ffmpeg_next::codec;
use ffmpeg_next::codec::threading::Config;

use super::scan::{PATIENCE, Scan, scan};
use super::sink::Sink;
use super::source::{self, Source};
use super::{DecodeOptions, Frames, VideoError, folder, images, pattern};
use crate::event::Monitor;
use crate::gpu::Gpu;

/// Decodes `path` to packed sRGB at the working size. A video keeps its own timestamps; a folder or
/// pattern of images (see [`folder::list_images`]) gets `i / images_fps`; one image is one frame at 0. What decodes of a damaged
/// file is kept, and the damage is told in [`Frames::faults`].
///
/// # Errors
/// [`VideoError::Input`] when nothing can be decoded, [`VideoError::Gpu`], [`VideoError::Interrupted`].
pub fn decode(
    gpu: &Gpu,
    path: &Path,
    options: &DecodeOptions,
    monitor: &dyn Monitor,
) -> Result<Frames, VideoError> {
    options.check(path)?;
    if !pattern::is_pattern(path) {
        source::check_file(path)?;
    }
    if folder::holds_images(path) {
        return images::decode(gpu, path, options, monitor);
    }
    let scan = scan(path, monitor)?;
    let threads = Config::kind(codec::threading::Type::Frame);
    if let Some(frames) = attempt(gpu, path, options, monitor, &scan, threads)? {
        return Ok(frames);
    }
    // Frame threads tell of damage at whim; one thread tells the same each time.
    let frames = attempt(gpu, path, options, monitor, &scan, Config::count(1))?;
    frames.ok_or_else(|| VideoError::input(path, "it cannot be decoded"))
}

/// Decodes with `threads`; `None` as soon as damage shows while there are several.
fn attempt(
    gpu: &Gpu,
    path: &Path,
    options: &DecodeOptions,
    monitor: &dyn Monitor,
    scan: &Scan,
    threads: Config,
) -> Result<Option<Frames>, VideoError> {
    let several = threads.count != 1;
    let mut source = source::open(path)?;
    let mut decoder = open_decoder(path, &source, threads)?;
    let mut sink = Sink::new(gpu, path, &source, options, scan)?;
    let mut packet = ffmpeg::Packet::empty();
    let mut seen = 0;
    let mut bad_reads = 0;
    loop {
        if monitor.stopped() {
            return Err(VideoError::Interrupted);
        }
        if several && sink.damaged() {
            return Ok(None);
        }
        match packet.read(&mut source.input) {
            Ok(()) if packet.stream() == source.stream => {
                bad_reads = 0;
                seen += 1;
                monitor.progress(seen, scan.packets);
                if let Err(error) = decoder.send_packet(&packet) {
                    sink.fail(error);
                }
                sink.drain(&mut decoder)?;
            }
            Ok(()) => {}
            Err(ffmpeg::Error::InvalidData) if bad_reads < PATIENCE => bad_reads += 1,
            // How the file ends was told by the scan.
            Err(_) => break,
        }
    }
    // A decoder that refuses the end has nothing more to give.
    if decoder.send_eof().is_ok() {
        sink.drain(&mut decoder)?;
    }
    if several && sink.damaged() {
        return Ok(None);
    }
    sink.finish(scan).map(Some)
}

fn open_decoder(
    path: &Path,
    source: &Source,
    threads: Config,
) -> Result<ffmpeg::decoder::Video, VideoError> {
    let refuse = |reason: String| VideoError::input(path, reason);
    let no_stream = || refuse("its video stream is gone".to_owned());
    let stream = source.input.stream(source.stream).ok_or_else(no_stream)?;
    let mut context = codec::Context::from_parameters(stream.parameters())
        .map_err(|error| refuse(format!("its codec parameters are damaged: {error}")))?;
    context.set_threading(threads);
    let mut decoder = context.decoder();
    decoder.set_packet_time_base(source.time_base);
    decoder.video().map_err(|error| {
        refuse(match error {
            ffmpeg::Error::DecoderNotFound => format!(
                "this FFmpeg has no decoder for {}; convert it first, such as to H.264",
                source.info.codec
            ),
            error => format!(
                "the {} decoder does not open: {error}; the file may be damaged",
                source.info.codec
            ),
        })
    })
}
