//! The light of a scene: its lamp or sun, what comes from everywhere, the sky and the fog.

use glam::{DVec2, Vec3};

use super::prompt::{Light, Place, Understood, Weather};
use super::site::Site;
use crate::numeric::Rng;

/// What the ray tracer takes of it; colours are linear.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lighting {
    /// Place of the lamp in metres; the sun is one far away.
    pub lamp: Vec3,
    /// Distance at which its light has halved.
    pub reach: f32,
    pub colour: Vec3,
    /// Radius in metres.
    pub radius: f32,
    pub ambient: Vec3,
    /// Extinction a metre.
    pub fog: f32,
    pub zenith: Vec3,
    pub horizon: Vec3,
    pub clouds: f32,
    pub glow: f32,
}

/// Metres to the sun: far against the place, near enough for 32-bit floats.
const SUN: f32 = 60.0;

impl Lighting {
    /// The light of a site whose subjects move about `circuit`.
    pub fn new(understood: &Understood, site: &Site, circuit: DVec2, rng: &mut Rng) -> Self {
        let night = understood.light == Light::Night;
        let fog = match (understood.weather, understood.outdoors()) {
            (Weather::Fog, true) => 0.06,
            (Weather::Fog, false) => 0.05,
            (Weather::Rain, _) => 0.018,
            (Weather::Snow, _) => 0.02,
            _ => 0.0,
        };
        let light = if understood.outdoors() && !night {
            Self::sun(understood, rng)
        } else {
            Self::lamp(understood, site, circuit, rng)
        };
        Self { fog, ..light }
    }

    fn lamp(understood: &Understood, site: &Site, circuit: DVec2, rng: &mut Rng) -> Self {
        let (colour, ambient) = match understood.light {
            Light::Neutral => ([1.30, 1.28, 1.22], [0.42, 0.42, 0.44]),
            Light::Bright => ([1.55, 1.52, 1.44], [0.50, 0.51, 0.53]),
            Light::Warm => ([1.45, 1.12, 0.78], [0.47, 0.42, 0.38]),
            Light::Cool => ([1.05, 1.22, 1.45], [0.38, 0.44, 0.54]),
            Light::Dim => ([0.95, 0.85, 0.70], [0.22, 0.22, 0.25]),
            Light::Night => ([2.2, 1.75, 1.15], [0.19, 0.20, 0.27]),
        };
        let e = site.extent;
        let along = match site.place {
            Place::Room => rng.range32(-0.2, 0.35) * e.z,
            Place::Corridor | Place::Stairs => rng.range32(0.05, 0.35) * e.z,
            // Over the circuit, where a hall or a yard is too large for one lamp.
            _ => circuit.y as f32 + rng.range32(-0.5, 1.5),
        };
        let outdoors = understood.outdoors();
        let height = if outdoors { 4.2 } else { e.y - 0.15 };
        let reach = match site.place {
            Place::Room => 5.0,
            Place::Corridor => 6.5,
            Place::Stairs => 7.5,
            Place::Warehouse => 9.0,
            Place::Courtyard | Place::Street => 5.5,
        };
        let across = rng.range32(-0.5, 0.5) * e.x.min(4.0);
        Self {
            lamp: Vec3::new(across, height, along),
            reach,
            colour: colour.into(),
            radius: 0.12,
            ambient: ambient.into(),
            fog: 0.0,
            // What is seen through an opening, and the sky at night.
            zenith: if outdoors {
                Vec3::new(0.008, 0.012, 0.03)
            } else {
                Vec3::new(0.30, 0.46, 0.80)
            },
            horizon: if outdoors {
                Vec3::new(0.03, 0.035, 0.06)
            } else {
                Vec3::new(0.80, 0.85, 0.92)
            },
            clouds: if outdoors { 0.3 } else { 0.5 },
            glow: 0.0,
        }
    }

    fn sun(understood: &Understood, rng: &mut Rng) -> Self {
        let around = rng.range32(0.0, std::f32::consts::TAU);
        let (elevation, colour, ambient, zenith, horizon) = match understood.light {
            Light::Warm => (
                24.0f32,
                [1.55, 1.02, 0.58],
                [0.36, 0.35, 0.42],
                [0.22, 0.30, 0.55],
                [0.95, 0.62, 0.36],
            ),
            Light::Cool => (
                40.0,
                [1.00, 1.12, 1.30],
                [0.36, 0.43, 0.54],
                [0.14, 0.28, 0.62],
                [0.66, 0.76, 0.90],
            ),
            Light::Dim => (
                35.0,
                [0.60, 0.60, 0.62],
                [0.26, 0.28, 0.33],
                [0.16, 0.22, 0.34],
                [0.42, 0.45, 0.50],
            ),
            Light::Bright => (
                58.0,
                [1.55, 1.48, 1.32],
                [0.44, 0.49, 0.58],
                [0.13, 0.30, 0.72],
                [0.70, 0.80, 0.94],
            ),
            Light::Neutral | Light::Night => (
                50.0,
                [1.35, 1.28, 1.14],
                [0.40, 0.45, 0.54],
                [0.15, 0.32, 0.70],
                [0.70, 0.79, 0.92],
            ),
        };
        let mut light = Self {
            lamp: SUN
                * Vec3::new(
                    around.sin() * elevation.to_radians().cos(),
                    elevation.to_radians().sin(),
                    around.cos() * elevation.to_radians().cos(),
                ),
            reach: 1.0e4,
            colour: colour.into(),
            radius: 0.5,
            ambient: ambient.into(),
            fog: 0.0,
            zenith: zenith.into(),
            horizon: horizon.into(),
            clouds: 0.55,
            glow: 1.2,
        };
        if understood.weather != Weather::Clear {
            // A veil of cloud: the sun is wide and weak, the sky is bright and grey.
            let grey = Vec3::splat(light.horizon.dot(Vec3::splat(1.0 / 3.0)));
            let dark = if understood.weather == Weather::Rain {
                0.75
            } else {
                1.0
            };
            light.colour *= 0.30;
            light.radius = 7.0;
            light.ambient = Vec3::splat(light.ambient.dot(Vec3::splat(1.0 / 3.0))) * 1.35 * dark;
            light.horizon = grey * 0.95 * dark;
            light.zenith = grey * 0.72 * dark;
            light.clouds = 0.7;
            light.glow = 0.0;
        }
        light
    }
}
