//! How the metrics become one number.

use std::collections::BTreeMap;

use super::{METRICS, ScoreError};

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
    #[serde(flatten)]
    pub weights: BTreeMap<String, f64>,
}

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

    pub(super) fn check(&self) -> Result<(), ScoreError> {
        for (field, &value) in &self.weights {
            if !METRICS.iter().any(|m| m.name == field) {
                let names: Vec<_> = METRICS.iter().map(|m| m.name).collect();
                return Err(ScoreError::Metric {
                    field: field.clone(),
                    names: names.join(", "),
                });
            }
            if !(value >= 0.0 && value.is_finite()) {
                let field = field.clone();
                return Err(ScoreError::Weight { field, value });
            }
        }
        if METRICS.iter().all(|m| self.weight(m.name) == 0.0) {
            let field = METRICS[0].name.to_owned();
            return Err(ScoreError::Weight { field, value: 0.0 });
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
