//! The providers of this program, in one table: a new one is its file and its line here.

use std::sync::Arc;

use crate::generate::files::Files;
use crate::generate::local::Local;
use crate::generate::{Providers, VideoProvider};
use crate::gpu::AdapterChoice;
use crate::mock::{self, MockProvider};

/// What a provider needs of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    /// Something in its `prompt`.
    Prompt,
    /// Something in its `video`.
    Video,
}

/// One provider.
#[derive(Debug)]
pub struct Provider {
    /// Its name on the command line and in the `provider` column.
    pub name: &'static str,
    /// What it needs of a row.
    pub needs: Needs,
    /// What it is, in words.
    pub about: &'static str,
    /// Opens it; an adapter is opened only once a take is asked for.
    pub open: fn(&AdapterChoice) -> Arc<dyn VideoProvider>,
}

/// All providers; the first is the default.
pub static TABLE: [Provider; 2] = [
    Provider {
        name: mock::NAME,
        needs: Needs::Prompt,
        about: "Draws a world of its own on this machine, and writes down the truth of it",
        open: |adapter| Arc::new(Local(MockProvider::on(adapter.clone()))),
    },
    Provider {
        name: "files",
        needs: Needs::Video,
        about: "Takes the videos, folders or patterns of images that the row names",
        open: |_| Arc::new(Local(Files)),
    },
];

/// Their names, in this order.
pub static NAMES: [&str; TABLE.len()] = {
    let mut names = [""; TABLE.len()];
    let mut i = 0;
    while i < names.len() {
        names[i] = TABLE[i].name;
        i += 1;
    }
    names
};

/// The provider of a name.
pub fn find(name: &str) -> Option<&'static Provider> {
    TABLE.iter().find(|provider| provider.name == name)
}

/// All of them, opened.
pub fn open(adapter: &AdapterChoice) -> Providers {
    let mut all = Providers::default();
    for provider in &TABLE {
        all.add((provider.open)(adapter));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::{AdapterChoice, TABLE, find, open};

    #[test]
    fn each_provider_has_the_name_of_its_line() {
        let all = open(&AdapterChoice::Auto);
        for line in &TABLE {
            assert_eq!(all.get(line.name).expect("opened").name(), line.name);
            assert!(find(line.name).is_some_and(|found| std::ptr::eq(found, line)));
            assert!(!line.about.is_empty());
        }
        assert!(find("nowhere").is_none());
    }
}
