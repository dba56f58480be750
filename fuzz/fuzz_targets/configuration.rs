//! Texts of tenants, parted by zero bytes, in every field of a graph.

#![no_main]
#![allow(dead_code, reason = "of what graphs are built with, not all is used here")]

#[path = "../../crates/haproxy/tests/behaviour/real.rs"]
mod real;
#[path = "../../crates/haproxy/tests/behaviour/said.rs"]
mod said;
#[path = "../../crates/haproxy/tests/behaviour/world.rs"]
mod world;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let texts =
        bytes.split(|byte| *byte == 0).map(|text| String::from_utf8_lossy(text).into_owned());
    said::holds(&texts.collect::<Vec<_>>());
});
