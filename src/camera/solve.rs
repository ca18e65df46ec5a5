//! Solves the cameras of a clip from dense flow and monocular depth.

use glam::{DMat3, DVec2, DVec3};
use rayon::prelude::*;

use super::bundle::{Alignment, Freedom, State};
use super::init::Setting;
use super::options::SolveOptions;
use super::overlay::Overlay;
use super::points::{Grid, Inverse, Link, consistent_share, inverse_depths, links, median_flow};
use super::residual::{Observation, View, residual};
use super::structure::{Found, Place, Structure};
use super::tracks::{self, Fan};
use super::{
    Camera, CameraError, Cameras, FocalSource, Intrinsics, LengthUnit, Point, Pose, Way, focal,
    moving,
};
use crate::depth::{DepthKind, DepthMaps};
use crate::monitor::Monitor;
use crate::motion::Pairs;
use crate::numeric::median;

mod finish;
mod judged;
mod still;

use judged::{FEW_TELL, Judged, LEAST_EXPLAINED, MIN_PLACES, TELLING, telling};

/// Frames in a row that a solve needs at the least.
const MIN_FRAMES: usize = 4;
/// A frame with a smaller share of residuals under 2 px is left out when others do better.
const FRAME_UNDER_2PX: f64 = 0.3;
/// Prior of the shift of relative inverse depth. Far tighter than what the residuals claim: the network's errors
/// repeat from point to point and frame to frame, and would be fitted by flattening the scene.
const RATIO_SIGMA: f64 = 0.3;
/// A solve that does more is taken unless another fits held-out tracks better by this factor.
const LEAD: f64 = 1.02;
/// Alignments that links told are taken where the maps disagree less by this factor.
const AGREES: f64 = 1.15;
/// The disagreement of maps is that of this share of the points.
const MOST: f64 = 0.8;
/// Grey levels, standard deviation, under which a frame shows nothing: it is black, white or of one colour.
const BLANK: f64 = 2.0;
/// Tracks begin in each frame for each point of a flow.
const TRACKS: usize = 2;
/// An overlay of a smaller share of the picture disturbs no solve that says it travels.
const DISTURBS: f64 = 0.05;
/// Links with fewer points tell nothing.
const MIN_POINTS: usize = 12;

/// Poses, depth alignments and the focal length of the longest run of frames that hang together.
///
/// `depths` has one map a frame of `motion`. Metric depth of a model named `known` keeps its scale; other metric
/// depth has one scale a frame, relative inverse depth a scale and a shift. The result is in the gauge of
/// [`Pose::gauge`], with a median depth of 1 where the scale is unknown. A camera that does not travel has all its poses in one
/// place, see [`Way`].
///
/// # Errors
/// Says what was measured where the clip cannot be solved: too few frames, flow that contradicts itself,
/// residuals that are too large; and [`CameraError::Interrupted`].
pub fn solve(
    motion: &Pairs,
    depths: &DepthMaps,
    options: &SolveOptions,
    monitor: &dyn Monitor,
) -> Result<Cameras, CameraError> {
    Ok(solve_with_points(motion, depths, options, monitor)?.0)
}

/// As [`solve()`], with the points that several frames see; none where the camera does not travel.
///
/// # Errors
/// As [`solve()`].
pub fn solve_with_points(
    motion: &Pairs,
    depths: &DepthMaps,
    options: &SolveOptions,
    monitor: &dyn Monitor,
) -> Result<(Cameras, Vec<Point>), CameraError> {
    let bars = Overlay::bars(motion);
    let clip = Clip::new(motion, depths, options, bars.as_ref())?;
    let note = |share: f64, what: &str| {
        format!(
            "{:.0}% of the picture {what}; it was left out",
            100.0 * share
        )
    };
    let notes: Vec<String> = bars
        .iter()
        .map(|bars| note(bars.share, "is black bars"))
        .collect();
    let all = clip.solved(options, monitor, notes.clone());
    // What stands still in the picture may be what does not fit, or all that does.
    let known = bars.as_ref().map_or(0.0, |bars| bars.share);
    let wanting = |overlay: &Overlay| match &all {
        _ if overlay.share <= known => false,
        Ok((cameras, _)) if cameras.way == Way::Travels => {
            overlay.share - known >= DISTURBS
                && moving::contradicts(motion, depths, cameras, overlay, bars.as_ref())
        }
        Ok(_) => true,
        Err(error) => matches!(
            error,
            CameraError::Unsolved { .. }
                | CameraError::DepthContradicts { .. }
                | CameraError::Drifts
                | CameraError::FlowInconsistent { .. }
        ),
    };
    let overlay = Overlay::of(&clip.grid, motion, bars.as_ref()).filter(wanting);
    drop(clip);
    let without = overlay.map(|overlay| {
        let what = "stands still while the rest moves, as a caption or a logo does";
        let more = note(overlay.share - known, what);
        let notes = [notes, vec![more]].concat();
        Clip::new(motion, depths, options, Some(&overlay))
            .and_then(|clip| clip.solved(options, monitor, notes))
    });
    let found = match without {
        Some(Err(CameraError::Interrupted)) => Err(CameraError::Interrupted),
        Some(Ok(found)) if all.is_err() || found.0.way == Way::Travels => Ok(found),
        // It is not the overlay: what all of the picture said is told.
        _ => all,
    };
    if let (Some(bars), Err(error)) = (&bars, &found)
        && !matches!(error, CameraError::Interrupted)
    {
        monitor.warn(&format!(
            "{:.0}% of the picture is black bars, which were left out; flow and depth suffer beside them: crop them away",
            100.0 * bars.share
        ));
    }
    found
}

