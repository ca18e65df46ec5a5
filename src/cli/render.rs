//! `director render`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use glam::{DMat3, DVec3};

use super::Globals;
use crate::camera::{Camera, Cameras, Intrinsics, Pose, sway};
use crate::numeric::median;
use crate::splat::{Renderer, Splats, format};
use crate::video::{EncodeOptions, Encoder};

/// Arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  director render world.ply -o view.png --cameras cameras.json --frame 12
  director render world.ply -o path.mp4 --cameras cameras.json
  director render world.ply -o sway.mp4 --cameras cameras.json --sway --seconds 6
  director render world.ply -o around.mp4 --orbit --size 640x360")]
pub struct Args {
    /// Splats, .ply, .splat, .spz, .sog or .glb
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Picture (.png) or video (.mp4) to write
    #[arg(long, short, value_name = "OUT")]
    pub out: PathBuf,
    /// Cameras to look from, as `director track` writes them
    #[arg(long, value_name = "FILE", conflicts_with = "orbit")]
    pub cameras: Option<PathBuf>,
    /// The camera of this frame; for a picture, the first one where it is not given
    #[arg(long, value_name = "N", requires = "cameras")]
    pub frame: Option<usize>,
    /// Go along the cameras, swaying about them, so that near and far move apart
    #[arg(long, requires = "cameras", conflicts_with = "frame")]
    pub sway: bool,
    /// Go round the splats once, level, looking at their middle
    #[arg(long)]
    pub orbit: bool,
    /// Size in pixels; the cameras' own where it is not given, else 640x360
    #[arg(long, value_name = "WxH", value_parser = size)]
    pub size: Option<[u32; 2]>,
    /// Background, sRGB as six hexadecimal digits
    #[arg(long, value_name = "RRGGBB", default_value = "000000", value_parser = colour)]
    pub background: [f32; 3],
    /// Frames per second of a video
    #[arg(long, default_value_t = 24.0)]
    pub fps: f64,
    /// Seconds of an orbit or a sway
    #[arg(long, default_value_t = 4.0)]
    pub seconds: f64,
}

fn size(text: &str) -> Result<[u32; 2], String> {
    text.split_once(['x', 'X'])
        .and_then(|(w, h)| Some([w.parse().ok()?, h.parse().ok()?]))
        .filter(|s| s.iter().all(|v| (1..=16_384).contains(v)))
        .ok_or_else(|| format!("'{text}' is not WIDTHxHEIGHT in pixels, 1 to 16384 each"))
}

fn colour(text: &str) -> Result<[f32; 3], String> {
    let digits = text.trim_start_matches('#');
    match u32::from_str_radix(digits, 16) {
        Ok(v) if digits.len() == 6 => Ok([16, 8, 0].map(|s| (v >> s & 255) as f32 / 255.0)),
        _ => Err(format!("'{text}' is not a colour such as ffffff")),
    }
}

/// Runs the command.
pub fn run(args: &Args, globals: &Globals) -> anyhow::Result<ExitCode> {
    let kind = args
        .out
        .extension()
        .map(|e| e.to_string_lossy().to_lowercase());
    let video = match kind.as_deref() {
        Some("png") => false,
        Some("mp4") => true,
        _ => anyhow::bail!("{}: the output is a .png or a .mp4", args.out.display()),
    };
    let splats = format::read(&args.file)?;
    anyhow::ensure!(
        !splats.is_empty(),
        "{}: the file holds no splats",
        args.file.display()
    );
    let cameras = choose(args, &splats, video)?;
    let first = &cameras[0].intrinsics;
    let [mut width, mut height] = args.size.unwrap_or([first.width, first.height]);
    if video {
        // 4:2:0 has whole pairs of rows and columns only.
        (width, height) = (width.next_multiple_of(2), height.next_multiple_of(2));
    }
    let gpu = globals.gpu()?;
    let mut renderer = Renderer::new(&gpu, &splats, width, height, 0)?;
    if video {
        film(
            &mut renderer,
            &cameras,
            [width, height],
            args.fps,
            args.background,
            &args.out,
        )?;
    } else {
        let picture = renderer.render(&cameras[0], args.background)?;
        let bytes: Vec<u8> = picture
            .rgba
            .iter()
            .flat_map(|p| p.to_le_bytes().into_iter().take(3))
            .collect();
        image::save_buffer(
            &args.out,
            &bytes,
            width,
            height,
            image::ExtendedColorType::Rgb8,
        )
        .with_context(|| format!("{}: the picture cannot be written", args.out.display()))?;
    }
    if !globals.quiet {
        anstream::eprintln!(
            "{} ({width}x{height}, {} frames) from {} splats",
            args.out.display(),
            if video { cameras.len() } else { 1 },
            splats.len()
        );
    }
    Ok(ExitCode::SUCCESS)
}

