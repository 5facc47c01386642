//! What became of a send: the one table from what the client library says to `ok`, `fail` or `info`.
//!
//! `fail` is said only of a record that certainly is not in the log and never will be. That takes three things: the
//! library's persistence status is "not persisted", the error is one of the [`CERTAIN`] ones, and no earlier attempt
//! of the same record can have been answered by an [ambiguous error](ambiguous_attempt): the library sends a record
//! again after NOT_LEADER_OR_FOLLOWER, calls it "not persisted" still and may report its timeout much later, although
//! a broker can give that answer after it appended the record. Everything else is `info`.

use std::collections::BTreeMap;
use std::ffi::CStr;
use std::ptr;
use std::sync::OnceLock;

use rdkafka::bindings::{rd_kafka_err_desc, rd_kafka_get_err_descs};
use rdkafka::types::RDKafkaErrorCode as Code;
use store::op::{OpType, PersistenceStatus};

use crate::config::Acks;

/// Where the client library spoke.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Site {
    /// `produce()` itself refused: the record never entered the client's queue.
    Refused,
    /// The delivery report.
    Report,
}

/// What the client library said of one send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Said {
    /// Where.
    pub site: Site,
    /// The error, `None` for success.
    pub code: Option<Code>,
    /// Its persistence status.
    pub status: PersistenceStatus,
    /// Whether an earlier attempt may have got an answer that leaves the record's fate open.
    pub ambiguous_attempt: bool,
}

/// What that means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outcome {
    /// `Ok`, `Fail` or `Info`.
    pub op_type: OpType,
    /// Why; empty for `Ok`.
    pub reason: &'static str,
}

/// Errors that, together with the status "not persisted", say that the record was not appended.
pub const CERTAIN: &[(Code, &str)] = &[
    // Never sent: the record was still in the client's queue.
    (Code::MessageTimedOut, "it waited in the client's queue until its delivery timeout, never sent"),
    (Code::TimedOutQueue, "it waited in the client's queue until its timeout, never sent"),
    (Code::PurgeQueue, "it was purged from the client's queue, never sent"),
    (Code::QueueFull, "the client's queue was full, never sent"),
    (Code::UnknownPartition, "the client knows no such partition, never sent"),
    (Code::UnknownTopic, "the client knows no such topic, never sent"),
    // The leader counts its in-sync replicas before it appends.
    (Code::NotEnoughReplicas, "the leader refused it before the append: too few replicas in sync"),
    // Authorization comes before anything else.
    (Code::TopicAuthorizationFailed, "the broker refused it before the append: not authorized for the topic"),
    (Code::ClusterAuthorizationFailed, "the broker refused it before the append: not authorized"),
    (
        Code::TransactionalIdAuthorizationFailed,
        "the broker refused it before the append: not authorized for the transactional id",
    ),
    // Size and form are validated before the append.
    (Code::MessageSizeTooLarge, "it is larger than the broker or the client accepts"),
    (Code::MessageBatchTooLarge, "its batch is larger than the broker accepts"),
    (Code::InvalidMessageSize, "the broker refused its size before the append"),
    (Code::InvalidMessage, "the broker's validation refused it before the append"),
    (Code::InvalidRecord, "the broker's validation refused it before the append"),
    (
        Code::InvalidDifferentRecord,
        "the broker's validation refused another record of its batch, and with it the batch",
    ),
    (Code::InvalidTimestamp, "the broker's validation refused its timestamp before the append"),
    (Code::InvalidTopic, "the broker refused the topic's name before the append"),
    (Code::InvalidRequiredAcks, "the broker refused the value of acks before the append"),
    (Code::UnsupportedForMessageFormat, "the broker's record format does not take it"),
    (Code::UnsupportedCompressionType, "the broker does not take its compression"),
    (Code::PolicyViolation, "the broker's policy refused it before the append"),
];