fn dropped_note(first: usize, last: usize, frames: usize) -> String {
    let mut parts = Vec::new();
    if first > 0 {
        parts.push(format!("0-{}", first - 1));
    }
    if last + 1 < frames {
        parts.push(format!("{}-{}", last + 1, frames - 1));
    }
    format!(
        "{} of {frames} frames were left out ({}): they do not hang together with the others, as after a cut",
        frames - (last + 1 - first),
        parts.join(", ")
    )
}

/// The longest stretch of entries at or above the limit, as inclusive indices; all of them if there is none.
fn best_run(shares: &[f64]) -> (usize, usize) {
    let mut best = (0, 0, 0);
    let mut from = 0;
    for k in 0..=shares.len() {
        if k == shares.len() || shares[k] < FRAME_UNDER_2PX {
            if k - from > best.2 {
                best = (from, k - 1, k - from);
            }
            from = k + 1;
        }
    }
    match best.2 {
        0 => (0, shares.len() - 1),
        _ => (best.0, best.1),
    }
}

/// Whether a frame is all of about one grey level; not where its grey levels were not kept.
fn shows_nothing(motion: &Pairs, frame: usize) -> bool {
    let Some(luma) = motion.luma.get(frame).filter(|l| !l.is_empty()) else {
        return false;
    };
    let n = luma.len() as f64;
    let mean = luma.iter().map(|&v| f64::from(v)).sum::<f64>() / n;
    let square = |v: &f32| (f64::from(*v) - mean).powi(2);
    (luma.iter().map(square).sum::<f64>() / n).sqrt() < BLANK
}

struct Solved {
    way: Way,
    state: State,
    /// The state that links of two frames tell, with the network's depth, by which the clip is judged.
    linked: State,
    focal_source: FocalSource,
    /// Of the tracks that took no part.
    held_out: Option<Judged>,
    /// Neither the focal length nor depth is in the motion, as of clouds.
    drifts: bool,
    notes: Vec<String>,
}

struct Clip<'a> {
    motion: &'a Pairs,
    depths: &'a DepthMaps,
    grid: Grid,
    frames: usize,
    width: u32,
    height: u32,
    median: f64,
    maps: Vec<Option<Inverse>>,
    /// Frames that show nothing: no flow of theirs counts, and they have no cameras.
    blank: Vec<bool>,
    links: Vec<Link>,
    fans: Vec<Fan>,
    alignment: Alignment,
    shares: Vec<f64>,
    /// What is left out of the pictures.
    overlay: Option<&'a Overlay>,
}

