//! The command line: what can be typed. Parsing does nothing; what the words mean is decided by the verbs.

mod numbers;
mod run_args;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Args, CommandFactory, Parser, Subcommand};

pub use self::run_args::RunArgs;

/// What `analyze --help` says of models. Each paragraph is one line: the terminal's width breaks it.
const MODELS_HELP: &str = "\
Models (--model): register, cas-register: read, write (cas: [from, to]); kv: read, write, cas, append, by key; \
set: add, read; queue, fifo: enqueue, dequeue; log: append, read, end; mutex: acquire, release. \
Each with the values that it takes and an example to paste: docs/models.md
With --model, --guarantee, --allow, --forbid, --max-stall, --clock-uncertainty, --memory or --time-limit the \
verdict of a run is printed and not stored.";

/// What `doctor --help` says of its exit code.
const DOCTOR_HELP: &str = "\
Ends with 255 where not even the default run can be made: no mock cluster, or a store that cannot be written. What \
only other runs need (Docker, an image, a way to cut links) may be missing; then it ends with 0.";

/// What was typed. Help and version print themselves and end the program with 0.
///
/// # Errors
/// What clap refuses, as a usage error: clap's own exit code would pass for a verdict.
pub fn parse() -> anyhow::Result<Cli> {
    Cli::try_parse_from(typed(std::env::args_os())).map_err(|mut e| match e.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => e.exit(),
        // Nothing was asked for: the help is the answer, and no error's text.
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            let _ = e.print();
            std::process::exit(i32::from(crate::exit::USAGE));
        }
        kind => {
            if kind == ErrorKind::InvalidSubcommand {
                suggest_verb(&mut e);
            }
            let text = e.render().to_string();
            crate::exit::usage(text.trim_end().trim_start_matches("error: "))
        }
    })
}

/// Names the verb that was meant where clap finds none: letters that changed places make short words look unlike each
/// other to it.
fn suggest_verb(error: &mut clap::Error) {
    let Some(ContextValue::String(typed)) = error.get(ContextKind::InvalidSubcommand) else { return };
    if error.get(ContextKind::SuggestedSubcommand).is_some() {
        return;
    }
    if let Some(verb) = nearest_verb(typed) {
        error.insert(ContextKind::SuggestedSubcommand, ContextValue::Strings(vec![verb]));
    }
}

/// The verb that is at most two slips away from what was typed, and less than half of it.
fn nearest_verb(typed: &str) -> Option<String> {
    let command = shown();
    let verbs = command.get_subcommands().map(clap::Command::get_name);
    let slips = verbs.map(|verb| (strsim::osa_distance(typed, verb), verb));
    let (slips, verb) = slips.min_by_key(|(slips, _)| *slips)?;
    (slips <= 2 && slips * 2 < typed.chars().count()).then(|| verb.to_owned())
}

/// The command line without what nobody types: for completions and suggestions.
pub fn shown() -> clap::Command {
    let whole = Cli::command();
    let verbs: Vec<_> = whole.get_subcommands().filter(|verb| !verb.is_hide_set()).cloned().collect();
    clap::Command::new("tribunal")
        .version(env!("CARGO_PKG_VERSION"))
        .propagate_version(true)
        .about(whole.get_about().cloned().unwrap_or_default())
        .subcommands(verbs)
}

/// What was typed, except that `help --help` means `help`: clap's own help takes no options.
fn typed(args: impl Iterator<Item = OsString>) -> Vec<OsString> {
    let mut args: Vec<OsString> = args.collect();
    if args.get(1).is_some_and(|verb| verb == "help") {
        args.retain(|arg| arg != "--help" && arg != "-h");
    }
    args
}

/// Does your Kafka lose data? Record, break, judge, explain.
#[derive(Debug, Parser)]
#[command(name = "tribunal", version, about, max_term_width = 110, propagate_version = true)]
#[command(after_help = "\
Exit codes: 0 valid (or as the scenario expected), 1 invalid, 2 unknown, 130 interrupted, \
254 wrong arguments, 255 tribunal or its environment failed.
Start with: tribunal run    then: tribunal run mock-duplicates")]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub verb: Verb,
}

