//! What spreadsheets, pandas and R write into cells beside what was meant.

use crate::manifest::raw::unseen;

/// How table programs write an empty cell.
const GAPS: [&str; 15] = [
    "nan", "NaN", "NAN", "-nan", "NA", "N/A", "n/a", "#N/A", "<NA>", "None", "null", "NULL", "NaT",
    "(null)", "\\N",
];

/// How spreadsheets write that a formula failed.
const ERRORS: [&str; 10] = [
    "#REF!", "#NAME?", "#VALUE!", "#DIV/0!", "#NUM!", "#NULL!", "#SPILL!", "#CALC!", "#FIELD!",
    "#ERROR!",
];

/// A table program's word for an empty cell.
pub(super) fn is_gap(text: &str) -> bool {
    GAPS.contains(&text)
}

/// A spreadsheet's word for a formula that failed.
pub(super) fn is_error(text: &str) -> bool {
    ERRORS.contains(&text)
}

/// The text of a cell without what marks it as text: `'4` and `="4"`. `None` where there is no such mark.
pub(super) fn unmarked(text: &str) -> Option<&str> {
    let formula = || text.strip_prefix("=\"")?.strip_suffix('"');
    let inside = text.strip_prefix('\'').or_else(formula)?;
    let inside = inside.trim_matches(unseen);
    (!inside.contains(['\'', '"'])).then_some(inside)
}

/// The elements of a list that a program wrote as text: `['night', 'robot']`, `(640, 360)`.
pub(super) fn list(text: &str) -> Option<Vec<String>> {
    let inside = |open, close| text.strip_prefix(open)?.strip_suffix(close);
    let inside = inside('[', ']').or_else(|| inside('(', ')'))?;
    let element = |part: &str| {
        let part = part.trim();
        let quoted = |q: char| part.strip_prefix(q)?.strip_suffix(q);
        let bare = quoted('\'').or_else(|| quoted('"')).unwrap_or(part);
        (!bare.contains(['\'', '"', '[', ']', '(', ')'])).then(|| bare.to_owned())
    };
    inside.split(',').map(element).collect()
}

/// A date or a time of day, as spreadsheets show what they took for one: `02-Jan`, `Jan-26`, `1/2/2026`,
/// `2026-01-02 00:00:00`.
pub(super) fn is_date(text: &str) -> bool {
    const MONTHS: [&str; 19] = [
        "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec", "mrz",
        "mär", "mai", "okt", "dez", "juni", "juli",
    ];
    if text.len() > 32 {
        return false;
    }
    let lower = text.to_lowercase();
    let parts = lower.split(|c: char| " -/.:,".contains(c));
    let (mut numbers, mut months) = (0, 0);
    for part in parts.filter(|part| !part.is_empty()) {
        if part.len() <= 4 && part.bytes().all(|b| b.is_ascii_digit()) {
            numbers += 1;
        } else if MONTHS.contains(&part) {
            months += 1;
        } else {
            return false;
        }
    }
    match (numbers, months) {
        (1..=6, 1) => true,
        (3, 0) => lower.contains('/'),
        (5..=7, 0) => lower.contains(':'),
        _ => false,
    }
}
