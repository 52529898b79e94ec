//! Which member gets a request: the decisions of mod_proxy_balancer as a plain state machine.
