//! Unknown keys: the fault, with the key that was likely meant.

use super::{Fault, Origin};
use crate::pipeline::keys;

/// Least likeness of a suggestion, from 0 to 1.
const ALIKE: f64 = 0.6;
/// How much a likeness of the last parts only counts: `steps` is meant as `fit.steps`.
const LAST_PART: f64 = 0.95;

fn last(name: &str) -> &str {
    name.rsplit('.').next().unwrap_or(name)
}

fn alike(typed: &str, known: &str) -> f64 {
    let like = strsim::normalized_damerau_levenshtein;
    let whole = like(typed, known);
    let part = like(last(typed), last(known)) * LAST_PART;
    // Tables must agree by themselves where both have one, or `fit.seed` is as near to `motion.sed` as to `fit.sed`.
    if typed.contains('.') && known.contains('.') {
        whole.max(0.5 * (whole + part))
    } else {
        whole.max(part)
    }
}

/// The known key, or the known table, that is most like this one.
pub(super) fn nearest(typed: &str, table: bool) -> Option<String> {
    let typed = typed.to_lowercase().replace('-', "_");
    let mut names: Vec<String> = keys::all().map(|(name, _)| name).collect();
    if table {
        names = names
            .iter()
            .filter_map(|n| n.rsplit_once('.').map(|(t, _)| t.to_owned()))
            .collect();
        names.dedup();
    }
    names
        .into_iter()
        .map(|name| (alike(&typed, &name), name))
        .filter(|(score, _)| *score >= ALIKE)
        // The first of equals, in the order in which keys are shown.
        .reduce(|best, next| if next.0 > best.0 { next } else { best })
        .map(|(_, name)| name)
}

/// The name of a key's environment variable.
pub(super) fn variable(key: &str) -> String {
    format!(
        "DIRECTOR_{}",
        key.replace('.', "__").replace('-', "_").to_uppercase()
    )
}

/// The fault of a key, or a table, that nobody knows.
pub(super) fn unknown(typed: &str, origin: &Origin, table: bool) -> Fault {
    let meant = nearest(typed, table).map(|key| match origin {
        Origin::Environment(_) => variable(&key),
        _ => key,
    });
    let mend = match meant {
        Some(key) if table => format!("did you mean [{key}]?"),
        Some(key) => format!("did you mean {key}?"),
        None => "`director config` lists all keys".to_owned(),
    };
    let (what, name) = match origin {
        Origin::Environment(name) => ("no setting has this variable", name.as_str()),
        _ if table => ("unknown table", typed),
        _ => ("unknown key", typed),
    };
    match origin {
        Origin::Environment(_) => Fault::at(origin, format!("{what}; {mend}")),
        _ => Fault::at(origin, format!("{what} {name}; {mend}")),
    }
}
