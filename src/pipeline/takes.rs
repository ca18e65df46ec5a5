//! Prompt -> takes: what a round asks of its provider, and how many may be asked for at once.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use super::made::{FILES, Made};
use super::{Config, Round, Stages, StepError, Take, Walk, steps};
use crate::generate::{Delivered, TakeRequest, VideoProvider, job};
use crate::manifest::Prompt;
use crate::monitor::Monitor;
use crate::paths::is_list;
use crate::record::{Event, Work};
use crate::store::{At, Begun, Recipe, Stamp, StepRecord, StoreError, read_json};

/// Limits on what is asked for at once: each provider has so many places, and nothing new is asked of any while too
/// many takes wait for the lane. What is under way then is let come in.
#[derive(Debug)]
pub struct Desk {
    providers: BTreeMap<String, Arc<Semaphore>>,
    takes_ahead: usize,
    waiting: watch::Sender<usize>,
}

impl Desk {
    /// The limits of a configuration.
    pub fn new(config: &Config) -> Self {
        let limit = |n: u32| n.max(1) as usize;
        Self {
            providers: config
                .providers
                .iter()
                .map(|(name, l)| (name.clone(), Arc::new(Semaphore::new(limit(l.at_once)))))
                .collect(),
            takes_ahead: limit(config.takes_ahead),
            waiting: watch::Sender::new(0),
        }
    }

    /// A place at the provider, once few enough takes wait for the lane.
    async fn place(&self, provider: &str) -> Option<OwnedSemaphorePermit> {
        let place = match self.providers.get(provider) {
            // The semaphores are never closed.
            Some(places) => places.clone().acquire_owned().await.ok(),
            None => None,
        };
        let mut waiting = self.waiting.subscribe();
        // The sender is here, so the channel is open.
        let _ = waiting.wait_for(|n| *n < self.takes_ahead).await;
        place
    }

    /// Counts a take as waiting for the lane until the answer is dropped.
    fn waits(&self) -> Waits {
        self.waiting.send_modify(|n| *n += 1);
        Waits(self.waiting.clone())
    }
}

/// A take that waits for the lane, or is on it.
#[derive(Debug)]
pub(super) struct Waits(watch::Sender<usize>);

