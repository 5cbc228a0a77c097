//! How large an answer may be: whoever asks in another's name must not hit
//! that one with much more than he sends himself.
//!
//! All answers pass here on their way out.
//!
//! - None is larger than [`MOST_ANSWER`].
//! - One of up to 3.5 times the query goes to anybody. What is beyond that is
//!   taken from a budget of the asker's address ([`RateLimit::excess`]); where
//!   the budget ends, the answer is cut: first the contacts of the family not
//!   asked by, then peers down to eight, contacts down to four, then all of
//!   both, then items, filters and samples. What still does not fit is not sent.
//! - An error is never longer than the query it answers; it leaves out what it
//!   can do without, or is not sent.
//!
//! [`RateLimit::excess`]: super::RateLimit::excess

use std::net::SocketAddr;

use mdht_krpc::{Body, ErrorReply, Family, ItemFields, Message, Nodes, Response};

use super::Core;

/// Longest answer in bytes: with the headers of UDP and IPv6, below the MTU of
/// nearly any path.
pub const MOST_ANSWER: usize = 1400;

/// Bytes that anybody may be sent for a query of `asked` bytes: 3.5 times as
/// many.
pub const fn free_answer(asked: usize) -> usize {
    asked.saturating_mul(7) / 2
}

impl Core {
    /// An answer to the query being handled, as it may be sent; `None` if it
    /// may not be.
    pub(crate) fn fit_answer(&mut self, to: SocketAddr, answer: &Message<'_>) -> Option<Vec<u8>> {
        let mut bytes = self.spare.payload();
        let may_be_sent = match &answer.body {
            Body::Response(response) => self.fit_response(to, answer, response, &mut bytes),
            Body::Error(error) => {
                let fits = fit_error(answer, error, self.query_len, &mut bytes);
                self.stats.answers_refused += u64::from(!fits);
                fits
            }
            Body::Query(_) => false,
        };
        if may_be_sent {
            return Some(bytes);
        }
        self.spare.keep_payload(bytes);
        None
    }

    /// Writes the response as it may be sent; false if it may not be.
    fn fit_response(
        &mut self,
        to: SocketAddr,
        answer: &Message<'_>,
        response: &Response<'_>,
        bytes: &mut Vec<u8>,
    ) -> bool {
        let now = self.now;
        let free = free_answer(self.query_len);
        answer.encode_into(bytes);
        let mut most = MOST_ANSWER;
        if bytes.len() > free
            && let Some(limiter) = &mut self.limiter
        {
            most = most.min(free.saturating_add(limiter.excess(now, to.ip())));
        }
        if bytes.len() > most {
            self.stats.answers_trimmed += 1;
            if !trim(answer, response, (Family::of(&to), most), bytes) {
                self.stats.answers_refused += 1;
                return false;
            }
        }
        let excess = bytes.len().saturating_sub(free);
        let admitted = self
            .limiter
            .as_mut()
            .is_none_or(|limiter| limiter.admits_answer(now, to.ip(), (bytes.len(), excess)));
        self.stats.rate_limited += u64::from(!admitted);
        admitted
    }
}

/// Writes the error in at most `most` bytes; false if there is no way to.
fn fit_error(answer: &Message<'_>, error: &ErrorReply<'_>, most: usize, out: &mut Vec<u8>) -> bool {
    let bare = Message {
        version: None,
        external_addr: None,
        ..answer.clone()
    };
    let mute = Message {
        body: Body::Error(ErrorReply {
            message: b"",
            ..*error
        }),
        ..bare.clone()
    };
    [answer, &bare, &mute].into_iter().any(|form| {
        out.clear();
        form.encode_into(out);
        out.len() <= most.min(MOST_ANSWER)
    })
}

/// What a response lists, and how much of it is kept.
struct Lists<'a> {
    peers: usize,
    own: &'a [u8],
    other: &'a [u8],
    family: Family,
}

