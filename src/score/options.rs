//! How the metrics become one number.

use std::collections::BTreeMap;

use super::{METRICS, ScoreError};
use crate::key::{Key, Kind, MUCH};

/// How the scores become one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Combination {
    /// Weighted geometric mean; a score under .01 counts as .01, so that a zero still lets takes be ranked.
    #[default]
    Geometric,
    /// Weighted arithmetic mean, the original design's sum.
    Arithmetic,
}

/// Weights and their combination.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct ScoreOptions {
    /// How the scores become one.
    pub combination: Combination,
    /// Weight of each metric by its name; 1 for one that is not named.
    #[serde(flatten, deserialize_with = "filled")]
    pub weights: BTreeMap<String, f64>,
}

/// The default weights with those of a record in their place.
fn filled<'de, D: serde::Deserializer<'de>>(record: D) -> Result<BTreeMap<String, f64>, D::Error> {
    let given: BTreeMap<String, f64> = serde::Deserialize::deserialize(record)?;
    let mut weights = ScoreOptions::default().weights;
    weights.extend(given);
    Ok(weights)
}

/// Keys of these options; `*` stands for each metric.
#[rustfmt::skip]
pub static KEYS: &[Key] = &[
    Key::new("combination", Kind::OneOf(&["geometric", "arithmetic"]), "How the scores become one"),
    Key::new("*", Kind::Number(0.0, MUCH), "Weight of this score"),
];

/// Largest weight.
const MOST: f64 = 1e6;

impl Default for ScoreOptions {
    fn default() -> Self {
        Self {
            combination: Combination::Geometric,
            weights: METRICS.iter().map(|m| (m.name.to_owned(), 1.0)).collect(),
        }
    }
}

impl ScoreOptions {
    /// The weight of a metric.
    pub fn weight(&self, name: &str) -> f64 {
        self.weights.get(name).copied().unwrap_or(1.0)
    }

    /// Refuses weights of no metric, out of range, or all zero.
    ///
    /// # Errors
    /// [`ScoreError::Metric`], [`ScoreError::Weight`], [`ScoreError::NoWeight`].
    pub fn check(&self) -> Result<(), ScoreError> {
        for (field, &value) in &self.weights {
            if !METRICS.iter().any(|m| m.name == field) {
                let names: Vec<_> = METRICS.iter().map(|m| m.name).collect();
                return Err(ScoreError::Metric {
                    field: field.clone(),
                    names: names.join(", "),
                });
            }
            if !(0.0..=MOST).contains(&value) {
                let field = field.clone();
                return Err(ScoreError::Weight { field, value });
            }
        }
        if METRICS.iter().all(|m| self.weight(m.name) == 0.0) {
            return Err(ScoreError::NoWeight);
        }
        Ok(())
    }

    /// The metrics' values as one, in [0, 1], and how.
    pub(super) fn combine(&self, metrics: &BTreeMap<String, f64>) -> (f64, &'static str) {
        let both = || metrics.iter().map(|(name, s)| (*s, self.weight(name)));
        let total: f64 = both().map(|(_, w)| w).sum();
        match self.combination {
            Combination::Geometric => {
                let sum: f64 = both().map(|(s, w)| w * s.max(0.01).ln()).sum();
                ((sum / total).exp(), "weighted geometric mean")
            }
            Combination::Arithmetic => {
                let sum: f64 = both().map(|(s, w)| w * s).sum();
                (sum / total, "weighted arithmetic mean")
            }
        }
    }
}
