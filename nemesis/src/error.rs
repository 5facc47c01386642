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
