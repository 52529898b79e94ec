//! Where a request names its session, and the route that the session asks for.
