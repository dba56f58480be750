//! Where tenants keep their certificates and keys.

use async_trait::async_trait;
use evenkeel_facade::KeyManager;
use evenkeel_facade::key_manager::{Reader, Silent};
use evenkeel_model::text::SecretRef;
use evenkeel_store::SecretKind;
use evenkeel_vault::Secret;

use crate::Caller;

/// What a reference leads to.
#[expect(missing_debug_implementations, reason = "what is secret cannot be printed")]
pub enum Found {
    /// One secret, which holds everything.
    Secret(Secret),
    /// A container with the parts of a certificate.
    Certificate {
        /// The certificate.
        certificate: Secret,
        /// Its key.
        private_key: Secret,
        /// Those between it and its root.
        intermediates: Option<Secret>,
        /// What the key is encrypted with.
        passphrase: Option<Secret>,
    },
}

/// The key manager does not answer now: HTTP 503.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("The key manager does not answer. Please try again.")]
pub struct Unreachable;

/// Whoever has the secrets.
#[async_trait]
pub trait KeyStore: Send + Sync {
    /// What `reference` leads to, with the rights of `caller`; nothing if there is nothing, or it
    /// is not for him: which of the two is not said.
    ///
    /// # Errors
    ///
    /// [`Unreachable`] if that cannot be said now.
    async fn fetch(
        &self,
        reference: &SecretRef,
        caller: &Caller,
    ) -> Result<Option<Found>, Unreachable>;
}

impl From<Silent> for Unreachable {
    fn from(_: Silent) -> Self {
        Self
    }
}

#[async_trait]
impl KeyStore for KeyManager {
    async fn fetch(
        &self,
        reference: &SecretRef,
        caller: &Caller,
    ) -> Result<Option<Found>, Unreachable> {
        let (Some((kind, id)), Some(project)) =
            (Self::object(reference.as_str()), caller.project.as_ref())
        else {
            return Ok(None);
        };
        let reader = Reader { user: &caller.user, project };
        match kind {
            SecretKind::Secret => Ok(self.content(id, reader).await?.map(Found::Secret)),
            SecretKind::Container => {
                let Some(parts) = self.parts(id, reader).await? else { return Ok(None) };
                certificate(self, &parts, reader).await
            }
        }
    }
}

/// The parts of a certificate, each of which `reader` must be able to read.
async fn certificate(
    manager: &KeyManager,
    parts: &[(String, uuid::Uuid)],
    reader: Reader<'_>,
) -> Result<Option<Found>, Unreachable> {
    let mut contents = Vec::new();
    for (name, id) in parts {
        let Some(content) = manager.content(*id, reader).await? else { return Ok(None) };
        contents.push((name.as_str(), content));
    }
    let part = |wanted: &str| {
        contents.iter().find(|(name, _)| *name == wanted).map(|(_, content)| content.clone())
    };
    let (Some(certificate), Some(private_key)) = (part("certificate"), part("private_key")) else {
        return Ok(None);
    };
    Ok(Some(Found::Certificate {
        certificate,
        private_key,
        intermediates: part("intermediates"),
        passphrase: part("private_key_passphrase"),
    }))
}
