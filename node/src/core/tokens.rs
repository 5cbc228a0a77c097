//! Tokens that bind an announce to an earlier get_peers (BEP 5).

use std::net::{IpAddr, SocketAddr};

use mdht_krpc::{Id, Rng};
use sha1::{Digest, Sha1};

/// Length of our tokens in bytes.
const TOKEN_LEN: usize = 8;

/// A token as it goes on the wire.
pub(crate) type Token = [u8; TOKEN_LEN];

/// Makes and checks tokens. A token holds for the address and the infohash it
/// was given for, and for one to two rotations of the secret: 5 to 10 minutes
/// at the rotation of BEP 5.
#[derive(Debug)]
pub(crate) struct Tokens {
    current: [u8; 20],
    previous: [u8; 20],
}

impl Tokens {
    pub(crate) fn new(rng: &mut Rng) -> Self {
        let mut tokens = Self {
            current: [0; 20],
            previous: [0; 20],
        };
        tokens.rotate(rng);
        tokens.rotate(rng);
        tokens
    }

    /// Starts using a new secret; the one before the current is forgotten.
    pub(crate) fn rotate(&mut self, rng: &mut Rng) {
        self.previous = self.current;
        rng.fill(&mut self.current);
    }

    pub(crate) fn make(&self, addr: &SocketAddr, info_hash: &Id) -> Token {
        token(&self.current, addr, info_hash)
    }

    pub(crate) fn is_valid(&self, given: &[u8], addr: &SocketAddr, info_hash: &Id) -> bool {
        [&self.current, &self.previous]
            .into_iter()
            .any(|secret| token(secret, addr, info_hash) == given)
    }
}

fn token(secret: &[u8; 20], addr: &SocketAddr, info_hash: &Id) -> Token {
    let mut hash = Sha1::new();
    hash.update(secret);
    hash.update(info_hash.as_bytes());
    match addr.ip() {
        IpAddr::V4(ip) => hash.update(ip.octets()),
        IpAddr::V6(ip) => hash.update(ip.octets()),
    }
    hash.update(addr.port().to_be_bytes());
    std::array::from_fn({
        let digest = hash.finalize();
        move |i| digest[i]
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_outlives_one_rotation_and_no_other_address() {
        let mut rng = Rng::from_u64(1);
        let mut tokens = Tokens::new(&mut rng);
        let addr: SocketAddr = "1.2.3.4:5".parse().unwrap();
        let (key, other_key) = (Id::random(&mut rng), Id::random(&mut rng));
        let token = tokens.make(&addr, &key);
        assert!(tokens.is_valid(&token, &addr, &key));
        for other in ["1.2.3.5:5", "1.2.3.4:6", "[::1]:5"] {
            assert!(
                !tokens.is_valid(&token, &other.parse().unwrap(), &key),
                "{other}"
            );
        }
        assert!(!tokens.is_valid(&token, &addr, &other_key));
        assert!(!tokens.is_valid(&token[..7], &addr, &key));
        assert!(!tokens.is_valid(b"", &addr, &key));
        tokens.rotate(&mut rng);
        assert!(tokens.is_valid(&token, &addr, &key));
        tokens.rotate(&mut rng);
        assert!(!tokens.is_valid(&token, &addr, &key));
    }
}
