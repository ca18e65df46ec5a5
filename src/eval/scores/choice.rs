//! Whether the take that scores choose is the one with the least planted in it.

use std::collections::BTreeMap;

use anyhow::{Context, bail};

use super::clips::{Halves, mock, render};
use super::clips::{Source, Spec};
use super::measure::{measure, metrics, values};
use super::protocol::Inner;
use super::stats::{mean, spearman};
use crate::gpu::Gpu;
use crate::mock::defects::Kind;
use crate::mock::{Clip, Scene, understand};
use crate::monitor::Monitor;

/// Takes of a prompt.
pub const TAKES: usize = 3;
/// Frames a second of the takes.
const FPS: f64 = 24.0;
/// Seconds of a take.
const SECONDS: f64 = 4.0;
/// How often the choice is to be right.
pub const TARGET: f64 = 0.8;

/// One take.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Take {
    /// What was asked for.
    pub prompt: String,
    /// Of the mock world.
    pub seed: u64,
    /// The scores, by name, and `overall`.
    #[serde(flatten)]
    pub scores: BTreeMap<&'static str, f64>,
    /// What is behind them.
    pub components: BTreeMap<String, f64>,
    /// What was planted, and how severe.
    pub planted: BTreeMap<Kind, f64>,
}

impl Take {
    /// Severities of all that was planted, as a sum; of what befalls the take and not its world alone where `world` is not asked for.
    pub fn severity(&self, world: bool) -> f64 {
        let counted = self.planted.iter().filter(|(k, _)| world || !k.in_world());
        counted.map(|(_, s)| s).sum()
    }
}

/// What one score chooses.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Chosen {
    /// The score.
    pub metric: &'static str,
    /// Share of prompts whose chosen take is one of those with the least planted, by all faults and by those of takes alone.
    pub right: [f64; 2],
    /// Spearman's correlation of score and severity within a prompt, the mean over prompts; the same two.
    pub rho: [f64; 2],
}

/// Share of prompts at which a choice by chance is right; by all faults, and by those of takes alone.
pub fn chance(takes: &[Take]) -> [f64; 2] {
    [true, false].map(|world| {
        let of = |takes: &[Take]| {
            let least = least(takes, world);
            let good = takes.iter().filter(|t| t.severity(world) <= least).count();
            good as f64 / takes.len() as f64
        };
        mean(&takes.chunks(TAKES).map(of).collect::<Vec<_>>())
    })
}

fn least(takes: &[Take], world: bool) -> f64 {
    let each = takes.iter().map(|t| t.severity(world));
    each.fold(f64::INFINITY, f64::min) + 1e-9
}

/// What each score chooses among the takes of each prompt, [`TAKES`] in a row.
pub fn chosen(takes: &[Take]) -> Vec<Chosen> {
    let of = |metric: &'static str| {
        let by = |world: bool| {
            let right = |takes: &[Take]| {
                let best = takes.iter().reduce(|a, b| {
                    if b.scores[metric] > a.scores[metric] {
                        b
                    } else {
                        a
                    }
                });
                let good = best.is_some_and(|t| t.severity(world) <= least(takes, world));
                f64::from(u8::from(good))
            };
            let rho = |takes: &[Take]| {
                let scores: Vec<f64> = takes.iter().map(|t| t.scores[metric]).collect();
                let severities: Vec<f64> = takes.iter().map(|t| t.severity(world)).collect();
                spearman(&scores, &severities)
            };
            let over =
                |f: &dyn Fn(&[Take]) -> f64| mean(&takes.chunks(TAKES).map(f).collect::<Vec<_>>());
            [over(&right), over(&rho)]
        };
        let (all, own) = (by(true), by(false));
        Chosen {
            metric,
            right: [all[0], own[0]],
            rho: [all[1], own[1]],
        }
    };
    metrics().into_iter().map(of).collect()
}

/// Renders and scores the takes of `prompts` prompts after the first `skip`, [`TAKES`] each, with faults as their seeds have them. `on_take` hears of each. Progress counts
/// takes.
///
/// # Errors
/// The device's, those of `on_take`, and an interruption.
pub fn take(
    gpu: &Gpu,
    (skip, prompts): (usize, usize),
    halves: Halves,
    size: [u32; 2],
    monitor: &dyn Monitor,
    on_take: &mut dyn FnMut(&Take) -> anyhow::Result<()>,
) -> anyhow::Result<Vec<Take>> {
    let total = (prompts * TAKES) as u64;
    let mut all = Vec::with_capacity(prompts * TAKES);
    for Spec { source, .. } in mock(skip, prompts, halves) {
        let Source::Mock { prompt, seed } = source else {
            continue;
        };
        for k in 0..TAKES as u64 {
            if monitor.stopped() {
                bail!("interrupted after {} of {total} takes", all.len());
            }
            // Seeds that no other protocol has.
            let seed = seed + (k + 1) * 100_000;
            let clip = Clip {
                frames: (SECONDS * FPS) as usize,
                fps: FPS,
                size,
            };
            let scene = Scene::build(understand(&prompt, seed), clip);
            let frames = render(gpu, &scene, &Inner(monitor))?;
            let scores = measure(gpu, &frames, &Inner(monitor));
            let scores = scores.with_context(|| format!("{prompt}, seed {seed}"))?;
            let take = Take {
                prompt: prompt.clone(),
                seed,
                scores: metrics().into_iter().zip(values(&scores)).collect(),
                components: scores.components,
                planted: scene.planted.iter().map(|p| (p.kind, p.severity)).collect(),
            };
            on_take(&take)?;
            all.push(take);
            monitor.progress(all.len() as u64, total);
        }
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn choices_of_hand_made_takes() {
        let take = |score: f64, planted: &[(Kind, f64)]| Take {
            prompt: String::new(),
            seed: 0,
            scores: metrics().into_iter().map(|m| (m, score)).collect(),
            components: BTreeMap::new(),
            planted: planted.iter().copied().collect(),
        };
        let takes = [
            // The clean one is chosen.
            take(0.9, &[]),
            take(0.5, &[(Kind::Blur, 0.4)]),
            take(0.4, &[(Kind::Blur, 0.9)]),
            // The chosen one has a hole, which is the world's.
            take(0.8, &[(Kind::Hole, 0.7)]),
            take(0.7, &[]),
            take(0.3, &[(Kind::Cut, 0.2)]),
        ];
        let chosen = chosen(&takes);
        for one in &chosen {
            assert_eq!(one.right, [0.5, 1.0]);
            assert!((one.rho[0] - -0.25).abs() < 1e-9, "{one:?}");
        }
        let [all, own] = chance(&takes);
        assert!((all - 1.0 / 3.0).abs() < 1e-9 && (own - 0.5).abs() < 1e-9);
    }
}