/// Errors that the library takes for "not persisted", and a broker can give after it appended.
const AFTER_APPEND: &[(Code, &str)] = &[
    (Code::NotLeaderForPartition, "a leader that is deposed gives this answer after the append, too"),
    (Code::LeaderNotAvailable, "a broker can give this answer after the append, too"),
    (Code::ReplicaNotAvailable, "a broker can give this answer after the append, too"),
    (Code::BrokerNotAvailable, "a broker can give this answer after the append, too"),
    (
        Code::UnknownTopicOrPartition,
        "a broker that loses the partition gives this answer after the append, too",
    ),
    (Code::KafkaStorageError, "a broker whose disk fails gives this answer after the append, too"),
    (Code::FencedLeaderEpoch, "a leader that is deposed gives this answer after the append, too"),
    (Code::UnknownLeaderEpoch, "a broker can give this answer after the append, too"),
    (Code::NetworkException, "the answer was lost, perhaps after the append"),
];

/// Judges one send.
pub fn classify(said: Said, acks: Acks) -> Outcome {
    use PersistenceStatus::{NotPersisted, Persisted, PossiblyPersisted};
    let info = |reason| Outcome { op_type: OpType::Info, reason };
    let fail = |reason| Outcome { op_type: OpType::Fail, reason };
    match (said.site, said.code, said.status) {
        (Site::Refused, Some(_), _) => fail("the client refused it, never sent"),
        (Site::Refused, None, _) => info("the client neither took nor refused it"),
        (Site::Report, None, _) if acks == Acks::Zero => Outcome { op_type: OpType::Ok, reason: "" },
        (Site::Report, None, Persisted) => Outcome { op_type: OpType::Ok, reason: "" },
        (Site::Report, None, NotPersisted | PossiblyPersisted) => {
            info("reported as delivered, yet not as persisted")
        }
        (Site::Report, Some(_), PossiblyPersisted) => {
            info("it was sent, and no answer says what became of it")
        }
        (Site::Report, Some(_), Persisted) => info("reported as an error and as persisted"),
        (Site::Report, Some(code), NotPersisted) => match find(CERTAIN, code) {
            Some(_) if said.ambiguous_attempt => {
                info("an earlier attempt may have been answered after the append")
            }
            Some(reason) => fail(reason),
            None => {
                info(find(AFTER_APPEND, code).unwrap_or("this error does not say that nothing was appended"))
            }
        },
    }
}

