//! Providers that work on this machine: their job is their request, and the work is done when it is fetched.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::mpsc;

use super::{
    Caps, Delivered, DependsOn, GenerateError, JobHandle, JobState, Polled, Quote, Submission,
    TakeRequest, VideoProvider, consecutive,
};
use crate::monitor::{Monitor, panic_text};

/// Makes takes on this machine, free of charge, in one call that blocks.
pub trait LocalProvider: Clone + Send + Sync + 'static {
    /// Name on the command line and in the `provider` column.
    fn name(&self) -> &str;
    /// A revised prompt gives another video.
    fn generates(&self) -> bool;
    /// As [`VideoProvider::depends_on`].
    fn depends_on(&self, request: &TakeRequest) -> DependsOn;
    /// As [`VideoProvider::check`].
    ///
    /// # Errors
    /// [`GenerateError::Input`] in words.
    fn check(&self, request: &TakeRequest) -> Result<(), GenerateError>;
    /// As [`VideoProvider::requests`]; `None` for `takes` of them with consecutive seeds.
    ///
    /// # Errors
    /// [`GenerateError::Input`] when there is none.
    fn requests(&self, _request: &TakeRequest) -> Result<Option<Vec<TakeRequest>>, GenerateError> {
        Ok(None)
    }
    /// Makes one take, writing its files under `folder` (which exists and is empty).
    ///
    /// # Errors
    /// [`GenerateError`].
    fn generate(
        &self,
        request: &TakeRequest,
        folder: &Path,
        monitor: &dyn Monitor,
    ) -> Result<Delivered, GenerateError>;
}

/// A local provider behind the trait of all.
#[derive(Clone, Debug)]
pub struct Local<P>(pub P);

#[async_trait]
impl<P: LocalProvider> VideoProvider for Local<P> {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn caps(&self, _model: Option<&str>) -> Caps {
        Caps {
            paid: false,
            generates: self.0.generates(),
        }
    }

    fn depends_on(&self, request: &TakeRequest) -> DependsOn {
        self.0.depends_on(request)
    }

    fn requests(
        &self,
        request: &TakeRequest,
        takes: u32,
    ) -> Result<Vec<TakeRequest>, GenerateError> {
        Ok(self
            .0
            .requests(request)?
            .unwrap_or_else(|| consecutive(request, takes)))
    }

    fn check(&self, request: &TakeRequest) -> Result<(), GenerateError> {
        self.0.check(request)
    }

    fn quote(&self, _request: &TakeRequest) -> Quote {
        Quote::Known {
            usd: 0.0,
            as_of: String::new(),
        }
    }

    async fn submit(&self, request: &TakeRequest, key: &str) -> Submission {
        match serde_json::to_value(request) {
            Ok(data) => Submission::Accepted(JobHandle {
                id: key.to_owned(),
                urls: Default::default(),
                data,
            }),
            Err(error) => Submission::Ambiguous(error.to_string()),
        }
    }

    async fn poll(&self, _handle: &JobHandle) -> Result<Polled, GenerateError> {
        Ok(JobState::Done { usd: Some(0.0) }.into())
    }

    async fn fetch(
        &self,
        handle: &JobHandle,
        folder: &Path,
        monitor: &dyn Monitor,
    ) -> Result<Delivered, GenerateError> {
        let request: TakeRequest = serde_json::from_value(handle.data.clone())
            .map_err(|e| GenerateError::Input(format!("the job does not parse: {e}")))?;
        let (provider, folder) = (self.0.clone(), folder.to_owned());
        blocking(monitor, move |monitor| {
            provider.generate(&request, &folder, monitor)
        })
        .await
    }

    async fn cancel(&self, _handle: &JobHandle) -> Result<(), GenerateError> {
        Ok(())
    }
}

enum Told {
    Progress(u64, u64),
    Warn(String),
}

/// What a blocking thread has of the monitor, which it may not borrow.
struct Relay {
    tell: mpsc::UnboundedSender<Told>,
    stop: Arc<AtomicBool>,
}

impl Monitor for Relay {
    fn progress(&self, done: u64, total: u64) {
        let _ = self.tell.send(Told::Progress(done, total));
    }
    fn warn(&self, message: &str) {
        let _ = self.tell.send(Told::Warn(message.to_owned()));
    }
    fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

/// Stops the work when its future is dropped.
struct StopOnDrop(Arc<AtomicBool>);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Runs `work` on a thread that may block, passing on what it tells.
async fn blocking<T: Send + 'static>(
    monitor: &dyn Monitor,
    work: impl FnOnce(&dyn Monitor) -> Result<T, GenerateError> + Send + 'static,
) -> Result<T, GenerateError> {
    const LOOK: Duration = Duration::from_millis(50);
    let (tell, mut told) = mpsc::unbounded_channel();
    let stop = Arc::new(AtomicBool::new(monitor.stopped()));
    let _guard = StopOnDrop(stop.clone());
    let relay = Relay {
        tell,
        stop: stop.clone(),
    };
    let mut thread = tokio::task::spawn_blocking(move || work(&relay));
    let pass = |told: Told| match told {
        Told::Progress(done, total) => monitor.progress(done, total),
        Told::Warn(message) => monitor.warn(&message),
    };
    let result = loop {
        tokio::select! {
            biased;
            Some(news) = told.recv() => pass(news),
            result = &mut thread => break result,
            () = tokio::time::sleep(LOOK) => {}
        }
        // At every turn: news may come faster than the clock.
        if monitor.stopped() {
            stop.store(true, Ordering::Relaxed);
        }
    };
    while let Ok(news) = told.try_recv() {
        pass(news);
    }
    match result {
        Ok(result) => result,
        Err(error) => {
            let words = match error.try_into_panic() {
                Ok(payload) => panic_text(payload.as_ref()),
                Err(error) => error.to_string(),
            };
            Err(GenerateError::Refused(format!(
                "the provider broke: {words}"
            )))
        }
    }
}
