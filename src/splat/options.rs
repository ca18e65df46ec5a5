//! What a fit can be told, and what it reports.

use crate::key::{Key, Kind, MANY, MUCH, Own, TINY, colour, single};
use serde::{Deserialize, Serialize};

/// What lies behind the splats while fitting.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Background {
    /// Another colour each step, so that what is opaque must become opaque.
    Random,
    /// One sRGB colour in [0, 1].
    Fixed([f32; 3]),
}

/// Options of [`super::fit`]. The default is the standard preset.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FitOptions {
    /// Number of splats.
    pub splats: usize,
    /// Steps; one frame a step.
    pub steps: u32,
    /// The steps of a fit end after so many seconds, as those that the time bears; 0 for any time. Two such fits are not the same.
    pub max_seconds: u32,
    /// Spherical-harmonic degree, 0 to 3.
    pub sh_degree: u32,
    /// Seed of every random choice.
    pub seed: u64,
    /// Each such registered frame is held out; 0 holds none out.
    pub hold_out_every: usize,
    /// Background while fitting.
    pub background: Background,
    /// Background of the held-out figures, sRGB in [0, 1].
    pub eval_background: [f32; 3],
    /// Share of 1 - SSIM in the loss; the rest is absolute error.
    pub ssim: f32,
    /// Weight of the depth term at the first step, relative to the colour terms.
    pub depth_first: f32,
    /// Weight of the depth term at the last step.
    pub depth_last: f32,
    /// Learning rate of positions at the first step, in scene depths.
    pub lr_position: f32,
    /// Share of it at the last step of 1000; inversely as the steps, and at most 1.
    pub lr_position_last: f32,
    /// Learning rate of log-scales.
    pub lr_scale: f32,
    /// Learning rate of quaternions.
    pub lr_rotation: f32,
    /// Learning rate of opacity logits.
    pub lr_opacity: f32,
    /// Learning rate of the coefficients of degree 0.
    pub lr_colour: f32,
    /// Learning rate of the coefficients above degree 0.
    pub lr_sh1: f32,
    /// Share of all rates but the positions' at the last step of 1000; inversely as the steps, and at most 1.
    pub lr_last: f32,
    /// Splats that show next to nothing are moved to where others are pulled about each so many steps; 0 never moves any.
    pub relocate_every: u32,
}

static BACKGROUND: Own = Own {
    fits: |value| {
        let fixed = |t: &toml::Table| t.len() == 1 && t.get("fixed").is_some_and(colour);
        value.as_str() == Some("random") || value.as_table().is_some_and(fixed)
    },
    wanted: "`random` or { fixed = [r, g, b] }",
    show: |value| single(value).to_string(),
    rebase: None,
};

/// Keys of these options.
#[rustfmt::skip]
pub static KEYS: &[Key] = &[
    Key::new("splats", Kind::Whole(100, 1_000_000), "Splats of a world"),
    Key::new("steps", Kind::Whole(1, 100_000), "Optimizer steps of a world; one frame a step"),
    Key::new("max_seconds", Kind::Whole(0, MANY), "Seconds that the steps of a fit may take: fewer are made where that is short; 0 for any time"),
    Key::new("sh_degree", Kind::Whole(0, 3), "Spherical-harmonic degree"),
    Key::new("seed", Kind::Whole(0, i64::MAX), "Seed of every random choice of the fit"),
    Key::new("hold_out_every", Kind::Whole(0, MANY), "Each such registered frame is held out; 0 and 1 hold none out"),
    Key::new("background", Kind::Own(&BACKGROUND), "Background while fitting"),
    Key::new("eval_background", Kind::Colour, "Background of the held-out figures, sRGB"),
    Key::new("ssim", Kind::Single(0.0, 1.0), "Share of 1 - SSIM in the loss; the rest is absolute error"),
    Key::new("depth_first", Kind::Single(0.0, MUCH), "Weight of the depth term at the first step, relative to the colour terms"),
    Key::new("depth_last", Kind::Single(0.0, MUCH), "Weight of the depth term at the last step"),
    Key::new("lr_position", Kind::Single(0.0, MUCH), "Learning rate of positions at the first step, in scene depths"),
    Key::new("lr_position_last", Kind::Single(TINY, MUCH), "Share of it at the last step: this times 1000 over the steps, at most 1"),
    Key::new("lr_scale", Kind::Single(0.0, MUCH), "Learning rate of log-scales"),
    Key::new("lr_rotation", Kind::Single(0.0, MUCH), "Learning rate of quaternions"),
    Key::new("lr_opacity", Kind::Single(0.0, MUCH), "Learning rate of opacity logits"),
    Key::new("lr_colour", Kind::Single(0.0, MUCH), "Learning rate of the coefficients of degree 0"),
    Key::new("lr_sh1", Kind::Single(0.0, MUCH), "Learning rate of the coefficients above degree 0"),
    Key::new("lr_last", Kind::Single(TINY, MUCH), "Share of all other rates at the last step: this times 1000 over the steps, at most 1"),
    Key::new("relocate_every", Kind::Whole(0, MANY), "Splats that show next to nothing are moved each so many steps; 0 never moves any"),
];

