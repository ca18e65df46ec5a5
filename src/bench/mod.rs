//! Standard work by stage, on clips and clouds that are made here from fixed seeds: what a machine is worth for a batch.
//!
//! One file a stage: its name, its unit, its sizes, what it prepares and what it measures. Sizes are fixed, so that
//! results of machines and versions compare; what does not fit the time or the adapter is left out with the reason.
//! [`Bench::run`] measures, [`Report`] is what it found, [`compare`] holds it against an older one. See `docs/bench.md`.

mod cameras;
pub mod compare;
mod copy;
mod decode;
mod depth;
mod flow;
mod ground;
mod host;
mod rays;
mod report;
mod row;
mod runner;
mod scan;
mod scores;
mod sort;
mod splats;
mod table;
mod walk;
mod world;

pub use ground::{Film, Ground};
pub use report::{Device, Entry, FORMAT, Host, KernelShare, Report, RowSpeed, Status, Times};
pub use runner::{Bench, Options};
pub use table::{seconds, table};

use crate::monitor::Monitor;
use std::cell::{Cell, RefCell};
use std::rc::Rc;

/// One size of a stage's work. It never changes, lest results of different versions be compared wrongly.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    /// Its name in the results.
    pub name: &'static str,
    /// Elements, frames, splats, ...: what the stage says.
    pub count: usize,
    /// Width and height of pictures, where there are any.
    pub picture: [u32; 2],
    /// How much more work this is than the stage's other sizes: times that are not measured are guessed by it.
    pub cost: f64,
}

impl Size {
    /// A size with pictures; `[0; 2]` where there are none.
    pub const fn new(name: &'static str, count: usize, picture: [u32; 2], cost: f64) -> Self {
        Self {
            name,
            count,
            picture,
            cost,
        }
    }
}

/// One stage of work.
#[derive(Debug)]
pub struct Stage {
    /// Its name.
    pub name: &'static str,
    /// What its rate counts.
    pub unit: &'static str,
    /// What is measured, in a line.
    pub about: &'static str,
    /// The smallest first.
    pub sizes: &'static [Size],
    /// Makes what the work needs, untimed.
    pub prepare: fn(&Ground, &Size) -> anyhow::Result<Work>,
}

/// Does the work once, and waits until it is done.
pub type Run = Box<dyn FnMut(&dyn Monitor) -> anyhow::Result<()>>;

/// Work that is ready to be measured.
pub struct Work {
    /// Units of one run.
    pub units: f64,
    /// Brings back what a run uses up, untimed.
    pub before: Option<Box<dyn FnMut() -> anyhow::Result<()>>>,
    /// Does it once.
    pub run: Run,
    /// The first run counts: it is long, and nobody runs it twice.
    pub once: bool,
    /// Share of the last run in which the adapter's lanes had nothing to do, where there are any.
    pub idle: Rc<Cell<Option<f64>>>,
    /// Who decoded the clip of the last run, and why not the other, where one was decoded.
    pub decoder: Rc<RefCell<Option<String>>>,
}

impl Work {
    /// Work that uses nothing up.
    pub fn new(units: f64, run: impl FnMut(&dyn Monitor) -> anyhow::Result<()> + 'static) -> Self {
        Self {
            units,
            before: None,
            run: Box::new(run),
            once: false,
            idle: Rc::default(),
            decoder: Rc::default(),
        }
    }

    /// As [`Work::new`], with what goes before each run.
    pub fn restoring(
        units: f64,
        before: impl FnMut() -> anyhow::Result<()> + 'static,
        run: impl FnMut(&dyn Monitor) -> anyhow::Result<()> + 'static,
    ) -> Self {
        Self {
            before: Some(Box::new(before)),
            ..Self::new(units, run)
        }
    }
}

/// Work that this adapter cannot do at this size: left out, no failure.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Unfit(pub String);

/// All stages, in the order of a row's walk; the first measures what the others are compared with.
pub static STAGES: [&Stage; 14] = [
    &copy::STAGE,
    &decode::STAGE,
    &scores::STAGE,
    &flow::STAGE,
    &depth::STAGE,
    &cameras::STAGE,
    &splats::STEP,
    &splats::RENDER,
    &world::STAGE,
    &rays::STAGE,
    &walk::STAGE,
    &sort::STAGE,
    &scan::STAGE,
    &row::STAGE,
];
