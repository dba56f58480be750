//! Those whose signature on a certificate is believed.

use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;

use crate::certificate::Certificate;
use crate::signature::Signed;
use crate::unusable::Unusable;
use crate::{Secret, pem};

/// How many authorities of one name are asked whether they have signed something: to ask takes time,
/// and a request for a hundred lists could ask twenty for each.
const NAMESAKES: usize = 4;

/// Why certificates of authorities cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("The client authentication CA certificate is invalid. Error: {0}")]
pub struct UnusableAuthorities(pub Unusable);

/// Certificates of those who sign others, at least one.
///
/// Whether they may sign is not asked: old roots do not say so, and a member's own certificate can
/// be trusted as well.
#[derive(Clone)]
#[expect(missing_debug_implementations, reason = "a tenant's certificates are nobody's business")]
pub struct Authorities(Vec<Certificate>);

impl Authorities {
    /// The certificates of a PEM text.
    ///
    /// # Errors
    ///
    /// [`UnusableAuthorities`]: it is no PEM, holds no certificate, or something else beside them.
    pub fn read(text: &[u8]) -> Result<Self, UnusableAuthorities> {
        read(text).map(Self).map_err(UnusableAuthorities)
    }

    /// The certificates as PEM in the order in which they were given, each once; no empty lines,
    /// and a newline at the end.
    pub fn pem(&self) -> Secret {
        let mut text = Vec::new();
        for one in &self.0 {
            pem::write(&mut text, "CERTIFICATE", &one.der);
        }
        Secret::new(text)
    }

    /// Whether one of the first [`NAMESAKES`] of them with the name `issuer` has signed this.
    pub(crate) fn have_signed(&self, issuer: &[u8], signed: &Signed) -> bool {
        let of_that_name = self.0.iter().filter(|one| one.subject == issuer);
        of_that_name.take(NAMESAKES).any(|one| {
            X509Certificate::from_der(&one.der)
                .is_ok_and(|(_, parsed)| signed.is_by(parsed.public_key()) == Some(true))
        })
    }
}

fn read(text: &[u8]) -> Result<Vec<Certificate>, Unusable> {
    let mut all: Vec<Certificate> = Vec::new();
    for section in pem::sections(text)? {
        if section.label != pem::Label::Certificate {
            return Err(Unusable::Foreign);
        }
        let one = Certificate::of_der(&section.der)?;
        if !all.contains(&one) {
            all.push(one);
        }
    }
    if all.is_empty() { Err(Unusable::NoCertificate) } else { Ok(all) }
}
