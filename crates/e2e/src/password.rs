//! Passwords, as the service keeps them.

use std::io::{Seek, Write};

use anyhow::ensure;
use tokio::process::Command;

use crate::lab;

/// What `evenkeel password` keeps of one.
///
/// # Errors
///
/// The command fails; the message has what it complained of.
pub async fn kept(password: &str) -> anyhow::Result<String> {
    let mut input = tempfile::tempfile()?;
    writeln!(input, "{password}")?;
    input.rewind()?;
    let output = Command::new(lab::binary()?).arg("password").stdin(input).output().await?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}
