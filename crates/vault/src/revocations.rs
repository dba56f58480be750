//! Certificates that are believed no more (RFC 5280, 5).

use time::OffsetDateTime;
use x509_parser::prelude::FromDer;
use x509_parser::revocation_list::CertificateRevocationList;

use crate::authorities::Authorities;
use crate::signature::Signed;
use crate::unusable::Unusable;
use crate::{Secret, pem};

/// Why lists of revocations cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnusableRevocations {
    /// They are no PEM, or no lists.
    #[error("The client authentication certificate revocation list is invalid. Error: {0}")]
    Invalid(Unusable),
    /// A list is of somebody else.
    #[error("The CRL specified is not valid for client certificate authority reference supplied.")]
    Unsigned,
}

/// Lists of revocations, at least one, each signed by an authority.
///
/// A list whose [`Self::next_update`] has passed is accepted, because every list will be old one
/// day and the decision cannot depend on which day it is. HAProxy refuses every client whose
/// certificate is of an authority with an old list, or with none: OpenSSL fails closed. So there
/// must be a list of each authority in the clients' chains, also of each intermediate one.
#[derive(Clone)]
#[expect(missing_debug_implementations, reason = "a tenant's certificates are nobody's business")]
pub struct Revocations {
    lists: Vec<Vec<u8>>,
    next_update: Option<OffsetDateTime>,
}

impl Revocations {
    /// The lists of a PEM text, each of which one of `authorities` has signed.
    ///
    /// # Errors
    ///
    /// [`UnusableRevocations`].
    pub fn read(text: &[u8], authorities: &Authorities) -> Result<Self, UnusableRevocations> {
        let mut all = Self { lists: Vec::new(), next_update: None };
        for section in pem::sections(text).map_err(UnusableRevocations::Invalid)? {
            if section.label != pem::Label::Revocations {
                return Err(UnusableRevocations::Invalid(Unusable::Foreign));
            }
            all.add(&section.der, authorities)?;
        }
        if all.lists.is_empty() {
            return Err(UnusableRevocations::Invalid(Unusable::NoRevocations));
        }
        Ok(all)
    }

    fn add(&mut self, der: &[u8], authorities: &Authorities) -> Result<(), UnusableRevocations> {
        let Ok(([], list)) = CertificateRevocationList::from_der(der) else {
            return Err(UnusableRevocations::Invalid(Unusable::Revocations));
        };
        let signed = Signed {
            text: list.tbs_cert_list.as_ref(),
            algorithm: &list.signature_algorithm,
            signature: &list.signature_value,
        };
        if !authorities.have_signed(list.issuer().as_raw(), &signed) {
            return Err(UnusableRevocations::Unsigned);
        }
        if !self.lists.iter().any(|known| known == der) {
            let next = list.next_update().map(|next| next.to_datetime());
            self.next_update = [self.next_update, next].into_iter().flatten().min();
            self.lists.push(der.to_vec());
        }
        Ok(())
    }

    /// The lists as PEM in the order in which they were given, each once; no empty lines, and a
    /// newline at the end.
    pub fn pem(&self) -> Secret {
        let mut text = Vec::new();
        for list in &self.lists {
            pem::write(&mut text, "X509 CRL", list);
        }
        Secret::new(text)
    }

    /// When the first of them gets old; `None` if none ever does. From then on HAProxy refuses
    /// every client that its authority has certified.
    pub const fn next_update(&self) -> Option<OffsetDateTime> {
        self.next_update
    }
}
