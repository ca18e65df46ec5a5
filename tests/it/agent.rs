//! Tests of the agent stage.
