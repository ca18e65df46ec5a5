//! A batch: every row of a manifest through the walk, many at once, failures recorded, the rest going on.

pub mod rows;
pub mod signals;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::mpsc;
use std::time::Duration;

use anyhow::anyhow;
use futures_util::StreamExt;
use futures_util::stream;

use crate::generate::Providers;
use crate::gpu::AdapterChoice;
use crate::lane::{Busy, Lane};
use crate::manifest::Prompt;
use crate::monitor::panic_text;
use crate::pipeline::{Config, Context, Desk, Stages, StepError, Studio, Walk};
use crate::record::{AdapterTime, Event, Events, Failure, Outcome, RowResult, RowView};
use crate::store::{self, Run, StoreError};

pub use rows::rows;

/// How a batch ended.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct BatchResult {
    /// Rows with a world that agents accepted.
    pub accepted: usize,
    /// Rows with a world and faults left.
    pub limit: usize,
    /// Rows without a world, with the reason.
    pub refused: usize,
    /// Rows with a world of which too little was seen to tell.
    pub undecided: usize,
    /// Rows with an error.
    pub failed: usize,
    /// Rows of the above that were done in earlier starts already.
    pub resumed: usize,
    /// Rows not done since a signal came.
    pub left: usize,
    /// A signal came.
    pub interrupted: bool,
}

impl BatchResult {
    /// Exit code of the design: 0 all done, 1 some rows failed, 130 interrupted.
    pub fn exit_code(&self) -> u8 {
        match (self.interrupted, self.failed) {
            (true, _) => signals::INTERRUPTED,
            (false, 0) => 0,
            (false, _) => 1,
        }
    }

    /// Rows that came to something.
    pub fn done(&self) -> usize {
        self.accepted + self.limit + self.refused + self.undecided + self.failed
    }

    fn count(&mut self, outcome: Outcome) {
        *match outcome {
            Outcome::Accepted => &mut self.accepted,
            Outcome::Limit => &mut self.limit,
            Outcome::Refused => &mut self.refused,
            Outcome::Undecided => &mut self.undecided,
            Outcome::Failed => &mut self.failed,
        } += 1;
    }
}

/// What a batch is given.
#[derive(Clone, Copy)]
pub struct Batch<'a> {
    /// The run folder, open and locked.
    pub run: &'a Run,
    /// The manifest, of which the run keeps a copy.
    pub manifest: &'a Path,
    /// Its rows.
    pub rows: &'a [Prompt],
    /// The resolved configuration.
    pub config: &'a Config,
    /// Where takes come from.
    pub providers: &'a Providers,
    /// Where events go. Their stop flag is set by the first Ctrl-C, and here when nothing can be saved any more.
    pub events: &'a Events<'a>,
}

impl<'a> Batch<'a> {
    /// Runs all rows; what is done is skipped, what was killed is finished.
    ///
    /// # Errors
    /// When no row could be tried or saved: there is no GPU driver, a network is missing or broken, the disk is
    /// full. A row's error is its recorded failure.
    pub fn run(&self) -> anyhow::Result<BatchResult> {
        let adapters = AdapterChoice::list(&self.config.adapter);
        let names: Vec<String> = adapters.iter().map(ToString::to_string).collect();
        self.run_with(&names, |place, context| {
            Studio::open(context, adapters[place].clone())
        })
    }

