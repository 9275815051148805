//! What async-graphql's messages on documents and arguments say, since it gives them as text only:
//! which field is meant, and a sentence for the person at the form. The tests hold the wording.

use serde_json::{Value, json};

use crate::schema::error::ErrorCode;

const ARGUMENT: &str = "Invalid value for argument \"";
const SCALAR: &str = "Failed to parse \"";
const VARIABLE: &str = "Variable ";
/// The name that mutations give their argument; issues name what is inside.
const INPUT: &str = "input";

/// Whether a resolver's failure is one of an argument that could not be read.
pub(super) fn is_argument(message: &str) -> bool {
    [ARGUMENT, SCALAR, VARIABLE, "Expected input type"].iter().any(|beginning| message.starts_with(beginning))
}

/// Message and extensions of a VALIDATION error.
pub(super) fn validation(message: &str) -> (String, Value) {
    let code = ErrorCode::Validation.as_str();
    let Some((path, issue, advice)) = argument(message).or_else(|| scalar(message)).or_else(|| variable(message)) else {
        return (message.to_owned(), json!({ "code": code }));
    };
    let extensions = json!({ "code": code, "field": path, "issues": [{ "path": path, "code": issue, "message": advice }] });
    (advice, extensions)
}

type Told = (String, &'static str, String);

fn argument(message: &str) -> Option<Told> {
    let (argument, rest) = message.strip_prefix(ARGUMENT)?.split_once('"')?;
    let field = |rest: &str| rest.split_once("field \"").and_then(|(_, rest)| rest.split_once('"')).map(|(field, _)| field.to_owned());
    if rest.contains("is required but not provided") {
        let path = join(argument, field(rest).as_deref());
        return Some((path.clone(), "REQUIRED", format!("{path} is missing. Give it a value.")));
    }
    if rest.contains("unknown field") {
        let path = join(argument, field(rest).as_deref());
        return Some((path.clone(), "NOT_ALLOWED", format!("{path} is no field here. Leave it out, or look it up in the schema.")));
    }
    let path = join(argument, None);
    let shown = if path.is_empty() { argument } else { &path };
    let rest = rest.trim_start_matches([',', ' ']);
    Some((path.clone(), "INVALID", format!("{shown} does not fit: {rest}.")))
}

/// A value that its own type could not read; which one is not said.
fn scalar(message: &str) -> Option<Told> {
    let (kind, rest) = message.strip_prefix(SCALAR)?.split_once("\": ")?;
    let reason = rest.split(" (occurred while parsing").next().unwrap_or(rest).trim_end_matches('.');
    Some((String::new(), "INVALID", format!("A value of type {kind} cannot be read: {reason}.")))
}

fn variable(message: &str) -> Option<Told> {
    let name = message.strip_prefix(VARIABLE)?.split_once(" is not defined")?.0;
    Some((name.to_owned(), "REQUIRED", format!("The variable ${name} has no value. Send it in variables.")))
}

fn join(argument: &str, field: Option<&str>) -> String {
    let inside = argument.strip_prefix(INPUT).map_or(argument, |rest| rest.trim_start_matches('.'));
    match field {
        Some(field) if inside.is_empty() => field.to_owned(),
        Some(field) => format!("{inside}.{field}"),
        None => inside.to_owned(),
    }
}
