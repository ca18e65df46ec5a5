//! Settings of a run as typed on the command line, resolved into a [`Config`].

use super::Globals;
use crate::depth::ModelChoice;
use crate::manifest::parse_size;
use crate::pipeline::{Config, Preset};

/// Settings that `run`, `validate` and `reconstruct` share.
#[derive(Clone, Debug, clap::Args)]
pub struct Settings {
    /// Where takes come from
    #[arg(long, value_parser = clap::builder::PossibleValuesParser::new(crate::generate::NAMES), default_value = "mock", env = "DIRECTOR_PROVIDER")]
    provider: String,
    /// Takes a prompt, where the row does not say [default: 2; 1 with files]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100))]
    takes: Option<u32>,
    /// Rounds of generate, rebuild, test and revise a prompt
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=50), env = "DIRECTOR_MAX_ITERATIONS")]
    max_iterations: Option<u32>,
    /// Working sizes and effort
    #[arg(long, value_enum, default_value_t, env = "DIRECTOR_PRESET")]
    preset: Preset,
    /// Seed of the first take, where the row does not say
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Seconds of video, where the row does not say
    #[arg(long, value_name = "S")]
    seconds: Option<f64>,
    /// Size of the video, where the row does not say
    #[arg(long, value_name = "WxH", value_parser = parse_size)]
    size: Option<[u32; 2]>,
    /// Frames a second, where the row does not say
    #[arg(long, value_name = "FPS")]
    fps: Option<f64>,
    /// ONNX depth network, or a folder of them; may be given again (the best fit to the clip's aspect is taken)
    /// [default: the embedded network]
    #[arg(long, value_name = "PATH|embedded", env = "DIRECTOR_DEPTH_MODEL")]
    depth_model: Vec<ModelChoice>,
    /// Splats of a world [default: by preset]
    #[arg(long, value_name = "N")]
    splats: Option<usize>,
    /// Optimizer steps of a world [default: by preset]
    #[arg(long, value_name = "N")]
    steps: Option<u32>,
    /// Frames of a clip that are used, evenly spaced [default: by preset]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(2..=2000))]
    max_frames: Option<u32>,
    /// Longer side of the working size in pixels [default: by preset]
    #[arg(long, value_name = "PX", value_parser = clap::value_parser!(u32).range(64..=4096))]
    max_side: Option<u32>,
    /// Solve the cameras of an input folder even where it tells them
    #[arg(long)]
    pub ignore_known_cameras: bool,
    /// Estimate the depth of an input folder even where it tells it
    #[arg(long)]
    pub ignore_known_depth: bool,
}

impl Settings {
    /// The configuration of the preset with what was typed on top.
    ///
    /// # Errors
    /// A setting out of its range, named with its mend.
    pub fn resolve(&self, globals: &Globals) -> anyhow::Result<Config> {
        let mut config = Config::preset(self.preset);
        config.adapter = globals.adapter.to_string();
        config.provider.clone_from(&self.provider);
        config.takes = self.takes.unwrap_or(match self.provider.as_str() {
            "files" => 1,
            _ => config.takes,
        });
        fn set<T: Clone>(slot: &mut T, value: &Option<T>) {
            if let Some(value) = value {
                *slot = value.clone();
            }
        }
        set(&mut config.max_iterations, &self.max_iterations);
        set(&mut config.seed, &self.seed);
        set(&mut config.seconds, &self.seconds);
        set(&mut config.size, &self.size);
        set(&mut config.fps, &self.fps);
        set(&mut config.fit.splats, &self.splats);
        set(&mut config.fit.steps, &self.steps);
        set(&mut config.max_side, &self.max_side);
        set(&mut config.max_frames, &self.max_frames.map(|n| n as usize));
        config.depth.model = ModelChoice::from_args(&self.depth_model);
        config.ignore_known_cameras = self.ignore_known_cameras;
        config.ignore_known_depth = self.ignore_known_depth;
        config.validate()?;
        Ok(config)
    }
}
