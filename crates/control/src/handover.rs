//! Material on its way to a node: opened with the master keys, sealed for that node.

use evenkeel_model::tls::{SealedMaterial, TlsOwner};
use evenkeel_vault::{Context, MasterKeys, PublicKey};

/// Why material cannot be handed over: one sentence with the cure, fit for the tenant.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unfit {
    /// The key that sealed it is not among ours, or its row was tampered with.
    #[error(
        "What is kept of the secret '{reference}' cannot be opened; update the {owner} with the \
         same reference, or ask the operator to bring back the file with the master keys."
    )]
    Unopenable {
        /// As its user calls it.
        reference: String,
        /// `listener` or `pool`.
        owner: &'static str,
    },
    /// The node has said something that is no key.
    #[error(
        "The node has no key that anything could be sealed for; ask the operator to restart \
             its agent."
    )]
    NoNodeKey,
}

/// The same material, sealed for the node with this key.
pub(crate) fn to_node(
    material: Vec<SealedMaterial>,
    keys: &MasterKeys,
    node: &PublicKey,
) -> Result<Vec<SealedMaterial>, Unfit> {
    material.into_iter().map(|it| one_to_node(it, keys, node)).collect()
}

fn one_to_node(
    material: SealedMaterial,
    keys: &MasterKeys,
    node: &PublicKey,
) -> Result<SealedMaterial, Unfit> {
    let context = Context::of_slot(&material.project, &material.slot);
    let opened = keys.open(&material.sealed, &context).map_err(|_| Unfit::Unopenable {
        reference: material.slot.reference.as_str().to_owned(),
        owner: match material.slot.owner {
            TlsOwner::Listener(_) => "listener",
            TlsOwner::Pool(_) => "pool",
        },
    })?;
    let sealed = node.seal(&opened, &context).map_err(|_| Unfit::NoNodeKey)?;
    Ok(SealedMaterial { sealed, ..material })
}

#[cfg(test)]
mod tests {
    use evenkeel_model::tls::{MaterialId, MaterialKind, Slot};
    use evenkeel_model::{ListenerId, ProjectId};
    use evenkeel_vault::{NodeKey, Secret};
    use uuid::Uuid;

    use super::*;

    fn material(keys: &MasterKeys) -> SealedMaterial {
        let slot = Slot {
            owner: TlsOwner::Listener(ListenerId::new(Uuid::from_u128(1))),
            kind: MaterialKind::Certificate,
            reference: "a".to_owned().try_into().unwrap(),
        };
        let project = ProjectId::new("p").unwrap();
        let context = Context::of_slot(&project, &slot);
        let sealed = keys.seal(&Secret::new(b"pem".to_vec()), &context);
        SealedMaterial { slot, project, id: MaterialId::new(Uuid::from_u128(2)), sealed }
    }

    #[test]
    fn only_the_node_opens_what_is_handed_to_it() {
        let (keys, node) = (MasterKeys::generate(), NodeKey::generate());
        let handed = to_node(vec![material(&keys)], &keys, node.public()).unwrap().remove(0);
        let context = Context::of_slot(&handed.project, &handed.slot);
        assert!(node.open(&handed.sealed, &context) == Ok(Secret::new(b"pem".to_vec())));
        assert!(keys.open(&handed.sealed, &context).is_err());
        assert_eq!(handed.id, material(&keys).id);
    }

    #[test]
    fn what_cannot_be_handed_over_says_why() {
        let (keys, node) = (MasterKeys::generate(), NodeKey::generate());
        let lost = to_node(vec![material(&MasterKeys::generate())], &keys, node.public());
        let lost = lost.unwrap_err().to_string();
        assert!(lost.contains("'a'") && lost.contains("update the listener"), "{lost}");
        let swapped = SealedMaterial { project: ProjectId::new("q").unwrap(), ..material(&keys) };
        assert!(to_node(vec![swapped], &keys, node.public()).is_err());
        let no_key = PublicKey::new(vec![1]);
        assert_eq!(to_node(vec![material(&keys)], &keys, &no_key), Err(Unfit::NoNodeKey));
    }
}
