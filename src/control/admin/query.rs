//! Query parameters of the admin API: each is known, occurs once, and has a value within
//! its bounds. Anything else is refused with 400.

use crate::http::Problem;
use std::ops::RangeInclusive;

/// Longest query, in bytes: a search may have 12 for each of its characters.
const MAX_QUERY: usize = 4096;

/// Splits a query into its parameters, names and values decoded.
pub(super) fn parameters(query: Option<&str>) -> Result<Vec<(String, String)>, Problem> {
    let query = query.unwrap_or_default();
    if query.len() > MAX_QUERY {
        let detail = format!("the query has more than {MAX_QUERY} bytes");
        return Err(Problem::bad_request(detail));
    }
    let mut parameters: Vec<(String, String)> = Vec::new();
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        if parameters.iter().any(|(known, _)| *known == name) {
            let detail = format!("the parameter {} is given twice", quoted(&name));
            return Err(Problem::bad_request(detail));
        }
        parameters.push((name.into_owned(), value.into_owned()));
    }
    Ok(parameters)
}

/// Returns the refusal of an unknown parameter; `known` lists those that exist.
pub(super) fn unknown(name: &str, known: &str) -> Problem {
    Problem::bad_request(format!(
        "unknown parameter {}; known are: {known}",
        quoted(name)
    ))
}

/// Parses a number within its bounds.
pub(super) fn number(
    name: &str,
    value: &str,
    bounds: RangeInclusive<usize>,
) -> Result<usize, Problem> {
    let number = value.parse().ok().filter(|number| bounds.contains(number));
    number.ok_or_else(|| {
        let (least, most) = bounds.into_inner();
        Problem::bad_request(format!("{name} is a number from {least} to {most}"))
    })
}

/// Parses one of some words.
pub(super) fn choice<T: Copy>(
    name: &str,
    value: &str,
    choices: &[(&str, T)],
) -> Result<T, Problem> {
    let found = choices.iter().find(|(word, _)| *word == value);
    found.map(|(_, choice)| *choice).ok_or_else(|| {
        let words: Vec<&str> = choices.iter().map(|(word, _)| *word).collect();
        Problem::bad_request(format!("{name} is one of {}", words.join(", ")))
    })
}

/// Name as it was sent, escaped and shortened.
fn quoted(name: &str) -> String {
    let short: String = name.chars().take(32).collect();
    format!("{short:?}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_decoded_and_stand_once() {
        let parsed = parameters(Some("search=a%20b+c%2F&x=")).unwrap();
        let expected = [("search", "a b c/"), ("x", "")];
        assert_eq!(parsed, expected.map(|(n, v)| (n.to_owned(), v.to_owned())));
        assert!(parameters(None).unwrap().is_empty());
        assert!(parameters(Some("a=1&a=2")).is_err());
        assert!(parameters(Some(&"x".repeat(MAX_QUERY + 1))).is_err());
    }

    #[test]
    fn values_are_held_to_their_bounds() {
        assert_eq!(number("limit", "7", 1..=7).ok(), Some(7));
        for value in ["0", "8", "-1", "", "1e3", "99999999999999999999"] {
            let refused = number("limit", value, 1..=7).unwrap_err();
            assert_eq!(refused.detail, "limit is a number from 1 to 7");
        }
        let choices = [("up", 1), ("down", 2)];
        assert_eq!(choice("sort", "down", &choices).ok(), Some(2));
        let refused = choice("sort", "left", &choices).unwrap_err();
        assert_eq!(refused.detail, "sort is one of up, down");
    }
}
