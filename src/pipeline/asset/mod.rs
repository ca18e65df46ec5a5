//! What agents are let into: a folder that a run or `director reconstruct` left, splats, a mesh, a saved world.

mod beside;
mod folder;
mod mesh;
mod points;
mod splats;
mod take;

use std::io::Read as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use crate::agent::AgentOptions;
use crate::camera::Cameras;
use crate::glb;
use crate::gpu::Gpu;
use crate::monitor::Monitor;
use crate::revise::{AcceptOptions, Evidence};
use crate::splat::Splats;
use crate::splat::format::{self, FormatError, SplatFile};
use crate::world::{DepthView, World, too_coarse};

/// Endings of meshes that are not read.
const OTHER_MESHES: &[&str] = &[
    "stl", "fbx", "dae", "3ds", "off", "gltf", "blend", "x3d", "wrl",
];
/// What can be given, for errors.
const KINDS: &str = "agents test splats (.ply, .splat, .spz, .sog, .glb), a mesh (.obj, .glb), a saved world (.vox), or the folder that a run or `director reconstruct` left";

/// An asset, recognised by its content where that can tell.
#[derive(Debug)]
pub enum Asset {
    /// A folder with splats and cameras.
    Folder(PathBuf),
    /// A file of splats, read.
    Splats(PathBuf, Box<SplatFile>),
    /// A file of triangles.
    Mesh(PathBuf),
    /// A `world.vox`.
    World(PathBuf),
}

/// How an asset becomes a world.
#[derive(Clone, Debug)]
pub struct Making {
    /// Edge of a voxel in the world's unit; else the default of what it is made from.
    pub voxel: Option<f32>,
    /// Long side in pixels of views that are rendered from splats.
    pub size: u32,
    /// Such views, at most.
    pub views: usize,
    /// Height of the agent in the world's unit; else the options'.
    pub height: Option<f64>,
    /// Its radius, likewise.
    pub radius: Option<f64>,
}

/// An asset that agents can be let into.
#[derive(Debug)]
pub struct Ready {
    /// The world.
    pub world: World,
    /// Whether it was built now; otherwise it was read.
    pub built: bool,
    /// What is known to be seen of it, in its frame.
    pub views: Vec<DepthView>,
    /// The way of the camera, in its frame; none where no clip was taken on the way.
    pub cameras: Cameras,
    /// Its splats, in its frame, where there are any.
    pub splats: Option<Splats>,
    /// Options of the agents.
    pub agent: AgentOptions,
    /// How well the clip was understood, and what is asked of a world; `None` without a clip, which has no verdict.
    pub evidence: Option<(Evidence, AcceptOptions)>,
    /// Background of pictures of the splats, sRGB in [0, 1].
    pub background: [f32; 3],
    /// What a person should know: where views come from, guesses, losses.
    pub notes: Vec<String>,
}

