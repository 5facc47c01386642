//! Scenarios: what a run shall be, from a file, from those that ship, and from the command line over both.

mod faults;
mod overrides;
mod shipped;
mod target;

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context;
use serde::{Deserialize, Serialize};
use store::settings::{REDACTED, Settings, redact};
use workloads::QueueConfig;

pub use self::faults::{faults_by_target, random_by_target};
pub use self::overrides::parse_seed;
pub use self::shipped::{PLAIN, SHIPPED};
pub use self::target::Target;
use crate::cli::RunArgs;
use crate::exit::usage;

/// What a run shall be. Every field has a default; a file names what differs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Scenario {
    /// The test's name: runs are kept below it.
    pub test: String,
    /// What it shows, for `tribunal scenarios`.
    pub about: String,
    /// See [`Target`].
    pub target: String,
    /// Bootstrap servers of attached containers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bootstrap: Option<String>,
    /// Image of the brokers that tribunal creates.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// Image of the side container that cuts links.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tools_image: Option<String>,
    /// Brokers that tribunal creates.
    pub brokers: u16,
    /// Seeds every random choice; drawn where it is not given. Hexadecimal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seed: Option<String>,
    /// `none`, `at-least-once`, `default` or `exactly-once`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub guarantee: Option<String>,
    /// How long a partition may go without an acknowledgement while sends wait, e.g. `10s`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_stall: Option<String>,
    /// Faults as `--fault` takes them; `None`: the target's own default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub faults: Option<Vec<String>>,
    /// Random faults beside them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub random: Option<RandomFaults>,
    /// What will be found: kind of anomaly (or `validity`) to `>0`, `=0`, `valid` ...
    pub expect: BTreeMap<String, String>,
    /// Settings of the brokers that tribunal creates.
    pub broker_set: BTreeMap<String, String>,
    /// What the clients do.
    pub workload: QueueConfig,
    /// What is to be said of it before it runs.
    #[serde(skip)]
    pub remark: Option<String>,
}

/// Random faults.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RandomFaults {
    /// Their kinds.
    pub kinds: Vec<String>,
    /// Mean time from one to the next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<String>,
}

impl Default for Scenario {
    fn default() -> Self {
        Scenario {
            test: "queue".into(),
            about: String::new(),
            target: "mock".into(),
            bootstrap: None,
            image: None,
            tools_image: None,
            brokers: 3,
            seed: None,
            guarantee: None,
            max_stall: None,
            faults: None,
            random: None,
            expect: BTreeMap::new(),
            broker_set: BTreeMap::new(),
            workload: QueueConfig::default(),
            remark: None,
        }
    }
}

impl Scenario {
    /// The scenario that was named, or the plain one, with the command line's options over it.
    ///
    /// # Errors
    /// A name that nothing has, a file that cannot be read, an option that makes no sense: all usage errors.
    pub fn resolve(args: &RunArgs) -> anyhow::Result<Scenario> {
        let named =
            args.scenario.as_deref().filter(|name| !PLAIN.contains(name) || Path::new(name).is_file());
        let base = named.map_or_else(|| Ok(Scenario::default()), Scenario::named)?;
        let mut scenario = overrides::apply(base, args)?;
        scenario.refuse_redacted(named.unwrap_or_default())?;
        let target = scenario.target()?;
        if scenario.faults.is_none() {
            let random = scenario.random.is_some();
            let (brokers, replicas) = (u32::from(scenario.brokers), scenario.workload.replication_factor);
            let faults = || target.default_faults(brokers, replicas);
            scenario.faults = Some(if random { Vec::new() } else { faults() });
        }
        if named.is_none() && scenario.workload.sends.is_none() && scenario.workload.time_limit.is_none() {
            scenario.workload.time_limit = Some(target.default_time_limit());
        }
        Ok(scenario)
    }

    fn named(name: &str) -> anyhow::Result<Scenario> {
        if let Some(shipped) = SHIPPED.iter().find(|s| s.name == name) {
            return Ok(shipped.parse());
        }
        let path = Path::new(name);
        if !path.exists() {
            return Err(usage(format!(
                "there is no scenario \"{name}\": neither a file nor one of {}",
                PLAIN[..1]
                    .iter()
                    .copied()
                    .chain(SHIPPED.iter().map(|s| s.name))
                    .collect::<Vec<_>>()
                    .join(", ")
            )));
        }
        let text =
            std::fs::read_to_string(path).with_context(|| format!("cannot read {name}")).map_err(usage)?;
        let mut scenario: Scenario = toml::from_str(&text)
            .map_err(|e| usage(format!("{name}{}: {}", place(&text, e.span()), e.message())))?;
        // A file that does not name its test is named by its own name; a run's copy names it.
        if let (Some(stem), false) =
            (path.file_stem(), text.lines().any(|l| l.trim_start().starts_with("test")))
        {
            scenario.test = stem.to_string_lossy().into_owned();
        }
        scenario.check_name()?;
        Ok(scenario)
    }

