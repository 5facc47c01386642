//! The mock target with its real child process: this program runs itself again as the child.
//!
//! `cargo test -p nemesis --test mock [PART OF A NAME]`

mod child;
mod faults;
mod runner;
mod support;

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, ExitCode};
use std::time::Instant;

type Test = (&'static str, fn(&tokio::runtime::Runtime));

const TESTS: &[Test] = &[
    ("child_serves_topics", child::serves_topics),
    ("child_is_asked_through_the_library_where_it_must", child::is_asked_through_the_library),
    ("child_crash_is_reported", child::crash_is_reported),
    ("child_ends_with_a_killed_parent", child::ends_with_a_killed_parent),
    ("child_is_not_in_our_process_group", child::is_not_in_our_process_group),
    ("child_that_is_no_mock_is_refused", child::that_is_no_mock_is_refused),
    ("faults_bite_and_heal", faults::bite_and_heal),
    ("faults_that_overlap_are_kept_apart", faults::that_overlap_are_kept_apart),
    ("faults_cost_no_acknowledged_record", faults::cost_no_acknowledged_record),
    ("faults_that_answer_late_make_duplicates", faults::that_answer_late_make_duplicates),
    ("faults_that_fail_for_a_moment_reorder", faults::that_fail_for_a_moment_reorder),
    ("faults_that_the_mock_cannot_do_are_refused_at_once", faults::are_refused_at_once),
    ("runner_records_samples_and_heals", runner::records_samples_and_heals),
    ("runner_heals_when_stopped", runner::heals_when_stopped),
    ("runner_survives_the_death_of_its_target", runner::survives_the_death_of_its_target),
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.first().map(String::as_str) {
        Some("mock-host") => {
            return match nemesis::cluster::mock::serve_child() {
                Ok(()) => ExitCode::SUCCESS,
                Err(e) => {
                    eprintln!("{e}");
                    ExitCode::FAILURE
                }
            };
        }
        Some("parent") => {
            runtime().block_on(child::be_a_parent());
            return ExitCode::SUCCESS;
        }
        _ => {}
    }
    let filters: Vec<&String> = arguments.iter().filter(|a| !a.starts_with('-')).collect();
    if arguments.iter().any(|a| a == "--list") {
        for (name, _) in TESTS {
            println!("{name}: test");
        }
        return ExitCode::SUCCESS;
    }
    // libtest's flag for ignored tests: none here is.
    if arguments.iter().any(|a| a == "--ignored") {
        return ExitCode::SUCCESS;
    }
    let mut ran = 0;
    for (name, test) in TESTS {
        if !filters.is_empty() && !filters.iter().any(|f| name.contains(f.as_str())) {
            continue;
        }
        let began = Instant::now();
        print!("test {name} ... ");
        let _ = std::io::stdout().flush();
        // A panic unwinds out of main and fails the whole program, with its message.
        let runtime = runtime();
        test(&runtime);
        drop(runtime);
        println!("ok ({:.1} s)", began.elapsed().as_secs_f64());
        ran += 1;
    }
    println!("test result: ok. {ran} passed");
    ExitCode::SUCCESS
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime")
}

/// The program that is a mock child when it is called with `mock-host`: this one.
fn program() -> PathBuf {
    std::env::current_exe().expect("the path of this test")
}

/// This program as a parent of its own.
fn parent() -> Command {
    let mut command = Command::new(program());
    command.arg("parent");
    command
}
