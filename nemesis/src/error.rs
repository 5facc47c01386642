//! What can go wrong with a cluster or a fault. Messages say what, where, why and what to do next.

/// An error of the nemesis.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NemesisError {
    /// Docker's API did not answer, or refused.
    #[error("Docker does not answer ({reason}); start it, or see `tribunal doctor`")]
    Docker {
        /// What Docker or the connection said.
        reason: String,
    },
    /// Docker answers, but refuses.
    #[error("cannot {what}: Docker says: {reason}")]
    DockerRefused {
        /// What was asked of it: `start container kafka-1`.
        what: String,
        /// What it said.
        reason: String,
    },
    /// An image is not on this host and cannot be fetched.
    #[error(
        "image {image:?} is not here and cannot be pulled ({reason}): build one with nemesis/images/build.sh, or name \
         another with --image"
    )]
    Image {
        /// The image's name.
        image: String,
        /// Why it cannot be fetched.
        reason: String,
    },
    /// A cluster did not become ready.
    #[error(
        "the cluster is not ready ({reason}; at most {within_s} s were given); the end of {node}'s log:{log}"
    )]
    NotReady {
        /// The bound.
        within_s: u64,
        /// What was still missing.
        reason: Box<crate::containers::readiness::NotReady>,
        /// The node that the reason speaks of.
        node: String,
        /// The last lines of its log, each after a line break.
        log: String,
    },
    /// No broker of somebody else's containers can be used by clients on this host.
    #[error(
        "no listener can be used from this host ({}): let each broker advertise a published port, or name the address \
         with --bootstrap; one for TLS or SASL needs its settings by --client-set",
        reasons.join("; ")
    )]
    NoListener {
        /// Each address that was tried, and why it is of no use.
        reasons: Vec<String>,
    },
    /// Packet filter rules could not be read or changed.
    #[error("packet filter of container {container}: {reason}")]
    PacketFilter {
        /// The container.
        container: String,
        /// What the packet filter or the way to it said.
        reason: String,
    },
    /// The target is gone: what clients saw from then on tells nothing.
    #[error("{what} died ({how})")]
    TargetDied {
        /// Which part of the target.
        what: String,
        /// How it ended.
        how: String,
    },
    /// The run asks for what this target or host cannot do.
    #[error("the run cannot start:\n  - {}", reasons.join("\n  - "))]
    Refused {
        /// Every reason, in words for people.
        reasons: Vec<String>,
    },
    /// Anything else, already in words for people.
    #[error("{0}")]
    Other(String),
    /// A file.
    #[error("cannot {what} {path}: {source}", path = path.display())]
    Io {
        /// The verb: `write`, `create`.
        what: &'static str,
        /// The file.
        path: std::path::PathBuf,
        /// Why.
        source: std::io::Error,
    },
}
