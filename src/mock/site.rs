//! Sites: how large a place is and how high its ground lies.

use glam::{DVec2, Vec3};

use super::prompt::{Extent, Place, Understood};
use crate::numeric::Rng;

/// A flight of steps that climbs toward -z across the whole width.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Steps {
    /// z of the first riser in metres.
    pub front: f64,
    /// Depth of a tread in metres.
    pub depth: f64,
    /// Height of a riser in metres.
    pub rise: f64,
    /// Number of steps; behind the last one lies the landing.
    pub count: u32,
}

impl Steps {
    /// z of the last riser.
    pub fn back(&self) -> f64 {
        self.front - self.depth * f64::from(self.count)
    }
}

/// A place's measures in metres. The middle of its lower floor is the origin.
#[derive(Clone, Copy, Debug)]
pub(super) struct Site {
    pub place: Place,
    /// Half width, height of the walls, half length.
    pub extent: Vec3,
    pub steps: Option<Steps>,
    /// Beyond this |x| the ground is a pavement of [`KERB`] height.
    pub kerb: Option<f64>,
}

/// Height of a pavement in metres.
pub(super) const KERB: f64 = 0.13;

impl Site {
    pub fn new(understood: &Understood, rng: &mut Rng) -> Self {
        let scale = match understood.extent {
            Extent::Small => 0.9,
            Extent::Medium => 1.0,
            Extent::Large => 1.25,
        };
        let mut draw = |low: f32, high: f32| rng.range32(low, high);
        let place = understood.place;
        let [x, y, z] = match place {
            Place::Room => [
                scale * draw(3.5, 4.1),
                scale * draw(2.9, 3.3),
                scale * draw(4.0, 4.8),
            ],
            Place::Corridor => [scale * draw(1.5, 1.75), draw(2.6, 2.9), draw(8.0, 10.0)],
            Place::Courtyard => [
                scale * draw(5.6, 6.4),
                draw(5.0, 6.5),
                scale * draw(6.2, 7.4),
            ],
            Place::Street => [scale * draw(5.2, 5.8), draw(6.0, 7.5), draw(14.0, 17.0)],
            Place::Stairs => [scale * draw(2.3, 2.8), draw(4.9, 5.5), draw(6.0, 6.8)],
            Place::Warehouse => [
                scale * draw(5.6, 6.6),
                draw(5.4, 6.4),
                scale * draw(7.6, 9.0),
            ],
        };
        let steps = (place == Place::Stairs).then(|| Steps {
            front: f64::from(draw(0.6, 1.0)),
            depth: f64::from(draw(0.30, 0.34)),
            rise: f64::from(draw(0.155, 0.175)),
            count: 9 + draw(0.0, 3.0) as u32,
        });
        Self {
            place,
            extent: Vec3::new(x, y, z),
            steps,
            kerb: (place == Place::Street).then(|| f64::from(x) - 1.9),
        }
    }

    /// Half width and half length.
    pub fn half(&self) -> DVec2 {
        DVec2::new(f64::from(self.extent.x), f64::from(self.extent.z))
    }

    /// Height of the ground at (x, z).
    pub fn ground(&self, at: DVec2) -> f64 {
        if let Some(steps) = self.steps {
            let k = ((steps.front - at.y) / steps.depth).ceil();
            return steps.rise * k.clamp(0.0, f64::from(steps.count));
        }
        match self.kerb {
            Some(x) if at.x.abs() > x => KERB,
            _ => 0.0,
        }
    }

    /// Least and greatest (x, z) of the floor at height 0.
    pub fn flat(&self) -> [DVec2; 2] {
        let half = self.half();
        let x = self.kerb.unwrap_or(half.x);
        let back = self.steps.map_or(-half.y, |s| s.front);
        [DVec2::new(-x, back), DVec2::new(x, half.y)]
    }
}
