//! Depth views from a clip's aligned depth maps, with the frames' own pixels.

use super::DepthView;
use crate::camera::{Camera, Cameras};
use crate::depth::{DepthKind, DepthMap, DepthMaps};
use crate::motion::Masks;

/// Longest side of a view in pixels: what textures tell of depth (`sweep`) does not grow with more, its time does.
const MOST_SIDE: u32 = 320;
/// Fewest views of which some are held out.
const LEAST: usize = 8;
/// Every so many-th view judges what the others make.
const HOLD_OUT: usize = 4;
/// An inverse depth under this share of its frame's median is the sky: nothing stands within sight.
const SKY: f32 = 0.03;

/// One view for each registered camera whose frame has a map, in the order of the cameras. `pixels` answers a frame's
/// packed sRGB pixels with their width and height, where there are any. Every fourth view is held out where there are
/// eight or more. `masks` tell which pixels show what moves.
pub fn of_maps(
    maps: &DepthMaps,
    masks: Option<&Masks>,
    cameras: &Cameras,
    mut pixels: impl FnMut(usize) -> Option<(u32, u32, Vec<u32>)>,
) -> Vec<DepthView> {
    let mut views: Vec<DepthView> = cameras
        .cameras
        .iter()
        .filter_map(|camera| {
            let map = maps.maps.get(camera.frame)?.as_ref()?;
            let pixels = pixels(camera.frame);
            // A network's map may be much coarser than the pictures.
            let size = match &pixels {
                Some((width, height, _)) => [*width, *height],
                None => [map.width, map.height],
            };
            let mut view = of_map(maps.kind, map, camera, size);
            if let Some(masks) = masks {
                view.moving = masks.moving(camera.frame, [view.width, view.height]);
            }
            if let Some((width, height, rgba)) = pixels {
                view.colour = resized(&rgba, [width, height], [view.width, view.height]);
            }
            Some(view)
        })
        .collect();
    hold_out(&mut views);
    views
}

/// Marks every fourth view as held out, where there are eight or more.
pub fn hold_out(views: &mut [DepthView]) {
    if views.len() >= LEAST {
        for view in views.iter_mut().skip(HOLD_OUT / 2).step_by(HOLD_OUT) {
            view.held_out = true;
        }
    }
}

fn of_map(
    kind: DepthKind,
    map: &DepthMap,
    camera: &Camera,
    [width, height]: [u32; 2],
) -> DepthView {
    let shrink = (f64::from(MOST_SIDE) / f64::from(width.max(height).max(1))).min(1.0);
    let side = |n: u32| ((f64::from(n) * shrink).round() as u32).max(1);
    let (width, height) = (side(width), side(height));
    // Inverse depth is what networks answer and what is linear on planes; NaN where nothing is known.
    let inverse = |value: f64| camera.inverse_depth(kind, value).unwrap_or(f64::NAN);
    let turned = DepthMap {
        width: map.width,
        height: map.height,
        values: map
            .values
            .iter()
            .map(|&v| inverse(f64::from(v)) as f32)
            .collect(),
    };
    let at = |k: u32, n: u32| (f64::from(k) + 0.5) / f64::from(n);
    let inverse: Vec<f32> = (0..height)
        .flat_map(|y| (0..width).map(move |x| (x, y)))
        .map(|(x, y)| {
            turned
                .sample(at(x, width), at(y, height))
                .map_or(f32::NAN, |r| r as f32)
        })
        .collect();
    let mut known: Vec<f32> = inverse.iter().copied().filter(|r| r.is_finite()).collect();
    let middle = known.len() / 2;
    let least = match known.is_empty() {
        true => 0.0,
        false => {
            SKY * known
                .select_nth_unstable_by(middle, f32::total_cmp)
                .1
                .max(0.0)
        }
    };
    let depth: Vec<f32> = inverse
        .iter()
        .map(|&r| match r {
            r if !r.is_finite() => 0.0,
            r if r <= least => f32::INFINITY,
            r => 1.0 / r,
        })
        .collect();
    let alpha = depth
        .iter()
        .map(|&d| f32::from(u8::from(d > 0.0)))
        .collect();
    DepthView::new(*camera, [width, height], depth, alpha)
}

