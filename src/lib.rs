//! A Tomcat connector gateway: HTTP in front, AJP13 to the cluster, sticky by jvmRoute.