impl<'a> Clip<'a> {
    fn new(
        motion: &'a Pairs,
        depths: &'a DepthMaps,
        options: &SolveOptions,
        overlay: Option<&'a Overlay>,
    ) -> Result<Self, CameraError> {
        let frames = motion.times.len();
        let (w, h) = (motion.width as usize, motion.height as usize);
        if frames < MIN_FRAMES {
            return Err(CameraError::TooFewFrames {
                found: frames,
                needed: MIN_FRAMES,
            });
        }
        if depths.maps.len() != frames {
            return Err(CameraError::Mismatch(format!(
                "there are {} depth maps for {frames} frames: estimate depth for the frames that motion was estimated for",
                depths.maps.len()
            )));
        }
        let fits = |p: &crate::motion::FlowPair| {
            p.a < p.b && p.b < frames && p.forward.len() == w * h && p.backward.len() == w * h
        };
        if w < 16 || h < 16 || !motion.pairs.iter().all(fits) {
            return Err(CameraError::Mismatch(format!(
                "flow of {frames} frames of {w}x{h} pixels: at least 16x16 are needed, and one flow both ways a pair; take larger frames (--max-side), or estimate motion anew"
            )));
        }
        let width = if options.width == 0 {
            motion.width
        } else {
            options.width
        };
        let height = if options.height == 0 {
            motion.height
        } else {
            options.height
        };
        let known = options
            .intrinsics
            .map(|k| k.resized(motion.width, motion.height));
        let aspect = (f64::from(motion.height) / f64::from(height))
            / (f64::from(motion.width) / f64::from(width));
        let grid = Grid {
            width: w,
            height: h,
            centre: known.map_or(DVec2::new(w as f64, h as f64) / 2.0, |k| {
                DVec2::new(k.cx, k.cy)
            }),
            aspect: known.map_or(aspect, |k| k.fy / k.fx),
        };
        let (mut maps, median) = inverse_depths(depths, overlay)?;
        let blank: Vec<bool> = (0..frames).map(|k| shows_nothing(motion, k)).collect();
        let shown = blank.iter().filter(|blank| !**blank).count();
        if shown < MIN_FRAMES {
            return Err(CameraError::Blank { shown, frames });
        }
        for (map, _) in maps.iter_mut().zip(&blank).filter(|(_, blank)| **blank) {
            *map = None;
        }
        let found = maps.iter().flatten().count();
        if found < MIN_FRAMES && depths.model == "known" {
            return Err(CameraError::Mismatch(format!(
                "only {found} of {frames} pictures have depth beside them, and {MIN_FRAMES} are needed; add that of the others, or use --ignore-known-depth"
            )));
        }
        if found < MIN_FRAMES {
            return Err(CameraError::TooFewFrames {
                found,
                needed: MIN_FRAMES,
            });
        }
        let relative = depths.kind == DepthKind::RelativeInverse;
        let start = if relative {
            options.start_shift.max(0.0)
        } else {
            0.0
        };
        let links: Vec<Link> = links(
            &grid,
            motion,
            &maps,
            start as f32,
            options.points.max(MIN_POINTS),
        )
        .into_iter()
        .filter(|l| l.points.len() >= MIN_POINTS && !blank[l.i] && !blank[l.j])
        .collect();
        let each = TRACKS * options.points;
        let fans = tracks::fans(&grid, motion, &maps, &blank, start as f32, each);
        let (scale, ratio) = (1.0 / (1.0 + start), start);
        let alignment = match (depths.kind, depths.model.as_str()) {
            (DepthKind::RelativeInverse, _) => Alignment {
                scale,
                ratio,
                scale_sigma: 0.3,
                ratio_sigma: RATIO_SIGMA,
            },
            (DepthKind::Metric, "known") => Alignment {
                scale,
                ratio,
                scale_sigma: 0.0,
                ratio_sigma: 0.0,
            },
            (DepthKind::Metric, _) => Alignment {
                scale,
                ratio,
                scale_sigma: 0.2,
                ratio_sigma: 0.0,
            },
        };
        let shares = motion
            .pairs
            .par_iter()
            .map(|p| match blank[p.a] || blank[p.b] {
                true => 0.0,
                false => consistent_share(&grid, p),
            })
            .collect();
        Ok(Self {
            motion,
            depths,
            grid,
            frames,
            width,
            height,
            median,
            maps,
            blank,
            links,
            fans,
            alignment,
            shares,
            overlay,
        })
    }

    /// The longest run that hangs together, without what does not.
    fn solved(
        &self,
        options: &SolveOptions,
        monitor: &dyn Monitor,
        mut notes: Vec<String>,
    ) -> Result<(Cameras, Vec<Point>), CameraError> {
        let (mut first, mut last) = self.longest_run(options)?;
        loop {
            let solved = match self.stands(first, last, options) {
                true => self.standing(first, last, options, monitor)?,
                false => {
                    let solved = self.solve_run(first, last, options, monitor)?;
                    self.stilled(solved, first, last, options, monitor)?
                }
            };
            let shares = self.shares(&solved.linked, first, last);
            let (mut from, mut to) = best_run(&shares);
            // No run begins or ends with what shows nothing.
            while from < to && self.blank[first + from] {
                from += 1;
            }
            while from < to && self.blank[first + to] {
                to -= 1;
            }
            // Leaving frames out pays only where enough remain; the smaller clip is solved anew.
            if to + 1 - from < shares.len() && to + 1 - from >= self.needed() {
                (first, last) = (first + from, first + to);
                continue;
            }
            if first > 0 || last + 1 < self.frames {
                notes.push(dropped_note(first, last, self.frames));
            }
            notes.extend(solved.notes.iter().cloned());
            return self.finish(&solved, first, last, options, notes);
        }
    }

