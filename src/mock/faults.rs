//! Faults: what the planted defects do to a scene, frame by frame; `plant` chooses them.

use glam::{DVec2, Vec3};

use super::furnish;
use super::piece::{Piece, Skin};
use super::scene::Scene;
use super::shell::Gap;

/// Frames from the first to before the last, both from 0.
pub(super) type Span = [usize; 2];

/// Something hardly visible that stands in the way.
#[derive(Clone, Copy, Debug)]
pub(super) struct Veil {
    pub piece: Piece,
    pub opacity: f32,
}

/// A subject that starts to be wrong at a frame.
#[derive(Clone, Copy, Debug)]
pub(super) struct Astray {
    pub walker: usize,
    pub from: usize,
    pub measure: f64,
}

/// All faults of a scene. Spans and frames count from 0.
#[derive(Clone, Debug, Default)]
pub(super) struct Faults {
    /// Seconds of the scene that each frame shows.
    pub times: Vec<f64>,
    /// Factor on the exposure of each frame.
    pub gains: Vec<f32>,
    pub vanish: Option<(u32, Span)>,
    /// From a frame on an object stands so far away.
    pub moved: Option<(u32, Vec3, usize)>,
    /// A subject takes on this look, so much of the way, over the span.
    pub drift: Option<(usize, Skin, f32, Span)>,
    pub teleport: Option<Astray>,
    /// Positive for floating, negative for sinking.
    pub lift: Option<Astray>,
    pub burst: Option<Astray>,
    /// Objects that change their size by this share, from a frame on.
    pub morph: Option<(Vec<u32>, f32, usize)>,
    /// From this frame on the camera is so far to the side.
    pub cut: Option<(usize, f64)>,
    pub veil: Option<Veil>,
    /// Sigma in pixels.
    pub blur: Option<(Span, f32)>,
    /// Sigma in levels.
    pub noise: Option<(Span, f32)>,
    /// Share of the detail that goes.
    pub blocks: Option<(Span, f32)>,
}

/// Where defects would be, kept free in every scene.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Reserved {
    /// Frame of a cut, and how far to the side the second camera may stand.
    pub second_camera: Option<(usize, f64)>,
    /// Least and greatest (x, z) of the largest pit.
    pub pit: Option<[DVec2; 2]>,
    /// The widest opening.
    pub gap: Option<Gap>,
}

/// Seconds that a burst lasts.
pub(super) const BURST: f64 = 0.3;

impl Faults {
    /// None, for a clip of `frames` at `fps`.
    pub fn none(frames: usize, fps: f64) -> Self {
        Self {
            times: (0..frames).map(|f| f as f64 / fps).collect(),
            gains: vec![1.0; frames],
            ..Self::default()
        }
    }

    /// Metres that a walker is further along its way at `frame` and scene time `t` than its speed has it.
    pub fn astray(&self, walker: usize, frame: usize, t: f64, speed: f64) -> f64 {
        let mut metres = 0.0;
        if let Some(it) = self
            .teleport
            .filter(|it| it.walker == walker && frame >= it.from)
        {
            metres += it.measure;
        }
        if let Some(it) = self.burst.filter(|it| it.walker == walker) {
            // A dart at once at full speed, a dead stop for as long, then on as before.
            let since = t - self.times[it.from];
            metres += (it.measure - speed) * since.clamp(0.0, BURST);
            metres -= speed * (since - BURST).clamp(0.0, BURST);
        }
        metres
    }
}

impl Scene {
    /// An object's fixed piece as the faults leave it at `frame`.
    pub(super) fn spoilt(&self, piece: &Piece, frame: usize) -> Piece {
        let mut piece = *piece;
        let of = |object: u32| piece.object == object;
        if let Some((_, [from, to])) = self.faults.vanish.filter(|(o, _)| of(*o)) {
            piece.there = !(from..to).contains(&frame);
        }
        if let Some((objects, share, from)) = &self.faults.morph
            && objects.contains(&piece.object)
            && frame > *from
        {
            let since = (self.faults.times[frame] - self.faults.times[*from]).max(0.0) as f32;
            let phase = piece.object as f32 * 1.7;
            let wave = |rate: f32| (rate * since + phase).sin() - phase.sin();
            let [low, high] = furnish::bounds(self, piece.object);
            let foot = Vec3::new((low.x + high.x) / 2.0, low.y, (low.z + high.z) / 2.0);
            let wide = 1.0 + 0.5 * share * wave(2.6);
            let tall = 1.0 + 0.5 * share * wave(1.9);
            let stretch = Vec3::new(wide, tall, wide);
            piece.centre = foot + (piece.centre - foot) * stretch;
            piece.shape = piece.shape.stretched(wide, tall);
            // Its texture boils: it is cut from another layer of the noise.
            piece.skin.origin += Vec3::splat(0.5 * share * since);
        }
        // After the morph, which scales about where the object stood.
        let moved = self
            .faults
            .moved
            .filter(|(o, _, from)| of(*o) && frame >= *from);
        if let Some((_, by, _)) = moved {
            piece.centre += by;
        }
        piece
    }
}
