//! Measures stages one after the other, within the time that it is given.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use anyhow::anyhow;

use super::report::{Device, Entry, FORMAT, Report, Status, Times};
use super::{Ground, STAGES, Size, Stage, Unfit, Work, host, row, seconds};
use crate::agent::AgentError;
use crate::gpu::{AdapterChoice, Gpu, GpuError, Tier, memory, profile};
use crate::monitor::{Monitor, panic_text};
use crate::motion::MotionError;
use crate::splat::SplatError;
use crate::video::Decode;
use crate::world::WorldError;

/// What is measured.
#[derive(Clone, Debug)]
pub struct Options {
    /// Minutes after which nothing more is begun.
    pub minutes: f64,
    /// The smallest size of each stage only, once each.
    pub quick: bool,
}

/// A first run of more seconds is the measurement.
const LONG: f64 = 10.0;
/// As [`LONG`], where all is quick.
const LONG_QUICK: f64 = 2.0;
/// Runs of one size, at most.
const MOST_RUNS: usize = 15;
/// Runs of one size, unless they are long.
const FEW_RUNS: usize = 3;
/// Seconds of runs that are enough.
const ENOUGH: f64 = 1.0;
/// Seconds of runs after which fewer will do.
const MUCH: f64 = 6.0;

/// One measurement of a machine.
pub struct Bench<'a> {
    /// The adapter.
    pub adapter: &'a AdapterChoice,
    /// Who is to decode clips.
    pub decode: Decode,
    /// What is measured.
    pub options: Options,
    /// The stages; those of [`super::STAGES`], or some of them.
    pub stages: &'a [&'a Stage],
    /// True once it should end.
    pub stop: Arc<AtomicBool>,
    /// Keeps the document as it is now; called after each size, once one is measured, and at the end. Where a signal
    /// comes before anything is measured, an older document stays.
    pub save: &'a dyn Fn(&Report) -> anyhow::Result<()>,
    /// Hears of each size before it begins, and when it has ended.
    pub tell: &'a dyn Fn(&Stage, &Size, Option<&Entry>),
}

/// Stops the work once the flag is set. Warnings of stages are of no interest here.
struct Stop(Arc<AtomicBool>);

