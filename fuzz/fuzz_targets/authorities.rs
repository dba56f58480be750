//! Certificates of authorities, and lists of what they have revoked.

#![no_main]

use std::sync::LazyLock;

use evenkeel_vault::fixtures::Authority;
use evenkeel_vault::{Authorities, rereading};

static ROOT: LazyLock<Authorities> = LazyLock::new(|| {
    let root = Authority::new("Root");
    Authorities::read(root.certificate().as_bytes()).expect("openssl has made the certificate")
});

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| rereading::authorities(bytes, &ROOT));
