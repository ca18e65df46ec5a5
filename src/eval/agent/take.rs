//! A case made: the take as video, and the truth of the frames that become views. Kept under a folder, so that another
//! run over the same case renders nothing.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use serde::{Deserialize, Serialize};

use super::case::{Case, FPS};
use crate::camera::{Camera, Cameras, LengthUnit};
use crate::files::write_atomic;
use crate::gpu::Gpu;
use crate::mock::render::{Renderer, Want};
use crate::mock::scene::{Role, Scene};
use crate::monitor::Monitor;
use crate::video::{self, DecodeOptions, EncodeOptions, Encoder, Frames};

/// What a kept take depends on.
#[derive(Serialize, Deserialize, PartialEq)]
struct Kept {
    format: u32,
    mock: u32,
    encode: EncodeOptions,
    case: Case,
}

/// What the true camera sees of one view, row-major from the top left.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Depth along the camera's z in metres; infinite where nothing is.
    pub depth: Vec<f32>,
    /// The object at each pixel; 0 where nothing is.
    pub objects: Vec<u8>,
}

/// A case's take.
#[derive(Clone)]
pub struct Take {
    /// The case.
    pub case: Case,
    /// The scene, with what was planted and what did not fit.
    pub scene: Scene,
    /// Frames of the take that become views.
    pub frames: Vec<usize>,
    /// True cameras of the views, in metres; their `frame` counts views.
    pub cameras: Cameras,
    /// What they see, view by view.
    pub seen: Vec<Seen>,
    /// The video.
    pub video: PathBuf,
    /// Seconds that rendering took; `None` where it was kept from before.
    pub rendered: Option<f64>,
}

/// At most `most` of `count` frames, evenly spaced with the first and the last.
fn spread(count: usize, most: usize) -> Vec<usize> {
    let most = most.clamp(1, count.max(1));
    let last = count.saturating_sub(1);
    (0..most)
        .map(|k| (k * last + (most - 1) / 2) / (most - 1).max(1))
        .collect()
}

impl Take {
    /// Renders and encodes a case into `folder`, or reads what was made there before.
    ///
    /// # Errors
    /// The device's, the encoder's, files that cannot be written, and an interruption.
    pub fn make(
        gpu: &Gpu,
        case: &Case,
        folder: &Path,
        monitor: &dyn Monitor,
    ) -> anyhow::Result<Self> {
        std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
        let kept = Kept {
            format: 1,
            mock: crate::mock::VERSION,
            encode: EncodeOptions::default(),
            case: case.clone(),
        };
        let scene = case.scene();
        let frames = spread(case.frames, case.views);
        let record = folder.join("case.json");
        let (video, truth) = (folder.join("take.mp4"), folder.join("truth.bin"));
        let same = std::fs::read(&record)
            .ok()
            .and_then(|bytes| serde_json::from_slice::<Kept>(&bytes).ok())
            .is_some_and(|there| there == kept);
        let pixels = case.size[0] as usize * case.size[1] as usize;
        let there = match same && video.is_file() {
            true => std::fs::read(&truth)
                .ok()
                .and_then(|b| unpack(&b, frames.len(), pixels)),
            false => None,
        };
        let (seen, rendered) = match there {
            Some(seen) => (seen, None),
            None => {
                // What is left of another case there must not be taken for this one's.
                clear(folder)?;
                let begun = std::time::Instant::now();
                let seen = render(gpu, &scene, &frames, &video, &kept.encode, monitor)?;
                write_atomic(&truth, &pack(&seen)).with_context(|| truth.display().to_string())?;
                let text = serde_json::to_vec_pretty(&kept)?;
                write_atomic(&record, &text).with_context(|| record.display().to_string())?;
                (seen, Some(begun.elapsed().as_secs_f64()))
            }
        };
        let cameras = frames.iter().enumerate().map(|(view, &frame)| Camera {
            frame: view,
            ..scene.camera_at(frame)
        });
        let cameras = Cameras::known(cameras.collect(), LengthUnit::Metres);
        Ok(Self {
            case: case.clone(),
            scene,
            frames,
            cameras,
            seen,
            video,
            rendered,
        })
    }

    /// The views' frames, decoded from the video: what its compression left of them.
    ///
    /// # Errors
    /// The decoder's.
    pub fn decode(&self, gpu: &Gpu, monitor: &dyn Monitor) -> anyhow::Result<Frames> {
        let [width, height] = self.case.size;
        let options = DecodeOptions {
            max_side: width.max(height),
            ..DecodeOptions::default()
        };
        let all = video::decode(gpu, &self.video, &options, monitor)?;
        let name = self.video.display();
        ensure!(
            all.len() == self.case.frames && [all.width, all.height] == self.case.size,
            "{name}: {} frames of {}x{} were encoded, {} of {}x{} decoded",
            self.case.frames,
            width,
            height,
            all.len(),
            all.width,
            all.height
        );
        Ok(all.select(&self.frames))
    }

