//! What a metric leaves beside its value: components, and its worst moments.

use std::collections::BTreeMap;

/// Moments kept of each kind that a metric tells.
const MOST: usize = 3;

/// Something that a metric holds against a clip, at a time and a place.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Moment {
    /// The metric.
    pub metric: String,
    /// What was seen, in few words.
    pub what: String,
    /// Time in seconds, of the video's own timestamps.
    pub time: f64,
    /// Where, in shares of the width and the height from the top left; none for the whole picture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<[f64; 2]>,
    /// How much; larger is worse, the unit is the component's own.
    pub value: f64,
}

/// Components and moments as they are measured.
#[derive(Default)]
pub struct Notes {
    pub(super) components: BTreeMap<String, f64>,
    pub(super) worst: Vec<Moment>,
}

impl Notes {
    /// Notes a component; one that is no number counts as 0.
    pub(super) fn put(&mut self, metric: &str, name: &str, value: f64) {
        let value = if value.is_finite() { value } else { 0.0 };
        self.components.insert(format!("{metric}.{name}"), value);
    }

    /// Notes the worst few of `moments` (time, place, value) over `limit`, worst first, earlier ones first where
    /// they are equal.
    pub(super) fn moments(
        &mut self,
        metric: &str,
        what: &str,
        limit: f64,
        moments: impl IntoIterator<Item = (f64, Option<[f64; 2]>, f64)>,
    ) {
        let mut found: Vec<_> = moments.into_iter().filter(|m| m.2 > limit).collect();
        found.sort_by(|a, b| b.2.total_cmp(&a.2).then(a.0.total_cmp(&b.0)));
        found.truncate(MOST);
        self.worst
            .extend(found.into_iter().map(|(time, place, value)| Moment {
                metric: metric.to_owned(),
                what: what.to_owned(),
                time,
                place,
                value,
            }));
    }
}