impl Monitor for Stop {
    fn warn(&self, message: &str) {
        tracing::debug!("{message}");
    }
    fn stopped(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl Bench<'_> {
    /// Measures. What a stage cannot do is in its entry, and the others go on; a lost device is opened again for the next.
    ///
    /// # Errors
    /// When no device opens at all, and when the document cannot be kept.
    pub fn run(&self) -> anyhow::Result<Report> {
        let begun = Instant::now();
        let was_profiled = profile::enabled();
        let gpu = Gpu::open(self.adapter)?;
        let mut report = Report {
            format: FORMAT,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            commit: option_env!("DIRECTOR_COMMIT").map(str::to_owned),
            date: jiff::Timestamp::now()
                .strftime("%Y-%m-%dT%H:%M:%SZ")
                .to_string(),
            device: Device::of(&gpu),
            decode: self.decode.to_string(),
            decoder: None,
            host: host::host(),
            quick: self.options.quick,
            minutes: self.options.minutes,
            compile_seconds: None,
            compile_failures: Vec::new(),
            copy_rate: None,
            entries: Vec::new(),
            row: None,
            interrupted: false,
            finished: false,
            seconds: 0.0,
        };
        let ground = Ground::new(self.adapter, self.decode, gpu.clone(), self.stop.clone())?;
        self.compile(&gpu, &mut report);
        // A device that is lost is opened again, and the old one goes first.
        drop(gpu);
        for (stage, at) in self.order() {
            if self.stopped() {
                break;
            }
            let size = &stage.sizes[at];
            (self.tell)(stage, size, None);
            let left = 60.0 * self.options.minutes - begun.elapsed().as_secs_f64();
            let entry = match too_long(&report, stage, at, left, self.options.minutes) {
                Some(note) => Entry::without(stage, size.name, Status::Skipped, note),
                None => self.entry(&ground, stage, size),
            };
            // Of work that was cut off, nothing is known.
            if self.stopped() && entry.seconds.is_none() {
                break;
            }
            (self.tell)(stage, size, Some(&entry));
            report.add(entry, self.stages);
            report.seconds = begun.elapsed().as_secs_f64();
            if report.has_measured() {
                (self.save)(&report)?;
            }
        }
        if was_profiled {
            profile::enable();
        }
        report.interrupted = self.stopped();
        report.finished = !report.interrupted;
        report.seconds = begun.elapsed().as_secs_f64();
        if report.has_measured() || report.finished {
            (self.save)(&report)?;
        }
        Ok(report)
    }

    fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// All kernels, so that no run pays for them.
    fn compile(&self, gpu: &Gpu, report: &mut Report) {
        let begun = Instant::now();
        let tier = gpu.tier().unwrap_or(Tier::Plain);
        for kernel in crate::kernels::all() {
            if self.stopped() {
                return;
            }
            if kernel.needs > tier {
                continue;
            }
            if let Err(error) = gpu.prepare(kernel) {
                report.compile_failures.push(error.to_string());
            }
        }
        report.compile_seconds = Some(begun.elapsed().as_secs_f64());
    }

    /// The copies first, for the others are compared with them; then the smallest size of every stage before the next
    /// larger one of any, so that little time tells something of everything. Of the larger ones the whole row comes first:
    /// it is what most people want to know.
    fn order(&self) -> Vec<(&Stage, usize)> {
        let sizes = |stage: &Stage| match self.options.quick {
            true => stage.sizes.len().min(1),
            false => stage.sizes.len(),
        };
        let (copies, others): (Vec<&Stage>, Vec<&Stage>) = self
            .stages
            .iter()
            .partition(|stage| stage.name == STAGES[0].name);
        let mut order = Vec::new();
        for stage in copies {
            order.extend((0..sizes(stage)).map(|at| (stage, at)));
        }
        let most = others.iter().map(|stage| sizes(stage)).max().unwrap_or(0);
        for at in 0..most {
            let there = others.iter().filter(|stage| at < sizes(stage));
            let mut those: Vec<&Stage> = there.copied().collect();
            if at > 0 {
                those.sort_by_key(|stage| stage.name != row::STAGE.name);
            }
            order.extend(those.into_iter().map(|stage| (stage, at)));
        }
        order
    }

    fn entry(&self, ground: &Ground, stage: &Stage, size: &Size) -> Entry {
        let measured = catch_unwind(AssertUnwindSafe(|| self.measure(ground, stage, size)))
            .unwrap_or_else(|panic| {
                let words = panic_text(panic.as_ref());
                Err(anyhow!("it broke ({words}); please report it"))
            });
        profile::disable();
        measured.unwrap_or_else(|error| {
            let status = match is_unfit(&error) {
                true => Status::Skipped,
                false => Status::Failed,
            };
            Entry::without(stage, size.name, status, format!("{error:#}"))
        })
    }

    fn measure(&self, ground: &Ground, stage: &Stage, size: &Size) -> anyhow::Result<Entry> {
        profile::disable();
        let stop = Stop(self.stop.clone());
        let gpu = ground.gpu()?;
        // What the stage before left in the pool is not this one's.
        gpu.trim();
        gpu.wait()?;
        let begun = Instant::now();
        let mut work = (stage.prepare)(ground, size)?;
        let prepare_seconds = begun.elapsed().as_secs_f64();
        memory::reset_peak();
        let host_peak_is_own = host::reset_peak();
        let (first, mut told) = profiled(&gpu, || once(&mut work, &stop))?;
        let long = match self.options.quick {
            true => LONG_QUICK,
            false => LONG,
        };
        let cold = work.once || first > long;
        let mut times = Vec::new();
        if cold {
            times.push(first);
        }
        while !cold && !self.enough(&times) {
            match once(&mut work, &stop) {
                Ok(seconds) => times.push(seconds),
                // What was measured before the signal stands.
                Err(_) if self.stopped() && !times.is_empty() => break,
                Err(error) => return Err(error),
            }
        }
        // Timestamps cost time, so a run of its own tells of the kernels.
        if !cold && !self.stopped() {
            told = profiled(&gpu, || once(&mut work, &stop))?.1;
        }
        let seconds = Times::of(times).ok_or_else(|| anyhow!("interrupted"))?;
        Ok(Entry {
            status: Status::Measured,
            units: Some(work.units),
            seconds: Some(seconds),
            rate: Some(work.units / seconds.median),
            cold,
            prepare_seconds: Some(prepare_seconds),
            first_seconds: Some(first),
            kernels: told.0,
            bytes: Some(told.1),
            peak_bytes: Some(memory::peak()),
            host_peak_bytes: host::peak(),
            host_peak_is_own,
            idle: work.idle.get(),
            decoder: work.decoder.take(),
            note: None,
            ..Entry::without(stage, size.name, Status::Measured, String::new())
        })
    }

    fn enough(&self, times: &[f64]) -> bool {
        let (runs, spent) = (times.len(), times.iter().sum::<f64>());
        match runs {
            0 => false,
            _ if self.options.quick || self.stopped() => true,
            _ => runs >= MOST_RUNS || spent >= MUCH || runs >= FEW_RUNS && spent >= ENOUGH,
        }
    }
}

/// Seconds of one run.
fn once(work: &mut Work, monitor: &dyn Monitor) -> anyhow::Result<f64> {
    if monitor.stopped() {
        return Err(anyhow!("interrupted"));
    }
    if let Some(before) = &mut work.before {
        before()?;
    }
    let begun = Instant::now();
    (work.run)(monitor)?;
    Ok(begun.elapsed().as_secs_f64())
}

/// Time by kernel and bytes of a run.
type Told = (Vec<super::KernelShare>, u64);

/// A run, with what its kernels took.
fn profiled(gpu: &Gpu, run: impl FnOnce() -> anyhow::Result<f64>) -> anyhow::Result<(f64, Told)> {
    let (times, bytes) = (profile::times(), profile::bytes());
    profile::enable();
    let seconds = run();
    profile::disable();
    let seconds = seconds?;
    // Timestamps come with a wait.
    gpu.wait()?;
    let kernels = profile::since(&times);
    Ok((
        seconds,
        (
            kernels.iter().map(Into::into).collect(),
            profile::bytes() - bytes,
        ),
    ))
}

/// Why a size is not begun, if it is not.
fn too_long(report: &Report, stage: &Stage, at: usize, left: f64, minutes: f64) -> Option<String> {
    let given = seconds(60.0 * minutes);
    if left <= 0.0 {
        return Some(format!("the {given} given are over; --minutes gives more"));
    }
    let smaller = at.checked_sub(1)?;
    let name = stage.sizes[smaller].name;
    let of = |e: &&Entry| e.stage == stage.name && e.size == name;
    let before = report.entries.iter().find(of)?;
    let (Some(times), Some(first)) = (before.seconds, before.first_seconds) else {
        return Some(match before.status {
            Status::Failed => format!("{name} failed"),
            _ => format!("{name} was skipped"),
        });
    };
    let more = stage.sizes[at].cost / stage.sizes[smaller].cost;
    let run = times.median * more;
    // Clips are made, a run warms up, and some are measured.
    let runs = match before.cold {
        true => 0.0,
        false => (2.0 * run).max(f64::min(ENOUGH, 15.0 * run)),
    };
    let all = before.prepare_seconds.unwrap_or(0.0) * more + first.max(times.median) * more + runs;
    (all > left).then(|| {
        format!(
            "would take about {}, a run about {}, and {} of {given} are left; --minutes gives more",
            seconds(all),
            seconds(run),
            seconds(left)
        )
    })
}

/// The adapter is too small for it: nothing went wrong.
fn is_unfit(error: &anyhow::Error) -> bool {
    if error.is::<Unfit>() {
        return true;
    }
    if let Some(SplatError::Overflow { .. }) = error.downcast_ref() {
        return true;
    }
    let gpu = match (
        error.downcast_ref::<GpuError>(),
        error.downcast_ref::<SplatError>(),
        error.downcast_ref::<MotionError>(),
        error.downcast_ref::<WorldError>(),
        error.downcast_ref::<AgentError>(),
    ) {
        (Some(gpu), ..)
        | (_, Some(SplatError::Gpu(gpu)), ..)
        | (_, _, Some(MotionError::Gpu(gpu)), ..)
        | (_, _, _, Some(WorldError::Gpu(gpu)), _)
        | (_, _, _, _, Some(AgentError::Gpu(gpu))) => gpu,
        _ => return false,
    };
    matches!(gpu, GpuError::TooLarge { .. })
}
