//! Settings of the kernel's network, of the namespace of the thread that asks.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::change::change;

/// A setting: its path below `/proc/sys/net`, such as `ipv4/ip_forward`, and its value.
pub type Setting<'a> = (&'a str, &'a str);

/// Whether a setting is as it shall be; one that this kernel does not know is.
///
/// # Errors
///
/// The system's.
pub fn is_set((name, value): Setting<'_>) -> io::Result<bool> {
    match fs::read_to_string(path(name)) {
        Ok(text) => Ok(text.trim() == value),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
        Err(error) => Err(error),
    }
}

/// Sets what is not as it shall be.
///
/// # Errors
///
/// The system's.
pub fn ensure(settings: &[Setting<'_>]) -> io::Result<()> {
    for setting in settings {
        if !is_set(*setting)? {
            change(setting.0)?;
            fs::write(path(setting.0), setting.1)?;
        }
    }
    Ok(())
}

fn path(name: &str) -> PathBuf {
    Path::new("/proc/sys/net").join(name)
}
