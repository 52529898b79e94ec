//! What has been agreed on a control connection.

use ajpgate_ftp::command::TransferType;
use ajpgate_ftp::login::Login;

/// See the [module](self).
#[derive(Debug, Default)]
pub(super) struct Session {
    /// The login that the server has accepted.
    pub(super) login: Option<Login>,
    /// The directory that the login began in, where the server tells it.
    pub(super) home: Option<Vec<u8>>,
    /// The TYPE in force.
    pub(super) transfer_type: Option<TransferType>,
    /// The server does not know EPSV or EPRT.
    pub(super) no_extended: bool,
    /// The server does not know MLSD.
    pub(super) no_mlsd: bool,
    /// Names are relative to another directory than that of the login. The connection is not kept.
    pub(super) moved: bool,
    /// A data connection was agreed on, and the end of its transfer has not been confirmed. The connection is not kept.
    pub(super) transferring: bool,
}
