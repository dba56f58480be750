//! The certificates and keys that a request names: fetched with the caller's rights before the
//! transaction, judged, and sealed within it.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::resume_unwind;
use std::time::Duration;

use evenkeel_api::Fault;
use evenkeel_model::text::SecretRef;
use evenkeel_model::tls::{MaterialId, MaterialKind, SealedMaterial, Slot, TlsOwner};
use evenkeel_model::{ProjectId, Violation};
use evenkeel_store::Furnish;
use evenkeel_vault::unusable::Unusable;
use evenkeel_vault::{
    Authorities, Bundle, Context, Keyring, MasterKeys, Parts, Revocations, Secret,
};
use tokio::sync::Semaphore;
use uuid::Uuid;

use super::call::Call;
use super::fault::Refusal;
use crate::key_store::{Found, KeyStore};

/// How long the key manager may take for all that one request names.
const PATIENCE: Duration = Duration::from_secs(20);

/// How many secrets one request may name; one that is used in two places counts twice, because it is
/// kept twice.
const MOST: usize = 100;

/// Places for those who judge what was fetched. What is encrypted can take a processor for a second
/// or two, as whoever made it likes: neither other requests nor all processors wait for that.
static JUDGES: Semaphore = Semaphore::const_new(2);

const NO_KEY_STORE: &str = "Certificates cannot be used, because no key manager is configured. Ask \
                            the operator to configure one, or use another protocol.";

/// A secret by what it is used as and how it is called.
type Named = (MaterialKind, SecretRef);

type Contents = BTreeMap<Named, Secret>;

impl Call {
    /// What a change of something of `project` brings along, if its request names `slots`.
    pub(crate) async fn furnish(
        &self,
        project: &ProjectId,
        slots: &[Slot],
    ) -> Result<Furnish, Refusal> {
        let named: BTreeSet<Named> =
            slots.iter().map(|slot| (slot.kind, slot.reference.clone())).collect();
        if named.is_empty() {
            return Ok(Furnish::default());
        }
        if slots.len() > MOST {
            let text = format!("A request can name at most {MOST} secrets.");
            return Err(Violation::rule(text).into());
        }
        let Some(store) = self.control.key_store() else {
            return Err(Fault::new(501, NO_KEY_STORE).into());
        };
        let fetching = async { together(self.fetch(store, named).await?, slots).await };
        let contents = tokio::time::timeout(PATIENCE, fetching).await;
        let contents = contents.map_err(|_| unreachable_now())??;
        let brought =
            Brought { contents, project: project.clone(), keyring: self.control.keyring().clone() };
        Ok(Furnish::with(move |slots, there| brought.beside(slots, there)))
    }

    async fn fetch(
        &self,
        store: &dyn KeyStore,
        named: BTreeSet<Named>,
    ) -> Result<Contents, Refusal> {
        let (mut contents, mut missing) = (Contents::new(), Vec::new());
        for named in named {
            let found = store.fetch(&named.1, &self.caller).await.map_err(|error| {
                tracing::warn!(reference = named.1.as_str(), %error, "secret not fetched");
                unreachable_now()
            })?;
            let judged = match found {
                Some(found) => {
                    let named = named.clone();
                    apart(move || judged(&named, found)).await?
                }
                None => None,
            };
            match judged {
                Some(content) => drop(contents.insert(named, content)),
                None => missing.push(format!("'{}'", named.1.as_str())),
            }
        }
        if missing.is_empty() {
            return Ok(contents);
        }
        let text = format!("Could not retrieve certificate: [{}]", missing.join(", "));
        Err(Fault::bad_request(text).into())
    }
}

fn unreachable_now() -> Refusal {
    Refusal::unavailable("The key manager does not answer. Please try again.")
}

/// Judges where that holds up nobody. The place is taken until that is done, also if the request is
/// gone by then.
async fn apart<T: Send + 'static>(
    judge: impl FnOnce() -> Result<T, Refusal> + Send + 'static,
) -> Result<T, Refusal> {
    let place = JUDGES.acquire().await;
    let judging = tokio::task::spawn_blocking(move || {
        let judged = judge();
        drop(place);
        judged
    });
    match judging.await {
        Ok(judged) => judged,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => resume_unwind(panic),
            // Only a runtime that shuts down cancels such work; nobody waits for the answer.
            Err(_) => std::future::pending().await,
        },
    }
}

/// The same, when lists of revocations were judged by the authorities that are named with them.
async fn together(mut contents: Contents, slots: &[Slot]) -> Result<Contents, Refusal> {
    for slot in slots.iter().filter(|it| it.kind == MaterialKind::Revocations) {
        let content = |slot: &Slot| contents.get(&(slot.kind, slot.reference.clone())).cloned();
        let signers = signers_of(slot, slots).and_then(content);
        if let (Some(list), Some(signers)) = (content(slot), signers) {
            let read = apart(move || Ok(revocations(&list, &signers)?)).await?;
            contents.insert((slot.kind, slot.reference.clone()), read);
        }
    }
    Ok(contents)
}

