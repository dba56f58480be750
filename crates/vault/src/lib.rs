//! What is secret: sealing it, and certificates with their keys. The only room with cryptography.
//!
//! Keys and certificates are in clear only as a [`Secret`], which cannot be printed or serialised.
//! In the database they are sealed with the [`MasterKeys`], on their way to a node and in its
//! ledger with that node's [`PublicKey`]; only the [`NodeKey`] opens them there.
//!
//! What people bring is read as a [`Bundle`], [`Authorities`] or [`Revocations`] before it is kept.

pub mod authorities;
pub mod bundle;
mod certificate;
mod chain;
mod der;
mod encryption;
#[cfg(feature = "fixtures")]
pub mod fixtures;
pub mod keyring;
pub mod master;
pub mod master_file;
pub mod material;
pub mod node;
pub mod password;
mod pem;
mod pkcs12;
mod private_key;
#[cfg(feature = "fixtures")]
pub mod rereading;
pub mod revocations;
pub mod seal;
pub mod secret;
mod signature;
mod stretch;
pub mod unusable;

pub use authorities::{Authorities, UnusableAuthorities};
pub use bundle::{Bundle, Parts};
pub use keyring::Keyring;
pub use master::{MasterKeyId, MasterKeys};
pub use master_file::MasterFileError;
pub use material::{Material, Piece};
pub use node::{NodeKey, PublicKey};
pub use password::PasswordHash;
pub use revocations::{Revocations, UnusableRevocations};
pub use seal::{Context, Unopenable};
pub use secret::Secret;
pub use unusable::{Pkcs12Fault, Unusable};

#[cfg(test)]
mod tests {
    use evenkeel_model::tls::{MaterialKind, Slot, TlsOwner};
    use evenkeel_model::{ListenerId, ProjectId};
    use uuid::Uuid;

    use super::*;

    fn context(project: &str, reference: &str) -> Context {
        let slot = Slot {
            owner: TlsOwner::Listener(ListenerId::new(Uuid::from_u128(1))),
            kind: MaterialKind::Certificate,
            reference: reference.to_owned().try_into().unwrap(),
        };
        Context::of_slot(&ProjectId::new(project).unwrap(), &slot)
    }

    fn secret() -> Secret {
        Secret::new(b"the key".to_vec())
    }

    #[test]
    fn what_is_sealed_opens_for_what_it_was_sealed_for_and_nothing_else() {
        let (own, other) = (context("p", "a"), context("p", "b"));
        let keys = MasterKeys::generate();
        let sealed = keys.seal(&secret(), &own);
        assert!(keys.open(&sealed, &own) == Ok(secret()));
        assert!(keys.open(&sealed, &other) == Err(Unopenable));
        assert!(keys.open(&sealed, &context("q", "a")) == Err(Unopenable));
        assert!(MasterKeys::generate().open(&sealed, &own) == Err(Unopenable));

        let node = NodeKey::generate();
        let sealed = node.public().seal(&secret(), &own).unwrap();
        assert!(node.open(&sealed, &own) == Ok(secret()));
        assert!(node.open(&sealed, &other) == Err(Unopenable));
        assert!(NodeKey::generate().open(&sealed, &own) == Err(Unopenable));
    }

    #[test]
    fn a_node_key_is_the_same_after_it_was_kept() {
        let node = NodeKey::generate();
        let again = NodeKey::of(node.secret().clone()).ok().unwrap();
        assert_eq!(again.public(), node.public());
        let sealed = node.public().seal(&secret(), &context("p", "a")).unwrap();
        assert!(again.open(&sealed, &context("p", "a")) == Ok(secret()));
        assert!(NodeKey::of(Secret::new(vec![1; 5])).is_err());
    }

    #[test]
    fn what_is_no_key_seals_nothing() {
        for bytes in [vec![], vec![0; 31], vec![7; 33]] {
            let sealed = PublicKey::new(bytes).seal(&secret(), &context("p", "a"));
            assert_eq!(sealed, Err(Unopenable));
        }
    }
}
