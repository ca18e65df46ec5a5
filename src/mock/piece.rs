//! Pieces: boxes, spheres, capsules, cylinders and mounds with their paint, as people read them and as the kernel takes them.

use glam::{Mat3, Quat, Vec3};
use serde::{Deserialize, Serialize};

use super::prompt::{Colour, Material};
use super::terrain;
use super::trace::{Primitive, Solid};
use crate::numeric::Rng;

/// A shape about its own middle. Lengths in metres.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "shape")]
pub enum Shape {
    /// A box.
    Box {
        /// Half sizes along its own axes.
        half: [f32; 3],
    },
    /// A sphere.
    Sphere {
        /// Radius.
        radius: f32,
    },
    /// A capsule along its own y.
    Capsule {
        /// Radius.
        radius: f32,
        /// Half the distance between the centres of its ends.
        half_length: f32,
    },
    /// A cylinder with flat ends along its own y.
    Cylinder {
        /// Radius.
        radius: f32,
        /// Half its length.
        half_length: f32,
    },
    /// A mound on a rectangle: heights as [`super::terrain::height`] gives them, lattice point (i, j) at
    /// x = half.x (2 i / cells - 1), z = half.z (2 j / cells - 1), y = half.y (2 height - 1).
    Terrain {
        /// Half sizes along its own axes.
        half: [f32; 3],
        /// Cells along each side, 1 to [`super::terrain::MOST_CELLS`].
        cells: u32,
        /// Seed of the heights.
        seed: u32,
    },
}

/// Paint: two colours mixed by noise, and seams.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Skin {
    pub paint: Vec3,
    pub second: Vec3,
    /// How much cells between seams differ.
    pub tone: f32,
    /// How dark seams are.
    pub dark: f32,
    /// Width of a seam in metres.
    pub width: f32,
    /// Distance of seams in metres, 0 for none.
    pub cell: Vec3,
    /// Frequency of the noise.
    pub grain: Vec3,
    /// Strength of the noise.
    pub contrast: f32,
    /// Origin of the texture.
    pub origin: Vec3,
    /// How much it mirrors, 0 to 1; only floors at height 0 do.
    pub mirror: f32,
}

/// One shape in its place.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Piece {
    /// Object that it belongs to.
    pub object: u32,
    /// Its shape.
    #[serde(flatten)]
    pub shape: Shape,
    /// Its middle in the world, metres.
    pub centre: Vec3,
    /// Its axes to the world's, quaternion x, y, z, w.
    pub rotation: Quat,
    /// It throws a shadow.
    pub casts: bool,
    /// It is there; one that is not keeps its place among the primitives.
    pub there: bool,
    #[serde(skip)]
    pub(super) skin: Skin,
}

impl Default for Skin {
    fn default() -> Self {
        Self {
            paint: Vec3::splat(0.5),
            second: Vec3::splat(0.3),
            tone: 0.0,
            dark: 0.0,
            width: 0.01,
            cell: Vec3::ZERO,
            grain: Vec3::ONE,
            contrast: 0.4,
            origin: Vec3::ZERO,
            mirror: 0.0,
        }
    }
}

impl Skin {
    /// Two colours, plain noise.
    pub fn plain(paint: [f32; 3], second: [f32; 3], rng: &mut Rng) -> Self {
        Self {
            paint: paint.into(),
            second: second.into(),
            origin: somewhere(rng),
            ..Self::default()
        }
    }

