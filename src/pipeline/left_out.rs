//! Takes that a round went on without. Once the next round was begun they stay out: one that came late could win, and
//! the rounds after it, which are paid for, would be asked for anew.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{Context, Round, StepError};
use crate::generate::TakeRequest;
use crate::store::{Key, Recipe, StoreError, read_json, write_json};

/// What a round went on without, by take.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct LeftOut {
    takes: BTreeMap<u32, Missing>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Missing {
    /// Hash of the request: another request is another take.
    request: Key,
    step: String,
    error: String,
}

fn hash(request: &TakeRequest) -> Key {
    Recipe::new("left_out").option("request", request).key()
}

fn path(context: &Context<'_>, round: &Round<'_>) -> PathBuf {
    let home = context.run.iteration(&round.row.id, round.iteration);
    home.join("left_out.json")
}

/// The next round has something durable.
fn closed(context: &Context<'_>, round: &Round<'_>) -> bool {
    let next = context.run.iteration(&round.row.id, round.iteration + 1);
    next.exists()
}

impl LeftOut {
    /// What stays out of this round; nothing while it is open.
    pub fn load(context: &Context<'_>, round: &Round<'_>) -> Result<Self, StoreError> {
        let path = path(context, round);
        match path.exists() && closed(context, round) {
            true => read_json(&path),
            false => Ok(Self::default()),
        }
    }

    /// Why a take stays out.
    pub fn reason(
        &self,
        context: &Context<'_>,
        round: &Round<'_>,
        number: u32,
        request: &TakeRequest,
    ) -> Option<StepError> {
        let missing = self.takes.get(&number)?;
        (missing.request == hash(request)).then(|| {
            let error = anyhow::anyhow!(
                "{} (round {} was begun without it; delete {} to try it again, which may change the rounds after it)",
                missing.error,
                round.iteration + 1,
                path(context, round).display()
            );
            StepError::new(&missing.step, error)
        })
    }

    /// Keeps what the round goes on without.
    pub fn save(
        context: &Context<'_>,
        round: &Round<'_>,
        requests: &[TakeRequest],
        failed: &[(u32, StepError)],
    ) -> Result<(), StoreError> {
        let path = path(context, round);
        if closed(context, round) || (failed.is_empty() && !path.exists()) {
            return Ok(());
        }
        let missing = |(number, error): &(u32, StepError)| {
            let request = requests.get(*number as usize - 1)?;
            let missing = Missing {
                request: hash(request),
                step: error.step.clone(),
                error: format!("{:#}", error.error),
            };
            Some((*number, missing))
        };
        let takes = failed.iter().filter_map(missing).collect();
        write_json(&path, &Self { takes })
    }
}
