//! What comes of a solve: cameras in the gauge, their verdict, and points; or the refusal.

use super::*;

/// Shares of flow that tracks and depth maps explain may be so far apart.
const CONTRADICTS: f64 = 0.3;

/// What the network's own inverse depth puts under this share of what is near (the 95th percentile) is far off.
const FAR: f64 = 0.05;

impl Clip<'_> {
    /// The cameras of a solve, with what is to be known of it, and the points that they see; or why it is none.
    pub(super) fn finish(
        &self,
        solved: &Solved,
        first: usize,
        last: usize,
        options: &SolveOptions,
        mut notes: Vec<String>,
    ) -> Result<(Cameras, Vec<Point>), CameraError> {
        let state = &solved.state;
        let Some(linked) = self.explained(&solved.linked, first, last) else {
            return Err(CameraError::TooFewFrames {
                found: 0,
                needed: self.needed(),
            });
        };
        let fit = solved.held_out.unwrap_or(linked);
        // Of a camera that stands that hardly anything moves has told already.
        if fit.under_2px < options.min_under_2px && solved.way != Way::Stands {
            return Err(CameraError::Unsolved {
                share: fit.under_2px,
                gate: options.min_under_2px,
                median: fit.median,
            });
        }
        if let Some(share) = self.little_explained(solved, first, last) {
            return Err(CameraError::DepthContradicts {
                share,
                gate: LEAST_EXPLAINED,
            });
        }
        let tracks = solved.held_out.filter(|_| solved.way == Way::Travels);
        if let Some(tracks) = tracks.filter(|t| t.under_2px - linked.under_2px > CONTRADICTS) {
            let shares = [linked.under_2px, tracks.under_2px].map(|s| 100.0 * s);
            let whose = match self.alignment.scale_sigma <= 0.0 {
                true => {
                    "are depth and intrinsics those of these pictures? Lengths are not to be trusted"
                }
                false => {
                    "depth is rough here, or something else than the scene fills part of the pictures"
                }
            };
            notes.push(format!(
                "by the depth maps {:.0}% of the flow is explained, by the tracks' own depth {:.0}%: {whose}",
                shares[0], shares[1]
            ));
        }
        if solved.drifts {
            return Err(CameraError::Drifts);
        }
        let parallax = self.parallax(state, first, last);
        let shown = || (first..=last).filter(|&k| !self.blank[k]);
        let blank = last + 1 - first - shown().count();
        if blank > 0 {
            notes.push(format!(
                "{blank} of {} frames show nothing (black, or of one colour): they have no cameras",
                self.frames
            ));
        }
        let blind = shown().filter(|&k| self.maps[k].is_none()).count();
        if blind > 0 {
            notes.push(format!("{blind} of the registered frames have no depth map; their depth alignment is a guess"));
        }
        let unit = self.length_unit(state, first, last);
        let gauge = Pose::gauge().rotation;
        let scale_x = f64::from(self.width) / self.grid.width as f64;
        let scale_y = f64::from(self.height) / self.grid.height as f64;
        let intrinsics = Intrinsics {
            width: self.width,
            height: self.height,
            fx: state.focal * scale_x,
            fy: state.focal * self.grid.aspect * scale_y,
            cx: self.grid.centre.x * scale_x,
            cy: self.grid.centre.y * scale_y,
        };
        let examined = self.structure(first, last, 1.0, false).examined(state);
        let confidence = shown()
            .map(|k| examined.frames[k])
            .map(|[good, all]| f64::from(good) / f64::from(all.max(1)))
            .collect();
        let point = |found: &Found| {
            let at = DVec2::new(found.from.x, found.from.y * self.grid.aspect) + self.grid.centre;
            Point {
                position: gauge * found.position * unit.1,
                frame: found.frame,
                pixel: at * DVec2::new(scale_x, scale_y),
                views: found.views,
                error: found.error,
            }
        };
        let points = match solved.way {
            Way::Travels => examined.points.iter().map(point).collect(),
            Way::Turns | Way::Stands => Vec::new(),
        };
        let cameras = shown()
            .map(|frame| {
                let view = &state.views[frame];
                let to_world: DMat3 = view.rotation.transpose();
                let centre: DVec3 = -(to_world * view.translation);
                // Values were divided by the clip's median, lengths are multiplied by `unit.1`.
                let (depth_scale, depth_shift) = match self.depths.kind {
                    DepthKind::RelativeInverse => {
                        (view.scale / self.median / unit.1, view.shift / unit.1)
                    }
                    DepthKind::Metric => (view.scale / self.median / unit.1, 0.0),
                };
                Camera {
                    frame,
                    time: self.motion.times[frame],
                    intrinsics,
                    pose: Pose {
                        rotation: gauge * to_world,
                        position: gauge * centre * unit.1,
                    },
                    depth_scale,
                    depth_shift,
                }
            })
            .collect();
        let cameras = Cameras {
            cameras,
            frames: self.frames,
            unit: unit.0,
            way: solved.way,
            measured: self.alignment.scale_sigma <= 0.0,
            focal_source: solved.focal_source,
            residual_median: Some(linked.median * self.grid.unit() * scale_x),
            residual_under_2px: Some(linked.under_2px),
            flow_consistent: Some(self.neighbour_share(first, last)),
            parallax: Some(parallax),
            held_out_median: solved.held_out.map(|j| j.median).filter(|m| m.is_finite()),
            held_out_under_2px: solved.held_out.map(|j| j.under_2px),
            confidence,
            notes,
        };
        Ok((cameras, points))
    }

    /// The unit of the result and what a solver length is multiplied with to be in it: the median depth of what is seen twice, without the sky
    /// and far hills, whose depth is no network's and no parallax's to tell.
    fn length_unit(&self, state: &State, first: usize, last: usize) -> (LengthUnit, f64) {
        if self.depths.kind == DepthKind::Metric {
            // Inverse depth was divided by the median; the scales' median is held at 1.
            let mut scales: Vec<f64> = state.views[first..=last].iter().map(|v| v.scale).collect();
            return (
                LengthUnit::Metres,
                median(&mut scales).unwrap_or(1.0) / self.median,
            );
        }
        let links = || self.inside(first, last);
        let told = links().flat_map(|l| l.points.iter().map(|o| o.depth_from));
        let mut told: Vec<f64> = told.filter(|value| *value > 0.0).collect();
        told.sort_unstable_by(f64::total_cmp);
        let near = told.get(told.len() * 19 / 20).copied().unwrap_or(0.0);
        let mut inverse: Vec<f64> = links()
            .flat_map(|l| {
                let view = &state.views[l.i];
                let near = l.points.iter().filter(|o| o.depth_from > FAR * near);
                near.map(|o| view.scale * o.depth_from + view.shift)
            })
            .filter(|rho| *rho > 0.0)
            .collect();
        (LengthUnit::Arbitrary, median(&mut inverse).unwrap_or(1.0))
    }
}
