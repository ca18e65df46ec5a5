//! `director convert` and `director info`.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::Globals;
use crate::numeric::median;
use crate::splat::format::usdz::Collision;
use crate::splat::format::{self, Beside, SplatFile, Written, counted, sigmoid};
use crate::world::mesh::Mesh;

/// Arguments of `director convert`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Formats:
  .ply    read and written: 3D Gaussian splatting's PLY, binary or ascii, with properties in any order and type,
          red, green, blue in place of f_dc, two scales (2DGS), other elements besides (Apple SHARP);
          written as binary little-endian 32-bit floats
  .compressed.ply   read and written: SuperSplat's, 16 bytes a splat, and 9, 24 or 45 for harmonics of degree 1 to 3
  .splat  read and written: 32 bytes a splat, 8-bit colour, opacity and rotation, no view-dependent colour
  .spz    read and written: Niantic's packed splats, versions 1 to 4; written as version 3, which most viewers read
  .sog    read and written: PlayCanvas' images in a zip, versions 1 and 2; written as version 2
  .glb    read and written: glTF with KHR_gaussian_splatting, not packed
  .usdz   written: OpenUSD's ParticleField3DGaussianSplat, in metres, and a mesh that bodies collide with (--collision)
What a conversion loses is told: spherical harmonics above degree 3, splats whose values are no numbers, clamped values.

Examples:
  director convert world.ply world.glb
  director convert world.ply world.usdz --collision collision.glb --metres-per-unit 1.5
  director convert scene.compressed.ply scene.ply
  director convert world.ply world.splat --json")]
pub struct Args {
    /// Splats, .ply, .splat, .spz, .sog or .glb
    #[arg(value_name = "IN")]
    pub input: PathBuf,
    /// File to write, .ply, .compressed.ply, .splat, .spz, .sog, .glb or .usdz; replaced where it exists
    #[arg(value_name = "OUT")]
    pub output: PathBuf,
    /// Mesh that bodies collide with, .obj or .glb, in the splats' frame; .usdz holds it beside them
    #[arg(long, value_name = "FILE")]
    pub collision: Option<PathBuf>,
    /// How long a unit of the splats is, for .usdz, which is in metres [default: a unit is taken for a metre]
    #[arg(long, value_name = "METRES", allow_negative_numbers = true)]
    pub metres_per_unit: Option<f64>,
    /// Print one JSON document: what was read, written, dropped and lost
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `director info`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Bounds and medians are those of splats whose values are numbers; the others are counted.

Examples:
  director info world.ply
  director info scene.compressed.ply
  director info world.splat --json"
)]
pub struct InfoArgs {
    /// Splats, .ply, .splat, .spz, .sog or .glb
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Print one JSON document
    #[arg(long)]
    pub json: bool,
}

#[derive(serde::Serialize)]
struct Conversion<'a> {
    input: &'a PathBuf,
    output: &'a PathBuf,
    input_format: &'a str,
    splats_read: usize,
    splats_written: usize,
    dropped: usize,
    sh_degree_in: u32,
    sh_degree_kept: u32,
    notes: &'a [String],
    lost: Vec<String>,
}

/// Runs `director convert`.
pub fn run(args: &Args, globals: &Globals) -> anyhow::Result<ExitCode> {
    let file = format::load(&args.input)?;
    anyhow::ensure!(
        !file.splats.is_empty() || file.not_finite == 0,
        "{}: none of its {} has numbers for all its values; nothing is written",
        args.input.display(),
        counted(file.not_finite)
    );
    let mesh = args.collision.as_deref().map(Indexed::load).transpose()?;
    let mut notes = file.notes.clone();
    if let (Some(mesh), Some(path)) = (&mesh, &args.collision) {
        let told = mesh.notes.iter();
        notes.extend(told.map(|note| format!("{}: {note}", path.display())));
    }
    let beside = Beside {
        collision: mesh.as_ref().map(Indexed::collision),
        metres_per_unit: args.metres_per_unit,
    };
    let written = format::write_with(&args.output, &file.splats, &beside)?;
    let done = Conversion {
        input: &args.input,
        output: &args.output,
        input_format: &file.format,
        splats_read: file.splats.len() + file.not_finite,
        splats_written: written.splats,
        dropped: file.not_finite + written.dropped,
        sh_degree_in: file.sh_degree,
        sh_degree_kept: written.sh_degree,
        notes: &notes,
        lost: lost(&file, &written),
    };
    if !globals.quiet {
        let output = args.output.display();
        match done.dropped {
            0 => anstream::eprintln!("{output}: {}", counted(done.splats_written)),
            n => anstream::eprintln!(
                "{output}: {} of {}; {n} dropped, as their values are no numbers",
                done.splats_written,
                counted(done.splats_read)
            ),
        }
        for note in done.notes {
            anstream::eprintln!("note: {note}");
        }
        for lost in &done.lost {
            anstream::eprintln!("lost: {lost}");
        }
    }
    if args.json {
        anstream::println!("{}", serde_json::to_string_pretty(&done)?);
    }
    Ok(ExitCode::SUCCESS)
}

