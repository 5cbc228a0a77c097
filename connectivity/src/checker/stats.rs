//! What a checker counts.

/// Counters of a checker since it began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Queries that came in by own sockets.
    pub queries: u64,
    /// Checks begun.
    pub started: u64,
    /// Checks that came to their end.
    pub finished: u64,
    /// Checks dropped, oldest first, since there were too many at once.
    pub dropped: u64,
    /// Queries of nodes that had been met before.
    pub repeats: u64,
    /// Queries of nobody whom we are to check.
    pub not_asked_for: u64,
    /// Queries from addresses that cannot be, or private ones.
    pub refused: u64,
    /// Queries without a usable node ID.
    pub without_id: u64,
    /// Queries of nodes not met before that say they answer nobody [BEP 43]:
    /// a check would take them for firewalled.
    pub read_only: u64,
    /// Queries under ever new IDs from one IP address.
    pub flooding: u64,
    /// Nodes that were forgotten, to be checked again if they query again.
    pub forgotten: u64,
    /// Probes sent.
    pub probes: u64,
    /// Times that probes had to wait for the rate limit.
    pub delayed: u64,
    /// Answers that counted.
    pub answers: u64,
    /// Answers that came too late or twice, or to a checker's socket and to no
    /// probe. On an own socket what comes when the probe is forgotten, or was
    /// made up, cannot be told from an answer to the node behind it.
    pub late: u64,
    /// Answers from another address than the one asked.
    pub wrong_source: u64,
    /// Answers to another socket than the one that asked.
    pub wrong_socket: u64,
    /// Nodes that answered with another ID than before.
    pub changed_ids: u64,
    /// Queries to a checker's socket, which does not answer any.
    pub uninvited: u64,
    /// Datagrams that are no KRPC message.
    pub malformed: u64,
}