impl Asset {
    /// Recognises what lies at a path.
    ///
    /// # Errors
    /// What is no asset, with the file and the mend; all files that a folder lacks at once.
    pub fn of(path: &Path) -> anyhow::Result<Self> {
        let place = path.display();
        anyhow::ensure!(
            path.exists(),
            "{place}: there is no such file or folder; see the path"
        );
        if path.is_dir() {
            folder::check(path)?;
            return Ok(Self::Folder(path.to_owned()));
        }
        anyhow::ensure!(
            path.is_file(),
            "{place}: this is neither a file nor a folder but a pipe or a device; save what it gives as a file"
        );
        let mut head = Vec::new();
        std::fs::File::open(path)
            .and_then(|file| file.take(4).read_to_end(&mut head))
            .with_context(|| format!("{place}: cannot read"))?;
        let ending = path.extension().unwrap_or_default();
        let ending = ending.to_string_lossy().to_lowercase();
        match ending.as_str() {
            _ if head == b"SDVX" => return Ok(Self::World(path.to_owned())),
            _ if head == b"glTF" => return Self::of_glb(path),
            "vox" => return Ok(Self::World(path.to_owned())),
            "obj" => return Ok(Self::Mesh(path.to_owned())),
            ending if OTHER_MESHES.contains(&ending) => anyhow::bail!(
                "{place}: meshes are read from .obj and .glb; export this one as one of them (Blender does)"
            ),
            _ => {}
        }
        match format::load(path) {
            Ok(file) => Ok(Self::Splats(path.to_owned(), Box::new(file))),
            Err(FormatError::Extension { reason, .. }) if reason == format::NO_SPLATS => {
                anyhow::bail!("{place}: this is none of the files that can be tested: {KINDS}")
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Splats or a mesh, by what its document says.
    fn of_glb(path: &Path) -> anyhow::Result<Self> {
        let place = path.display();
        let bytes = std::fs::read(path).with_context(|| format!("{place}: cannot read"))?;
        let (document, _) = glb::parts(&bytes).map_err(|e| anyhow::anyhow!("{place}: {e}"))?;
        match glb::scene::holds(&document) {
            holds if holds.splats => {
                Ok(Self::Splats(path.to_owned(), Box::new(format::load(path)?)))
            }
            holds if holds.triangles => Ok(Self::Mesh(path.to_owned())),
            _ => anyhow::bail!(
                "{place}: this .glb holds neither Gaussian splats (KHR_gaussian_splatting) nor triangles, so there is nothing that agents could walk on; {KINDS}"
            ),
        }
    }

    /// Reads or builds the world, and what is seen of it.
    ///
    /// # Errors
    /// Files that cannot be read, with the mend; what failed while building.
    pub fn ready(self, gpu: &Gpu, making: &Making, monitor: &dyn Monitor) -> anyhow::Result<Ready> {
        match self {
            Self::Folder(path) => folder::ready(gpu, &path, making, monitor),
            Self::Splats(path, file) => splats::ready(gpu, &path, *file, making, monitor),
            Self::Mesh(path) => mesh::ready(&path, making),
            Self::World(path) => saved(&path, making),
        }
    }
}

impl Making {
    /// The agents' options with the sizes that were asked for.
    fn agent(&self, mut options: AgentOptions) -> AgentOptions {
        if let Some(height) = self.height {
            (options.height_metres, options.height_heights) = (height, height);
        }
        if let Some(radius) = self.radius {
            (options.radius_metres, options.radius_heights) = (radius, radius);
        }
        options
    }
}

/// A word where cameras and world are told in different units.
fn units(cameras: &Cameras, world: &World) -> Option<String> {
    (cameras.unit != world.unit).then(|| {
        format!(
            "cameras.json is in {:?}, world.vox in {:?}: these may not belong together",
            cameras.unit, world.unit
        )
    })
}

/// A world file alone, with the cameras beside it.
fn saved(path: &Path, making: &Making) -> anyhow::Result<Ready> {
    anyhow::ensure!(
        making.voxel.is_none(),
        "{}: the voxels of a saved world are as they are; leave --voxel out, or give what it was built from",
        path.display()
    );
    let world = World::load(path)?;
    let far = (0..3).flat_map(|a| {
        let low = world.origin[a];
        [low, low + world.dims[a] as f32 * world.voxel]
    });
    let far = far.fold(0.0f32, |most, x| most.max(x.abs()));
    if let Some(step) = too_coarse(far, world.voxel) {
        anyhow::bail!(
            "{}: the world reaches {far} from the origin, where numbers of 32 bits are {step} apart: too coarse for its voxels of {}; build it nearer to the origin",
            path.display(),
            world.voxel
        );
    }
    let mut notes = vec!["the world is a saved one, without views".to_owned()];
    let cameras = match beside::cameras(path)? {
        Some(cameras) => {
            notes.push("the camera's way is that of the cameras.json beside it".to_owned());
            notes.extend(units(&cameras, &world));
            cameras
        }
        None => Cameras::known(Vec::new(), world.unit),
    };
    Ok(Ready {
        world,
        built: false,
        views: Vec::new(),
        cameras,
        splats: None,
        agent: making.agent(AgentOptions::default()),
        evidence: None,
        background: [1.0; 3],
        notes,
    })
}
