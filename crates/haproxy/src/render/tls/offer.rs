//! What is offered in a handshake: versions, ciphers, protocols.

use evenkeel_model::text::Ciphers;
use evenkeel_model::tls::{Alpn, TlsVersion};

use crate::writer::{Line, Word};

/// The suites of TLS 1.3, which OpenSSL chooses by a list of their own. It offers the first three
/// unless told otherwise.
const SUITES: [&str; 5] = [
    "TLS_AES_256_GCM_SHA384",
    "TLS_CHACHA20_POLY1305_SHA256",
    "TLS_AES_128_GCM_SHA256",
    "TLS_AES_128_CCM_SHA256",
    "TLS_AES_128_CCM_8_SHA256",
];
const OFFERED: usize = 3;

/// What OpenSSL needs to be told before it speaks versions below 1.2: its second security level,
/// which is Debian's, rules out their signatures.
const ANYTHING: &str = "@SECLEVEL=0";

/// What is offered in a handshake.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Offer {
    oldest: TlsVersion,
    newest: TlsVersion,
    /// Versions between these that are not wanted. HAProxy knows no gaps.
    pub(super) gaps: Vec<TlsVersion>,
    ciphers: Option<String>,
    suites: Option<String>,
    alpn: Vec<Alpn>,
}

/// Nobody could agree with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Hopeless {
    #[error("SSLv3 is not spoken any more; name a version of TLS")]
    NoVersion,
    #[error("the ciphers are all of TLS 1.3, which is not among the versions")]
    NoCipher,
}

impl Offer {
    pub(super) fn of(
        versions: Option<&[TlsVersion]>,
        ciphers: Option<&Ciphers>,
        alpn: Option<&[Alpn]>,
    ) -> Result<Self, Hopeless> {
        let lists = Lists::of(ciphers.map_or("", Ciphers::as_str));
        let versions = versions.unwrap_or(&[TlsVersion::V1_2, TlsVersion::V1_3]);
        let mut spoken: Vec<TlsVersion> =
            versions.iter().copied().filter(|it| *it > TlsVersion::SslV3).collect();
        if spoken.is_empty() {
            return Err(Hopeless::NoVersion);
        }
        if lists.only_newest {
            spoken.retain(|it| *it == TlsVersion::V1_3);
        }
        let (Some(oldest), Some(newest)) = (spoken.iter().min(), spoken.iter().max()) else {
            return Err(Hopeless::NoCipher);
        };
        let (oldest, newest) = (*oldest, *newest);
        let within = TlsVersion::ALL.iter().filter(|it| (oldest..=newest).contains(*it));
        let gaps = within.filter(|it| !spoken.contains(it)).copied().collect();
        let ciphers = (oldest < TlsVersion::V1_3).then(|| lists.older(oldest)).flatten();
        let suites = lists.suites.filter(|_| newest == TlsVersion::V1_3);
        Ok(Self { oldest, newest, gaps, ciphers, suites, alpn: alpn.unwrap_or_default().to_vec() })
    }

    /// As `bind` and `server` lines say it.
    pub(super) fn words(&self) -> Line {
        let mut line = Line::new("ssl-min-ver").words(version(self.oldest));
        line = line.words("ssl-max-ver").words(version(self.newest));
        for (keyword, list) in [("ciphers", &self.ciphers), ("ciphersuites", &self.suites)] {
            if let Some(list) = list {
                line = line.words(keyword).word(word(list));
            }
        }
        if let Some(names) = self.alpn() {
            line = line.words("alpn").word(names);
        }
        line
    }

    /// The protocols, if any are named.
    pub(super) fn alpn(&self) -> Option<Word> {
        let names: Vec<&str> = self.alpn.iter().map(|it| it.word()).collect();
        (!names.is_empty()).then(|| word(&names.join(",")))
    }
}

/// The newest of these versions that have no gap between them: for where nobody can say no to what
/// is in a gap.
pub(super) fn above_gaps(versions: &[TlsVersion]) -> Vec<TlsVersion> {
    let newest_first = TlsVersion::ALL.iter().rev().skip_while(|it| !versions.contains(it));
    newest_first.take_while(|it| versions.contains(it)).copied().collect()
}

fn word(list: &str) -> Word {
    Word::quoted(list).expect("lists have no control characters and are not empty")
}

/// As `ssl-min-ver` calls it.
const fn version(version: TlsVersion) -> &'static str {
    match version {
        TlsVersion::SslV3 => "SSLv3",
        TlsVersion::V1 => "TLSv1.0",
        TlsVersion::V1_1 => "TLSv1.1",
        TlsVersion::V1_2 => "TLSv1.2",
        TlsVersion::V1_3 => "TLSv1.3",
    }
}

/// The one list of the API as the two of OpenSSL.
struct Lists {
    older: Vec<String>,
    suites: Option<String>,
    /// Only suites of TLS 1.3 are named.
    only_newest: bool,
}

