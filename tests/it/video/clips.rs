//! Clips of other codecs and containers than the product writes, made with the FFmpeg that it links.

use std::path::Path;

use ffmpeg_next::format::Pixel;
use ffmpeg_next::{self as ffmpeg, Dictionary, Rational, codec, format, frame};
use sora_director::video::Frames;

use crate::common::gpu;

/// Pixels of each frame.
pub const SIZE: [u32; 2] = [64, 48];
/// Frames per second, where a recipe says no other.
pub const RATE: i32 = 8;

/// How a clip is made.
#[derive(Clone, Copy)]
pub struct Recipe {
    pub encoder: &'static str,
    pub muxer: &'static str,
    pub pixel: Pixel,
    pub options: &'static [(&'static str, &'static str)],
    /// Frames between two that are shown before them.
    pub b: usize,
    /// Frames per second.
    pub rate: i32,
}

/// H.264 with frames that are shown before ones that are decoded earlier.
pub const H264: Recipe = Recipe {
    encoder: "libx264",
    muxer: "h264",
    pixel: Pixel::YUV420P,
    options: &[("preset", "veryfast"), ("crf", "12"), ("bf", "3")],
    b: 3,
    rate: RATE,
};

/// The same without such frames.
pub const H264_PLAIN: Recipe = Recipe {
    options: &[("preset", "veryfast"), ("crf", "12"), ("bf", "0")],
    b: 0,
    ..H264
};

/// Another codec with `b` such frames.
pub const fn other(encoder: &'static str, muxer: &'static str, b: usize) -> Recipe {
    Recipe {
        encoder,
        muxer,
        options: &[],
        b,
        ..H264
    }
}

/// Writes `times.len()` frames, each at its time in frames, to `path`; `false`, saying so, where this FFmpeg cannot.
/// Frame `i` shows `i` in binary; where there is alpha, its left part is opaque and the rest clear (see [`edge`]).
pub fn make(path: &Path, recipe: &Recipe, times: impl IntoIterator<Item = i64>) -> bool {
    ffmpeg::init().expect("FFmpeg");
    ffmpeg::log::set_level(ffmpeg::log::Level::Quiet);
    let Some(found) = ffmpeg::encoder::find_by_name(recipe.encoder) else {
        eprintln!("skipped: this FFmpeg has no {}", recipe.encoder);
        return false;
    };
    let mut muxer = match format::output_as(path, recipe.muxer) {
        Ok(muxer) => muxer,
        // That it does not know the format; a path that cannot be written is another error.
        Err(ffmpeg::Error::Other { errno }) if errno == ffmpeg::error::EINVAL => {
            eprintln!("skipped: this FFmpeg writes no {}", recipe.muxer);
            return false;
        }
        Err(error) => panic!("{}: {error}", path.display()),
    };
    let mut context = codec::Context::new_with_codec(found);
    context.set_threading(codec::threading::Config::count(1));
    if muxer
        .format()
        .flags()
        .contains(format::Flags::GLOBAL_HEADER)
    {
        context.set_flags(codec::Flags::GLOBAL_HEADER);
    }
    let mut video = context.encoder().video().expect("encoder");
    let base = Rational::new(1, recipe.rate);
    video.set_width(SIZE[0]);
    video.set_height(SIZE[1]);
    video.set_format(recipe.pixel);
    video.set_time_base(base);
    video.set_frame_rate(Some(base.invert()));
    video.set_gop(12);
    video.set_max_b_frames(recipe.b);
    video.set_bit_rate(2_000_000);
    let settings: Dictionary = recipe.options.iter().copied().collect();
    let mut encoder = video.open_with(settings).expect("open");
    let mut stream = muxer.add_stream_with(&encoder).expect("stream");
    stream.set_time_base(base);
    stream.set_avg_frame_rate(base.invert());
    let mut header = Dictionary::new();
    header.set("fflags", "+bitexact");
    muxer.write_header_with(header).expect("header");
    let mut drain = |encoder: &mut codec::encoder::video::Encoder| {
        let mut packet = ffmpeg::Packet::empty();
        while encoder.receive_packet(&mut packet).is_ok() {
            packet.set_stream(0);
            if packet.duration() == 0 {
                packet.set_duration(1);
            }
            let to = muxer.stream(0).expect("stream").time_base();
            packet.rescale_ts(base, to);
            packet.write_interleaved(&mut muxer).expect("packet");
        }
    };
    for (index, time) in times.into_iter().enumerate() {
        let mut picture = picture(index as u32, recipe.pixel);
        picture.set_pts(Some(time));
        encoder.send_frame(&picture).expect("frame");
        drain(&mut encoder);
    }
    encoder.send_eof().expect("end");
    drain(&mut encoder);
    muxer.write_trailer().expect("trailer");
    true
}

