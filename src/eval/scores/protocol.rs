//! The protocol: every clip, every corruption, every level, every seed; then the statistics.

use std::collections::BTreeMap;

use anyhow::{Context, bail};

use super::clips::{self, Half, Shape, Spec};
use super::matrix::{Cell, Ladder, Verdict, cells, verdict};
use super::measure::{METRICS, measure, metrics, values};
use super::traps::{self, Trap};
use crate::eval::corrupt::{Anchors, Corruption, Kind, corrupt};
use crate::gpu::Gpu;
use crate::monitor::Monitor;
use crate::score::Scores;
use crate::video::Frames;

/// What to run.
#[derive(Clone, Debug)]
pub struct Options {
    /// Size of the clips.
    pub shape: Shape,
    /// Corruptions, at least one.
    pub kinds: Vec<Kind>,
    /// Levels, at least one, ascending.
    pub levels: Vec<u32>,
    /// Seeds of each, at least 1; a corruption without one is made once.
    pub seeds: u64,
}

impl Options {
    /// The level at which wins and areas are judged: 3, else the greatest.
    pub fn judged(&self) -> u32 {
        let last = self.levels.last().copied().unwrap_or(0);
        if self.levels.contains(&3) { 3 } else { last }
    }

    fn seeds(&self, kind: Kind) -> u64 {
        if kind.seeded() { self.seeds } else { 1 }
    }

    fn variants(&self) -> u64 {
        let seeds: u64 = self.kinds.iter().map(|&k| self.seeds(k)).sum();
        seeds * self.levels.len() as u64
    }
}

/// The scores of one clip, clean or corrupted.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Variant {
    /// Name of the clip.
    pub clip: String,
    /// Its half.
    pub half: Half,
    /// `clean`, or the corruption.
    pub kind: &'static str,
    /// 0 of the clean clip.
    pub level: u32,
    /// Of the corruption.
    pub seed: u64,
    /// The scores, by name, and `overall`.
    #[serde(flatten)]
    pub scores: BTreeMap<&'static str, f64>,
    /// What is behind them.
    pub components: BTreeMap<String, f64>,
}

/// A clip that could not be judged.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Skipped {
    /// Its name.
    pub clip: String,
    /// Why.
    pub reason: String,
}

/// What the protocol found.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Outcome {
    /// Names of the clips that were judged.
    pub clips: Vec<String>,
    /// Those that were not.
    pub skipped: Vec<Skipped>,
    /// The level of wins and areas.
    pub judged_at: u32,
    /// Every metric under every corruption, corruption by corruption.
    pub cells: Vec<Cell>,
    /// What the targets say.
    pub verdict: Verdict,
    /// What the scores make of clips that are none.
    pub traps: Vec<Trap>,
    /// Where a score was not a finite number; must be empty.
    pub not_finite: Vec<String>,
}

/// Passes warnings and the stop on, and keeps the progress of the stages to itself.
pub(super) struct Inner<'a>(pub &'a dyn Monitor);

impl Monitor for Inner<'_> {
    fn warn(&self, message: &str) {
        self.0.warn(message);
    }
    fn stopped(&self) -> bool {
        self.0.stopped()
    }
}

struct Run<'a> {
    gpu: &'a Gpu,
    options: &'a Options,
    monitor: &'a dyn Monitor,
    on_variant: &'a mut dyn FnMut(&Variant) -> anyhow::Result<()>,
    done: u64,
    total: u64,
    not_finite: Vec<String>,
}

