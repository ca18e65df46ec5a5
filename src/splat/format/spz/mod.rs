//! SPZ (Niantic): splats of 16 to 92 bytes, packed by gzip (versions 1 to 3) or zstd (version 4), +Y up as our world.

use super::super::harmonics::coefficients;

mod axes;
mod read;
mod write;

pub use read::parse;
pub use write::{encode, encode_version};

/// First bytes of version 4, and of the others once unpacked.
const MAGIC: &[u8] = b"NGSP";
const GZIP: &[u8] = b"\x1F\x8B";

/// Bytes of the header up to version 3, and from version 4 on.
const HEADER: usize = 16;
const HEADER_4: usize = 32;

/// Flags of the header.
const ANTIALIASED: u8 = 1;
const EXTENSIONS: u8 = 2;
/// Spark's own: splats of all levels of detail, opacities halved, the tree behind the harmonics.
const LEVELS: u8 = 0x80;

/// Bytes that any file may unpack to, and how often the length of a larger one: real ones do at most a few times.
const UNPACKED: u64 = 1 << 26;
const RATIO: u64 = 64;

/// Colour coefficients are stored times this, about the middle.
const COLOUR: f32 = 0.15;

/// Steps of a smallest-three component, whose greatest magnitude is the square root of one half.
const ROTATION: f32 = 511.0;

/// What the header tells.
#[derive(Clone, Copy, Debug)]
struct Header {
    version: u32,
    count: u32,
    degree: u32,
    bits: u32,
    flags: u8,
}

impl Header {
    fn parse(head: &[u8; HEADER]) -> Result<Self, String> {
        if !head.starts_with(MAGIC) {
            return Err(
                "not an SPZ file: what gzip unpacks does not begin with 'NGSP'; unpack it first (`gunzip`)".into(),
            );
        }
        let word =
            |at: usize| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
        let header = Self {
            version: word(4),
            count: word(8),
            degree: u32::from(head[12]),
            bits: u32::from(head[13]),
            flags: head[14],
        };
        if !(1..=4).contains(&header.version) {
            return Err(format!(
                "SPZ version {} is not read, versions 1 to 4 are; convert it to .ply with the tool that made it",
                header.version
            ));
        }
        if header.degree > 4 {
            return Err(format!(
                "its header tells of spherical harmonics of degree {}, where SPZ has 0 to 4; the file is damaged",
                header.degree
            ));
        }
        if header.bits > 30 {
            return Err(format!(
                "its header tells of {} fractional bits, where positions have 24 in all; the file is damaged",
                header.bits
            ));
        }
        Ok(header)
    }

    /// Bytes a splat of positions, opacities, colours, sizes, rotations and harmonics.
    fn widths(&self) -> [usize; 6] {
        let position = if self.version == 1 { 6 } else { 9 };
        let rotation = if self.version < 3 { 3 } else { 4 };
        let harmonics = 3 * (coefficients(self.degree) - 1);
        [position, 1, 3, 3, rotation, harmonics]
    }

    /// Bytes a splat of the tree of levels.
    fn tree(&self) -> usize {
        match self.version < 4 && self.flags & LEVELS != 0 {
            true => 2 + 4,
            false => 0,
        }
    }

    /// Bytes of all splats, if a file of this length may hold as many.
    fn unpacked(&self, packed: usize) -> Result<usize, String> {
        let splat = self.widths().iter().sum::<usize>() + self.tree();
        let all = u64::from(self.count) * splat as u64;
        let most = UNPACKED.max(RATIO.saturating_mul(packed as u64));
        usize::try_from(all)
            .ok()
            .filter(|_| all <= most)
            .ok_or_else(|| {
                format!(
                    "its header tells of {} splats, too many for its {packed} bytes; the file is damaged",
                    self.count
                )
            })
    }
}