impl<'a> Lists<'a> {
    fn new(response: &Response<'a>, family: Family) -> Self {
        let bytes = |nodes: Option<Nodes<'a>>| nodes.map_or(&[][..], |nodes| nodes.as_bytes());
        let (v4, v6) = (bytes(response.nodes), bytes(response.nodes6));
        let (own, other) = match family {
            Family::V4 => (v4, v6),
            Family::V6 => (v6, v4),
        };
        Self {
            peers: response.values.map_or(0, |values| values.iter().count()),
            own,
            other,
            family,
        }
    }

    /// Leaves out enough to save `over` bytes, but keeps `peers`, `own` and
    /// `other` of each list.
    fn cut(&mut self, mut over: usize, (peers, own, other): (usize, usize, usize)) {
        let of_other = match self.family {
            Family::V4 => Family::V6,
            Family::V6 => Family::V4,
        };
        over = cut_nodes(&mut self.other, of_other, other, over);
        // as an entry of the list: length, colon, compact address
        let peer_len = match self.family {
            Family::V4 => "6:".len() + 6,
            Family::V6 => "18:".len() + 18,
        };
        let gone = over
            .div_ceil(peer_len)
            .min(self.peers.saturating_sub(peers));
        self.peers -= gone;
        over = over.saturating_sub(gone * peer_len);
        cut_nodes(&mut self.own, self.family, own, over);
    }

