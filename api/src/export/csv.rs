//! CSV by RFC 4180, made harmless for spreadsheets.
//!
//! A program for spreadsheets takes a cell that begins with `=`, `+`, `-`, `@`, a tab or a line end for a formula,
//! and visitors choose what stands in many of them. Such a text gets an apostrophe in front, which these programs
//! hide. Numbers are no texts and stay as they are.

use serde_json::Value;

/// One row, with its end.
pub(super) fn row<'a>(cells: impl Iterator<Item = &'a Value>) -> String {
    let cells: Vec<String> = cells.map(cell).collect();
    cells.join(",") + "\r\n"
}

fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => quoted(&harmless(text)),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::Array(_) | Value::Object(_) => quoted(&value.to_string()),
    }
}

fn harmless(text: &str) -> String {
    let is_formula = text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']);
    if is_formula { format!("'{text}") } else { text.to_owned() }
}

fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\r', '\n']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn cells_are_quoted_and_no_formula() {
        let all = json!([null, 1, -2.5, true, "a", "a,\"b\"", "=1+1", "+1", "-1", "@a", "\ta", "a=b", ["x"], { "k": "v" }]);
        let wanted = "a,\"a,\"\"b\"\"\",'=1+1,'+1,'-1,'@a,'\ta,a=b,\"[\"\"x\"\"]\",\"{\"\"k\"\":\"\"v\"\"}\"\r\n";
        assert_eq!(row(all.as_array().unwrap().iter()), format!(",1,-2.5,true,{wanted}"));
    }
}
