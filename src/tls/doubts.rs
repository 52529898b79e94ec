//! What an operator should know about files that can be used: certificates that expire soon, and revocation lists that are
//! missing or out of date.

use std::path::Path;

use jiff::Timestamp;
use rustls::pki_types::CertificateDer;
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer as _;
use x509_parser::revocation_list::CertificateRevocationList;

use super::files;
use super::pair::Validity;
use super::server::Server;

/// A certificate that expires within this time, in seconds, is named in the log.
const SOON: i64 = 14 * 86_400;

impl Server {
    /// One line for each doubt at this Unix time in seconds.
    pub(crate) fn doubts(&self, now: i64) -> Vec<String> {
        let current = self.current();
        let mut doubts: Vec<String> = current
            .certificates
            .iter()
            .filter_map(|certificate| doubt(certificate, now))
            .collect();
        if let (Some(_), Some(ca), Some(crl)) = (
            &current.verifier,
            &self.settings.client_ca,
            &self.settings.client_crl,
        ) {
            doubts.extend(revocation_doubts(ca, crl, now));
        }
        doubts
    }
}

fn doubt(certificate: &Validity, now: i64) -> Option<String> {
    let name = certificate.names.first()?;
    let date = |time| Timestamp::from_second(time).unwrap_or(Timestamp::MAX);
    let (from, to) = (certificate.not_before, certificate.not_after);
    Some(match () {
        () if to < now => format!("the certificate of {name} expired at {}", date(to)),
        () if to - now < SOON => format!("the certificate of {name} expires at {}", date(to)),
        () if from > now => format!(
            "the certificate of {name} is not valid before {}",
            date(from)
        ),
        () => return None,
    })
}

/// Clients of an issuer without a current revocation list are refused, which nobody sees in the files.
fn revocation_doubts(ca: &Path, crl: &Path, now: i64) -> Vec<String> {
    let authorities = files::certificates(ca).unwrap_or_default();
    let lists = files::revocation_lists(crl).unwrap_or_default();
    let lists: Vec<_> = lists
        .iter()
        .filter_map(|list| Some(CertificateRevocationList::from_der(list).ok()?.1))
        .collect();
    let doubt = |authority: &CertificateDer<'_>| {
        let (_, authority) = X509Certificate::from_der(authority).ok()?;
        let subject = authority.subject();
        let mut own = lists
            .iter()
            .filter(|list| list.issuer().as_raw() == subject.as_raw());
        let (crl, refused) = (crl.display(), "clients that it has issued are refused");
        match own.next().map(CertificateRevocationList::next_update) {
            None => Some(format!(
                "{crl} has no revocation list of {subject}: {refused}"
            )),
            Some(Some(until)) if until.timestamp() < now => Some(format!(
                "the revocation list of {subject} in {crl} expired at {}: {refused}",
                Timestamp::from_second(until.timestamp()).unwrap_or(Timestamp::MAX),
            )),
            Some(_) => None,
        }
    };
    authorities.iter().filter_map(doubt).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_is_named_14_days_before_it_expires() {
        const DAY: i64 = 86_400;
        let certificate = Validity {
            names: vec!["a.test".to_owned()],
            not_before: 100 * DAY,
            not_after: 200 * DAY,
        };
        for (day, said) in [
            (99, Some("is not valid before 1970-04-11T00:00:00Z")),
            (100, None),
            (186, None),
            (187, Some("expires at 1970-07-20T00:00:00Z")),
            (201, Some("expired at 1970-07-20T00:00:00Z")),
        ] {
            let expected = said.map(|said| format!("the certificate of a.test {said}"));
            assert_eq!(doubt(&certificate, day * DAY), expected, "{day}");
        }
    }
}
