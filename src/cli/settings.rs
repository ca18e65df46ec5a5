//! Settings of a run as typed on the command line, laid over the other layers of the configuration.

use std::path::{Path, PathBuf};

use clap::builder::{PossibleValue, PossibleValuesParser};
use toml::Value;

use super::Globals;
use crate::layers::{self, ConfigError, Origin, Resolved, Setting, Sources};
use crate::manifest::parse_size;
use crate::pipeline::{Config, Preset};
use crate::providers::{Provider, TABLE};

/// The providers as values of a flag, with what each is.
fn providers() -> PossibleValuesParser {
    let value = |p: &Provider| PossibleValue::new(p.name).help(p.about);
    PossibleValuesParser::new(TABLE.iter().map(value))
}

/// Settings that `run`, `validate`, `reconstruct` and `config` share.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(
    next_help_heading = "Settings (flags go over DIRECTOR_* variables, these over director.toml)"
)]
pub struct Settings {
    /// Configuration file [default: director.toml in the working directory, where there is one] [env: DIRECTOR_CONFIG]
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Any key of the configuration, such as `fit.sh_degree=0`; may be given again. `director config` lists all keys
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Where takes come from [default: mock]
    #[arg(long, value_parser = providers())]
    provider: Option<String>,
    /// Takes a prompt, where the row does not say; the files provider gives one a video [default: 2]
    #[arg(long, value_name = "N")]
    takes: Option<u32>,
    /// Rounds of generate, rebuild, test and revise a prompt [default: 3]
    #[arg(long, value_name = "N")]
    max_iterations: Option<u32>,
    /// Working sizes and effort [default: standard]
    #[arg(long, value_enum)]
    pub(super) preset: Option<Preset>,
    /// Seed of the first take, where the row does not say [default: 1]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i64).range(0..))]
    seed: Option<i64>,
    /// Seconds of video, where the row does not say [default: by preset]
    #[arg(long, value_name = "S")]
    seconds: Option<f64>,
    /// Size of the video, where the row does not say [default: by preset]
    #[arg(long, value_name = "WxH", value_parser = parse_size)]
    size: Option<[u32; 2]>,
    /// Frames a second, where the row does not say [default: 24]
    #[arg(long, value_name = "FPS")]
    fps: Option<f64>,
    /// ONNX depth network, a folder of them, or a name of `director models list`; may be given again (the best fit to the clip's aspect is taken)
    /// [default: the embedded network]
    #[arg(long, value_name = "PATH|NAME")]
    depth_model: Vec<String>,
    /// Splats of a world [default: by preset]
    #[arg(long, value_name = "N")]
    splats: Option<u32>,
    /// Optimizer steps of a world [default: by preset]
    #[arg(long, value_name = "N")]
    steps: Option<u32>,
    /// Seconds that the steps of a world's fit may take, fewer steps where that is short [default: any]
    #[arg(long, value_name = "N")]
    max_seconds: Option<u32>,
    /// Frames of a clip that are used, evenly spaced [default: by preset]
    #[arg(long, value_name = "N")]
    max_frames: Option<u32>,
    /// Longer side of the working size in pixels [default: by preset]
    #[arg(long, value_name = "PX")]
    max_side: Option<u32>,
    /// Solve the cameras of an input folder even where it tells them
    #[arg(long)]
    ignore_known_cameras: bool,
    /// Estimate the depth of an input folder even where it tells it
    #[arg(long)]
    ignore_known_depth: bool,
}

impl Settings {
    /// The configuration with all layers merged.
    ///
    /// # Errors
    /// As [`layers::resolve`].
    pub fn resolve(&self, globals: &Globals) -> anyhow::Result<Config> {
        Ok(self.resolved(globals)?.config)
    }

    /// The same, with where each value came from.
    ///
    /// # Errors
    /// As [`layers::resolve`].
    pub fn resolved(&self, globals: &Globals) -> Result<Resolved, ConfigError> {
        layers::resolve(&self.sources(globals))
    }

    /// The configuration file that is read, sound or not, where there is one.
    pub fn file(&self, globals: &Globals) -> Option<PathBuf> {
        layers::file_of(&self.sources(globals))
    }

    fn sources(&self, globals: &Globals) -> Sources {
        Sources {
            folder: PathBuf::new(),
            file: self.config.clone(),
            environment: std::env::vars_os().collect(),
            set: self.set.clone(),
            flags: self.flags(globals),
        }
    }

    /// What a run was told, with the flags that were typed over it; neither `director.toml` nor the environment counts.
    ///
    /// # Errors
    /// As [`layers::resolve`].
    pub fn over_run(&self, run: &Path, globals: &Globals) -> Result<Config, ConfigError> {
        let resolved = layers::resolve(&Sources {
            folder: PathBuf::new(),
            file: Some(run.join("run.toml")),
            environment: Vec::new(),
            set: self.set.clone(),
            flags: self.flags(globals),
        })?;
        Ok(resolved.config)
    }

    /// The flags that were typed, each with its key.
    fn flags(&self, globals: &Globals) -> Vec<Setting> {
        fn whole(n: Option<u32>) -> Option<Value> {
            n.map(|n| Value::Integer(n.into()))
        }
        fn yes(flag: bool) -> Option<Value> {
            flag.then_some(Value::Boolean(true))
        }
        let text = |t: &Option<String>| t.clone().map(Value::String);
        let sides = |s: [u32; 2]| Value::Array(s.map(|n| Value::Integer(n.into())).to_vec());
        let preset = self.preset.and_then(|p| Value::try_from(p).ok());
        let adapter = globals.adapter.as_ref().map(ToString::to_string);
        let decode = globals.decode.map(|d| Value::String(d.to_string()));
        let networks = match self.depth_model.as_slice() {
            [] => None,
            [one] => Some(Value::String(one.clone())),
            more => Some(Value::Array(
                more.iter().cloned().map(Value::String).collect(),
            )),
        };
        let all = [
            ("--preset", "preset", preset),
            ("--adapter", "adapter", text(&adapter)),
            ("--decode", "decode", decode),
            ("--provider", "provider", text(&self.provider)),
            ("--takes", "takes", whole(self.takes)),
            (
                "--max-iterations",
                "max_iterations",
                whole(self.max_iterations),
            ),
            ("--seed", "seed", self.seed.map(Value::Integer)),
            ("--seconds", "seconds", self.seconds.map(Value::Float)),
            ("--size", "size", self.size.map(sides)),
            ("--fps", "fps", self.fps.map(Value::Float)),
            ("--depth-model", "depth.model", networks),
            ("--splats", "fit.splats", whole(self.splats)),
            ("--steps", "fit.steps", whole(self.steps)),
            ("--max-seconds", "fit.max_seconds", whole(self.max_seconds)),
            ("--max-frames", "max_frames", whole(self.max_frames)),
            ("--max-side", "max_side", whole(self.max_side)),
            (
                "--ignore-known-cameras",
                "ignore_known_cameras",
                yes(self.ignore_known_cameras),
            ),
            (
                "--ignore-known-depth",
                "ignore_known_depth",
                yes(self.ignore_known_depth),
            ),
        ];
        all.into_iter()
            .filter_map(|(flag, key, value)| {
                Some(Setting {
                    key: key.to_owned(),
                    value: value?,
                    origin: Origin::Flag(flag.to_owned()),
                })
            })
            .collect()
    }
}
