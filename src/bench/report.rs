//! What was found: the JSON document, which `docs/bench.md` describes.

use serde::{Deserialize, Serialize};

use super::{Stage, row};
use crate::gpu::{Gpu, Tier, profile::KernelTime};

/// Format version of the document.
pub const FORMAT: u32 = 1;

/// The device that was measured.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Device {
    /// Name from the driver.
    pub name: String,
    /// `discrete`, `integrated`, `virtual`, `software` or `other`.
    pub kind: String,
    /// `vulkan`, `metal`, `dx12`.
    pub backend: String,
    /// Driver name and version.
    pub driver: String,
    /// Lanes of the smallest and the largest subgroup; none without subgroups.
    pub subgroups: Option<[u32; 2]>,
    /// Bytes of the largest binding that was used: the adapter's, or less by `limits`.
    pub max_binding: u64,
    /// Kernels are timed.
    pub timestamps: bool,
    /// `adapter` or `low`; empty in documents of before it was told.
    #[serde(default)]
    pub limits: String,
    /// What kernels could count on, `plain` or `eight`; empty in documents of before it was told.
    #[serde(default)]
    pub tier: String,
}

impl Device {
    /// An open one, as it is used.
    pub(super) fn of(gpu: &Gpu) -> Self {
        let (adapter, caps) = (gpu.summary(), gpu.caps());
        Self {
            name: adapter.name.clone(),
            kind: adapter.kind.to_owned(),
            backend: adapter.backend.clone(),
            driver: adapter.driver.clone(),
            subgroups: adapter.subgroups.then_some(adapter.subgroup_sizes),
            max_binding: caps.binding,
            timestamps: adapter.timestamps,
            limits: caps.limits.to_string(),
            tier: gpu.tier().unwrap_or(Tier::Plain).to_string(),
        }
    }
}

/// The machine around it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Host {
    /// The processor's name.
    pub cpu: String,
    /// Threads that run at once.
    pub cores: usize,
    /// Memory of the machine.
    pub memory_bytes: Option<u64>,
    /// Operating system and architecture.
    pub system: String,
}

/// What became of one size of a stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Measured.
    Measured,
    /// Left out; the note says why.
    Skipped,
    /// Failed; the note has the error's words.
    Failed,
}

/// Seconds of the runs that count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Times {
    /// In the middle.
    pub median: f64,
    /// Least.
    pub min: f64,
    /// Most.
    pub max: f64,
    /// How many.
    pub repeats: usize,
}

impl Times {
    /// Of at least one run.
    pub fn of(mut seconds: Vec<f64>) -> Option<Self> {
        seconds.sort_by(f64::total_cmp);
        Some(Self {
            median: *seconds.get((seconds.len().max(1) - 1) / 2)?,
            min: *seconds.first()?,
            max: *seconds.last()?,
            repeats: seconds.len(),
        })
    }
}

/// One kernel's part of one run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KernelShare {
    /// Its stem.
    pub kernel: String,
    /// Dispatches.
    pub calls: u64,
    /// Seconds of all of them.
    pub seconds: f64,
    /// Bytes of the buffers that they bound.
    pub bytes: u64,
}

impl From<&KernelTime> for KernelShare {
    fn from(time: &KernelTime) -> Self {
        Self {
            kernel: time.kernel.to_owned(),
            calls: time.calls,
            seconds: time.seconds,
            bytes: time.bytes,
        }
    }
}

/// One size of a stage.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// The stage's name.
    pub stage: String,
    /// The size's name.
    pub size: String,
    /// What the rate counts.
    pub unit: String,
    /// What became of it.
    pub status: Status,
    /// Units of one run.
    pub units: Option<f64>,
    /// Of the runs after the first one, which warms up; of that one where `cold`.
    pub seconds: Option<Times>,
    /// Units a second, by the median.
    pub rate: Option<f64>,
    /// Only the first run was measured.
    pub cold: bool,
    /// Seconds of what went before: clips, uploads.
    pub prepare_seconds: Option<f64>,
    /// Seconds of the first run.
    pub first_seconds: Option<f64>,
    /// Time by kernel of one run, longest first; none where the device has no timestamps.
    pub kernels: Vec<KernelShare>,
    /// Bytes that one run moves at most: buffers bound by its dispatches, copies read and written.
    pub bytes: Option<u64>,
    /// `bytes` a second over the device's copy rate.
    pub copy_share: Option<f64>,
    /// The most bytes of device buffers that were alive at once.
    pub peak_bytes: Option<u64>,
    /// The most memory of the process.
    pub host_peak_bytes: Option<u64>,
    /// That is of this work alone; else of the process since it began.
    pub host_peak_is_own: bool,
    /// Share of the time in which the adapter's lanes had nothing to do; of a row.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idle: Option<f64>,
    /// Who decoded the clip, and why not the other; of `decode`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decoder: Option<String>,
    /// Why it was left out, or the error's words.
    pub note: Option<String>,
}

