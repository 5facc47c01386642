//! The produce errors that can be injected, by the protocol's names.

/// Name, code, and what it stands for. The mock decides on an error before it appends: none of these
/// leaves a record behind, whatever a real broker does.
pub const PRODUCE_ERRORS: &[(&str, i16, &str)] = &[
    ("NOT_ENOUGH_REPLICAS", 19, "retriable; refused before the append"),
    ("NOT_ENOUGH_REPLICAS_AFTER_APPEND", 20, "retriable; a real broker has appended"),
    ("REQUEST_TIMED_OUT", 7, "retriable; a real broker may have appended"),
    ("NOT_LEADER_OR_FOLLOWER", 6, "retriable; the client asks for metadata"),
    ("LEADER_NOT_AVAILABLE", 5, "retriable; the client asks for metadata"),
    ("UNKNOWN_TOPIC_OR_PARTITION", 3, "retriable; the client asks for metadata"),
    ("KAFKA_STORAGE_ERROR", 56, "retriable; a disk failed"),
    ("NETWORK_EXCEPTION", 13, "retriable"),
    ("CORRUPT_MESSAGE", 2, "retriable; a checksum was wrong"),
    ("UNKNOWN_SERVER_ERROR", -1, "unknown outcome"),
    ("TOPIC_AUTHORIZATION_FAILED", 29, "final"),
    ("MESSAGE_TOO_LARGE", 10, "final"),
    ("INVALID_RECORD", 87, "final"),
    ("POLICY_VIOLATION", 44, "final"),
    ("OUT_OF_ORDER_SEQUENCE_NUMBER", 45, "fatal to an idempotent producer"),
    // librdkafka's own code for a broken connection, which its mock takes as an order to hang up.
    ("DISCONNECT", -195, "the connection is closed instead of an answer"),
];

/// The code of a name.
pub fn code(name: &str) -> Option<i16> {
    PRODUCE_ERRORS.iter().find(|(n, ..)| *n == name).map(|(_, code, _)| *code)
}
