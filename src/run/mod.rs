//! A batch: rows, signals, exit codes.
