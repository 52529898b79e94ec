//! The variables of httpd's mod_ssl that the gateway has.

/// Makes [`TlsFact`] of a table: mod_ssl's name for each variant.
macro_rules! facts {
    ($($(#[$doc:meta])* $variant:ident $name:literal)*) => {
        /// A variable of mod_ssl (its manual, "Environment Variables"), for the client's side of a connection.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum TlsFact {
            $($(#[$doc])* $variant,)*
        }

        /// Every variable with its name.
        const NAMES: &[(&str, TlsFact)] = &[$(($name, TlsFact::$variant)),*];
    };
}

facts! {
    /// The version: `TLSv1.2`, `TLSv1.3`.
    Protocol "SSL_PROTOCOL"
    /// The cipher suite.
    Cipher "SSL_CIPHER"
    /// Bits of the cipher's key.
    KeySize "SSL_CIPHER_USEKEYSIZE"
    /// Bits of the key that the cipher can have: as many.
    AlgorithmSize "SSL_CIPHER_ALGKEYSIZE"
    /// The host name that the client asked for in the handshake.
    ServerName "SSL_TLS_SNI"
    /// `SUCCESS` with a client's certificate, which has been checked; else `NONE`.
    Verify "SSL_CLIENT_VERIFY"
    /// The client's certificate in PEM.
    Certificate "SSL_CLIENT_CERT"
    /// The serial number of the client's certificate, in hexadecimal digits.
    Serial "SSL_CLIENT_M_SERIAL"
    /// The subject of the client's certificate, as RFC 4514 writes it.
    Subject "SSL_CLIENT_S_DN"
    /// The common name of the subject.
    SubjectName "SSL_CLIENT_S_DN_CN"
    /// The organisation of the subject.
    SubjectOrganisation "SSL_CLIENT_S_DN_O"
    /// The organisational unit of the subject.
    SubjectUnit "SSL_CLIENT_S_DN_OU"
    /// The country of the subject.
    SubjectCountry "SSL_CLIENT_S_DN_C"
    /// The state or province of the subject.
    SubjectState "SSL_CLIENT_S_DN_ST"
    /// The locality of the subject.
    SubjectLocality "SSL_CLIENT_S_DN_L"
    /// The e-mail address of the subject.
    SubjectEmail "SSL_CLIENT_S_DN_Email"
    /// The issuer of the client's certificate, as RFC 4514 writes it.
    Issuer "SSL_CLIENT_I_DN"
    /// The common name of the issuer.
    IssuerName "SSL_CLIENT_I_DN_CN"
    /// The organisation of the issuer.
    IssuerOrganisation "SSL_CLIENT_I_DN_O"
    /// The organisational unit of the issuer.
    IssuerUnit "SSL_CLIENT_I_DN_OU"
    /// The country of the issuer.
    IssuerCountry "SSL_CLIENT_I_DN_C"
    /// From when on the client's certificate is valid, as OpenSSL writes a time: `Jan  5 09:34:43 2026 GMT`.
    ValidFrom "SSL_CLIENT_V_START"
    /// Until when the client's certificate is valid, in the same form.
    ValidUntil "SSL_CLIENT_V_END"
    /// Whole days until the client's certificate expires.
    ValidDays "SSL_CLIENT_V_REMAIN"
}

impl TlsFact {
    /// Every name, in the order of the list.
    pub(crate) fn names() -> impl Iterator<Item = &'static str> {
        NAMES.iter().map(|(name, _)| *name)
    }

    /// The variable of a name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        let mut names = NAMES.iter();
        names
            .find(|(known, _)| *known == name)
            .map(|(_, fact)| *fact)
    }

    /// mod_ssl's name of it.
    #[must_use]
    pub fn name(self) -> &'static str {
        let mut names = NAMES.iter();
        names
            .find(|(_, fact)| *fact == self)
            .map_or("", |(name, _)| name)
    }
}

/// Variables that mod_ssl has (its `ssl_engine_vars.c`) beside those that name a certificate of the client or the server.
const OF_CONNECTION: [&str; 10] = [
    "HTTPS",
    "SSL_CIPHER_EXPORT",
    "SSL_COMPRESS_METHOD",
    "SSL_SECURE_RENEG",
    "SSL_SESSION_ID",
    "SSL_SESSION_RESUMED",
    "SSL_SRP_USER",
    "SSL_SRP_USERINFO",
    "SSL_VERSION_INTERFACE",
    "SSL_VERSION_LIBRARY",
];

/// What mod_ssl says of a certificate, behind `SSL_CLIENT_` or `SSL_SERVER_`.
const OF_CERTIFICATE: [&str; 12] = [
    "A_KEY",
    "A_SIG",
    "CERT",
    "CERT_RFC4523_CEA",
    "I_DN",
    "M_SERIAL",
    "M_VERSION",
    "S_DN",
    "VERIFY",
    "V_END",
    "V_REMAIN",
    "V_START",
];

/// Parts of a name, behind `S_DN_` or `I_DN_`.
const OF_NAME: [&str; 15] = [
    "C", "CN", "D", "DC", "Email", "G", "I", "L", "O", "OU", "S", "SP", "ST", "T", "UID",
];

/// What has a number behind it.
const NUMBERED: [&str; 5] = [
    "CERT_CHAIN",
    "SAN_DNS",
    "SAN_Email",
    "SAN_OTHER_dnsSRV",
    "SAN_OTHER_msUPN",
];

/// Whether mod_ssl has a variable of this name.
pub(crate) fn is_of_mod_ssl(name: &str) -> bool {
    if OF_CONNECTION.contains(&name) || TlsFact::from_name(name).is_some() {
        return true;
    }
    let behind = |begin| name.strip_prefix(begin);
    let Some(rest) = behind("SSL_CLIENT_").or_else(|| behind("SSL_SERVER_")) else {
        return false;
    };
    let (without_number, number) = match rest.rsplit_once('_') {
        Some((text, digits)) if digits.parse::<u16>().is_ok() => (text, true),
        _ => (rest, false),
    };
    let dn = ["S_DN_", "I_DN_"];
    let part = dn.iter().find_map(|dn| without_number.strip_prefix(dn));
    let part = part.map(|part| part.strip_suffix("_RAW").unwrap_or(part));
    OF_CERTIFICATE.contains(&rest)
        || part.is_some_and(|part| OF_NAME.contains(&part))
        || number && NUMBERED.contains(&without_number)
}
