//! Walks over a file's packets without decoding: how many there are, when their frames are shown, and what is missing.

use std::path::Path;

use ffmpeg_next as ffmpeg;
use ffmpeg_next::codec::packet::side_data;
use ffmpeg_next::ffi;
use ffmpeg_next::packet::Ref as _;

use super::clock::Told;
use super::jumps::{self, Jump};
use super::source::Source;
use super::times::{self, Stamp, Times};
use super::{VideoError, alpha, order, source};
use crate::monitor::Monitor;

/// Packets or frames in a row that may fail before the rest is given up.
pub(super) const PATIENCE: u32 = 1000;

/// What a walk over the packets finds, without decoding.
pub(super) struct Scan {
    /// Packets of the video stream.
    pub packets: u64,
    /// When their frames are shown.
    pub times: Times,
    /// Some packets carry alpha beside the pictures.
    pub alpha: bool,
    pub faults: Vec<String>,
}

impl Scan {
    /// Frames that are shown.
    pub fn shown(&self) -> u64 {
        self.times.shown.len() as u64
    }
}

fn is_encrypted(packet: &ffmpeg::Packet) -> bool {
    let kinds = [
        side_data::Type::EncryptionInfo,
        side_data::Type::EncryptionInitInfo,
    ];
    packet.side_data().any(|side| kinds.contains(&side.kind()))
}

/// How reading a file ended.
#[derive(Default)]
pub(super) struct End {
    pub packets: u64,
    /// Why the rest could not be read.
    pub error: Option<ffmpeg::Error>,
}

/// Gives `each` the packets of the video stream, which have the same numbers each time a file is read.
pub(super) fn walk(
    source: &mut Source,
    monitor: &dyn Monitor,
    mut each: impl FnMut(&ffmpeg::Packet) -> Result<(), VideoError>,
) -> Result<End, VideoError> {
    let (mut end, mut bad_reads) = (End::default(), 0);
    loop {
        // A new one each time: reading does not give back what the last one holds.
        let mut packet = ffmpeg::Packet::empty();
        if monitor.stopped() {
            return Err(VideoError::Interrupted);
        }
        match packet.read(&mut source.input) {
            Ok(()) if packet.stream() != source.stream => {}
            Ok(()) => {
                bad_reads = 0;
                end.packets += 1;
                each(&packet)?;
            }
            Err(ffmpeg::Error::Eof) => return Ok(end),
            Err(ffmpeg::Error::InvalidData) if bad_reads < PATIENCE => bad_reads += 1,
            Err(error) => {
                end.error = Some(error);
                return Ok(end);
            }
        }
    }
}

/// Scans `path`, which [`source::check_file`] has let pass.
pub(super) fn scan(path: &Path, monitor: &dyn Monitor) -> Result<Scan, VideoError> {
    let mut source = source::open(path)?;
    let (id, clock) = (source.codec(), source.clock);
    let (mut stamps, mut faults) = (Vec::new(), Vec::new());
    let (mut corrupt, mut with_alpha, mut layered) = (0, 0, false);
    let end = walk(&mut source, monitor, |packet| {
        corrupt += u64::from(packet.is_corrupt());
        if is_encrypted(packet) {
            return Err(VideoError::input(
                path,
                "its video is encrypted (DRM); give a copy without encryption",
            ));
        }
        // SAFETY: the packet is alive; a plain field is read. Its wrapper drops this flag.
        let flags = unsafe { (*packet.as_ptr()).flags };
        let data = packet.data().unwrap_or_default();
        let shown = flags & ffi::AV_PKT_FLAG_DISCARD == 0 && !order::hides(id, data);
        with_alpha += u64::from(shown && alpha::of(packet, |_| ()).is_some());
        layered |= stamps.is_empty() && alpha::is_layer(id, data);
        let pts = packet.pts().filter(|_| clock.told == Told::Shown);
        stamps.push(Stamp {
            pts: pts.map(|ticks| ticks as f64),
            dts: packet.dts().map(|ticks| ticks as f64),
            shown,
            key: packet.is_key(),
        });
        Ok(())
    })?;
    let packets = end.packets;
    if let Some(error) = end.error {
        faults.push(format!("reading stopped after {packets} packets: {error}"));
    }
    let claimed = source.info.frames;
    // AVI counts frames that only repeat the one before, and has nothing for them but their time.
    let last = stamps.iter().filter_map(|stamp| stamp.dts).reduce(f64::max);
    let reached = last.filter(|_| clock.told == Told::Decoded);
    let there = reached.map_or(packets, |last| packets.max(last as u64 + 1));
    if claimed > there {
        faults.push(format!(
            "the file ends early: {there} of the {claimed} frames that it claims are there"
        ));
    }
    if corrupt > 0 {
        faults.push(format!(
            "{corrupt} of {packets} packets are cut short or marked corrupt"
        ));
    }
    let times = find(path, &source, &mut stamps, &mut faults, monitor)?;
    let shown = times.shown.len() as u64;
    faults.extend(alpha::faults(&source, with_alpha, shown, layered));
    Ok(Scan {
        packets,
        times,
        alpha: with_alpha > 0,
        faults,
    })
}

/// The times of the packets of `source`, and what is wrong with them, in words.
fn find(
    path: &Path,
    source: &Source,
    stamps: &mut [Stamp],
    faults: &mut Vec<String>,
    monitor: &dyn Monitor,
) -> Result<Times, VideoError> {
    let (unit, clock) = (f64::from(source.time_base), source.clock);
    let (second, step) = (1.0 / unit, clock.step() / unit);
    let (jumps, off) = jumps::join(stamps, clock.jumps, second, step);
    if let Some(Jump { from, to }) = jumps.first() {
        let more = match jumps.len() {
            1 => String::new(),
            count => format!(", and {} times more", count - 1),
        };
        faults.push(format!(
            "its timestamps jump from {:.3} s to {:.3} s{more}; what follows goes on where they left",
            from * unit,
            to * unit
        ));
    }
    let plain = clock.told == Told::Shown && !clock.fields;
    if plain && off == 0 && times::are_plain(stamps, clock.reorders, second) {
        return Ok(Times::stated(stamps, unit));
    }
    let order = order::read(path, monitor)?;
    let packets = order.packets.as_deref();
    let times = Times::found(stamps, packets, off, step, unit);
    let count = times.shown.len();
    let fps = format!("{:.3}", clock.rate);
    let fps = fps.trim_end_matches('0').trim_end_matches('.');
    if clock.told == Told::Nothing && count > 1 {
        faults.push(match order.has_rate {
            true => format!(
                "a raw stream has no timestamps: its {count} frames are spaced evenly by the rate that it states, {fps} frames/s"
            ),
            false => format!(
                "a raw stream has no timestamps, and this one states no rate: its {count} frames are spaced evenly by FFmpeg's default of {fps} frames/s; if it is another, put it into a container with its rate, such as with `ffmpeg -r RATE -i IN OUT.mp4`"
            ),
        });
    } else if times.untimed as usize == count && count > 1 {
        faults.push(format!(
            "none of its {count} frames has a timestamp: they are spaced evenly by {fps} frames/s"
        ));
    }
    if times.moved > 0 {
        faults.push(format!(
            "{} of {count} frames have the time of another or one out of order; placed between their neighbours",
            times.moved
        ));
    }
    Ok(times)
}
