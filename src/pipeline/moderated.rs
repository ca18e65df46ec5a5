//! Rounds whose every take was refused for its prompt: the reviser is told why.

use super::made::Made;
use super::step::{Facts, NetworkIds};
use super::{Config, Context, Round, StepError, steps};
use crate::record::IterationResult;
use crate::revise::{Found, Revision, revise};
use crate::score::Scores;
use crate::store::{Recipe, StepRecord, read_json};

/// The provider's words, by take, where an earlier start had this round's prompt refused and went on to the next round.
pub(super) fn refused_before(context: &Context<'_>, round: &Round<'_>) -> Option<Words> {
    let next = context
        .run
        .iteration(&round.row.id, round.iteration + 1)
        .exists();
    let at = round.at(steps::REVISION.name);
    let record = context.run.record(&at).ok().flatten().filter(|_| next)?;
    refused(&record, round)
}

/// The provider's words where a record says that it refused this round's prompt.
pub(super) fn refused(record: &StepRecord, round: &Round<'_>) -> Option<Words> {
    let recipe = &record.recipe;
    let same = recipe.options.get("prompt")?.as_str() == Some(&round.prompt);
    let words = recipe.options.get("refusal")?.clone();
    serde_json::from_value(words).ok().filter(|_| same)
}

/// What a provider said of each take.
pub(super) type Words = Vec<(u32, String)>;

/// The recipe of the verdict on such a round.
pub(super) fn moderation(config: &Config, round: &Round<'_>, words: &Words) -> Recipe {
    let facts = Facts {
        config,
        networks: &NetworkIds::default(),
        round,
        rate: None,
    };
    let recipe = Made::default().recipe(&steps::REVISION, 1, &facts);
    recipe.option("refusal", words)
}

/// A round whose every take was refused for its prompt: the reviser is told why.
pub(super) fn moderated(
    context: &Context<'_>,
    round: &Round<'_>,
    words: &Words,
) -> Result<(IterationResult, Revision), StepError> {
    let at = round.at(steps::REVISION.name);
    let judge = || -> anyhow::Result<_> {
        let config = context.config;
        let recipe = moderation(config, round, words);
        let mut said: Vec<&str> = words.iter().map(|(_, words)| words.as_str()).collect();
        said.dedup();
        let said = said.join("; ");
        let mut result = IterationResult::of(round, &[], &[], context.run.root());
        context.once(&at, &recipe, &mut result.work, |scratch, _| {
            let found = Found::Refused {
                reason: "moderation",
                words: &said,
            };
            let scores = Scores::default();
            let revision = revise(
                &round.prompt,
                round.iteration,
                &scores,
                found,
                &config.accept,
            )?;
            scratch.write_json("revision.json", &revision)?;
            Ok(revision.explanation)
        })?;
        let revision: Revision =
            read_json(&context.run.get(&at.id, at.iteration, "revision.json")?)?;
        result.refusal = Some(format!("refused by the provider's moderation: {said}"));
        result.failed_takes = words.iter().cloned().collect();
        result.judged(&revision);
        Ok((result, revision))
    };
    judge().map_err(|e| StepError::new(&at.step, e))
}
