//! Tests of the depth stage.