/// Where the opaque part of a frame with alpha ends.
pub fn edge(index: u32) -> u32 {
    16 + 8 * (index % 4)
}

fn picture(index: u32, pixel: Pixel) -> frame::Video {
    let mut picture = frame::Video::new(pixel, SIZE[0], SIZE[1]);
    let deep = pixel.descriptor().expect("format").name().contains("10");
    for plane in 0..picture.planes() {
        let (stride, width) = (picture.stride(plane), picture.plane_width(plane));
        let bytes = if deep { 2 } else { 1 };
        for line in picture.data_mut(plane).chunks_mut(stride) {
            for x in 0..width.min((stride / bytes) as u32) {
                let value: u16 = match plane {
                    // Eight columns, the lowest bit on the left.
                    0 if index >> (x * 8 / SIZE[0]) & 1 == 1 => 220,
                    0 => 30,
                    3 if x >= edge(index) => 0,
                    3 => 255,
                    _ => 128,
                };
                let at = x as usize * bytes;
                match deep {
                    true => {
                        line[at..at + 2].copy_from_slice(&(value << 2 | value >> 6).to_le_bytes())
                    }
                    false => line[at] = value as u8,
                }
            }
        }
    }
    picture
}

/// The number that each frame shows.
pub fn numbers(frames: &Frames) -> Vec<u32> {
    let column = frames.width as usize / 8;
    let read = |i| {
        let pixels = frames.read(&gpu(), i).expect("read");
        let middle = frames.height as usize / 2 * frames.width as usize + column / 2;
        (0..8)
            .filter(|bit| pixels[middle + bit * column] & 255 > 128)
            .map(|bit| 1 << bit)
            .sum()
    };
    (0..frames.len()).map(read).collect()
}

/// Rewrites the time in milliseconds of each block of a short Matroska file, whose muxer refuses wrong ones.
pub fn restamp(path: &Path, time: impl Fn(usize, i16) -> i16) {
    let mut bytes = std::fs::read(path).expect("read");
    let mut places = Vec::new();
    blocks(&bytes, 0, bytes.len(), &mut places);
    assert!(!places.is_empty());
    for (index, at) in places.into_iter().enumerate() {
        let old = i16::from_be_bytes([bytes[at], bytes[at + 1]]);
        bytes[at..at + 2].copy_from_slice(&time(index, old).to_be_bytes());
    }
    std::fs::write(path, bytes).expect("write");
}

/// Finds the times of the blocks between two places of a Matroska file.
fn blocks(bytes: &[u8], mut at: usize, end: usize, places: &mut Vec<usize>) {
    // A number whose first byte tells its length by leading zeros; identities keep that mark.
    let number = |at: usize, keep: bool| {
        let length = bytes[at].leading_zeros() as usize + 1;
        let first = match keep {
            true => u64::from(bytes[at]),
            false => u64::from(bytes[at]) & ((1 << (8 - length)) - 1),
        };
        let rest = &bytes[at + 1..at + length];
        let value = rest.iter().fold(first, |v, &b| v << 8 | u64::from(b));
        (value, at + length, value == (1 << (7 * length)) - 1)
    };
    while at < end {
        let (id, size_at, _) = number(at, true);
        let (size, body, open) = number(size_at, false);
        let stop = if open { end } else { body + size as usize };
        match id {
            // Segment, cluster, block group.
            0x1853_8067 | 0x1F43_B675 | 0xA0 => blocks(bytes, body, stop, places),
            // Simple block, block: the track comes first.
            0xA3 | 0xA1 => places.push(number(body, false).1),
            _ => {}
        }
        at = stop;
    }
}
