//! A Tomcat connector gateway: HTTP in front, AJP13 to the cluster, sticky by jvmRoute.

pub mod balancer;
pub mod mount;
pub mod sticky;
