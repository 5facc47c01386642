//! tribunal: does your Kafka lose data? Record, break, judge, explain.
//!
//! The front door. In the order that a call meets them:
//!
//! - [`cli`]: what can be typed; [`scenario`]: what it means, together with a file
//! - [`verbs`]: one story each; the longest of them, [`run`], in a folder of its own
//! - around them: [`exit`] (codes and errors), [`signals`] (Ctrl-C), [`out`] (standard output),
//!   [`memory`] (the allocator)

// A program exports nothing: `pub` here says what a module offers to the others.
#![allow(unreachable_pub)]

mod cli;
mod exit;
mod memory;
mod out;
mod run;
mod scenario;
mod signals;
mod verbs;

fn main() -> std::process::ExitCode {
    memory::give_back_large_buffers();
    exit::guard(|| verbs::dispatch(cli::parse()?))
}
