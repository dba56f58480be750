//! Changing the master key: what an earlier one has sealed is sealed with the first, and then the
//! earlier ones are forgotten.
//!
//! A new key is put into the file by somebody else. Whoever lets things be sealed notices it here,
//! and from then on seals with it. As everything is sealed within the store's one writer, whatever
//! an old key seals lies in its table before the search for such things begins.

use evenkeel_model::tls::Sealed;
use evenkeel_store::{Store, StoreError};
use evenkeel_vault::{Keyring, MasterFileError, MasterKeys};

/// Why a change of the master key is not at its end. It is taken up again where it was.
#[derive(Debug, thiserror::Error)]
pub enum Unfinished {
    /// Something could not be sealed anew.
    #[error("what is sealed could not all be sealed anew")]
    Store(#[from] StoreError),
    /// The file with the keys.
    #[error("the master keys are as they were")]
    File(#[from] MasterFileError),
}

/// Takes in the keys that stand in the ring's file, and ends a change of them that was begun: when
/// this returns, the file has one key, and everything that can be opened is sealed with it. Does
/// nothing if no change was begun, or if the ring has no file.
///
/// # Errors
///
/// [`Unfinished`]: it may be called again.
pub async fn finish(store: &Store, keyring: &Keyring) -> Result<(), Unfinished> {
    keyring.reread()?;
    // Yet another key may come while things are sealed with the last one.
    while keyring.keys().ids().len() > 1 {
        seal_anew(store, keyring).await?;
        keyring.forget_old()?;
        tracing::info!(key = %keyring.keys().ids()[0], "everything is sealed with this master key");
    }
    Ok(())
}

async fn seal_anew(store: &Store, keyring: &Keyring) -> Result<(), StoreError> {
    let anew = {
        let keyring = keyring.clone();
        move |sealed: &Sealed| anew(&keyring.keys(), sealed)
    };
    let mut after = None;
    loop {
        let anew = anew.clone();
        after = store.reseal_material(after, move |it| anew(&it.sealed)).await?;
        if after.is_none() {
            break;
        }
    }
    let mut after = None;
    loop {
        let anew = anew.clone();
        after = store.reseal_secrets(after, move |it| anew(it.sealed.as_ref()?)).await?;
        if after.is_none() {
            return Ok(());
        }
    }
}

/// Nothing for what is sealed with the first key, and for what none of them opens: no key that is
/// kept would help it.
fn anew(keys: &MasterKeys, sealed: &Sealed) -> Option<Sealed> {
    if keys.is_current(sealed) {
        return None;
    }
    let resealed = keys.reseal(sealed).ok();
    if resealed.is_none() {
        tracing::error!("something sealed was left as it is, because no master key opens it");
    }
    resealed
}