/// Mean of the pixels that each pixel of the smaller picture covers; the nearest where it is the larger.
fn resized(rgba: &[u32], from: [u32; 2], to: [u32; 2]) -> Vec<u32> {
    if rgba.len() != from[0] as usize * from[1] as usize || rgba.is_empty() {
        return Vec::new();
    }
    let span = |k: u32, from: u32, to: u32| {
        let first = (u64::from(k) * u64::from(from) / u64::from(to)) as u32;
        let end = (u64::from(k + 1) * u64::from(from)).div_ceil(u64::from(to)) as u32;
        first..end.clamp(first + 1, from.max(first + 1))
    };
    let mut out = Vec::with_capacity(to[0] as usize * to[1] as usize);
    for y in 0..to[1] {
        let rows = span(y, from[1], to[1]);
        for x in 0..to[0] {
            let mut sum = [0u32; 4];
            let mut count = 0;
            for v in rows.clone() {
                for u in span(x, from[0], to[0]) {
                    let pixel = rgba[(v * from[0] + u) as usize].to_le_bytes();
                    for (s, p) in sum.iter_mut().zip(pixel) {
                        *s += u32::from(p);
                    }
                    count += 1;
                }
            }
            out.push(u32::from_le_bytes(
                sum.map(|s| ((s + count / 2) / count) as u8),
            ));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::camera::{Intrinsics, LengthUnit, Pose};
    use crate::motion::Mask;

    fn cameras(count: usize) -> Cameras {
        let camera = |frame| Camera {
            frame,
            time: frame as f64,
            intrinsics: Intrinsics::from_fov_x(4, 2, 1.0),
            pose: Pose::gauge(),
            depth_scale: 2.0,
            depth_shift: 0.5,
        };
        Cameras::known((0..count).map(camera).collect(), LengthUnit::Arbitrary)
    }

    #[test]
    fn maps_become_aligned_depth_with_their_pixels() {
        let map = DepthMap {
            width: 2,
            height: 1,
            values: vec![0.25, -0.25],
        };
        let maps = DepthMaps {
            kind: DepthKind::RelativeInverse,
            model: String::new(),
            maps: vec![
                Some(map.clone()),
                None,
                Some(DepthMap {
                    values: vec![f32::NAN, 0.25],
                    ..map
                }),
            ],
        };
        let pixels = |_| Some((2, 1, vec![7, 9]));
        let mask = Mask {
            moving: vec![0, 0, 0, 255],
            objects: vec![0; 4],
        };
        let masks = Masks {
            width: 4,
            height: 1,
            frames: vec![None, None, Some(mask)],
        };
        let views = of_maps(&maps, Some(&masks), &cameras(3), pixels);
        let frames: Vec<usize> = views.iter().map(|v| v.camera.frame).collect();
        assert_eq!(frames, [0, 2], "a frame without a map has no view");
        // 2 * .25 + .5 = 1; 2 * -.25 + .5 = 0, which is no distance: the sky.
        assert_eq!(views[0].depth, [1.0, f32::INFINITY]);
        assert_eq!((views[1].depth[0], views[1].alpha[0]), (0.0, 0.0));
        assert_eq!(views[0].colour, [7, 9]);
        assert_eq!(views[0].still(0, 0), Some(1.0), "nothing is known to move");
        assert_eq!(views[1].moving, [false, true]);
        assert_eq!(views[1].surface(1, 0), Some(1.0));
        assert_eq!(views[1].still(1, 0), None, "it moves");
        assert_eq!(views[1].still_depths().collect::<Vec<_>>(), [0.0, 0.0]);
        let quarter: Vec<u32> = (0..8).map(|i| i * 2).collect();
        assert_eq!(
            resized(&quarter, [4, 2], [2, 1]),
            [5, 9],
            "means of two by two pixels"
        );
        assert!(views.iter().all(|v| !v.held_out));
    }

    #[test]
    fn a_quarter_is_held_out_where_there_are_many() {
        let map = DepthMap {
            width: 1,
            height: 1,
            values: vec![3.0],
        };
        let maps = DepthMaps {
            kind: DepthKind::Metric,
            model: String::new(),
            maps: vec![Some(map); 12],
        };
        let views = of_maps(&maps, None, &cameras(12), |_| None);
        let held: Vec<usize> = (0..12).filter(|&i| views[i].held_out).collect();
        assert_eq!(held, [2, 6, 10]);
        assert_eq!(views[0].depth, [1.5], "metres over the scale");
    }
}
