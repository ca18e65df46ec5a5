//! The order in which the frames of a file are shown, by the headers of its pictures, without decoding them.

use std::path::Path;

use ffmpeg_next::ffi::{self, AVPictureStructure};
use ffmpeg_next::packet::Ref as _;
use ffmpeg_next::{self as ffmpeg, codec};

use super::scan::walk;
use super::source::Source;
use super::{VideoError, source};
use crate::monitor::Monitor;

/// Frames that a decoder may hold back at most, by H.264 and HEVC.
const HELD: usize = 16;

/// What the pictures' headers say.
#[derive(Debug, Default)]
pub(super) struct Order {
    /// The packets in the order in which their frames are shown, without those that show none; `None` where the codec
    /// reorders frames by rules that are not known here.
    pub packets: Option<Vec<usize>>,
    /// The stream says at which rate it runs.
    pub has_rate: bool,
}

/// What a packet's header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Picture {
    /// The picture's place, counted anew from each key picture whose place is 0 (H.264 and HEVC).
    Counted { place: i32, key: bool },
    /// The second field of the frame before.
    Field,
    /// Shown as soon as it is decoded.
    Free,
    /// Shown when the next of its kind is decoded (MPEG-1, 2, 4 and VC-1).
    Held,
    /// It has none, or a damaged one.
    Unknown,
}

/// Reads the headers of all packets of `path`.
pub(super) fn read(path: &Path, monitor: &dyn Monitor) -> Result<Order, VideoError> {
    let mut source = source::open(path)?;
    let mut parser = Parser::new(&source);
    let mut pictures = Vec::new();
    let mut packed = false;
    walk(&mut source, monitor, |packet| {
        packed |= parser.rule == Rule::Mpeg4 && holds_two(packet.data().unwrap_or_default());
        pictures.push(parser.read(packet));
        Ok(())
    })?;
    // A packet with two pictures shows its first one now, and the other when an empty one follows.
    let known = parser.rule != Rule::None && !packed;
    Ok(Order {
        packets: known.then(|| display(&pictures)),
        has_rate: parser.has_rate(),
    })
}

/// The packets in the order in which they are shown.
fn display(pictures: &[Picture]) -> Vec<usize> {
    // Ordered by run of places, then by place.
    let mut keys: Vec<(u32, i64, usize)> = Vec::with_capacity(pictures.len());
    let mut run = 0;
    let mut recent: Vec<i32> = Vec::new();
    let mut held: Option<usize> = None;
    let mut count = 0;
    let mut last = i64::MIN;
    for (packet, &picture) in pictures.iter().enumerate() {
        match picture {
            Picture::Counted { place, key } => {
                // A run also ends where a picture would come before more than can be held back, or has the place of one.
                let before = recent.iter().filter(|&&other| other > place).count();
                if (key && place == 0) || before > HELD || recent.contains(&place) {
                    run += 1;
                    recent.clear();
                }
                if recent.len() > 2 * HELD {
                    recent.remove(0);
                }
                recent.push(place);
                last = place.into();
                keys.push((run, last, packet));
            }
            Picture::Unknown => keys.push((run, last, packet)),
            Picture::Field => {}
            Picture::Free => {
                keys.push((run, count, packet));
                count += 1;
            }
            Picture::Held => {
                if let Some(held) = held.replace(packet) {
                    keys.push((run, count, held));
                    count += 1;
                }
            }
        }
        if matches!(picture, Picture::Free | Picture::Held) {
            last = count;
        }
    }
    keys.extend(held.map(|held| (run, count, held)));
    keys.sort();
    keys.into_iter().map(|(_, _, packet)| packet).collect()
}

/// More than one picture of MPEG-4 Visual, as DivX and Xvid pack them for AVI.
fn holds_two(data: &[u8]) -> bool {
    let starts = data.windows(4).filter(|bytes| *bytes == [0, 0, 1, 0xB6]);
    starts.take(2).count() == 2
}

/// How a codec orders its frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rule {
    /// As they are decoded.
    Same,
    H264,
    Hevc,
    /// By the types of the pictures.
    Types,
    Mpeg4,
    None,
}

