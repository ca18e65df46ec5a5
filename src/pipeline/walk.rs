//! The walk of a row: rounds of takes, the best of which is rebuilt, tested and judged. [`super::steps`] is its table.

use std::sync::Arc;

use futures_util::future::join_all;

use super::left_out::LeftOut;
use super::moderated::{Words, moderated, refused_before};
use super::result::conclude;
use super::{Context, Desk, Round, Scored, Stages, StepError, Take};
use crate::generate::Providers;
use crate::lane::{Lane, Urgency};
use crate::manifest::Prompt;
use crate::record::{Event, IterationResult, RowResult};
use crate::revise::Revision;

/// Walks rows; many at once.
pub struct Walk<'w, 'e, S> {
    /// What every part shares.
    pub context: Context<'e>,
    /// Where takes come from.
    pub providers: &'e Providers,
    /// How many takes may be asked for at once.
    pub desk: &'w Desk,
    /// The lane of the GPUs.
    pub lane: &'w Lane<'e, S>,
}

impl<'e, S: Stages> Walk<'_, 'e, S> {
    /// One row, all rounds.
    ///
    /// # Errors
    /// [`StepError`] with the step that failed or was interrupted.
    pub async fn row(&self, row: &'e Prompt, index: usize) -> Result<RowResult, StepError> {
        let config = self.context.config;
        let provider = self
            .providers
            .get(config.provider_of(row))
            .map_err(|e| StepError::new("start", e))?;
        let generates = provider.caps(row.model.as_deref()).generates;
        let rounds = config.rounds(row, generates);
        let mut prompt = row.prompt.clone();
        let mut iterations = Vec::new();
        let mut end = "no round left";
        for iteration in 1..=rounds {
            let round = Arc::new(Round {
                row,
                index,
                iteration,
                prompt,
            });
            let started = Event::IterationStarted {
                id: row.id.clone(),
                iteration,
                prompt: round.prompt.clone(),
            };
            let events = self.context.events;
            match events.before().is_done(&row.id) {
                true => events.tell_again(started),
                false => events.tell(started),
            }
            let (result, revision) = match self.round(&round).await {
                Ok(done) => done,
                Err(mut error) => {
                    error.before = iterations;
                    return Err(error);
                }
            };
            iterations.push(result);
            if revision.accepted {
                break;
            }
            if revision.changes.is_empty() {
                end = "no rule has anything to add";
                break;
            }
            prompt = revision.revised_prompt;
        }
        if !generates {
            end = "a file cannot be generated again";
        }
        Ok(conclude(row, iterations, end))
    }

    async fn round(
        &self,
        round: &Arc<Round<'e>>,
    ) -> Result<(IterationResult, Revision), StepError> {
        let requests = self.requests(round)?;
        let context = &self.context;
        // Once the next round was begun, a prompt that was refused is not tried again: the rounds after it are paid for.
        if let Some(words) = refused_before(context, round) {
            return moderated(context, round, &words);
        }
        let left_out = &LeftOut::load(context, round).map_err(|e| StepError::new("start", e))?;
        // All takes are asked for at once; each is scored as soon as it is there.
        let takes = requests
            .iter()
            .zip(1..)
            .map(|(request, number)| async move {
                if let Some(error) = left_out.reason(context, round, number, request) {
                    return Err(error);
                }
                // Held until the take is scored: takes do not pile up before a busy lane.
                let (take, _waits) = self.take(round, number, request).await?;
                self.score(round, take).await
            });
        let mut scored = Vec::new();
        let mut failed = Vec::new();
        for (take, number) in join_all(takes).await.into_iter().zip(1..) {
            match take {
                Ok(take) => scored.push(take),
                Err(error) => failed.push((number, error)),
            }
        }
        // The round goes on without the takes that failed, unless that is all of them or the run ends.
        let interrupted = self.context.stopped();
        let words = failed
            .iter()
            .map(|(number, e)| Some((*number, e.moderation()?.to_owned())));
        if let (true, false, Some(words)) = (
            scored.is_empty(),
            interrupted,
            words.collect::<Option<Words>>(),
        ) && !words.is_empty()
        {
            return moderated(context, round, &words);
        }
        let fatal = failed.iter().any(|(_, e)| e.is_fatal());
        if (scored.is_empty() || interrupted || fatal) && !failed.is_empty() {
            let worst = failed.iter().position(|(_, e)| e.is_fatal()).unwrap_or(0);
            return Err(failed.swap_remove(worst).1);
        }
        LeftOut::save(context, round, &requests, &failed)
            .map_err(|e| StepError::new("takes", e))?;
        for (_, e) in &failed {
            let at = round.at(&e.step);
            let message = format!("failed: {:#}; the round goes on without it", e.error);
            self.context.events.tell(Event::Warned { at, message });
        }
        let (mut result, revision) = self.rebuild(round, scored).await?;
        result.failed_takes = failed
            .into_iter()
            .map(|(number, e)| (number, format!("{:#}", e.error)))
            .collect();
        Ok((result, revision))
    }

    async fn score(&self, round: &Arc<Round<'e>>, take: Take) -> Result<Scored, StepError> {
        let urgency = Urgency {
            class: 1,
            row: round.index,
        };
        let step = format!("scores-{}", take.number);
        let round = round.clone();
        let done = self
            .lane
            .run(urgency, move |stages| stages.score(&round, take));
        done.await.map_err(|words| broke(&step, &words))?
    }

    async fn rebuild(
        &self,
        round: &Arc<Round<'e>>,
        takes: Vec<Scored>,
    ) -> Result<(IterationResult, Revision), StepError> {
        let urgency = Urgency {
            class: 0,
            row: round.index,
        };
        let round = round.clone();
        let done = self
            .lane
            .run(urgency, move |stages| stages.rebuild(&round, takes));
        done.await.map_err(|words| broke("rebuild", &words))?
    }
}

fn broke(step: &str, words: &str) -> StepError {
    let error = anyhow::anyhow!("the program broke ({words}); please report it");
    StepError::new(step, error)
}
