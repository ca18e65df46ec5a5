//! Tests of the camera stage.
