//! Manifest rows from CSV and JSON Lines.
