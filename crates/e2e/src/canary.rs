//! A private key that must be nowhere, and the search for it.

use std::fs;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use evenkeel_vault::fixtures::Identity;

/// What a secret key looks like in all the ways in which it could lie somewhere.
#[derive(Debug)]
pub struct Canary(Vec<Needle>);

#[derive(Debug)]
struct Needle {
    form: String,
    text: String,
}

/// Bytes as characters, so that text and bytes are searched alike.
fn characters(bytes: &[u8]) -> String {
    bytes.iter().copied().map(char::from).collect()
}

fn hex(bytes: &[u8], between: &str) -> String {
    let pairs: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    pairs.join(between)
}

/// What base64 of anything has in it that has `secret` at any place in it.
fn within_base64(secret: &[u8], encode: impl Fn(&[u8]) -> String) -> [String; 3] {
    [0, 1, 2].map(|skipped| {
        let whole = &secret[skipped..];
        encode(&whole[..whole.len() / 3 * 3])
    })
}

impl Canary {
    /// The key of an identity, which is of P-256.
    ///
    /// # Errors
    ///
    /// Its key is none in PKCS#8.
    pub fn of(identity: &Identity) -> anyhow::Result<Self> {
        let body = identity.key.lines().filter(|line| !line.starts_with('-'));
        let lines: Vec<&str> = body.collect();
        let der = STANDARD.decode(lines.concat())?;
        // SEC 1, C.4: an octet string of 32 bytes is the private key.
        let at = der.windows(5).position(|it| it == [0x02, 0x01, 0x01, 0x04, 0x20]);
        let start = at.context("no private key of P-256")? + 5;
        let secret = der.get(start..start + 32).context("the key is cut off")?;
        // What follows the secret is the public key, which certificates have as well.
        let secret_ends = (start + 32).div_ceil(3) * 4;
        let lines = &lines[..secret_ends.div_ceil(lines[0].len())];
        let mut needles = vec![
            ("the bytes", characters(secret)),
            ("hex", hex(secret, "")),
            ("HEX", hex(secret, "").to_uppercase()),
            ("hex with colons", hex(secret, ":")),
            ("decimals", format!("{secret:?}").replace(['[', ']'], "")),
            ("DER", characters(&der)),
        ];
        let plain = within_base64(secret, |bytes| STANDARD.encode(bytes));
        let safe = within_base64(secret, |bytes| URL_SAFE.encode(bytes));
        // PEM in base64, as clients send what is not text.
        let twice = lines
            .iter()
            .flat_map(|line| within_base64(line.as_bytes(), |bytes| STANDARD.encode(bytes)));
        needles.extend(plain.into_iter().map(|text| ("base64", text)));
        needles.extend(safe.into_iter().map(|text| ("base64 for URLs", text)));
        needles.extend(twice.map(|text| ("base64 of base64", text)));
        needles.extend(lines.iter().map(|line| ("a line of PEM", (*line).to_owned())));
        let needle = |(form, text): (&str, String)| Needle { form: form.to_owned(), text };
        Ok(Self(needles.into_iter().map(needle).collect()))
    }

    /// Looks for the key in some bytes, also across the ends of lines; how it was found.
    pub fn find(&self, bytes: &[u8]) -> Option<&str> {
        let text = characters(bytes);
        let unbroken: String =
            text.replace("\\n", "").chars().filter(|it| !it.is_ascii_whitespace()).collect();
        let found = self.0.iter().find(|it| text.contains(&it.text) || unbroken.contains(&it.text));
        found.map(|it| it.form.as_str())
    }

    /// Looks for the key in all files below a directory: those that have it, and how.
    ///
    /// # Errors
    ///
    /// A file cannot be read.
    pub fn find_below(&self, directory: &Path) -> anyhow::Result<Vec<(PathBuf, String)>> {
        let mut found = Vec::new();
        for path in files(directory)? {
            // What has gone meanwhile has nothing in it.
            let bytes = fs::read(&path).unwrap_or_default();
            if let Some(form) = self.find(&bytes) {
                found.push((path, form.to_owned()));
            }
        }
        Ok(found)
    }
}

/// All files below a directory, sockets and pipes apart.
///
/// # Errors
///
/// A directory cannot be read.
pub fn files(directory: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        if kind.is_dir() {
            found.extend(files(&entry.path())?);
        } else if !kind.is_socket() && !kind.is_fifo() {
            found.push(entry.path());
        }
    }
    Ok(found)
}

/// Refuses a directory into which others than its owner can look.
///
/// # Errors
///
/// They can.
pub fn is_private(directory: &Path) -> anyhow::Result<()> {
    let mode = fs::metadata(directory)?.permissions().mode() & 0o777;
    ensure!(mode == 0o700, "{} has mode {mode:o}", directory.display());
    Ok(())
}

#[cfg(test)]
mod tests {
    use evenkeel_vault::fixtures::Authority;

    use super::*;

    #[test]
    fn the_key_is_found_however_it_lies_there() -> anyhow::Result<()> {
        let identity = Authority::new("CA").server(&["a.test"]);
        let canary = Canary::of(&identity)?;
        let pem = identity.key.as_bytes();
        let der = STANDARD
            .decode(identity.key.lines().filter(|it| !it.starts_with('-')).collect::<String>())?;
        let wrapped = STANDARD.encode([b"x".as_slice(), &der].concat());
        let narrow: Vec<u8> = wrapped
            .bytes()
            .enumerate()
            .flat_map(|(at, byte)| if at % 20 == 19 { vec![byte, b'\n'] } else { vec![byte] })
            .collect();
        for bytes in [
            pem.to_vec(),
            identity.pem().replace('\n', "\\n").into_bytes(),
            der.clone(),
            hex(&der, "").into_bytes(),
            format!("{der:?}").into_bytes(),
            STANDARD.encode(pem).into_bytes(),
            STANDARD.encode([b"ab".as_slice(), pem].concat()).into_bytes(),
            narrow,
        ] {
            ensure!(canary.find(&bytes).is_some(), "{}", String::from_utf8_lossy(&bytes));
        }
        ensure!(canary.find(identity.certificate.as_bytes()).is_none());
        Ok(())
    }
}
