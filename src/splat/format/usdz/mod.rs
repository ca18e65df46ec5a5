//! USD packages (`.usdz`) of splats and, beside them, of a mesh that bodies collide with: what a robot simulator opens.

use std::io::{Cursor, Write as _};
use std::ops::RangeInclusive;

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::super::Splats;
use super::{counted, finite, sigmoid, too_large, unit};

mod usdc;

use usdc::{Attribute, Element, Layer, Prim, Value};

/// What USD asks of a package: the data of its files lies at multiples of this.
const ALIGN: u16 = 64;
/// Metres that a unit may be.
const SCALES: RangeInclusive<f64> = 1e-6..=1e6;
/// Bytes that all besides the arrays may take.
const FRAME: usize = 1 << 16;
/// Standard deviations that a splat is taken to reach.
const REACH: f64 = 3.0;

/// Triangles that bodies collide with and nobody sees, in the splats' frame.
#[derive(Clone, Copy, Debug)]
pub struct Collision<'a> {
    /// Corners.
    pub points: &'a [[f32; 3]],
    /// Corners of each triangle, counterclockwise from outside.
    pub triangles: &'a [[u32; 3]],
}

/// The file's bytes, and what had to be bent to fit them. It is in metres, +Y up. Receivers put a package into their own
/// scene without a look at its unit, so that the numbers themselves are made metres; where `metres_per_unit` is not known,
/// a unit is taken for a metre. Spherical harmonics have the order and signs of 3DGS. An empty cloud is left out.
///
/// # Errors
/// In words: more than the 4 GiB of a package hold, a scale or a mesh that is none.
pub fn encode(
    splats: &Splats,
    collision: Option<&Collision>,
    metres_per_unit: Option<f64>,
) -> Result<(Vec<u8>, Vec<String>), String> {
    splats.check().map_err(|error| error.to_string())?;
    let scale = metres_per_unit.unwrap_or(1.0);
    if !SCALES.contains(&scale) {
        return Err(format!(
            "{scale} metres a unit are no scale; give a number from {:e} to {:e}",
            SCALES.start(),
            SCALES.end()
        ));
    }
    let size = size(splats, collision)?;
    let mesh = collision.map(|mesh| Mesh::of(mesh, scale)).transpose()?;
    let kept = finite(splats);
    let mut bent = Vec::new();
    let given = collision.map_or(0, |mesh| mesh.triangles.len());
    match given - mesh.as_ref().map_or(0, |mesh| mesh.triangles.len()) {
        0 => {}
        1 => bent.push("1 triangle without an area of the mesh to collide with".to_owned()),
        n => bent.push(format!(
            "{n} triangles without an area of the mesh to collide with"
        )),
    }
    if kept.len() < splats.len() {
        bent.push(format!(
            "{} with values that are no numbers, left out",
            counted(splats.len() - kept.len())
        ));
    }
    if metres_per_unit.is_none() {
        bent.push(
            "the size in metres, which is not known: a unit is written as a metre".to_owned(),
        );
    }
    let mut layer = Layer::new(size)?;
    let mut children = Vec::new();
    if !kept.is_empty() {
        children.push(field(&kept, scale, &mut layer, &mut bent));
    }
    if let Some(mesh) = &mesh {
        children.push(collider(mesh, &mut layer));
    }
    let root = Prim {
        name: "World",
        type_name: "Xform",
        metadata: vec![("kind", layer.token("component"))],
        attributes: Vec::new(),
        children,
    };
    let metadata = vec![
        ("metersPerUnit", Value::double(1.0)),
        ("kilogramsPerUnit", Value::double(1.0)),
        ("upAxis", layer.token("Y")),
    ];
    let bytes = package("scene.usdc", &layer.finish(metadata, &root))?;
    Ok((bytes, bent))
}

/// Bytes that the arrays take.
fn size(splats: &Splats, collision: Option<&Collision>) -> Result<usize, String> {
    // Position, rotation, scale and opacity, and the coefficients.
    let splat = 4 * (3 + 4 + 3 + 1 + 3 * splats.coefficients());
    let mesh = collision.map_or(0, |mesh| {
        let points = mesh.points.len().saturating_mul(12);
        points.saturating_add(mesh.triangles.len().saturating_mul(28))
    });
    let size = splats.len().saturating_mul(splat).saturating_add(mesh);
    // Here the plain zip format ends, which is all that readers of packages can be counted on for.
    if size > u32::MAX as usize - 2 * FRAME {
        return Err(match mesh {
            0 => format!(
                "{} are more than the 4 GiB of a .usdz hold; use .ply",
                counted(splats.len())
            ),
            _ => format!(
                "{} and {} triangles to collide with are more than the 4 GiB of a .usdz hold; use .ply, or a coarser mesh",
                counted(splats.len()),
                collision.map_or(0, |mesh| mesh.triangles.len())
            ),
        });
    }
    Ok(size + FRAME)
}

/// A mesh to collide with, in metres.
struct Mesh {
    points: Vec<[f32; 3]>,
    triangles: Vec<[u32; 3]>,
    /// Unit normals of the triangles.
    normals: Vec<[f32; 3]>,
}