impl Lists {
    fn of(ciphers: &str) -> Self {
        let all = ciphers.split(':').filter(|name| !name.is_empty());
        let (newest, older): (Vec<&str>, Vec<&str>) =
            all.partition(|name| SUITES.contains(&bare(name)));
        let named: Vec<&str> =
            newest.iter().filter(|name| !is_banned(name)).map(|name| bare(name)).collect();
        let banned = |suite: &&&str| newest.iter().any(|it| is_banned(it) && bare(it) == **suite);
        let suites = if newest.is_empty() {
            None
        } else if named.is_empty() {
            Some(SUITES[..OFFERED].iter().filter(|it| !banned(it)).copied().collect())
        } else {
            Some(named.iter().filter(|it| !banned(it)).copied().collect())
        };
        let adds = |name: &&str| !is_banned(name) && !name.starts_with('@');
        let only_newest = !named.is_empty() && !older.iter().any(adds);
        Self {
            older: older.into_iter().map(str::to_owned).collect(),
            suites: suites.map(|names: Vec<&str>| names.join(":")).filter(|it| !it.is_empty()),
            only_newest,
        }
    }

    /// What is offered of versions below 1.3; `None` leaves it to OpenSSL.
    fn older(&self, oldest: TlsVersion) -> Option<String> {
        let mut names = self.older.clone();
        if oldest < TlsVersion::V1_2 && !names.iter().any(|name| name.starts_with("@SECLEVEL")) {
            if names.is_empty() {
                names.push("DEFAULT".to_owned());
            }
            names.push(ANYTHING.to_owned());
        }
        (!names.is_empty()).then(|| names.join(":"))
    }
}

fn bare(name: &str) -> &str {
    name.trim_start_matches(['!', '-', '+'])
}

fn is_banned(name: &str) -> bool {
    name.starts_with(['!', '-'])
}

#[cfg(test)]
mod tests {
    use super::*;

    use TlsVersion::{SslV3, V1, V1_1, V1_2, V1_3};

    fn offer(versions: &[TlsVersion], ciphers: &str) -> Result<Offer, Hopeless> {
        let ciphers = Ciphers::try_from(ciphers.to_owned()).unwrap();
        Offer::of(Some(versions), Some(&ciphers), Some(&[Alpn::H2, Alpn::Http11]))
    }

    fn words(versions: &[TlsVersion], ciphers: &str) -> String {
        let text = offer(versions, ciphers).unwrap().words().to_string();
        text.strip_suffix(" alpn h2,http/1.1").unwrap().to_owned()
    }

    #[test]
    fn one_list_becomes_two() {
        let new = "ssl-min-ver TLSv1.2 ssl-max-ver TLSv1.3";
        for (said, written) in [
            ("", String::new()),
            ("AES128-SHA", " ciphers AES128-SHA".to_owned()),
            ("HIGH:!aNULL", " ciphers HIGH:!aNULL".to_owned()),
            (
                "TLS_AES_128_GCM_SHA256:AES128-SHA:TLS_AES_256_GCM_SHA384",
                " ciphers AES128-SHA ciphersuites TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384"
                    .to_owned(),
            ),
            (
                "AES128-SHA:!TLS_AES_128_GCM_SHA256",
                " ciphers AES128-SHA ciphersuites \
                 TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"
                    .to_owned(),
            ),
        ] {
            assert_eq!(words(&[V1_3, V1_2], said), format!("{new}{written}"), "{said}");
        }
        assert_eq!(
            words(&[V1_2, V1_3], "TLS_AES_128_GCM_SHA256:!aNULL"),
            "ssl-min-ver TLSv1.3 ssl-max-ver TLSv1.3 ciphersuites TLS_AES_128_GCM_SHA256"
        );
        assert_eq!(
            words(&[V1_2], "TLS_AES_128_GCM_SHA256:AES128-SHA"),
            "ssl-min-ver TLSv1.2 ssl-max-ver TLSv1.2 ciphers AES128-SHA"
        );
    }

    #[test]
    fn old_versions_are_spoken_if_they_are_asked_for() {
        let old = "ssl-min-ver TLSv1.0 ssl-max-ver TLSv1.1";
        for (said, written) in [
            ("", "DEFAULT:@SECLEVEL=0"),
            ("AES128-SHA", "AES128-SHA:@SECLEVEL=0"),
            ("AES128-SHA:@SECLEVEL=1", "AES128-SHA:@SECLEVEL=1"),
        ] {
            assert_eq!(words(&[V1, V1_1, SslV3], said), format!("{old} ciphers {written}"));
        }
    }

    #[test]
    fn what_nobody_could_agree_with_is_refused() {
        assert_eq!(offer(&[SslV3], ""), Err(Hopeless::NoVersion));
        assert_eq!(offer(&[V1_2], "TLS_AES_128_GCM_SHA256"), Err(Hopeless::NoCipher));
    }

    #[test]
    fn gaps_are_known() {
        for (said, gaps, above) in [
            (&[V1, V1_2, V1_3][..], &[V1_1][..], &[V1_3, V1_2][..]),
            (&[V1, V1_3], &[V1_1, V1_2], &[V1_3]),
            (&[V1_3, V1_2], &[], &[V1_3, V1_2]),
            (&[V1_1], &[], &[V1_1]),
        ] {
            assert_eq!(offer(said, "").unwrap().gaps, gaps, "{said:?}");
            assert_eq!(above_gaps(said), above, "{said:?}");
        }
    }
}
