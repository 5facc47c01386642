//! `tribunal analyze`: open the run, load the history, check, save the verdict, print, exit.

use std::path::{Path, PathBuf};
use std::thread;

use anyhow::{Context as _, Result, bail};
use checker::model::ModelKind;
use checker::{Analysis, Context, Options};
use nemesis::fault::when::{parse_duration, parse_fine_duration};
use store::cluster::ClusterSample;
use store::reader::Source;
use store::run_dir::{RunDir, Runs};
use store::run_meta::{RunMeta, RunStatus};
use store::verdict::{Validity, Verdict};

use super::finding::Judged;
use super::what_if::WhatIf;
use super::{judge, which_run};
use crate::cli::{AnalyzeArgs, JudgingArgs};
use crate::exit::{FAILED, complain, usage};
use crate::{memory, out};

/// What is judged: a run, or a history alone.
enum Subject {
    Run(RunDir),
    File(PathBuf),
    Stdin,
}

/// Judges every history that was named; several at once share the machine.
pub fn analyze(args: &AnalyzeArgs) -> Result<u8> {
    let runs = Runs::at(args.store.store.clone());
    let model = args.model.as_deref().map(str::parse).transpose().map_err(usage)?;
    let subjects =
        args.histories.iter().map(|name| Ok((name, subject(name, &runs)?))).collect::<Result<Vec<_>>>()?;
    if subjects.iter().filter(|(_, s)| matches!(s, Subject::Stdin)).count() > 1 {
        return Err(usage("standard input (-) can be read once only"));
    }
    if args.anomaly.is_some() {
        one_that_can_be_read_again(&subjects)?;
    }
    let mut all = options(&args.judging)?;
    if let Some(limit) = &args.time_limit {
        let read = parse_duration(limit).map_err(|e| usage(format!("--time-limit {limit}: {e}")))?;
        all.time_limit = Some(read);
    }
    if let Some(apart) = &args.clock_uncertainty {
        let read =
            parse_fine_duration(apart).map_err(|e| usage(format!("--clock-uncertainty {apart}: {e}")))?;
        all.clock_uncertainty = Some(read);
    }
    let what_if = WhatIf::of(args);
    // Each history is parallel in itself: with several of them, each gets its share of the threads.
    let at_once = subjects.len().min(all.threads);
    // A search has a budget of its own.
    let left = all.memory.filter(|_| model.is_none()).map(|bytes| bytes / at_once.max(1) as u64);
    let memory = args.memory.map(|mib| mib << 20).or(left);
    let share = Options { threads: all.threads.div_ceil(at_once.max(1)), memory, ..all };
    let mut judged: Vec<Option<Result<Verdict>>> = subjects.iter().map(|_| None).collect();
    let (next, results) = (std::sync::Mutex::new(0), std::sync::Mutex::new(&mut judged));
    thread::scope(|scope| {
        for _ in 0..at_once {
            scope.spawn(|| {
                loop {
                    let i = {
                        let mut next = next.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                        *next += 1;
                        *next - 1
                    };
                    let Some((_, subject)) = subjects.get(i) else { break };
                    let verdict = judge(subject, model, &share, &what_if);
                    results.lock().unwrap_or_else(std::sync::PoisonError::into_inner)[i] = Some(verdict);
                }
            });
        }
    });
    report(args, &runs, &subjects, judged)
}

fn report(
    args: &AnalyzeArgs,
    runs: &Runs,
    subjects: &[(&String, Subject)],
    judged: Vec<Option<Result<Verdict>>>,
) -> Result<u8> {
    let several = subjects.len() > 1;
    let mut verdicts = Vec::new();
    let mut failed = false;
    for ((name, subject), verdict) in subjects.iter().zip(judged) {
        let verdict = verdict.context("a history was not judged; this is a bug in tribunal")?;
        match verdict {
            Ok(verdict) => {
                if let Some(number) = args.anomaly {
                    print_finding(name, subject, &verdict, number, args.full)?;
                } else if !args.json {
                    if several {
                        out::print(&format!("== {name}\n"))?;
                    }
                    if let Subject::Run(run) = subject {
                        out::print(&format!("{}\n", which_run::headline(run, &run.read_meta()?)))?;
                        if let Some(newer) = which_run::newer(runs, name, run) {
                            out::print(&format!("  note: {newer}\n"))?;
                        }
                    }
                    let next = match subject {
                        Subject::Run(run) if WhatIf::of(args).is_stored() => next_steps(run, &verdict),
                        Subject::File(_) if !several => again_with_finding(&verdict).into_iter().collect(),
                        _ => Vec::new(),
                    };
                    print_verdict(&verdict, &next)?;
                }
                verdicts.push(verdict);
            }
            Err(error) if several => {
                complain(&format!("error: {:#}", naming(name, error)));
                failed = true;
            }
            Err(error) => return Err(naming(name, error)),
        }
    }
    if args.json {
        let text = match verdicts.as_slice() {
            [one] if !several => serde_json::to_string_pretty(one)?,
            all => serde_json::to_string_pretty(all)?,
        };
        out::print(&format!("{text}\n"))?;
    }
    if failed {
        return Ok(FAILED);
    }
    Ok(worst(&verdicts))
}