    /// The links between two frames of a run.
    fn inside(&self, first: usize, last: usize) -> impl Iterator<Item = &Link> {
        let within = move |l: &&Link| l.i.min(l.j) >= first && l.i.max(l.j) <= last;
        self.links.iter().filter(within)
    }

    /// Frames in a row that are worth a solve.
    fn needed(&self) -> usize {
        MIN_FRAMES.max(self.frames / 4)
    }

    fn neighbour_share(&self, first: usize, last: usize) -> f64 {
        let mut shares: Vec<f64> = self
            .motion
            .pairs
            .iter()
            .zip(&self.shares)
            .filter(|(p, _)| p.b == p.a + 1 && p.a >= first && p.b <= last)
            .filter(|(p, _)| !self.blank[p.a] && !self.blank[p.b])
            .map(|(_, s)| *s)
            .collect();
        median(&mut shares).unwrap_or(0.0)
    }

    /// The longest run without a place that no good pair of at most four frames' distance spans.
    fn longest_run(&self, options: &SolveOptions) -> Result<(usize, usize), CameraError> {
        let mut spanned = vec![false; self.frames];
        for (pair, share) in self.motion.pairs.iter().zip(&self.shares) {
            if *share >= options.min_consistent && pair.b - pair.a <= 4 {
                spanned[pair.a..pair.b].iter_mut().for_each(|s| *s = true);
            }
        }
        let (mut best, mut first) = ((0, 0), 0);
        for (k, spanned) in spanned.iter().enumerate() {
            if k - first > best.1 - best.0 {
                best = (first, k);
            }
            if !spanned {
                first = k + 1;
            }
        }
        if best.1 + 1 - best.0 < self.needed() {
            return Err(CameraError::FlowInconsistent {
                share: self.neighbour_share(0, self.frames),
                gate: options.min_consistent,
                needed: self.needed(),
            });
        }
        Ok(best)
    }

    fn setting(&self, first: usize, last: usize) -> Setting {
        Setting {
            links: self.inside(first, last).cloned().collect(),
            alignment: self.alignment,
            first,
            last,
            unit: self.grid.unit(),
        }
    }

