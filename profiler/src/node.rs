//! How a node under test is named.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

/// A node under test: an IP address, with a port or without, and a label.
///
/// Written `IP[:PORT][=LABEL]`; an IPv6 address with a port stands in
/// brackets. Without a port, every UDP socket of that address is the node.
///
/// ```
/// # use mdht_profiler::NodeSpec;
/// let node: NodeSpec = "10.0.0.1:6881=NR128-A".parse().unwrap();
/// assert_eq!((node.port, node.label.as_deref()), (Some(6881), Some("NR128-A")));
/// assert_eq!("[2a00::1]:6881".parse::<NodeSpec>().unwrap().to_string(), "[2a00::1]:6881");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct NodeSpec {
    /// The IP address.
    pub ip: IpAddr,
    /// The UDP port; any if `None`.
    pub port: Option<u16>,
    /// What to call the node in figures.
    pub label: Option<String>,
}

impl NodeSpec {
    /// Whether `addr` is a socket of this node.
    #[inline]
    pub fn matches(&self, addr: &SocketAddr) -> bool {
        // the families one by one: this is asked twice for every message
        let same_ip = match (self.ip, addr) {
            (IpAddr::V4(ip), SocketAddr::V4(addr)) => ip == *addr.ip(),
            (IpAddr::V6(ip), SocketAddr::V6(addr)) => ip == *addr.ip(),
            _ => false,
        };
        same_ip && self.port.is_none_or(|port| port == addr.port())
    }
}

impl From<SocketAddr> for NodeSpec {
    fn from(addr: SocketAddr) -> Self {
        Self {
            ip: addr.ip(),
            port: Some(addr.port()),
            label: None,
        }
    }
}

/// Without the label.
impl fmt::Display for NodeSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.port {
            Some(port) => SocketAddr::new(self.ip, port).fmt(f),
            None => self.ip.fmt(f),
        }
    }
}

/// Why a text is not a [`NodeSpec`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseNodeError {
    /// What stands before `=` is no address.
    #[error(
        "`{0}` is not the address of a node; give IP or IP:PORT, for IPv6 with a port \
         [IP]:PORT, and =LABEL behind it if wanted, such as 10.0.0.1:6881=NR128-A"
    )]
    Address(String),
    /// The port is 0, which no datagram has.
    #[error("port 0 of `{0}` is not a port of a node; leave it out to take every port")]
    PortZero(String),
    /// `=` with nothing behind it.
    #[error("`{0}` ends in `=`; give the label behind it, or leave out the `=`")]
    EmptyLabel(String),
}

impl FromStr for NodeSpec {
    type Err = ParseNodeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (address, label) = match text.split_once('=') {
            Some((_, "")) => return Err(ParseNodeError::EmptyLabel(text.to_owned())),
            Some((address, label)) => (address, Some(label.to_owned())),
            None => (text, None),
        };
        let bare = address
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'))
            .unwrap_or(address);
        let (ip, port) = match (bare.parse::<IpAddr>(), address.parse::<SocketAddr>()) {
            (Ok(ip), _) => (ip, None),
            (_, Ok(addr)) => (addr.ip(), Some(addr.port())),
            _ => return Err(ParseNodeError::Address(address.to_owned())),
        };
        if port == Some(0) {
            return Err(ParseNodeError::PortZero(text.to_owned()));
        }
        Ok(Self { ip, port, label })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form() {
        for (text, ip, port, label) in [
            ("10.0.0.1", "10.0.0.1", None, None),
            ("10.0.0.1:6881", "10.0.0.1", Some(6881), None),
            ("10.0.0.1=a=b", "10.0.0.1", None, Some("a=b")),
            ("::1", "::1", None, None),
            ("[::1]", "::1", None, None),
            ("[::1]:7=x y", "::1", Some(7), Some("x y")),
        ] {
            let node: NodeSpec = text.parse().unwrap();
            assert_eq!(node.ip, ip.parse::<IpAddr>().unwrap(), "{text}");
            assert_eq!((node.port, node.label.as_deref()), (port, label), "{text}");
        }
    }

    #[test]
    fn refused_with_a_reason() {
        for text in [
            "",
            "=x",
            "10.0.0.1:",
            "10.0.0",
            "10.0.0.1:70000",
            "host:1",
            "[::1",
        ] {
            let error = text.parse::<NodeSpec>().unwrap_err();
            assert!(matches!(error, ParseNodeError::Address(_)), "{text}");
            assert!(error.to_string().contains("10.0.0.1:6881"));
        }
        assert!(matches!(
            "10.0.0.1:0".parse::<NodeSpec>(),
            Err(ParseNodeError::PortZero(_))
        ));
        assert!(matches!(
            "10.0.0.1=".parse::<NodeSpec>(),
            Err(ParseNodeError::EmptyLabel(_))
        ));
    }

    #[test]
    fn without_a_port_every_socket_matches() {
        let (any, one): (NodeSpec, NodeSpec) =
            ("10.0.0.1".parse().unwrap(), "10.0.0.1:5".parse().unwrap());
        let (addr, other) = ("10.0.0.1:6".parse().unwrap(), "10.0.0.2:5".parse().unwrap());
        assert!(any.matches(&addr) && !any.matches(&other));
        assert!(!one.matches(&addr) && !one.matches(&other));
    }
}
