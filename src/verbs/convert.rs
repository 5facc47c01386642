//! `tribunal convert`: a history from one notation to another.

use std::io::ErrorKind;
use std::thread;

use anyhow::Result;
use store::convert::{ConvertError, Notation, Request, convert_file};

use crate::cli::ConvertArgs;
use crate::exit::{complain, usage};

/// Converts a history. Standard output is the history's where OUT is `-`: words go to standard error.
pub fn convert(args: &ConvertArgs) -> Result<u8> {
    let request = Request {
        input: args.input.clone(),
        output: args.output.clone(),
        to: args.to.as_deref().and_then(Notation::of_name),
        force: args.force,
        threads: thread::available_parallelism().map_or(1, usize::from),
    };
    let converted = match convert_file(&request) {
        // The reader of standard output has left, as `head` does: it has what it wanted.
        Err(ConvertError::Write { cause, .. }) if cause.kind() == ErrorKind::BrokenPipe => {
            return Ok(0);
        }
        Err(
            e @ (ConvertError::Exists { .. } | ConvertError::NoFile { .. } | ConvertError::Unknown { .. }),
        ) => return Err(usage(e)),
        converted => converted?,
    };
    for warning in &converted.warnings {
        complain(&format!("warning: {warning}"));
    }
    if args.output.as_os_str() != "-" {
        complain(&format!("{} lines written to {}", converted.lines, args.output.display()));
    }
    Ok(0)
}
