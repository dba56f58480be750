//! `evenkeel password`: what a file keeps of a password.

use std::io::{self, Read};

use anyhow::{Context, ensure};
use evenkeel_vault::{PasswordHash, Secret};

/// The longest password.
const LONGEST: u64 = 1024;

/// Reads a password from standard input, and prints what to keep of it.
pub(crate) fn run() -> anyhow::Result<()> {
    let mut text = String::new();
    let read = io::stdin().take(LONGEST + 1).read_to_string(&mut text);
    read.context("could not read the password from standard input")?;
    // Out of memory with it afterwards.
    let password = Secret::new(text.trim_end_matches(['\n', '\r']).as_bytes().to_vec());
    ensure!(!password.expose().is_empty(), "no password came by standard input");
    ensure!(
        password.expose().len() as u64 <= LONGEST,
        "the password has more than {LONGEST} bytes"
    );
    say(&PasswordHash::of(password.expose()).to_string());
    Ok(())
}

#[expect(clippy::print_stdout, reason = "printing is what the command is for")]
fn say(text: &str) {
    println!("{text}");
}
