//! Certificates for tests, made by the `openssl` command: what is tested here did not make them.
//!
//! It is there with the feature `fixtures`, for `[dev-dependencies]` only. Each authority has a
//! directory of its own that goes with it; an identity is text. One of P-256 takes some 20 ms.
//!
//! ```
//! use evenkeel_vault::fixtures::Authority;
//! use evenkeel_vault::Bundle;
//!
//! let root = Authority::new("Root");
//! let clients = root.intermediate("Clients");
//! let server = root.server(&["www.example.test", "127.0.0.1"]);
//! let client = clients.client("alice");
//! let revoked = clients.client("mallory");
//! let crl = clients.revocations(&[&revoked]);
//!
//! assert!(crl.starts_with("-----BEGIN X509 CRL-----"));
//! let bundle = Bundle::of_secret(server.pem().as_bytes()).unwrap();
//! assert_eq!(bundle.names()[0], "www.example.test");
//! ```

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

/// What a key is made as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// RSA of so many bits; below 2048 it does not serve, and takes a while above.
    Rsa(u16),
    /// ECDSA on P-256, which is made fastest.
    P256,
    /// ECDSA on P-384.
    P384,
    /// ECDSA on P-521.
    P521,
    /// Ed25519.
    Ed25519,
}

impl Algorithm {
    fn words(self) -> [String; 4] {
        let (algorithm, option) = match self {
            Self::Rsa(bits) => ("RSA", format!("rsa_keygen_bits:{bits}")),
            Self::P256 => ("EC", "ec_paramgen_curve:P-256".to_owned()),
            Self::P384 => ("EC", "ec_paramgen_curve:P-384".to_owned()),
            Self::P521 => ("EC", "ec_paramgen_curve:P-521".to_owned()),
            // It has no options; this is what the command does anyway.
            Self::Ed25519 => {
                return ["-algorithm", "ED25519", "-outform", "PEM"].map(str::to_owned);
            }
        };
        ["-algorithm".to_owned(), algorithm.to_owned(), "-pkeyopt".to_owned(), option]
    }
}

/// What is to be certified.
#[derive(Clone, Debug)]
pub struct Request {
    /// The common name.
    pub name: String,
    /// The kind of its key.
    pub algorithm: Algorithm,
    /// DNS names and addresses, as alternative names.
    pub hosts: Vec<String>,
    /// How many days it is valid from now on; -1 is one that expired a day ago, and is the least.
    pub days: i8,
    /// The hash that it is signed with, such as `sha256`.
    pub hash: String,
    /// What it is for: `serverAuth`, `clientAuth`, or an authority if empty.
    pub usage: String,
}

impl Request {
    /// For a server of these names, valid for 30 days, with a key of P-256.
    pub fn server(hosts: &[&str]) -> Self {
        let name = hosts.first().copied().unwrap_or("server");
        let hosts = hosts.iter().map(|&host| host.to_owned()).collect();
        Self { hosts, ..Self::of(name, "serverAuth") }
    }

    /// For a client of this common name, valid for 30 days, with a key of P-256.
    pub fn client(name: &str) -> Self {
        Self::of(name, "clientAuth")
    }

    fn of(name: &str, usage: &str) -> Self {
        Self {
            name: name.to_owned(),
            algorithm: Algorithm::P256,
            hosts: Vec::new(),
            days: 30,
            hash: "sha256".to_owned(),
            usage: usage.to_owned(),
        }
    }

    fn extensions(&self) -> String {
        let host = |host: &String| match host.parse::<std::net::IpAddr>() {
            Ok(address) => format!("IP:{address}"),
            Err(_) => format!("DNS:{host}"),
        };
        let hosts: Vec<String> = self.hosts.iter().map(host).collect();
        let names = match hosts.as_slice() {
            [] => String::new(),
            hosts => format!("subjectAltName = {}\n", hosts.join(",")),
        };
        match self.usage.as_str() {
            "" => {
                "basicConstraints = critical,CA:TRUE\nkeyUsage = keyCertSign,cRLSign\n".to_owned()
            }
            usage => format!("basicConstraints = CA:FALSE\nextendedKeyUsage = {usage}\n{names}"),
        }
    }
}

/// A certificate and its key. Both are for tests and no secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The certificate as PEM.
    pub certificate: String,
    /// Its key as PEM (PKCS#8).
    pub key: String,
    /// The certificates between it and its root as PEM, from it upwards; perhaps empty.
    pub intermediates: String,
}

impl Identity {
    /// Certificate, intermediates and key in one PEM text.
    pub fn pem(&self) -> String {
        format!("{}{}{}", self.certificate, self.intermediates, self.key)
    }

    /// Everything as a PKCS#12 bundle in binary; further words are for `openssl pkcs12 -export`,
    /// such as `-legacy`.
    pub fn pkcs12(&self, passphrase: &str, words: &[&str]) -> Vec<u8> {
        let place = directory();
        let input = write(place.path(), "all.pem", &self.pem());
        let output = place.path().join("all.p12");
        let passphrase = format!("pass:{passphrase}");
        let fixed = ["pkcs12", "-export", "-passout", &passphrase];
        openssl(&[&fixed[..], words].concat(), &[("-in", &input), ("-out", &output)]);
        fs::read(output).expect("openssl has written the bundle")
    }
}

/// An authority of the test's own, with a directory that goes with it.
#[derive(Debug)]
pub struct Authority {
    place: TempDir,
    identity: Identity,
    algorithm: Algorithm,
    is_root: bool,
}

impl Authority {
    /// A root with a key of P-256.
    pub fn new(name: &str) -> Self {
        Self::of(name, Algorithm::P256)
    }

