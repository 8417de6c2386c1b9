//! Fields that options name.
//!
//! Responsible for: lists of fields, and fields that only files of this run can tell.
//! Must not know: what is counted by them.
//! Tested by: `tests/cli/words.rs`, `tests/cli/names.rs`.

use anyhow::{Context as _, anyhow};

use fwlog::names::Names;
use fwlog::record::Field;

/// The names of fields from a list option, as they are kept in states.
///
/// # Errors
/// A name is no field.
pub fn names(option: &str, lists: &[String]) -> anyhow::Result<Vec<String>> {
    let names = lists.iter().flat_map(|list| list.split(',')).map(str::trim).filter(|name| !name.is_empty());
    let known = |name: &str| Field::parse(name).map_err(|error| anyhow!(error)).context(option.to_owned());
    names.map(|name| known(name).map(|field| field.name)).collect()
}

/// Fields from a list option.
///
/// # Errors
/// A name is no field, or the files in which the field is found were not named.
pub fn fields(option: &str, lists: &[String], names: Option<&Names>) -> anyhow::Result<Vec<Field>> {
    let mut fields = Vec::new();
    for name in lists.iter().flat_map(|list| list.split(',')).filter(|name| !name.trim().is_empty()) {
        let field = Field::parse(name).map_err(|error| anyhow!(error)).context(option.to_owned())?;
        known(&field, names).context(option.to_owned())?;
        fields.push(field);
    }
    Ok(fields)
}

/// Refuses fields, by their names, that no file of this run can tell.
///
/// # Errors
/// There is such a one.
pub fn known_fields<'n>(
    fields: impl Iterator<Item = &'n String>,
    known: Option<&Names>,
) -> anyhow::Result<()> {
    let names: Vec<String> = fields.cloned().collect();
    self::fields("--state", &names, known).map(|_| ())
}

/// Refuses a field that no file of this run can tell.
pub(super) fn known(field: &Field, names: Option<&Names>) -> anyhow::Result<()> {
    let Some(option) = field.key.source() else { return Ok(()) };
    let is_name = option == "--names";
    let there = names.filter(|names| if is_name { names.has_names() } else { !names.places.is_empty() });
    let or = if is_name { ", or asked of the resolver: --resolve" } else { "" };
    let names = there.with_context(|| format!("`{}` is found in a file: {option} FILE{or}", field.name))?;
    if is_name {
        names.want();
    }
    Ok(())
}