    /// The test's name becomes a directory, beside the links that name runs.
    fn check_name(&self) -> anyhow::Result<()> {
        const LONGEST: usize = 100;
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        let why = if self.test.is_empty() || self.test.starts_with('.') || !self.test.chars().all(plain) {
            "cannot name a directory: use letters, digits, - and _".to_owned()
        } else if self.test.len() > LONGEST {
            format!("is too long to name a directory: use at most {LONGEST} characters")
        } else if ["latest", "current"].contains(&self.test.as_str()) {
            "is what a run of any test is called (the last one): use another name".to_owned()
        } else {
            return Ok(());
        };
        Err(usage(format!("test = \"{}\" {why}", self.test)))
    }

    /// A run's own copy of its scenario holds no secrets: they must be given again.
    fn refuse_redacted(&self, file: &str) -> anyhow::Result<()> {
        let missing = |settings: &Settings, option: &str| {
            let gone = settings.iter().filter(|(_, value)| *value == REDACTED);
            gone.map(|(key, _)| format!("{key} was redacted in {file}: give it with {option} {key}=..."))
                .collect::<Vec<_>>()
        };
        let mut missing_here = missing(&self.workload.client_set, "--client-set");
        missing_here.extend(missing(&self.broker_set, "--broker-set"));
        if missing_here.is_empty() { Ok(()) } else { Err(usage(missing_here.join("\n  "))) }
    }

    /// Its target.
    ///
    /// # Errors
    /// If it is none.
    pub fn target(&self) -> anyhow::Result<Target> {
        self.target.parse().map_err(usage)
    }

    /// As it is stored beside its run: secrets redacted.
    pub fn redacted(&self) -> Scenario {
        let mut copy = self.clone();
        copy.workload.client_set = redact(&copy.workload.client_set);
        copy.broker_set = redact(&copy.broker_set);
        copy
    }

    /// Settings that reach every client and the admin side alike: how to get in.
    pub fn security(&self) -> Settings {
        nemesis::security::select(&self.workload.client_set)
    }
}

