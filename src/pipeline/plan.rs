//! What a run would do and cost, before it does anything.

use std::collections::BTreeMap;

use serde::Serialize;

use super::Config;
use crate::generate::{Providers, Quote};
use crate::manifest::{Fault, Manifest, Place, Prompt, cut};
use crate::providers::{self, Needs, Provider};

/// What a run would do: the first round surely, the others unless a world is accepted before.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Plan {
    /// Rows.
    pub rows: usize,
    /// Its parts, by provider.
    pub providers: BTreeMap<String, Share>,
    /// Rows that would fail at once, with the reason.
    pub faults: Vec<RowFault>,
}

/// What one provider would be asked for.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Share {
    /// Rows.
    pub rows: usize,
    /// All of the first rounds.
    pub first_round: Amount,
    /// All rounds that the rows may have.
    pub at_most: Amount,
    /// Days of the prices, `YYYY-MM-DD`; none for what is free.
    pub prices_as_of: Vec<String>,
}

/// Takes, their seconds and their cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Amount {
    /// Takes.
    pub takes: u64,
    /// Seconds of video that is generated; files that exist have a length of their own and count as 0.
    pub seconds: f64,
    /// US dollars of the takes whose price is known.
    pub usd: f64,
    /// Takes whose price is not known.
    pub takes_without_price: u64,
}

impl Amount {
    fn add(&mut self, other: Self, times: u32) {
        let n = f64::from(times);
        self.takes += other.takes * u64::from(times);
        self.seconds += other.seconds * n;
        self.usd += other.usd * n;
        self.takes_without_price += other.takes_without_price * u64::from(times);
    }
}

/// A row that would fail, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RowFault {
    /// Its id.
    pub id: String,
    /// Its line in the manifest.
    pub line: usize,
    /// In words, with the mend.
    pub message: String,
}

impl Plan {
    /// Plans the rows: asks each provider what it would refuse and what it would charge, and nothing else.
    pub fn new(rows: &[Prompt], config: &Config, providers: &Providers) -> Self {
        let mut plan = Self {
            rows: rows.len(),
            ..Self::default()
        };
        for row in rows {
            if let Err(error) = plan.add(row, config, providers) {
                plan.faults.push(RowFault {
                    id: row.id.clone(),
                    line: row.line,
                    message: format!("{error:#}"),
                });
            }
        }
        plan
    }

    /// All providers' parts in one.
    pub fn total(&self) -> Share {
        let mut total = Share::default();
        for share in self.providers.values() {
            total.rows += share.rows;
            total.first_round.add(share.first_round, 1);
            total.at_most.add(share.at_most, 1);
            total
                .prices_as_of
                .extend(share.prices_as_of.iter().cloned());
        }
        total.prices_as_of.sort();
        total.prices_as_of.dedup();
        total
    }

    fn add(&mut self, row: &Prompt, config: &Config, providers: &Providers) -> anyhow::Result<()> {
        let provider = providers.get(config.provider_of(row))?;
        let request = config.request(row, 1, &row.prompt);
        let requests = provider.requests(&request, row.takes.unwrap_or(config.takes))?;
        let generates = provider.caps(row.model.as_deref()).generates;
        let mut round = Amount::default();
        let mut days = Vec::new();
        for request in &requests {
            provider.check(request)?;
            round.takes += 1;
            if generates {
                round.seconds += request.seconds;
            }
            match provider.quote(request) {
                Quote::Known { usd, as_of } => {
                    round.usd += usd;
                    days.extend((!as_of.is_empty()).then_some(as_of));
                }
                Quote::Unknown => round.takes_without_price += 1,
            }
        }
        let share = self
            .providers
            .entry(provider.name().to_owned())
            .or_default();
        share.rows += 1;
        share.first_round.add(round, 1);
        share.at_most.add(round, config.rounds(row, generates));
        share.prices_as_of.extend(days);
        share.prices_as_of.sort();
        share.prices_as_of.dedup();
        Ok(())
    }
}

impl Config {
    /// Most rounds of a row: its own, else the run's; one where a revised prompt gives no other video.
    pub fn rounds(&self, row: &Prompt, generates: bool) -> u32 {
        match generates {
            true => row.iterations.unwrap_or(self.max_iterations),
            false => 1,
        }
    }

    /// Takes out the rows whose provider is unknown or lacks what it makes takes from, and adds their faults.
    pub fn check(&self, manifest: &mut Manifest) {
        for (name, places) in &manifest.providers {
            if providers::find(name).is_none() {
                let message = unknown(name);
                let fault = |place: &Place| Fault {
                    line: place.line,
                    column: place.column,
                    field: "provider".to_owned(),
                    message: message.clone(),
                };
                manifest.faults.extend(places.iter().map(fault));
            }
        }
        let faults = &mut manifest.faults;
        manifest.rows.retain(|row| {
            let name = self.provider_of(row);
            let lacks = match providers::find(name) {
                // Told above, with its place.
                None if row.provider.is_some() => return false,
                Some(Provider {
                    needs: Needs::Video,
                    ..
                }) => row.video.is_none().then_some(Needs::Video),
                _ => row.prompt.is_empty().then_some(Needs::Prompt),
            };
            faults.extend(lacks.map(|needs| lacking(row, name, needs)));
            lacks.is_none()
        });
        faults.sort_by_key(|fault| (fault.line, fault.column));
    }
}

/// That there is no such provider, and which may be meant.
fn unknown(name: &str) -> String {
    let lower = name.chars().take(40).collect::<String>().to_lowercase();
    let near = providers::NAMES
        .iter()
        .find(|known| strsim::damerau_levenshtein(known, &lower) <= 2);
    let hint = near.map_or_else(String::new, |name| format!("; did you mean '{name}'?"));
    format!(
        "'{}' is no provider; use one of {}{hint}",
        cut(name),
        providers::NAMES.join(", ")
    )
}

/// That a row has nothing for its provider, and which provider would do with what it has.
fn lacking(row: &Prompt, name: &str, needs: Needs) -> Fault {
    let (field, what) = match needs {
        Needs::Prompt => ("prompt", "a prompt; write one"),
        Needs::Video => ("video", "a `video`; name one"),
    };
    let other = providers::TABLE.iter().find(|other| other.needs != needs);
    let mend = other.map_or_else(String::new, |other| {
        format!(", or use --provider {}", other.name)
    });
    Fault {
        line: row.line,
        column: None,
        field: field.to_owned(),
        message: format!("the {name} provider needs {what}{mend}"),
    }
}
