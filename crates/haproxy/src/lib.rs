//! The default driver: render, start, reload, read statistics.

pub mod configuration;
pub mod render;
pub mod writer;