/// Encodes what the cameras see of the renderer's splats.
pub(super) fn film(
    renderer: &mut Renderer,
    cameras: &[Camera],
    [width, height]: [u32; 2],
    fps: f64,
    background: [f32; 3],
    path: &Path,
) -> anyhow::Result<()> {
    let mut encoder = Encoder::create(path, width, height, fps, &EncodeOptions::default())?;
    for camera in cameras {
        encoder.push(&renderer.render(camera, background)?.rgba)?;
    }
    encoder.finish()?;
    Ok(())
}

/// A way along cameras that sways about them at the depth that the splats have in the middle one's picture; `None` where it shows none.
pub(super) fn swaying(splats: &Splats, cameras: &Cameras, frames: usize) -> Option<Vec<Camera>> {
    let middle = cameras.cameras.get(cameras.cameras.len() / 2)?;
    let k = &middle.intrinsics;
    let depth = |p: &[f32; 3]| {
        let p = middle.pose.to_camera(DVec3::from(p.map(f64::from)));
        let at = k.project(p)?;
        let inside = at.x >= 0.0 && at.y >= 0.0 && at.x < k.width.into() && at.y < k.height.into();
        (inside && p.z.is_finite()).then_some(p.z)
    };
    let mut depths: Vec<f64> = splats.positions.iter().filter_map(depth).collect();
    Some(sway(cameras, median(&mut depths)?, frames))
}

fn choose(args: &Args, splats: &Splats, video: bool) -> anyhow::Result<Vec<Camera>> {
    let frames = match video {
        true => (args.fps * args.seconds).round().clamp(1.0, 36_000.0) as usize,
        false => 1,
    };
    let Some(path) = &args.cameras else {
        let [w, h] = args.size.unwrap_or([640, 360]);
        return orbit(splats, w, h, frames)
            .with_context(|| format!("{}: no finite position", args.file.display()));
    };
    let cameras = load(path)?;
    if args.sway {
        return swaying(splats, &cameras, frames).with_context(|| {
            let (file, path) = (args.file.display(), path.display());
            format!("{file}: the camera in the middle of {path} sees none of the splats")
        });
    }
    match args.frame {
        None => Ok(cameras.cameras),
        Some(frame) => {
            let found = cameras.cameras.iter().find(|c| c.frame == frame);
            let camera = found.with_context(|| {
                let known: Vec<_> = cameras
                    .cameras
                    .iter()
                    .map(|c| c.frame.to_string())
                    .collect();
                format!(
                    "{}: frame {frame} is not registered; there are {}",
                    path.display(),
                    known.join(", ")
                )
            })?;
            Ok(vec![*camera])
        }
    }
}

fn load(path: &Path) -> anyhow::Result<Cameras> {
    let text =
        std::fs::read_to_string(path).with_context(|| format!("{}: not read", path.display()))?;
    let cameras: Cameras = serde_json::from_str(&text)
        .with_context(|| format!("{}: not a cameras.json", path.display()))?;
    anyhow::ensure!(
        !cameras.cameras.is_empty(),
        "{}: no camera is registered",
        path.display()
    );
    Ok(cameras)
}

/// Cameras on a level circle around the middle of the splats; `None` without a finite position.
fn orbit(splats: &Splats, width: u32, height: u32, frames: usize) -> Option<Vec<Camera>> {
    let median = |mut values: Vec<f64>| median(&mut values);
    let points: Vec<DVec3> = splats
        .positions
        .iter()
        .map(|p| DVec3::from(p.map(f64::from)))
        .filter(|p| p.is_finite())
        .collect();
    let middle = DVec3::new(
        median(points.iter().map(|p| p.x).collect())?,
        median(points.iter().map(|p| p.y).collect())?,
        median(points.iter().map(|p| p.z).collect())?,
    );
    let reach = median(points.iter().map(|p| p.distance(middle)).collect())?.max(1e-3);
    let intrinsics = Intrinsics::from_fov_x(width, height, 55f64.to_radians());
    let cameras = (0..frames).map(|i| {
        let (sin, cos) = (std::f64::consts::TAU * i as f64 / frames as f64).sin_cos();
        let eye = middle + reach * DVec3::new(3.5 * sin, 1.2, 3.5 * cos);
        let z = (middle - eye).normalize();
        let x = z.cross(DVec3::Y).normalize();
        Camera {
            frame: i,
            time: 0.0,
            intrinsics,
            pose: Pose {
                rotation: DMat3::from_cols(x, z.cross(x), z),
                position: eye,
            },
            depth_scale: 1.0,
            depth_shift: 0.0,
        }
    });
    Some(cameras.collect())
}
