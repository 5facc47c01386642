//! `cargo bench --bench analyze`: what analysis costs beside the floor of only decompressing and parsing the
//! same file with the same number of threads, both as whole processes; and its peak memory a history line.
//!
//! The column "touch" is what this machine takes to give a process that does nothing else as much memory as the
//! analysis has beyond the floor: virtual machines are slow at it, and it is in the analysis' time.
//!
//! `-- MILLIONS...` chooses sizes in millions of lines (default 1 10, and 100 where `TRIBUNAL_BENCH_100M` is
//! set); `--threads N` (default: all cores); `--only WORD` the shapes whose name contains it; `--keep DIR` a
//! place where the histories stay for the next time.

mod process;
mod simulate;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use process::{analysis, decompressed, floor, measured, median, read_only, touch, touch_only};
use simulate::{Shape, simulate};

/// At least this share of the floor's speed.
const RATIO: f64 = 0.6;
/// At most this many bytes of peak memory a line: 8 GiB for 100 M lines. Judged from [`WEIGHED`] lines on, because
/// what a process has in any case weighs a lot beside fewer.
const BYTES: f64 = 85.0;
const WEIGHED: f64 = 10e6;
/// After this time a virtual machine may have given freed memory back to its host.
const COLD: Duration = Duration::from_secs(5);
/// At most this many times the cost of a clean history.
const ANOMALIES: f64 = 1.5;
/// At most so many ns for parsing a line on one core.
const PARSING: f64 = 300.0;
/// At least this much quicker on two threads, by one long partition.
const SPEEDUP: f64 = 1.5;

/// What is measured: a name, a shape, and the threads where they are not all of them.
const ROWS: [(&str, Shape, Option<usize>); 8] = [
    ("8 partitions, 10 processes", Shape::PLAIN, None),
    ("8 partitions, 1 % anomalies", Shape { anomalies: true, ..Shape::PLAIN }, None),
    ("8 partitions, retired processes", Shape { retiring: true, ..Shape::PLAIN }, None),
    ("64 partitions, 100 processes", Shape { keys: 64, processes: 100, ..Shape::PLAIN }, None),
    ("64 partitions, 1,000 processes", Shape { keys: 64, processes: 1000, ..Shape::PLAIN }, None),
    ("1,024 partitions, 1,000 processes", Shape { keys: 1024, processes: 1000, ..Shape::PLAIN }, None),
    ("1 partition", Shape { keys: 1, ..Shape::PLAIN }, None),
    ("1 partition, 1 thread", Shape { keys: 1, ..Shape::PLAIN }, Some(1)),
];

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
    if let [word, path, threads] = args.as_slice()
        && word == "floor"
    {
        println!("{}", read_only(Path::new(path), threads.parse().expect("a number")));
        return ExitCode::SUCCESS;
    }
    if let [word, bytes] = args.as_slice()
        && word == "touch"
    {
        println!("{}", touch_only(bytes.parse().expect("a number")));
        return ExitCode::SUCCESS;
    }
    let mut threads = std::thread::available_parallelism().map_or(1, usize::from);
    let (mut sizes, mut only, mut keep) = (Vec::new(), String::new(), None);
    let mut args = args.into_iter();
    while let Some(arg) = args.next() {
        let mut next = || args.next().expect("an option takes a value");
        match arg.as_str() {
            "--threads" => threads = next().parse().expect("--threads takes a number"),
            "--only" => only = next(),
            "--keep" => keep = Some(PathBuf::from(next())),
            size => sizes.push(size.parse::<f64>().expect("a size in millions of lines")),
        }
    }
    if sizes.is_empty() {
        sizes = vec![1.0, 10.0];
        if std::env::var_os("TRIBUNAL_BENCH_100M").is_some() {
            sizes.push(100.0);
        }
    }
    for millions in sizes {
        bench(millions, threads, &only, keep.as_deref());
    }
    ExitCode::SUCCESS
}

/// What one row came to.
struct Measured {
    name: &'static str,
    /// Seconds.
    analysis: f64,
}

