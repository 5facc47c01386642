//! `cargo bench --bench analyze`: what analysis costs beside the floor of only decompressing and parsing the
//! same file with the same number of threads, both as whole processes; and its peak memory a history line.
//!
//! `-- LINES...` chooses sizes in millions of lines (default 1 10); `--threads N` (default: all cores).

use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use store::op::{
    Event, Isolation, LogBounds, Mop, More, OpType, Payload, PersistenceStatus, Process, Record,
};
use store::reader::{ReadError, Source, read};
use store::recorder::Recorder;
use store::time::{Clock, Nanos};

const KEYS: u64 = 6;
const PRODUCERS: u64 = 10;
/// Records in one poll.
const POLLED: u64 = 50;
const ROUNDS: usize = 5;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
    if let [floor, path, threads] = args.as_slice()
        && floor == "floor"
    {
        let mut lines = 0;
        let threads = threads.parse().expect("a number");
        read(Source::open(Path::new(path)).expect("opens"), threads, |batch| {
            lines += batch.lines.len();
            Ok::<(), ReadError>(())
        })
        .expect("reads");
        println!("{lines}");
        return ExitCode::SUCCESS;
    }
    let mut threads = std::thread::available_parallelism().map_or(1, usize::from);
    let mut sizes = Vec::new();
    let mut args = args.into_iter();
    while let Some(arg) = args.next() {
        if arg == "--threads" {
            threads = args.next().and_then(|n| n.parse().ok()).expect("--threads takes a number");
        } else {
            sizes.push(arg.parse::<f64>().expect("a size in millions of lines"));
        }
    }
    if sizes.is_empty() {
        sizes = vec![1.0, 10.0];
    }
    for millions in sizes {
        bench((millions * 1e6) as u64, threads);
    }
    ExitCode::SUCCESS
}

fn bench(lines: u64, threads: usize) {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("history.jsonl.zst");
    let lines = simulate(&path, lines);
    let me = std::env::current_exe().expect("a program");
    let (mut floors, mut analyses, mut ratios, mut memory) = (Vec::new(), Vec::new(), Vec::new(), 0);
    for _ in 0..ROUNDS {
        let mut command = Command::new(&me);
        command.arg("floor").arg(&path).arg(threads.to_string());
        let (floor, _) = timed(&mut command);
        let mut command = Command::new(env!("CARGO_BIN_EXE_tribunal"));
        command.args(["analyze", "--json", "--threads", &threads.to_string()]).arg(&path);
        let (analysis, peak) = timed(&mut command);
        floors.push(floor.as_secs_f64());
        analyses.push(analysis.as_secs_f64());
        ratios.push(floor.as_secs_f64() / analysis.as_secs_f64());
        memory = memory.max(peak);
    }
    println!(
        "analyze {lines} lines, {threads} threads: floor {:.3} s, analyze {:.3} s ({:.0} ns a line), \
         speed {:.2} of the floor (min {:.2}, max {:.2}; at least 0.5 wanted), peak {:.0} bytes a line (at most 80 wanted)",
        median(&mut floors),
        median(&mut analyses),
        median(&mut analyses) * 1e9 / lines as f64,
        median(&mut ratios),
        ratios[0],
        ratios[ROUNDS - 1],
        memory as f64 / lines as f64,
    );
}

/// Runs a command to its end; its wall time and its peak memory in bytes.
#[allow(clippy::zombie_processes, reason = "wait4 reaps it")]
fn timed(command: &mut Command) -> (Duration, u64) {
    let started = Instant::now();
    let child = command.stdout(Stdio::null()).spawn().expect("starts");
    let (status, usage) = wait(child.id());
    let took = started.elapsed();
    assert_eq!(status, 0, "{command:?} failed");
    (took, usage)
}

/// `wait4`, which alone tells what one child used.
fn wait(pid: u32) -> (i32, u64) {
    let mut status = 0;
    // SAFETY: `rusage` is plain data for which zeroes are valid, and both pointers are to live locals.
    let (waited, usage) = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        (libc::wait4(pid as i32, &mut status, 0, &mut usage), usage)
    };
    assert_eq!(waited, pid as i32, "the child is ours");
    (status, usage.ru_maxrss as u64 * 1024)
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// A valid history of about this many lines: sends of ten producers to six partitions, two live consumers, a
/// consume-all pass; as tribunal records it. Returns its lines.
fn simulate(path: &Path, lines: u64) -> u64 {
    let recorder = Recorder::create(path, Clock::start()).expect("a new file");
    let tape = recorder.tape();
    let keys: Vec<String> = (0..KEYS).map(|k| format!("t-{k}")).collect();
    let mut now = 0;
    let mut write = |process: u64, op_type: OpType, f: &str, value: Payload<'_>, more: More<'_>| {
        now += 1000;
        let event = Event::new(Nanos(now), Process(process as u32), op_type, f, value).with(more);
        tape.record(&event).expect("records");
    };
    // A send is two lines, a poll of 50 records two more, live and in the final pass.
    let sends = (lines as f64 / (2.0 + 4.0 / POLLED as f64)) as u64 / (KEYS * POLLED) * (KEYS * POLLED);
    let poll =
        |write: &mut dyn FnMut(u64, OpType, &str, Payload<'_>, More<'_>), key: u64, from: u64, last: bool| {
            let process = PRODUCERS + key % 2 + if last { 2 } else { 0 };
            let more = More {
                client: Some(process as u32),
                incarnation: Some(0),
                isolation: Some(Isolation::ReadUncommitted),
                final_pass: last,
                ..More::default()
            };
            write(process, OpType::Invoke, "poll", Payload::Mops(&[Mop::Poll(None)]), more);
            let records: Vec<Record> = (from..from + POLLED)
                .map(|offset| Record { offset: offset as i64, value: Some(offset * KEYS + key) })
                .collect();
            let polled = [(keys[key as usize].as_str(), records.as_slice())];
            let position = [(keys[key as usize].as_str(), (from + POLLED) as i64)];
            let value = [Mop::Poll(Some(&polled))];
            write(process, OpType::Ok, "poll", Payload::Mops(&value), More { position: &position, ..more });
        };
    for value in 0..sends {
        let (key, offset, process) = (value % KEYS, value / KEYS, value % PRODUCERS);
        let more = More {
            client: Some(process as u32),
            incarnation: Some(0),
            seq: Some(value / PRODUCERS),
            ..More::default()
        };
        let send = |offset| [Mop::Send { key: &keys[key as usize], value, offset }];
        write(process, OpType::Invoke, "send", Payload::Mops(&send(None)), more);
        let more = More { status: Some(PersistenceStatus::Persisted), ..more };
        write(process, OpType::Ok, "send", Payload::Mops(&send(Some(Some(offset as i64)))), more);
        if (offset + 1) % POLLED == 0 {
            poll(&mut write, key, offset + 1 - POLLED, false);
        }
    }
    let per_key = sends / KEYS;
    let bounds: std::collections::BTreeMap<&str, LogBounds> = keys
        .iter()
        .map(|key| (key.as_str(), LogBounds { start: 0, stable: None, end: per_key as i64, epoch: None }))
        .collect();
    let more = More { client: Some(99), final_pass: true, ..More::default() };
    write(99, OpType::Invoke, "offsets", Payload::None, more);
    let bounds = serde_json::to_string(&bounds).expect("JSON");
    write(99, OpType::Ok, "offsets", Payload::Json(&bounds), more);
    for key in 0..KEYS {
        for from in (0..per_key).step_by(POLLED as usize) {
            poll(&mut write, key, from, true);
        }
    }
    recorder.finish().expect("finishes").lines
}
