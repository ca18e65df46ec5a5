//! Takes decoded frames: times them, picks, converts, and counts what went wrong.

use std::path::Path;

use ffmpeg_next as ffmpeg;
use ffmpeg_next::frame;

use super::convert::{Converter, working_size};
use super::layout::{Colour, Layout};
use super::pick::Picker;
use super::scan::{PATIENCE, Scan};
use super::source::{self, Source};
use super::{DecodeOptions, Frames, VideoError};
use crate::gpu::Gpu;

/// Takes decoded frames, times them, picks and converts.
pub(super) struct Sink<'a> {
    converter: Converter<'a>,
    path: &'a Path,
    options: &'a DecodeOptions,
    picker: Picker,
    orient: u32,
    unit: f64,
    /// Seconds from a frame to the next, where the timestamps do not say.
    step: f64,
    aspect: f64,
    expected: u64,
    frame: frame::Video,
    before: (f64, frame::Video),
    failed: u64,
    first_failure: Option<ffmpeg::Error>,
    decoded: u64,
    damaged: u64,
    bad_times: u64,
    other_sizes: u64,
    refused: Option<String>,
    first_layout: Option<(Layout, String, Colour)>,
    frames: Frames,
}

impl<'a> Sink<'a> {
    /// Before the first frame.
    pub fn new(
        gpu: &'a Gpu,
        path: &'a Path,
        source: &Source,
        options: &'a DecodeOptions,
        scan: &Scan,
    ) -> Result<Self, VideoError> {
        let fps = source.info.fps;
        Ok(Self {
            converter: Converter::new(gpu)?,
            path,
            options,
            picker: Picker::new(options.max_frames, scan.shown, scan.start, scan.end),
            orient: source.orient,
            unit: f64::from(source.time_base),
            step: if fps > 0.0 { 1.0 / fps } else { 1.0 / 24.0 },
            aspect: source.info.sample_aspect,
            expected: scan.shown,
            frame: frame::Video::empty(),
            before: (f64::NEG_INFINITY, frame::Video::empty()),
            failed: 0,
            first_failure: None,
            decoded: 0,
            damaged: 0,
            bad_times: 0,
            other_sizes: 0,
            refused: None,
            first_layout: None,
            frames: Frames {
                width: 0,
                height: 0,
                times: Vec::new(),
                rgba: Vec::new(),
                info: source.info.clone(),
                faults: source.faults.clone(),
                sources: Vec::new(),
            },
        })
    }

    /// Notes that a packet did not decode.
    pub fn fail(&mut self, error: ffmpeg::Error) {
        self.failed += 1;
        self.first_failure.get_or_insert(error);
    }

    /// Something did not decode, or decoded with errors.
    pub fn damaged(&self) -> bool {
        self.failed > 0 || self.damaged > 0
    }

    /// Takes every frame that the decoder has ready.
    pub fn drain(&mut self, decoder: &mut ffmpeg::decoder::Video) -> Result<(), VideoError> {
        let mut in_a_row = 0;
        while in_a_row < PATIENCE {
            match decoder.receive_frame(&mut self.frame) {
                Ok(()) => {
                    in_a_row = 0;
                    self.take()?;
                }
                Err(ffmpeg::Error::Eof) => break,
                Err(ffmpeg::Error::Other { errno }) if errno == ffmpeg::error::EAGAIN => break,
                Err(error) => {
                    in_a_row += 1;
                    self.fail(error);
                }
            }
        }
        Ok(())
    }

    fn take(&mut self) -> Result<(), VideoError> {
        self.decoded += 1;
        let broken = self.frame.is_corrupt() || self.frame.has_decode_errors();
        self.damaged += u64::from(broken);
        let last = self.before.0;
        let stated = self.frame.timestamp().map(|t| t as f64 * self.unit);
        let time = match stated {
            Some(time) if time > last => time,
            None if last == f64::NEG_INFINITY => 0.0,
            _ => {
                self.bad_times += 1;
                last + self.step
            }
        };
        let picked = self.picker.see(time);
        if picked.before {
            let before = std::mem::replace(&mut self.before.1, frame::Video::empty());
            self.keep(&before, last)?;
        }
        let frame = std::mem::replace(&mut self.frame, frame::Video::empty());
        if picked.this {
            self.keep(&frame, time)?;
        }
        self.before = (time, frame);
        Ok(())
    }

