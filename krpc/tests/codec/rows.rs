//! Tables of datagrams and what the tolerant reader must make of them.

use mdht_krpc::{Message, Oddities, ScanErrorKind};

use crate::agreement;

pub(crate) type Expected = Result<Oddities, ScanErrorKind>;
pub(crate) type Row = (&'static str, Vec<u8>, Expected);

pub(crate) const FINE: Expected = Ok(Oddities::NONE);
pub(crate) const TRUNCATED: Expected = Err(ScanErrorKind::Truncated);
pub(crate) const SYNTAX: Expected = Err(ScanErrorKind::Syntax);
pub(crate) const TOO_DEEP: Expected = Err(ScanErrorKind::TooDeep);
pub(crate) const NOT_KRPC: Expected = Err(ScanErrorKind::NotKrpc);
pub(crate) const NON_CANONICAL: Expected = Ok(Oddities::NON_CANONICAL);
pub(crate) const BAD_ID: Expected = Ok(Oddities::BAD_ID);
pub(crate) const BAD_NODES: Expected = Ok(Oddities::BAD_NODES);
pub(crate) const BAD_VALUES: Expected = Ok(Oddities::BAD_VALUES);
pub(crate) const WRONG_TYPE: Expected = Ok(Oddities::WRONG_TYPE);

/// Checks that `scan` does what each row says, and that all laws hold for it.
pub(crate) fn all_as_expected(rows: impl IntoIterator<Item = Row>) {
    for (name, bytes, expected) in rows {
        let scanned = Message::scan(&bytes);
        let found = scanned.map(|m| m.oddities).map_err(|e| e.kind);
        assert_eq!(found, expected, "{name}");
        let accepted = agreement::check(&bytes);
        assert_eq!(accepted, expected == FINE, "{name}, strictly");
    }
}

pub(crate) fn row(name: &'static str, bytes: impl AsRef<[u8]>, expected: Expected) -> Row {
    (name, bytes.as_ref().to_vec(), expected)
}

/// A ping with `extra` arguments behind `id`.
pub(crate) fn query(extra: &str) -> String {
    format!("d1:ad2:id20:abcdefghij0123456789{extra}e1:q4:ping1:t2:aa1:y1:qe")
}

/// A response with `extra` keys behind `id`.
pub(crate) fn response(extra: &str) -> String {
    format!("d1:rd2:id20:abcdefghij0123456789{extra}e1:t2:aa1:y1:re")
}

/// A ping whose unknown last key has the value `value`.
pub(crate) fn with_value(value: &str) -> String {
    format!("d1:ad2:id20:abcdefghij0123456789e1:q4:ping1:t2:aa1:y1:q1:z{value}e")
}

pub(crate) fn string(len: usize) -> String {
    format!("{len}:{}", "x".repeat(len))
}
