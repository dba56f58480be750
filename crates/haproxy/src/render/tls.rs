//! TLS, towards clients and towards members.

mod bind;
mod header;
mod offer;
mod server;

use std::fmt;

use evenkeel_driver::Site;
use evenkeel_model::provider::Unsupported;
use evenkeel_model::tls::{MaterialKind, Slot};
use evenkeel_model::{Listener, LoadBalancerGraph, Pool};
use evenkeel_vault::Material;

use super::{open_listeners, refused, users_of};
use crate::material::SecretFile;
use crate::writer::{Line, Word};

pub(super) use bind::{ends, towards_clients};
pub(super) use header::insertion;
pub(super) use server::{ServerTls, towards_members};

/// Where the content of slots is, and where their files are.
#[derive(Clone, Copy)]
pub(super) struct Keys<'a> {
    pub(super) site: &'a Site,
    pub(super) material: &'a Material,
}

impl Keys<'_> {
    /// The files of these slots, each content once.
    fn files(
        &self,
        kind: &str,
        id: impl fmt::Display,
        slots: Vec<Slot>,
    ) -> Result<Vec<SecretFile>, Unsupported> {
        let mut files: Vec<SecretFile> = Vec::new();
        for slot in slots {
            let Some(piece) = self.material.get(&slot) else {
                let why = format!("the content of {} is not there", slot.reference);
                return Err(refused(kind, id, why));
            };
            let is_certificate = slot.kind == MaterialKind::Certificate;
            let is_default = is_certificate && files.is_empty();
            let file = SecretFile::of(&self.site.secrets, slot, piece, is_default);
            // The same certificate under two names is one to choose from.
            if !(is_certificate && files.iter().any(|it| it.id == file.id)) {
                files.push(file);
            }
        }
        Ok(files)
    }
}

/// What the content of is needed to serve `graph`, and is not there.
pub(crate) fn missing(graph: &LoadBalancerGraph, material: &Material) -> Option<Slot> {
    let open: Vec<&Listener> = open_listeners(graph).collect();
    let listeners = open.iter().filter(|it| ends(it)).flat_map(|it| bind::slots(it));
    let is_used = |pool: &&Pool| pool.tls.enabled && !users_of(graph, pool, &open).is_empty();
    let pools = graph.pools.iter().filter(is_used).flat_map(|pool| pool.tls.slots(pool.id));
    listeners.chain(pools).find(|slot| material.get(slot).is_none())
}

/// What the process as a whole is told of TLS.
pub(super) fn of_process(site: &Site) -> Result<[Line; 3], Unsupported> {
    let directory = Word::path(&site.secrets);
    let directory =
        directory.map_err(|why| Unsupported(format!("The directory for keys: {why}")))?;
    Ok([
        Line::new("crt-base").word(directory.clone()),
        Line::new("ca-base").word(directory),
        // One cache serves all listeners: whoever began a session where no certificate is asked for
        // could go on with it where one is demanded. Tickets are each listener's own.
        Line::new("tune.ssl.cachesize 0"),
    ])
}

/// The name of the file of this kind, if there is one, after its keyword.
fn named(keyword: &'static str, files: &[SecretFile], kind: MaterialKind) -> Line {
    let file = files.iter().find(|file| file.slot.kind == kind);
    file.map_or(Line::empty(), |file| Line::new(keyword).word(name(file)))
}

fn name(file: &SecretFile) -> Word {
    Word::quoted(file.name()).expect("it is made of ids")
}