/// The verbs.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Run a timed test: load, faults, consume-all pass; then analyze and render it
    #[command(after_help = run_args::faults_help())]
    Run(Box<RunArgs>),
    /// Judge stored runs or histories
    #[command(after_help = MODELS_HELP)]
    Analyze(AnalyzeArgs),
    /// Draw the pictures of an analyzed run
    Render(RenderArgs),
    /// List the runs
    Ls(LsArgs),
    /// Show a run: what it was, what was found, where its files are
    Show(ShowArgs),
    /// List the scenarios that ship with tribunal
    Scenarios,
    /// Say what this host can do, what is missing, and what earlier runs left behind
    #[command(after_help = DOCTOR_HELP)]
    Doctor(DoctorArgs),
    /// Undo what a run that died left in force: faults, containers, packet filter rules
    Heal(HealArgs),
    /// Convert a history: JSON lines, plain or compressed, from and to Jepsen's EDN
    Convert(ConvertArgs),
    /// Print a shell's completions
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Host the mock cluster (started by `run`, speaks on standard input and output)
    #[command(hide = true)]
    MockHost,
}

/// Where runs are kept.
#[derive(Debug, Clone, Args)]
pub struct StoreArg {
    /// Where runs are kept [env: TRIBUNAL_STORE] [default: ./runs]
    #[arg(long, value_name = "DIR")]
    pub store: Option<PathBuf>,
}

/// `tribunal analyze`.
#[derive(Debug, Args)]
pub struct AnalyzeArgs {
    /// Runs (latest, a test's name, the beginning or the end of an id, a directory), histories (.jsonl, .jsonl.zst,
    /// .edn), or - for standard input
    #[arg(value_name = "RUN|FILE|-", default_value = "latest")]
    pub histories: Vec<String>,
    /// Judge against a sequential model, whatever the operations are: register, cas-register, kv, set, queue, fifo, log or mutex
    #[arg(long, value_name = "MODEL")]
    pub model: Option<String>,
    /// Give up after this time (the verdict is unknown then), e.g. 60s [default: 60s for a model, else none]
    #[arg(long, value_name = "DURATION")]
    pub time_limit: Option<String>,
    /// Memory for tables, in MiB; a history that needs more is read again for each group of partitions
    /// [default: half of what is available]
    #[arg(long, value_name = "MIB", value_parser = clap::value_parser!(u64).range(1..=1 << 24))]
    pub memory: Option<u64>,
    /// How far the clocks of a history with several may be apart, e.g. 5ms [default: nobody knows]
    #[arg(long, value_name = "DURATION")]
    pub clock_uncertainty: Option<String>,
    #[command(flatten)]
    pub judging: JudgingArgs,
    /// In place of the report: one finding in full with its history lines, by its number there (1, 2, ...)
    #[arg(long, value_name = "N", conflicts_with = "json")]
    pub anomaly: Option<usize>,
    /// With --anomaly: the history's lines whole, however many records they hold
    #[arg(long, requires = "anomaly")]
    pub full: bool,
    /// Print the verdict as JSON: of one history an object, of several a list of {history, verdict or error}, in order
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub store: StoreArg,
}

/// How a history is judged.
#[derive(Debug, Clone, Args)]
pub struct JudgingArgs {
    /// What was promised: none, at-least-once, default or exactly-once [default: as the run says]
    #[arg(long, value_name = "NAME")]
    pub guarantee: Option<String>,
    /// How long a partition may go without an acknowledgement while sends wait, e.g. 10s [default: as the run says,
    /// else as long as it takes]
    #[arg(long, value_name = "DURATION")]
    pub max_stall: Option<String>,
    /// Count this kind of anomaly without judging by it, whatever the guarantee says (repeatable)
    #[arg(long, value_name = "KIND")]
    pub allow: Vec<String>,
    /// Judge by this kind of anomaly, whatever the guarantee says (repeatable)
    #[arg(long, value_name = "KIND")]
    pub forbid: Vec<String>,
    /// Threads for reading and checking [default: all cores]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub threads: Option<u16>,
    /// Examples kept in full of each kind of anomaly
    #[arg(long, value_name = "K", default_value_t = 8)]
    pub examples: usize,
}

