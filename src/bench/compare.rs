//! A result beside an older one.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use super::report::{Device, FORMAT, Report};

/// What an older result tells, as far as it can be read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Old {
    /// Units a second by stage and size.
    rates: BTreeMap<(String, String), f64>,
    format: Option<u64>,
    device: String,
    driver: String,
    kind: String,
    /// As it was used: `--limits`, the kernels' tier, the largest binding in bytes, who decoded; empty in results that
    /// do not tell.
    used: [(&'static str, String); 4],
    finished: bool,
}

/// Bytes of a document, at most: one has some 50 KiB.
const MOST_BYTES: u64 = 16 << 20;

/// Who decoded, without the reason why not the other.
fn who(decoder: &str) -> String {
    decoder
        .split_whitespace()
        .next()
        .unwrap_or_default()
        .to_owned()
}

/// How a device was used, each with its name.
fn used(device: &Device, decoder: Option<&str>) -> [(&'static str, String); 4] {
    // Nothing is told where nothing is known.
    let binding = match device.limits.is_empty() {
        true => String::new(),
        false => device.max_binding.to_string(),
    };
    [
        ("--limits", device.limits.clone()),
        ("the tier of its kernels", device.tier.clone()),
        ("its largest binding in bytes", binding),
        ("the decoder", decoder.map_or(String::new(), who)),
    ]
}

impl Old {
    /// Reads a document of any format, for what it has in common with this one.
    ///
    /// # Errors
    /// In words, when it cannot be read, is damaged, or holds no rate at all.
    pub fn read(path: &Path) -> Result<Self, String> {
        let name = path.display();
        let refused =
            |error: std::io::Error| format!("{name}: {error}; nothing is compared with it");
        // Asked before it is opened: a pipe without a writer would wait for one.
        let about = std::fs::metadata(path).map_err(refused)?;
        if !about.is_file() {
            return Err(format!("{name} is no file; nothing is compared with it"));
        }
        if about.len() > MOST_BYTES {
            return Err(format!(
                "{name} has {} MiB, and no result of `director bench` has over {}; nothing is compared with it",
                about.len() >> 20,
                MOST_BYTES >> 20
            ));
        }
        let bytes = std::fs::read(path).map_err(refused)?;
        let value: Value = serde_json::from_slice(&bytes)
            .map_err(|error| format!("{name} is damaged ({error}); nothing is compared with it"))?;
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let mut rates = BTreeMap::new();
        for entry in value["entries"].as_array().into_iter().flatten() {
            if let Some(rate) = entry["rate"].as_f64().filter(|rate| *rate > 0.0) {
                rates.insert((text(&entry["stage"]), text(&entry["size"])), rate);
            }
        }
        if rates.is_empty() {
            return Err(format!(
                "{name} holds no measurement of `director bench`; nothing is compared with it"
            ));
        }
        let device = &value["device"];
        let then = Device {
            limits: text(&device["limits"]),
            tier: text(&device["tier"]),
            max_binding: device["max_binding"].as_u64().unwrap_or_default(),
            ..Device::default()
        };
        Ok(Self {
            rates,
            format: value["format"].as_u64(),
            device: text(&device["name"]),
            driver: text(&device["driver"]),
            kind: text(&device["kind"]),
            used: used(&then, value["decoder"].as_str()),
            finished: value["finished"].as_bool().unwrap_or(false),
        })
    }

    /// What a person should know before they believe the ratios.
    pub fn notes(&self, report: &Report) -> Vec<String> {
        let device = &report.device;
        let mut notes = Vec::new();
        if self.format != Some(u64::from(FORMAT)) {
            let format = self.format.map_or("none".to_owned(), |f| f.to_string());
            notes.push(format!(
                "the older result has format {format}, this one {FORMAT}: what both have is compared"
            ));
        }
        if (&self.device, &self.kind) != (&device.name, &device.kind) {
            notes.push(format!(
                "the older result is of another device: {} ({}) then, {} ({}) now",
                self.device, self.kind, device.name, device.kind
            ));
        } else if self.driver != device.driver {
            notes.push(format!(
                "the driver was {} then, and is {} now",
                self.driver, device.driver
            ));
        }
        let now = used(device, report.decoder.as_deref());
        for ((name, then), (_, now)) in self.used.iter().zip(now) {
            if !then.is_empty() && !now.is_empty() && *then != now {
                notes.push(format!("{name}: {then} then, {now} now"));
            }
        }
        if !self.finished {
            notes.push("the older result was cut off before its end".to_owned());
        }
        notes
    }

    /// The rate now over the rate then; `None` where one of them was not measured.
    pub fn ratio(&self, stage: &str, size: &str, rate: f64) -> Option<f64> {
        let then = self.rates.get(&(stage.to_owned(), size.to_owned()))?;
        Some(rate / then)
    }

    /// The middle of all ratios (of an even count the mean of the two there), and how many there are.
    pub fn overall(&self, report: &Report) -> Option<(f64, usize)> {
        let mut ratios: Vec<f64> = report
            .entries
            .iter()
            .filter_map(|e| self.ratio(&e.stage, &e.size, e.rate?))
            .collect();
        ratios.sort_by(f64::total_cmp);
        let count = ratios.len();
        let (below, above) = (ratios.get((count.max(1) - 1) / 2)?, ratios.get(count / 2)?);
        Some(((below + above) / 2.0, count))
    }
}

#[cfg(test)]
mod tests {
    use super::super::report::tests::report;
    use super::super::table;
    use super::*;

    fn old(text: &str) -> Result<Old, String> {
        let folder = tempfile::tempdir().expect("tempdir");
        let path = folder.path().join("old.json");
        std::fs::write(&path, text).expect("write");
        Old::read(&path)
    }

    #[test]
    fn ratios_are_of_rates_with_the_same_stage_and_size() {
        let then = report(&[("sort", "2^20", 50.0, None), ("scan", "2^20", 10.0, None)]);
        let old = old(&serde_json::to_string(&then).expect("json")).expect("read");
        let now = report(&[
            ("sort", "2^20", 100.0, None),
            ("sort", "2^22", 7.0, None),
            ("scan", "2^20", 5.0, None),
        ]);
        assert_eq!(old.ratio("sort", "2^20", 100.0), Some(2.0));
        assert_eq!(old.ratio("sort", "2^22", 7.0), None);
        // 2 and .5: the mean of the two in the middle.
        assert_eq!(old.overall(&now), Some((1.25, 2)));
        let mut three = now.clone();
        three.entries.push(now.entries[0].clone());
        assert_eq!(old.overall(&three), Some((2.0, 3)));
        assert_eq!(old.notes(&now), [""; 0]);
        let text = table(&now, Some(&old));
        assert!(text.contains("1.25 times the rate of the older result, in the middle of 2"));
        let row = text
            .lines()
            .find(|l| l.trim_start().starts_with("sort") && l.contains("2^20"));
        assert!(row.expect("a row").trim_end().ends_with("2.00"), "{text}");
    }

    #[test]
    fn a_device_that_was_used_in_another_way_is_told_and_one_that_does_not_tell_is_not() {
        let entry = r#"{"stage": "sort", "size": "2^20", "rate": 50.0}"#;
        let read = |device: &str, decoder: &str| {
            let device = format!(
                r#"{{"name": "a card", "kind": "discrete", "driver": "driver 5", "max_binding": 16777216{device}}}"#
            );
            old(&format!(
                r#"{{"format": 1, "finished": true, "device": {device}, "decoder": {decoder}, "entries": [{entry}]}}"#
            ))
            .expect("read")
        };
        let mut now = report(&[]);
        now.device.limits = "adapter".to_owned();
        now.device.tier = "eight".to_owned();
        now.device.max_binding = 1 << 31;
        now.decoder = Some("cuda (NVDEC, frames stay on the card)".to_owned());
        let low = read(
            r#", "limits": "low", "tier": "plain""#,
            r#""software (as asked for)""#,
        );
        assert_eq!(
            low.notes(&now),
            [
                "--limits: low then, adapter now",
                "the tier of its kernels: plain then, eight now",
                "its largest binding in bytes: 16777216 then, 2147483648 now",
                "the decoder: software then, cuda now",
            ]
        );
        assert_eq!(read("", "null").notes(&now), [""; 0]);
        now.decoder = None;
        now.device.max_binding = 16 << 20;
        let same = read(
            r#", "limits": "adapter", "tier": "eight""#,
            r#""software (x)""#,
        );
        assert_eq!(same.notes(&now), [""; 0]);
    }

    #[test]
    fn what_is_odd_about_the_older_result_is_told_in_a_line_each() {
        let entry = r#"{"stage": "sort", "size": "2^20", "rate": 50.0}"#;
        let other = old(&format!(
            r#"{{"format": 9, "device": {{"name": "a card", "kind": "software", "driver": "driver 4"}}, "entries": [{entry}, 3]}}"#
        ))
        .expect("read");
        let notes = other.notes(&report(&[]));
        assert_eq!(notes.len(), 3, "{notes:?}");
        assert!(notes[0].contains("format 9, this one 1"), "{notes:?}");
        assert!(notes[1].contains("a card (software) then, a card (discrete) now"));
        assert!(notes[2].contains("cut off"));
        assert_eq!(
            other.ratio("sort", "2^20", 25.0),
            Some(0.5),
            "still compared"
        );

        let damaged = old(&format!("{{\"entries\": [{entry}")).expect_err("damaged");
        assert!(
            damaged.contains("old.json is damaged") && !damaged.contains('\n'),
            "{damaged}"
        );
        let foreign = old("[1, 2]").expect_err("foreign");
        assert!(
            foreign.contains("holds no measurement of `director bench`"),
            "{foreign}"
        );
        let folder = tempfile::tempdir().expect("tempdir");
        let words = Old::read(folder.path()).expect_err("a folder");
        assert!(words.contains("is no file; nothing is compared"), "{words}");
        let large = folder.path().join("large.json");
        let file = std::fs::File::create(&large).expect("create");
        file.set_len(MOST_BYTES + (1 << 20)).expect("a sparse file");
        let words = Old::read(&large).expect_err("large");
        assert!(
            words.contains("has 17 MiB") && words.contains("over 16"),
            "{words}"
        );
        let missing = Old::read(Path::new("/nowhere/old.json")).expect_err("missing");
        assert!(missing.starts_with("/nowhere/old.json: "), "{missing}");
    }
}