fn bench(millions: f64, threads: usize, only: &str, keep: Option<&Path>) {
    println!(
        "\n{millions} M lines {:20} {:>9} {:>9} {:>8} {:>8} {:>16} {:>8} {:>8} {:>8}",
        "", "floor", "analyze", "ns/line", "of floor", "(min-max)", "by CPU", "touch", "bytes/l"
    );
    let scratch = tempfile::tempdir().expect("a directory");
    let dir = keep.unwrap_or(scratch.path());
    let rounds = if millions >= 50.0 { 3 } else { 5 };
    let mut all: Vec<Measured> = Vec::new();
    for (name, shape, own_threads) in ROWS.iter().filter(|(name, ..)| name.contains(only)) {
        // A folder each: the recorder writes an index beside its history.
        let folder = dir.join(format!("{millions}m-{}", shape.label()));
        let path = folder.join("history.jsonl.zst");
        let threads = own_threads.unwrap_or(threads);
        if !path.exists() {
            std::fs::create_dir_all(&folder).expect("a directory");
            simulate(&path, (millions * 1e6) as u64, shape);
        }
        let lines = read_only(&path, threads) as f64;
        if millions <= 1.0 && *name == ROWS[0].0 {
            let (plain, bytes) = decompressed(&path);
            let times = (0..5).map(|_| measured(&mut floor(&plain, 1), &[0]).cpu);
            let ns = times.fold(f64::INFINITY, f64::min) * 1e9 / lines;
            std::fs::remove_file(plain).expect("it was there");
            println!(
                "  parsing alone: {ns:.0} ns a line of {:.0} bytes on one core   {}",
                bytes as f64 / lines,
                met(ns <= PARSING, "")
            );
        }
        let (mut floors, mut analyses, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
        let (mut by_cpu, mut touched, mut peak) = (Vec::new(), Vec::new(), 0);
        for _ in 0..rounds {
            let floor = measured(&mut floor(&path, threads), &[0]);
            let codes: &[i32] = if shape.anomalies { &[1] } else { &[0] };
            let analysis = measured(&mut analysis(&path, threads), codes);
            let beyond = analysis.peak.saturating_sub(floor.peak);
            floors.push(floor.wall);
            analyses.push(analysis.wall);
            ratios.push(floor.wall / analysis.wall);
            by_cpu.push(floor.cpu / analysis.cpu);
            peak = peak.max(analysis.peak);
            // After a while without: memory that was freed a moment ago is given at once.
            std::thread::sleep(COLD);
            touched.push(measured(&mut touch(beyond), &[0]).wall);
        }
        if keep.is_none() {
            std::fs::remove_dir_all(&folder).expect("it was there");
        }
        let (floor, analysis, ratio) = (median(&mut floors), median(&mut analyses), median(&mut ratios));
        let bytes = peak as f64 / lines;
        println!(
            "  {name:34} {floor:>7.3} s {analysis:>7.3} s {:>8.0} {ratio:>8.2} {:>16} {:>8.2} {:>6.2} s {bytes:>8.0}   {} {}",
            analysis * 1e9 / lines,
            format!("({:.2}-{:.2})", ratios[0], ratios[rounds - 1]),
            median(&mut by_cpu),
            median(&mut touched),
            met(ratio >= RATIO, "speed"),
            if lines >= WEIGHED { met(bytes <= BYTES, "memory") } else { String::new() },
        );
        all.push(Measured { name, analysis });
    }
    let of = |wanted: &str| all.iter().find(|row| row.name == wanted).map(|row| row.analysis);
    if let (Some(clean), Some(anomalies)) = (of(ROWS[0].0), of(ROWS[1].0)) {
        let times = anomalies / clean;
        println!("  1 % anomalies cost {times:.2} of a clean history   {}", met(times <= ANOMALIES, ""));
    }
    if let (Some(clean), Some(retired)) = (of(ROWS[0].0), of(ROWS[2].0)) {
        println!("  retired processes cost {:.2} of a history without", retired / clean);
    }
    if let (Some(all), Some(one)) = (of(ROWS[6].0), of(ROWS[7].0)) {
        let speedup = one / all;
        println!(
            "  one partition is {speedup:.2} times as quick on {threads} threads   {}",
            met(speedup >= SPEEDUP, "")
        );
    }
}

fn met(is_met: bool, what: &str) -> String {
    let what = if what.is_empty() { String::new() } else { format!("{what} ") };
    format!("{what}{}", if is_met { "MET" } else { "missed" })
}
