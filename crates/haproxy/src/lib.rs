//! The default driver: render, start, reload, read statistics.
