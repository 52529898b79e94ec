//! Members of balancers, and members that a mapping names in place of a balancer.

use std::fs;
use std::path::Path;

use super::{Builder, Need, endless_if_zero, list, size};
use crate::defaults;
use crate::fault::Fault;
use crate::field::{Kind, Scalar};
use crate::file;
use crate::input::{InputError, read_file};
use crate::model::{Ftp, Member, MemberTls, MemberUrl, Origin, Scheme, Secret, Status};
use crate::report::Place;
use crate::value::{FileName, Flag, LONGEST_SECRET, MemberSecret, Password, Verify, too_long};

impl Builder<'_> {
    /// A member of a balancer with the place of its url; `None` when the url is missing or unreadable.
    pub(super) fn balancer_member(
        &self,
        mut member: file::Member,
        place: Place,
    ) -> Option<(Place, Member)> {
        let url = std::mem::take(&mut member.url);
        let url = self.required(
            url,
            place,
            Need {
                of: "a member",
                key: "url",
                example: "ajp://HOST:8009",
            },
        );
        let known = url.as_ref().map(|(_, url)| url.0.clone());
        let built = self.member(member, known);
        url.zip(built).map(|((place, _), member)| (place, member))
    }

    /// A member at a url. Its other keys are checked even when the url is missing.
    pub(super) fn member(&self, member: file::Member, url: Option<MemberUrl>) -> Option<Member> {
        if let Some(url) = &url {
            self.keys_of_other_protocols(&member, url.scheme);
        }
        let max = member.max.settled(defaults::MAX);
        let min = member.min.settled(defaults::MIN);
        if let (Some(min), Some(max)) = (min, max)
            && min > max
            && let Some(place) = member.min.place().or(member.max.place())
        {
            self.report.error_with_hint(
                place,
                format!("min: {min} connections are to be kept open, but max is {max}"),
                "lower `min` or raise `max`",
            );
        }
        let secret_file = member.secret_file.value().map(|file| self.resolve(&file.0));
        let secret = self.secret(member.secret, member.secret_file);
        let tls = member
            .tls
            .given()
            .map(|(place, tls)| self.member_tls(tls, place));
        Some(Member {
            url: url?,
            route: member.route.or(String::new()),
            redirect: member.redirect.or(String::new()),
            domain: member.domain.or(String::new()),
            loadfactor: member.loadfactor.or(defaults::LOADFACTOR),
            lbset: u8::try_from(member.lbset.or(defaults::LBSET)).unwrap_or(u8::MAX),
            status: status(&list(member.status)),
            secret,
            secret_file,
            max: size(max.unwrap_or(defaults::MAX)),
            min: size(min.unwrap_or(defaults::MIN)),
            ttl: member.ttl.or(defaults::TTL),
            acquire: member.acquire.or(defaults::ACQUIRE),
            connectiontimeout: member.connectiontimeout.or(defaults::CONNECTIONTIMEOUT),
            timeout: endless_if_zero(member.timeout.or(defaults::TIMEOUT)),
            ping: member.ping.optional(),
            retry: member.retry.or(defaults::RETRY),
            packet_size: size(member.packet_size.or(defaults::PACKET_SIZE)),
            upgrade_url: member.upgrade_url.optional(),
            tls,
            ftp: Ftp {
                username: member.username.optional(),
                password: member.password.optional(),
                passive: member.passive.or(defaults::PASSIVE),
                allow_write: member.allow_write.or(defaults::ALLOW_WRITE),
            },
            origin: Origin::default(),
        })
    }

    /// Reports keys without effect for the member's protocol, where an operator who relies on them would be harmed.
    fn keys_of_other_protocols(&self, member: &file::Member, scheme: Scheme) {
        let ajp = scheme == Scheme::Ajp;
        let ftp = matches!(scheme, Scheme::Ftp | Scheme::Ftps);
        let secured = matches!(scheme, Scheme::Https | Scheme::Ftps);
        let (of_ajp, of_logins) = (
            "secrets belong to AJP13: ajp://",
            "logins belong to ftp:// and ftps://",
        );
        let (of_tls, of_ftp) = (
            "TLS is spoken to https:// and ftps:// members",
            "it belongs to ftp:// and ftps://",
        );
        for (key, place, fits, instead) in [
            ("secret", member.secret.place(), ajp, of_ajp),
            ("secret_file", member.secret_file.place(), ajp, of_ajp),
            ("tls", member.tls.place(), secured, of_tls),
            (
                "upgrade_url",
                member.upgrade_url.place(),
                !ftp,
                "FTP has no upgrades",
            ),
            ("username", member.username.place(), ftp, of_logins),
            ("password", member.password.place(), ftp, of_logins),
            ("passive", member.passive.place(), ftp, of_ftp),
            ("allow_write", member.allow_write.place(), ftp, of_ftp),
        ] {
            if let Some(place) = place
                && !fits
            {
                let message = format!("{key}: means nothing to an {}:// member", scheme.name());
                self.report.error_with_hint(place, message, instead);
            }
        }
    }

    fn secret(
        &self,
        secret: Scalar<MemberSecret>,
        secret_file: Scalar<FileName>,
    ) -> Option<Secret> {
        let Some((place, file)) = secret_file.given() else {
            let (place, secret) = secret.given()?;
            if secret.0.is_none() {
                self.report.warning(
                    place,
                    "secret: is empty, so none is sent",
                    "Tomcat refuses that unless its connector has secretRequired=\"false\"",
                );
            }
            return secret.0;
        };
        if !secret.is_absent() {
            self.report.error_with_hint(
                place,
                "secret_file: `secret` is given too",
                "keep one of them",
            );
            return None;
        }
        let path = self.resolve(&file.0);
        match read_secret(&path) {
            Ok(secret) => {
                self.warn_if_others_read(&path, place);
                Some(secret)
            }
            Err(fault) => {
                self.report.fault(place, "secret_file", fault);
                None
            }
        }
    }

    #[cfg(unix)]
    fn warn_if_others_read(&self, path: &Path, place: Place) {
        use std::os::unix::fs::PermissionsExt;
        let mode = fs::metadata(path).map(|data| data.permissions().mode());
        if mode.is_ok_and(|mode| mode & 0o004 != 0) {
            self.report.warning(
                place,
                format!(
                    "secret_file: every user of this machine can read {}",
                    path.display()
                ),
                format!("chmod o-r {}", path.display()),
            );
        }
    }

    #[cfg(not(unix))]
    fn warn_if_others_read(&self, _: &Path, _: Place) {}

    pub(super) fn member_tls(&self, tls: file::MemberTls, place: Place) -> MemberTls {
        let (certificate, key) = (&tls.certificate, &tls.private_key);
        if certificate.is_absent() != key.is_absent() {
            self.report.error_with_hint(
                certificate.place().or(key.place()).unwrap_or(place),
                "tls: `certificate` and `private_key` go together",
                "give both to show a certificate to the member, or none",
            );
        }
        MemberTls {
            ca: self.file(tls.ca),
            server_name: tls.server_name.optional(),
            certificate: self.file(tls.certificate),
            private_key: self.file(tls.private_key),
            verify: tls
                .verify
                .value()
                .map_or(defaults::VERIFY, |word| word.0 == Verify::Full),
        }
    }
}

