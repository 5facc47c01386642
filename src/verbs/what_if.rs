//! Judging a run otherwise than it was meant to be judged: such a verdict is told and not stored, because what stands
//! in the run's directory is the run's own.

use crate::cli::AnalyzeArgs;

/// The options that were given and that make another verdict of a run.
#[derive(Debug, Default)]
pub struct WhatIf {
    given: Vec<&'static str>,
}

impl WhatIf {
    /// What was typed.
    pub fn of(args: &AnalyzeArgs) -> WhatIf {
        let judging = &args.judging;
        let options = [
            ("--model", args.model.is_some()),
            ("--guarantee", judging.guarantee.is_some()),
            ("--allow", !judging.allow.is_empty()),
            ("--forbid", !judging.forbid.is_empty()),
            ("--max-stall", judging.max_stall.is_some()),
            ("--clock-uncertainty", args.clock_uncertainty.is_some()),
            ("--memory", args.memory.is_some()),
            ("--time-limit", args.time_limit.is_some()),
        ];
        WhatIf { given: options.into_iter().filter(|(_, given)| *given).map(|(name, _)| name).collect() }
    }

    /// Whether the verdict is the run's own.
    pub fn is_stored(&self) -> bool {
        self.given.is_empty()
    }

    /// What a reader of the verdict must know.
    pub fn note(&self) -> String {
        format!(
            "not stored: {} made this verdict; without {} the run's own verdict is made again",
            self.given.join(", "),
            if self.given.len() == 1 { "that option" } else { "these options" }
        )
    }
}