    fn structure(&self, first: usize, last: usize, cauchy: f64, free_focal: bool) -> Structure<'_> {
        Structure {
            fans: &self.fans,
            first,
            last,
            alignment: self.alignment,
            free_focal,
            cauchy: cauchy * self.grid.unit(),
            unit: self.grid.unit(),
        }
    }

    /// The focal length that a solve starts from, in pixels of the motion size: given, or the prior.
    fn focal(&self, options: &SolveOptions) -> (f64, FocalSource) {
        let width = self.grid.width as f64;
        match options.intrinsics {
            Some(k) => (k.fx / f64::from(k.width) * width, FocalSource::Known),
            None => {
                let half = options.prior_fov.clamp(5.0, 150.0).to_radians() / 2.0;
                (0.5 / half.tan() * width, FocalSource::Prior)
            }
        }
    }

    /// By the tracks that took no part; `None` with too few of them.
    fn judged(&self, state: &State, way: Way, first: usize, last: usize) -> Option<Judged> {
        let places = self.structure(first, last, 1.0, false).held_out(state);
        Judged::of(&places, way == Way::Travels)
    }

    /// By the flow between frames and the maps' depth; `None` without any.
    fn explained(&self, state: &State, first: usize, last: usize) -> Option<Judged> {
        Judged::all(self.errors(state, first, last).map(|(_, error)| error))
    }

    fn solve_run(
        &self,
        first: usize,
        last: usize,
        options: &SolveOptions,
        monitor: &dyn Monitor,
    ) -> Result<Solved, CameraError> {
        let setting = self.setting(first, last);
        let width = self.grid.width as f64;
        let (start, source) = self.focal(options);
        let given = source == FocalSource::Known;
        let mut state = setting.register(self.frames, start, Freedom::All, monitor)?;
        for (cauchy, iterations) in [(8.0, 6), (3.0, 8), (1.0, 30)] {
            setting.joint(&mut state, last, false, cauchy, iterations, monitor)?;
        }
        let points =
            |cauchy: f64, free_focal: bool| self.structure(first, last, cauchy, free_focal);
        // What does better on the tracks that took no part.
        let judged = |state: &State| self.judged(state, Way::Travels, first, last);
        let linked = state;
        let mut flat = false;
        let mut ways: Vec<(State, FocalSource, Vec<String>)> = Vec::new();
        let inside = self.fans[first..=last].iter();
        let tracks: usize = inside.map(|f| f.tracks.len()).sum();
        if tracks < MIN_POINTS * (last + 1 - first) {
            let words = format!(
                "only {tracks} points are seen by three frames: neither their own depth nor the focal length was solved for"
            );
            ways.push((linked.clone(), source, vec![words]));
        } else if given {
            let (cost, refined, _) = focal::adjusted(&points, linked.clone(), monitor)?;
            let doubt = focal::doubted(&setting, &points, &linked, (cost, width), monitor)?;
            let notes: Vec<String> = doubt.into_iter().collect();
            ways.push((refined, FocalSource::Known, notes.clone()));
            ways.push((linked.clone(), FocalSource::Known, notes));
        } else {
            let sweep = focal::sweep(&setting, &points, &linked, width, monitor)?;
            flat = sweep.flat;
            let note = match &sweep.told {
                Some(_) => focal::WITHOUT.to_owned(),
                None => sweep.note.clone(),
            };
            if let Some(told) = sweep.told {
                ways.push((told, FocalSource::Estimated, vec![sweep.note]));
            }
            ways.push((sweep.held, FocalSource::Prior, vec![note.clone()]));
            ways.push((linked.clone(), FocalSource::Prior, vec![note]));
        }
        let verdicts: Vec<Option<Judged>> = ways.iter().map(|(s, ..)| judged(s)).collect();
        let errors: Vec<f64> = verdicts
            .iter()
            .map(|j| j.map_or(f64::INFINITY, |j| j.median))
            .collect();
        tracing::debug!(?errors, "held-out tracks");
        let least = errors.iter().copied().fold(f64::INFINITY, f64::min);
        let best = match least.is_finite() {
            // The first of those that are as good.
            true => errors.iter().position(|e| *e <= LEAD * least),
            // Nothing judges: the solve without tracks.
            false => Some(ways.len() - 1),
        };
        // Of poses and each track's own depth: other alignments of the maps are only another prior of that.
        let held_out = best.and_then(|k| verdicts[k]);
        let (mut state, focal_source, mut notes) = ways.swap_remove(best.unwrap_or(0));
        let mut drifts = false;
        if let Some(other) = self.realigned(&state, &linked, first, last) {
            (state, drifts) = (other, flat);
            notes.push("the depth of tracks disagrees with the maps' from frame to frame, as where the network wavers, or a pane hides what stands behind it: the maps were aligned with one another instead".to_owned());
        }
        Ok(Solved {
            way: Way::Travels,
            state,
            linked,
            focal_source,
            held_out,
            drifts,
            notes,
        })
    }

    /// Reprojection errors in pixels at a width of 640, with the frames of each; lost points are infinite.
    fn errors<'s>(
        &'s self,
        state: &'s State,
        first: usize,
        last: usize,
    ) -> impl Iterator<Item = (&'s Link, f64)> {
        self.inside(first, last).flat_map(move |l| {
            l.points.iter().map(move |o| {
                let r = residual(&state.views[l.i], &state.views[l.j], state.focal, o);
                (
                    l,
                    r.map_or(f64::INFINITY, |r| r.pixel.length() / self.grid.unit()),
                )
            })
        })
    }

    /// The share of what the pictures move, the camera's turn apart, that a travel explains by the aligned maps, where that is little. Tracks on
    /// what is near may be too few to tell: it leaves the picture, and only the far half of a road judges.
    fn little_explained(&self, solved: &Solved, first: usize, last: usize) -> Option<f64> {
        let (state, mut all, mut moved) = (&solved.linked, 0, Vec::new());
        for l in self.inside(first, last) {
            let (i, j) = (&state.views[l.i], &state.views[l.j]);
            let mut turned = *j;
            turned.translation = j.rotation * i.rotation.transpose() * i.translation;
            let off = |to: &View, o: &Observation| {
                let found = residual(i, to, state.focal, o)?;
                Some(found.pixel.length() / self.grid.unit())
            };
            for o in &l.points {
                // What the alignment has beyond infinity, or a view behind the camera, tells nothing.
                let Some(moves) = off(&turned, o) else {
                    continue;
                };
                all += 1;
                if moves >= TELLING {
                    moved.push(off(j, o).unwrap_or(f64::INFINITY));
                }
            }
        }
        let tells = solved.way == Way::Travels && moved.len() * FEW_TELL >= all;
        let judged = Judged::all(moved.into_iter()).filter(|_| tells);
        tracing::debug!(?judged, "of what the pictures move");
        let share = judged.map(|judged| judged.under_2px);
        share.filter(|share| *share < LEAST_EXPLAINED)
    }

    /// By how much the aligned depth maps disagree from frame to frame, as a share of the network's values: most of the differences
    /// along the flow are not larger. A point that the alignment has behind a camera or beyond infinity is infinitely off, so that every
    /// alignment is judged by the same points.
    fn disagreement(&self, state: &State, first: usize, last: usize) -> f64 {
        let mut all: Vec<f64> = self
            .inside(first, last)
            .flat_map(|l| {
                let (i, j) = (&state.views[l.i], &state.views[l.j]);
                let known = l.points.iter().filter(|o| o.depth_to.is_finite());
                known.map(move |o| {
                    let found = residual(i, j, state.focal, o).and_then(|r| r.depth);
                    found.map_or(f64::INFINITY, f64::abs)
                })
            })
            .collect();
        if all.is_empty() {
            return f64::INFINITY;
        }
        let at = (MOST * (all.len() - 1) as f64) as usize;
        *all.select_nth_unstable_by(at, f64::total_cmp).1
    }

    /// The state with the alignments that the links told, times one factor; `None` where the maps do not agree better by these. Tracks of
    /// some frames may be of one thing, such as a pane, whose depth the network does not have; frame by frame the alignment would
    /// follow it.
    fn realigned(&self, state: &State, linked: &State, first: usize, last: usize) -> Option<State> {
        if self.alignment.scale_sigma <= 0.0 {
            return None;
        }
        let mut factors: Vec<f64> = self
            .inside(first, last)
            .flat_map(|l| {
                let (own, other) = (&state.views[l.i], &linked.views[l.i]);
                l.points.iter().map(|o| {
                    (own.scale * o.depth_from + own.shift)
                        / (other.scale * o.depth_from + other.shift)
                })
            })
            .filter(|factor| *factor > 0.0 && factor.is_finite())
            .collect();
        let factor = median(&mut factors)?;
        let mut other = state.clone();
        for (view, told) in other.views.iter_mut().zip(&linked.views) {
            (view.scale, view.shift) = (factor * told.scale, factor * told.shift);
        }
        let [own, told] = [state, &other].map(|s| self.disagreement(s, first, last));
        tracing::debug!(own, told, "disagreement of the aligned maps");
        (told * AGREES < own).then_some(other)
    }

    /// Share of residuals under 2 px of each frame of the run; of one that shows nothing, all.
    fn shares(&self, state: &State, first: usize, last: usize) -> Vec<f64> {
        let mut counts = vec![(0u32, 0u32); last + 1 - first];
        for (link, error) in self.errors(state, first, last) {
            for frame in [link.i, link.j] {
                counts[frame - first].0 += u32::from(error < 2.0);
                counts[frame - first].1 += 1;
            }
        }
        counts
            .iter()
            .zip(&self.blank[first..])
            .map(|(&(good, all), blank)| match blank {
                true => 1.0,
                false => f64::from(good) / f64::from(all.max(1)),
            })
            .collect()
    }

    /// Median image motion that comes from translation, over the widest links, in pixels at a width of 640.
    fn parallax(&self, state: &State, first: usize, last: usize) -> f64 {
        let inside = || self.inside(first, last);
        let span = inside().map(|l| l.i.abs_diff(l.j)).max().unwrap_or(0);
        let mut shifts: Vec<f64> = inside()
            .filter(|l| l.i.abs_diff(l.j) == span)
            .flat_map(|l| {
                let (i, mut j) = (state.views[l.i], state.views[l.j]);
                let moved = j;
                j.translation = j.rotation * i.rotation.transpose() * i.translation;
                l.points.iter().filter_map(move |o| {
                    let a = residual(&i, &moved, state.focal, o)?;
                    let b = residual(&i, &j, state.focal, o)?;
                    Some((a.pixel - b.pixel).length())
                })
            })
            .collect();
        median(&mut shifts).map_or(0.0, |shift| shift / self.grid.unit())
    }
}