/// `--anomaly` numbers the findings of one history, and looks into it again.
fn one_that_can_be_read_again(subjects: &[(&String, Subject)]) -> Result<()> {
    match subjects {
        [(_, Subject::Stdin)] => {
            Err(usage("--anomaly reads a history twice, and standard input can be read once only"))
        }
        [(name, Subject::File(path))] if !path.is_file() => {
            Err(usage(format!("{name}: --anomaly reads a history twice, and a pipe can be read once only")))
        }
        [_] => Ok(()),
        several => Err(usage(format!(
            "--anomaly N is the number of a finding of one history; {} were named",
            several.len()
        ))),
    }
}

fn print_finding(name: &str, subject: &Subject, verdict: &Verdict, number: usize, full: bool) -> Result<()> {
    let history = match subject {
        Subject::Run(run) => run.history(),
        Subject::File(path) => path.clone(),
        Subject::Stdin => bail!("standard input cannot be read twice; this is a bug in tribunal"),
    };
    Judged { name, history: &history, verdict, again: "the same command with" }.print(number, full)
}

/// The command that shows the first finding of a history alone, judged as it was now.
fn again_with_finding(verdict: &Verdict) -> Option<(String, String)> {
    let command = as_typed("--anomaly 1").filter(|_| !verdict.anomalies.is_empty())?;
    Some((command, "the first finding with its history lines".to_owned()))
}

/// The command as it was typed, and more; `None` where a shell would need quotes.
fn as_typed(more: &str) -> Option<String> {
    let plain = |word: &str| {
        !word.is_empty() && word.chars().all(|c| c.is_ascii_alphanumeric() || "-_./=:,+@%".contains(c))
    };
    let mut command = "tribunal".to_owned();
    for word in std::env::args_os().skip(1) {
        command = format!("{command} {}", word.to_str().filter(|word| plain(word))?);
    }
    Some(format!("{command} {more}"))
}

/// The error with the history's name in it, once.
fn naming(name: &str, error: anyhow::Error) -> anyhow::Error {
    let name = if name == "-" { "standard input" } else { name };
    if format!("{error:#}").contains(name) { error } else { error.context(name.to_owned()) }
}

/// One exit code for all: invalid before unknown before valid.
fn worst(verdicts: &[Verdict]) -> u8 {
    let rank = |code: &u8| match code {
        1 => 2,
        2 => 1,
        _ => 0,
    };
    verdicts.iter().map(Verdict::exit_code).max_by_key(rank).unwrap_or(Validity::Unknown.exit_code())
}

fn subject(name: &str, runs: &Runs) -> Result<Subject> {
    if name == "-" {
        return Ok(Subject::Stdin);
    }
    let path = Path::new(name);
    // A pipe or a device is read as a file is; `latest` and `current` are links to directories.
    if path.exists() && !path.is_dir() {
        return Ok(Subject::File(path.to_owned()));
    }
    Ok(Subject::Run(runs.find(name)?))
}

/// The options of judging.
///
/// # Errors
/// If the guarantee has no such name, or a kind.
pub fn options(judging: &JudgingArgs) -> Result<Options> {
    let mut options = Options {
        examples: judging.examples,
        guarantee: judging.guarantee.clone(),
        memory: memory::budget(),
        ..Options::default()
    };
    if let Some(limit) = &judging.max_stall {
        options.max_stall =
            Some(parse_duration(limit).map_err(|e| usage(format!("--max-stall {limit}: {e}")))?);
    }
    if let Some(threads) = judging.threads {
        options.threads = usize::from(threads);
    }
    for (kinds, allowed) in [(&judging.allow, true), (&judging.forbid, false)] {
        for kind in kinds {
            if options.allow.insert(kind.clone(), allowed) == Some(!allowed) {
                return Err(usage(format!("{kind} cannot be both allowed and forbidden")));
            }
        }
    }
    checker::admit(&Context::default(), &options).map_err(usage)?;
    Ok(options)
}

