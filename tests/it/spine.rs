//! Tests of the spine stage.