impl Drop for Waits {
    fn drop(&mut self) {
        self.0.send_modify(|n| *n -= 1);
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

    /// Prompt -> take. The second answer is dropped once the take is off the lane; a take of an earlier start has
    /// none.
    pub(super) async fn take(
        &self,
        round: &Round<'e>,
        number: u32,
        request: &TakeRequest,
    ) -> Result<(Take, Option<Waits>), StepError> {
        let at = round.at(&steps::TAKE.called(number));
        self.made(round, number, &at, request)
            .await
            .map_err(|e| StepError::new(&at.step, e))
    }

    async fn made(
        &self,
        round: &Round<'e>,
        number: u32,
        at: &At,
        request: &TakeRequest,
    ) -> anyhow::Result<(Take, Option<Waits>)> {
        let context = self.context;
        context.go_on()?;
        let provider = self.provider(round)?;
        let before = context.run.record(at)?;
        let known = before.map(|record| record.outside).unwrap_or_default();
        let recipe = recipe(provider, round, number, request, known).await?;
        let key = recipe.key();
        let folder = format!("takes/{number}");
        let mut waits = None;
        let mut work = Work::default();
        let record = match context.run.begin(at, &recipe)? {
            Begun::Done(record) => {
                context.done(at, &record, None, &mut work);
                *record
            }
            Begun::Work(pending) => {
                let _place = self.desk.place(provider.name()).await;
                context.go_on()?;
                context.events.tell(Event::StepStarted { at: at.clone() });
                let target = pending.scratch().folder(&folder)?;
                let home = context.run.iteration(&at.id, at.iteration);
                let limits = context.config.providers.get(provider.name());
                let options = job::JobOptions {
                    key: key.0.clone(),
                    record: home.join(format!("jobs/{number}-{}.json", &key.0[..8])),
                    deadline: Duration::from_secs_f64(limits.cloned().unwrap_or_default().deadline),
                    poll: POLL,
                };
                let monitor = context.monitor(at);
                let mut delivered =
                    job::make(provider, request, &options, &target, &monitor).await?;
                for note in &delivered.notes {
                    monitor.warn(note);
                }
                // Inside the scratch the path is temporary; the record names the final one.
                if let Ok(inside) = delivered.video.strip_prefix(&target) {
                    delivered.video = Path::new(&folder).join(inside);
                }
                pending
                    .scratch()
                    .write_json(&format!("{folder}/take.json"), &delivered)?;
                if provider.caps(request.model.as_deref()).paid {
                    context.run.set_aside(at, &folder, &key)?;
                }
                let record = pending.finish()?;
                waits = Some(self.desk.waits());
                let summary = delivered.video.display().to_string();
                context.done(at, &record, Some(summary), &mut work);
                record
            }
        };
        let open = |path: &str| context.run.get(&at.id, at.iteration, path);
        let (video, made) = delivered(open, number, request, &record)?;
        let take = Take {
            number,
            seed: request.seed,
            video,
            made,
            work,
        };
        Ok((take, waits))
    }
}

/// First and longest wait between two questions to a service.
const POLL: [Duration; 2] = [Duration::from_secs(2), Duration::from_secs(20)];

/// The video of a take that is done, and what its step left; `open` finds files of its round.
pub(super) fn delivered(
    open: impl Fn(&str) -> Result<PathBuf, StoreError>,
    number: u32,
    request: &TakeRequest,
    record: &StepRecord,
) -> anyhow::Result<(PathBuf, Made)> {
    let delivered: Delivered = read_json(&open(&format!("takes/{number}/take.json"))?)?;
    let inside = delivered.video.is_relative();
    let file = delivered.video.to_string_lossy().replace('\\', "/");
    let mut made = Made::default();
    made.add(record);
    made.add_video(number, inside.then_some(file.as_str()), record);
    // An input counts by its content: it may lie elsewhere than when the step was done.
    let video = match &request.video {
        Some(video) if !inside => video.clone(),
        _ if inside => open(&file)?,
        _ => delivered.video,
    };
    Ok((video, made))
}

/// The recipe of a take: the request, as far as its provider looks at it, and what else it is made from. Row, round and
/// number are in it, since its key names the job to the provider: no two takes are answered by one.
pub(super) async fn recipe(
    provider: &dyn VideoProvider,
    round: &Round<'_>,
    number: u32,
    request: &TakeRequest,
    known: Vec<Stamp>,
) -> anyhow::Result<Recipe> {
    provider.check(request)?;
    let depends = provider.depends_on(request);
    // A file counts by its content, wherever it lies.
    let plain = TakeRequest {
        video: None,
        reference_image: None,
        ..request.clone()
    };
    let mut recipe = Recipe::new(steps::TAKE.name)
        .version(provider.name(), depends.version)
        .option("row", &round.row.id)
        .option("round", &round.iteration)
        .option("take", &number);
    if depends.request {
        recipe = recipe.option("request", &plain);
    }
    for kernel in depends.kernels {
        recipe = recipe.kernel(kernel.stem, kernel.sha256());
    }
    if depends.files.is_empty() {
        return Ok(recipe);
    }
    let mut files = depends.files;
    if let Some(video) = &request.video {
        files.extend(beside(video));
    }
    // Reading a long video would hold up the other rows.
    let hashed = tokio::task::spawn_blocking(move || recipe.outside(FILES, &files, &known));
    Ok(hashed.await??)
}

/// Files in the parent of an input folder that tell of its cameras.
fn beside(video: &Path) -> Vec<PathBuf> {
    // The real one, where the folder was given as a link.
    let real = video.canonicalize().unwrap_or_else(|_| video.to_owned());
    let Some(parent) = real.parent().filter(|_| video.is_dir() && !is_list(video)) else {
        return Vec::new();
    };
    let tells = |name: &str| {
        name == "camera-intrinsics.txt"
            || (name.starts_with("transforms") && name.ends_with(".json"))
    };
    let entries = std::fs::read_dir(parent).into_iter().flatten().flatten();
    let mut found: Vec<PathBuf> = entries
        .filter(|entry| entry.file_name().to_str().is_some_and(tells))
        .map(|entry| entry.path())
        .collect();
    found.sort();
    found
}
