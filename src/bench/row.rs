//! One whole row: prompt to report, as a batch does it.

use std::cell::Cell;
use std::path::Path;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, bail};

use super::{Ground, Size, Stage, Work};
use crate::gpu::AdapterChoice;
use crate::manifest;
use crate::pipeline::{Config, Preset};
use crate::record::{Entry, Event, Events, Listener};
use crate::run::Batch;
use crate::store::Run;

const PROMPT: &str = "A robot walks through a room with wooden crates, slow dolly forward";
const SEED: u64 = 11;

/// The size by whose time a machine is judged.
pub const STANDARD: &str = "preset standard";

/// One round of so many mock takes, whatever the verdict.
pub static STAGE: Stage = Stage {
    name: "row",
    unit: "rows",
    about: "one row from its prompt to its report: takes, scores, depth, cameras, splats, world, agents",
    sizes: &[
        Size::new("tiny, 1 take", 1, [128, 72], 1.0),
        Size::new("preset draft", 2, [320, 180], 7.0),
        Size::new(STANDARD, 2, [640, 360], 50.0),
    ],
    prepare,
};

/// How a row of this size is made.
fn config(ground: &Ground, size: &Size) -> Config {
    let preset = match size.name {
        STANDARD => Preset::Standard,
        _ => Preset::Draft,
    };
    let mut config = Config {
        adapter: ground.adapter().to_string(),
        decode: ground.decode(),
        takes: size.count as u32,
        max_iterations: 1,
        ..Config::preset(preset)
    };
    if size.count == 1 {
        (config.size, config.max_side) = (size.picture, size.picture[0]);
        (config.seconds, config.fps) = (1.0, 12.0);
        (config.fit.splats, config.fit.steps) = (1500, 20);
    }
    config
}

fn prepare(ground: &Ground, size: &Size) -> anyhow::Result<Work> {
    let config = config(ground, size);
    let path = ground.folder().join("row.csv");
    std::fs::write(&path, format!("id,prompt,seed\nrow,\"{PROMPT}\",{SEED}\n"))?;
    let mut found = manifest::read(&path)?;
    config.check(&mut found);
    if let Some(fault) = found.faults.first() {
        bail!("{fault}");
    }
    let (folder, stop) = (ground.folder().to_owned(), ground.stop());
    let idle = Rc::<Cell<_>>::default();
    let told = idle.clone();
    Ok(Work {
        once: true,
        idle,
        ..Work::new(1.0, move |_| {
            told.set(run(&folder, &path, &found.rows, &config, &stop)?);
            Ok(())
        })
    })
}

/// What became of the row.
#[derive(Default)]
struct Ending {
    failure: Mutex<Option<String>>,
    idle: Mutex<Option<f64>>,
}

impl Listener for Ending {
    fn on(&self, entry: &Entry) {
        match &entry.event {
            Event::RowDone { result, .. } => {
                let failure = result.failure.as_ref();
                *self.failure.lock().unwrap_or_else(PoisonError::into_inner) =
                    failure.map(|f| format!("{}: {}", f.step, f.error));
            }
            Event::RunDone { adapters, .. } => {
                *self.idle.lock().unwrap_or_else(PoisonError::into_inner) =
                    adapters.first().map(|time| time.idle);
            }
            _ => {}
        }
    }
}

fn run(
    folder: &Path,
    manifest: &Path,
    rows: &[manifest::Prompt],
    config: &Config,
    stop: &Arc<AtomicBool>,
) -> anyhow::Result<Option<f64>> {
    let folder = tempfile::tempdir_in(folder)?;
    let run = Run::open(&folder.path().join("run"))?;
    let ending = Ending::default();
    /// Ends the watch however the batch ends.
    struct Ended<'a>(&'a AtomicBool);
    impl Drop for Ended<'_> {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Relaxed);
        }
    }
    // A batch sets its flag by itself where nothing can be saved any more, which is not the end of the others.
    let (own, done) = (AtomicBool::new(false), AtomicBool::new(false));
    let result = std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                if stop.load(Ordering::Relaxed) {
                    own.store(true, Ordering::Relaxed);
                }
                std::thread::sleep(Duration::from_millis(20));
            }
        });
        let _ended = Ended(&done);
        let events = Events::open(&run, &ending, &own);
        events.map_err(anyhow::Error::from).and_then(|events| {
            let batch = Batch {
                run: &run,
                manifest,
                rows,
                config,
                providers: &crate::providers::open(
                    config
                        .adapter
                        .parse()
                        .as_ref()
                        .unwrap_or(&AdapterChoice::Auto),
                ),
                events: &events,
            };
            batch.run()
        })
    })?;
    if result.interrupted || result.left > 0 {
        bail!("interrupted");
    }
    let idle = ending.idle.into_inner();
    let failure = ending
        .failure
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner);
    match failure {
        Some(words) => Err(anyhow::anyhow!(words)).context("the row failed"),
        None => Ok(idle.unwrap_or_else(PoisonError::into_inner)),
    }
}
