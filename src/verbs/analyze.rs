//! `tribunal analyze`: open the run, load the history, check, save the verdict, print, exit.

use std::path::{Path, PathBuf};
use std::thread;

use anyhow::{Context as _, Result, bail};
use checker::model::ModelKind;
use checker::{Context, Options};
use nemesis::fault::when::{parse_duration, parse_fine_duration};
use serde::Serialize;
use store::reader::Source;
use store::run_dir::{RunDir, Runs};
use store::run_meta::RunStatus;
use store::verdict::{Validity, Verdict};

use super::finding::Judged;
use super::next::{again_with_finding, next_steps, print_verdict};
use super::run_judged::{judge_by_model, judge_run};
use super::unsaved::Unsaved;
use super::what_if::WhatIf;
use super::{judge, which_run};
use crate::cli::{AnalyzeArgs, JudgingArgs};
use crate::exit::{FAILED, complain, in_words, usage};
use crate::{memory, out};

/// What is judged: a run, or a history alone.
enum Subject {
    Run(RunDir),
    File(PathBuf),
    Stdin,
}

/// What came of it.
struct Told {
    verdict: Verdict,
    /// Of a run: which it was.
    headline: Option<String>,
    /// Of a run whose own verdict it is: what could not be saved.
    unsaved: Option<Unsaved>,
}

/// One of several as JSON, in the order in which they were named.
#[derive(Serialize)]
struct Listed<'a> {
    history: &'a str,
    #[serde(flatten)]
    came_to: CameTo,
}

#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
enum CameTo {
    Verdict(Box<Verdict>),
    Error(String),
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
    let mut judged: Vec<Option<Result<Told>>> = subjects.iter().map(|_| None).collect();
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
                    let told = judge(subject, model, &share, &what_if);
                    results.lock().unwrap_or_else(std::sync::PoisonError::into_inner)[i] = Some(told);
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
    judged: Vec<Option<Result<Told>>>,
) -> Result<u8> {
    let several = subjects.len() > 1;
    let (mut codes, mut unsaved, mut listed) = (Vec::new(), Vec::new(), Vec::new());
    let mut failed = false;
    for ((name, subject), told) in subjects.iter().zip(judged) {
        let came_to = match told.context("a history was not judged; this is a bug in tribunal")? {
            Ok(told) => {
                if let Some(number) = args.anomaly {
                    print_finding(name, subject, &told.verdict, number, args.full)?;
                } else if !args.json {
                    if several {
                        out::print(&format!("== {name}\n"))?;
                    }
                    print_told(&told, runs, name, subject, &next(args, subject, &told.verdict, several))?;
                }
                codes.push(told.verdict.exit_code());
                unsaved.extend(told.unsaved);
                CameTo::Verdict(Box::new(told.verdict))
            }
            Err(error) if several => {
                let error = in_words(&naming(name, error));
                complain(&format!("error: {error}"));
                failed = true;
                CameTo::Error(error)
            }
            Err(error) => return Err(naming(name, error)),
        };
        listed.push(Listed { history: name, came_to });
    }
    if args.json {
        let text = match listed.as_slice() {
            [Listed { came_to: CameTo::Verdict(one), .. }] => serde_json::to_string_pretty(one)?,
            all => serde_json::to_string_pretty(all)?,
        };
        out::print(&format!("{text}\n"))?;
    }
    unsaved.iter().for_each(Unsaved::say_to_reader);
    if failed {
        return Ok(FAILED);
    }
    Ok(unsaved.iter().fold(worst(&codes), |code, unsaved| unsaved.code_of_reader(code)))
}

/// A verdict for people, with the run that it is on.
fn print_told(
    told: &Told,
    runs: &Runs,
    name: &str,
    subject: &Subject,
    next: &[(String, String)],
) -> Result<()> {
    if let Some(headline) = &told.headline {
        out::print(&format!("{headline}\n"))?;
    }
    if let Subject::Run(run) = subject
        && let Some(newer) = which_run::newer(runs, name, run)
    {
        out::print(&format!("  note: {newer}\n"))?;
    }
    print_verdict(&told.verdict, next)
}

fn next(args: &AnalyzeArgs, subject: &Subject, verdict: &Verdict, several: bool) -> Vec<(String, String)> {
    match subject {
        Subject::Run(run) if WhatIf::of(args).is_stored() => next_steps(run, verdict),
        Subject::File(_) if !several => again_with_finding(verdict).into_iter().collect(),
        _ => Vec::new(),
    }
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

/// The error with the history's name in it, once.
fn naming(name: &str, error: anyhow::Error) -> anyhow::Error {
    let name = if name == "-" { "standard input" } else { name };
    if in_words(&error).contains(name) { error } else { error.context(name.to_owned()) }
}

/// One exit code for all: invalid before unknown before valid.
fn worst(codes: &[u8]) -> u8 {
    let rank = |code: &&u8| match code {
        1 => 2,
        2 => 1,
        _ => 0,
    };
    codes.iter().max_by_key(rank).copied().unwrap_or(Validity::Unknown.exit_code())
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

/// Judges it, and saves what belongs to a run at once: the verdict of one must not wait for the others.
fn judge(subject: &Subject, model: Option<ModelKind>, options: &Options, what_if: &WhatIf) -> Result<Told> {
    let titled = |title: String| Context { title, ..Context::default() };
    let (source, context) = match subject {
        Subject::Run(run) => return of_a_run(run, model, options, what_if),
        Subject::File(path) => {
            let title = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
            (Source::open(path)?, titled(title))
        }
        Subject::Stdin => (Source::stdin(), titled("standard input".into())),
    };
    let verdict = judge::judge(source, &context, model, options)?.verdict;
    Ok(Told { verdict, headline: None, unsaved: None })
}

fn of_a_run(run: &RunDir, model: Option<ModelKind>, options: &Options, what_if: &WhatIf) -> Result<Told> {
    let meta = run.read_meta()?;
    let mut analysis = match model {
        None => judge_run(run, &meta, options)?,
        Some(model) => judge_by_model(run, &meta, model, options)?,
    };
    let unsaved = if what_if.is_stored() {
        let mut unsaved = Unsaved::of(run.clone());
        if meta.status == RunStatus::Crashed {
            // It kept room for its own last words, which it never came to say.
            run.release();
        }
        unsaved.save(&analysis);
        Some(unsaved)
    } else {
        analysis.verdict.notes.push(what_if.note());
        None
    };
    Ok(Told { verdict: analysis.verdict, headline: Some(which_run::headline(run, &meta)), unsaved })
}

/// Judges a history alone, as nobody asked for anything else.
///
/// # Errors
/// If it cannot be read, or judged.
pub fn judge_file(path: &Path) -> Result<Verdict> {
    let options = Options { memory: memory::budget(), ..Options::default() };
    judge(&Subject::File(path.to_owned()), None, &options, &WhatIf::default()).map(|told| told.verdict)
}
