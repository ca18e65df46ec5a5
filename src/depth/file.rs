//! Depth maps as one NumPy array of half floats, `[frames, height, width]`, NaN where unknown.

use std::path::Path;

use half::f16;

use super::{DepthError, DepthKind, DepthMap, DepthMaps};

const MAGIC: &[u8; 8] = b"\x93NUMPY\x01\x00";

impl DepthMaps {
    /// Writes the maps, which must all have one size, as a `.npy` file (format 1.0, `<f2`, C order).
    ///
    /// # Errors
    /// [`DepthError::File`].
    pub fn save_npy(&self, path: &Path) -> Result<(), DepthError> {
        let first = self.maps.iter().flatten().next();
        let (w, h) = first.map_or((0, 0), |m| (m.width as usize, m.height as usize));
        if self.maps.iter().flatten().any(|m| m.values.len() != w * h) {
            return Err(DepthError::file(path, "the maps differ in size"));
        }
        let mut header = format!(
            "{{'descr': '<f2', 'fortran_order': False, 'shape': ({}, {h}, {w}), }}",
            self.maps.len()
        );
        while !(MAGIC.len() + 2 + header.len() + 1).is_multiple_of(64) {
            header.push(' ');
        }
        header.push('\n');
        let mut bytes = MAGIC.to_vec();
        bytes.extend((header.len() as u16).to_le_bytes());
        bytes.extend(header.as_bytes());
        for map in &self.maps {
            match map {
                Some(map) => bytes.extend(
                    map.values
                        .iter()
                        .flat_map(|&v| f16::from_f32(v).to_le_bytes()),
                ),
                None => bytes.extend(std::iter::repeat_n(f16::NAN.to_le_bytes(), w * h).flatten()),
            }
        }
        std::fs::write(path, bytes).map_err(|e| DepthError::file(path, e.to_string()))
    }

    /// Reads what [`DepthMaps::save_npy`] wrote; frames without a finite value have no map.
    ///
    /// # Errors
    /// [`DepthError::File`] when it is missing, truncated or of another type.
    pub fn load_npy(path: &Path, kind: DepthKind, model: &str) -> Result<Self, DepthError> {
        let fail = |reason: &str| DepthError::file(path, reason);
        let bytes = std::fs::read(path).map_err(|e| fail(&e.to_string()))?;
        let foreign = "not a depth file of this program (a .npy array of <f2); delete it to have it made again";
        let length = bytes.get(8..10).ok_or_else(|| fail(foreign))?;
        let start = 10 + usize::from(u16::from_le_bytes([length[0], length[1]]));
        let header = bytes.get(10..start).ok_or_else(|| fail(foreign))?;
        let header = std::str::from_utf8(header).map_err(|_| fail(foreign))?;
        let shape: Vec<usize> = header
            .split_once("'shape': (")
            .and_then(|(_, rest)| rest.split_once(')'))
            .map(|(shape, _)| {
                shape
                    .split(',')
                    .filter_map(|n| n.trim().parse().ok())
                    .collect()
            })
            .unwrap_or_default();
        let (true, &[frames, h, w]) = (
            bytes.starts_with(MAGIC) && header.contains("'<f2'"),
            &shape[..],
        ) else {
            return Err(fail(foreign));
        };
        let body = &bytes[start..];
        let size = frames
            .checked_mul(h)
            .and_then(|n| n.checked_mul(w))
            .and_then(|n| n.checked_mul(2));
        if size != Some(body.len()) {
            return Err(fail("truncated; delete it to have it made again"));
        }
        let maps = (0..frames)
            .map(|i| {
                let values: Vec<f32> = body[i * h * w * 2..(i + 1) * h * w * 2]
                    .chunks_exact(2)
                    .map(|b| f16::from_le_bytes([b[0], b[1]]).to_f32())
                    .collect();
                let any = values.iter().any(|v| v.is_finite());
                any.then_some(DepthMap {
                    width: w as u32,
                    height: h as u32,
                    values,
                })
            })
            .collect();
        Ok(Self {
            kind,
            model: model.to_owned(),
            maps,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maps_come_back_and_damage_is_told() {
        let map = |k: f32| DepthMap {
            width: 3,
            height: 2,
            values: (0..6).map(|i| i as f32 * k).collect(),
        };
        let maps = DepthMaps {
            kind: DepthKind::RelativeInverse,
            model: "m".into(),
            maps: vec![Some(map(0.25)), None, Some(map(2.0))],
        };
        let folder = tempfile::tempdir().expect("tempdir");
        let path = folder.path().join("depth.npy");
        maps.save_npy(&path).expect("save");
        let back = DepthMaps::load_npy(&path, maps.kind, "m").expect("load");
        assert!(back.maps[1].is_none());
        for i in [0, 2] {
            let (a, b) = (
                maps.maps[i].as_ref().expect("map"),
                back.maps[i].as_ref().expect("map"),
            );
            assert_eq!(
                (a.width, a.height, &a.values),
                (b.width, b.height, &b.values)
            );
        }
        let bytes = std::fs::read(&path).expect("read");
        assert_eq!(
            (bytes.len() - 36) % 64,
            0,
            "the header ends at a multiple of 64"
        );
        for cut in [0, 5, 9, 40, bytes.len() - 1] {
            std::fs::write(&path, &bytes[..cut]).expect("cut");
            assert!(DepthMaps::load_npy(&path, maps.kind, "m").is_err(), "{cut}");
        }
    }
}
