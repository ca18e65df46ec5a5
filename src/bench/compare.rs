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
    finished: bool,
}

impl Old {
    /// Reads a document of any format, for what it has in common with this one.
    ///
    /// # Errors
    /// In words, when it cannot be read, is damaged, or holds no rate at all.
    pub fn read(path: &Path) -> Result<Self, String> {
        let name = path.display();
        let bytes = std::fs::read(path).map_err(|error| format!("{name}: {error}"))?;
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
        Ok(Self {
            rates,
            format: value["format"].as_u64(),
            device: text(&device["name"]),
            driver: text(&device["driver"]),
            kind: text(&device["kind"]),
            finished: value["finished"].as_bool().unwrap_or(false),
        })
    }

    /// What a person should know before they believe the ratios.
    pub fn notes(&self, device: &Device) -> Vec<String> {
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

    /// The middle of all ratios, and how many there are.
    pub fn overall(&self, report: &Report) -> Option<(f64, usize)> {
        let mut ratios: Vec<f64> = report
            .entries
            .iter()
            .filter_map(|e| self.ratio(&e.stage, &e.size, e.rate?))
            .collect();
        ratios.sort_by(f64::total_cmp);
        let middle = *ratios.get((ratios.len().max(1) - 1) / 2)?;
        Some((middle, ratios.len()))
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
        assert_eq!(old.overall(&now), Some((0.5, 2)));
        assert_eq!(old.notes(&now.device), [""; 0]);
        let text = table(&now, Some(&old));
        assert!(text.contains("0.50 times the rate of the older result, in the middle of 2"));
        let row = text
            .lines()
            .find(|l| l.trim_start().starts_with("sort") && l.contains("2^20"));
        assert!(row.expect("a row").trim_end().ends_with("2.00"), "{text}");
    }

    #[test]
    fn what_is_odd_about_the_older_result_is_told_in_a_line_each() {
        let entry = r#"{"stage": "sort", "size": "2^20", "rate": 50.0}"#;
        let other = old(&format!(
            r#"{{"format": 9, "device": {{"name": "a card", "kind": "software", "driver": "driver 4"}}, "entries": [{entry}, 3]}}"#
        ))
        .expect("read");
        let device = report(&[]).device;
        let notes = other.notes(&device);
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
        let missing = Old::read(Path::new("/nowhere/old.json")).expect_err("missing");
        assert!(missing.starts_with("/nowhere/old.json: "), "{missing}");
    }
}