/// FFmpeg's parser of the stream's codec.
struct Parser {
    rule: Rule,
    parser: *mut ffi::AVCodecParserContext,
    context: *mut ffi::AVCodecContext,
    /// The field that waits for its other half.
    field: Option<i32>,
}

impl Parser {
    fn new(source: &Source) -> Self {
        let parameters = source.input.stream(source.stream).map(|s| s.parameters());
        let id = parameters.as_ref().map_or(codec::Id::None, |p| p.id());
        let mut rule = match id {
            codec::Id::H264 => Rule::H264,
            codec::Id::HEVC => Rule::Hevc,
            codec::Id::MPEG1VIDEO | codec::Id::MPEG2VIDEO | codec::Id::VC1 => Rule::Types,
            codec::Id::MPEG4 => Rule::Mpeg4,
            _ if reorders(id) => Rule::None,
            _ => Rule::Same,
        };
        let (mut parser, mut context) = (std::ptr::null_mut(), std::ptr::null_mut());
        if let (Some(parameters), false) = (parameters, matches!(rule, Rule::Same | Rule::None)) {
            let id: ffi::AVCodecID = id.into();
            // SAFETY: any number may be asked for; both are checked for null below and freed on drop. The parameters
            // are alive and are copied.
            unsafe {
                parser = ffi::av_parser_init(id as i32);
                context = ffi::avcodec_alloc_context3(std::ptr::null());
                if !context.is_null() {
                    ffi::avcodec_parameters_to_context(context, parameters.as_ptr());
                    (*context).framerate = ffi::AVRational { num: 0, den: 1 };
                }
            }
        }
        if (parser.is_null() || context.is_null()) && rule != Rule::Same {
            rule = Rule::None;
        }
        Self {
            rule,
            parser,
            context,
            field: None,
        }
    }

    /// Some header told a rate.
    fn has_rate(&self) -> bool {
        // SAFETY: the context is null or alive; a plain field is read.
        !self.context.is_null() && unsafe { (*self.context).framerate.num > 0 }
    }

    fn read(&mut self, packet: &ffmpeg::Packet) -> Picture {
        match self.rule {
            Rule::Same => return Picture::Free,
            Rule::None => return Picture::Unknown,
            _ if packet.size() == 0 => return Picture::Unknown,
            _ => {}
        }
        // SAFETY: other rules have a parser and a context, both alive; the packet's bytes are followed by FFmpeg's
        // padding. What comes out points into them and is let go. The structure is read as a number: parsers put
        // others there than the enum has.
        let (place, key, kind, structure) = unsafe {
            let (parser, packet) = (self.parser, packet.as_ptr());
            (*parser).flags |= ffi::PARSER_FLAG_COMPLETE_FRAMES;
            // So that a packet without a header does not look like the one before.
            (*parser).output_picture_number = i32::MIN;
            (*parser).pict_type = 0;
            let (mut out, mut size) = (std::ptr::null_mut(), 0);
            let none = ffi::AV_NOPTS_VALUE;
            ffi::av_parser_parse2(
                parser,
                self.context,
                &mut out,
                &mut size,
                (*packet).data,
                (*packet).size,
                none,
                none,
                -1,
            );
            (
                (*parser).output_picture_number,
                (*parser).key_frame == 1,
                (*parser).pict_type,
                source::number(&raw const (*parser).picture_structure),
            )
        };
        let rule = self.rule;
        match rule {
            Rule::Types | Rule::Mpeg4 if kind == 0 => Picture::Unknown,
            Rule::Types | Rule::Mpeg4 => {
                let b = [
                    ffi::AVPictureType::AV_PICTURE_TYPE_B,
                    ffi::AVPictureType::AV_PICTURE_TYPE_BI,
                ];
                match b.iter().any(|&b| b as i32 == kind) {
                    true => Picture::Free,
                    false => Picture::Held,
                }
            }
            _ if place == i32::MIN => Picture::Unknown,
            Rule::H264 if self.ends_frame(structure) => Picture::Field,
            _ => Picture::Counted { place, key },
        }
    }

