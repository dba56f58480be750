//! The master keys, and whether they are those of the database.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::bail;
use evenkeel_model::tls::{Sealed, SealedMaterial};
use evenkeel_store::{KeptSecret, Store};
use evenkeel_vault::Keyring;

/// The keys that the secrets in the store are sealed with. Made with the first store, and not in the
/// place of some that are lost. Others are refused: what they sealed would be lost in its turn when
/// the right ones are back.
///
/// # Errors
///
/// They are lost, or another database's; or the file cannot be used.
pub(crate) async fn keyring(store: &Store, path: &Path) -> anyhow::Result<Keyring> {
    if !path.exists() && has_secrets(store).await? {
        bail!(
            "{} is missing, without which the certificates in the database cannot be opened; bring \
             it back from a copy, or choose another database",
            path.display()
        );
    }
    let keyring = Keyring::open_or_make(path)?;
    if are_for_another_store(store, &keyring).await? {
        bail!(
            "{} opens nothing in the database: it is an older copy, or another database's; bring \
             back the last copy, or choose another database",
            path.display()
        );
    }
    Ok(keyring)
}

/// Whether there is something sealed, and none of the first of it opens.
async fn are_for_another_store(store: &Store, keyring: &Keyring) -> anyhow::Result<bool> {
    let (some, opens) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let look = {
        let (keys, some, opens) = (keyring.keys(), Arc::clone(&some), Arc::clone(&opens));
        move |sealed: &Sealed| {
            some.store(true, Ordering::Relaxed);
            opens.fetch_or(keys.reseal(sealed).is_ok(), Ordering::Relaxed);
        }
    };
    let look_too = look.clone();
    let material = move |it: &SealedMaterial| {
        look(&it.sealed);
        None
    };
    store.reseal_material(None, material).await?;
    let secret = move |it: &KeptSecret| {
        it.sealed.iter().for_each(&look_too);
        None
    };
    store.reseal_secrets(None, secret).await?;
    Ok(some.load(Ordering::Relaxed) && !opens.load(Ordering::Relaxed))
}

async fn has_secrets(store: &Store) -> anyhow::Result<bool> {
    let material = store.reseal_material(None, |_| None).await?;
    Ok(material.is_some() || store.reseal_secrets(None, |_| None).await?.is_some())
}
