//! Rules that turn what agents found into a revised prompt.