/// Where those are who must have signed what is in `slot`.
fn signers_of<'a>(slot: &Slot, slots: &'a [Slot]) -> Option<&'a Slot> {
    let beside = |it: &&Slot| it.owner == slot.owner && it.kind == MaterialKind::Authorities;
    slots.iter().find(beside)
}

fn revocations(list: &Secret, signers: &Secret) -> Result<Secret, Violation> {
    let read = Revocations::read(list.expose(), &authorities(signers)?);
    read.map(|it| it.pem()).map_err(|unusable| Violation::rule(unusable.to_string()))
}

/// What was found as it is kept; nothing if it is not of the kind that it is used as.
fn judged(named: &Named, found: Found) -> Result<Option<Secret>, Refusal> {
    let content = match (named.0, found) {
        (MaterialKind::Certificate, found) => {
            bundle(&found).map_err(|unusable| unusable_certificate(&named.1, unusable))?.pem()
        }
        (MaterialKind::Authorities, Found::Secret(text)) => authorities(&text)?.pem(),
        // By whom they must be signed is asked when that is known, too.
        (MaterialKind::Revocations, Found::Secret(text)) => text,
        (MaterialKind::Authorities | MaterialKind::Revocations, Found::Certificate { .. }) => {
            return Ok(None);
        }
    };
    Ok(Some(content))
}

fn bundle(found: &Found) -> Result<Bundle, Unusable> {
    match found {
        Found::Secret(secret) => Bundle::of_secret(secret.expose()),
        Found::Certificate { certificate, private_key, intermediates, passphrase } => {
            Bundle::of_parts(&Parts {
                certificate: certificate.expose(),
                private_key: private_key.expose(),
                intermediates: intermediates.as_ref().map(Secret::expose),
                passphrase: passphrase.as_ref(),
            })
        }
    }
}

fn unusable_certificate(reference: &SecretRef, unusable: Unusable) -> Refusal {
    if let Unusable::Pkcs12(_) = unusable {
        // In the words of the contract (1.9).
        return Fault::bad_request(unusable.to_string()).into();
    }
    let text = format!("The certificate '{}' cannot be used. {unusable}", reference.as_str());
    Violation::rule(text).into()
}

fn authorities(text: &Secret) -> Result<Authorities, Violation> {
    Authorities::read(text.expose()).map_err(|unusable| Violation::rule(unusable.to_string()))
}

/// What a request brings along.
struct Brought {
    contents: Contents,
    project: ProjectId,
    keyring: Keyring,
}

impl Brought {
    /// What is put beside what is `there`: all that is new, sealed with the keys of now.
    fn beside(
        &self,
        slots: &[Slot],
        there: &[SealedMaterial],
    ) -> Result<Vec<SealedMaterial>, Violation> {
        let held = Held { there, keys: &self.keyring.keys() };
        let mut new = Vec::new();
        for slot in slots {
            let content = match slot.kind {
                MaterialKind::Certificate | MaterialKind::Authorities => {
                    self.content(slot).cloned()
                }
                MaterialKind::Revocations => self.revocations(slot, slots, &held)?,
            };
            // What is the same already keeps its id, so that nothing is loaded again.
            if let Some(content) = content
                && held.content(slot).is_none_or(|it| it != content)
            {
                let sealed = held.keys.seal(&content, &Context::of_slot(&self.project, slot));
                let id = MaterialId::new(Uuid::new_v4());
                let project = self.project.clone();
                new.push(SealedMaterial { slot: slot.clone(), project, id, sealed });
            }
        }
        Ok(new)
    }

    fn content(&self, slot: &Slot) -> Option<&Secret> {
        self.contents.get(&(slot.kind, slot.reference.clone()))
    }

    /// Lists of revocations are judged whenever they or those who sign them are named: each must
    /// be of one of the authorities beside it.
    fn revocations(
        &self,
        slot: &Slot,
        slots: &[Slot],
        held: &Held<'_>,
    ) -> Result<Option<Secret>, Violation> {
        let Some(authority) = signers_of(slot, slots) else { return Ok(None) };
        match (self.content(slot), self.content(authority)) {
            (None, None) => Ok(None),
            // Judged together, before the transaction.
            (Some(list), Some(_)) => Ok(Some(list.clone())),
            (Some(list), None) => {
                let signers = held.content(authority).ok_or_else(|| lost(authority))?;
                revocations(list, &signers).map(Some)
            }
            (None, Some(signers)) => {
                let list = held.content(slot).ok_or_else(|| lost(slot))?;
                revocations(&list, signers).map(Some)
            }
        }
    }
}

fn lost(slot: &Slot) -> Violation {
    let owner = match slot.owner {
        TlsOwner::Listener(_) => "listener",
        TlsOwner::Pool(_) => "pool",
    };
    Violation::rule(format!(
        "What is kept of '{}' cannot be opened any more. Name it in the {owner} again.",
        slot.reference.as_str()
    ))
}

/// What an owner has already.
struct Held<'a> {
    there: &'a [SealedMaterial],
    keys: &'a MasterKeys,
}

impl Held<'_> {
    fn content(&self, slot: &Slot) -> Option<Secret> {
        let it = self.there.iter().find(|it| it.slot == *slot)?;
        self.keys.open(&it.sealed, &Context::of_slot(&it.project, slot)).ok()
    }
}
