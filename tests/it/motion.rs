//! Tests of the motion stage.
