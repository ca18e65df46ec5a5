//! Host side of the mock world's ray tracer: its structs, its binding and the frames it makes.

use crate::gpu::Kernel;

/// Primitives that one frame may hold: as many as uniform memory has room for.
pub const MAX_PRIMITIVES: usize = 256;

/// Some primitive is terrain.
pub const HAS_TERRAIN: u32 = 1;
/// Some floor mirrors.
pub const HAS_MIRROR: u32 = 2;
/// There is a veil.
pub const HAS_VEIL: u32 = 4;
/// The sky may be seen; without it nothing is black.
pub const HAS_SKY: u32 = 8;

/// Kinds of primitives, in the order in which a frame lists them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Solid {
    /// A box.
    Box,
    /// A capsule or sphere.
    Capsule,
    /// A cylinder with flat ends.
    Cylinder,
    /// A mound; see [`super::terrain`].
    Terrain,
}

crate::gpu_struct! {
    /// Parameters of one frame.
    pub struct TraceParams {
        /// The camera's x axis in the world; w: exposure, a factor on linear light.
        pub axis_x: [f32; 4],
        /// The camera's y axis (down) in the world.
        pub axis_y: [f32; 4],
        /// The camera's z axis (forward) in the world.
        pub axis_z: [f32; 4],
        /// The camera's centre in metres.
        pub position: [f32; 4],
        /// fx, fy, cx, cy in pixels.
        pub focal: [f32; 4],
        /// The lamp's place in metres; w: distance at which its light has halved.
        pub lamp: [f32; 4],
        /// Linear colour of the lamp; w: its radius in metres, which softens shadows.
        pub lamp_colour: [f32; 4],
        /// Linear colour of the light from everywhere; w: fog, extinction a metre.
        pub ambient: [f32; 4],
        /// Linear colour of the sky overhead; w: clouds, 0 to 1.
        pub zenith: [f32; 4],
        /// Linear colour of the sky at the horizon and of the fog; w: strength of the sun's glow.
        pub horizon: [f32; 4],
        /// A box that is seen through: world to local, first row.
        pub veil_x: [f32; 4],
        /// Second row.
        pub veil_y: [f32; 4],
        /// Third row.
        pub veil_z: [f32; 4],
        /// Its half sizes in metres; w: opacity, 0 for no veil.
        pub veil: [f32; 4],
        /// Its linear colour.
        pub veil_paint: [f32; 4],
        /// Width and height in pixels.
        pub size: [u32; 2],
        /// Primitives of the frame, at most [`MAX_PRIMITIVES`].
        pub count: u32,
        /// First element of the frame in the outputs.
        pub base: u32,
        /// Primitives before these indices are boxes, capsules, cylinders and terrain.
        pub ends: [u32; 4],
        /// First: what the scene has, of [`HAS_TERRAIN`], [`HAS_MIRROR`], [`HAS_VEIL`] and [`HAS_SKY`]; what it says it
        /// has not is not looked for. The rest is 0.
        pub flags: [u32; 4],
        /// [`Primitive`]s, ten vectors each, one after the other: 256 x 10 vectors.
        pub primitives: [[[[f32; 4]; 20]; 32]; 4],
    }
}

crate::gpu_struct! {
    /// One shape with its paint. A sphere is a capsule of length 0. All fields are finite: [`TraceParams::with`] sees
    /// to it.
    pub struct Primitive {
        /// World to local, first row: local x = row . (p, 1).
        pub row_x: [f32; 4],
        /// Second row.
        pub row_y: [f32; 4],
        /// Third row.
        pub row_z: [f32; 4],
        /// Box and terrain: half sizes and 0. Capsule: 0, half length along local y, 0, radius. Cylinder: radius,
        /// half length, radius, 0. Metres.
        pub size: [f32; 4],
        /// Linear colour; w: how much cells differ in tone.
        pub paint: [f32; 4],
        /// Linear colour that the noise mixes in; w: how dark seams are, 0 to 1.
        pub second: [f32; 4],
        /// Origin of the texture in local metres; w: width of a seam in metres.
        pub origin: [f32; 4],
        /// Distance of seams along local x, y, z in metres, 0 for none; w: terrain's cells + 32 times its seed.
        pub cell: [f32; 4],
        /// Frequency of the noise along local x, y, z, 1 for features from 0.8 m down; w: contrast.
        pub grain: [f32; 4],
        /// Object that it belongs to, from 1; 1 where it throws a shadow, -1 where it is not there; how much it
        /// mirrors, for tops at y = 0; 0.
        pub object: [f32; 4],
    }
}

