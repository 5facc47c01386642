//! Who judges a history: the model that was named, or what its operations ask for.

use anyhow::Result;
use checker::model::ModelKind;
use checker::{Analysis, Context, Judge, Options};
use store::reader::Source;

use super::model;

/// Judges a history: against `model` where one is named, else as a log, as a queue, or against the model that its
/// functions speak of.
///
/// # Errors
/// If it cannot be read; as a usage error, if its functions do not tell how to judge it.
pub fn judge(
    mut source: Source,
    context: &Context,
    model: Option<ModelKind>,
    options: &Options,
) -> Result<Analysis> {
    if model.is_some() {
        return model::judge(source, context, model, options);
    }
    match checker::which(&mut source)? {
        Judge::Log => Ok(checker::analyze(source, context, options)?),
        Judge::Queue => Ok(checker::queue::analyze(source, context, options)?),
        Judge::Model => model::judge(source, context, None, options),
    }
}
