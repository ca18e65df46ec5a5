//! Tests of the splat stage.
