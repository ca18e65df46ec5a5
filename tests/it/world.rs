//! Tests of the world stage.
