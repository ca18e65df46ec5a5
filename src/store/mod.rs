//! A run folder: atomic artifacts and the journal.