impl Mesh {
    /// Without triangles of no area, which physics engines refuse.
    fn of(mesh: &Collision, scale: f64) -> Result<Self, String> {
        let count = mesh.points.len();
        let unsound = |p: &[f32; 3]| p.iter().any(|v| !v.is_finite());
        if let Some(at) = mesh.points.iter().position(unsound) {
            return Err(format!(
                "point {at} of the collision mesh has coordinates that are no numbers"
            ));
        }
        let outside = |t: &[u32; 3]| t.iter().any(|p| *p as usize >= count);
        if let Some(at) = mesh.triangles.iter().position(outside) {
            return Err(format!(
                "triangle {at} of the collision mesh names the points {:?}, of which there are {count}",
                mesh.triangles[at]
            ));
        }
        let mut points = Vec::with_capacity(count);
        for point in mesh.points {
            let (point, clamped) = metres(point.map(f64::from), scale);
            if clamped {
                return Err(
                    "the collision mesh is larger than 32-bit floats hold in metres".to_owned(),
                );
            }
            points.push(point);
        }
        let (triangles, normals): (Vec<_>, Vec<_>) = mesh
            .triangles
            .iter()
            .filter_map(|t| Some((*t, normal(t.map(|p| points[p as usize]))?)))
            .unzip();
        if triangles.is_empty() {
            return Err(
                "the collision mesh has no triangles with an area; leave it out or make one with a surface"
                    .to_owned(),
            );
        }
        Ok(Self {
            points,
            triangles,
            normals,
        })
    }
}

/// The unit normal of a triangle, where it has an area.
fn normal(corners: [[f32; 3]; 3]) -> Option<[f32; 3]> {
    let [a, b, c] = corners.map(|p| p.map(f64::from));
    let from_a = |p: [f64; 3]| [p[0] - a[0], p[1] - a[1], p[2] - a[2]];
    let (u, v) = (from_a(b), from_a(c));
    let across = [
        u[1] * v[2] - u[2] * v[1],
        u[2] * v[0] - u[0] * v[2],
        u[0] * v[1] - u[1] * v[0],
    ];
    let length = across.iter().map(|v| v * v).sum::<f64>().sqrt();
    (length > 0.0).then(|| across.map(|v| (v / length) as f32))
}

/// The splats as a prim.
fn field(splats: &Splats, scale: f64, layer: &mut Layer, bent: &mut Vec<String>) -> Prim {
    let n = splats.len();
    let k = splats.coefficients();
    let mut bounds = Bounds::default();
    let (mut sizes, mut places, mut flat) = (0, 0, 0);
    let positions = layer.array(
        Element::Vec3f,
        splats.positions.iter().map(|p| {
            let (p, clamped) = metres(p.map(f64::from), scale);
            places += usize::from(clamped);
            p
        }),
    );
    let scales = layer.array(
        Element::Vec3f,
        (0..n).map(|i| {
            let (s, clamped) = metres(splats.log_scales[i].map(|s| f64::from(s).exp()), scale);
            sizes += usize::from(clamped);
            // Validators refuse splats of no size.
            flat += usize::from(s.contains(&0.0));
            let s = s.map(|s| s.max(f32::MIN_POSITIVE));
            let (p, _) = metres(splats.positions[i].map(f64::from), scale);
            bounds.add(p, reach(s, splats.rotations[i]));
            s
        }),
    );
    let orientations = layer.array(
        Element::Quatf,
        splats.rotations.iter().map(|q| {
            // In the text format w leads, here it follows.
            let [w, x, y, z] = unit(*q);
            [x, y, z, w]
        }),
    );
    let opacities = layer.array(
        Element::Float,
        splats.opacity_logits.iter().map(|o| [sigmoid(*o)]),
    );
    let coefficients = layer.array(Element::Vec3f, splats.sh.iter().copied());
    let extent = layer.array(Element::Vec3f, bounds.outward().into_iter());
    if places > 0 {
        bent.push(format!(
            "positions beyond 32-bit floats of {}, clamped",
            counted(places)
        ));
    }
    bent.extend(too_large(sizes));
    if flat > 0 {
        bent.push(format!("sizes of 0 of {}, made very small", counted(flat)));
    }
    Prim {
        name: "Splats",
        type_name: "ParticleField3DGaussianSplat",
        metadata: Vec::new(),
        attributes: vec![
            Attribute::new("positions", "point3f[]", positions),
            Attribute::new("orientations", "quatf[]", orientations),
            Attribute::new("scales", "float3[]", scales),
            Attribute::new("opacities", "float[]", opacities),
            Attribute::uniform(
                "radiance:sphericalHarmonicsDegree",
                "int",
                Value::int(splats.sh_degree as i32),
            ),
            Attribute {
                // The schema does without these two, NVIDIA's validator does not.
                metadata: vec![
                    ("elementSize", Value::int(k as i32)),
                    ("interpolation", layer.token("vertex")),
                ],
                ..Attribute::new(
                    "radiance:sphericalHarmonicsCoefficients",
                    "float3[]",
                    coefficients,
                )
            },
            // Not worked out by readers.
            Attribute::new("extent", "float3[]", extent),
        ],
        children: Vec::new(),
    }
}