/// Runs the protocol on `specs`. `on_variant` hears of each scored clip as it comes. Progress counts scored clips.
///
/// # Errors
/// Where no clip at all can be judged; the device's, those of `on_variant`, and an interruption.
pub fn validate(
    gpu: &Gpu,
    specs: &[Spec],
    options: &Options,
    monitor: &dyn Monitor,
    on_variant: &mut dyn FnMut(&Variant) -> anyhow::Result<()>,
) -> anyhow::Result<Outcome> {
    let each = 1 + options.variants() + traps::TRAPS.len() as u64;
    let mut run = Run {
        gpu,
        options,
        monitor,
        on_variant,
        done: 0,
        total: each * specs.len() as u64,
        not_finite: Vec::new(),
    };
    let mut judged = Vec::new();
    let mut skipped = Vec::new();
    let mut ladders: Vec<Vec<Ladder>> = vec![Vec::new(); options.kinds.len()];
    let mut traps = Vec::new();
    for (i, spec) in specs.iter().enumerate() {
        run.done = each * i as u64;
        let begun = match run.begin(spec) {
            Ok(begun) => begun,
            Err(error) => {
                if monitor.stopped() {
                    return Err(error);
                }
                gpu.alive()?;
                let reason = format!("{error:#}");
                monitor.warn(&format!("{} is left out: {reason}", spec.name));
                skipped.push(Skipped {
                    clip: spec.name.clone(),
                    reason,
                });
                continue;
            }
        };
        let (frames, anchors, scores) = begun;
        let clean = run.tell(spec, "clean", 0, 0, &scores)?;
        for (kind, ladders) in options.kinds.iter().zip(&mut ladders) {
            let corrupted = run.ladder(spec, &frames, &anchors, *kind)?;
            ladders.push(Ladder { clean, corrupted });
        }
        for name in traps::TRAPS {
            let trapped = traps::make(gpu, &frames, name)?;
            let trap = Trap::of(name, &spec.name, measure(gpu, &trapped, &Inner(monitor)));
            run.check(&format!("{} of {}", name, spec.name), trap.scores.values());
            traps.push(trap);
            run.step()?;
        }
        judged.push(spec.name.clone());
    }
    if judged.is_empty() {
        let reasons = skipped.iter().map(|s| format!("{}: {}", s.clip, s.reason));
        bail!(
            "no clip could be judged: {}",
            reasons.collect::<Vec<_>>().join("; ")
        );
    }
    let judged_at = options.judged();
    let place = options.levels.iter().position(|&l| l == judged_at);
    let place = place.context("no level to judge at")?;
    let cells: Vec<Cell> = options
        .kinds
        .iter()
        .zip(&ladders)
        .flat_map(|(&kind, ladders)| cells(kind, &options.levels, place, ladders))
        .collect();
    Ok(Outcome {
        clips: judged,
        skipped,
        judged_at,
        verdict: verdict(&cells),
        cells,
        traps,
        not_finite: run.not_finite,
    })
}

impl Run<'_> {
    /// Loads a clip, follows its content and scores it as it is.
    fn begin(&mut self, spec: &Spec) -> anyhow::Result<(Frames, Anchors, Scores)> {
        let inner = Inner(self.monitor);
        let frames = clips::load(self.gpu, spec, &self.options.shape, &inner)?;
        let anchors = Anchors::find(self.gpu, &frames, &inner)?;
        let scores = measure(self.gpu, &frames, &inner)?;
        Ok((frames, anchors, scores))
    }

    /// All levels of all seeds of one corruption of a clip.
    fn ladder(
        &mut self,
        spec: &Spec,
        frames: &Frames,
        anchors: &Anchors,
        kind: Kind,
    ) -> anyhow::Result<Vec<Vec<[f64; METRICS]>>> {
        let mut seeds = Vec::new();
        for seed in 0..self.options.seeds(kind) {
            let mut levels = Vec::new();
            for &level in &self.options.levels {
                let what = Corruption { kind, level, seed };
                let doing = || format!("{} under {} {level}", spec.name, kind.name());
                let corrupted = corrupt(self.gpu, frames, anchors, &what).with_context(doing)?;
                let scores = measure(self.gpu, &corrupted, &Inner(self.monitor));
                let scores = scores.with_context(doing)?;
                levels.push(self.tell(spec, kind.name(), level, seed, &scores)?);
            }
            seeds.push(levels);
        }
        Ok(seeds)
    }

    /// Hands a scored clip out, and answers its numbers.
    fn tell(
        &mut self,
        spec: &Spec,
        kind: &'static str,
        level: u32,
        seed: u64,
        scores: &Scores,
    ) -> anyhow::Result<[f64; METRICS]> {
        let values = values(scores);
        let variant = Variant {
            clip: spec.name.clone(),
            half: spec.half,
            kind,
            level,
            seed,
            scores: metrics().into_iter().zip(values).collect(),
            components: scores.components.clone(),
        };
        let what = format!("{} under {kind} {level}", spec.name);
        self.check(&what, variant.scores.values());
        (self.on_variant)(&variant)?;
        self.step()?;
        Ok(values)
    }

    fn check<'v>(&mut self, what: &str, values: impl IntoIterator<Item = &'v f64>) {
        if values.into_iter().any(|v| !v.is_finite()) {
            self.not_finite.push(what.to_owned());
        }
    }

    fn step(&mut self) -> anyhow::Result<()> {
        self.done += 1;
        self.monitor.progress(self.done, self.total);
        if self.monitor.stopped() {
            bail!("interrupted after {} of {} clips", self.done, self.total);
        }
        Ok(())
    }
}
