//! Members from Kubernetes: the pods of a service, as its EndpointSlices name them.
//!
//! The slices of the service are listed and then watched (kubernetes.io, "Kubernetes API Concepts", "Efficient detection of
//! changes"). What a slice means is decided in [`slices`], which is pure; [`api`] asks, [`stream`] cuts a watch into events,
//! [`follow`] says when there is a new list.

mod api;
mod follow;
mod slices;
mod stream;
mod trouble;

pub(super) use self::api::look_into;
pub(super) use self::follow::{ask, follow};
