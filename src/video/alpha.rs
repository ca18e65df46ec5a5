//! Alpha that lies beside the pictures: VP8 and VP9 in WebM code it as a second stream, whose luma it is.

use std::collections::VecDeque;

use ffmpeg_next::codec::packet::side_data;
use ffmpeg_next::codec::{self, threading::Config};
use ffmpeg_next::format::Pixel;
use ffmpeg_next::{self as ffmpeg, ffi, frame};

use super::source::Source;

/// The coded alpha that a packet carries, as `take` wants it: block addition 1 of Matroska.
pub(super) fn of<T>(packet: &ffmpeg::Packet, take: impl Fn(&[u8]) -> T) -> Option<T> {
    packet
        .side_data()
        .filter(|side| side.kind() == side_data::Type::MatroskaBlockAdditional)
        .find_map(|side| side.data().strip_prefix(&1u64.to_be_bytes()).map(&take))
}

/// Codecs whose alpha lies beside the pictures.
pub(super) fn is_beside(id: codec::Id) -> bool {
    matches!(id, codec::Id::VP8 | codec::Id::VP9)
}

/// The pixel format with alpha of one without; `None` where FFmpeg has none such.
pub(super) fn with_alpha(format: Pixel) -> Option<Pixel> {
    Some(match format {
        Pixel::YUV420P => Pixel::YUVA420P,
        Pixel::YUV422P => Pixel::YUVA422P,
        Pixel::YUV444P => Pixel::YUVA444P,
        Pixel::YUV420P10LE => Pixel::YUVA420P10LE,
        Pixel::YUV422P10LE => Pixel::YUVA422P10LE,
        Pixel::YUV444P10LE => Pixel::YUVA444P10LE,
        _ => return None,
    })
}

/// What of a file's alpha is lost, in words: `with` of its `shown` frames carry some; `layered` as [`is_layer`] has it.
pub(super) fn faults(source: &Source, with: u64, shown: u64, layered: bool) -> Option<String> {
    if layered || source.alpha_layer {
        return Some(
            "its alpha is a layer of HEVC, which is not decoded: frames come out opaque; convert it first where it was made, such as to ProRes 4444 or to VP9 with alpha"
                .to_owned(),
        );
    }
    match with {
        0 if source.says_alpha => Some(
            "it says that it has alpha (alpha_mode), but no frame carries any: frames come out opaque"
                .to_owned(),
        ),
        0 => None,
        with if with < shown => Some(format!(
            "{} of {shown} frames carry no alpha: they come out opaque",
            shown - with
        )),
        _ => None,
    }
}

/// Some header tells that a layer of HEVC holds alpha: supplemental information of type 165 (ITU-T H.265 F.14.2.8).
/// `data` is a packet or a stream's header, with start codes or lengths.
pub(super) fn is_layer(id: codec::Id, data: &[u8]) -> bool {
    if id != codec::Id::HEVC {
        return false;
    }
    // Headers come first, so pictures are not searched.
    let starts = 2..data.len().min(4096);
    starts.into_iter().any(|at| {
        // Supplemental information of the base layer, after a start code or the two low bytes of its length.
        let Some(unit) = data[at..].strip_prefix(&[0x4E, 0x01]) else {
            return false;
        };
        let before = [data[at - 2], data[at - 1]];
        let length = usize::from(u16::from_be_bytes(before));
        let unit = match before {
            [0, 1] => unit,
            _ if (5..=unit.len() + 2).contains(&length) => &unit[..length - 2],
            _ => return false,
        };
        tells_alpha(unit)
    })
}

/// One of the messages, each with a type and a size of one byte, is of type 165.
fn tells_alpha(mut messages: &[u8]) -> bool {
    while let [kind, size, rest @ ..] = messages {
        match (*kind, *size) {
            (165, 1 | 4) => return true,
            (255, _) | (_, 255) => return false,
            (_, size) => messages = rest.get(usize::from(size)..).unwrap_or_default(),
        }
    }
    false
}

/// Decodes the alpha of packets and joins it to their frames. Packets and frames go by their number, which is their
/// timestamp.
pub(super) struct Alpha {
    threads: Config,
    /// Opened with the first packet that has some.
    decoder: Option<ffmpeg::decoder::Video>,
    /// Numbers of packets whose alpha was sent and has not come back.
    sent: VecDeque<i64>,
    decoded: VecDeque<frame::Video>,
    /// Frames that wait for theirs.
    waiting: VecDeque<frame::Video>,
}

impl Alpha {
    pub fn new(threads: Config) -> Self {
        Self {
            threads,
            decoder: None,
            sent: VecDeque::new(),
            decoded: VecDeque::new(),
            waiting: VecDeque::new(),
        }
    }

