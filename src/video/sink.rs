//! Takes decoded frames: times them, picks, converts, and counts what went wrong.

use std::path::Path;

use ffmpeg_next as ffmpeg;
use ffmpeg_next::{ffi, format, frame};

use super::convert::{Converter, convert_held, working_size};
use super::cuda::Bridge;
use super::hardware::{Held, Trouble};
use super::layout::{Colour, Layout};
use super::pick::Picker;
use super::scan::Scan;
use super::source::{self, Source};
use super::times::Times;
use super::{DecodeOptions, Frames, VideoError};
use crate::gpu::Gpu;

/// Takes decoded frames, times them, picks and converts.
pub(super) struct Sink<'a> {
    gpu: &'a Gpu,
    converter: Converter<'a>,
    /// From the card's decoder to kernels, while that decodes.
    bridge: Option<Bridge>,
    /// What its frames are to the host's decoder.
    nominal: format::Pixel,
    path: &'a Path,
    options: &'a DecodeOptions,
    orient: u32,
    /// When the frames are shown.
    times: Times,
    /// Seconds from a frame to the next, where nothing says.
    step: f64,
    aspect: f64,
    /// Frames that the next window may hold.
    expected: u64,
    /// They are known to fit.
    checked: bool,
    /// Brightest light that the container tells of.
    peak: Option<f32>,
    /// Frames of the whole clip, by its packets.
    shown: u64,
    pass: Pass,
    /// Time of the last frame that was given in a window, over all passes.
    given: Option<f64>,
    frames: Frames,
}

/// What one pass over the file has seen.
struct Pass {
    picker: Picker,
    before: (f64, frame::Video),
    failed: u64,
    first_failure: Option<ffmpeg::Error>,
    decoded: u64,
    damaged: u64,
    late: u64,
    other_sizes: u64,
    refused: Option<String>,
    first_layout: Option<(Layout, String, Colour)>,
}

impl Pass {
    fn new(options: &DecodeOptions, scan: &Scan) -> Self {
        Self {
            picker: {
                let times = &scan.times.shown;
                let [start, end] = [times.first(), times.last()].map(|t| t.copied().unwrap_or(0.0));
                Picker::new(options.max_frames, scan.shown(), start, end)
            },
            before: (f64::NEG_INFINITY, frame::Video::empty()),
            failed: 0,
            first_failure: None,
            decoded: 0,
            damaged: 0,
            late: 0,
            other_sizes: 0,
            refused: None,
            first_layout: None,
        }
    }
}

impl<'a> Sink<'a> {
    /// Before the first frame.
    pub fn new(
        gpu: &'a Gpu,
        path: &'a Path,
        source: &Source,
        options: &'a DecodeOptions,
        scan: &Scan,
    ) -> Self {
        Self {
            gpu,
            converter: Converter::new(gpu),
            bridge: None,
            nominal: format::Pixel::None,
            path,
            options,
            orient: source.orient,
            times: scan.times.clone(),
            step: source.clock.step(),
            aspect: source.info.sample_aspect,
            expected: scan.shown(),
            checked: false,
            peak: source.peak,
            shown: scan.shown(),
            pass: Pass::new(options, scan),
            given: None,
            frames: Frames {
                width: 0,
                height: 0,
                times: Vec::new(),
                rgba: Vec::new(),
                info: source.info.clone(),
                faults: source.faults.clone(),
                sources: Vec::new(),
            },
        }
    }

    /// Frames come from the card's decoder.
    pub fn bridge(&mut self, bridge: Bridge) {
        self.bridge = Some(bridge);
    }

    /// What frames of the card are to the host's decoder from here on.
    pub fn nominal(&mut self, nominal: format::Pixel) {
        self.nominal = nominal;
    }

    /// The file from its start again, decoded by the host; what was given already is passed over.
    pub fn restart(&mut self, source: &Source, scan: &Scan) {
        self.bridge = None;
        self.pass = Pass::new(self.options, scan);
        self.frames.times.clear();
        self.frames.rgba.clear();
        self.frames.info = source.info.clone();
        self.frames.faults = source.faults.clone();
    }

    /// The next window is of at most `count` frames.
    pub fn expect(&mut self, count: usize) {
        self.expected = self.shown.min(count as u64);
        self.checked = false;
    }

    /// Frames of the next window so far.
    pub fn ready(&self) -> usize {
        self.frames.len()
    }

    /// Notes that a packet did not decode.
    pub fn fail(&mut self, error: ffmpeg::Error) {
        self.pass.failed += 1;
        self.pass.first_failure.get_or_insert(error);
    }