/// `:4:12`, the line and column of a mistake. The line itself is not shown: it may hold a secret.
fn place(text: &str, span: Option<std::ops::Range<usize>>) -> String {
    let Some(before) = span.and_then(|span| text.get(..span.start)) else { return String::new() };
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().map_or(0, |rest| rest.chars().count()) + 1;
    format!(":{line}:{column}")
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::cli::{Cli, Verb};

    fn resolved(args: &[&str]) -> anyhow::Result<Scenario> {
        let cli = Cli::parse_from([&["tribunal", "run"], args].concat());
        let Verb::Run(args) = cli.verb else { panic!("it is a run") };
        Scenario::resolve(&args)
    }

    #[test]
    fn every_shipped_scenario_parses_and_has_its_words() {
        for shipped in SHIPPED {
            let scenario = shipped.parse();
            assert_eq!(scenario.test, shipped.name);
            assert!(scenario.about.len() > 20, "{} says what it shows", shipped.name);
            for fault in scenario.faults.iter().flatten() {
                fault
                    .parse::<nemesis::fault::FaultSpec>()
                    .unwrap_or_else(|e| panic!("{}: {e}", shipped.name));
            }
        }
    }

    #[test]
    fn the_command_line_wins_over_the_scenario() {
        let scenario =
            resolved(&["mock-duplicates", "--producers", "3", "--time-limit", "5s"]).expect("resolves");
        assert_eq!(scenario.workload.producers, 3);
        assert_eq!(scenario.workload.time_limit.map(|d| d.as_secs()), Some(5));
        assert_eq!(scenario.test, "mock-duplicates");
    }

    #[test]
    fn a_stored_scenario_is_the_same_scenario() {
        let scenario =
            resolved(&["--seed", "7f", "--fault", "broker-down@5s+2s", "--acks", "1"]).expect("resolves");
        let text = toml::to_string(&scenario).expect("it is written");
        let again: Scenario = toml::from_str(&text).expect("and read again");
        assert_eq!(again, scenario);
    }

    #[test]
    fn mistakes_are_usage_errors_that_name_what_is_wrong() {
        for (args, word) in [
            (&["no-such-scenario"][..], "mock-duplicates"),
            (&["--target", "podman"], "podman"),
            (&["--time-limit", "soon"], "soon"),
            (&["--acks", "2"], "0, 1, all"),
            (&["--client-set", "novalue"], "novalue"),
            (&["--seed", "xyz"], "xyz"),
        ] {
            let error = resolved(args).expect_err("it is refused");
            assert!(error.downcast_ref::<crate::exit::Usage>().is_some(), "{args:?}: {error:#}");
            assert!(format!("{error:#}").contains(word), "{args:?}: {error:#}");
        }
    }

    #[test]
    fn what_is_exercised_otherwise_need_not_meet_the_expectation() {
        for args in [
            &["--fault", "broker-down@2s+1s"][..],
            &["--nemesis", "broker-down"],
            &["--no-faults"],
            &["--retries", "3"],
            &["--max-in-flight", "1"],
            &["--transactional", "--idempotence", "auto"],
            &["--client-set", "linger.ms=3"],
            &["--acks", "1"],
            &["--idempotence", "true"],
            &["--socket-timeout", "4s"],
            &["--rate", "50"],
            &["--time-limit", "6s"],
            &["--brokers", "4"],
            &["--target", "docker"],
        ] {
            let scenario = resolved(&[&["mock-duplicates"], args].concat()).expect("resolves");
            assert!(scenario.expect.is_empty(), "{args:?}");
            let remark = scenario.remark.expect("it is said");
            assert!(remark.contains(args[0]) && remark.contains("duplicate >0, lost-write =0"), "{remark}");
        }
        for args in [
            &["--seed", "7f"][..],
            &["--store", "elsewhere"],
            &["--keep"],
            &["--json"],
            &["--image", "local/kafka:4.3.0"],
            &["--guarantee", "none"],
            // As the scenario says anyway.
            &["--acks", "all", "--socket-timeout", "1s", "--rate", "600"],
        ] {
            let scenario = resolved(&[&["mock-duplicates"], args].concat()).expect("resolves");
            assert_eq!((scenario.expect.len(), scenario.remark), (2, None), "{args:?}");
        }
        let whole = |scenario: Scenario| scenario.expect.into_keys().collect::<Vec<_>>();
        let shipped = resolved(&["acks1-isolated-leader", "--image", "local/kafka:4.3.0"]).expect("resolves");
        assert_eq!(whole(shipped), ["lost-write", "validity"], "nothing of it was asked for otherwise");
        let shipped = resolved(&["acks-all-isolated-leader"]).expect("resolves");
        assert_eq!(whole(shipped), ["validity"]);
        let judged = resolved(&["acks1-isolated-leader", "--guarantee", "none"]).expect("resolves");
        assert_eq!(judged.expect.keys().collect::<Vec<_>>(), ["lost-write"], "found whatever is promised");
        assert!(judged.remark.expect("said").contains("validity invalid"), "the validity is another matter");
        assert_eq!(resolved(&["--rate", "50"]).expect("resolves").remark, None, "nothing was expected");
    }

    #[test]
    fn names_that_poison_a_store_and_redacted_secrets_are_refused() {
        let dir = tempfile::tempdir().expect("a directory");
        let refused = |text: &str, more: &[&str]| {
            let path = dir.path().join("file.toml");
            std::fs::write(&path, text).expect("writes");
            let result = resolved(&[&[path.to_str().expect("UTF-8")], more].concat());
            result.map(drop).map_err(|e| format!("{e:#}"))
        };
        let error =
            refused("[workload.client_set]\n\"sasl.password\" = hunter2\n", &[]).expect_err("no TOML");
        assert!(error.contains("file.toml:2:") && !error.contains("hunter2"), "{error}");
        for (test, word) in
            [("latest", "another name"), ("current", "another name"), (&"x".repeat(101), "100")]
        {
            let error = refused(&format!("test = \"{test}\"\n"), &[]).expect_err(test);
            assert!(error.contains(test) && error.contains(word), "{error}");
        }
        let stored = "[workload.client_set]\n\"sasl.password\" = \"[redacted]\"\n";
        let error = refused(stored, &[]).expect_err("the secret is not there");
        assert!(
            error.contains("sasl.password was redacted in")
                && error.contains("file.toml: give it with --client-set sasl.password="),
            "{error}"
        );
        assert_eq!(refused(stored, &["--client-set", "sasl.password=hunter2"]), Ok(()));
    }

    #[test]
    fn secrets_do_not_reach_the_disk() {
        let scenario = resolved(&["--client-set", "sasl.password=hunter2"]).expect("resolves");
        assert_eq!(scenario.security()["sasl.password"], "hunter2");
        assert!(!toml::to_string(&scenario.redacted()).expect("it is written").contains("hunter2"));
    }
}