    /// Whether an object stays where it is and as it is throughout.
    pub fn lasting(&self, object: u8) -> bool {
        let id = u32::from(object);
        let befallen = self.scene.planted.iter().any(|p| p.objects.contains(&id));
        let role = self
            .scene
            .objects
            .iter()
            .find(|o| o.id == id)
            .map(|o| o.role);
        !befallen && matches!(role, Some(Role::Shell | Role::Prop))
    }

    /// The view whose frame is nearest to a frame of the whole take.
    pub fn view_of(&self, frame: usize) -> usize {
        let near = self.frames.iter().enumerate();
        near.min_by_key(|(_, f)| f.abs_diff(frame))
            .map_or(0, |(k, _)| k)
    }

    /// Seconds from the start to a view.
    pub fn time(&self, view: usize) -> f64 {
        self.frames.get(view).map_or(0.0, |&f| f as f64 / FPS)
    }
}

/// Removes the files of another take.
pub(in crate::eval) fn clear(folder: &Path) -> anyhow::Result<()> {
    for entry in std::fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry.with_context(|| folder.display().to_string())?.path();
        let ours = path
            .extension()
            .is_some_and(|e| ["json", "bin", "mp4", "npy", "ply"].iter().any(|x| e == *x));
        if ours && path.is_file() {
            std::fs::remove_file(&path).with_context(|| path.display().to_string())?;
        }
    }
    Ok(())
}

fn render(
    gpu: &Gpu,
    scene: &Scene,
    frames: &[usize],
    video: &Path,
    encode: &EncodeOptions,
    monitor: &dyn Monitor,
) -> anyhow::Result<Vec<Seen>> {
    let want = Want {
        planes: true,
        seen: true,
        ..Want::default()
    };
    let [width, height] = scene.clip.size;
    let mut renderer = Renderer::new(gpu, scene, want)?;
    let mut encoder = Encoder::create(video, width, height, scene.clip.fps, encode)?;
    let mut seen = Vec::with_capacity(frames.len());
    let mut frame = 0;
    loop {
        if monitor.stopped() {
            bail!("interrupted while rendering");
        }
        let shots = renderer.shoot()?;
        if shots.is_empty() {
            break;
        }
        for shot in shots {
            encoder.push_planes(&shot.planes)?;
            if frames.contains(&frame) {
                let far = |z: &f32| if *z > 0.0 { *z } else { f32::INFINITY };
                seen.push(Seen {
                    depth: shot.depth.iter().map(far).collect(),
                    objects: shot.objects().map(|o| o.min(255) as u8).collect(),
                });
            }
            frame += 1;
        }
    }
    encoder.finish()?;
    Ok(seen)
}

fn pack(seen: &[Seen]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for view in seen {
        bytes.extend_from_slice(bytemuck::cast_slice(&view.depth));
        bytes.extend_from_slice(&view.objects);
    }
    bytes
}

fn unpack(bytes: &[u8], views: usize, pixels: usize) -> Option<Vec<Seen>> {
    let each = 5 * pixels;
    (bytes.len() == views * each && each > 0).then(|| {
        let view = |part: &[u8]| {
            let (depth, objects) = part.split_at(4 * pixels);
            Seen {
                depth: bytemuck::pod_collect_to_vec(depth),
                objects: objects.to_vec(),
            }
        };
        bytes.chunks_exact(each).map(view).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn views_are_spread_over_the_take() {
        assert_eq!(spread(5, 9), [0, 1, 2, 3, 4]);
        assert_eq!(spread(9, 5), [0, 2, 4, 6, 8]);
        assert_eq!(spread(96, 2), [0, 95]);
        assert_eq!((spread(7, 1), spread(1, 3)), (vec![0], vec![0]));
        let many = spread(96, 32);
        assert!(many.windows(2).all(|w| w[0] < w[1]) && many.len() == 32);
    }

    #[test]
    fn truth_comes_back() {
        let seen = vec![Seen {
            depth: vec![1.5, f32::INFINITY],
            objects: vec![3, 0],
        }];
        let back = unpack(&pack(&seen), 1, 2).expect("of its size");
        assert_eq!(
            (&back[0].depth, &back[0].objects),
            (&seen[0].depth, &seen[0].objects)
        );
        assert!(unpack(&pack(&seen), 2, 2).is_none());
    }
}