    /// Frames that the decoder gave.
    pub fn decoded(&self) -> u64 {
        self.pass.decoded
    }

    /// The first error of the decoder.
    pub fn first_failure(&self) -> Option<ffmpeg::Error> {
        self.pass.first_failure
    }

    /// Something did not decode, or decoded with errors.
    pub fn damaged(&self) -> bool {
        self.pass.failed > 0 || self.pass.damaged > 0
    }

    /// A frame, in the order that it is shown; its timestamp is the number of its packet.
    pub fn take(&mut self, frame: frame::Video) -> Result<(), Trouble> {
        if self.bridge.is_some() && frame.format() != format::Pixel::CUDA {
            let info = &self.frames.info;
            return Err(Trouble::Card(format!(
                "NVDEC does not take this {} ({}, {}x{}): its profile, depth or size, or libnvcuvid.so.1 is not there",
                info.codec, info.pixel_format, info.width, info.height
            )));
        }
        let pass = &mut self.pass;
        let count = pass.decoded as usize;
        pass.decoded += 1;
        let broken = frame.is_corrupt() || frame.has_decode_errors();
        pass.damaged += u64::from(broken);
        let last = pass.before.0;
        let packet = frame.pts().and_then(|number| usize::try_from(number).ok());
        let time = match self.times.of(count, packet) {
            Some(time) if time > last => time,
            _ => {
                pass.late += 1;
                // Halfway to the next, so that the next keeps its own.
                match self.times.after(last) {
                    Some(next) if last.is_finite() => (last + next) / 2.0,
                    Some(next) => next,
                    None if last.is_finite() => last + self.step,
                    None => 0.0,
                }
            }
        };
        let picked = pass.picker.see(time);
        if picked.before {
            let before = std::mem::replace(&mut pass.before.1, frame::Video::empty());
            self.keep(&before, last)?;
        }
        if picked.this {
            self.keep(&frame, time)?;
        }
        self.pass.before = (time, frame);
        Ok(())
    }

    /// No more frames.
    pub fn end(&mut self) -> Result<(), Trouble> {
        if self.pass.picker.end() {
            let empty = (0.0, frame::Video::empty());
            let (time, before) = std::mem::replace(&mut self.pass.before, empty);
            self.keep(&before, time)?;
        }
        Ok(())
    }

    fn keep(&mut self, frame: &frame::Video, time: f64) -> Result<(), Trouble> {
        let stored = [frame.width(), frame.height()];
        let colour = source::frame_colour(frame);
        let peak = source::peak(frame).or(self.peak);
        if self.bridge.is_some() {
            let held = self.held(frame, stored, colour, peak)?;
            let name = self.nominal.descriptor().map_or("unknown", |d| d.name());
            let Some(size) = self.place(&held.layout, name, colour, time)? else {
                return Ok(());
            };
            let Some(bridge) = &mut self.bridge else {
                return Ok(());
            };
            let (gpu, orient) = (self.gpu, self.orient);
            let rgba = bridge.carry(frame, &held, |words, submit| {
                convert_held(gpu, &held, words, size, orient, submit)
            })?;
            self.frames.rgba.push(rgba);
            self.frames.times.push(time);
            return Ok(());
        }
        // SAFETY: the frame is alive; a plain array of C ints is read.
        let strides = unsafe { (*frame.as_ptr()).linesize };
        let strides = [strides[0], strides[1], strides[2], strides[3]];
        let layout = match Layout::new(frame.format(), stored, strides, colour, peak) {
            Ok(layout) => layout,
            Err(reason) => {
                self.pass.refused.get_or_insert(reason);
                return Ok(());
            }
        };
        let Some(planes) = planes(frame, &layout) else {
            self.pass.damaged += 1;
            return Ok(());
        };
        let name = frame.format().descriptor().map_or("unknown", |d| d.name());
        let Some(size) = self.place(&layout, name, colour, time)? else {
            return Ok(());
        };
        let rgba = self
            .converter
            .convert(&layout, &planes, size, self.orient)?;
        self.frames.rgba.push(rgba);
        self.frames.times.push(time);
        Ok(())
    }

