//! A run as what is judged: its history, and what is known besides.

use anyhow::{Result, bail};
use checker::model::ModelKind;
use checker::{Analysis, Context, Options};
use store::reader::Source;
use store::run_dir::RunDir;
use store::run_meta::{RunMeta, RunStatus};
use store::verdict::Verdict;

use super::{judge, samples, which_run};

/// Judges a run.
///
/// # Errors
/// If it has no history, or one that cannot be read.
pub fn judge_run(run: &RunDir, meta: &RunMeta, options: &Options) -> Result<Analysis> {
    let (context, unread) = context(run, meta);
    let mut analysis = judge::judge(history(run, meta)?, &context, None, options)?;
    let verdict = &mut analysis.verdict;
    verdict.notes.extend(unread);
    match &meta.status {
        RunStatus::Recorded => {}
        RunStatus::Running => goes_on(verdict),
        RunStatus::Crashed => {
            verdict.notes.push("the run did not end: tribunal crashed or was killed".into());
        }
        RunStatus::Interrupted => verdict.notes.push("the run was interrupted".into()),
        RunStatus::Failed { reason } => verdict.notes.push(format!("the run failed: {reason}")),
    }
    Ok(analysis)
}

/// Judges a run's history against a model.
///
/// # Errors
/// As [`judge_run`].
pub fn judge_by_model(run: &RunDir, meta: &RunMeta, model: ModelKind, options: &Options) -> Result<Analysis> {
    let context = Context { title: run.name(), ..Context::default() };
    judge::judge(history(run, meta)?, &context, Some(model), options)
}

/// A history to which its recorder still adds has no end yet: nothing was lost of it.
fn goes_on(verdict: &mut Verdict) {
    verdict
        .notes
        .retain(|note| !note.contains("the recorder was cut off") && !note.contains("is incomplete"));
    verdict.notes.push("the run has not ended: what it recorded up to now was judged".into());
}

fn history(run: &RunDir, meta: &RunMeta) -> Result<Source> {
    if let Some(why) = which_run::without_history(run, meta) {
        bail!(why);
    }
    Ok(Source::open(&run.history())?)
}

/// What is known of a run besides its history, and what a reader must know of what could not be read of that.
pub fn context(run: &RunDir, meta: &RunMeta) -> (Context, Option<String>) {
    let samples = samples::read(&run.cluster());
    let context = Context {
        terms: meta.terms.clone(),
        caveat: meta.target.caveat.clone(),
        nodes: meta.target.nodes.clone(),
        cluster: samples.read,
        title: format!("{}  {}", meta.test, meta.id),
    };
    (context, samples.note)
}
