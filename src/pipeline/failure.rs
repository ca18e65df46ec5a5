//! An error of a row: the step that it struck, and whether it strikes the other rows too.

use crate::generate::GenerateError;
use crate::record::IterationResult;
use crate::store::StoreError;

/// An error and the step it struck.
#[derive(Debug)]
pub struct StepError {
    /// Such as `take-1`.
    pub step: String,
    /// What happened.
    pub error: anyhow::Error,
    /// The row's rounds that were done before.
    pub before: Vec<IterationResult>,
}

impl StepError {
    /// An error of a step.
    pub fn new(step: &str, error: impl Into<anyhow::Error>) -> Self {
        Self {
            step: step.to_owned(),
            error: error.into(),
            before: Vec::new(),
        }
    }

    /// Whether it strikes every row alike, such as a full disk.
    pub fn is_fatal(&self) -> bool {
        let store = |e: &(dyn std::error::Error + 'static)| {
            e.downcast_ref::<StoreError>()
                .is_some_and(StoreError::is_fatal)
        };
        if self.error.chain().any(store) {
            return true;
        }
        // A service's words are about its own disk.
        let local = |e: &GenerateError| {
            matches!(
                e,
                GenerateError::Io { .. } | GenerateError::Encode { .. } | GenerateError::Store(_)
            )
        };
        let mut generated = self.error.chain().filter_map(|e| e.downcast_ref());
        if generated.any(|e| !local(e)) {
            return false;
        }
        // Stages tell of files in words, FFmpeg in its own.
        const FULL: [&str; 5] = [
            "(os error 28)",
            "No space left on device",
            "(os error 122)",
            "Disk quota exceeded",
            "(os error 30)",
        ];
        let full = |e: &(dyn std::error::Error + 'static)| {
            let words = e.to_string();
            FULL.iter().any(|full| words.contains(full))
        };
        self.error.chain().any(full)
    }

    /// The provider's words where it refused the prompt, which is for the reviser.
    pub(super) fn moderation(&self) -> Option<&str> {
        self.error.chain().find_map(|e| match e.downcast_ref() {
            Some(GenerateError::Moderation(words)) => Some(words.as_str()),
            _ => None,
        })
    }
}
