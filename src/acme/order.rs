//! One order: from the account to the certificate (RFC 8555 section 7).

use std::time::Duration;

use ajpgate_config::Acme;
use instant_acme::{
    Account, AuthorizationStatus, ChallengeType, Error, Identifier, NewAccount, NewOrder, Order,
    OrderStatus, Problem, RetryPolicy,
};
use rcgen::{CertificateParams, DistinguishedName, KeyPair};

use super::http::{Client, Noticed, RequestError};
use super::plan::Failure;
use super::store::{Store, StoreError};
use crate::telemetry::metrics::AcmeResult;
use crate::tls::{Answering, ChallengeError, Challenges, RootsError, Valid};

/// The longest time for an order.
const TIMEOUT: Duration = Duration::from_secs(180);

/// How long is waited for the authority's verdict, and for its certificate.
const PATIENCE: Duration = Duration::from_secs(60);

/// Most authorizations of an order. There is one for each name, and an order has one name.
const MOST_AUTHORIZATIONS: usize = 4;

/// The pause where an authority says that there were too many orders, and not for how long.
const LIMITED: Duration = Duration::from_secs(3600);

/// Why an order has failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum OrderError {
    #[error("{0}")]
    Authority(#[from] Error),
    #[error("the order took longer than {} s", TIMEOUT.as_secs())]
    Late,
    #[error("{0}")]
    Roots(#[from] RootsError),
    #[error("{0}")]
    Store(#[from] StoreError),
    #[error("{0}")]
    Answer(#[from] ChallengeError),
    #[error("no request for a certificate can be made: {0}")]
    Csr(#[from] rcgen::Error),
    #[error("the authority does not offer tls-alpn-01")]
    NotOffered,
    #[error("the order has {MOST_AUTHORIZATIONS} authorizations or more")]
    TooMany,
    #[error("the authority has not been convinced that the name is ours{0}")]
    NotOurs(String),
}

/// A failed order, with the pause that the authority asks for.
#[derive(Debug)]
pub(super) struct Failed {
    pub(super) error: OrderError,
    pub(super) asked: Option<Duration>,
}

/// Orders a certificate for a name, and keeps it.
///
/// # Errors
/// Why there is none. What was kept before is kept.
pub(super) async fn obtain(
    acme: &Acme,
    name: &str,
    challenges: &Challenges,
    store: &Store,
) -> Result<Valid, Failed> {
    let noticed = Noticed::default();
    let ordering = Ordering {
        acme,
        name,
        challenges,
        store,
        noticed: noticed.clone(),
    };
    // Boxed, because it is large.
    let obtained = tokio::time::timeout(TIMEOUT, Box::pin(ordering.obtain())).await;
    obtained
        .unwrap_or(Err(OrderError::Late))
        .map_err(|error| Failed {
            asked: asked(&error, noticed.asked()),
            error,
        })
}

struct Ordering<'a> {
    acme: &'a Acme,
    name: &'a str,
    challenges: &'a Challenges,
    store: &'a Store,
    noticed: Noticed,
}

impl Ordering<'_> {
    async fn obtain(&self) -> Result<Valid, OrderError> {
        let mut order = self.order().await?;
        let answering = self.answer(&mut order).await?;
        if order.state().status == OrderStatus::Pending {
            let status = order.poll_ready(&patience()).await?;
            if status == OrderStatus::Invalid {
                return Err(OrderError::NotOurs(why(&mut order).await));
            }
        }
        drop(answering);
        let (key, csr) = self.csr()?;
        order.finalize_csr(&csr).await?;
        let chain = order.poll_certificate(&patience()).await?;
        Ok(self.store.keep(self.acme, self.name, &key, &chain)?)
    }

    /// A new order. An account that the authority does not know any more is replaced.
    async fn order(&self) -> Result<Order, OrderError> {
        let names = [Identifier::Dns(self.name.to_owned())];
        let new = NewOrder::new(&names);
        if let Some(kept) = self.store.account() {
            let builder = Account::builder_with_http(Box::new(self.client()?));
            let account = builder.from_credentials(kept).await?;
            match account.new_order(&new).await {
                Err(Error::Api(problem)) if is(&problem, "accountDoesNotExist") => {}
                ordered => return Ok(ordered?),
            }
        }
        let contact = self.acme.email.as_ref().map(|it| format!("mailto:{it}"));
        let contact: Vec<&str> = contact.iter().map(String::as_str).collect();
        let new_account = NewAccount {
            contact: &contact,
            terms_of_service_agreed: true,
            only_return_existing: false,
        };
        let directory = self.acme.directory.clone();
        let builder = Account::builder_with_http(Box::new(self.client()?));
        let (account, kept) = builder.create(&new_account, directory, None).await?;
        self.store.keep_account(&kept)?;
        Ok(account.new_order(&new).await?)
    }

    fn client(&self) -> Result<Client, RootsError> {
        let ca = self.acme.ca.as_deref();
        Client::new(&self.acme.directory, ca, self.noticed.clone())
    }

    /// Lets the listeners answer, and tells the authority that it may ask. It may still know that the name is ours.
    async fn answer(&self, order: &mut Order) -> Result<Vec<Answering>, OrderError> {
        let mut answering = Vec::new();
        let mut authorizations = order.authorizations();
        for _ in 0..MOST_AUTHORIZATIONS {
            let Some(authorization) = authorizations.next().await else {
                return Ok(answering);
            };
            let mut authorization = authorization?;
            if authorization.status != AuthorizationStatus::Pending {
                continue;
            }
            let challenge = authorization.challenge(ChallengeType::TlsAlpn01);
            let mut challenge = challenge.ok_or(OrderError::NotOffered)?;
            let digest = challenge.key_authorization().digest();
            answering.push(self.challenges.answer(self.name, digest.as_ref())?);
            challenge.set_ready().await?;
        }
        Err(OrderError::TooMany)
    }

    /// A new private key in PEM, and the request for a certificate of it (RFC 2986) in DER.
    fn csr(&self) -> Result<(String, Vec<u8>), rcgen::Error> {
        let mut params = CertificateParams::new([self.name.to_owned()])?;
        params.distinguished_name = DistinguishedName::new();
        let key = KeyPair::generate()?;
        let csr = params.serialize_request(&key)?;
        Ok((key.serialize_pem(), csr.der().to_vec()))
    }
}

fn patience() -> RetryPolicy {
    RetryPolicy::new().timeout(PATIENCE)
}

/// What the authority has found wrong, where it says so.
async fn why(order: &mut Order) -> String {
    let mut authorizations = order.authorizations();
    let Some(Ok(mut authorization)) = authorizations.next().await else {
        return String::new();
    };
    let Ok(state) = authorization.refresh().await else {
        return String::new();
    };
    let mut errors = state.challenges.iter().filter_map(|it| it.error.as_ref());
    errors
        .next()
        .map_or_else(String::new, |it| format!(": {it}"))
}

/// Whether a problem has this type (RFC 8555 section 6.7).
fn is(problem: &Problem, name: &str) -> bool {
    let kind = problem.r#type.as_deref().unwrap_or_default();
    kind.strip_prefix("urn:ietf:params:acme:error:") == Some(name)
}

fn asked(error: &OrderError, noticed: Option<Duration>) -> Option<Duration> {
    match error {
        OrderError::Authority(Error::Api(problem)) if is(problem, "rateLimited") => {
            Some(noticed.unwrap_or(LIMITED))
        }
        _ => noticed,
    }
}

impl OrderError {
    /// What is counted, and when the next attempt may come.
    pub(super) fn verdict(&self) -> (AcmeResult, Failure) {
        match self {
            Self::Authority(error) => verdict(error),
            Self::Late => (AcmeResult::Unreachable, Failure::Refused),
            Self::Roots(_) | Self::Store(StoreError::System { .. }) => {
                (AcmeResult::Local, Failure::Refused)
            }
            Self::Csr(_) | Self::Answer(_) => (AcmeResult::Local, Failure::Refused),
            Self::Store(StoreError::Certificate(_)) | Self::TooMany => {
                (AcmeResult::BadAnswer, Failure::Refused)
            }
            Self::NotOffered | Self::NotOurs(_) => (AcmeResult::Refused, Failure::Refused),
        }
    }
}

fn verdict(error: &Error) -> (AcmeResult, Failure) {
    let unreachable = (AcmeResult::Unreachable, Failure::Unreached);
    match error {
        Error::Api(problem) => match problem.status {
            Some(500..) => unreachable,
            _ if is(problem, "serverInternal") => unreachable,
            _ => (AcmeResult::Refused, Failure::Refused),
        },
        Error::Timeout(_) => (AcmeResult::Unreachable, Failure::Refused),
        Error::Other(other) => match other.downcast_ref::<RequestError>() {
            Some(RequestError::Late | RequestError::Connect(_) | RequestError::Status(_)) => {
                unreachable
            }
            _ => (AcmeResult::BadAnswer, Failure::Refused),
        },
        _ => (AcmeResult::BadAnswer, Failure::Refused),
    }
}
