//! Depth maps as pictures that people can read: near is warm and bright, far is dark blue.

use super::{DepthKind, DepthMap, DepthMaps};

/// Colours from far to near.
const STOPS: [[f32; 3]; 6] = [
    [12.0, 10.0, 40.0],
    [50.0, 40.0, 130.0],
    [30.0, 120.0, 160.0],
    [80.0, 185.0, 110.0],
    [235.0, 190.0, 70.0],
    [255.0, 245.0, 220.0],
];

/// Values that a clip's pictures run from and to: the 2nd and 98th percentile of all known values. `None`
/// where nothing is known.
pub fn value_range(maps: &DepthMaps) -> Option<[f32; 2]> {
    let known = |map: &DepthMap| {
        // A few thousand values a map tell the percentiles well enough.
        let step = (map.values.len() / 4096).max(1);
        let values = map.values.iter().copied().step_by(step);
        values
            .filter(|v| is_known(maps.kind, *v))
            .collect::<Vec<f32>>()
    };
    let mut all: Vec<f32> = maps.maps.iter().flatten().flat_map(known).collect();
    all.sort_unstable_by(f32::total_cmp);
    let at = |share: f64| all.get((all.len() as f64 * share) as usize).copied();
    Some([at(0.02)?, at(0.98)?])
}

pub(super) fn is_known(kind: DepthKind, value: f32) -> bool {
    value.is_finite() && (kind != DepthKind::Metric || value > 0.0)
}

/// A map as RGB bytes, row-major, black where unknown; `range` as [`value_range`] gives it.
pub fn colour_picture(map: &DepthMap, kind: DepthKind, range: [f32; 2]) -> Vec<u8> {
    let span = (range[1] - range[0]).max(f32::MIN_POSITIVE);
    let colour = |&value: &f32| {
        if !is_known(kind, value) {
            return [0; 3];
        }
        let share = ((value - range[0]) / span).clamp(0.0, 1.0);
        let near = if kind == DepthKind::Metric {
            1.0 - share
        } else {
            share
        };
        let place = near * (STOPS.len() - 1) as f32;
        let i = (place as usize).min(STOPS.len() - 2);
        let f = place - i as f32;
        std::array::from_fn(|c| (STOPS[i][c] * (1.0 - f) + STOPS[i + 1][c] * f) as u8)
    };
    map.values.iter().flat_map(colour).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_is_bright_and_unknown_is_black() {
        let map = DepthMap {
            width: 3,
            height: 1,
            values: vec![1.0, 4.0, f32::NAN],
        };
        let relative = colour_picture(&map, DepthKind::RelativeInverse, [1.0, 4.0]);
        let metric = colour_picture(&map, DepthKind::Metric, [1.0, 4.0]);
        assert_eq!(relative[..3], [12, 10, 40]);
        assert_eq!(relative[3..6], [255, 245, 220]);
        assert_eq!(metric[..3], relative[3..6]);
        assert_eq!(relative[6..], [0, 0, 0]);
    }
}