    /// A root with a key of this kind.
    pub fn of(name: &str, algorithm: Algorithm) -> Self {
        let place = directory();
        let request = Request { algorithm, ..Request::of(name, "") };
        let identity = certify(place.path(), &request, None);
        Self { place, identity, algorithm, is_root: true }
    }

    /// An authority that this one has certified. Whom it certifies shows its certificate, too.
    #[must_use]
    pub fn intermediate(&self, name: &str) -> Self {
        let identity = self.certify(&Request::of(name, ""));
        let place = directory();
        write(place.path(), "own.key", &identity.key);
        write(place.path(), "own.pem", &identity.certificate);
        Self { place, identity, algorithm: Algorithm::P256, is_root: false }
    }

    /// Its certificate as PEM.
    pub fn certificate(&self) -> &str {
        &self.identity.certificate
    }

    /// A server's certificate for these DNS names and addresses.
    pub fn server(&self, hosts: &[&str]) -> Identity {
        self.certify(&Request::server(hosts))
    }

    /// A client's certificate of this common name.
    pub fn client(&self, name: &str) -> Identity {
        self.certify(&Request::client(name))
    }

    /// What is asked for.
    pub fn certify(&self, request: &Request) -> Identity {
        let mut identity = certify(directory().path(), request, Some(self));
        if !self.is_root {
            identity.intermediates =
                format!("{}{}", self.certificate(), self.identity.intermediates);
        }
        identity
    }

    /// The list of revocations as PEM that names these, valid for 30 days.
    pub fn revocations(&self, revoked: &[&Identity]) -> String {
        self.revocations_until(revoked, "20991231235959Z")
    }

    /// The same list, valid until a moment written `YYYYMMDDHHMMSSZ`, which may have passed.
    pub fn revocations_until(&self, revoked: &[&Identity], next_update: &str) -> String {
        let place = directory();
        let lines: Vec<String> = revoked.iter().map(|one| index_line(one)).collect();
        let index = write(place.path(), "index.txt", &lines.concat());
        let configuration = format!(
            "[ca]\ndefault_ca = own\n[own]\ndatabase = {}\ndefault_md = sha256\n",
            index.display()
        );
        let configuration = write(place.path(), "ca.cnf", &configuration);
        let list = place.path().join("crl.pem");
        openssl(
            &[
                "ca",
                "-gencrl",
                "-crl_lastupdate",
                "20200101000000Z",
                "-crl_nextupdate",
                next_update,
            ],
            &[
                ("-config", &configuration),
                ("-keyfile", &self.key_file()),
                ("-cert", &self.certificate_file()),
                ("-out", &list),
            ],
        );
        read(&list)
    }

    fn key_file(&self) -> PathBuf {
        self.place.path().join("own.key")
    }

    fn certificate_file(&self) -> PathBuf {
        self.place.path().join("own.pem")
    }
}

/// What `openssl ca` remembers of a certificate that it has revoked.
fn index_line(revoked: &Identity) -> String {
    let place = directory();
    let certificate = write(place.path(), "one.pem", &revoked.certificate);
    let serial = openssl(&["x509", "-noout", "-serial"], &[("-in", &certificate)]);
    let serial = serial.trim().trim_start_matches("serial=");
    format!("R\t991231235959Z\t200101000000Z\t{serial}\tunknown\t/CN=revoked\n")
}

fn certify(place: &Path, request: &Request, by: Option<&Authority>) -> Identity {
    let (key, certificate) = (place.join("own.key"), place.join("own.pem"));
    let words = request.algorithm.words();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    openssl(&[&["genpkey"], &words[..]].concat(), &[("-out", &key)]);

    let signing = place.join("request.csr");
    let subject = format!("/CN={}", request.name);
    openssl(&["req", "-new", "-subj", &subject], &[("-key", &key), ("-out", &signing)]);

    let extensions = write(place, "extensions", &request.extensions());
    let (hash, days) = (format!("-{}", request.hash), request.days.to_string());
    let mut words = vec!["x509", "-req", "-days", &days];
    // Ed25519 has its own hash and takes no other.
    let signs_with = by.map_or(request.algorithm, |by| by.algorithm);
    if signs_with != Algorithm::Ed25519 {
        words.push(&hash);
    }
    let mut files = vec![
        ("-in", signing.as_path()),
        ("-extfile", extensions.as_path()),
        ("-out", certificate.as_path()),
    ];
    let signer = by.map(|by| (by.certificate_file(), by.key_file()));
    match &signer {
        Some((certificate, key)) => {
            files.extend([("-CA", certificate.as_path()), ("-CAkey", key.as_path())]);
            words.push("-CAcreateserial");
        }
        None => files.push(("-signkey", key.as_path())),
    }
    openssl(&words, &files);
    Identity { certificate: read(&certificate), key: read(&key), intermediates: String::new() }
}

/// What the `openssl` command answers to these words and files.
///
/// It panics with what the command said if it fails: there is nothing to test then.
pub fn openssl(words: &[&str], files: &[(&str, &Path)]) -> String {
    #[expect(
        clippy::disallowed_methods,
        reason = "a command for tests, which ends before this returns"
    )]
    let mut command = Command::new("openssl");
    command.args(words).stdin(Stdio::null());
    for (word, file) in files {
        command.arg(word).arg(file);
    }
    let output = command.output().expect("the Debian package openssl is installed");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "openssl {words:?} failed: {said}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn directory() -> TempDir {
    TempDir::new().expect("there is room for a directory of a test")
}

fn write(place: &Path, name: &str, text: &str) -> PathBuf {
    let path = place.join(name);
    fs::write(&path, text).expect("there is room for a file of a test");
    path
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).expect("openssl has written its file")
}
