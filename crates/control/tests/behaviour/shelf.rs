//! A key manager of a few lines.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use evenkeel_control::Caller;
use evenkeel_control::key_store::{Found, KeyStore, Unreachable};
use evenkeel_model::text::SecretRef;
use evenkeel_vault::Secret;

/// What is kept under one reference.
#[derive(Clone, Debug)]
pub(crate) enum Kept {
    Secret(String),
    Certificate { certificate: String, private_key: String, passphrase: Option<String> },
}

/// What the projects keep, by project and reference.
#[derive(Debug, Default)]
pub(crate) struct Shelf {
    kept: Mutex<BTreeMap<(String, String), Kept>>,
    fetched: Mutex<Vec<String>>,
    silent: AtomicBool,
}

fn secret(text: &str) -> Secret {
    Secret::new(text.as_bytes().to_vec())
}

impl Shelf {
    /// Keeps something for a project.
    pub(crate) fn put(&self, project: &str, reference: &str, kept: Kept) {
        let key = (project.to_owned(), reference.to_owned());
        self.kept.lock().unwrap().insert(key, kept);
    }

    /// Whether nothing is answered from now on.
    pub(crate) fn silence(&self, silent: bool) {
        self.silent.store(silent, Ordering::Relaxed);
    }

    /// What was asked for since the last time.
    pub(crate) fn take_fetched(&self) -> Vec<String> {
        std::mem::take(&mut *self.fetched.lock().unwrap())
    }
}

#[async_trait]
impl KeyStore for Shelf {
    async fn fetch(
        &self,
        reference: &SecretRef,
        caller: &Caller,
    ) -> Result<Option<Found>, Unreachable> {
        let reference = reference.as_str().to_owned();
        self.fetched.lock().unwrap().push(reference.clone());
        if self.silent.load(Ordering::Relaxed) {
            return Err(Unreachable);
        }
        let project = caller.project.as_ref().map(ToString::to_string).unwrap_or_default();
        let found = self.kept.lock().unwrap().get(&(project, reference)).cloned();
        Ok(found.map(|kept| match kept {
            Kept::Secret(text) => Found::Secret(secret(&text)),
            Kept::Certificate { certificate, private_key, passphrase } => Found::Certificate {
                certificate: secret(&certificate),
                private_key: secret(&private_key),
                intermediates: None,
                passphrase: passphrase.as_deref().map(secret),
            },
        }))
    }
}
