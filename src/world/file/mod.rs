//! `world.vox`: the bricks as they lie in memory, so that opening a file maps it and copies nothing.
//!
//! Little-endian: magic `SDVX`, u32 version, u64 checksum of all after it, u64 bytes of the file, f32 origin x 3, f32 voxel,
//! u32 dims x 3, f32 floor, u8 floor found, u8 unit (0 metres, 1 arbitrary, 2 camera heights), u16 zero, u32 masks, u32
//! notes length and that many bytes of a JSON array. Then, each at the next multiple of 64 bytes: tags of bricks, masks of
//! bricks in their order, blocks, regions, as [`super::bricks`] says. The same world gives the same bytes.

use std::path::Path;
use std::sync::Arc;

use memmap2::Mmap;

use super::bricks::{self, Bricks, Pair};
use super::cells::Cells;
use super::{World, WorldError};
use crate::camera::LengthUnit;

mod runs;

/// Version of the file.
pub const VERSION: u32 = 2;
const MAGIC: &[u8; 4] = b"SDVX";
/// Where the checksum ends and what it covers begins.
const COVERED: usize = 16;
const ALIGN: usize = 64;
/// Edges of voxels that are read: with others distances and volumes leave what numbers can hold.
const VOXELS: std::ops::RangeInclusive<f32> = 1e-6..=1e6;
/// Farthest from 0 that a world may lie.
const FAR: f32 = 1e9;

/// Four lanes of words, so that a large file takes no longer than reading it. Any one byte that changes changes it.
fn checksum(bytes: &[u8]) -> u64 {
    const PRIME: u64 = 0x9e37_79b1_85eb_ca87;
    let mut lanes = [1u64, 2, 3, 4];
    let mut mix = |words: &[u8; 32]| {
        for (lane, word) in lanes.iter_mut().zip(words.as_chunks::<8>().0) {
            *lane = (*lane ^ u64::from_le_bytes(*word))
                .wrapping_mul(PRIME)
                .rotate_left(29);
        }
    };
    let (whole, rest) = bytes.as_chunks::<32>();
    whole.iter().for_each(&mut mix);
    let mut last = [0; 32];
    last[..rest.len()].copy_from_slice(rest);
    mix(&last);
    lanes.iter().fold(bytes.len() as u64, |h, lane| {
        (h ^ lane).wrapping_mul(PRIME).rotate_left(31)
    })
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, n: usize) -> Result<&'a [u8], String> {
        let (head, rest) = self.0.split_at_checked(n).ok_or_else(cut_short)?;
        self.0 = rest;
        Ok(head)
    }
    fn u32(&mut self) -> Result<u32, String> {
        let bytes = self.take(4)?.try_into().map_err(|_| cut_short())?;
        Ok(u32::from_le_bytes(bytes))
    }
    fn u64(&mut self) -> Result<u64, String> {
        Ok(u64::from(self.u32()?) | u64::from(self.u32()?) << 32)
    }
    fn f32(&mut self) -> Result<f32, String> {
        self.u32().map(f32::from_bits)
    }
}

fn cut_short() -> String {
    "the file is cut short; build the world again".to_owned()
}

fn damaged() -> String {
    "the file is damaged (checksum); build the world again".to_owned()
}

fn unit_of(number: u8) -> Result<LengthUnit, String> {
    match number {
        0 => Ok(LengthUnit::Metres),
        1 => Ok(LengthUnit::Arbitrary),
        2 => Ok(LengthUnit::CameraHeights),
        other => Err(format!(
            "the file names length unit {other}, which does not exist"
        )),
    }
}

/// Voxels of a grid that can be.
fn shape(origin: [f32; 3], voxel: f32, dims: [u32; 3], floor: f32) -> Result<u64, String> {
    let [x, y, z] = dims;
    let count = bricks::count(dims).filter(|&n| n > 0).ok_or_else(|| {
        format!(
            "the file claims {x} x {y} x {z} voxels, and worlds of 1 to {} are read; build the world again",
            bricks::MOST
        )
    })?;
    let finite = origin.iter().chain([&floor]).all(|x| x.is_finite());
    let far = |x: &f32| x.abs() > FAR;
    match voxel {
        _ if !finite || !voxel.is_finite() || voxel <= 0.0 => {
            Err("the file's origin, floor or voxel size is not a number".to_owned())
        }
        _ if !VOXELS.contains(&voxel) => Err(format!(
            "the file's voxels are {voxel:e} wide; those of {:e} to {:e} are read",
            VOXELS.start(),
            VOXELS.end()
        )),
        _ if origin.iter().chain([&floor]).any(far) => Err(format!(
            "the file's world lies at {origin:?} with its floor at {floor}; up to {FAR:e} from 0 is read"
        )),
        _ => Ok(count),
    }
}

/// Where the parts of a file lie, one after the other from `at` on.
fn parts(mut at: usize, sizes: [usize; 4]) -> [std::ops::Range<usize>; 4] {
    sizes.map(|size| {
        let first = at.next_multiple_of(ALIGN);
        at = first + size;
        first..at
    })
}

/// A file's bytes, mapped or held.
enum Source<'a> {
    Map(Arc<Mmap>),
    Bytes(&'a [u8]),
}

impl Source<'_> {
    fn bytes(&self) -> &[u8] {
        match self {
            Self::Map(map) => map,
            Self::Bytes(bytes) => bytes,
        }
    }

    fn cells<T: bytemuck::Pod>(&self, range: std::ops::Range<usize>) -> Cells<T> {
        match self {
            Self::Map(map) => Cells::mapped(map, range),
            Self::Bytes(bytes) => Cells::from(bytemuck::pod_collect_to_vec(&bytes[range])),
        }
    }
}