/// The share that is left of a rate at the last of so many steps, where `of_1000` is left after 1000. A short fit cannot do without large steps
/// up to its end, a long one gains by small ones: what is best at 300 and at 1500 steps lies on this line.
pub(super) fn left(of_1000: f32, steps: u32) -> f32 {
    (of_1000 * 1000.0 / steps.max(1) as f32).clamp(1e-6, 1.0)
}

impl Default for FitOptions {
    fn default() -> Self {
        Self {
            splats: 20_000,
            steps: 1_500,
            max_seconds: 0,
            sh_degree: 1,
            seed: 1,
            hold_out_every: 8,
            background: Background::Random,
            eval_background: [1.0; 3],
            ssim: 0.2,
            depth_first: 0.2,
            depth_last: 0.2,
            lr_position: 1.2e-3,
            lr_position_last: 0.03,
            lr_scale: 0.025,
            lr_rotation: 0.003,
            lr_opacity: 0.15,
            lr_colour: 0.01,
            lr_sh1: 0.003,
            lr_last: 0.3,
            relocate_every: 25,
        }
    }
}

/// One held-out frame.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct HeldOut {
    /// Index in the frames.
    pub frame: usize,
    /// Peak signal-to-noise ratio in dB of the 8-bit rendering.
    pub psnr: f64,
    /// Structural similarity, window of 11, mean of RGB.
    pub ssim: f64,
}

/// What a fit reports of itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FitReport {
    /// Steps that ran.
    pub steps: u32,
    /// Steps that were asked for: more than ran where `fit.max_seconds` were up.
    #[serde(default)]
    pub planned_steps: u32,
    /// Number of splats.
    pub splats: usize,
    /// Spherical-harmonic degree.
    pub sh_degree: u32,
    /// Image size of the fit.
    pub width: u32,
    /// Image size of the fit.
    pub height: u32,
    /// Where the first splats came from: `depth`, `masks` or `rays`.
    pub initial: String,
    /// Frames that were trained on.
    pub train_frames: usize,
    /// Frames that were held out, never trained on.
    pub held_out: Vec<HeldOut>,
    /// Mean over the held-out frames; none where nothing was held out.
    pub held_out_psnr: Option<f64>,
    /// Mean over the held-out frames.
    pub held_out_ssim: Option<f64>,
    /// Mean over at most eight frames that were trained on.
    pub train_psnr: Option<f64>,
    /// Of the same frames, by the first splats.
    pub initial_psnr: Option<f64>,
    /// The most pairs of splat and tile in one image.
    pub most_instances: usize,
    /// Steps between two looks at the buffers during which a buffer may have been too small, so that pairs of the
    /// last splats were left out.
    pub overflow_steps: u32,
    /// Splats moved to where the error was.
    pub relocated: usize,
}

impl FitReport {
    /// How good the frames look that were not trained on, in words; nobody knows where there were none.
    pub fn quality(&self) -> String {
        match (self.held_out_psnr, self.held_out.len()) {
            (Some(psnr), 1) => format!("{psnr:.2} dB over 1 frame"),
            (Some(psnr), count) => format!("{psnr:.2} dB over {count} frames"),
            (None, _) => format!(
                "unknown: none of {} frames was held out (fit.hold_out_every), or nearly all of those moves",
                self.train_frames
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{FitReport, HeldOut, left};

    #[test]
    fn rates_fall_further_the_longer_a_fit_is() {
        assert_eq!(left(0.3, 1000), 0.3);
        assert!((left(0.3, 3000) - 0.1).abs() < 1e-6);
        assert!((left(0.03, 300) - 0.1).abs() < 1e-6);
        assert_eq!(
            [left(0.3, 300), left(0.3, 1), left(0.0, 0)],
            [1.0, 1.0, 1e-6]
        );
    }

    #[test]
    fn quality_is_told_where_it_is_known() {
        let held = |count: usize| {
            let frame = HeldOut {
                frame: 4,
                psnr: 21.5,
                ssim: 0.8,
            };
            FitReport {
                steps: 1,
                planned_steps: 1,
                splats: 1,
                sh_degree: 0,
                width: 4,
                height: 4,
                initial: "rays".to_owned(),
                train_frames: 4,
                held_out: vec![frame; count],
                held_out_psnr: (count > 0).then_some(21.5),
                held_out_ssim: (count > 0).then_some(0.8),
                train_psnr: Some(20.0),
                initial_psnr: Some(10.0),
                most_instances: 1,
                overflow_steps: 0,
                relocated: 0,
            }
        };
        assert_eq!(held(1).quality(), "21.50 dB over 1 frame");
        assert_eq!(held(2).quality(), "21.50 dB over 2 frames");
        let none = held(0);
        assert!(none.quality().starts_with("unknown: none of 4 frames"));
        let json = serde_json::to_value(&none).expect("json");
        assert!(json["held_out_psnr"].is_null() && json["held_out_ssim"].is_null());
    }
}
