//! Walks over a file's packets without decoding: how many there are, from when to when, and what is missing.

use std::path::Path;

use ffmpeg_next as ffmpeg;
use ffmpeg_next::codec::packet::side_data;
use ffmpeg_next::ffi;
use ffmpeg_next::packet::Ref as _;

use super::{VideoError, source};
use crate::event::Monitor;

/// Packets or frames in a row that may fail before the rest is given up.
pub(super) const PATIENCE: u32 = 1000;

/// What a walk over the packets finds, without decoding.
pub(super) struct Scan {
    /// Packets of the video stream.
    pub packets: u64,
    /// Those that an edit list does not hide.
    pub shown: u64,
    /// Earliest and latest time in seconds.
    pub start: f64,
    pub end: f64,
    /// Times of those that are shown, in seconds, in the order of the file.
    pub times: Vec<f64>,
    pub faults: Vec<String>,
}

fn is_encrypted(packet: &ffmpeg::Packet) -> bool {
    let kinds = [
        side_data::Type::EncryptionInfo,
        side_data::Type::EncryptionInitInfo,
    ];
    packet.side_data().any(|side| kinds.contains(&side.kind()))
}

/// Scans `path`, which [`source::check_file`] has let pass.
pub(super) fn scan(path: &Path, monitor: &dyn Monitor) -> Result<Scan, VideoError> {
    let mut source = source::open(path)?;
    let unit = f64::from(source.time_base);
    let mut scan = Scan {
        packets: 0,
        shown: 0,
        start: f64::INFINITY,
        end: f64::NEG_INFINITY,
        times: Vec::new(),
        faults: Vec::new(),
    };
    let (mut corrupt, mut bad_reads) = (0, 0);
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
                scan.packets += 1;
                corrupt += u64::from(packet.is_corrupt());
                if is_encrypted(&packet) {
                    return Err(VideoError::input(
                        path,
                        "its video is encrypted (DRM); give a copy without encryption",
                    ));
                }
                // SAFETY: the packet is alive; a plain field is read. Its wrapper drops this flag.
                let flags = unsafe { (*packet.as_ptr()).flags };
                if flags & ffi::AV_PKT_FLAG_DISCARD == 0 {
                    scan.shown += 1;
                    if let Some(ticks) = packet.pts().or(packet.dts()) {
                        let time = ticks as f64 * unit;
                        scan.start = scan.start.min(time);
                        scan.end = scan.end.max(time);
                        scan.times.push(time);
                    }
                }
            }
            Err(ffmpeg::Error::Eof) => break,
            Err(ffmpeg::Error::InvalidData) if bad_reads < PATIENCE => bad_reads += 1,
            Err(error) => {
                scan.faults.push(format!(
                    "reading stopped after {} packets: {error}",
                    scan.packets
                ));
                break;
            }
        }
    }
    let claimed = source.info.frames;
    if claimed > scan.packets {
        scan.faults.push(format!(
            "the file ends early: {} of the {claimed} frames that it claims are there",
            scan.packets
        ));
    }
    if corrupt > 0 {
        scan.faults.push(format!(
            "{corrupt} of {} packets are cut short or marked corrupt",
            scan.packets
        ));
    }
    if scan.start > scan.end {
        (scan.start, scan.end) = (0.0, source.info.duration);
    }
    Ok(scan)
}