    fn keep(&mut self, frame: &frame::Video, time: f64) -> Result<(), VideoError> {
        let stored = [frame.width(), frame.height()];
        let colour = source::frame_colour(frame);
        // SAFETY: the frame is alive; a plain array of C ints is read.
        let strides = unsafe { (*frame.as_ptr()).linesize };
        let strides = [strides[0], strides[1], strides[2], strides[3]];
        let layout = match Layout::new(frame.format(), stored, strides, colour) {
            Ok(layout) => layout,
            Err(reason) => {
                self.refused.get_or_insert(reason);
                return Ok(());
            }
        };
        let Some(planes) = planes(frame, &layout) else {
            self.damaged += 1;
            return Ok(());
        };
        if self.frames.is_empty() {
            let shown = if self.orient & 1 == 1 {
                [stored[1], stored[0]]
            } else {
                stored
            };
            let aspect = if self.orient & 1 == 1 {
                1.0 / self.aspect
            } else {
                self.aspect
            };
            let size = working_size(shown, aspect, self.options.max_side);
            self.options
                .check_memory(self.path, self.expected.max(1), size)?;
            [self.frames.width, self.frames.height] = size;
            [self.frames.info.width, self.frames.info.height] = stored;
            let name = frame.format().descriptor().map_or("unknown", |d| d.name());
            self.first_layout = Some((layout.clone(), name.to_owned(), colour));
        }
        let info = &self.frames.info;
        self.other_sizes += u64::from(stored != [info.width, info.height]);
        let size = [self.frames.width, self.frames.height];
        let rgba = self
            .converter
            .convert(&layout, &planes, size, self.orient)?;
        self.frames.rgba.push(rgba);
        self.frames.times.push(time);
        Ok(())
    }

    /// No more frames: all that was kept, and what went wrong, in words.
    pub fn finish(mut self, scan: &Scan) -> Result<Frames, VideoError> {
        if self.picker.end() {
            let (time, before) = std::mem::replace(&mut self.before, (0.0, frame::Video::empty()));
            self.keep(&before, time)?;
        }
        let faults = &mut self.frames.faults;
        faults.extend(scan.faults.iter().cloned());
        if self.failed > 0 {
            let first = self
                .first_failure
                .map(|e| e.to_string())
                .unwrap_or_default();
            faults.push(format!(
                "{} of {} packets did not decode: {first}",
                self.failed, scan.packets
            ));
        }
        let mut fault = |count: u64, what: &str| {
            if count > 0 {
                faults.push(format!("{count} of {} frames {what}", self.decoded));
            }
        };
        fault(self.damaged, "decoded with errors");
        fault(
            self.bad_times,
            "had no later time than the frame before; spaced evenly",
        );
        fault(
            self.other_sizes,
            "had another size than the first; scaled to it",
        );
        if let Some((layout, pixel_format, colour)) = self.first_layout {
            let info = &mut self.frames.info;
            info.pixel_format = pixel_format;
            info.full_range = layout.full_range;
            info.matrix = colour.matrix_name(layout.rgb).to_owned();
            info.transfer = colour.transfer_name().to_owned();
            for fault in colour.faults(layout.rgb) {
                if !self.frames.faults.contains(&fault) {
                    self.frames.faults.push(fault);
                }
            }
        }
        if self.frames.is_empty() {
            let why = self.refused.unwrap_or_else(|| {
                let told = self.frames.faults.join("; ");
                let told = if told.is_empty() { "no packets" } else { &told };
                format!("no frame could be decoded ({told}); fetch or generate it again")
            });
            return Err(VideoError::input(self.path, why));
        }
        self.frames.faults.extend(self.refused);
        Ok(self.frames)
    }
}

/// The bytes of each plane that the layout reads, from its lowest address; `None` where a plane is missing.
fn planes<'f>(frame: &'f frame::Video, layout: &Layout) -> Option<Vec<&'f [u8]>> {
    let mut planes = Vec::new();
    for (index, &(rows, row)) in layout.planes().iter().enumerate() {
        if rows == 0 {
            planes.push(&[] as &[u8]);
            continue;
        }
        let stride = layout.stride(index);
        let span = stride.unsigned_abs() as usize * (rows - 1);
        // SAFETY: the frame is alive for 'f; a plain pointer is read.
        let top = unsafe { (*frame.as_ptr()).data[index] };
        if top.is_null() || (row > stride.unsigned_abs() as usize && rows > 1) {
            return None;
        }
        // SAFETY: FFmpeg's plane holds `rows` rows of at least `row` bytes, `stride` apart; with a negative
        // stride the top row is the last in memory, `span` bytes above the lowest address.
        let bytes = unsafe {
            let lowest = if stride < 0 { top.sub(span) } else { top };
            std::slice::from_raw_parts(lowest, span + row)
        };
        planes.push(bytes);
    }
    Some(planes)
}