impl Entry {
    /// One that was not measured.
    pub fn without(stage: &Stage, size: &str, status: Status, note: String) -> Self {
        Self {
            stage: stage.name.to_owned(),
            size: size.to_owned(),
            unit: stage.unit.to_owned(),
            status,
            units: None,
            seconds: None,
            rate: None,
            cold: false,
            prepare_seconds: None,
            first_seconds: None,
            kernels: Vec::new(),
            bytes: None,
            copy_share: None,
            peak_bytes: None,
            host_peak_bytes: None,
            host_peak_is_own: false,
            idle: None,
            decoder: None,
            note: Some(note),
        }
    }
}

/// How fast rows go.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RowSpeed {
    /// The preset.
    pub preset: String,
    /// Seconds of one row of two takes and one round.
    pub seconds: f64,
    /// Rows an hour, one after the other.
    pub per_hour: f64,
    /// The size that it is worked out from, where it was not measured itself.
    pub estimated_from: Option<String>,
}

/// The document.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// [`FORMAT`].
    pub format: u32,
    /// The program's version.
    pub version: String,
    /// The commit that it was built from, where that is known.
    pub commit: Option<String>,
    /// When it began, UTC.
    pub date: String,
    /// The device.
    pub device: Device,
    /// Who was to decode: `auto`, `software` or `cuda`.
    #[serde(default)]
    pub decode: String,
    /// Who decoded, and why not the other; none where that was not measured.
    #[serde(default)]
    pub decoder: Option<String>,
    /// The machine around it.
    pub host: Host,
    /// Only the smallest sizes, once each.
    pub quick: bool,
    /// Minutes that it was given.
    pub minutes: f64,
    /// Seconds in which all kernels were built before anything was timed; little where they were built before and kept.
    pub compile_seconds: Option<f64>,
    /// Kernels that this device does not build, with its words.
    pub compile_failures: Vec<String>,
    /// Bytes a second of the largest copies on the device, read and written.
    pub copy_rate: Option<f64>,
    /// All that was begun, in the order of the stages.
    pub entries: Vec<Entry>,
    /// How fast rows go.
    pub row: Option<RowSpeed>,
    /// A signal came before the end.
    pub interrupted: bool,
    /// It came to its end: of one that was killed the rest is missing.
    pub finished: bool,
    /// Seconds of all.
    pub seconds: f64,
}

impl Report {
    /// Adds an entry, and works out what follows from all of them.
    pub(super) fn add(&mut self, entry: Entry, stages: &[&Stage]) {
        self.entries.push(entry);
        let place = |e: &Entry| {
            let stage = stages.iter().position(|s| s.name == e.stage);
            let sizes = stage.map_or(&[][..], |at| stages[at].sizes);
            (stage, sizes.iter().position(|s| s.name == e.size))
        };
        self.entries.sort_by_key(place);
        let copies = self
            .entries
            .iter()
            .filter(|e| e.stage == super::STAGES[0].name);
        self.copy_rate = copies.filter_map(|e| e.rate).next_back();
        for entry in &mut self.entries {
            entry.copy_share = match (entry.bytes, entry.seconds, self.copy_rate) {
                (Some(bytes), Some(t), Some(rate)) if t.median > 0.0 => {
                    Some(bytes as f64 / t.median / rate)
                }
                _ => None,
            };
        }
        self.decoder = self.entries.iter().find_map(|e| e.decoder.clone());
        self.row = self.row_speed();
    }

