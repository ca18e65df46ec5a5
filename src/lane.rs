//! A lane: work that runs one piece after the other on the thread that owns a GPU, most urgent first.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use crate::monitor::panic_text;

/// How urgent a piece of work is: finishing a round goes before starting another, earlier rows before later ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Urgency {
    /// 0 is the most urgent.
    pub class: u8,
    /// Place of the row in the order of work.
    pub row: usize,
}

type Work<'e, S> = Box<dyn FnOnce(&mut S) + Send + 'e>;

struct Piece<'e, S> {
    // The most urgent first, then the first that came.
    order: Reverse<(Urgency, u64)>,
    work: Work<'e, S>,
}

impl<S> PartialEq for Piece<'_, S> {
    fn eq(&self, other: &Self) -> bool {
        self.order == other.order
    }
}
impl<S> Eq for Piece<'_, S> {}
impl<S> PartialOrd for Piece<'_, S> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl<S> Ord for Piece<'_, S> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.order.cmp(&other.order)
    }
}

struct Queue<'e, S> {
    pieces: BinaryHeap<Piece<'e, S>>,
    pushed: u64,
    closed: bool,
}

/// The queue before one or several threads, each with stages `S` of its own.
pub struct Lane<'e, S> {
    queue: Mutex<Queue<'e, S>>,
    ready: Condvar,
}

/// When any of some threads worked.
#[derive(Debug, Default)]
pub struct Busy(Mutex<Turns>);

#[derive(Debug, Default)]
struct Turns {
    at_work: usize,
    first: Option<Instant>,
    since: Option<Instant>,
    last: Option<Instant>,
    busy: Duration,
}

impl Busy {
    fn turns(&self) -> MutexGuard<'_, Turns> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn begin(&self) {
        let now = Instant::now();
        let mut turns = self.turns();
        turns.first.get_or_insert(now);
        if turns.at_work == 0 {
            turns.since = Some(now);
        }
        turns.at_work += 1;
    }

    fn end(&self) {
        let now = Instant::now();
        let mut turns = self.turns();
        turns.at_work = turns.at_work.saturating_sub(1);
        if turns.at_work == 0
            && let Some(since) = turns.since.take()
        {
            turns.busy += now - since;
        }
        turns.last = Some(now);
    }

    /// How long any of them worked, and how long it was from the first piece of work to the end of the last; none where
    /// there was no work.
    pub fn times(&self) -> Option<(Duration, Duration)> {
        let turns = self.turns();
        Some((turns.busy, turns.last? - turns.first?))
    }
}

/// Stages that can be put right after a piece of their work broke.
pub trait Recover {
    /// Drops what a panic may have left half done.
    fn recover(&mut self);
}

impl<S> Default for Lane<'_, S> {
    fn default() -> Self {
        let queue = Queue {
            pieces: BinaryHeap::new(),
            pushed: 0,
            closed: false,
        };
        Self {
            queue: Mutex::new(queue),
            ready: Condvar::new(),
        }
    }
}

impl<'e, S: Recover> Lane<'e, S> {
    fn lock(&self) -> MutexGuard<'_, Queue<'e, S>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has work done on a thread of the lane and waits for its answer.
    ///
    /// # Errors
    /// The words of a panic, or that the lane is closed.
    pub async fn run<T: Send + 'e>(
        &self,
        urgency: Urgency,
        work: impl FnOnce(&mut S) -> T + Send + 'e,
    ) -> Result<T, String> {
        let (answer, answered) = oneshot::channel();
        let work: Work<'e, S> = Box::new(move |stages| {
            let result = catch_unwind(AssertUnwindSafe(|| work(stages)));
            let result = result.map_err(|payload| {
                // What cannot even be dropped is left as it is: the thread must live on.
                let _ = catch_unwind(AssertUnwindSafe(|| stages.recover()));
                panic_text(payload.as_ref())
            });
            // Nobody waits any more after an interruption.
            let _ = answer.send(result);
        });
        {
            let mut queue = self.lock();
            if !queue.closed {
                queue.pushed += 1;
                let order = Reverse((urgency, queue.pushed));
                queue.pieces.push(Piece { order, work });
            }
        }
        self.ready.notify_one();
        answered
            .await
            .unwrap_or_else(|_| Err("the lane is closed".to_owned()))
    }

    /// Works until the lane is closed and empty; `busy` hears of each piece.
    pub fn serve(&self, stages: &mut S, busy: &Busy) {
        loop {
            let work = {
                let mut queue = self.lock();
                loop {
                    if let Some(piece) = queue.pieces.pop() {
                        break piece.work;
                    }
                    if queue.closed {
                        return;
                    }
                    queue = self
                        .ready
                        .wait(queue)
                        .unwrap_or_else(PoisonError::into_inner);
                }
            };
            busy.begin();
            work(stages);
            busy.end();
        }
    }

    /// Takes no more work; threads return once what is queued is done.
    pub fn close(&self) {
        self.lock().closed = true;
        self.ready.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_in_which_any_works_counts_once() {
        let busy = Busy::default();
        assert_eq!(busy.times(), None);
        let nap = Duration::from_millis(20);
        busy.begin();
        busy.begin();
        std::thread::sleep(nap);
        busy.end();
        busy.end();
        let (one, all) = busy.times().expect("worked");
        assert!(one >= nap && one <= all, "{one:?} of {all:?}");
        // A rest is in none, but between the first and the last.
        std::thread::sleep(nap);
        busy.begin();
        busy.end();
        let (two, all) = busy.times().expect("worked");
        assert!(two >= one && all >= two + nap, "{two:?} of {all:?}");
    }
}
