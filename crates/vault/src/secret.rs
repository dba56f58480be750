//! Bytes that nobody may see.

use zeroize::Zeroizing;

/// Bytes that nobody may see: they cannot be printed or serialised, and are wiped when dropped.
///
/// ```compile_fail,E0277
/// println!("{:?}", evenkeel_vault::Secret::new(vec![1]));
/// ```
///
/// ```compile_fail,E0277
/// fn say(what: impl std::fmt::Display) {}
/// say(evenkeel_vault::Secret::new(vec![1]));
/// ```
///
/// ```compile_fail,E0277
/// fn send(what: impl serde::Serialize) {}
/// send(evenkeel_vault::Secret::new(vec![1]));
/// ```
///
/// Neither can what has one in it.
///
/// ```compile_fail,E0277
/// println!("{:?}", evenkeel_vault::MasterKeys::generate());
/// ```
///
/// ```compile_fail,E0277
/// println!("{:?}", evenkeel_vault::Bundle::of_secret(b""));
/// ```
#[derive(Clone, PartialEq, Eq)]
#[expect(missing_debug_implementations, reason = "what is secret cannot be printed")]
pub struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    /// These bytes, secret from now on.
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// The bytes, for whoever writes them where they are used.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}
