//! One row's loop: the walk.
