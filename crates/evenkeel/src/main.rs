//! The binary: composes the rooms, holds no logic.

fn main() {}