    /// Takes the alpha of a packet, if it has some.
    pub fn send(&mut self, source: &Source, packet: &ffmpeg::Packet) -> Result<(), ffmpeg::Error> {
        let addition = is_beside(source.codec()).then(|| of(packet, ffmpeg::Packet::copy));
        let Some(mut addition) = addition.flatten() else {
            return Ok(());
        };
        let decoder = match &mut self.decoder {
            Some(decoder) => decoder,
            None => {
                let stream = source.input.stream(source.stream);
                let stream = stream.ok_or(ffmpeg::Error::StreamNotFound)?;
                let mut context = codec::Context::from_parameters(stream.parameters())?;
                context.set_threading(self.threads);
                self.decoder.insert(context.decoder().video()?)
            }
        };
        addition.set_pts(packet.pts());
        addition.set_flags(packet.flags());
        decoder.send_packet(&addition)?;
        self.sent.extend(packet.pts());
        Ok(())
    }

    /// No more packets.
    pub fn end(&mut self) {
        if let Some(decoder) = &mut self.decoder {
            // A decoder that refuses the end has nothing more to give.
            let _ = decoder.send_eof();
        }
    }

    /// Takes a frame of the pictures.
    pub fn take(&mut self, frame: frame::Video) {
        self.waiting.push_back(frame);
    }

    /// The next frame that has its alpha, or has none; `last` when no more is to come.
    pub fn next(&mut self, last: bool) -> Option<frame::Video> {
        let number = self.waiting.front()?.pts();
        if let Some(decoder) = &mut self.decoder {
            let mut frame = frame::Video::empty();
            while decoder.receive_frame(&mut frame).is_ok() {
                self.decoded
                    .push_back(std::mem::replace(&mut frame, frame::Video::empty()));
            }
        }
        self.decoded.retain(|alpha| alpha.pts() >= number);
        self.sent.retain(|&sent| Some(sent) >= number);
        let there = self
            .decoded
            .front()
            .is_some_and(|alpha| alpha.pts() == number);
        let passed = !self.decoded.is_empty();
        if !there && !passed && !last && self.sent.front().copied() == number {
            return None;
        }
        let colour = self.waiting.pop_front()?;
        let alpha = there.then(|| self.decoded.pop_front()).flatten();
        Some(match alpha.and_then(|alpha| join(&colour, &alpha)) {
            Some(joined) => joined,
            None => colour,
        })
    }
}

/// One frame with the planes of both; `None` where they do not fit.
fn join(colour: &frame::Video, alpha: &frame::Video) -> Option<frame::Video> {
    let format = with_alpha(colour.format())?;
    let fits = (colour.width(), colour.height()) == (alpha.width(), alpha.height());
    let deep = |frame: &frame::Video| {
        let described = frame.format().descriptor()?;
        // SAFETY: a descriptor points into a static table of FFmpeg.
        Some(unsafe { (*described.as_ptr()).comp[0].depth })
    };
    if !fits || deep(colour) != deep(alpha) {
        return None;
    }
    let mut joined = frame::Video::empty();
    // SAFETY: all three frames are alive. The joined one gets its own references to the planes of the pictures; each
    // buffer of the alpha is referred to from a free place of it, so that the plane lives as long as it does. Frames
    // have eight places, and neither of the two takes more than three.
    unsafe {
        let (to, from) = (joined.as_mut_ptr(), alpha.as_ptr());
        if ffi::av_frame_ref(to, colour.as_ptr()) < 0 {
            return None;
        }
        let (places, buffers) = ((*to).buf, (*from).buf);
        let free = (0..places.len()).filter(|&place| places[place].is_null());
        for (place, buffer) in free.zip(buffers.into_iter().filter(|buffer| !buffer.is_null())) {
            (*to).buf[place] = ffi::av_buffer_ref(buffer);
        }
        (*to).data[3] = (*from).data[0];
        (*to).linesize[3] = (*from).linesize[0];
    }
    joined.set_format(format);
    Some(joined)
}

#[cfg(test)]
mod tests {
    use super::{codec, is_layer};

    #[test]
    fn layers_of_alpha_are_known_by_their_header() {
        let hevc = |data: &[u8]| is_layer(codec::Id::HEVC, data);
        // After a start code, after another message, by its length.
        assert!(hevc(&[0, 0, 1, 0x4E, 1, 165, 4, 0, 0, 127, 144, 128]));
        assert!(hevc(&[0, 0, 1, 0x4E, 1, 5, 2, 9, 9, 165, 1, 128, 128]));
        assert!(hevc(&[
            39, 0, 1, 0, 9, 0x4E, 1, 165, 4, 0, 0, 127, 144, 128
        ]));
        // Another message, another layer, cut short, no HEVC.
        assert!(!hevc(&[0, 0, 1, 0x4E, 1, 137, 4, 0, 0, 127, 144, 128]));
        assert!(!hevc(&[0, 0, 1, 0x4E, 9, 165, 4, 0, 0, 127, 144, 128]));
        assert!(!hevc(&[0, 0, 1, 0x4E]) && !hevc(&[]));
        assert!(!is_layer(codec::Id::H264, &[0, 0, 1, 0x4E, 1, 165, 4, 0]));
    }
}
