//! How the metrics become one number.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use toml::Value;

use super::{METRICS, NETWORK_IDENTITY, NETWORK_QUALITY, ScoreError};
use crate::key::{Key, Kind, MUCH, Own};

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

/// Weights, their combination, and the networks of scores that need one.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct ScoreOptions {
    /// How the scores become one.
    pub combination: Combination,
    /// ONNX file of the network whose features tell [`NETWORK_IDENTITY`]; without it there is no such score.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identity_network: Option<PathBuf>,
    /// ONNX file of the network that tells [`NETWORK_QUALITY`]; without it there is no such score.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quality_network: Option<PathBuf>,
    /// What that network answers for the worst and for the best picture, where it answers one number; without it, 0 and 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quality_scale: Option<[f64; 2]>,
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

/// A network's file.
static NETWORK: Own = Own {
    fits: |value| value.as_str().is_some_and(|path| !path.is_empty()),
    wanted: "the path of an ONNX file",
    show: Value::to_string,
    rebase: Some(|value, folder| {
        if let Value::String(text) = value
            && !text.is_empty()
            && let Some(joined) = folder.join(&*text).to_str()
        {
            *text = joined.to_owned();
        }
    }),
};

/// Two numbers that differ.
static SCALE: Own = Own {
    fits: |value| value.clone().try_into::<[f64; 2]>().is_ok_and(is_scale),
    wanted: "two numbers that differ, such as [0, 100]",
    show: Value::to_string,
    rebase: None,
};

/// Whether numbers can be put on [0, 1] by these.
fn is_scale([low, high]: [f64; 2]) -> bool {
    low != high && (high - low).is_finite()
}

/// Keys of these options; `*` stands for each score.
#[rustfmt::skip]
pub static KEYS: &[Key] = &[
    Key::new("combination", Kind::OneOf(&["geometric", "arithmetic"]), "How the scores become one"),
    Key::new("*", Kind::Number(0.0, MUCH), "Weight of this score"),
    Key::new("identity_network", Kind::Own(&NETWORK), "ONNX network whose features of frames tell network_identity; relative to this file"),
    Key::new("quality_network", Kind::Own(&NETWORK), "ONNX network that tells network_quality of frames; relative to this file"),
    Key::new("quality_scale", Kind::Own(&SCALE), "What the quality network answers for the worst and the best picture, where it answers one number; 0 and 1 where not set"),
];

/// Largest weight.
const MOST: f64 = 1e6;

impl Default for ScoreOptions {
    fn default() -> Self {
        Self {
            combination: Combination::Geometric,
            identity_network: None,
            quality_network: None,
            quality_scale: None,
            weights: METRICS.iter().map(|m| (m.name.to_owned(), 1.0)).collect(),
        }
    }
}

impl ScoreOptions {
    /// The weight of a metric.
    pub fn weight(&self, name: &str) -> f64 {
        self.weights.get(name).copied().unwrap_or(1.0)
    }

    /// Of each score that needs a network: its name, the flag that gives the network, the key that does, and its file if it is given.
    fn networks(&self) -> [(&'static str, &'static str, &'static str, Option<&Path>); 2] {
        let (identity, quality) = (&self.identity_network, &self.quality_network);
        [
            (
                NETWORK_IDENTITY,
                "--identity-network",
                "score.identity_network",
                identity.as_deref(),
            ),
            (
                NETWORK_QUALITY,
                "--quality-network",
                "score.quality_network",
                quality.as_deref(),
            ),
        ]
    }

    /// The scores that a take gets by these options.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        let given = self.networks().into_iter().filter(|n| n.3.is_some());
        let metrics = METRICS.iter().map(|m| m.name);
        metrics.chain(given.map(|n| n.0))
    }

    /// Makes its paths hold wherever it is read from; relative ones start at `folder`.
    pub fn absolute(&mut self, folder: &Path) {
        let paths = [&mut self.identity_network, &mut self.quality_network];
        for path in paths.into_iter().flatten() {
            if let Ok(whole) = std::path::absolute(folder.join(&path)) {
                *path = whole;
            }
        }
    }

    /// The same without networks: how measured scores become one.
    #[must_use]
    pub fn weighing(&self) -> Self {
        Self {
            identity_network: None,
            quality_network: None,
            quality_scale: None,
            ..self.clone()
        }
    }

    /// Refuses weights of no score, out of range, or all zero, and what is given for a network that is not.
    ///
    /// # Errors
    /// [`ScoreError::Metric`], [`ScoreError::Weight`], [`ScoreError::NoWeight`], [`ScoreError::Setting`].
    pub fn check(&self) -> Result<(), ScoreError> {
        for (field, &value) in &self.weights {
            if !super::names().any(|name| name == field) {
                let names: Vec<_> = super::names().collect();
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
        self.check_networks()?;
        match self.all_zero() {
            true => Err(ScoreError::NoWeight),
            false => Ok(()),
        }
    }

    /// Whether no score counts.
    pub fn all_zero(&self) -> bool {
        self.names().all(|name| self.weight(name) == 0.0)
    }

    /// Refuses what is given for a network that is not, and a scale that is none.
    ///
    /// # Errors
    /// [`ScoreError::Setting`].
    pub fn check_networks(&self) -> Result<(), ScoreError> {
        let lacking = |field: &str, (_, flag, key, _): (&str, &str, &str, Option<&Path>)| {
            ScoreError::Setting {
                field: field.to_owned(),
                reason: format!(
                    "is given, but not its network; name that with {flag} FILE (in a configuration: {key}), or leave this out"
                ),
            }
        };
        for network in self.networks() {
            let (name, .., file) = network;
            if file.is_none() && self.weights.contains_key(name) {
                return Err(lacking(name, network));
            }
        }
        match self.quality_scale {
            Some(_) if self.quality_network.is_none() => {
                Err(lacking("quality_scale", self.networks()[1]))
            }
            Some([low, high]) if !is_scale([low, high]) => Err(ScoreError::Setting {
                field: "quality_scale".to_owned(),
                reason: format!(
                    "is {low} to {high}; give two numbers that differ: what the worst and the best picture get"
                ),
            }),
            _ => Ok(()),
        }
    }

    /// The metrics' values as one, in [0, 1], and how.
    pub(super) fn combine(&self, metrics: &BTreeMap<String, f64>) -> (f64, &'static str) {
        let both = || metrics.iter().map(|(name, s)| (*s, self.weight(name)));
        let total: f64 = both().map(|(_, w)| w).sum();
        // All that counts are networks that did not look.
        let total = if total > 0.0 { total } else { 1.0 };
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
