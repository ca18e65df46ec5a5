//! `world.vox`: a small header, run-length coded states, a checksum.
//!
//! Little-endian: magic `SDVX`, u32 version, f32 origin x 3, f32 voxel, u32 dims x 3, f32 floor, u8 floor found,
//! u8 unit (0 metres, 1 arbitrary, 2 camera heights), u16 zero, u32 notes length and that many bytes of a JSON array;
//! then runs of (u8 state, LEB128 length), and the FNV-1a 64 of everything before it.

use std::path::Path;

use super::{Voxel, World, WorldError};
use crate::camera::LengthUnit;

/// Version of the file.
pub const VERSION: u32 = 1;
const MAGIC: &[u8; 4] = b"SDVX";
const MOST: u64 = 1 << 31;

fn checksum(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |h, &b| {
        (h ^ u64::from(b)).wrapping_mul(0x100_0000_01b3)
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
    fn f32(&mut self) -> Result<f32, String> {
        self.u32().map(f32::from_bits)
    }
}

fn cut_short() -> String {
    "the file is cut short; build the world again".to_owned()
}

impl World {
    /// The bytes of `world.vox`.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = MAGIC.to_vec();
        out.extend(VERSION.to_le_bytes());
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
        let notes = serde_json::json!(self.notes).to_string();
        out.extend((notes.len() as u32).to_le_bytes());
        out.extend(notes.as_bytes());
        let mut states = self.states().peekable();
        while let Some(state) = states.next() {
            let mut length = 1usize;
            while states.next_if_eq(&state).is_some() {
                length += 1;
            }
            out.push(state as u8);
            while length > 127 {
                out.push(length as u8 | 128);
                length >>= 7;
            }
            out.push(length as u8);
        }
        let sum = checksum(&out);
        out.extend(sum.to_le_bytes());
        out
    }

    /// Reads the bytes of `world.vox`; the error says in words what is wrong.
    ///
    /// # Errors
    /// A foreign, newer, damaged or cut file.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, String> {
        let mut reader = Reader(bytes);
        if reader.take(4)? != MAGIC {
            return Err("this is not a world file (it does not start with SDVX)".to_owned());
        }
        let version = reader.u32()?;
        if version != VERSION {
            return Err(format!(
                "the file has version {version}, this program reads {VERSION}; build the world again"
            ));
        }
        let (body, sum) = bytes.split_last_chunk::<8>().ok_or_else(cut_short)?;
        if checksum(body) != u64::from_le_bytes(*sum) {
            return Err(
                "the file is cut short or damaged (checksum); build the world again".to_owned(),
            );
        }
        let mut reader = Reader(&body[8..]);
        let origin = [reader.f32()?, reader.f32()?, reader.f32()?];
        let voxel = reader.f32()?;
        let dims = [reader.u32()?, reader.u32()?, reader.u32()?];
        let floor = reader.f32()?;
        let flags = reader.take(4)?;
        let unit = match flags[1] {
            0 => LengthUnit::Metres,
            1 => LengthUnit::Arbitrary,
            2 => LengthUnit::CameraHeights,
            other => {
                return Err(format!(
                    "the file names length unit {other}, which does not exist"
                ));
            }
        };
        let count = dims
            .iter()
            .try_fold(1u64, |n, &d| n.checked_mul(u64::from(d)))
            .filter(|&n| n > 0 && n <= MOST)
            .ok_or_else(|| format!("the file claims {dims:?} voxels, which cannot be"))?;
        let finite = origin.iter().chain([&floor]).all(|x| x.is_finite());
        if !(finite && voxel.is_finite() && voxel > 0.0) {
            return Err("the file's origin, floor or voxel size is not a number".to_owned());
        }
        let length = reader.u32()? as usize;
        let notes = serde_json::from_slice(reader.take(length)?)
            .map_err(|e| format!("the file's notes are damaged: {e}"))?;
        let mut states = Vec::new();
        while !reader.0.is_empty() {
            let state = reader.take(1)?[0];
            let (mut run, mut shift) = (0u64, 0);
            loop {
                let byte = reader.take(1)?[0];
                run |= u64::from(byte & 127) << shift;
                shift += 7;
                if byte < 128 {
                    break;
                }
                if shift > 35 {
                    return Err("a run of the file is too long".to_owned());
                }
            }
            if state > 2 || states.len() as u64 + run > count {
                return Err("the file's voxels do not fit its size".to_owned());
            }
            states.resize(states.len() + run as usize, state);
        }
        if states.len() as u64 != count {
            return Err(format!("the file holds {} of {count} voxels", states.len()));
        }
        let mut world = Self {
            floor,
            floor_found: flags[0] != 0,
            unit,
            notes,
            ..Self::empty(origin, voxel, dims)
        };
        world.fill(0, states.into_iter().map(|s| Voxel::of(s.into())));
        Ok(world)
    }

    /// Writes `world.vox`.
    ///
    /// # Errors
    /// [`WorldError::File`].
    pub fn save(&self, path: &Path) -> Result<(), WorldError> {
        std::fs::write(path, self.to_bytes()).map_err(|e| at(path, e.to_string()))
    }

    /// Reads `world.vox`.
    ///
    /// # Errors
    /// [`WorldError::File`] for a missing, foreign, newer, damaged or cut file.
    pub fn load(path: &Path) -> Result<Self, WorldError> {
        let bytes = std::fs::read(path).map_err(|e| at(path, e.to_string()))?;
        Self::from_bytes(&bytes).map_err(|reason| at(path, reason))
    }
}

fn at(path: &Path, reason: String) -> WorldError {
    WorldError::File {
        path: path.display().to_string(),
        reason,
    }
}
