//! The providers that a run may use, by name.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::VideoProvider;

/// The providers that a run may use.
#[derive(Clone, Default)]
pub struct Providers(BTreeMap<String, Arc<dyn VideoProvider>>);

impl Providers {
    /// Adds a provider under its own name.
    pub fn add(&mut self, provider: Arc<dyn VideoProvider>) {
        self.0.insert(provider.name().to_owned(), provider);
    }

    /// The provider of a name.
    ///
    /// # Errors
    /// The names that there are.
    pub fn get(&self, name: &str) -> anyhow::Result<&dyn VideoProvider> {
        match self.0.get(name) {
            Some(provider) => Ok(provider.as_ref()),
            None => anyhow::bail!(
                "there is no provider '{name}'; there are {}",
                self.0.keys().cloned().collect::<Vec<_>>().join(", ")
            ),
        }
    }
}

impl std::fmt::Debug for Providers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}