    /// The picture is the other half of the one before.
    fn ends_frame(&mut self, structure: i32) -> bool {
        let (top, bottom) = (
            AVPictureStructure::AV_PICTURE_STRUCTURE_TOP_FIELD as i32,
            AVPictureStructure::AV_PICTURE_STRUCTURE_BOTTOM_FIELD as i32,
        );
        let is_field = structure == top || structure == bottom;
        let ends = is_field && self.field == Some(top + bottom - structure);
        self.field = (is_field && !ends).then_some(structure);
        ends
    }
}

impl Drop for Parser {
    fn drop(&mut self) {
        // SAFETY: each is null, which both functions take, or alive and ours.
        unsafe {
            ffi::av_parser_close(self.parser);
            ffi::avcodec_free_context(&mut self.context);
        }
    }
}

/// Frames of the codec may be shown in another order than they are decoded.
fn reorders(id: codec::Id) -> bool {
    // SAFETY: any codec may be asked for; a descriptor points into a static table.
    unsafe {
        let descriptor = ffi::avcodec_descriptor_get(id.into());
        !descriptor.is_null() && (*descriptor).props & ffi::AV_CODEC_PROP_REORDER != 0
    }
}

/// The packet holds a frame that is only kept for others to refer to (VP8 and VP9).
pub(super) fn hides(id: codec::Id, data: &[u8]) -> bool {
    let Some((&first, &last)) = data.first().zip(data.last()) else {
        return false;
    };
    match id {
        // RFC 6386 9.1.
        codec::Id::VP8 => first & 0x10 == 0,
        // VP9 bitstream specification 6.2 and annex B: a packet with an index of frames ends with one that is shown.
        codec::Id::VP9 if last & 0xE0 != 0xC0 => {
            let bit = |at: u8| first >> (7 - at) & 1;
            let reserved = bit(2) & bit(3);
            first >> 6 == 2 && bit(4 + reserved) == 0 && bit(6 + reserved) == 0
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::{Picture, codec, display, hides, holds_two};

    #[test]
    fn pictures_are_shown_by_their_places() {
        let at = |place| Picture::Counted { place, key: false };
        let key = Picture::Counted {
            place: 0,
            key: true,
        };
        let runs = [key, at(6), at(2), at(4), key, at(4), at(2)];
        assert_eq!(display(&runs), [0, 2, 3, 1, 4, 6, 5]);
        // Places start anew without a key picture: one of them was there.
        let anew = [key, at(2), at(4), at(2), at(6), at(4)];
        assert_eq!(display(&anew), [0, 1, 2, 3, 5, 4]);
        // Or they fall further than frames can be held back.
        let long: Vec<Picture> = (0..40).map(|i| at(2 * i)).chain([at(31), at(33)]).collect();
        assert_eq!(display(&long), (0..42).collect::<Vec<_>>());
        // A damaged picture keeps its place, the second field of a frame has none.
        let odd = [key, at(4), Picture::Unknown, at(2), Picture::Field];
        assert_eq!(display(&odd), [0, 3, 1, 2]);
    }

    #[test]
    fn pictures_are_shown_by_their_types() {
        use Picture::{Free, Held, Unknown};
        assert_eq!(
            display(&[Held, Held, Free, Free, Held, Free]),
            [0, 2, 3, 1, 5, 4]
        );
        assert_eq!(display(&[Free; 3]), [0, 1, 2]);
        assert_eq!(display(&[Held, Unknown, Held]).len(), 3);
        assert_eq!(display(&[]), [0; 0]);
    }

    #[test]
    fn hidden_and_packed_frames_are_known() {
        let vp8 = |byte| hides(codec::Id::VP8, &[byte, 0, 0]);
        assert!(vp8(0x01) && !vp8(0x11));
        let vp9 = |bytes: &[u8]| hides(codec::Id::VP9, bytes);
        // Shown, hidden, an existing one shown, hidden but not the last of its packet, hidden in profile 3.
        assert!(!vp9(&[0x86, 0, 0]) && vp9(&[0x84, 0, 0]) && !vp9(&[0x88]));
        assert!(!vp9(&[0x84, 0, 0xC1]) && vp9(&[0xB2, 0]) && !vp9(&[0xB1, 0]));
        assert!(!hides(codec::Id::H264, &[0; 3]) && !vp9(&[]));
        let start = [0, 0, 1, 0xB6, 7];
        assert!(!holds_two(&start) && holds_two(&[start, start].concat()));
    }
}
