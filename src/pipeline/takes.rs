//! Prompt -> takes: what a round asks of its provider, and how many may be asked for at once.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{Config, Round, Stages, StepError, Take, Walk, Work};
use crate::event::Event;
use crate::generate::{Delivered, TakeRequest, VideoProvider, job};
use crate::manifest::Prompt;
use crate::store::{Begun, Key, KeyBuilder, read_json, write_json};

/// Limits on what is asked for at once.
#[derive(Debug)]
pub struct Desk {
    providers: BTreeMap<String, Arc<Semaphore>>,
    ahead: Arc<Semaphore>,
}

impl Desk {
    /// The limits of a configuration.
    pub fn new(config: &Config) -> Self {
        let limit = |n: u32| Arc::new(Semaphore::new(n.max(1) as usize));
        Self {
            providers: config
                .providers
                .iter()
                .map(|(name, limits)| (name.clone(), limit(limits.at_once)))
                .collect(),
            ahead: limit(config.takes_ahead),
        }
    }

    /// A place before the lane, and one at the provider.
    async fn places(&self, provider: &str) -> (Place, Place) {
        let ahead = Place::of(Some(&self.ahead)).await;
        let provider = Place::of(self.providers.get(provider)).await;
        (ahead, provider)
    }
}

/// A place that is free again once it is dropped.
#[derive(Debug, Default)]
pub(super) struct Place {
    _permit: Option<OwnedSemaphorePermit>,
}

impl Place {
    async fn of(semaphore: Option<&Arc<Semaphore>>) -> Self {
        let _permit = match semaphore {
            // The semaphores are never closed.
            Some(semaphore) => semaphore.clone().acquire_owned().await.ok(),
            None => None,
        };
        Self { _permit }
    }
}

impl Config {
    /// The provider of a row.
    pub fn provider_of<'s>(&'s self, row: &'s Prompt) -> &'s str {
        row.provider.as_deref().unwrap_or(&self.provider)
    }

    /// What a row asks for in a round: its own settings, else the run's. The seed is the round's first.
    pub fn request(&self, row: &Prompt, iteration: u32, prompt: &str) -> TakeRequest {
        let takes = u64::from(row.takes.unwrap_or(self.takes));
        let seed = row.seed.unwrap_or(self.seed);
        TakeRequest {
            prompt: prompt.to_owned(),
            model: row.model.clone(),
            seed: seed.wrapping_add(u64::from(iteration - 1) * takes),
            seconds: row.seconds.unwrap_or(self.seconds),
            size: row.size.unwrap_or(self.size),
            fps: row.fps.unwrap_or(self.fps),
            video: row.video.clone(),
            reference_image: row.reference_image.clone(),
        }
    }
}

impl<'e, S: Stages> Walk<'_, 'e, S> {
    fn provider(&self, round: &Round<'e>) -> anyhow::Result<&'e dyn VideoProvider> {
        self.providers
            .get(self.context.config.provider_of(round.row))
    }

    /// What the round asks for.
    pub(super) fn requests(&self, round: &Round<'e>) -> Result<Vec<TakeRequest>, StepError> {
        let config = self.context.config;
        let requests = || -> anyhow::Result<_> {
            let request = config.request(round.row, round.iteration, &round.prompt);
            let takes = round.row.takes.unwrap_or(config.takes);
            let requests = self.provider(round)?.requests(&request, takes)?;
            anyhow::ensure!(!requests.is_empty(), "no takes were asked for");
            Ok(requests)
        };
        requests().map_err(|e| StepError::new("take-1", e))
    }

    /// Prompt -> take. The second answer is the take's place before the lane.
    pub(super) async fn take(
        &self,
        round: &Round<'e>,
        number: u32,
        request: &TakeRequest,
    ) -> Result<(Take, Place), StepError> {
        let step = format!("take-{number}");
        self.made(round, number, &step, request)
            .await
            .map_err(|e| StepError::new(&step, e))
    }

    async fn made(
        &self,
        round: &Round<'e>,
        number: u32,
        step: &str,
        request: &TakeRequest,
    ) -> anyhow::Result<(Take, Place)> {
        let context = self.context;
        context.go_on()?;
        let provider = self.provider(round)?;
        let key = key(provider, request).await?;
        let id = &round.row.id;
        let folder = format!("takes/{number}");
        let started = Instant::now();
        let mut place = Place::default();
        let mut summary = String::new();
        let (record, skipped) = match context.run.begin(id, round.iteration, step, &key)? {
            Begun::Done(record) => (record, true),
            Begun::Work(pending) => {
                let (ahead, _provider) = self.desk.places(provider.name()).await;
                place = ahead;
                context.go_on()?;
                let at = round.at(step);
                context.listener.on(&Event::StepStarted { at });
                let target = pending.stage().folder(&folder)?;
                let home = context.run.iteration(id, round.iteration);
                let limits = context.config.providers.get(provider.name());
                let options = job::JobOptions {
                    key: key.0.clone(),
                    record: home.join(format!("jobs/{number}-{}.json", &key.0[..8])),
                    deadline: Duration::from_secs_f64(limits.cloned().unwrap_or_default().deadline),
                    poll: POLL,
                };
                let monitor = crate::event::StageMonitor {
                    listener: context.listener,
                    at,
                    stop: context.stop,
                };
                let mut delivered =
                    job::make(provider, request, &options, &target, &monitor).await?;
                for note in &delivered.notes {
                    context.listener.on(&Event::Warned { at, message: note });
                }
                // Inside the stage the path is temporary; the record names the final one.
                if let Ok(inside) = delivered.video.strip_prefix(&target) {
                    delivered.video = Path::new(&folder).join(inside);
                }
                let file = pending.stage().path(&format!("{folder}/take.json"))?;
                write_json(&file, &delivered)?;
                summary = delivered.video.display().to_string();
                (pending.finish()?, false)
            }
        };
        let mut work = Work::default();
        work.add(step, &record, skipped);
        context.listener.on(&Event::StepDone {
            at: round.at(step),
            skipped,
            seconds: started.elapsed().as_secs_f64(),
            summary: &summary,
        });
        let take = Take {
            number,
            seed: request.seed,
            video: video(&context.run.iteration(id, round.iteration), &folder)?,
            key,
            alone: false,
            work,
        };
        Ok((take, place))
    }
}

/// First and longest wait between two questions to a service.
const POLL: [Duration; 2] = [Duration::from_secs(2), Duration::from_secs(20)];

fn video(home: &Path, folder: &str) -> anyhow::Result<std::path::PathBuf> {
    let delivered: Delivered = read_json(&home.join(folder).join("take.json"))?;
    // A path of the `files` provider is absolute and stays what it is.
    Ok(home.join(delivered.video))
}

/// Key of a take: the request, and what else its provider makes it from.
async fn key(provider: &dyn VideoProvider, request: &TakeRequest) -> anyhow::Result<Key> {
    provider.check(request)?;
    let depends = provider.depends_on(request);
    // A file counts by its content, wherever it lies.
    let plain = TakeRequest {
        video: None,
        reference_image: None,
        ..request.clone()
    };
    let mut key = KeyBuilder::new("take", 1)
        .value(&provider.name())
        .value(&depends.version)
        .kernels(depends.kernels)
        .value(&plain);
    if depends.files.is_empty() {
        return Ok(key.finish());
    }
    // Reading a long video would hold up the other rows.
    let hashed = tokio::task::spawn_blocking(move || {
        for file in &depends.files {
            key = key.path(file)?;
        }
        Ok::<_, crate::store::StoreError>(key.finish())
    });
    Ok(hashed.await??)
}