impl TraceParams {
    /// The same frame with these primitives, boxes first, then capsules, cylinders and terrain, each kind in the
    /// given order, and flags for terrain and mirrors; those past [`MAX_PRIMITIVES`] are left out. One with a field
    /// that is not finite keeps its place and is not there.
    pub fn with(mut self, primitives: &[(Solid, Primitive)]) -> Self {
        let mut kept = primitives[..primitives.len().min(MAX_PRIMITIVES)].to_vec();
        kept.sort_by_key(|(solid, _)| *solid);
        for (_, primitive) in &mut kept {
            if !bytemuck::bytes_of(primitive)
                .chunks_exact(4)
                .all(|b| f32::from_ne_bytes([b[0], b[1], b[2], b[3]]).is_finite())
            {
                *primitive = Primitive {
                    object: [0.0, -1.0, 0.0, 0.0],
                    ..Primitive::default()
                };
            }
        }
        let has = |flag: u32, there: bool| if there { flag } else { 0 };
        self.flags[0] &= !(HAS_TERRAIN | HAS_MIRROR);
        self.flags[0] |= has(HAS_TERRAIN, kept.iter().any(|(s, _)| *s == Solid::Terrain))
            | has(HAS_MIRROR, kept.iter().any(|(_, p)| p.object[2] > 0.0));
        self.primitives = Default::default();
        let slots = bytemuck::cast_slice_mut::<_, Primitive>(&mut self.primitives);
        for (slot, (_, primitive)) in slots.iter_mut().zip(&kept) {
            *slot = *primitive;
        }
        let end = |last: Solid| kept.partition_point(|(solid, _)| *solid <= last) as u32;
        self.ends = [Solid::Box, Solid::Capsule, Solid::Cylinder, Solid::Terrain].map(end);
        self.count = kept.len() as u32;
        self
    }

    /// The primitives.
    pub fn list(&self) -> &[Primitive] {
        let all = bytemuck::cast_slice::<_, Primitive>(&self.primitives);
        &all[..all.len().min(self.count as usize)]
    }

    /// What primitive `i` of the list is.
    pub fn solid(&self, i: usize) -> Solid {
        let i = i as u32;
        match self.ends {
            [end, ..] if i < end => Solid::Box,
            [_, end, ..] if i < end => Solid::Capsule,
            [_, _, end, _] if i < end => Solid::Cylinder,
            _ => Solid::Terrain,
        }
    }
}

/// The ray tracer; one dispatch a frame.
pub static TRACE: Kernel = crate::kernel!(
    "mock/trace", shared ["shared/paint", "shared/solid"], twin crate::mock::twins::trace::twin,
    workgroup [8, 8, 1], params TraceParams,
    // A ray that grazes an edge may fall on either side of it.
    bind [write rgba: u32 => colours(2).but(0.02, 2), write depth: f32 => within(1e-4, 2e-4).but(0.02, 2),
        write ids: u32 => EXACT.but(0.02, 2)]
);

/// One traced frame, row-major from the top left.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Traced {
    /// Packed sRGB `r | g << 8 | b << 16 | 255 << 24`, mean of four samples a pixel.
    pub rgba: Vec<u32>,
    /// Distance along the camera's z in metres at pixel centres; 0 where nothing is.
    pub depth: Vec<f32>,
    /// What is at pixel centres: `object | (index of the primitive + 1) << 16`; 0 where nothing is.
    pub ids: Vec<u32>,
}

impl Traced {
    /// The object at each pixel centre; 0 where nothing is.
    pub fn objects(&self) -> impl Iterator<Item = u32> + '_ {
        self.ids.iter().map(|id| id & 0xffff)
    }
}