fn judge(
    subject: &Subject,
    model: Option<ModelKind>,
    options: &Options,
    what_if: &WhatIf,
) -> Result<Verdict> {
    let titled = |title: String| Context { title, ..Context::default() };
    let (source, context) = match subject {
        Subject::Run(run) => {
            if what_if.is_stored() {
                return judge_run(run, options).map(|a| a.verdict);
            }
            let mut verdict = match model {
                None => judged(run, options)?.verdict,
                Some(_) => judge::judge(history(run)?, &titled(run.name()), model, options)?.verdict,
            };
            verdict.notes.push(what_if.note());
            return Ok(verdict);
        }
        Subject::File(path) => {
            let title = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
            (Source::open(path)?, titled(title))
        }
        Subject::Stdin => (Source::stdin(), titled("standard input".into())),
    };
    Ok(judge::judge(source, &context, model, options)?.verdict)
}

/// Judges a history alone, as nobody asked for anything else.
///
/// # Errors
/// If it cannot be read, or judged.
pub fn judge_file(path: &Path) -> Result<Verdict> {
    let options = Options { memory: memory::budget(), ..Options::default() };
    judge(&Subject::File(path.to_owned()), None, &options, &WhatIf::default())
}

/// Judges a run and saves its verdict and series.
///
/// # Errors
/// If the history cannot be read, or the verdict not written.
pub fn judge_run(run: &RunDir, options: &Options) -> Result<Analysis> {
    let analysis = judged(run, options)?;
    run.write_verdict(&analysis.verdict)?;
    run.write_series(&analysis.series)?;
    Ok(analysis)
}

fn history(run: &RunDir) -> Result<Source> {
    if let Some(why) = which_run::without_history(run, &run.read_meta()?) {
        bail!(why);
    }
    Ok(Source::open(&run.history())?)
}

/// Judges a run.
fn judged(run: &RunDir, options: &Options) -> Result<Analysis> {
    let meta = run.read_meta()?;
    let context = context(run, &meta)?;
    let mut analysis = judge::judge(history(run)?, &context, None, options)?;
    match &meta.status {
        RunStatus::Recorded => {}
        RunStatus::Running => {
            analysis.verdict.notes.push("the run has not ended".into());
        }
        RunStatus::Crashed => {
            analysis.verdict.notes.push("the run did not end: tribunal crashed or was killed".into());
        }
        RunStatus::Interrupted => analysis.verdict.notes.push("the run was interrupted".into()),
        RunStatus::Failed { reason } => analysis.verdict.notes.push(format!("the run failed: {reason}")),
    }
    Ok(analysis)
}

/// What is known of a run besides its history.
///
/// # Errors
/// If its samples cannot be read.
pub fn context(run: &RunDir, meta: &RunMeta) -> Result<Context> {
    Ok(Context {
        terms: meta.terms.clone(),
        caveat: meta.target.caveat.clone(),
        nodes: meta.target.nodes.clone(),
        cluster: samples(&run.cluster())?,
        title: format!("{}  {}", meta.test, meta.id),
    })
}

/// What the sampler wrote. A line that was being written when the run died is left out, as is a missing
/// file: samples explain a verdict, they do not make it.
fn samples(path: &Path) -> Result<Vec<ClusterSample>> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(e).with_context(|| format!("cannot read {}", path.display())),
    };
    let lines: Vec<&str> = text.lines().collect();
    let mut samples = Vec::with_capacity(lines.len());
    for (i, line) in lines.iter().enumerate() {
        match serde_json::from_str(line) {
            Ok(sample) => samples.push(sample),
            Err(_) if i + 1 == lines.len() => {}
            Err(e) => return Err(e).with_context(|| format!("{}: line {}", path.display(), i + 1)),
        }
    }
    Ok(samples)
}

/// Prints a verdict for people.
///
/// # Errors
/// If standard output cannot be written.
pub fn print_verdict(verdict: &Verdict, next: &[(String, String)]) -> Result<()> {
    out::print(&results::verdict_text(verdict, &out::style(), next))
}

/// What somebody would want to do after this verdict.
pub fn next_steps(run: &RunDir, verdict: &Verdict) -> Vec<(String, String)> {
    let step = |command: String, why: &str| (command, why.to_owned());
    let mut next = Vec::new();
    if !verdict.anomalies.is_empty() {
        next.push(step(
            format!("tribunal show {} --anomaly 1", run.id()),
            "the first finding with its history lines",
        ));
    }
    if !verdict.guarantee.forbids.is_empty() {
        next.push(step(
            format!("tribunal show {} --guarantee", run.id()),
            "which kinds of anomaly are forbidden, and why",
        ));
    }
    next.push(step(format!("tribunal run {}", run.scenario().display()), "the same run again"));
    next
}
