//! Why what somebody brought cannot be used.

/// How long a text or file may be, in bytes.
pub const LONGEST: usize = 64 * 1024;

/// How many certificates, or lists of revocations, one text may hold.
pub const MOST: usize = 20;

/// Why what somebody brought cannot be used, with the cure.
///
/// Nothing of the input is in it: it may be a key, or meant for a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    /// It is not even looked at.
    #[error("It is longer than {LONGEST} bytes.")]
    TooLong,
    /// More than a chain can use.
    #[error("It holds more than {MOST} certificates or lists.")]
    TooMany,
    /// Cut off, or no base64.
    #[error("The PEM text is not well-formed: a section in it is not closed, or is not base64.")]
    Pem,
    /// A section that has no business there, such as a key among authorities.
    #[error("It holds something that does not belong there. Take out all but what is asked for.")]
    Foreign,
    /// Nothing that is one was found.
    #[error("It holds no certificate. Certificates are given as PEM.")]
    NoCertificate,
    /// What says that it is one cannot be read.
    #[error("A certificate in it is not well-formed.")]
    Certificate,
    /// Nothing that is one was found.
    #[error("It holds no list of revocations. Such lists are given as PEM (X509 CRL).")]
    NoRevocations,
    /// What says that it is one cannot be read.
    #[error("A list of revocations in it is not well-formed.")]
    Revocations,
    /// Nothing that is one was found.
    #[error("It holds no private key. Private keys are given as PEM.")]
    NoKey,
    /// Which one is meant cannot be said.
    #[error("It holds more than one private key.")]
    SeveralKeys,
    /// It cannot be read, or is of a kind that does not serve.
    #[error(
        "The private key is not well-formed, or of a kind that is not served. \
         Take RSA of 2048 to 8192 bits, ECDSA on P-256, P-384 or P-521, or Ed25519."
    )]
    Key,
    /// OpenSSL would refuse it.
    #[error("An RSA key of a certificate has less than 2048 bits, or more than 8192.")]
    KeyLength,
    /// OpenSSL would refuse it.
    #[error("A certificate is signed with MD5 or SHA-1. Have it signed with SHA-256.")]
    Signature,
    /// They are not of one pair.
    #[error("The private key does not belong to the certificate.")]
    Mismatch,
    /// It is encrypted.
    #[error("The private key is encrypted, and no pass phrase is given.")]
    NoPassphrase,
    /// It did not open.
    #[error("The private key cannot be decrypted: the pass phrase is wrong, or the key damaged.")]
    Passphrase,
    /// Encrypted as OpenSSL did before PKCS#8.
    #[error(
        "The private key is encrypted in the old way (Proc-Type: 4,ENCRYPTED). \
         Convert it: openssl pkcs8 -topk8 -in KEY -out NEW"
    )]
    OldEncryption,
    /// Encrypted with what is not known here.
    #[error(
        "It is encrypted in a way that is not supported. \
         Take PBKDF2 with AES, which is what openssl does by itself."
    )]
    Encryption,
    /// Opening it would take too long.
    #[error("Decrypting it takes too many iterations: at most {MOST_ITERATIONS} in all.")]
    Costly,
    /// A PKCS#12 bundle that cannot be opened.
    #[error(
        "The PKCS12 bundle is unreadable. It must be whole, and must not need a pass phrase. \
         Error: {0}"
    )]
    Pkcs12(Pkcs12Fault),
}

/// How many iterations of key derivation are spent on one input, all its parts together: a second
/// or two. What is made today takes two to ten thousand for each part.
pub const MOST_ITERATIONS: u32 = 2_000_000;

/// What is wrong with a PKCS#12 bundle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Pkcs12Fault {
    /// It is neither PKCS#12 nor the base64 of one.
    #[error("it is not PKCS#12, or is cut off")]
    Form,
    /// Its check fails without a pass phrase.
    #[error("it needs a pass phrase, or is damaged")]
    Passphrase,
    /// It is encrypted or authenticated with what is not known here.
    #[error("it is encrypted or authenticated in a way that is not supported")]
    Encryption,
    /// Opening it would take too long.
    #[error("it takes more than {MOST_ITERATIONS} iterations to open")]
    Costly,
}

/// Refuses what is too long to be looked at.
pub(crate) const fn within_bounds(bytes: &[u8]) -> Result<(), Unusable> {
    if bytes.len() > LONGEST { Err(Unusable::TooLong) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{UnusableAuthorities, UnusableRevocations};

    #[test]
    fn no_reason_can_hold_any_of_the_input() {
        fn holds_nothing<T: Copy + 'static>() -> usize {
            size_of::<T>()
        }
        // A kind, and a kind within it: there is no room for more.
        assert!(holds_nothing::<Unusable>() <= 2);
        assert!(holds_nothing::<UnusableAuthorities>() <= 2);
        assert!(holds_nothing::<UnusableRevocations>() <= 2);
    }
}
