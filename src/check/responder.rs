//! What our own socket answers while it waits for named nodes.

use std::net::SocketAddr;

use mdht_krpc::{Body, Family, Id, Message, Method, Nodes, Response};

/// Answers a ping, find_node or get_peers of a node that we wait for: we are
/// here, and know nobody. Whether there is anything to answer.
///
/// The answer is about as long as the query, so nothing is amplified.
pub(super) fn answer(id: Id, from: &SocketAddr, payload: &[u8], out: &mut Vec<u8>) -> bool {
    let Ok(message) = Message::scan(payload) else {
        return false;
    };
    let Body::Query(query) = &message.body else {
        return false;
    };
    let nodes = match query.method {
        Method::Ping => None,
        Method::FindNode | Method::GetPeers => Some(Nodes::new(Family::of(from), &[])),
        _ => return false,
    };
    let mut response = Response {
        id: Some(id),
        ..Response::default()
    };
    match Family::of(from) {
        Family::V4 => response.nodes = nodes,
        Family::V6 => response.nodes6 = nodes,
    }
    let answer = Message {
        version: Some(&mdht_node::core::VERSION),
        external_addr: Some(*from),
        ..Message::new(message.transaction_id, Body::Response(response))
    };
    out.clear();
    answer.encode_into(out);
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use mdht_krpc::Query;

    #[test]
    fn queries_are_answered_and_nothing_else() {
        let from = "8.8.8.8:7".parse().unwrap();
        let (ours, theirs) = (Id::new([1; 20]), Id::new([2; 20]));
        let mut out = Vec::new();
        for query in [
            Query::new(Method::Ping, theirs),
            Query::find_node(theirs, ours),
            Query::get_peers(theirs, ours),
        ] {
            let datagram = Message::new(b"xy", Body::Query(query)).encode();
            assert!(answer(ours, &from, &datagram, &mut out));
            let message = Message::decode_strict(&out).unwrap();
            assert_eq!(message.transaction_id, b"xy");
            assert_eq!(message.external_addr, Some(from));
            assert!(matches!(message.body, Body::Response(r) if r.id == Some(ours)));
        }
        let unknown = Query::new(Method::Unknown(b"vote"), theirs);
        let unknown = Message::new(b"xy", Body::Query(unknown)).encode();
        assert!(!answer(ours, &from, &unknown, &mut out));
        assert!(!answer(ours, &from, b"nonsense", &mut out));
        let response = Body::Response(Response::default());
        let response = Message::new(b"xy", response).encode();
        assert!(!answer(ours, &from, &response, &mut out));
    }
}