/// The mesh as a prim: a collider that does not move, as it belongs to no body.
fn collider(mesh: &Mesh, layer: &mut Layer) -> Prim {
    let mut bounds = Bounds::default();
    for point in &mesh.points {
        bounds.add(*point, [0.0; 3]);
    }
    let points = layer.array(Element::Vec3f, mesh.points.iter().copied());
    let counts = layer.array(Element::Int, mesh.triangles.iter().map(|_| [3i32]));
    let corners: &[u32] = mesh.triangles.as_flattened();
    let corners = layer.array(Element::Int, corners.iter().map(|c| [*c]));
    let normals = layer.array(Element::Vec3f, mesh.normals.iter().copied());
    let extent = layer.array(Element::Vec3f, bounds.outward().into_iter());
    let apis = layer.prepended(&["PhysicsCollisionAPI", "PhysicsMeshCollisionAPI"]);
    let none = layer.token("none");
    Prim {
        name: "Collision",
        type_name: "Mesh",
        metadata: vec![("apiSchemas", apis)],
        attributes: vec![
            Attribute::new("points", "point3f[]", points),
            Attribute::new("faceVertexCounts", "int[]", counts),
            Attribute::new("faceVertexIndices", "int[]", corners),
            Attribute {
                metadata: vec![("interpolation", layer.token("uniform"))],
                ..Attribute::new("normals", "normal3f[]", normals)
            },
            Attribute::new("extent", "float3[]", extent),
            // Else receivers smooth the mesh.
            Attribute::uniform("subdivisionScheme", "token", none),
            // What pictures leave out and physics keeps.
            Attribute::uniform("purpose", "token", layer.token("guide")),
            // The triangles themselves, no hull around them.
            Attribute::uniform("physics:approximation", "token", none),
        ],
        children: Vec::new(),
    }
}

/// Lengths in metres, and whether one had to be clamped to what 32 bits hold.
fn metres(lengths: [f64; 3], scale: f64) -> ([f32; 3], bool) {
    let lengths = lengths.map(|v| (v * scale) as f32);
    let large = lengths.iter().any(|v| v.is_infinite());
    (lengths.map(|v| v.clamp(f32::MIN, f32::MAX)), large)
}

/// How far a splat reaches along the world's axes.
fn reach(scales: [f32; 3], rotation: [f32; 4]) -> [f64; 3] {
    let [w, x, y, z] = unit(rotation).map(f64::from);
    let rows = [
        [
            1.0 - 2.0 * (y * y + z * z),
            2.0 * (x * y - w * z),
            2.0 * (x * z + w * y),
        ],
        [
            2.0 * (x * y + w * z),
            1.0 - 2.0 * (x * x + z * z),
            2.0 * (y * z - w * x),
        ],
        [
            2.0 * (x * z - w * y),
            2.0 * (y * z + w * x),
            1.0 - 2.0 * (x * x + y * y),
        ],
    ];
    rows.map(|row| {
        let squares = row
            .iter()
            .zip(scales)
            .map(|(r, s)| (r * f64::from(s)).powi(2));
        REACH * squares.sum::<f64>().sqrt()
    })
}

/// Least and greatest coordinates.
struct Bounds {
    least: [f64; 3],
    greatest: [f64; 3],
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            least: [f64::INFINITY; 3],
            greatest: [f64::NEG_INFINITY; 3],
        }
    }
}

impl Bounds {
    fn add(&mut self, centre: [f32; 3], reach: [f64; 3]) {
        for a in 0..3 {
            let centre = f64::from(centre[a]);
            self.least[a] = self.least[a].min(centre - reach[a]);
            self.greatest[a] = self.greatest[a].max(centre + reach[a]);
        }
    }

    /// The two corners, rounded so that all remains between them.
    fn outward(&self) -> [[f32; 3]; 2] {
        let finite = |v: f32| v.clamp(f32::MIN, f32::MAX);
        let down = |v: f64| match v as f32 {
            r if f64::from(r) > v => r.next_down(),
            r => r,
        };
        [
            self.least.map(|v| finite(down(v))),
            self.greatest.map(|v| finite(-down(-v))),
        ]
    }
}

/// A zip archive of one file, as it is.
fn package(name: &str, layer: &[u8]) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    bytes
        .try_reserve_exact(layer.len() + FRAME)
        .map_err(|_| format!("{} bytes do not fit the memory", layer.len()))?;
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Stored)
        .with_alignment(ALIGN);
    let mut writer = ZipWriter::new(Cursor::new(bytes));
    writer
        .start_file(name, options)
        .and_then(|()| Ok(writer.write_all(layer)?))
        .and_then(|()| writer.finish())
        .map(Cursor::into_inner)
        .map_err(|error| format!("the package cannot be made: {error}"))
}
