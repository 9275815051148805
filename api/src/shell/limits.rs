//! How much one document may ask for.

use std::collections::HashMap;

use async_graphql::parser::types::{DocumentOperations, ExecutableDocument, OperationType, Selection, SelectionSet};
use async_graphql::{ObjectType, Request, SchemaBuilder, SubscriptionType, Value as ConstValue};

/// Deep enough for the introspection queries of common tools.
const MAX_DEPTH: usize = 16;
/// Fields in one document, fragments spread out.
const MAX_COMPLEXITY: usize = 2_000;
const MAX_DIRECTIVES: usize = 16;
const MAX_RECURSION: usize = 32;
const MAX_TOKENS: usize = 4_000;
const MAX_ALIASES: usize = 30;
const MAX_ROOT_FIELDS: usize = 30;

pub(crate) fn limited<Q, M, S>(builder: SchemaBuilder<Q, M, S>) -> SchemaBuilder<Q, M, S>
where
    Q: ObjectType + 'static,
    M: ObjectType + 'static,
    S: SubscriptionType + 'static,
{
    builder.limit_depth(MAX_DEPTH).limit_complexity(MAX_COMPLEXITY).limit_directives(MAX_DIRECTIVES).limit_recursive_depth(MAX_RECURSION)
}

/// Checks what the schema's own limits do not: tokens before parsing, aliases and root fields
/// after. A document that does not parse is left to the schema to tell.
///
/// # Errors
/// A sentence naming the limit.
pub(super) fn check_document(request: &mut Request, socket: bool) -> Result<(), String> {
    let tokens = count_tokens(&request.query);
    if tokens > MAX_TOKENS {
        return Err(format!("The document has {tokens} tokens; {MAX_TOKENS} are allowed. Split it up."));
    }
    // No database text can hold it, and nobody means it.
    if request.query.contains(['\0']) || request.query.contains("\\u0000") || request.variables.values().any(has_nul) {
        return Err("The request contains the character U+0000. Remove it.".into());
    }
    let name = request.operation_name.clone();
    let Ok(document) = request.parsed_query() else { return Ok(()) };
    // Before anything walks it: each fragment may spread others many times.
    match Spread::of(document) {
        Some(fields) if fields <= MAX_COMPLEXITY => {}
        Some(_) => return Err(format!("With its fragments spread out the document has more than {MAX_COMPLEXITY} fields. Split it up.")),
        None => return Err("A fragment contains itself. Remove the circle.".into()),
    }
    let aliases = count_aliases(document);
    if aliases > MAX_ALIASES {
        return Err(format!("The document has {aliases} aliases; {MAX_ALIASES} are allowed. Split it up."));
    }
    for (operation_name, operation) in document.operations.iter() {
        let chosen = name.as_deref().is_none_or(|name| operation_name.is_some_and(|known| known.as_str() == name));
        let operation = &operation.node;
        if operation.selection_set.node.items.len() > MAX_ROOT_FIELDS {
            return Err(format!("An operation has more than {MAX_ROOT_FIELDS} root fields. Split it up."));
        }
        if chosen && !socket && operation.ty == OperationType::Subscription {
            return Err("Subscriptions run over a WebSocket on this path, with the subprotocol graphql-transport-ws.".into());
        }
    }
    Ok(())
}

fn has_nul(value: &ConstValue) -> bool {
    match value {
        ConstValue::String(text) => text.contains('\0'),
        ConstValue::List(items) => items.iter().any(has_nul),
        ConstValue::Object(fields) => fields.iter().any(|(name, value)| name.contains('\0') || has_nul(value)),
        ConstValue::Null | ConstValue::Number(_) | ConstValue::Boolean(_) | ConstValue::Binary(_) | ConstValue::Enum(_) => false,
    }
}

/// Counts the fields of documents with their fragments spread out, each fragment once.
struct Spread<'a> {
    document: &'a ExecutableDocument,
    /// `None` while a fragment is being counted.
    known: HashMap<&'a str, Option<usize>>,
}

impl<'a> Spread<'a> {
    /// The fields of all operations; `None` where a fragment contains itself.
    fn of(document: &'a ExecutableDocument) -> Option<usize> {
        let mut spread = Self { document, known: HashMap::new() };
        let operations = document.operations.iter().map(|(_, operation)| operation);
        operations
            .into_iter()
            .try_fold(0, |sum: usize, operation| Some(sum.saturating_add(spread.fields(&operation.node.selection_set.node)?)))
    }