    /// The response with no more than is kept.
    fn left_of(&self, response: &Response<'a>) -> Response<'a> {
        let of = |nodes: Option<Nodes<'a>>, family, bytes| nodes.map(|_| Nodes::new(family, bytes));
        let (v4, v6) = match self.family {
            Family::V4 => (self.own, self.other),
            Family::V6 => (self.other, self.own),
        };
        let values = response.values.filter(|_| self.peers > 0);
        Response {
            nodes: of(response.nodes, Family::V4, v4),
            nodes6: of(response.nodes6, Family::V6, v6),
            values: values.map(|values| values.first(self.peers)),
            ..response.clone()
        }
    }
}

/// Leaves out contacts, the farthest first, until `over` bytes are saved or
/// `keep` are left; returns how many bytes are still to be saved.
fn cut_nodes(nodes: &mut &[u8], family: Family, keep: usize, over: usize) -> usize {
    let len = family.compact_node_len();
    let count = nodes.len() / len;
    let gone = over.div_ceil(len).min(count.saturating_sub(keep));
    *nodes = &nodes[..(count - gone) * len];
    over.saturating_sub(gone * len)
}

/// Writes the response, which is in `bytes` whole, in at most `most` of them, by
/// leaving out list entries, or else items, filters and samples and as few list
/// entries as possible; false if that is not enough.
fn trim(
    answer: &Message<'_>,
    response: &Response<'_>,
    limits: (Family, usize),
    bytes: &mut Vec<u8>,
) -> bool {
    if cut(answer, response, limits, bytes) {
        return true;
    }
    let light = Response {
        item: ItemFields::NONE,
        seeds: None,
        leeches: None,
        samples: None,
        ..response.clone()
    };
    write(answer, light.clone(), bytes);
    cut(answer, &light, limits, bytes)
}

/// Writes the answer with this response.
fn write(answer: &Message<'_>, response: Response<'_>, bytes: &mut Vec<u8>) {
    bytes.clear();
    let answer = Message {
        body: Body::Response(response),
        ..answer.clone()
    };
    answer.encode_into(bytes);
}

/// Writes the response, which is in `bytes` whole, in at most `most` of them, by
/// leaving out list entries; false if that is not enough.
fn cut(
    answer: &Message<'_>,
    response: &Response<'_>,
    (family, most): (Family, usize),
    bytes: &mut Vec<u8>,
) -> bool {
    /// Peers, contacts of the asker's family, contacts of the other.
    const KEPT: [(usize, usize, usize); 4] = [
        (usize::MAX, usize::MAX, 0),
        (8, usize::MAX, 0),
        (8, 4, 0),
        (0, 0, 0),
    ];
    let mut lists = Lists::new(response, family);
    KEPT.into_iter().any(|kept| {
        lists.cut(bytes.len().saturating_sub(most), kept);
        write(answer, lists.left_of(response), bytes);
        bytes.len() <= most
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use mdht_krpc::{Contact, Id, Values};

    /// A response with so many peers and contacts of both families.
    fn response_of(
        peers: usize,
        v4: usize,
        v6: usize,
        fit: impl Fn(&Message<'_>, &Response<'_>) -> Option<Vec<u8>>,
    ) -> Option<(Vec<u8>, (usize, usize, usize))> {
        let addr = |n: usize| SocketAddr::from(([1, 2, 3, 4], u16::try_from(n).unwrap() + 1));
        let id = |n: usize| Id::new([u8::try_from(n).unwrap(); 20]);
        let peers: Vec<_> = (0..peers).map(addr).collect();
        let (mut nodes, mut nodes6) = (Vec::new(), Vec::new());
        for n in 0..v4 {
            Nodes::write(&Contact::new(id(n), addr(n)), &mut nodes);
        }
        for n in 0..v6 {
            let addr = SocketAddr::from(([0x2a00, 0, 0, 0, 0, 0, 0, 1], addr(n).port()));
            Nodes::write(&Contact::new(id(n), addr), &mut nodes6);
        }
        let response = Response {
            id: Some(Id::new([7; 20])),
            token: Some(b"12345678"),
            values: Some(Values::from_peers(&peers)),
            nodes: Some(Nodes::new(Family::V4, &nodes)),
            nodes6: Some(Nodes::new(Family::V6, &nodes6)),
            ..Response::default()
        };
        let message = Message::new(b"aa", Body::Response(response.clone()));
        let bytes = fit(&message, &response)?;
        let Body::Response(left) = Message::scan(&bytes).unwrap().body else {
            panic!("no response");
        };
        assert_eq!((left.id, left.token), (response.id, response.token));
        let nodes = |nodes: Option<Nodes<'_>>| nodes.map_or(0, |nodes| nodes.len());
        let values = left.values.map_or(0, |values| values.iter().count());
        let counts = (values, nodes(left.nodes), nodes(left.nodes6));
        Some((bytes, counts))
    }

    fn trimmed(
        message: &Message<'_>,
        response: &Response<'_>,
        limits: (Family, usize),
    ) -> Option<Vec<u8>> {
        let mut bytes = message.encode();
        trim(message, response, limits, &mut bytes).then_some(bytes)
    }

    #[test]
    fn the_other_family_goes_first_then_peers_then_contacts() {
        let fit = |most| {
            move |message: &Message<'_>, response: &Response<'_>| {
                trimmed(message, response, (Family::V4, most))
            }
        };
        let left = |most| {
            response_of(50, 8, 8, fit(most)).map(|(bytes, counts)| {
                assert!(bytes.len() <= most);
                counts
            })
        };
        assert_eq!(left(1400), Some((50, 8, 8)));
        assert_eq!(left(900), Some((50, 8, 5)));
        assert_eq!(left(600), Some((37, 8, 0)));
        assert_eq!(left(300), Some((8, 5, 0)));
        assert_eq!(left(100), Some((0, 0, 0)));
        assert_eq!(left(60), None);
    }

    #[test]
    fn every_length_is_kept_to() {
        for family in Family::ALL {
            for most in 60..1500 {
                let fit = |message: &Message<'_>, response: &Response<'_>| {
                    trimmed(message, response, (family, most))
                };
                if let Some((bytes, _)) = response_of(50, 8, 8, fit) {
                    assert!(bytes.len() <= most, "{} of {most}", bytes.len());
                }
            }
        }
    }

    #[test]
    fn an_error_gets_shorter_or_is_not_sent() {
        let error = ErrorReply {
            code: 203,
            message: b"bad or no target",
        };
        let answer = Message {
            version: Some(b"MD\x00\x01"),
            external_addr: Some(([1, 2, 3, 4], 5).into()),
            ..Message::new(b"aa", Body::Error(error))
        };
        let len = |most| {
            let mut bytes = Vec::new();
            fit_error(&answer, &error, most, &mut bytes).then_some(bytes.len())
        };
        assert_eq!(len(100), Some(answer.encode().len()));
        assert!(len(50).is_some_and(|len| (28..=50).contains(&len)));
        assert!(len(28).is_some());
        assert_eq!(len(20), None);
    }
}
