//! Version 1 of `world.vox`: runs of states, which the program wrote before it kept bricks.
//!
//! After magic and version: f32 origin x 3, f32 voxel, u32 dims x 3, f32 floor, u8 floor found, u8 unit, u16 zero, u32 notes
//! length and that many bytes of a JSON array; then runs of (u8 state, LEB128 length), and the FNV-1a 64 of everything
//! before it.

use super::{Reader, cut_short, shape, unit_of};
use crate::world::{Voxel, World};

fn checksum(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |h, &b| {
        (h ^ u64::from(b)).wrapping_mul(0x100_0000_01b3)
    })
}

/// Reads a file whose magic and version were looked at.
pub(super) fn read(bytes: &[u8]) -> Result<World, String> {
    let (body, sum) = bytes.split_last_chunk::<8>().ok_or_else(cut_short)?;
    if checksum(body) != u64::from_le_bytes(*sum) {
        return Err(
            "the file is cut short or damaged (checksum); build the world again".to_owned(),
        );
    }
    let mut reader = Reader(body.get(8..).ok_or_else(cut_short)?);
    let origin = [reader.f32()?, reader.f32()?, reader.f32()?];
    let voxel = reader.f32()?;
    let dims = [reader.u32()?, reader.u32()?, reader.u32()?];
    let floor = reader.f32()?;
    let flags = reader.take(4)?;
    let unit = unit_of(flags[1])?;
    let count = shape(origin, voxel, dims, floor)?;
    let length = reader.u32()? as usize;
    let notes = serde_json::from_slice(reader.take(length)?)
        .map_err(|e| format!("the file's notes are damaged: {e}"))?;
    let mut runs = Vec::new();
    let mut held = 0;
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
        held += run;
        if state > 2 || held > count {
            return Err("the file's voxels do not fit its size".to_owned());
        }
        runs.push((Voxel::of(state.into()), run as usize));
    }
    if held != count {
        return Err(format!(
            "the file holds {held} of {count} voxels; build the world again"
        ));
    }
    // Not before: a head alone may claim any size. A run may too, up to the limit of all worlds.
    let mut world = World {
        floor,
        floor_found: flags[0] != 0,
        unit,
        notes,
        ..World::empty(origin, voxel, dims)
    };
    let states = runs
        .into_iter()
        .flat_map(|(state, n)| std::iter::repeat_n(state, n));
    world.fill(0, states);
    Ok(world)
}
