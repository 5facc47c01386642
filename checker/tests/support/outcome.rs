//! What became of an operation, as a line of its history says it.

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Ok,
    Fail,
    Info,
}

impl Outcome {
    /// The time and the type of an operation's invocation, or of its completion.
    pub fn line(self, completion: bool, invoked: u64, completed: Option<u64>) -> (u64, &'static str) {
        let op_type = match self {
            _ if !completion => return (invoked, "invoke"),
            Outcome::Ok => "ok",
            Outcome::Fail => "fail",
            Outcome::Info => "info",
        };
        (completed.unwrap_or(0), op_type)
    }
}
