//! Whole processes, measured from outside: wall time and peak memory.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use store::reader::{ReadError, Source, read};

/// Only decompresses and parses; the lines it met.
pub(crate) fn read_only(path: &Path, threads: usize) -> usize {
    let mut lines = 0;
    read(Source::open(path).expect("opens"), threads, |batch| {
        lines += batch.lines.len();
        Ok::<(), ReadError>(())
    })
    .expect("reads");
    lines
}

/// A history's text in a file of its own, and its bytes.
pub(crate) fn decompressed(path: &Path) -> (PathBuf, u64) {
    let plain = path.with_file_name("plain.jsonl");
    let (from, to) = (std::fs::File::open(path), std::fs::File::create(&plain));
    zstd::stream::copy_decode(from.expect("opens"), to.expect("creates")).expect("decompresses");
    let bytes = std::fs::metadata(&plain).expect("is there").len();
    (plain, bytes)
}

/// This program, doing only [`read_only`].
pub(crate) fn floor(path: &Path, threads: usize) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("a program"));
    command.arg("floor").arg(path).arg(threads.to_string());
    command
}

/// Only writes to each page of so much fresh memory, on one thread; the pages.
pub(crate) fn touch_only(bytes: usize) -> usize {
    const PAGE: usize = 4096;
    let mut memory: Vec<u8> = Vec::with_capacity(bytes);
    let mut pages = 0;
    for byte in memory.spare_capacity_mut().iter_mut().step_by(PAGE) {
        std::hint::black_box(byte).write(1);
        pages += 1;
    }
    pages
}

/// This program, doing only [`touch_only`].
pub(crate) fn touch(bytes: u64) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("a program"));
    command.arg("touch").arg(bytes.to_string());
    command
}

/// tribunal, analyzing a file.
pub(crate) fn analysis(path: &Path, threads: usize) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tribunal"));
    command.args(["analyze", "--json", "--threads", &threads.to_string()]).arg(path);
    command
}

/// What a process took.
pub(crate) struct Took {
    /// Wall time, seconds.
    pub(crate) wall: f64,
    /// CPU time of all its threads, seconds: on a busy machine the steadier figure.
    pub(crate) cpu: f64,
    /// Peak memory, bytes.
    pub(crate) peak: u64,
}

/// Runs a command to its end, which must be with one of these codes.
#[allow(clippy::zombie_processes, reason = "wait4 reaps it")]
pub(crate) fn measured(command: &mut Command, codes: &[i32]) -> Took {
    let started = Instant::now();
    let child = command.stdout(Stdio::null()).spawn().expect("starts");
    let (status, usage) = wait(child.id());
    let wall = started.elapsed().as_secs_f64();
    let code = libc::WIFEXITED(status).then(|| libc::WEXITSTATUS(status));
    assert!(code.is_some_and(|code| codes.contains(&code)), "{command:?} ended with {code:?}");
    let seconds = |time: libc::timeval| time.tv_sec as f64 + time.tv_usec as f64 / 1e6;
    let cpu = seconds(usage.ru_utime) + seconds(usage.ru_stime);
    Took { wall, cpu, peak: usage.ru_maxrss as u64 * 1024 }
}

/// `wait4`, which alone tells what one child used.
fn wait(pid: u32) -> (i32, libc::rusage) {
    let mut status = 0;
    // SAFETY: `rusage` is plain data for which zeroes are valid, and both pointers are to live locals.
    let (waited, usage) = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        (libc::wait4(pid as i32, &mut status, 0, &mut usage), usage)
    };
    assert_eq!(waited, pid as i32, "the child is ours");
    (status, usage)
}

/// The median.
pub(crate) fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
