//! The columns of each table. `docs/parquet.md` says what they mean; a test
//! holds it to what stands here.

use super::column::{Kind, Spec};

/// A table: the name of its file and its columns.
pub(super) struct Schema {
    pub(super) name: &'static str,
    pub(super) columns: &'static [Spec],
}

/// A row for each KRPC message that a node under test sent or received.
pub(super) const MESSAGES: Schema = Schema {
    name: "messages",
    columns: &[
        Spec::required("time", Kind::Time),
        Spec::required("node", Kind::Text),
        Spec::required("local_ip", Kind::Text),
        Spec::required("local_port", Kind::Port),
        Spec::required("remote_ip", Kind::Text),
        Spec::required("remote_port", Kind::Port),
        Spec::required("direction", Kind::Text),
        Spec::required("kind", Kind::Text),
        Spec::nullable("method", Kind::Text),
        Spec::required("transaction_id", Kind::Token),
        Spec::nullable("sender_id", Kind::Id),
        Spec::nullable("target", Kind::Id),
        Spec::nullable("client", Kind::Text),
        Spec::nullable("version", Kind::Binary),
        Spec::required("read_only", Kind::Flag),
        Spec::nullable("nodes", Kind::Int),
        Spec::nullable("peers", Kind::Int),
        Spec::nullable("error_code", Kind::Long),
        Spec::nullable("oddities", Kind::Text),
        Spec::required("ip_bytes", Kind::Int),
    ],
};

/// A row for each query that a node under test sent.
pub(super) const EXCHANGES: Schema = Schema {
    name: "exchanges",
    columns: &[
        Spec::required("time", Kind::Time),
        Spec::required("node", Kind::Text),
        Spec::required("local_ip", Kind::Text),
        Spec::required("local_port", Kind::Port),
        Spec::required("remote_ip", Kind::Text),
        Spec::required("remote_port", Kind::Port),
        Spec::required("method", Kind::Text),
        Spec::nullable("target", Kind::Id),
        Spec::nullable("lookup", Kind::Long),
        Spec::nullable("hops", Kind::Int),
        Spec::nullable("named_distance_bits", Kind::Int),
        Spec::required("outcome", Kind::Text),
        Spec::nullable("rtt_ns", Kind::Nanos),
        Spec::nullable("answer", Kind::Text),
        Spec::nullable("error_code", Kind::Long),
        Spec::nullable("responder_id", Kind::Id),
        Spec::nullable("distance_bits", Kind::Int),
        Spec::nullable("client", Kind::Text),
        Spec::nullable("nodes", Kind::Int),
        Spec::nullable("peers", Kind::Int),
        Spec::nullable("has_item", Kind::Flag),
    ],
};

/// A row for each group of get_peers or get queries for one target.
pub(super) const LOOKUPS: Schema = Schema {
    name: "lookups",
    columns: &[
        Spec::required("time", Kind::Time),
        Spec::required("node", Kind::Text),
        Spec::required("lookup", Kind::Long),
        Spec::required("kind", Kind::Text),
        Spec::required("target", Kind::Id),
        Spec::nullable("latency_ns", Kind::Nanos),
        Spec::nullable("cost", Kind::Long),
        Spec::required("queries", Kind::Long),
        Spec::required("answered", Kind::Long),
        Spec::required("answered_late", Kind::Long),
        Spec::nullable("closest_ns", Kind::Nanos),
        Spec::nullable("replicas", Kind::Long),
        Spec::nullable("peers", Kind::Long),
        Spec::required("announced", Kind::Flag),
        Spec::nullable("hops", Kind::Int),
        Spec::nullable("closest_hops", Kind::Int),
        Spec::nullable("first_distance_bits", Kind::Int),
        Spec::nullable("closest_distance_bits", Kind::Int),
    ],
};
