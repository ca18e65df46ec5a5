//! Depth maps as one NumPy array of half floats, `[frames, height, width]`, NaN where unknown.

use std::path::Path;

use half::f16;

use super::{DepthError, DepthKind, DepthMap, DepthMaps};
use crate::npy;

const DESCR: &str = "<f2";

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
        let mut body = Vec::with_capacity(2 * w * h * self.maps.len());
        for map in &self.maps {
            match map {
                Some(map) => body.extend(
                    map.values
                        .iter()
                        .flat_map(|&v| f16::from_f32(v).to_le_bytes()),
                ),
                None => body.extend(std::iter::repeat_n(f16::NAN.to_le_bytes(), w * h).flatten()),
            }
        }
        npy::write(path, DESCR, &[self.maps.len(), h, w], &body)
            .map_err(|reason| DepthError::file(path, reason))
    }

    /// Reads what [`DepthMaps::save_npy`] wrote; frames without a finite value have no map.
    ///
    /// # Errors
    /// [`DepthError::File`] when it is missing, truncated or of another type.
    pub fn load_npy(path: &Path, kind: DepthKind, model: &str) -> Result<Self, DepthError> {
        let ([frames, h, w], body) =
            npy::read(path, DESCR, 2).map_err(|reason| DepthError::file(path, reason))?;
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