impl Member {
    /// Whether `secret_file` holds the secret that the member has. True without a file.
    #[must_use]
    pub fn has_current_secret(&self) -> bool {
        let Some(file) = &self.secret_file else {
            return true;
        };
        read_secret(file).ok() == self.secret
    }
}

/// The secret in a file, without the line end that editors add.
fn read_secret(path: &Path) -> Result<Secret, Fault> {
    let cannot = |why: &dyn std::fmt::Display| {
        Fault::new(format!("cannot read {}: {why}", path.display()))
            .hint("names are relative to the folder of the configuration file")
    };
    // A line end may stand behind the secret.
    let most = u64::try_from(LONGEST_SECRET)
        .unwrap_or(u64::MAX)
        .saturating_add(2);
    let secret = match read_file(path, most) {
        Ok(content) => {
            let text = String::from_utf8(content).map_err(|_| cannot(&"it is not UTF-8"))?;
            Password::read(without_line_end(&text))
        }
        Err(InputError::TooLarge(_)) => Err(too_long()),
        Err(error) => return Err(cannot(&error)),
    };
    secret.map_err(|fault| Fault {
        message: format!("the secret in {} {}", path.display(), fault.message),
        hint: None,
        at: None,
    })
}

fn without_line_end(text: &str) -> &str {
    text.strip_suffix('\n')
        .map_or(text, |line| line.strip_suffix('\r').unwrap_or(line))
}

fn status(flags: &[Flag]) -> Status {
    let has = |flag| flags.contains(&flag);
    Status {
        disabled: has(Flag::Disabled),
        stopped: has(Flag::Stopped),
        drain: has(Flag::Drain),
        hot_standby: has(Flag::HotStandby),
        hot_spare: has(Flag::HotSpare),
        ignore_errors: has(Flag::IgnoreErrors),
    }
}
