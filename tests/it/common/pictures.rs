//! Picture files made by hand: PNG and APNG of any kind, WebP that moves, EXIF in JPEG.

use std::io::Cursor;

use image::{ImageFormat, RgbaImage};

/// One frame of an animation.
pub struct Shot {
    pub image: RgbaImage,
    /// Left and top on the canvas; even for WebP.
    pub at: [u32; 2],
    /// Milliseconds.
    pub delay: u16,
    /// 0 keep, 1 clear, 2 (APNG) restore.
    pub dispose: u8,
    /// Laid over what is there.
    pub over: bool,
}

impl Shot {
    /// A frame of one colour.
    pub fn plain(size: [u32; 2], at: [u32; 2], colour: [u8; 4]) -> Self {
        Self {
            image: RgbaImage::from_pixel(size[0], size[1], image::Rgba(colour)),
            at,
            delay: 100,
            dispose: 0,
            over: false,
        }
    }
}

fn crc(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |c, _| {
            (c >> 1) ^ (0xEDB8_8320 & (!(c & 1)).wrapping_add(1))
        })
    })
}

fn chunk(name: &[u8; 4], body: &[u8]) -> Vec<u8> {
    let named = [name.as_slice(), body].concat();
    let check = crc(&named).to_be_bytes();
    [&(body.len() as u32).to_be_bytes()[..], &named, &check].concat()
}

/// zlib without compression.
fn zlib(bytes: &[u8]) -> Vec<u8> {
    let mut out = vec![0x78, 0x01];
    let mut blocks = bytes.chunks(65535).peekable();
    while let Some(block) = blocks.next() {
        let length = block.len() as u16;
        out.push(u8::from(blocks.peek().is_none()));
        out.extend(length.to_le_bytes());
        out.extend((!length).to_le_bytes());
        out.extend(block);
    }
    let (a, b) = bytes.iter().fold((1u32, 0u32), |(a, b), &byte| {
        let a = (a + u32::from(byte)) % 65521;
        (a, (b + a) % 65521)
    });
    out.extend((b << 16 | a).to_be_bytes());
    out
}

/// How a PNG's pixels are coded.
#[derive(Clone, Copy)]
pub enum Coded {
    Rgba8,
    Rgba16,
    /// One of a few colours by its number.
    Palette,
}

impl Coded {
    fn header(self) -> [u8; 2] {
        match self {
            Self::Rgba8 => [8, 6],
            Self::Rgba16 => [16, 6],
            Self::Palette => [8, 3],
        }
    }

    /// Rows, each behind its filter byte.
    fn rows(self, image: &RgbaImage, palette: &[[u8; 4]]) -> Vec<u8> {
        let mut rows = Vec::new();
        for row in image.rows() {
            rows.push(0);
            for pixel in row {
                match self {
                    Self::Rgba8 => rows.extend(pixel.0),
                    Self::Rgba16 => rows.extend(pixel.0.iter().flat_map(|&v| [v, v])),
                    Self::Palette => {
                        let number = palette.iter().position(|c| *c == pixel.0);
                        rows.push(number.expect("a colour of the palette") as u8);
                    }
                }
            }
        }
        rows
    }
}

fn colours(images: &[&RgbaImage]) -> Vec<[u8; 4]> {
    let mut colours: Vec<[u8; 4]> = images
        .iter()
        .flat_map(|i| i.pixels().map(|p| p.0))
        .collect();
    colours.sort_unstable();
    colours.dedup();
    colours
}

fn start(size: [u32; 2], coded: Coded) -> Vec<u8> {
    let mut header = [size[0].to_be_bytes(), size[1].to_be_bytes()].concat();
    header.extend(coded.header());
    header.extend([0; 3]);
    [&b"\x89PNG\r\n\x1a\n"[..], &chunk(b"IHDR", &header)].concat()
}

fn palette(coded: Coded, colours: &[[u8; 4]]) -> Vec<u8> {
    match coded {
        Coded::Palette => {
            let rgb: Vec<u8> = colours.iter().flat_map(|c| [c[0], c[1], c[2]]).collect();
            let alpha: Vec<u8> = colours.iter().map(|c| c[3]).collect();
            [chunk(b"PLTE", &rgb), chunk(b"tRNS", &alpha)].concat()
        }
        _ => Vec::new(),
    }
}

