//! Free ports on loopback for brokers to be published on.
//!
//! They lie below the range from which the kernel draws the ports of outgoing connections: while a broker
//! is down its clients keep dialling its port, and inside that range a dial can be given the very port it
//! dials. It then connects to itself, and the broker cannot come back because its port is taken.

use std::net::{Ipv4Addr, TcpListener};
use std::ops::Range;

use rand::RngExt;

use crate::error::NemesisError;

/// The kernel's range where it cannot be read: Linux's default begins here.
const USUAL_EPHEMERAL_START: u16 = 32768;
/// Well above privileged and commonly used ports.
const LOWEST: u16 = 15000;
const ATTEMPTS: usize = 200;

/// Draws `count` different ports that nothing listens on at this moment.
///
/// # Errors
/// If none can be found in a bounded number of draws.
pub(crate) fn free(count: usize) -> Result<Vec<u16>, NemesisError> {
    let range = range();
    let mut rng = rand::rng();
    // Held until all are drawn, so that no port is drawn twice.
    let mut held: Vec<(u16, TcpListener)> = Vec::new();
    for _ in 0..ATTEMPTS * count {
        if held.len() == count {
            break;
        }
        let port = rng.random_range(range.clone());
        if let Ok(listener) = TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
            held.push((port, listener));
        }
    }
    if held.len() < count {
        return Err(NemesisError::Other(format!(
            "cannot find {count} free ports on 127.0.0.1 between {} and {}: stop what listens there",
            range.start, range.end
        )));
    }
    Ok(held.into_iter().map(|(port, _)| port).collect())
}

fn range() -> Range<u16> {
    let ephemeral = std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range")
        .ok()
        .and_then(|text| text.split_whitespace().next()?.parse().ok())
        .unwrap_or(USUAL_EPHEMERAL_START);
    below(ephemeral)
}

/// The range below the kernel's, or above well-known ports where the kernel's leaves too little room.
fn below(ephemeral: u16) -> Range<u16> {
    if ephemeral >= LOWEST + 1000 { LOWEST..ephemeral } else { LOWEST..USUAL_EPHEMERAL_START }
}

/// Whether Docker's refusal to start a container means that its published port is taken.
pub(crate) fn is_taken(refusal: &str) -> bool {
    ["address already in use", "port is already allocated", "ports are not available"]
        .iter()
        .any(|words| refusal.contains(words))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_differ_and_are_free() {
        let ports = free(20).unwrap();
        let mut unique = ports.clone();
        unique.sort_unstable();
        unique.dedup();
        assert_eq!(unique.len(), 20);
    }

    #[test]
    fn ports_stay_out_of_the_kernels_range() {
        assert_eq!(below(32768), 15000..32768);
        assert_eq!(below(1024), 15000..32768, "no room below: the usual range");
    }

    #[test]
    fn dockers_ways_to_say_taken() {
        assert!(is_taken(
            "driver failed programming external connectivity on endpoint x: Error starting userland proxy: \
             listen tcp4 127.0.0.1:19094: bind: address already in use"
        ));
        assert!(is_taken("Bind for 127.0.0.1:19094 failed: port is already allocated"));
        assert!(!is_taken("no such image"));
    }
}