    /// How a frame lies on the card.
    fn held(
        &self,
        frame: &frame::Video,
        stored: [u32; 2],
        colour: Colour,
        peak: Option<f32>,
    ) -> Result<Held, Trouble> {
        // SAFETY: the frame is alive; plain fields are read, and what its frames context tells, which lives as long as
        // the frame refers to it, the format as a number.
        let (cropped, held) = unsafe {
            let raw = frame.as_ptr();
            let context = (*raw).hw_frames_ctx;
            let held = (!context.is_null()).then(|| {
                let context = (*context).data.cast::<ffi::AVHWFramesContext>();
                source::number(&raw const (*context).sw_format)
            });
            ((*raw).crop_left > 0 || (*raw).crop_top > 0, held)
        };
        if cropped {
            // The host's decoder crops by its own rules of alignment.
            return Err(Trouble::Card(
                "its frames are cropped at left or top".into(),
            ));
        }
        let held = held
            .and_then(source::pixel_format)
            .unwrap_or(format::Pixel::None);
        Held::new(self.nominal, held, stored, colour, peak).map_err(Trouble::Card)
    }

    /// Counts a frame, the first of which says what all come out as; gives the working size where this one is to be
    /// kept.
    fn place(
        &mut self,
        layout: &Layout,
        pixel_format: &str,
        colour: Colour,
        time: f64,
    ) -> Result<Option<[u32; 2]>, VideoError> {
        let stored = layout.stored;
        if self.pass.first_layout.is_none() {
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
            [self.frames.width, self.frames.height] = size;
            [self.frames.info.width, self.frames.info.height] = stored;
            self.pass.first_layout = Some((layout.clone(), pixel_format.to_owned(), colour));
        }
        let info = &self.frames.info;
        self.pass.other_sizes += u64::from(stored != [info.width, info.height]);
        if self.given.is_some_and(|given| time <= given) {
            return Ok(None);
        }
        let size = [self.frames.width, self.frames.height];
        if !std::mem::replace(&mut self.checked, true) {
            self.options
                .check_memory(self.path, self.expected.max(1), size)?;
        }
        Ok(Some(size))
    }

    /// At most `count` of what was kept since the last window, and what went wrong so far, in words; `None` when there
    /// is no more.
    pub fn window(&mut self, scan: &Scan, count: usize) -> Result<Option<Frames>, VideoError> {
        let pass = &self.pass;
        let count = count.min(self.frames.len());
        let later = (
            self.frames.times.split_off(count),
            self.frames.rgba.split_off(count),
        );
        let mut window = self.frames.clone();
        (self.frames.times, self.frames.rgba) = later;
        let faults = &mut window.faults;
        faults.extend(scan.faults.iter().cloned());
        if pass.failed > 0 {
            let first = pass.first_failure.map(|e| e.to_string());
            faults.push(format!(
                "{} of {} packets did not decode: {}",
                pass.failed,
                scan.packets,
                first.unwrap_or_default()
            ));
        }
        let mut fault = |count: u64, what: &str| {
            if count > 0 {
                faults.push(format!("{count} of {} frames {what}", pass.decoded));
            }
        };
        fault(pass.damaged, "decoded with errors");
        fault(
            pass.late,
            "came out of order; placed after the frame before",
        );
        fault(
            pass.other_sizes,
            "had another size than the first; scaled to it",
        );
        if let Some((layout, pixel_format, colour)) = &pass.first_layout {
            let info = &mut window.info;
            info.pixel_format.clone_from(pixel_format);
            info.full_range = layout.full_range;
            info.matrix = colour.matrix_name(layout.rgb).to_owned();
            info.transfer = colour.transfer_name().to_owned();
            info.chroma_location = colour.chroma_name().to_owned();
            for fault in colour.faults(layout.rgb) {
                if !window.faults.contains(&fault) {
                    window.faults.push(fault);
                }
            }
        }
        if window.is_empty() {
            if self.given.is_some() {
                // A pass after damage may end before what was given: then nobody was told yet.
                for fault in &window.faults {
                    tracing::warn!("{}: {fault}", self.path.display());
                }
                return Ok(None);
            }
            let why = pass.refused.clone().unwrap_or_else(|| {
                let told = window.faults.join("; ");
                let told = if told.is_empty() { "no packets" } else { &told };
                format!("no frame could be decoded ({told}); fetch or generate it again")
            });
            return Err(VideoError::input(self.path, why));
        }
        window.faults.extend(pass.refused.clone());
        self.given = window.times.last().copied();
        Ok(Some(window))
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
        // SAFETY: FFmpeg's plane holds `rows` rows of at least `row` bytes, `stride` apart, in one allocation whose
        // gaps it zeroed; with a negative stride the top row is the last in memory, `span` bytes above the lowest
        // address.
        let bytes = unsafe {
            let lowest = if stride < 0 { top.sub(span) } else { top };
            std::slice::from_raw_parts(lowest, span + row)
        };
        planes.push(bytes);
    }
    Some(planes)
}