    /// A surface of `material`.
    pub fn of(material: Material, rng: &mut Rng) -> Self {
        let warm = rng.range32(0.92, 1.08);
        let tint = Vec3::new(warm, 1.0, 2.0 - warm);
        let skin = match material {
            Material::Concrete => Self {
                paint: Vec3::new(0.52, 0.51, 0.49),
                second: Vec3::new(0.16, 0.16, 0.165),
                tone: 0.08,
                dark: 0.5,
                width: 0.015,
                cell: Vec3::splat(1.5),
                contrast: 0.42,
                ..Self::default()
            },
            Material::Wood => Self {
                paint: Vec3::new(0.55, 0.33, 0.16),
                second: Vec3::new(0.20, 0.095, 0.035),
                tone: 0.3,
                dark: 0.75,
                width: 0.008,
                cell: Vec3::new(0.16, 1.3, 1.3),
                grain: Vec3::new(3.0, 1.0, 0.7),
                contrast: 0.4,
                ..Self::default()
            },
            Material::Tile => Self {
                paint: Vec3::new(0.66, 0.63, 0.57),
                second: Vec3::new(0.20, 0.22, 0.24),
                tone: 0.35,
                dark: 0.7,
                width: 0.014,
                cell: Vec3::splat(0.45),
                contrast: 0.4,
                mirror: 0.3,
                ..Self::default()
            },
            Material::Brick => Self {
                paint: Vec3::new(0.45, 0.17, 0.11),
                second: Vec3::new(0.20, 0.08, 0.06),
                tone: 0.55,
                dark: -0.9,
                width: 0.016,
                cell: Vec3::new(0.32, 0.13, 0.32),
                contrast: 0.4,
                ..Self::default()
            },
            Material::Plaster => Self {
                paint: Vec3::new(0.72, 0.68, 0.60),
                second: Vec3::new(0.34, 0.31, 0.27),
                contrast: 0.4,
                ..Self::default()
            },
            Material::Metal => Self {
                paint: Vec3::new(0.46, 0.49, 0.53),
                second: Vec3::new(0.17, 0.19, 0.22),
                tone: 0.25,
                dark: 0.8,
                width: 0.012,
                cell: Vec3::splat(0.7),
                grain: Vec3::new(1.0, 2.5, 1.0),
                contrast: 0.45,
                ..Self::default()
            },
            Material::Carpet => Self {
                paint: Vec3::new(0.30, 0.13, 0.15),
                second: Vec3::new(0.08, 0.07, 0.14),
                grain: Vec3::splat(1.5),
                contrast: 0.5,
                ..Self::default()
            },
            Material::Marble => Self {
                paint: Vec3::new(0.58, 0.57, 0.55),
                second: Vec3::new(0.22, 0.23, 0.26),
                tone: 0.25,
                dark: 0.5,
                width: 0.008,
                cell: Vec3::splat(0.8),
                contrast: 0.45,
                mirror: 0.9,
                ..Self::default()
            },
            Material::Asphalt => Self {
                paint: Vec3::new(0.20, 0.20, 0.21),
                second: Vec3::new(0.06, 0.06, 0.065),
                grain: Vec3::splat(1.6),
                contrast: 0.5,
                ..Self::default()
            },
            Material::Grass => Self {
                paint: Vec3::new(0.16, 0.34, 0.07),
                second: Vec3::new(0.05, 0.13, 0.02),
                grain: Vec3::splat(2.2),
                contrast: 0.55,
                ..Self::default()
            },
        };
        Self {
            paint: skin.paint * tint,
            second: skin.second * tint,
            origin: somewhere(rng),
            ..skin
        }
    }

    /// The same in another colour.
    pub fn tinted(self, colour: Option<Colour>) -> Self {
        match colour.map(Colour::linear) {
            None => self,
            Some((paint, second)) => Self {
                paint: paint.into(),
                second: second.into(),
                ..self
            },
        }
    }

    /// Part of the way to another skin's colours, `share` from 0 to 1.
    pub fn toward(self, to: &Self, share: f32) -> Self {
        Self {
            paint: self.paint.lerp(to.paint, share),
            second: self.second.lerp(to.second, share),
            ..self
        }
    }

    /// The same with its second colour for both.
    pub fn with_second(self) -> Self {
        Self {
            paint: self.second,
            ..self
        }
    }

    /// The same with seams every `cell` metres.
    pub fn seams(self, cell: [f32; 3], tone: f32, dark: f32) -> Self {
        Self {
            cell: cell.into(),
            tone,
            dark,
            width: 0.012,
            ..self
        }
    }
}

/// A place in the noise, so that no two objects look the same.
fn somewhere(rng: &mut Rng) -> Vec3 {
    Vec3::new(
        rng.range32(-40.0, 40.0),
        rng.range32(-40.0, 40.0),
        rng.range32(-40.0, 40.0),
    )
}

impl Piece {
    /// A box whose axes are the world's.
    pub(super) fn block(object: u32, centre: Vec3, half: Vec3, skin: Skin) -> Self {
        Self {
            object,
            shape: Shape::Box { half: half.into() },
            centre,
            rotation: Quat::IDENTITY,
            casts: true,
            there: true,
            skin,
        }
    }

    /// A sphere.
    pub(super) fn ball(object: u32, centre: Vec3, radius: f32, skin: Skin) -> Self {
        Self {
            object,
            shape: Shape::Sphere { radius },
            centre,
            rotation: Quat::IDENTITY,
            casts: true,
            there: true,
            skin,
        }
    }

    /// An upright cylinder.
    pub(super) fn post(object: u32, foot: Vec3, height: f32, radius: f32, skin: Skin) -> Self {
        Self {
            shape: Shape::Cylinder {
                radius,
                half_length: height / 2.0,
            },
            ..Self::ball(object, foot + Vec3::Y * height / 2.0, radius, skin)
        }
    }

    /// A capsule from `a` to `b`.
    pub(super) fn limb(object: u32, a: Vec3, b: Vec3, radius: f32, skin: Skin) -> Self {
        let along = b - a;
        Self {
            object,
            shape: Shape::Capsule {
                radius,
                half_length: along.length() / 2.0,
            },
            centre: (a + b) / 2.0,
            rotation: Quat::from_rotation_arc(Vec3::Y, along.normalize_or(Vec3::Y)),
            casts: true,
            there: true,
            skin,
        }
    }