    /// [`Batch::run`] with stages of the caller's: for each of the named adapters as many as the configuration has lanes.
    ///
    /// # Errors
    /// As [`Batch::run`].
    pub fn run_with<S: Stages + 'a>(
        &self,
        adapters: &[String],
        open: impl Fn(usize, Context<'a>) -> anyhow::Result<S> + Sync,
    ) -> anyhow::Result<BatchResult> {
        let context = Context {
            run: self.run,
            config: self.config,
            events: self.events,
        };
        let lane = Lane::default();
        let busy: Vec<Busy> = adapters.iter().map(|_| Busy::default()).collect();
        let lanes = self.config.lanes.max(1) as usize;
        let places = (0..lanes).flat_map(|_| 0..adapters.len());
        let busy = &busy;
        std::thread::scope(|scope| {
            // Threads end with the batch, however it ends.
            let _close = CloseOnDrop(&lane);
            let (tell, told) = mpsc::channel();
            for place in places {
                let (tell, lane, open) = (tell.clone(), &lane, &open);
                scope.spawn(move || {
                    let opened = catch_unwind(AssertUnwindSafe(|| open(place, context)))
                        .unwrap_or_else(|payload| {
                            let words = panic_text(payload.as_ref());
                            Err(anyhow!(
                                "a lane broke while it opened ({words}); please report it"
                            ))
                        });
                    match opened {
                        Ok(mut stages) => {
                            let _ = tell.send(Ok(()));
                            lane.serve(&mut stages, &busy[place]);
                        }
                        Err(error) => {
                            let _ = tell.send(Err(error));
                        }
                    }
                });
            }
            for _ in 0..lanes * adapters.len() {
                told.recv()??;
            }
            self.save_inputs()?;
            self.walk(context, &lane, || times(adapters, busy))
        })
    }

