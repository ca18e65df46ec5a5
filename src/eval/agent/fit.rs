//! How often violations of each kind are right, by how much they stand out: what `agent::calibration` holds.

use std::collections::BTreeMap;

use serde::Serialize;

use super::matching::{Judged, Truth};

/// Fewest violations of a step, but where a kind has no more.
const LEAST: usize = 4;

/// From where on violations are right so often.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Step {
    /// Least that they stand out by, see [`crate::agent::calibration::stands_out`].
    pub from: f64,
    /// How likely one is right: Laplace's rule, (right + 1) / (of + 2).
    pub confidence: f64,
    /// How many are.
    pub right: usize,
    /// Of so many.
    pub of: usize,
}

impl Step {
    fn join(&mut self, other: &Self) {
        (self.right, self.of) = (self.right + other.right, self.of + other.of);
        self.confidence = (self.right as f64 + 1.0) / (self.of as f64 + 2.0);
    }
}

/// Steps of a confidence that never falls with what violations stand out by: isotonic regression (pool adjacent
/// violators, Ayer et al. 1955). Violations at a fault that no frame shows take no part. By the kind's name; holes that pictures
/// alone tell of stand out on a scale of their own.
pub fn fit<'a>(violations: impl Iterator<Item = &'a Judged>) -> BTreeMap<String, Vec<Step>> {
    let mut by: BTreeMap<String, Vec<(f64, bool)>> = BTreeMap::new();
    for j in violations.filter(|j| j.truth != Truth::Unseen) {
        by.entry(name(j))
            .or_default()
            .push((j.stands_out, j.truth.right()));
    }
    by.into_iter()
        .map(|(what, mut of)| {
            of.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
            (what, steps(&of))
        })
        .collect()
}

fn name(j: &Judged) -> String {
    let what = serde_json::to_value(j.what).unwrap_or_default();
    let suffix = if j.by_pictures { "_by_pictures" } else { "" };
    format!("{}{suffix}", what.as_str().unwrap_or_default())
}

fn steps(sorted: &[(f64, bool)]) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    for of in sorted.chunk_by(|a, b| a.0 == b.0) {
        let mut next = Step {
            from: of[0].0,
            confidence: 0.5,
            right: 0,
            of: 0,
        };
        for &(_, right) in of {
            next.join(&Step {
                right: usize::from(right),
                of: 1,
                ..next.clone()
            });
        }
        steps.push(next);
        while let [.., a, b] = steps.as_slice()
            && (a.of < LEAST || a.confidence >= b.confidence)
        {
            let last = steps.pop();
            if let (Some(to), Some(last)) = (steps.last_mut(), last) {
                to.join(&last);
            }
        }
    }
    // What is left over at the top is too little to stand alone.
    while let [.., a, b] = steps.as_slice()
        && (b.of < LEAST || a.confidence >= b.confidence)
    {
        let mut joined = a.clone();
        joined.join(b);
        steps.truncate(steps.len() - 2);
        steps.push(joined);
    }
    steps
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn confidence_never_falls_with_what_stands_out() {
        let of: Vec<(f64, bool)> = [0, 0, 1, 0, 0, 1, 1, 0, 1, 1, 1, 1, 1, 1]
            .iter()
            .enumerate()
            .map(|(k, right)| (k as f64, *right == 1))
            .collect();
        let found = steps(&of);
        assert!(found.len() >= 2, "{found:?}");
        assert_eq!(found.iter().map(|s| s.of).sum::<usize>(), of.len());
        assert!(found.iter().all(|s| s.of >= LEAST));
        for two in found.windows(2) {
            assert!(two[0].from < two[1].from && two[0].confidence < two[1].confidence);
        }
        // Eight that are wrong, then eight that are right.
        let plain: Vec<(f64, bool)> = (0..16).map(|k| (f64::from(k), k >= 8)).collect();
        let found = steps(&plain);
        let told: Vec<(f64, f64)> = found.iter().map(|s| (s.from, s.confidence)).collect();
        assert_eq!(told, [(0.0, 0.1), (8.0, 0.9)]);
    }

    #[test]
    fn few_that_are_all_right_are_no_surer_than_many() {
        // 20 right of 21 are .913, 4 of 4 are .833.
        let mut of: Vec<(f64, bool)> = (0..21).map(|k| (f64::from(k), k > 0)).collect();
        of.extend((30..34).map(|k| (f64::from(k), true)));
        let found = steps(&of);
        for two in found.windows(2) {
            assert!(two[0].confidence < two[1].confidence, "{found:?}");
        }
    }

    #[test]
    fn few_make_one_step() {
        let found = steps(&[(1.0, true), (2.0, false)]);
        assert_eq!((found.len(), found[0].right, found[0].of), (1, 1, 2));
        assert_eq!(found[0].confidence, 0.5);
    }
}
