//! The laws between the two readers and the writer, for one datagram. The
//! property tests and the fuzz target share them.

use mdht_krpc::{Body, ItemFields, Message, Oddities, is_bencoded};

use crate::reference;

/// Holds every law against `datagram` and says whether the strict reader
/// accepted it. Panics where a law is broken.
pub(crate) fn check(datagram: &[u8]) -> bool {
    let strict = Message::decode_strict(datagram);
    let scanned = Message::scan(datagram);
    match (&strict, &scanned) {
        (Ok(strict), Ok(scanned)) => {
            assert_eq!(strict, scanned, "the readers differ");
            assert!(strict.oddities.is_empty());
        }
        (Ok(strict), Err(error)) => panic!("only the strict reader accepts: {error}\n{strict:?}"),
        (Err(error), Ok(scanned)) => assert!(
            !scanned.oddities.is_empty(),
            "refused ({error}), but nothing is odd: {scanned:?}"
        ),
        (Err(_), Err(error)) => assert!(error.offset <= datagram.len()),
    }
    if let Ok(message) = &scanned {
        if let Some(value) = item(message).value {
            assert!(is_bencoded(value, false), "no value, or not a whole one");
            assert!(value.len() < datagram.len());
        }
        lists_fit(message, datagram.len());
        reencodes(message);
    }
    strict.is_ok()
}

/// The lists of a message cannot hold more than its bytes do.
fn lists_fit(message: &Message<'_>, len: usize) {
    let Body::Response(response) = &message.body else {
        return;
    };
    for nodes in [response.nodes, response.nodes6].into_iter().flatten() {
        assert_eq!(nodes.iter().count(), nodes.len());
        assert!(nodes.len() * 26 <= len);
    }
    if let Some(values) = response.values {
        let count = values.iter().count();
        assert_eq!(response.has_values(), count > 0);
        assert!(count * 8 <= len);
    }
}

/// What was read can be written, to the byte as bendy does, and is then read
/// the same. Only ragged node lists and items that are not canonical, which are
/// kept as they came, stay odd.
fn reencodes(message: &Message<'_>) {
    let bytes = message.encode();
    assert_eq!(bytes, reference::encode(message), "bendy writes otherwise");
    let again = Message::scan(&bytes).expect("what was encoded can be read");
    assert_eq!(
        without_oddities(message),
        without_oddities(&again),
        "changed by encoding"
    );
    assert_eq!(again.encode(), bytes, "encoding is not stable");
    if again.oddities.is_empty() {
        let strict = Message::decode_strict(&bytes).expect("what was encoded is strict");
        assert_eq!(strict, without_oddities(message));
    } else {
        let kept = Oddities::BAD_NODES | Oddities::NON_CANONICAL;
        assert!(kept.contains(again.oddities));
        assert!(message.oddities.contains(again.oddities));
        if again.oddities.contains(Oddities::NON_CANONICAL) {
            let item = item(message).value.expect("all else is written anew");
            assert!(is_bencoded(item, false) && !is_bencoded(item, true));
        }
    }
}

fn item<'a>(message: &Message<'a>) -> ItemFields<'a> {
    match &message.body {
        Body::Query(query) => query.item,
        Body::Response(response) => response.item,
        Body::Error(_) => ItemFields::NONE,
    }
}

fn without_oddities<'a>(message: &Message<'a>) -> Message<'a> {
    Message {
        oddities: Oddities::NONE,
        ..message.clone()
    }
}
