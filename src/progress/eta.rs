//! How long a run will take, from the rows that did work in this start.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::record::{Event, Outcome};

/// Estimates the time that is left. Rows that were done in earlier starts count as done, but not as work: they say
/// nothing about the speed.
#[derive(Debug, Default)]
pub struct Eta {
    rows: usize,
    done: usize,
    resumed: usize,
    failed: usize,
    worked: usize,
    worked_steps: usize,
    since: Option<Instant>,
    // Steps that rows under way did in this start.
    under_way: BTreeMap<String, usize>,
}

impl Eta {
    /// Takes notice of an event that happened at `now`.
    pub fn on(&mut self, event: &Event, now: Instant) {
        match event {
            Event::RunStarted { rows, .. } => self.rows = rows.len(),
            Event::StepStarted { at } => {
                self.since.get_or_insert(now);
                self.under_way.entry(at.id.clone()).or_default();
            }
            Event::StepDone {
                at, skipped: false, ..
            } => *self.under_way.entry(at.id.clone()).or_default() += 1,
            Event::RowDone {
                id,
                resumed,
                outcome,
                ..
            } => {
                self.done += 1;
                self.failed += usize::from(*outcome == Outcome::Failed);
                match (self.under_way.remove(id), resumed) {
                    (Some(steps), false) => {
                        self.worked += 1;
                        self.worked_steps += steps;
                    }
                    (_, true) => self.resumed += 1,
                    _ => {}
                }
            }
            _ => {}
        }
    }

    /// Rows, done rows, and those of them that were done in earlier starts or failed.
    pub fn counts(&self) -> [usize; 4] {
        [self.rows, self.done, self.resumed, self.failed]
    }

    /// Time left at `now`; `None` until a row that did work is done.
    pub fn left(&self, now: Instant) -> Option<Duration> {
        let since = self.since?;
        if self.worked == 0 {
            return None;
        }
        // A row under way counts by its steps, and never as quite done.
        let steps_a_row = self.worked_steps as f64 / self.worked as f64;
        let partly: f64 = self
            .under_way
            .values()
            .map(|&steps| (steps as f64 / steps_a_row.max(1.0)).min(0.95))
            .sum();
        let worked = self.worked as f64 + partly;
        let left = (self.rows - self.done) as f64 - partly;
        let elapsed = now.saturating_duration_since(since).as_secs_f64();
        Some(Duration::from_secs_f64(
            (elapsed / worked * left.max(0.0)).min(1e9),
        ))
    }

    /// Such as `12 of 100 rows, about 3 hours left`.
    pub fn words(&self, now: Instant) -> String {
        let mut words = format!("{} of {} rows", self.done, self.rows);
        if self.resumed > 0 {
            words += &format!(", {} of them done before", self.resumed);
        }
        if self.failed > 0 {
            words += &format!(", {} failed", self.failed);
        }
        if let Some(left) = self.left(now).filter(|_| self.done < self.rows) {
            words += &format!(", about {} left", indicatif::HumanDuration(left));
        }
        words
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::RowResult;
    use crate::store::At;

    fn started(rows: usize) -> Event {
        Event::RunStarted {
            rows: (0..rows).map(|k| k.to_string()).collect(),
            folder: std::path::PathBuf::new(),
            version: String::new(),
            format: 0,
        }
    }

    fn step(id: &str, done: bool) -> Event {
        let at = At::new(id, 1, "splats");
        match done {
            false => Event::StepStarted { at },
            true => Event::StepDone {
                at,
                skipped: false,
                seconds: 1.0,
                summary: String::new(),
            },
        }
    }

    fn row(id: &str, resumed: bool) -> Event {
        Event::RowDone {
            id: id.to_owned(),
            outcome: Outcome::Limit,
            resumed,
            result: Box::new(RowResult::default()),
        }
    }

    #[test]
    fn resumed_rows_say_nothing_about_the_speed() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut eta = Eta::default();
        eta.on(&started(100), at(0));
        for _ in 0..50 {
            eta.on(&row("old", true), at(1));
        }
        assert_eq!(eta.left(at(1)), None, "nothing was worked on yet");
        eta.on(&step("a", false), at(10));
        eta.on(&step("a", true), at(19));
        eta.on(&row("a", false), at(20));
        // One row in ten seconds, 49 left; the 50 resumed ones do not make it faster.
        assert_eq!(eta.left(at(20)), Some(Duration::from_secs(490)));
        assert!(
            eta.words(at(20))
                .starts_with("51 of 100 rows, 50 of them done before, about 8 min")
        );
    }

    #[test]
    fn a_row_under_way_counts_by_its_steps() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut eta = Eta::default();
        eta.on(&started(2), at(0));
        eta.on(&step("a", false), at(0));
        for _ in 0..4 {
            eta.on(&step("a", true), at(50));
        }
        eta.on(&row("a", false), at(100));
        eta.on(&step("b", false), at(100));
        eta.on(&step("b", true), at(120));
        eta.on(&step("b", true), at(150));
        // 1.5 rows in 150 s: half a row is left.
        assert_eq!(eta.left(at(150)), Some(Duration::from_secs(50)));
    }
}