fn read(source: &Source<'_>) -> Result<World, String> {
    let bytes = source.bytes();
    let mut reader = Reader(bytes);
    if reader.take(4)? != MAGIC {
        return Err("this is not a world file (it does not start with SDVX)".to_owned());
    }
    match reader.u32()? {
        1 => return runs::read(bytes),
        VERSION => {}
        version => {
            return Err(format!(
                "the file has version {version}, this program reads up to {VERSION}; build the world again"
            ));
        }
    }
    let (sum, length) = (reader.u64()?, reader.u64()?);
    if (bytes.len() as u64) < length {
        return Err(cut_short());
    }
    if bytes.len() as u64 > length || checksum(&bytes[COVERED..]) != sum {
        return Err(damaged());
    }
    let origin = [reader.f32()?, reader.f32()?, reader.f32()?];
    let voxel = reader.f32()?;
    let dims = [reader.u32()?, reader.u32()?, reader.u32()?];
    let floor = reader.f32()?;
    let flags = reader.take(4)?;
    let unit = unit_of(flags[1])?;
    shape(origin, voxel, dims, floor)?;
    let masks = reader.u32()? as usize;
    let length = reader.u32()? as usize;
    let notes = serde_json::from_slice(reader.take(length)?)
        .map_err(|e| format!("the file's notes are damaged: {e}"))?;
    let [tags, blocks, regions] = Bricks::sizes(dims);
    let pair = size_of::<Pair>();
    let sizes = [4 * tags, pair * masks, pair * blocks, pair * regions];
    let [tags, masks, blocks, regions] = parts(bytes.len() - reader.0.len(), sizes);
    if regions.end != bytes.len() {
        return Err("the file's voxels do not fit its size; build the world again".to_owned());
    }
    let bricks = Bricks::from_parts(
        dims,
        source.cells(tags),
        source.cells(masks),
        source.cells(blocks),
        source.cells(regions),
    )
    .ok_or("the file names bricks that it does not hold; build the world again")?;
    Ok(World {
        floor,
        floor_found: flags[0] != 0,
        unit,
        notes,
        ..World::of(origin, voxel, bricks)
    })
}

impl World {
    /// The bytes of `world.vox`.
    pub fn to_bytes(&self) -> Vec<u8> {
        let (tags, masks) = self.bricks().packed();
        let [_, blocks, regions] = self.bricks().levels();
        let mut out = MAGIC.to_vec();
        out.extend(VERSION.to_le_bytes());
        out.extend([0; 16]);
        for x in self.origin.iter().chain([&self.voxel]) {
            out.extend(x.to_le_bytes());
        }
        for n in self.dims {
            out.extend(n.to_le_bytes());
        }
        out.extend(self.floor.to_le_bytes());
        let unit = match self.unit {
            LengthUnit::Metres => 0,
            LengthUnit::Arbitrary => 1,
            LengthUnit::CameraHeights => 2,
        };
        out.extend([u8::from(self.floor_found), unit, 0, 0]);
        out.extend((masks.len() as u32).to_le_bytes());
        let notes = serde_json::json!(self.notes).to_string();
        out.extend((notes.len() as u32).to_le_bytes());
        out.extend(notes.as_bytes());
        let held: [&[u8]; 4] = [
            bytemuck::cast_slice(&tags),
            bytemuck::cast_slice(&masks),
            bytemuck::cast_slice(blocks),
            bytemuck::cast_slice(regions),
        ];
        for (part, bytes) in parts(out.len(), held.map(<[u8]>::len))
            .into_iter()
            .zip(held)
        {
            out.resize(part.start, 0);
            out.extend_from_slice(bytes);
        }
        let length = out.len() as u64;
        out[COVERED..COVERED + 8].copy_from_slice(&length.to_le_bytes());
        let sum = checksum(&out[COVERED..]);
        out[8..COVERED].copy_from_slice(&sum.to_le_bytes());
        out
    }

    /// Reads the bytes of `world.vox`; the error says in words what is wrong.
    ///
    /// # Errors
    /// A foreign, newer, damaged or cut file.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, String> {
        read(&Source::Bytes(bytes))
    }

    /// Writes `world.vox`, whole or not at all: a world that is open from this file keeps what it has.
    ///
    /// # Errors
    /// [`WorldError::File`].
    pub fn save(&self, path: &Path) -> Result<(), WorldError> {
        crate::files::write_shared(path, &self.to_bytes()).map_err(|e| at(path, e.to_string()))
    }

    /// Opens `world.vox`: its bricks stay in the file, mapped, until something is set.
    ///
    /// # Errors
    /// [`WorldError::File`] for a missing, foreign, newer, damaged or cut file.
    pub fn load(path: &Path) -> Result<Self, WorldError> {
        let file = std::fs::File::open(path).map_err(|e| at(path, e.to_string()))?;
        // SAFETY: the map is read only, and this program never writes into a world file that there is: it puts another in
        // its place. Whoever cuts one from outside while it is open ends this program.
        let map = unsafe { Mmap::map(&file) }.map_err(|e| at(path, e.to_string()))?;
        read(&Source::Map(Arc::new(map))).map_err(|reason| at(path, reason))
    }
}

pub(super) fn at(path: &Path, reason: String) -> WorldError {
    WorldError::File {
        path: path.display().to_string(),
        reason,
    }
}