    fn fields(&mut self, set: &'a SelectionSet) -> Option<usize> {
        set.items.iter().try_fold(0, |sum: usize, item| {
            let more = match &item.node {
                Selection::Field(field) => self.fields(&field.node.selection_set.node)?.saturating_add(1),
                Selection::InlineFragment(fragment) => self.fields(&fragment.node.selection_set.node)?,
                Selection::FragmentSpread(spread) => self.fragment(spread.node.fragment_name.node.as_str())?,
            };
            Some(sum.saturating_add(more))
        })
    }

    fn fragment(&mut self, name: &'a str) -> Option<usize> {
        if let Some(known) = self.known.get(name) {
            return *known;
        }
        // One that is not there is left to the schema to tell.
        let Some(fragment) = self.document.fragments.get(name) else { return Some(0) };
        self.known.insert(name, None);
        // A spread costs a visit even where there is nothing in it.
        let fields = self.fields(&fragment.node.selection_set.node)?.max(1);
        self.known.insert(name, Some(fields));
        Some(fields)
    }
}

fn count_aliases(document: &ExecutableDocument) -> usize {
    let operations: usize = match &document.operations {
        DocumentOperations::Single(operation) => aliases_in(&operation.node.selection_set.node),
        DocumentOperations::Multiple(operations) => {
            operations.values().map(|operation| aliases_in(&operation.node.selection_set.node)).sum()
        }
    };
    operations + document.fragments.values().map(|fragment| aliases_in(&fragment.node.selection_set.node)).sum::<usize>()
}

/// The parser has bounded the nesting.
fn aliases_in(set: &SelectionSet) -> usize {
    set.items
        .iter()
        .map(|item| match &item.node {
            Selection::Field(field) => usize::from(field.node.alias.is_some()) + aliases_in(&field.node.selection_set.node),
            Selection::InlineFragment(fragment) => aliases_in(&fragment.node.selection_set.node),
            Selection::FragmentSpread(_) => 0,
        })
        .sum()
}

/// Roughly the lexical tokens: words, and punctuators one by one.
fn count_tokens(text: &str) -> usize {
    let mut count = 0;
    let mut in_word = false;
    for byte in text.bytes() {
        let is_word = byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80;
        if (is_word && !in_word) || (!is_word && !byte.is_ascii_whitespace() && byte != b',') {
            count += 1;
        }
        in_word = is_word;
    }
    count
}

#[cfg(test)]
mod tests {
    use async_graphql::Variables;

    use super::*;

    fn check(query: &str) -> Result<(), String> {
        check_document(&mut Request::new(query), false)
    }

    #[test]
    fn each_limit_is_named() {
        assert_eq!(check("{ a { b } }"), Ok(()));
        assert_eq!(check("{ not graphql"), Ok(()));
        let many = |n: usize, field: &dyn Fn(usize) -> String| format!("{{ {} }}", (0..n).map(field).collect::<Vec<_>>().join(" "));
        assert!(check(&many(31, &|i| format!("a{i}: a"))).unwrap_err().contains("31 aliases"));
        assert!(check(&many(31, &|_| "a".into())).unwrap_err().contains("30 root fields"));
        assert!(check(&many(4_001, &|_| "a".into())).unwrap_err().contains("tokens"));
        assert!(check(r#"{ a(b: "\u0000") }"#).unwrap_err().contains("U+0000"));
        let variables = Variables::from_json(serde_json::json!({ "a": [{ "b": "x\0" }] }));
        assert!(check_document(&mut Request::new("{ a }").variables(variables), false).unwrap_err().contains("U+0000"));
        // Each fragment spreads the next one twice: 2^30 fields in a small document.
        let doubling = |n: usize| format!("fragment F{n} on Query {{ ...F{m} ...F{m} }}", m = n + 1);
        let bomb = (0..30).map(doubling).collect::<String>() + "fragment F30 on Query { a } { ...F0 }";
        assert!(check(&bomb).unwrap_err().contains("2000 fields"));
        assert!(check("{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }").unwrap_err().contains("itself"));
        assert_eq!(check("{ ...A ...A } fragment A on Query { a }"), Ok(()));
        assert!(check("subscription { a }").unwrap_err().contains("WebSocket"));
    }
}
