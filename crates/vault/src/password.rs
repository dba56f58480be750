//! Passwords as they are kept: stretched, so that who steals them has to guess.

use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;

use aws_lc_rs::{pbkdf2, rand};
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD as BASE64;

/// How often a new password is stretched (OWASP's advice for PBKDF2 with SHA-256).
const ROUNDS: NonZeroU32 = NonZeroU32::new(600_000).expect("more than none");

/// What a kept password may cost at most, a few seconds of one core.
const MOST_ROUNDS: u32 = 10_000_000;

/// How the text of a kept password begins.
const SCHEME: &str = "pbkdf2-sha256";

/// What is kept of a password.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PasswordHash {
    rounds: NonZeroU32,
    salt: [u8; 16],
    hash: [u8; 32],
}

/// No kept password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is no password as evenkeel keeps it; make one with evenkeel password")]
pub struct NotAHash;

impl PasswordHash {
    /// What to keep of `password`. Another text each time.
    pub fn of(password: &[u8]) -> Self {
        let mut salt = [0; 16];
        rand::fill(&mut salt).expect("the system gives random bytes");
        let mut hash = [0; 32];
        pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, ROUNDS, &salt, password, &mut hash);
        Self { rounds: ROUNDS, salt, hash }
    }

    /// Whether it was made of `password`. Takes some tenths of a second of work, by design.
    pub fn is_of(&self, password: &[u8]) -> bool {
        let Self { rounds, salt, hash } = self;
        pbkdf2::verify(pbkdf2::PBKDF2_HMAC_SHA256, *rounds, salt, password, hash).is_ok()
    }

    /// One that no password leads to, for users that do not exist: a refusal takes as long then.
    pub const fn of_nobody() -> Self {
        Self { rounds: ROUNDS, salt: [0; 16], hash: [0; 32] }
    }
}

/// As it stands in a file: `pbkdf2-sha256:ROUNDS:SALT:HASH`.
impl fmt::Display for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (salt, hash) = (BASE64.encode(self.salt), BASE64.encode(self.hash));
        write!(f, "{SCHEME}:{}:{salt}:{hash}", self.rounds)
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(kept password)")
    }
}

impl FromStr for PasswordHash {
    type Err = NotAHash;

    fn from_str(text: &str) -> Result<Self, NotAHash> {
        let mut parts = text.split(':');
        let mut part = || parts.next().ok_or(NotAHash);
        if part()? != SCHEME {
            return Err(NotAHash);
        }
        let rounds: NonZeroU32 = part()?.parse().map_err(|_| NotAHash)?;
        let (salt, hash) = (bytes(part()?)?, bytes(part()?)?);
        if rounds.get() > MOST_ROUNDS || parts.next().is_some() {
            return Err(NotAHash);
        }
        Ok(Self { rounds, salt, hash })
    }
}

fn bytes<const N: usize>(text: &str) -> Result<[u8; N], NotAHash> {
    let bytes = BASE64.decode(text).map_err(|_| NotAHash)?;
    bytes.try_into().map_err(|_| NotAHash)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_password_opens_and_the_text_says_the_same() {
        let kept = PasswordHash::of(b"open sesame");
        assert!(kept.is_of(b"open sesame") && !kept.is_of(b"open barley"));
        assert_eq!(kept.to_string().parse(), Ok(kept));
        assert_ne!(PasswordHash::of(b"open sesame"), kept);
        assert!(!format!("{kept:?}").contains("pbkdf2"));
    }

    #[test]
    fn what_is_none_is_refused() {
        for text in [
            "",
            "secret",
            "pbkdf2-sha256:0:AAAA:AAAA",
            "pbkdf2-sha256:99999999999:AAAA:AAAA",
            "pbkdf2-sha256:600000:AAAA:AAAA",
        ] {
            assert_eq!(text.parse::<PasswordHash>(), Err(NotAHash), "{text}");
        }
    }
}