/// `tribunal convert`.
#[derive(Debug, Args)]
pub struct ConvertArgs {
    /// The history, in any notation (told by its content); - for standard input
    #[arg(value_name = "IN")]
    pub input: PathBuf,
    /// Where it goes: a name that ends in .edn, .jsonl or .jsonl.zst; - for standard output
    #[arg(value_name = "OUT")]
    pub output: PathBuf,
    /// The notation, where OUT's name does not tell it
    #[arg(long, value_name = "NOTATION", value_parser = ["edn", "jsonl", "zst"])]
    pub to: Option<String>,
    /// Replace a file that is there already
    #[arg(long)]
    pub force: bool,
}

/// `tribunal render`.
#[derive(Debug, Args)]
pub struct RenderArgs {
    /// The run: latest, a test's name (its newest run), the beginning or the end of an id, or a directory
    #[arg(value_name = "RUN", default_value = "latest")]
    pub run: String,
    /// Draw only this part of the run, e.g. 10s..25s
    #[arg(long, value_name = "FROM..TO")]
    pub window: Option<String>,
    /// Where the pictures go [default: the run's plots/, of a part plots/FROM..TO/]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// The pictures' format
    #[arg(long, value_name = "FORMAT", default_value = "svg", value_parser = ["svg"])]
    pub format: String,
    #[command(flatten)]
    pub store: StoreArg,
}

/// `tribunal ls`.
#[derive(Debug, Args)]
pub struct LsArgs {
    /// Print the list as JSON
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub store: StoreArg,
}

/// `tribunal show`.
#[derive(Debug, Args)]
pub struct ShowArgs {
    /// The run: latest, a test's name (its newest run), the beginning or the end of an id, or a directory; with
    /// --anomaly, --around or --guarantee a history's file too
    #[arg(value_name = "RUN|FILE", default_value = "latest")]
    pub run: String,
    /// One finding in full with its history lines, by its number in the report (1, 2, ...)
    #[arg(long, value_name = "N")]
    pub anomaly: Option<usize>,
    /// With --anomaly: the history's lines whole, however many records they hold
    #[arg(long, requires = "anomaly")]
    pub full: bool,
    /// What was sent, acknowledged and read at an offset of a partition and at its neighbours, e.g. t-3 8812
    #[arg(long, value_names = ["KEY", "OFFSET"], num_args = 2, conflicts_with = "anomaly", allow_hyphen_values = true)]
    pub around: Option<Vec<String>>,
    /// How many neighbours on each side
    #[arg(long, value_name = "N", default_value_t = 5, requires = "around", value_parser = clap::value_parser!(u32).range(0..=1000))]
    pub span: u32,
    /// What was promised, as a table: the kinds that are forbidden and why, and what was found and allowed
    #[arg(long, conflicts_with = "anomaly")]
    pub guarantee: bool,
    #[command(flatten)]
    pub store: StoreArg,
}

/// `tribunal doctor`.
#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// Print the facts as JSON
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub store: StoreArg,
}

/// `tribunal heal`.
#[derive(Debug, Args)]
pub struct HealArgs {
    /// The run: current (the last one that was begun), latest, a test's name (its newest run), the beginning or the end
    /// of an id, or a directory [default: current, and whatever crashed runs have left on this host]
    #[arg(value_name = "RUN")]
    pub run: Option<String>,
    #[command(flatten)]
    pub store: StoreArg,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_finger_is_named() {
        for (typed, verb) in
            [("rnu", Some("run")), ("heel", Some("heal")), ("analyse", Some("analyze")), ("xyz", None)]
        {
            assert_eq!(nearest_verb(typed).as_deref(), verb, "{typed}");
        }
        assert_eq!(nearest_verb("mock-hots"), None, "nobody types that");
    }

    #[test]
    fn the_commands_hold_together() {
        Cli::command().debug_assert();
        shown().debug_assert();
    }
}
