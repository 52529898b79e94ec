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
    /// The e-mail address of the subject.
    SubjectEmail "SSL_CLIENT_S_DN_Email"
    /// The issuer of the client's certificate, as RFC 4514 writes it.
    Issuer "SSL_CLIENT_I_DN"
    /// The common name of the issuer.
    IssuerName "SSL_CLIENT_I_DN_CN"
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