/// A still PNG.
pub fn png(image: &RgbaImage, coded: Coded) -> Vec<u8> {
    let colours = colours(&[image]);
    let mut bytes = start([image.width(), image.height()], coded);
    bytes.extend(palette(coded, &colours));
    bytes.extend(chunk(b"IDAT", &zlib(&coded.rows(image, &colours))));
    bytes.extend(chunk(b"IEND", &[]));
    bytes
}

/// An APNG; `hidden` is a picture for readers of stills, which is no frame.
pub fn apng(size: [u32; 2], shots: &[Shot], hidden: Option<&RgbaImage>, coded: Coded) -> Vec<u8> {
    let all: Vec<&RgbaImage> = shots.iter().map(|s| &s.image).chain(hidden).collect();
    let colours = colours(&all);
    let mut bytes = start(size, coded);
    let control = [(shots.len() as u32).to_be_bytes(), [0; 4]].concat();
    bytes.extend(chunk(b"acTL", &control));
    bytes.extend(palette(coded, &colours));
    if let Some(image) = hidden {
        bytes.extend(chunk(b"IDAT", &zlib(&coded.rows(image, &colours))));
    }
    let mut number = 0u32;
    let mut next = || {
        number += 1;
        (number - 1).to_be_bytes()
    };
    for (at, shot) in shots.iter().enumerate() {
        let mut control = next().to_vec();
        let [w, h] = [shot.image.width(), shot.image.height()];
        for value in [w, h, shot.at[0], shot.at[1]] {
            control.extend(value.to_be_bytes());
        }
        control.extend(shot.delay.to_be_bytes());
        control.extend(1000u16.to_be_bytes());
        control.extend([shot.dispose, u8::from(shot.over)]);
        bytes.extend(chunk(b"fcTL", &control));
        let data = zlib(&coded.rows(&shot.image, &colours));
        if at == 0 && hidden.is_none() {
            bytes.extend(chunk(b"IDAT", &data));
            continue;
        }
        // In two chunks, as long frames are.
        let (one, two) = data.split_at(data.len() / 2);
        for part in [one, two] {
            bytes.extend(chunk(b"fdAT", &[&next()[..], part].concat()));
        }
    }
    bytes.extend(chunk(b"IEND", &[]));
    bytes
}

/// An animated WebP without loss.
pub fn webp(size: [u32; 2], shots: &[Shot]) -> Vec<u8> {
    let three = |value: u32| value.to_le_bytes()[..3].to_vec();
    let riff = |name: &[u8; 4], body: &[u8]| {
        let mut bytes = [name.as_slice(), &(body.len() as u32).to_le_bytes(), body].concat();
        bytes.resize(bytes.len() + body.len() % 2, 0);
        bytes
    };
    let header = [vec![0x12, 0, 0, 0], three(size[0] - 1), three(size[1] - 1)].concat();
    let mut body = [&b"WEBP"[..], &riff(b"VP8X", &header)].concat();
    body.extend(riff(b"ANIM", &[255, 255, 255, 255, 0, 0]));
    for shot in shots {
        let mut still = Cursor::new(Vec::new());
        shot.image
            .write_to(&mut still, ImageFormat::WebP)
            .expect("WebP");
        let [w, h] = [shot.image.width(), shot.image.height()];
        let mut frame: Vec<u8> = [
            shot.at[0] / 2,
            shot.at[1] / 2,
            w - 1,
            h - 1,
            u32::from(shot.delay),
        ]
        .into_iter()
        .flat_map(three)
        .collect();
        frame.push(shot.dispose & 1 | if shot.over { 0 } else { 2 });
        // Behind RIFF, its length and WEBP lie the picture's chunks.
        frame.extend(&still.into_inner()[12..]);
        body.extend(riff(b"ANMF", &frame));
    }
    riff(b"RIFF", &body)
}

/// A JPEG of `image`.
pub fn jpeg(image: &image::RgbImage) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, ImageFormat::Jpeg).expect("JPEG");
    bytes.into_inner()
}

/// Puts EXIF with that orientation into a JPEG, and behind it what else `more` holds, such as a thumbnail.
pub fn with_exif(jpeg: &[u8], orientation: u8, more: &[u8]) -> Vec<u8> {
    let mut exif = b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0".to_vec();
    exif.extend([orientation, 0, 0, 0, 0, 0, 0, 0]);
    exif.extend(more);
    let length = (exif.len() as u16 + 2).to_be_bytes();
    [&jpeg[..2], &[0xFF, 0xE1], &length, &exif, &jpeg[2..]].concat()
}