/// A mesh whose triangles share their corners.
#[derive(Default)]
struct Indexed {
    points: Vec<[f32; 3]>,
    triangles: Vec<[u32; 3]>,
    /// What was left out of the file.
    notes: Vec<String>,
}

impl Indexed {
    fn load(path: &Path) -> anyhow::Result<Self> {
        let mesh = Mesh::load(path)?;
        // Its places are told from the file's own origin here.
        let moved = |note: &&String| !note.contains("far from the origin");
        let mut out = Self {
            notes: mesh.notes.iter().filter(moved).cloned().collect(),
            ..Self::default()
        };
        let mut known: HashMap<[u32; 3], u32> = HashMap::new();
        for triangle in &mesh.triangles {
            out.triangles.push(triangle.map(|p| {
                *known.entry(p.map(f32::to_bits)).or_insert_with(|| {
                    // Back to where the file has it, which is where the splats are.
                    let own = [0, 1, 2].map(|a| (f64::from(p[a]) + mesh.offset[a]) as f32);
                    out.points.push(own);
                    (out.points.len() - 1) as u32
                })
            }));
        }
        Ok(out)
    }

    fn collision(&self) -> Collision<'_> {
        Collision {
            points: &self.points,
            triangles: &self.triangles,
        }
    }
}

/// What a conversion did not carry over, in words.
fn lost(file: &SplatFile, written: &Written) -> Vec<String> {
    let degrees = match (written.sh_degree + 1, file.sh_degree) {
        (low, high) if low > high => None,
        (low, high) if low == high => Some(format!("degree {low}")),
        (low, high) if low + 1 == high => Some(format!("degrees {low} and {high}")),
        (low, high) => Some(format!("degrees {low} to {high}")),
    };
    let colour = degrees.map(|degrees| match written.sh_degree {
        0 => format!("view-dependent colour: spherical harmonics of {degrees}"),
        _ => format!("spherical harmonics of {degrees}"),
    });
    let others = file.unused.iter().chain(&written.lost).cloned();
    colour.into_iter().chain(others).collect()
}

#[derive(serde::Serialize)]
struct Info<'a> {
    file: &'a PathBuf,
    format: &'a str,
    splats: usize,
    sh_degree: u32,
    sh_degree_used: u32,
    not_finite: usize,
    min: [f32; 3],
    max: [f32; 3],
    median_opacity: f32,
    median_size: f32,
    notes: &'a [String],
    unused: &'a [String],
}

/// Runs `director info`.
pub fn info(args: &InfoArgs, _globals: &Globals) -> anyhow::Result<ExitCode> {
    let file = format::load(&args.file)?;
    let splats = &file.splats;
    let bound = |f: fn(f32, f32) -> f32| {
        let mut all = splats.positions.iter().copied();
        let first = all.next().unwrap_or_default();
        all.fold(first, |b, p| std::array::from_fn(|c| f(b[c], p[c])))
    };
    let sizes = splats.log_scales.iter();
    let sizes = sizes.map(|s| (s[0] + s[1] + s[2]) / 3.0);
    let info = Info {
        file: &args.file,
        format: &file.format,
        splats: splats.len() + file.not_finite,
        sh_degree: file.sh_degree,
        sh_degree_used: splats.sh_degree,
        not_finite: file.not_finite,
        min: bound(f32::min),
        max: bound(f32::max),
        // Both functions rise, so they may be taken of the median alone.
        median_opacity: median(&mut splats.opacity_logits.clone()).map_or(0.0, sigmoid),
        median_size: median(&mut sizes.collect::<Vec<f32>>()).map_or(0.0, f32::exp),
        notes: &file.notes,
        unused: &file.unused,
    };
    if args.json {
        anstream::println!("{}", serde_json::to_string_pretty(&info)?);
        return Ok(ExitCode::SUCCESS);
    }
    let used = match info.sh_degree > info.sh_degree_used {
        true => format!(" (degree {} is used)", info.sh_degree_used),
        false => String::new(),
    };
    anstream::println!("{}", info.file.display());
    anstream::println!("  format          {}", info.format);
    anstream::println!("  splats          {}", info.splats);
    anstream::println!("  SH degree       {}{used}", info.sh_degree);
    anstream::println!("  from            {:.3?}", info.min);
    anstream::println!("  to              {:.3?}", info.max);
    anstream::println!("  median opacity  {:.3}", info.median_opacity);
    anstream::println!("  median size     {:.4}", info.median_size);
    if info.not_finite > 0 {
        anstream::println!("  not finite      {}", info.not_finite);
    }
    for unused in info.unused {
        anstream::println!("  not used        {unused}");
    }
    for note in info.notes {
        anstream::println!("  note            {note}");
    }
    Ok(ExitCode::SUCCESS)
}
