//! A mesh file as a world.

use std::path::Path;

use super::{Making, Ready};
use crate::agent::AgentOptions;
use crate::camera::{Cameras, LengthUnit};
use crate::world::World;
use crate::world::mesh::{Inside, Mesh, MeshOptions};

/// An agent is at least so many voxels high, or nothing can be told of where it fits.
const LEAST: f64 = 4.0;

/// Its triangles in voxels. Nothing says what is up and how long a unit is: +Y and a metre are assumed.
pub(super) fn ready(path: &Path, making: &Making) -> anyhow::Result<Ready> {
    let place = path.display();
    let agent = making.agent(AgentOptions::default());
    let mesh = Mesh::load(path)?;
    let mut options = MeshOptions {
        inside: Inside::Rooms,
        headroom: agent.height_metres as f32,
        radius: agent.radius_metres as f32,
        unit: LengthUnit::Metres,
        ..MeshOptions::default()
    };
    if let Some(voxel) = making.voxel {
        options.voxel = voxel;
    }
    let world = World::from_triangles(&mesh.triangles, &options)
        .map_err(|error| anyhow::anyhow!("{place}: {error}"))?;
    let [x, y, z] = world.dims.map(|n| n as f32 * world.voxel);
    anyhow::ensure!(
        LEAST * f64::from(world.voxel) <= agent.height_metres,
        "{place}: an agent {} high does not fit voxels of {:.2}, for a mesh of {x:.0} x {y:.0} x {z:.0}; a unit is taken for a metre: scale the mesh to metres, cut it, ask for a finer --voxel or a larger agent (--height)",
        agent.height_metres,
        world.voxel
    );
    let mut notes = vec![
        "a mesh says neither what is up nor how long its unit is: +Y and metres are assumed"
            .to_owned(),
        "a mesh has no views and no cameras: what it was made from cannot be held against it"
            .to_owned(),
    ];
    notes.extend(mesh.notes);
    Ok(Ready {
        cameras: Cameras::known(Vec::new(), world.unit),
        world,
        built: true,
        views: Vec::new(),
        splats: None,
        agent,
        evidence: None,
        background: [1.0; 3],
        notes,
    })
}