    fn walk<S: Stages>(
        &self,
        context: Context<'a>,
        lane: &Lane<'a, S>,
        times: impl Fn() -> Vec<AdapterTime>,
    ) -> anyhow::Result<BatchResult> {
        let folder = match self.manifest.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        self.events.tell(Event::RunStarted {
            rows: self.rows.iter().map(|row| row.id.clone()).collect(),
            folder: std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned()),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            format: store::FORMAT,
        });
        let desk = Desk::new(self.config);
        let walk = Walk {
            context,
            providers: self.providers,
            desk: &desk,
            lane,
        };
        let mut order: Vec<&'a Prompt> = self.rows.iter().collect();
        // Stable: rows of one priority keep the manifest's order.
        order.sort_by_key(|row| std::cmp::Reverse(row.priority));
        let mut result = BatchResult::default();
        let mut fatal = None;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()?;
        runtime.block_on(async {
            let walk = &walk;
            let rows = stream::iter(order.into_iter().enumerate())
                .map(|(index, row)| self.row(walk, row, index));
            let mut rows =
                std::pin::pin!(rows.buffer_unordered(self.config.rows_at_once.max(1) as usize));
            let mut told = false;
            loop {
                let next = tokio::select! {
                    next = rows.next() => Some(next),
                    () = tokio::time::sleep(LOOK) => None,
                };
                if !told && context.stopped() {
                    told = true;
                    self.events.tell(Event::Stopping);
                }
                let ended = match next {
                    Some(Some(ended)) => ended,
                    Some(None) => break,
                    None => continue,
                };
                match ended {
                    Ok(ended) => self.ended(ended, &mut result),
                    Err(error) => {
                        tracing::error!(target: "event", "the run stops: {error:#}");
                        // What cannot be saved now cannot be saved for any other row either.
                        self.events.stop().store(true, Ordering::Relaxed);
                        fatal.get_or_insert(error);
                    }
                }
            }
        });
        self.events.tell(Event::RunDone {
            left: self.rows.len() - result.done(),
            failed: result.failed,
            adapters: times(),
        });
        if let Some(error) = fatal.or_else(|| Some(self.events.fault()?.into())) {
            let taken = matches!(error.downcast_ref(), Some(StoreError::ClaimLost { .. }));
            let why = if taken { "" } else { " (is the disk full?)" };
            return Err(error.context(format!(
                "the run stopped, since nothing can be saved any more{why}; what is done is kept, and the same command goes on"
            )));
        }
        Ok(result)
    }

    /// One row: its result, its failure as a result, or nothing when a signal came first.
    async fn row<S: Stages>(
        &self,
        walk: &Walk<'_, 'a, S>,
        row: &'a Prompt,
        index: usize,
    ) -> anyhow::Result<Option<RowResult>> {
        if walk.context.stopped() {
            return Ok(None);
        }
        let _claim = match self.run.claim(&row.id) {
            Err(error @ StoreError::Claimed { .. }) => {
                tracing::warn!("{error}; it is left to that one");
                return Ok(None);
            }
            claim => claim?,
        };
        let started = Event::RowStarted {
            id: row.id.clone(),
            index,
        };
        // Of a row that was done the journal tells again only once it does work.
        match self.events.before().is_done(&row.id) {
            true => self.events.tell_again(started),
            false => self.events.tell(started),
        }
        let error = match walk.row(row, index).await {
            Ok(result) => return Ok(Some(result)),
            Err(error) => error,
        };
        if error.is_fatal() {
            return Err(error.error);
        }
        if walk.context.stopped() {
            return Ok(None);
        }
        Ok(Some(self.failed(row, error)))
    }

    fn ended(&self, ended: Option<RowResult>, batch: &mut BatchResult) {
        let Some(result) = ended else {
            batch.interrupted = true;
            batch.left += 1;
            return;
        };
        let fresh = result.fresh() || result.failure.is_some();
        batch.count(result.outcome);
        batch.resumed += usize::from(!fresh);
        let before = self.events.before().row(&result.row.id);
        let untouched = !fresh && !self.events.touched(&result.row.id);
        let known = untouched && before.is_some_and(|row| row.is(&result));
        let done = Event::RowDone {
            id: result.row.id.clone(),
            outcome: result.outcome,
            resumed: !fresh,
            result: Box::new(result),
        };
        match known {
            true => self.events.tell_again(done),
            false => self.events.tell(done),
        }
    }

    fn failed(&self, row: &Prompt, error: StepError) -> RowResult {
        let before = self.events.before().row(&row.id);
        let attempts = before.map_or(0, |row| row.attempts);
        let rounds = before.and_then(RowView::result);
        let rounds = rounds.map_or(Vec::new(), |result| result.iterations);
        // Rounds of earlier starts that this one did not come to are still there.
        let iterations = match rounds.len() > error.before.len() {
            true => rounds,
            false => error.before,
        };
        let text = format!("{:#}", error.error);
        RowResult {
            row: row.clone(),
            outcome: Outcome::Failed,
            summary: format!("{}: {text}", error.step),
            iterations,
            failure: Some(Failure {
                step: error.step,
                error: text,
                attempts: attempts + 1,
                mend: "mend the cause and run the same command again; what is done is kept"
                    .to_owned(),
            }),
        }
    }

    /// Keeps the resolved configuration and the manifest's copy in the run.
    fn save_inputs(&self) -> anyhow::Result<()> {
        let root = self.run.root();
        let path = root.join("run.toml");
        let text = toml::to_string_pretty(self.config)?;
        store::write_atomic(&path, text.as_bytes())?;
        rows::keep(root, self.manifest)?;
        Ok(())
    }
}

/// What each adapter did.
fn times(adapters: &[String], busy: &[Busy]) -> Vec<AdapterTime> {
    let times = adapters.iter().zip(busy).filter_map(|(adapter, busy)| {
        let (busy, all) = busy.times()?;
        let (busy, all) = (busy.as_secs_f64(), all.as_secs_f64());
        let idle = if all > 0.0 {
            (1.0 - busy / all).max(0.0)
        } else {
            0.0
        };
        Some(AdapterTime {
            adapter: adapter.clone(),
            busy: millionths(busy),
            idle: millionths(idle),
        })
    });
    times.collect()
}

/// No finer than is worth telling, and read back to the last bit: the JSON reader may be off by one in the 17th digit.
fn millionths(x: f64) -> f64 {
    (x * 1e6).round() / 1e6
}

/// How often the batch looks for a signal.
const LOOK: Duration = Duration::from_millis(50);

struct CloseOnDrop<'l, 'e, S: Stages>(&'l Lane<'e, S>);

impl<S: Stages> Drop for CloseOnDrop<'_, '_, S> {
    fn drop(&mut self) {
        self.0.close();
    }
}