    /// The same piece turned by `turn` about the origin and then moved by `by`.
    pub(super) fn moved(self, turn: Quat, by: Vec3) -> Self {
        Self {
            centre: turn * self.centre + by,
            rotation: turn * self.rotation,
            ..self
        }
    }

    /// Its corners' box in the world: least and greatest.
    pub fn bounds(&self) -> (Vec3, Vec3) {
        let axes = Mat3::from_quat(self.rotation);
        let boxed = |half: Vec3| {
            axes.x_axis.abs() * half.x + axes.y_axis.abs() * half.y + axes.z_axis.abs() * half.z
        };
        let reach = match self.shape {
            Shape::Box { half } | Shape::Terrain { half, .. } => boxed(half.into()),
            Shape::Sphere { radius } => Vec3::splat(radius),
            Shape::Capsule {
                radius,
                half_length,
            } => boxed(Vec3::Y * half_length) + radius,
            Shape::Cylinder {
                radius,
                half_length,
            } => {
                let axis = axes.y_axis;
                // A disc reaches as far along a direction as the direction lies in its plane.
                let disc = |a: f32| (1.0 - a * a).max(0.0).sqrt();
                boxed(Vec3::Y * half_length)
                    + radius * Vec3::new(disc(axis.x), disc(axis.y), disc(axis.z))
            }
        };
        (self.centre - reach, self.centre + reach)
    }

    /// As the kernel takes it.
    pub fn primitive(&self) -> (Solid, Primitive) {
        let axes = Mat3::from_quat(self.rotation);
        let row = |axis: Vec3| axis.extend(-axis.dot(self.centre)).to_array();
        let mut code = 0.0;
        let (solid, size) = match self.shape {
            Shape::Box { half: [x, y, z] } => (Solid::Box, [x, y, z, 0.0]),
            Shape::Sphere { radius } => (Solid::Capsule, [0.0, 0.0, 0.0, radius]),
            Shape::Capsule {
                radius,
                half_length,
            } => (Solid::Capsule, [0.0, half_length, 0.0, radius]),
            Shape::Cylinder {
                radius,
                half_length,
            } => (Solid::Cylinder, [radius, half_length, radius, 0.0]),
            Shape::Terrain {
                half: [x, y, z],
                cells,
                seed,
            } => {
                code = (cells.min(terrain::MOST_CELLS) + 32 * (seed & 0xffff)) as f32;
                (Solid::Terrain, [x, y, z, 0.0])
            }
        };
        let s = &self.skin;
        let casts = f32::from(u8::from(self.casts && solid != Solid::Terrain));
        let primitive = Primitive {
            row_x: row(axes.x_axis),
            row_y: row(axes.y_axis),
            row_z: row(axes.z_axis),
            size,
            paint: s.paint.extend(s.tone).to_array(),
            second: s.second.extend(s.dark).to_array(),
            origin: s.origin.extend(s.width).to_array(),
            cell: s.cell.extend(code).to_array(),
            grain: s.grain.extend(s.contrast).to_array(),
            object: [
                self.object as f32,
                if self.there { casts } else { -1.0 },
                s.mirror,
                0.0,
            ],
        };
        (solid, primitive)
    }
}

impl Shape {
    /// The same, `wide` times as wide and `tall` times as tall; round ones stay round.
    pub(super) fn stretched(self, wide: f32, tall: f32) -> Self {
        match self {
            Self::Box { half: [x, y, z] } => Self::Box {
                half: [x * wide, y * tall, z * wide],
            },
            Self::Sphere { radius } => Self::Sphere {
                radius: radius * wide,
            },
            Self::Capsule {
                radius,
                half_length,
            } => Self::Capsule {
                radius: radius * wide,
                half_length: half_length * tall,
            },
            Self::Cylinder {
                radius,
                half_length,
            } => Self::Cylinder {
                radius: radius * wide,
                half_length: half_length * tall,
            },
            Self::Terrain { .. } => self,
        }
    }

    /// The same with its thickness scaled: radii, and all sides of a box.
    pub(super) fn thicker(self, by: f32) -> Self {
        match self {
            Self::Box { half } => Self::Box {
                half: half.map(|h| h * by),
            },
            Self::Sphere { radius } => Self::Sphere {
                radius: radius * by,
            },
            Self::Capsule {
                radius,
                half_length,
            } => Self::Capsule {
                radius: radius * by,
                half_length,
            },
            Self::Cylinder {
                radius,
                half_length,
            } => Self::Cylinder {
                radius: radius * by,
                half_length,
            },
            Self::Terrain { .. } => self,
        }
    }
}
