//! Tests of the mock stage.
