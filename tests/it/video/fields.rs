//! H.264 whose frames are coded as two fields, each a picture of its own, which no encoder at hand writes.

/// Writes bits from the highest down.
#[derive(Default)]
struct Bits(Vec<bool>);

impl Bits {
    fn fixed(&mut self, count: u32, value: u32) -> &mut Self {
        self.0
            .extend((0..count).rev().map(|bit| value >> bit & 1 == 1));
        self
    }

    /// Exponential Golomb code, as almost all of a header is.
    fn golomb(&mut self, values: &[u32]) -> &mut Self {
        for value in values {
            let length = 32 - (value + 1).leading_zeros();
            self.fixed(length - 1, 0).fixed(length, value + 1);
        }
        self
    }

    fn align(&mut self) -> &mut Self {
        self.0.resize(self.0.len().next_multiple_of(8), false);
        self
    }

    /// A unit of the stream: start code, header, and the bits with what would look like a start code broken up.
    fn unit(&mut self, header: u8) -> Vec<u8> {
        self.fixed(1, 1).align();
        let mut unit = vec![0, 0, 0, 1, header];
        let mut zeros = 0;
        for bits in self.0.chunks(8) {
            let byte = bits.iter().fold(0, |byte, &bit| byte << 1 | u8::from(bit));
            if zeros >= 2 && byte <= 3 {
                unit.push(3);
                zeros = 0;
            }
            unit.push(byte);
            zeros = if byte == 0 { zeros + 1 } else { 0 };
        }
        unit
    }
}

/// `frames` frames of 32x32 pixels, frame `i` as grey as 20 + 10 i in both fields; with `rate` frames per second told,
/// or without.
pub fn h264(frames: u32, rate: Option<u32>) -> Vec<u8> {
    let mut stream = Vec::new();
    for frame in 0..frames {
        for bottom in [0, 1] {
            let first = frame == 0 && bottom == 0;
            stream.extend(Bits::default().fixed(3, 0).unit(0x09));
            if first {
                stream.extend(headers(rate));
            }
            let mut slice = Bits::default();
            slice.golomb(&[0, 7, 0]).fixed(4, frame % 16);
            slice.fixed(1, 1).fixed(1, bottom);
            if first {
                slice.golomb(&[0]);
            }
            slice.fixed(8, (2 * frame + bottom) % 256);
            slice.fixed(if first { 2 } else { 1 }, 0).golomb(&[0, 1]);
            for _ in 0..2 {
                // A block of plain samples.
                slice.golomb(&[25]).align();
                for sample in 0..384 {
                    slice.fixed(8, if sample < 256 { 20 + 10 * frame } else { 128 });
                }
            }
            stream.extend(slice.unit(if first { 0x65 } else { 0x21 }));
        }
    }
    stream
}

/// Main profile, two blocks wide and one high in each field.
fn headers(rate: Option<u32>) -> Vec<u8> {
    let mut sequence = Bits::default();
    sequence.fixed(8, 77).fixed(8, 0).fixed(8, 30);
    sequence
        .golomb(&[0, 0, 0, 4, 1])
        .fixed(1, 0)
        .golomb(&[1, 0]);
    // Fields, not mixed within a picture, no cropping.
    sequence.fixed(4, 0b0010);
    match rate {
        Some(rate) => sequence
            .fixed(6, 0b10_0001)
            .fixed(32, 1)
            .fixed(32, 2 * rate)
            .fixed(5, 0b10000),
        None => sequence.fixed(1, 0),
    };
    let mut picture = Bits::default();
    picture.golomb(&[0, 0]).fixed(2, 0).golomb(&[0, 0, 0]);
    picture.fixed(3, 0).golomb(&[0, 0, 0]).fixed(3, 0b100);
    [sequence.unit(0x67), picture.unit(0x68)].concat()
}
