//! How many connections each client address has, for `max_connections_per_ip`.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

/// Open connections by address. An address without an open connection is not in the table. IPv6 addresses count one by one,
/// not by network.
#[derive(Debug, Clone, Default)]
pub(crate) struct PerAddress(Arc<Mutex<HashMap<IpAddr, usize>>>);

/// One connection of an address, until this is dropped.
#[derive(Debug)]
pub(crate) struct Counted {
    table: PerAddress,
    address: IpAddr,
}

impl PerAddress {
    /// Counts one more connection of an address; `None` where it has `most` already.
    pub(crate) fn enter(&self, address: IpAddr, most: usize) -> Option<Counted> {
        let address = address.to_canonical();
        let mut table = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let open = table.get(&address).copied().unwrap_or_default();
        if open >= most {
            return None;
        }
        table.insert(address, open + 1);
        drop(table);
        Some(Counted {
            table: self.clone(),
            address,
        })
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let mut table = self.table.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(open) = table.get_mut(&self.address) {
            *open = open.saturating_sub(1);
            if *open == 0 {
                table.remove(&self.address);
            }
        }
        // The table is as large as it is at most needed.
        if table.capacity() > 64 && table.len() < table.capacity() / 8 {
            table.shrink_to_fit();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_so_many_connections_and_the_table_holds_no_others() {
        let table = PerAddress::default();
        let [a, mapped, b] = ["192.0.2.7", "::ffff:192.0.2.7", "2001:db8::1"]
            .map(|it| it.parse::<IpAddr>().unwrap());
        let first = table.enter(a, 2).unwrap();
        let second = table.enter(mapped, 2).unwrap();
        assert!(table.enter(a, 2).is_none());
        let other = table.enter(b, 2).unwrap();
        drop(first);
        let third = table.enter(a, 2).unwrap();
        drop((second, third, other));
        assert!(table.0.lock().unwrap().is_empty());
    }

    #[test]
    fn the_table_shrinks_behind_a_crowd() {
        let table = PerAddress::default();
        let crowd: Vec<_> = (0..10_000_u32)
            .map(|number| table.enter(IpAddr::from(number.to_be_bytes()), 1).unwrap())
            .collect();
        drop(crowd);
        assert!(table.0.lock().unwrap().capacity() <= 64);
    }
}