fn find(table: &[(Code, &'static str)], code: Code) -> Option<&'static str> {
    table.iter().find(|(c, _)| *c == code).map(|(_, reason)| *reason)
}

/// Whether this debug line of the client library (its facility and text) tells of an answer after which the library
/// sends records again as "not persisted", although they may have been appended.
///
/// The library says it nowhere else: `rd_kafka_toppar_leader_unavailable()`, called by `rd_kafka_handle_Produce_error()`
/// (librdkafka 2.12) whenever it sends again without counting a retry, logs under `debug=topic`. A transport error comes
/// this way, too; there the status itself tells sent from unsent.
pub fn ambiguous_attempt(facility: &str, text: &str) -> bool {
    facility == "BROKERUA"
        && text.contains(": produce: ")
        && !text.ends_with("Local: Broker transport failure")
}

/// An error's name in the protocol and in librdkafka: `NOT_ENOUGH_REPLICAS`, `_MSG_TIMED_OUT`.
pub fn name(code: Code) -> &'static str {
    static NAMES: OnceLock<BTreeMap<i32, &'static str>> = OnceLock::new();
    let names = NAMES.get_or_init(|| {
        let (mut table, mut len): (*const rd_kafka_err_desc, usize) = (ptr::null(), 0);
        // SAFETY: the library fills in a pointer to its static table and its length.
        let rows = unsafe {
            rd_kafka_get_err_descs(&mut table, &mut len);
            std::slice::from_raw_parts(table, len)
        };
        rows.iter()
            .filter(|row| !row.name.is_null())
            // SAFETY: names in the static table are C strings that live for ever.
            .filter_map(|row| Some((row.code as i32, unsafe { CStr::from_ptr(row.name) }.to_str().ok()?)))
            .collect()
    });
    names.get(&(code as i32)).copied().unwrap_or("an error without a name")
}

#[cfg(test)]
mod tests {
    use super::*;
    use PersistenceStatus::{NotPersisted, Persisted, PossiblyPersisted};

    /// Every error that the client library can name.
    fn all_codes() -> Vec<Code> {
        let (mut table, mut len): (*const rd_kafka_err_desc, usize) = (ptr::null(), 0);
        // SAFETY: as in `name`.
        let rows = unsafe {
            rd_kafka_get_err_descs(&mut table, &mut len);
            std::slice::from_raw_parts(table, len)
        };
        let codes: Vec<Code> = rows
            .iter()
            .filter(|r| !r.name.is_null())
            .map(|r| Code::from(r.code))
            .filter(|c| *c != Code::NoError)
            .collect();
        assert!(codes.len() > 120, "only {} errors", codes.len());
        codes
    }

    fn report(code: Option<Code>, status: PersistenceStatus) -> Said {
        Said { site: Site::Report, code, status, ambiguous_attempt: false }
    }

    #[test]
    fn only_the_listed_errors_fail_and_only_when_not_persisted() {
        let mut failing = 0;
        for code in all_codes() {
            for status in [NotPersisted, PossiblyPersisted, Persisted] {
                for ambiguous_attempt in [false, true] {
                    for acks in [Acks::Zero, Acks::One, Acks::All] {
                        let outcome =
                            classify(Said { ambiguous_attempt, ..report(Some(code), status) }, acks);
                        let certain = CERTAIN.iter().any(|(c, _)| *c == code);
                        let expected = if certain && status == NotPersisted && !ambiguous_attempt {
                            failing += 1;
                            OpType::Fail
                        } else {
                            OpType::Info
                        };
                        assert_eq!(
                            outcome.op_type, expected,
                            "{code:?} {status:?} {ambiguous_attempt} {acks}"
                        );
                        assert!(!outcome.reason.is_empty());
                    }
                }
            }
        }
        assert_eq!(failing, CERTAIN.len() * 3, "every row of the table is a real error");
    }

    #[test]
    fn what_a_broker_can_answer_after_the_append_is_never_certain() {
        for (code, _) in AFTER_APPEND {
            assert!(!CERTAIN.iter().any(|(c, _)| c == code), "{code:?}");
        }
        for code in [
            Code::NotLeaderForPartition,
            Code::UnknownTopicOrPartition,
            Code::KafkaStorageError,
            Code::NotEnoughReplicasAfterAppend,
            Code::RequestTimedOut,
            Code::BrokerTransportFailure,
            Code::PurgeInflight,
            Code::OutOfOrderSequenceNumber,
            Code::DuplicateSequenceNumber,
            Code::Unknown,
            Code::Fatal,
        ] {
            for status in [NotPersisted, PossiblyPersisted, Persisted] {
                assert_eq!(classify(report(Some(code), status), Acks::All).op_type, OpType::Info, "{code:?}");
            }
        }
    }

    #[test]
    fn a_refused_send_never_happened() {
        for code in all_codes() {
            let said = Said { site: Site::Refused, ..report(Some(code), NotPersisted) };
            assert_eq!(classify(said, Acks::All).op_type, OpType::Fail);
        }
    }

    #[test]
    fn success_is_ok_only_with_its_status() {
        assert_eq!(classify(report(None, Persisted), Acks::All).op_type, OpType::Ok);
        assert_eq!(classify(report(None, Persisted), Acks::One).op_type, OpType::Ok);
        assert_eq!(classify(report(None, PossiblyPersisted), Acks::Zero).op_type, OpType::Ok);
        assert_eq!(classify(report(None, PossiblyPersisted), Acks::All).op_type, OpType::Info);
        assert_eq!(classify(report(None, NotPersisted), Acks::One).op_type, OpType::Info);
    }

    #[test]
    fn names_are_the_protocols() {
        assert_eq!(name(Code::NotEnoughReplicas), "NOT_ENOUGH_REPLICAS");
        assert_eq!(name(Code::MessageTimedOut), "_MSG_TIMED_OUT");
    }

    #[test]
    fn debug_lines_tell_of_ambiguous_attempts() {
        assert!(ambiguous_attempt(
            "BROKERUA",
            "t [3]: broker unavailable: produce: Broker: Not leader for partition"
        ));
        assert!(!ambiguous_attempt(
            "BROKERUA",
            "t [3]: broker unavailable: produce: Local: Broker transport failure"
        ));
        assert!(!ambiguous_attempt(
            "BROKERUA",
            "t [3]: broker unavailable: fetch: Broker: Not leader for partition"
        ));
        assert!(!ambiguous_attempt("METADATA", "t [3]: produce: Broker: Not leader for partition"));
    }
}