    fn row_speed(&self) -> Option<RowSpeed> {
        let cost = |name: &str| Some(row::STAGE.sizes.iter().find(|s| s.name == name)?.cost);
        let rows = self.entries.iter().filter(|e| e.stage == row::STAGE.name);
        let (size, seconds) = rows
            .filter_map(|e| Some((&e.size, e.seconds?.median)))
            .next_back()?;
        let seconds = seconds * cost(row::STANDARD)? / cost(size)?;
        Some(RowSpeed {
            preset: "standard".to_owned(),
            seconds,
            per_hour: 3600.0 / seconds,
            estimated_from: (size != row::STANDARD).then(|| size.clone()),
        })
    }

    /// Whether anything was measured.
    pub fn has_measured(&self) -> bool {
        self.entries.iter().any(|e| e.status == Status::Measured)
    }

    /// Whether a stage failed.
    pub fn has_failed(&self) -> bool {
        self.entries.iter().any(|e| e.status == Status::Failed)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::STAGES;
    use super::*;

    /// A report with these sizes, each of one second a run.
    pub fn report(entries: &[(&str, &str, f64, Option<u64>)]) -> Report {
        let mut report = Report {
            format: FORMAT,
            version: "1".to_owned(),
            commit: None,
            date: String::new(),
            device: Device {
                name: "a card".to_owned(),
                kind: "discrete".to_owned(),
                driver: "driver 5".to_owned(),
                ..Device::default()
            },
            decode: "auto".to_owned(),
            decoder: None,
            host: Host::default(),
            quick: false,
            minutes: 1.0,
            compile_seconds: None,
            compile_failures: Vec::new(),
            copy_rate: None,
            entries: Vec::new(),
            row: None,
            interrupted: false,
            finished: true,
            seconds: 1.0,
        };
        for (name, size, rate, bytes) in entries {
            let stage = STAGES.iter().find(|s| s.name == *name).expect("a stage");
            let entry = Entry {
                seconds: Times::of(vec![1.0]),
                rate: Some(*rate),
                bytes: *bytes,
                idle: None,
                note: None,
                ..Entry::without(stage, size, Status::Measured, String::new())
            };
            report.add(entry, &STAGES);
        }
        report
    }

    #[test]
    fn the_median_is_a_run_that_was_measured() {
        let times = Times::of(vec![3.0, 1.0, 2.0, 10.0]).expect("runs");
        assert_eq!((times.median, times.min, times.max), (2.0, 1.0, 10.0));
        assert_eq!(times.repeats, 4);
        assert_eq!(Times::of(Vec::new()), None);
    }

    #[test]
    fn shares_follow_the_largest_copy_in_whatever_order_they_come() {
        let report = report(&[
            ("sort", "2^20", 1.0, Some(50)),
            ("copy", "64 MiB", 100.0, None),
            ("copy", "16 MiB", 400.0, None),
        ]);
        assert_eq!(report.copy_rate, Some(100.0));
        let names: Vec<&str> = report.entries.iter().map(|e| e.size.as_str()).collect();
        assert_eq!(names, ["16 MiB", "64 MiB", "2^20"]);
        assert_eq!(report.entries[2].copy_share, Some(0.5));
        assert_eq!(report.row, None);
    }

    #[test]
    fn a_standard_row_is_worked_out_from_the_largest_that_was_measured() {
        let cost = |k: usize| row::STAGE.sizes[k].cost;
        let tiny = row::STAGE.sizes[0].name;
        let of = report(&[("row", tiny, 1.0, None)]).row.expect("a row");
        assert_eq!(of.seconds, cost(2) / cost(0));
        assert_eq!(of.estimated_from.as_deref(), Some(tiny));
        let both = [("row", tiny, 1.0, None), ("row", row::STANDARD, 1.0, None)];
        let of = report(&both).row.expect("a row");
        assert_eq!((of.seconds, of.per_hour), (1.0, 3600.0));
        assert_eq!(of.estimated_from, None);
    }

    #[test]
    fn no_name_is_used_twice() {
        let mut names: Vec<_> = STAGES
            .iter()
            .flat_map(|stage| stage.sizes.iter().map(|size| (stage.name, size.name)))
            .collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
        for stage in STAGES {
            let costs: Vec<f64> = stage.sizes.iter().map(|size| size.cost).collect();
            assert!(costs.is_sorted(), "{}: the smallest first", stage.name);
        }
    }
}
